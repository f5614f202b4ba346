"""What a simulated student or teacher asks the server over HTTP: join, consent, sessions, marks.

Plain ``urllib`` in threads: these are a few small calls a person, and the live part goes over sockets.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from classmood.errors import ClassmoodError, InputError

PREFIX: Final = "/api/v1"
COOKIE: Final = "classmood_teacher"
_TIMEOUT_S: Final = 30.0
_MOST_TRIES: Final = 8
Mode = Literal["camera", "press"]


class ServerRefused(ClassmoodError):
    """The server answered with an error.

    Attributes:
        status: of HTTP.
        reason: the server's own word.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"the server refused ({status}, {reason}): {message}")
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Server:
    """Where the live classroom is.

    Attributes:
        url: its origin, as http://127.0.0.1:8000.
        trust: certificate of whoever signed the server's, where no authority did.
    """

    url: str
    trust: Path | None = None

    @property
    def tls(self) -> ssl.SSLContext | None:
        """For HTTPS; None for plain HTTP."""
        if not self.url.startswith("https://"):
            return None
        return ssl.create_default_context(cafile=str(self.trust) if self.trust else None)

    def socket(self, path: str) -> str:
        """The address of a socket."""
        return "ws" + self.url.removeprefix("http") + PREFIX + path

    async def ask(self, method: str, path: str, body: object = None, *, bearer: str = "") -> Any:
        """One call of the API; waits and tries again where the server says "too many" or is not there yet.

        Raises:
            ServerRefused: it said no.
            InputError: there is no server, also after a while.
        """
        waits_s = 1.0
        for tried in range(_MOST_TRIES):
            try:
                return await asyncio.to_thread(self._ask, method, path, body, bearer)
            except ServerRefused as refused:
                if refused.status not in (429, 503) or tried == _MOST_TRIES - 1:
                    raise
            except (OSError, http.client.HTTPException) as error:
                if tried == _MOST_TRIES - 1:
                    raise InputError(f"{self.url}: no server answers there ({error}); see classmood serve") from error
            await asyncio.sleep(waits_s)
            waits_s = min(2 * waits_s, 15.0)
        raise AssertionError

    def _ask(self, method: str, path: str, body: object, bearer: str) -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + PREFIX + path, data, headers, method=method)  # noqa: S310 (checked)
        try:
            with self._opener().open(request, timeout=_TIMEOUT_S) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            try:
                told = json.loads(error.read())["error"]
                raise ServerRefused(error.code, str(told["reason"]), str(told["message"])) from error
            except (ValueError, KeyError, TypeError):
                raise ServerRefused(error.code, "unknown", str(error.reason)) from error

    def _opener(self, *more: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
        # No proxy: the class is held where it was said to be.
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({}), *more]
        if self.tls:
            handlers.append(urllib.request.HTTPSHandler(context=self.tls))
        return urllib.request.build_opener(*handlers)

    async def agree(self, code: str, mode: Mode) -> str:
        """Join by a code and consent, as a student's page does; the student's token."""
        joined = await self.ask("POST", "/join", {"code": code})
        name = "guardian" if joined["minors"] else "consent"
        text = await self.ask("GET", f"/documents/{name}")
        body = {
            "ticket": joined["ticket"],
            "document": name,
            "version": text["version"],
            "mode": mode,
            "guardian": bool(joined["minors"]),
        }
        return str((await self.ask("POST", "/consent", body))["token"])

    async def spend(self, link: str) -> str:
        """Open a teacher's one-time link; the teacher's token.

        Raises:
            InputError: the link was used, is too old, or is none.
        """
        return await asyncio.to_thread(self._spend, link)

    def _spend(self, link: str) -> str:
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_: Any) -> None:
                return None

        try:
            with self._opener(Stay()).open(link, timeout=_TIMEOUT_S) as answer:
                cookies = answer.headers.get_all("Set-Cookie") or []
        except urllib.error.HTTPError as answer:
            cookies = answer.headers.get_all("Set-Cookie") or []
        except OSError as error:
            raise InputError(f"{self.url}: no server answers there ({error}); see classmood serve") from error
        for cookie in cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            if name.strip() == COOKIE:
                return str(value)
        raise InputError("the teacher's link was used or is too old; 'classmood serve --new-link' prints another")


def server_at(url: str, trust: Path | None = None) -> Server:
    """The server of an address; anything after the host is cut off.

    Raises:
        InputError: it is not an http or https address, or the certificate is not there.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise InputError(f"expected an address as http://127.0.0.1:8000, got {url!r}")
    if trust is not None and not trust.is_file():
        raise InputError(f"{trust}: expected a certificate (PEM), and there is none")
    return Server(f"{parts.scheme}://{parts.netloc}", trust)
