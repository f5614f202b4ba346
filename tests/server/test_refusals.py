"""How the API says no when the server itself is in trouble: one shape, and nothing of what was sent."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from served import BASE, in_process, let_teacher_in, opened, run

from classmood.errors import OutputError


def test_a_full_disk_acknowledges_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            path = f"/api/v1/sessions/{(await opened(client))['id']}/marks"

            def full(*_: object) -> None:
                raise OutputError("/home/somebody/class.db: the database cannot be written (disk full)")

            with monkeypatch.context() as patched:
                patched.setattr(app.state.classrooms.records.store, "add_mark", full)
                answer = await client.post(path, json={"kind": "slide"})
            assert answer.status_code == 503
            assert answer.json()["error"]["reason"] == "failed"
            assert "somebody" not in answer.text
            assert (await client.get(path)).json() == []
            assert (await client.post(path, json={"kind": "slide"})).status_code == 201

    run(test)


def test_a_mistake_of_ours_has_the_same_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)

            def broken() -> None:
                raise KeyError("a secret")

            monkeypatch.setattr(app.state.classrooms.records.store, "sessions", broken)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=client.cookies) as other:
                answer = await other.get("/api/v1/sessions")
            assert answer.status_code == 500
            assert set(answer.json()["error"]) == {"reason", "message"}
            assert "secret" not in answer.text

    run(test)


@pytest.mark.parametrize(
    "body", [{"code": "A", "<script>": 1}, {"co<script>de": "A"}, {"code": ["<script>"]}, {"code": {"<script>": 1}}]
)
def test_what_was_sent_is_not_repeated(tmp_path: Path, body: dict[str, object]) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (_, client):
            answer = await client.post("/api/v1/join", json=body)
            assert answer.status_code == 422
            assert "script" not in answer.text

    run(test)
