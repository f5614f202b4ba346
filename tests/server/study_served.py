"""A running study in this process, and participants who are invited, agree and start."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from classmood.server.settings import Settings
from classmood.server.study.desk import Desk
from classmood.server.study.web import create_study_app
from short_study import write_study

BASE = "http://127.0.0.1:8000"


@dataclass
class Running:
    desk: Desk
    client: httpx.AsyncClient

    async def let_researcher_in(self) -> None:
        answer = await self.client.get("/study", params={"key": self.desk.links.make()})
        assert answer.status_code == 303

    async def invited(self, name: str | None = None) -> dict[str, Any]:
        answer = await self.client.post("/api/v1/research/participants", json={"name": name} if name else {})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def came_in(self, code: str) -> dict[str, Any]:
        answer = await self.client.post("/api/v1/study/join", json={"code": code})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def agreed(self, code: str, *, recording: bool = False) -> Participant:
        seen = await self.came_in(code)
        body = {"ticket": seen["ticket"], "version": seen["papers"][0]["version"], "recording": recording}
        answer = await self.client.post("/api/v1/study/consent", json=body)
        assert answer.status_code == 200, answer.text
        return Participant(self.client, answer.json()["token"], code)

    async def started(self, name: str | None = None, *, recording: bool = False) -> Participant:
        who = await self.agreed((await self.invited(name))["code"], recording=recording)
        assert (await who.post("begin")).status_code == 200
        return who


@dataclass
class Participant:
    client: httpx.AsyncClient
    token: str
    code: str
    # Whether their page reads their face instead of recording it.
    readings: bool = False

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def post(self, what: str, body: object = None) -> httpx.Response:
        return await self.client.post(f"/api/v1/study/{what}", json=body, headers=self.headers)

    async def get(self, what: str) -> httpx.Response:
        return await self.client.get(f"/api/v1/study/{what}", headers=self.headers)

    async def send(self, *events: dict[str, Any]) -> httpx.Response:
        return await self.post("events", {"events": list(events)})

    async def record(self, attempt: int, step: int, part: int, content: bytes, sha256: str = "") -> httpx.Response:
        digest = sha256 or hashlib.sha256(content).hexdigest()
        path = f"/api/v1/study/recordings/{attempt}/{step}/{part}"
        return await self.client.put(path, params={"sha256": digest}, content=content, headers=self.headers)


def event(
    sequence: int, kind: str, *, step: int = 1, attempt: int = 1, time_ms: float = 0, **body: Any
) -> dict[str, Any]:
    return {"attempt": attempt, "sequence": sequence, "step": step, "time_ms": time_ms, "kind": kind, **body}


def settings_for(folder: Path, **changes: Any) -> Settings:
    given: dict[str, Any] = {
        "database": str(folder / "study.db"),
        "deployment": folder / "deployment.toml",
        "port": 0,
    }
    return Settings(**(given | changes))


@contextlib.asynccontextmanager
async def running(folder: Path, path: Path | None = None, **study: Any) -> AsyncIterator[Running]:
    """A study that has been started; the client is the researcher."""
    path = path or write_study(folder, **study)
    desk = Desk(settings_for(folder), path)
    app = create_study_app(desk, page_folder=folder / "page")
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url=BASE, headers={"Origin": BASE}) as client:
            found = Running(desk, client)
            await found.let_researcher_in()
            yield found
