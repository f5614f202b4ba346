"""The sockets of a real server: who comes in, with which code they go, and that a hostile one disturbs nobody."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import websockets
from served import (
    ALLOWED,
    EXACT,
    JOY,
    READING,
    Served,
    bearer,
    closing_code,
    heard,
    joined,
    let_teacher_in,
    opened,
    run,
)
from served import served as serving
from starlette.websockets import WebSocket, WebSocketState
from websockets.asyncio.client import ClientConnection

from classmood.server.live import STUDENT_QUEUE, Connection


def client(texts: list[str], *, reads: bool) -> WebSocket:
    """A connected client that says nothing, and reads or does not."""

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "websocket.send":
            if not reads:
                await asyncio.Event().wait()
            texts.append(message["text"])

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    socket = WebSocket({"type": "websocket", "headers": [], "path": "/"}, receive, send)
    socket.client_state = socket.application_state = WebSocketState.CONNECTED
    return socket


def test_who_does_not_read_is_dropped_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classmood.server.live._CLOSING_S", 0.01)

    async def test() -> None:
        connection = Connection(client([], reads=False), STUDENT_QUEUE)
        running = asyncio.ensure_future(connection.run(lambda _: None))
        await asyncio.sleep(0)
        for n in range(STUDENT_QUEUE + 2):
            connection.send(str(n))
            await asyncio.sleep(0)
        await running
        connection.send("afterwards")
        connection.end(4400)

    run(test)


def test_an_end_comes_after_what_waits() -> None:
    async def test() -> None:
        texts: list[str] = []
        connection = Connection(client(texts, reads=True), 4)
        for text in "abcd":
            connection.send(text)
        connection.end(4410)
        connection.send("too late")
        await connection.run(lambda _: None)
        assert texts == list("abcd")

    run(test)


def test_a_class_over_the_sockets(tmp_path: Path) -> None:
    async def test() -> None:
        with serving(tmp_path, ALLOWED, release=EXACT) as served:
            async with served.client() as client:
                await let_teacher_in(served.app, client)
                session = await opened(client)
                teacher = await served.teacher(client, session["id"])
                assert teacher.subprotocol == "classmood.v1"
                students = []
                for mode, message in [("camera", READING)] * 3 + [("press", JOY)] * 3:
                    student = await served.student(await joined(client, session["code"], mode))
                    await student.send(json.dumps(message))
                    students.append(student)
                found = (await heard(teacher, "release"))["release"]
                while "sharing" not in found:
                    found = (await heard(teacher, "release"))["release"]
                assert found["sharing"] <= 6
                for student in students:
                    assert (await heard(student, "state"))["camera_allowed"] is True
                await client.post(f"/api/v1/sessions/{session['id']}/close")
                assert await heard(teacher, "ended")
                assert {await closing_code(socket) for socket in (teacher, *students)} == {4410}
                kept = (await client.get(f"/api/v1/sessions/{session['id']}/releases")).json()
                assert found["number"] in [release["number"] for release in kept]

    run(test)


def test_who_is_not_let_in_is_told_why(tmp_path: Path) -> None:
    async def code(url: str, *, token: str | None = None, **options: object) -> int | None:
        protocols = ["classmood.v1"] + ([f"bearer.{token}"] if token else [])
        socket = await websockets.connect(url, subprotocols=protocols, **options)  # type: ignore[arg-type]
        return await closing_code(socket)

    async def test() -> None:
        with serving(tmp_path) as served:
            async with served.client() as client:
                await let_teacher_in(served.app, client)
                session = await opened(client)
                token = await joined(client, session["code"])
                student, teacher = f"{served.sockets}/student", f"{served.sockets}/teacher?session={session['id']}"
                cookie = client.cookies["classmood_teacher"]
                assert await code(student) == 4401
                assert await code(student, token="made.up") == 4401
                assert await code(student, token=cookie) == 4401
                assert await code(teacher, token=token) == 4401
                assert await code(teacher) == 4401
                assert await code(f"{served.sockets}/teacher?session={'0' * 32}", token=cookie) == 4410
                assert await code(student, token=token, origin="https://evil.example") == 4403
                assert await code(teacher, token=cookie, origin="https://evil.example") == 4403
                jar = {"Cookie": f"classmood_teacher={cookie}"}
                assert await code(teacher, additional_headers=jar) == 4403, "a cookie without an origin"
                listening = await websockets.connect(
                    teacher,
                    subprotocols=["classmood.v1"],  # type: ignore[list-item]
                    additional_headers=jar,
                    origin=served.base,  # type: ignore[arg-type]
                )
                await client.post("/api/v1/me/withdraw", headers=bearer(token))
                assert await code(student, token=token) == 4401
                other = await joined(client, session["code"])
                await client.post(f"/api/v1/sessions/{session['id']}/close")
                assert await closing_code(listening) == 4410
                assert await code(student, token=other) == 4410

    run(test)


def test_a_token_that_is_over_ends_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        with serving(tmp_path) as served:
            async with served.client() as client:
                await let_teacher_in(served.app, client)
                socket = await served.student(await joined(client, (await opened(client))["code"]))
                await heard(socket, "state")
                monkeypatch.setattr("classmood.server.live.now_s", lambda: 1e11)
                await socket.send(json.dumps(JOY))
                assert await closing_code(socket) == 4401

    run(test)


def test_a_second_tab_ends_the_first_and_withdrawing_ends_both(tmp_path: Path) -> None:
    async def test() -> None:
        with serving(tmp_path) as served:
            async with served.client() as client:
                await let_teacher_in(served.app, client)
                token = await joined(client, (await opened(client))["code"])
                first = await served.student(token)
                await heard(first, "state")
                second = await served.student(token)
                assert await closing_code(first) == 4409
                await second.send(json.dumps(JOY))
                await client.post("/api/v1/me/withdraw", headers=bearer(token))
                assert await closing_code(second) == 4401

    run(test)


async def closing_code_at_once(socket: ClientConnection) -> int | None:
    """With which code the server closes before it says anything."""
    try:
        await socket.recv()
    except websockets.ConnectionClosed:
        return socket.close_code
    return None


def test_connections_are_limited(tmp_path: Path) -> None:
    async def test() -> None:
        with serving(tmp_path, sockets_per_address=2, most_students=1) as served:
            async with served.client() as client:
                await let_teacher_in(served.app, client)
                session = await opened(client)
                one, other = [await joined(client, session["code"]) for _ in range(2)]
                first = await served.student(one)
                await heard(first, "state")
                assert await closing_code(await served.student(other)) == 1013, "the class is full"
                teacher = await served.teacher(client, session["id"])
                assert await closing_code(await served.student(one)) == 1013, "too many from here"
                await teacher.close()
                while await closing_code_at_once(again := await served.student(one)) is not None:
                    pass
                assert again.close_code is None, "there is room again"

    run(test)


async def garbage(served: Served, token: str) -> int | None:
    socket = await served.student(token)
    for n in range(10):
        await socket.send("x" * n)
    return await closing_code(socket)


async def binary(served: Served, token: str) -> int | None:
    socket = await served.student(token)
    for _ in range(10):
        await socket.send(b"\x00\xff")
    return await closing_code(socket)


async def oversize(served: Served, token: str) -> int | None:
    socket = await served.student(token)
    await socket.send("x" * 300)
    assert (await heard(socket, "refused"))["reason"] == "size"
    await socket.send("x" * 100_000)
    return await closing_code(socket)


async def flood(served: Served, token: str) -> int | None:
    socket = await served.student(token)
    try:
        for _ in range(5000):
            await socket.send(json.dumps(JOY))
    except websockets.ConnectionClosed:
        pass
    return await closing_code(socket)


async def raw(served: Served, token: str, frames: bytes) -> None:
    """A client that does not keep to the protocol, and does not say goodbye."""
    port = int(served.base.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        (
            f"GET /api/v1/live/student HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: classmood.v1, bearer.{token}\r\n\r\n"
        ).encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frames)
    await writer.drain()


async def unmasked(served: Served, token: str) -> None:
    await raw(served, token, b"\x81\x05hello")


async def half_open(served: Served, token: str) -> None:
    await raw(served, token, b"\x81")


async def not_utf8(served: Served, token: str) -> None:
    await raw(served, token, b"\x81\x82\x00\x00\x00\x00\xff\xfe")


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (garbage, 4400),
        (binary, 4400),
        (oversize, 1009),
        (flood, 4400),
        (unmasked, None),
        (half_open, None),
        (not_utf8, None),
    ],
)
def test_a_hostile_client_disturbs_nobody(tmp_path: Path, attack: Callable, code: int | None) -> None:  # type: ignore[type-arg]
    async def test() -> None:
        with serving(tmp_path, release=EXACT) as served:
            async with served.client() as client:
                await let_teacher_in(served.app, client)
                session = await opened(client)
                teacher = await served.teacher(client, session["id"])
                students = [await served.student(await joined(client, session["code"])) for _ in range(5)]
                for _ in range(3):
                    assert await attack(served, await joined(client, session["code"])) == code
                for student in students:
                    await student.send(json.dumps(JOY))
                while (await heard(teacher, "release"))["release"].get("shares", {}).get("joy", 0) < 0.6:
                    pass
                assert all(student.close_code is None for student in students)
                assert (await client.get("/api/v1/health")).json() == {"status": "ok"}

    run(test)


def test_a_teacher_s_socket_listens_only(tmp_path: Path) -> None:
    async def test() -> None:
        with serving(tmp_path) as served:
            async with served.client() as client:
                await let_teacher_in(served.app, client)
                teacher = await served.teacher(client, (await opened(client))["id"])
                for _ in range(10):
                    await teacher.send("hello")
                assert await closing_code(teacher) == 4400

    run(test)
