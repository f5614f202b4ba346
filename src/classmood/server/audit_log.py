"""What was done, in a file whose past cannot be changed unnoticed, and that names nobody.

One JSON line an entry; each holds the hash of the one before it. People and sessions appear only as references:
HMAC-SHA-256 of the id under a random salt of its own, kept in the database and not here. Erasing somebody erases the
salt: the entries stay, the chain stays whole, and nothing links them to a person any more, not even a list of all ids.

A change, a removal in the middle and a reordering are found by ``verify``. A removal at the end leaves a shorter whole
chain; it is found by whoever has noted the head (``classmood audit-log verify --head``), so note it elsewhere at times.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from classmood.errors import InputError, OutputError

Action = Literal[
    "server started",
    "session opened",
    "session closed",
    "consent given",
    "consent withdrawn",
    "student erased",
    "session erased",
    "retention applied",
    "exported",
    "inference permitted",
    "inference denied",
    "model refused",
]
START: Final = "0" * 64
SALT_BYTES: Final = 32
_CHUNK: Final = 1 << 16


class Entry(BaseModel):
    """One line. There is no field for free text.

    Attributes:
        number: from 0.
        time: UTC, to the minute: finer would link entries to messages seen elsewhere.
        who: a reference, or "" where nobody is meant.
        session: a reference, or "".
        before: the hash of the entry before.
        hash: of all of the above.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    number: int = Field(ge=0)
    time: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\dZ$")
    action: Action
    who: str = Field(pattern=r"^([0-9a-f]{32})?$")
    session: str = Field(pattern=r"^([0-9a-f]{32})?$")
    before: str = Field(pattern=r"^[0-9a-f]{64}$")
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What ``verify`` found.

    Attributes:
        whole: whether the chain is unbroken.
        entries: how many are whole from the start.
        head: the hash of the last of these.
        problem: one line, with the entry's line number; "" where there is none.
    """

    whole: bool
    entries: int
    head: str
    problem: str = ""


def new_salt() -> bytes:
    """A salt for one person or session; it is kept in the database, and erased with them."""
    return secrets.token_bytes(SALT_BYTES)


def reference(identity: str, salt: bytes) -> str:
    """How the log refers to an id; without the salt nobody can tell, even if they try every id."""
    return hmac.new(salt, identity.encode(), hashlib.sha256).hexdigest()[:32]


class AuditLog:
    """Appends to one log. One process writes; each entry is on the disk when ``append`` returns."""

    def __init__(self, path: Path) -> None:
        """Open or begin a log.

        Raises:
            InputError: what is there is broken; nothing is appended to a chain that does not hold.
            OutputError: it cannot be written.
        """
        self.path = path
        if path.exists():
            _drop_half_line(path)
            verdict = verify(path)
            if not verdict.whole:
                raise InputError(f"{path}: {verdict.problem}; keep the file, and begin another")
            self._number, self._head = verdict.entries, verdict.head
        else:
            self._number, self._head = 0, START

    @property
    def head(self) -> str:
        """The last entry's hash: whoever notes it can tell later whether the end was cut off."""
        return self._head

    def append(self, action: Action, *, time: str, who: str = "", session: str = "") -> Entry:
        """Add an entry.

        Args:
            action: what was done.
            time: UTC as ``2026-11-25T10:30Z``.
            who: a ``reference``.
            session: a ``reference``.

        Raises:
            OutputError: it cannot be written.
        """
        body = {"number": self._number, "time": time, "action": action, "who": who, "session": session}
        entry = Entry.model_validate(body | {"before": self._head, "hash": _hash(body | {"before": self._head})})
        line = (json.dumps(entry.model_dump(), separators=(",", ":")) + "\n").encode()
        try:
            # Windows writes \r\n for \n into what was not opened as binary.
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
            descriptor = os.open(self.path, flags, 0o600)
            try:
                written = os.write(descriptor, line)
                if written < len(line):
                    os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
                    raise OSError(28, "No space left on device")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise OutputError(f"{self.path}: the audit log cannot be written ({error.strerror}); make room") from error
        self._number, self._head = self._number + 1, entry.hash
        return entry


def verify(path: Path, head: str = "") -> Verdict:
    """Check a log from its start.

    Args:
        path: the log.
        head: a hash noted earlier, which must occur; "" where none was noted.

    Raises:
        InputError: it cannot be read.
    """
    before, count, found = START, 0, not head
    try:
        with path.open("rb") as file:
            for count, line in enumerate(file):
                problem = _problem(line, count, before)
                if problem:
                    return Verdict(False, count, before, f"line {count + 1}: {problem}")
                before = json.loads(line)["hash"]
                found = found or before == head
            entries = count + 1 if before != START else 0
    except OSError as error:
        raise InputError(f"{path}: the audit log cannot be read ({error.strerror})") from error
    if not found:
        return Verdict(False, entries, before, f"expected the noted head {head[:16]}..., and it is not there: cut off")
    return Verdict(True, entries, before)


def _problem(line: bytes, number: int, before: str) -> str:
    try:
        # Twice the same key, or another spelling of the same entry, would be a change that the hash does not see.
        entry = Entry.model_validate(json.loads(line))
    except (ValidationError, ValueError):
        return "not an entry of an audit log"
    if line != (json.dumps(entry.model_dump(), separators=(",", ":")) + "\n").encode():
        return "not spelled as the log spells it: it was changed"
    if entry.number != number:
        return f"expected entry {number}, got {entry.number}: entries were removed or reordered"
    if entry.before != before:
        return "does not follow from the entry before it: entries were removed or changed"
    if entry.hash != _hash(entry.model_dump(exclude={"hash"})):
        return "its hash is not that of its words: it was changed"
    return ""


def _hash(body: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _drop_half_line(path: Path) -> None:
    """A kill within a write leaves a line without an end; it was never acknowledged."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(size - _CHUNK, 0)
        file.seek(start)
        tail = file.read()
        if tail and not tail.endswith(b"\n"):
            file.truncate(start + tail.rfind(b"\n") + 1)
