"""The two sockets: who may come in, a queue for each connection, and the codes with which it closes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from classmood.server.classroom import OVER, REFUSED_TOO_OFTEN, UNKNOWN, Classroom
from classmood.server.classrooms import Classrooms, now_s
from classmood.server.entrance import address, classrooms, read_token
from classmood.server.guard import TEACHER_COOKIE, host_is_ours, origin_is_ours
from classmood.server.limits import MOST_REFUSED
from classmood.server.refusals import Refused
from classmood.server.tokens import Claims, Scope

SUBPROTOCOL: Final = "classmood.v1"
ANOTHER_ORIGIN: Final = 4403
TOO_MANY: Final = 1013
STUDENT_QUEUE: Final = 16
TEACHER_QUEUE: Final = 64
_CLOSING_S: Final = 5.0
router = APIRouter(prefix="/api/v1/live")


class Connection:
    """One client. What is sent waits in a queue; who does not read until it is full is dropped."""

    def __init__(self, socket: WebSocket, queue: int) -> None:
        self._socket = socket
        self._queue: asyncio.Queue[str | int] = asyncio.Queue(queue + 1)
        self._most = queue
        self._dropped = asyncio.Event()
        self._code: int | None = None

    def send(self, text: str) -> None:
        """Put a message into the queue; a full queue ends the connection."""
        if self._code is not None:
            return
        if self._queue.qsize() >= self._most:
            self._code = TOO_MANY
            self._dropped.set()
            return
        self._queue.put_nowait(text)

    def end(self, code: int) -> None:
        """Send what is in the queue, then close with a code."""
        if self._code is None:
            self._code = code
            self._queue.put_nowait(code)

    async def run(self, take: Callable[[str | bytes], None]) -> None:
        """Pass on what comes and send what waits, until one side ends."""
        reading = asyncio.ensure_future(self._read(take))
        tasks = (reading, asyncio.ensure_future(self._write()), asyncio.ensure_future(self._dropped.wait()))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._code is not None and self._socket.client_state is WebSocketState.CONNECTED:
            # A client that does not read cannot be told either.
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._socket.close(self._code), _CLOSING_S)

    async def _read(self, take: Callable[[str | bytes], None]) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            take(text if text is not None else message.get("bytes") or b"")

    async def _write(self) -> None:
        while True:
            text = await self._queue.get()
            if isinstance(text, int):
                return
            try:
                await self._socket.send_text(text)
            except (WebSocketDisconnect, RuntimeError):
                return


@router.websocket("/student")
async def student(socket: WebSocket) -> None:
    """A student's page."""
    rooms = classrooms(socket)
    if not await _come_in(socket, rooms):
        return
    try:
        claims = await _claims(socket, rooms, "student", None)
        if claims is None:
            return
        room = rooms.room(claims.session)
        if room is None:
            await socket.close(OVER)
        elif not await rooms.consent_stands(claims.who):
            await socket.close(UNKNOWN)
        elif room.full(claims.who):
            await socket.close(TOO_MANY)
        else:
            await _attend(socket, room, claims)
    finally:
        rooms.sockets.give(address(socket))


async def _attend(socket: WebSocket, room: Classroom, claims: Claims) -> None:
    connection = Connection(socket, STUDENT_QUEUE)

    def take(text: str | bytes) -> None:
        if now_s() >= claims.expires:
            room.expel(claims.who)
        else:
            room.take(claims.who, connection, text)

    room.enter(claims.who, claims.mode, connection)
    try:
        await connection.run(take)
    finally:
        room.lose(claims.who, connection)


@router.websocket("/teacher")
async def teacher(socket: WebSocket) -> None:
    """A teacher's page: it listens, and what it wants it asks the API for."""
    rooms = classrooms(socket)
    if not await _come_in(socket, rooms):
        return
    try:
        if await _claims(socket, rooms, "teacher", socket.cookies.get(TEACHER_COOKIE)) is None:
            return
        room = rooms.room(socket.query_params.get("session", ""))
        if room is None:
            await socket.close(OVER)
            return
        connection = Connection(socket, TEACHER_QUEUE)
        said = 0

        def take(_: str | bytes) -> None:
            nonlocal said
            said += 1
            if said >= MOST_REFUSED:
                connection.end(REFUSED_TOO_OFTEN)

        room.watch(connection)
        try:
            await connection.run(take)
        finally:
            room.unwatch(connection)
    finally:
        rooms.sockets.give(address(socket))


async def _come_in(socket: WebSocket, rooms: Classrooms) -> bool:
    """Accept, since only an accepted socket can be told why it is closed; then origin and room.

    What is refused here is closed; what is not holds one of the server's places.
    """
    offered = socket.scope.get("subprotocols", [])
    await socket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
    host = socket.headers.get("host", "").lower()
    ours = host_is_ours(rooms.settings, host) and origin_is_ours(rooms.settings, socket.url.scheme, socket.headers)
    if not ours:
        await socket.close(ANOTHER_ORIGIN)
        return False
    if not rooms.sockets.take(address(socket)):
        await socket.close(TOO_MANY)
        return False
    return True


async def _claims(socket: WebSocket, rooms: Classrooms, scope: Scope, cookie: str | None) -> Claims | None:
    """What the token says, from the subprotocol or the cookie; without a good one the socket is closed."""
    bearers = [one.removeprefix("bearer.") for one in socket.scope["subprotocols"] if one.startswith("bearer.")]
    try:
        return read_token(rooms, bearers[0] if bearers else cookie, scope)
    except Refused:
        await socket.close(UNKNOWN)
        return None
