"""What holds for every request, before any of our code sees it: host, origin, size; and what every answer carries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from classmood.server.refusals import error_body
from classmood.server.settings import LOOPBACK, Settings

LARGEST_BODY_BYTES: Final = 16384
TEACHER_COOKIE: Final = "classmood_teacher"
RESEARCHER_COOKIE: Final = "classmood_researcher"
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_HOST: Final = re.compile(r"[a-z0-9.-]{1,253}(:\d{1,5})?|\[[0-9a-f:.]{2,45}\](:\d{1,5})?")
_ALWAYS: Final = {
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), display-capture=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_CSP: Final = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'{sockets}; worker-src 'self' blob:; "
    "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


class Guard:
    """An ASGI middleware.

    Args:
        app: what is guarded.
        settings: of the server.
        larger: where more may come in than elsewhere: the beginning of an address, and how many bytes.
    """

    def __init__(self, app: ASGIApp, settings: Settings, larger: tuple[str, int] | None = None) -> None:
        self.app = app
        self.settings = settings
        self.larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        problem = self._problem(scope, headers)
        policy = content_policy(scope["scheme"], "" if problem else headers["host"])

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    found.setdefault(name, value)
                found.setdefault("Content-Security-Policy", policy)
                found.setdefault("Cache-Control", "no-store")
            await send(message)

        if problem is not None:
            await JSONResponse(error_body(*problem[1:]), problem[0])(scope, receive, answer)
            return
        body = _Body(receive, self._most_bytes(scope))
        await self.app(scope, body.receive, answer)

    def _problem(self, scope: Scope, headers: Headers) -> tuple[int, str, str] | None:
        host = headers.get("host", "").lower()
        if not _HOST.fullmatch(host):
            return 400, "host", "expected a Host header with a name and a port"
        if not host_is_ours(self.settings, host):
            return 400, "host", "this server is asked by another name than its own; see the setting origins"
        if scope["method"] not in _SAFE and not origin_is_ours(self.settings, scope["scheme"], headers):
            return 403, "origin", "expected a request from this server's own pages, or with a bearer token"
        length = headers.get("content-length", "0")
        most_bytes = self._most_bytes(scope)
        if not length.isdecimal() or int(length) > most_bytes:
            return 413, "size", f"expected at most {most_bytes} bytes"
        return None

    def _most_bytes(self, scope: Scope) -> int:
        if self.larger is not None and scope["path"].startswith(self.larger[0]):
            return self.larger[1]
        return LARGEST_BODY_BYTES


class _Body:
    """Counts what comes without a stated length; what is too much looks like a client that is gone."""

    def __init__(self, receive: Receive, most_bytes: int) -> None:
        self._receive = receive
        self._most_bytes = most_bytes
        self._bytes = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self._bytes > self._most_bytes else message


def host_is_ours(settings: Settings, host: str) -> bool:
    """Behind a proxy only the public names, on this machine alone only its own: a foreign one that resolves here
    is an attack (rebinding).
    """
    name = host[1 : host.index("]")] if host.startswith("[") else host.partition(":")[0]
    if settings.origins:
        # This machine's own too: whoever looks after the server asks it without the proxy.
        return name in LOOPBACK or name in {urlsplit(origin).hostname for origin in settings.origins}
    return settings.host not in LOOPBACK or name in LOOPBACK


def origin_is_ours(settings: Settings, scheme: str, headers: Mapping[str, str]) -> bool:
    """Whether a request or a socket comes from our own pages, or from a program that brings its own token.

    A program has no Origin; a browser always says it where another site could be asking. What a browser adds by itself,
    the cookie, does not count without one.
    """
    origin = headers.get("origin", "").lower()
    if not origin:
        cookies = headers.get("cookie", "")
        return not any(f"{name}=" in cookies for name in (TEACHER_COOKIE, RESEARCHER_COOKIE))
    if settings.origins:
        return origin in settings.origins
    web = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    return origin == f"{web}://{headers.get('host', '').lower()}"


def content_policy(scheme: str, host: str) -> str:
    """Nothing from anywhere else. Sockets are named too: not every browser takes them for 'self'."""
    sockets = f" {'wss' if scheme == 'https' else 'ws'}://{host.lower()}" if host else ""
    return _CSP.format(sockets=sockets)
