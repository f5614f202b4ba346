"""Tokens, join codes and the teacher's one-time link, from one secret key beside the database.

A token is ``base64url(payload).base64url(HMAC-SHA256)``: nothing about it is stored, and a server that was killed knows
its clients again. A join code is derived from the key and the session: 40 bits, so that with 60 tries a minute a guess
hits one of ten open classes after 3,400 years on the mean. A link's key has 192 bits; its hash is a file's name, and
whoever removes that file has spent the link, once, also across restarts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from classmood.errors import ClassmoodError, InputError, OutputError

Scope = Literal["ticket", "student", "teacher", "participant", "researcher", "stimulus"]
Mode = Literal["camera", "press", ""]
TICKET_S: Final = 3600
STUDENT_S: Final = 12 * 3600
TEACHER_S: Final = 12 * 3600
LINK_S: Final = 24 * 3600
CODE_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LETTERS: Final = 8
_KEY_BYTES: Final = 32
_LONGEST_TOKEN: Final = 512
_LOOK_ALIKES: Final = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})


class TokenRefused(ClassmoodError):
    """A token is not one of ours, is for something else, or is over."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says.

    Attributes:
        scope: what it is good for.
        session: of which class or study; "" for a teacher or a researcher, who has all.
        who: a random id; for a student and a participant of a study theirs.
        mode: how a student takes part; "" for others.
        expires: when it is over, Unix time in seconds.
    """

    scope: Scope
    session: str
    who: str
    mode: Mode
    expires: int


class Keyring:
    """The secret key and what is made with it."""

    def __init__(self, key: bytes) -> None:
        if len(key) < _KEY_BYTES:
            raise InputError(f"expected a key of {_KEY_BYTES} bytes, got {len(key)}; remove its file for a new one")
        # One key a purpose, so that a code can never be half a token's signature.
        self._tokens = hmac.digest(key, b"token", "sha256")
        self._codes = hmac.digest(key, b"join code", "sha256")

    @classmethod
    def open(cls, path: Path) -> Keyring:
        """Read the key, or make it where there is none; only the owner may read the file.

        Raises:
            InputError: the file is not a key, or others may read it.
            OutputError: it cannot be read or made.
        """
        try:
            if not path.exists():
                _make_key(path)
            if os.name == "posix" and path.stat().st_mode & 0o077:
                raise InputError(f"{path}: others may read the key; chmod 600 it, or remove it for a new one")
            return cls(path.read_bytes())
        except OSError as error:
            raise OutputError(f"{path}: the key cannot be read or made ({error.strerror})") from error

    def token(self, scope: Scope, *, expires: float, session: str = "", who: str = "", mode: Mode = "") -> str:
        """Sign a token."""
        claims = [scope, session, who, mode, int(expires)]
        payload = json.dumps(claims, separators=(",", ":")).encode()
        return f"{_encode(payload)}.{_encode(hmac.digest(self._tokens, payload, 'sha256'))}"

    def read(self, token: str, scope: Scope, now: float) -> Claims:
        """What a token says, if it is ours, of this scope and not over.

        Raises:
            TokenRefused: it is not.
        """
        head, dot, tail = token.partition(".")
        if not dot or len(token) > _LONGEST_TOKEN:
            raise TokenRefused("expected a token of this server; come in again")
        payload = _decode(head)
        if not hmac.compare_digest(hmac.digest(self._tokens, payload, "sha256"), _decode(tail)):
            raise TokenRefused("expected a token of this server; come in again")
        claims = Claims(*json.loads(payload))
        if claims.scope != scope:
            raise TokenRefused(f"expected a token for a {scope}, got one for a {claims.scope}")
        if now >= claims.expires:
            raise TokenRefused("the token is over; come in again")
        return claims

    def join_code(self, session: str) -> str:
        """A session's code, as people read it: ``ABCD-EFGH``."""
        bits = int.from_bytes(hmac.digest(self._codes, session.encode(), "sha256")[:5], "big")
        letters = "".join(CODE_ALPHABET[bits >> 5 * place & 31] for place in reversed(range(CODE_LETTERS)))
        return f"{letters[:4]}-{letters[4:]}"


def plain_code(code: str) -> str:
    """A code as typed, without what people vary: case, hyphens, spaces, letters that look like digits."""
    return code.upper().translate(_LOOK_ALIKES)


class Links:
    """One-time links for teachers. A folder holds one empty file a link that is not spent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self) -> str:
        """A new link's key.

        Raises:
            OutputError: the folder cannot be written.
        """
        key = secrets.token_urlsafe(24)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._folder / _hash(key)).touch(mode=0o600)
        except OSError as error:
            raise OutputError(f"{self._folder}: the link cannot be kept ({error.strerror})") from error
        return key

    def spend(self, key: str) -> bool:
        """Whether the link is good; it is not a second time. Of two who come at once, one removes the file."""
        file = self._folder / _hash(key)
        try:
            made = file.stat().st_mtime
            file.unlink()
        except OSError:
            return False
        return time.time() - made < LINK_S


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _make_key(path: Path) -> None:
    """Write a key under another name first: a kill leaves no half a key, and of two servers one key wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    # Windows writes \r\n for \n into what was not opened as binary.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(partial, flags, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(_KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, binascii.Error, UnicodeEncodeError):
        return b""
    # Another spelling of the same bytes would be a second token.
    return raw if _encode(raw) == text else b""
