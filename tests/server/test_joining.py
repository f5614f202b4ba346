"""A student's way: the code, the text, the receipt, one's own data; and what keeps others from guessing a code."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import ALLOWED, JOY, RESEARCH, bearer, in_process, joined, let_teacher_in, opened, run

from classmood.server.gate import Deployment
from classmood.server.tokens import TICKET_S


async def consented(client: httpx.AsyncClient, code: str, **changes: Any) -> httpx.Response:
    ticket = (await client.post("/api/v1/join", json={"code": code})).json()["ticket"]
    version = (await client.get("/api/v1/documents/consent")).json()["version"]
    body = {"ticket": ticket, "document": "consent", "version": version, "mode": "press", "guardian": True} | changes
    return await client.post("/api/v1/consent", json=body)


@pytest.mark.parametrize(
    ("deployment", "profile", "allowed", "live"),
    [(None, "camera-free", False, True), (ALLOWED, "class", True, True), (RESEARCH, "research", True, False)],
)
def test_what_everybody_may_know(
    tmp_path: Path, deployment: Deployment | None, profile: str, allowed: bool, live: bool
) -> None:
    async def test() -> None:
        async with in_process(tmp_path, deployment) as (_, client):
            found = (await client.get("/api/v1/deployment")).json()
            assert found["profile"] == profile
            assert found["camera"]["allowed"] is allowed
            assert found["teacher_sees_live"] is live
            assert found["k"] == 5
            assert (found["camera"]["offered"] is None) is allowed
            for name in ("consent", "guardian", "notice"):
                text = (await client.get(f"/api/v1/documents/{name}")).json()
                assert text["version"] in text["markdown"] or name == "notice"
            for name in ("dpia", "../consent", "nothing"):
                assert (await client.get(f"/api/v1/documents/{name}")).status_code in (404, 422)

    run(test)


def test_a_student_joins_consents_and_has_a_receipt(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            session = await opened(client, 24)
            client.cookies.clear()
            found = (await client.post("/api/v1/join", json={"code": session["code"].lower()})).json()
            assert found["session"] == {"opened": session["opened"], "class_size": 24}
            assert found["camera_allowed"] is False
            answer = (await consented(client, session["code"])).json()
            me = (await client.get("/api/v1/me", headers=bearer(answer["token"]))).json()
            assert me["receipts"] == [answer["receipt"]]
            assert me["mode"] == "press"

    run(test)


def test_wrong_codes_are_counted_and_right_ones_are_not(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            code = (await opened(client))["code"]
            for _ in range(15):
                assert (await client.post("/api/v1/join", json={"code": code})).status_code == 200
            statuses = [
                (await client.post("/api/v1/join", json={"code": f"AAAA-{n:04}"})).status_code for n in range(12)
            ]
            assert statuses == [404] * 10 + [429] * 2
            answer = await client.post("/api/v1/join", json={"code": code})
            assert answer.status_code == 429, "else guessing could go on beside"
            assert answer.headers["retry-after"] == "60"

    run(test)


def test_many_addresses_share_a_limit(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, _):
            statuses = []
            for n in range(70):
                transport = httpx.ASGITransport(app, client=(f"10.0.{n}.1", 5))
                async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as other:
                    statuses.append((await other.post("/api/v1/join", json={"code": "AAAA-AAAA"})).status_code)
            assert statuses == [404] * 60 + [429] * 10

    run(test)


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"version": "another"}, 409, "text changed"),
        ({"guardian": False}, 409, "guardian"),
        ({"mode": "camera"}, 403, "denied"),
        ({"ticket": "made.up"}, 401, "token"),
        ({"document": "dpia"}, 422, "invalid"),
        ({"mode": "both"}, 422, "invalid"),
        ({"name": "Ann"}, 422, "invalid"),
        ({"guardian": "yes"}, 422, "invalid"),
    ],
)
def test_a_consent_that_is_not_one_is_refused(
    tmp_path: Path, changes: dict[str, Any], status: int, reason: str
) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            answer = await consented(client, (await opened(client))["code"], **changes)
            assert answer.status_code == status
            error = answer.json()["error"]
            assert error["reason"] == reason
            assert "Ann" not in answer.text
            assert "name" not in error["message"]

    run(test)


def test_adults_need_no_guardian(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path, ALLOWED) as (app, client):
            await let_teacher_in(app, client)
            code = (await opened(client))["code"]
            assert (await consented(client, code, guardian=False, mode="camera")).status_code == 200

    run(test)


def test_a_ticket_ends_with_its_hour_and_its_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            session = await opened(client)
            ticket = (await client.post("/api/v1/join", json={"code": session["code"]})).json()["ticket"]
            import time

            later = time.time() + TICKET_S + 1
            with monkeypatch.context() as patched:
                patched.setattr("classmood.server.entrance.now_s", lambda: later)
                assert (await consented(client, session["code"], ticket=ticket)).status_code == 401
            await client.post(f"/api/v1/sessions/{session['id']}/close")
            version = (await client.get("/api/v1/documents/consent")).json()["version"]
            body = {"ticket": ticket, "document": "consent", "version": version, "mode": "press", "guardian": True}
            answer = await client.post("/api/v1/consent", json=body)
            assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "ended")
            assert (await client.post("/api/v1/join", json={"code": session["code"]})).status_code == 404

    run(test)


def test_consents_of_one_address_are_limited(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path, consents_per_address=3) as (app, client):
            await let_teacher_in(app, client)
            code = (await opened(client))["code"]
            assert [(await consented(client, code)).status_code for _ in range(4)] == [200, 200, 200, 429]

    run(test)


@pytest.mark.parametrize("scope", ["ticket", "teacher"])
def test_a_token_of_another_scope_opens_nothing(tmp_path: Path, scope: str) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            session = await opened(client)
            token = client.cookies["classmood_teacher"]
            if scope == "ticket":
                token = (await client.post("/api/v1/join", json={"code": session["code"]})).json()["ticket"]
            student = await joined(client, session["code"])
            client.cookies.clear()
            for method, path in (("GET", "/api/v1/me"), ("DELETE", "/api/v1/me"), ("POST", "/api/v1/me/withdraw")):
                assert (await client.request(method, path, headers=bearer(token))).status_code == 401
                assert (await client.request(method, path)).status_code == 401
            assert (await client.get("/api/v1/sessions", headers=bearer(student))).status_code == 401

    run(test)


def test_a_withdrawn_consent_ends_what_is_taken_and_shows_what_was(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            token = bearer(await joined(client, (await opened(client))["code"]))
            (receipt,) = (await client.post("/api/v1/me/withdraw", headers=token)).json()
            assert receipt["withdrawn"]
            assert (await client.post("/api/v1/me/withdraw", headers=token)).status_code == 401
            me = await client.get("/api/v1/me", headers=token)
            assert me.json()["receipts"] == [receipt]
            assert (await client.delete("/api/v1/me", headers=token)).status_code == 204

    run(test)


def test_an_erased_student_is_gone_down_to_the_bytes(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path, RESEARCH) as (app, client):
            await let_teacher_in(app, client)
            session = await opened(client)
            token = await joined(client, session["code"])
            rooms = app.state.classrooms
            who = rooms.keyring.read(token, "student", 0).who
            await rooms.records.do(rooms.records.store.add_research_rows, who, [(1.0, json.dumps(JOY))])
            me = (await client.get("/api/v1/me", headers=bearer(token))).json()
            assert me["rows"] == [{"time_s": 1.0, "row": JOY}]
            assert (await client.delete("/api/v1/me", headers=bearer(token))).status_code == 204
            assert (await client.get("/api/v1/me", headers=bearer(token))).status_code == 401
            for file in tmp_path.iterdir():
                if file.is_file():
                    content = file.read_bytes()
                    assert who.encode() not in content, file.name
                    assert me["receipts"][0]["id"].encode() not in content, file.name

    run(test)


def test_codes_and_tokens_are_never_sql_or_html(tmp_path: Path) -> None:
    attacks = [
        "'; DROP TABLE session; --",
        "<script>alert(1)</script>",
        "../../../etc/passwd",
        "%00",
        "\u202eABCD",
        "𝐀𝐁𝐂𝐃",
    ]

    async def test() -> None:
        async with in_process(tmp_path, join_tries_per_address=100) as (app, client):
            await let_teacher_in(app, client)
            session = await opened(client)
            for attack in attacks:
                answer = await client.post("/api/v1/join", json={"code": attack})
                assert answer.status_code == 404
                assert attack not in answer.text
                assert answer.headers["content-type"] == "application/json"
            for raw in (b'{"code": "\\ud800"}', b'{"code": NaN}', b"[" * 5000, b"\xff\xfe", b""):
                answer = await client.post("/api/v1/join", content=raw, headers={"Content-Type": "application/json"})
                assert answer.status_code in (400, 404, 422), raw
            assert (await client.get(f"/api/v1/sessions/{session['id']}")).status_code == 200
        tables = sqlite3.connect(tmp_path / "class.db").execute("SELECT count(*) FROM session").fetchone()
        assert tables == (1,)

    run(test)
