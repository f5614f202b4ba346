"""A live classroom for the tests: in this process without a socket, or a real server on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import websockets
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection

from classmood.server.app import create_app, web_server
from classmood.server.commands import listen
from classmood.server.gate import Deployment
from classmood.server.interview import write_toml
from classmood.server.release import ReleaseSettings
from classmood.server.settings import Settings

EXACT = ReleaseSettings(noise_students=0, press_noise_students=0, batch_gap_s=0, interval_s=1)
# Nothing is released by itself while a test looks.
STILL = EXACT.model_copy(update={"interval_s": 3600.0})
ALLOWED = Deployment(
    profile="class", place="elsewhere", operator="A school", contact="office", jurisdiction="Nowhere", minors=False
)
RESEARCH = Deployment(
    profile="research",
    place="elsewhere",
    operator="A university",
    contact="office",
    approval_id="7",
    protocol_sha256="0" * 64,
    expires=dt.date(2999, 1, 1),
    minors=False,
)
SELF_REFLECTION = ALLOWED.model_copy(update={"profile": "self-reflection"})
BASE = "http://127.0.0.1:8000"
READING = {
    "v": 1,
    "type": "reading",
    "classes": "ferplus",
    "p": [0, 1, 0, 0, 0, 0, 0, 0],
    "vad": [0.7, 0.4, 0.3],
    "confidence": 0.9,
    "not_sure": False,
}
JOY = {"v": 1, "type": "press", "mood": "joy"}


def settings_in(folder: Path, deployment: Deployment | None = None, **changes: Any) -> Settings:
    file = folder / "deployment.toml"
    if deployment is not None:
        file.write_text(write_toml(deployment), encoding="utf-8")
    given: dict[str, Any] = {"database": str(folder / "class.db"), "deployment": file, "release": STILL, "port": 0}
    return Settings(**(given | changes))


@contextlib.asynccontextmanager
async def in_process(
    folder: Path, deployment: Deployment | None = None, **changes: Any
) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """The application started, and a client of its own origin without a cookie."""
    app = create_app(settings_in(folder, deployment, **changes), page_folder=folder / "page")
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url=BASE, headers={"Origin": BASE}) as client:
            yield app, client


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test's coroutine, and let no forgotten client keep it for ever."""

    async def bounded() -> None:
        await asyncio.wait_for(test(), 90)

    asyncio.run(bounded())


async def let_teacher_in(app: FastAPI, client: httpx.AsyncClient) -> None:
    """The client gets the teacher's cookie."""
    answer = await client.get("/teach", params={"key": app.state.classrooms.links.make()})
    assert answer.status_code == 303


async def opened(client: httpx.AsyncClient, class_size: int = 20) -> dict[str, Any]:
    answer = await client.post("/api/v1/sessions", json={"class_size": class_size})
    assert answer.status_code == 201, answer.text
    session: dict[str, Any] = answer.json()
    return session


async def joined(client: httpx.AsyncClient, code: str, mode: str = "press") -> str:
    """Join and consent; the student's token."""
    ticket = (await client.post("/api/v1/join", json={"code": code})).json()["ticket"]
    version = (await client.get("/api/v1/documents/consent")).json()["version"]
    body = {"ticket": ticket, "document": "consent", "version": version, "mode": mode, "guardian": True}
    answer = await client.post("/api/v1/consent", json=body)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["token"]
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Served:
    """A real server, from the outside: addresses, and the application for what no client can know."""

    def __init__(self, app: FastAPI, port: int) -> None:
        self.app = app
        self.base = f"http://127.0.0.1:{port}"
        self.sockets = f"ws://127.0.0.1:{port}/api/v1/live"

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.base, headers={"Origin": self.base})

    async def student(self, token: str, **options: Any) -> ClientConnection:
        return await websockets.connect(
            f"{self.sockets}/student", subprotocols=["classmood.v1", f"bearer.{token}"], **options
        )

    async def teacher(self, client: httpx.AsyncClient, session: str, **options: Any) -> ClientConnection:
        token = client.cookies["classmood_teacher"]
        return await websockets.connect(
            f"{self.sockets}/teacher?session={session}", subprotocols=["classmood.v1", f"bearer.{token}"], **options
        )


@contextlib.contextmanager
def served(folder: Path, deployment: Deployment | None = None, **changes: Any) -> Iterator[Served]:
    """A real server in a thread, which ends with the block."""
    settings = settings_in(folder, deployment, **changes)
    app = create_app(settings, page_folder=folder / "page")
    listening = listen(settings)
    server = web_server(app, settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.01)
        yield Served(app, listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


async def heard(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of a type; others are passed over."""
    while True:
        message: dict[str, Any] = json.loads(await socket.recv())
        if message["type"] == kind:
            return message


async def closing_code(socket: ClientConnection) -> int | None:
    """With which code the server closes."""
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            await socket.recv()
    return socket.close_code
