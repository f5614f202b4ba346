"""A teacher's way: open, mark, read, answer, export, close, erase; and what text of theirs can never do."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from served import ALLOWED, RESEARCH, SELF_REFLECTION, in_process, let_teacher_in, opened, run

from classmood.server.gate import Deployment
from classmood.server.nudges import Mark, Nudge
from classmood.server.past import write_nudge
from classmood.server.release import Release

ATTACKS = [
    "<script>alert(1)</script>",
    "'; DROP TABLE mark; --",
    "=HYPERLINK(1)",
    '" onmouseover="x',
    "{{7*7}} ${x}",
    "‮ right to left",
]


async def released(app: FastAPI, session: str) -> None:
    """Two releases, one of them silent, and a nudge."""
    store = app.state.classrooms.records.store
    spoken = Release(number=1, time_s=20.0, sharing=8, shares={"joy": 0.5, "neutral": 0.5}, others=0.0, half_width=0.86)
    for release in (Release(number=0, time_s=10.0), spoken):
        await app.state.classrooms.records.do(
            store.add_release, session, release.number, release.time_s, release.model_dump_json()
        )
    nudge = Nudge(0, 20.0, "joy", 15.0, Mark(12.0, "slide", "two"), "More joy.", "Take it up.")
    await app.state.classrooms.records.do(store.add_nudge, session, 0, 20.0, write_nudge(nudge))


def test_a_session_from_its_opening_to_its_end(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            session = await opened(client, 24)
            assert session["join_url"] == f"http://127.0.0.1:8000/join/{session['code']}"
            assert session["profile"] == "camera-free"
            path = f"/api/v1/sessions/{session['id']}"
            picture = await client.get(f"{path}/qr.svg")
            assert picture.headers["content-type"] == "image/svg+xml"
            assert picture.text.startswith("<?xml")
            found = (await client.get(path)).json()
            assert found["time_s"] >= 0
            assert (await client.get("/api/v1/sessions")).json()[0]["id"] == session["id"]
            closed = (await client.post(f"{path}/close")).json()
            assert closed["closed"]
            assert closed["code"] is None
            for method, end, body in (
                ("POST", "close", None),
                ("POST", "marks", {"kind": "slide"}),
                ("PUT", "quiet", {"quiet": True}),
                ("GET", "qr.svg", None),
            ):
                answer = await client.request(method, f"{path}/{end}", json=body)
                assert (answer.status_code, answer.json()["error"]["reason"]) == (409, "ended")
            assert (await client.delete(path)).status_code == 204
            assert (await client.get(path)).status_code == 404

    run(test)


def test_a_mark_is_on_the_disk_when_it_is_acknowledged(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            path = f"/api/v1/sessions/{(await opened(client))['id']}/marks"
            answer = await client.post(path, json={"kind": "slide", "label": "two", "time_s": 0.0})
            assert answer.status_code == 201
            assert answer.json()["time_s"] == 0.0
            now = (await client.post(path, json={"kind": "question"})).json()
            assert now["label"] == ""
            assert (await client.get(path)).json() == [answer.json(), now]

    run(test)


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "joke"},
        {"kind": "slide", "label": "x" * 201},
        {"kind": "slide", "label": "a\x00b"},
        {"kind": "slide", "label": "a\rb"},
        {"kind": "slide", "label": 5},
        {"kind": "slide", "time_s": -1},
        {"kind": "slide", "time_s": 1e400},
        {"kind": "slide", "other": 1},
        [],
        None,
    ],
)
def test_a_mark_that_is_none_is_refused(tmp_path: Path, body: Any) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            path = f"/api/v1/sessions/{(await opened(client))['id']}/marks"
            answer = await client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
            assert answer.status_code == 422
            assert set(answer.json()["error"]) == {"reason", "message"}
            assert (await client.get(path)).json() == []

    run(test)


def test_a_mark_of_the_future_is_refused(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            path = f"/api/v1/sessions/{(await opened(client))['id']}/marks"
            answer = await client.post(path, json={"kind": "slide", "time_s": 1e6})
            assert (answer.status_code, answer.json()["error"]["reason"]) == (409, "not yet")

    run(test)


def test_a_label_is_text_wherever_it_goes(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            session = await opened(client)
            path = f"/api/v1/sessions/{session['id']}"
            await released(app, session["id"])
            for label in ATTACKS:
                await client.post(f"{path}/marks", json={"kind": "text", "label": label})
            assert [mark["label"] for mark in (await client.get(f"{path}/marks")).json()] == ATTACKS
            assert [mark["label"] for mark in (await client.get(f"{path}/export")).json()["marks"]] == ATTACKS
            table = (await client.get(f"{path}/export?format=csv")).text
            assert not any(label in table for label in ATTACKS)
            report = await client.get(f"{path}/report")
            assert report.status_code == 200
            assert "More joy." in report.text
            assert not any(label in report.text for label in ATTACKS if set(label) & set("<\"'"))
            assert "<script" not in report.text
            assert "default-src 'none'" in report.headers["content-security-policy"]

    run(test)


def test_a_lone_half_of_a_character_is_refused(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            path = f"/api/v1/sessions/{(await opened(client))['id']}/marks"
            raw = b'{"kind": "text", "label": "\\ud800"}'
            answer = await client.post(path, content=raw, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422

    run(test)


@pytest.mark.parametrize("identity", ["x", "0" * 32, "' OR 1=1 --" + "0" * 21, "%2e%2e%2f", "Z" * 32])
def test_an_id_that_is_none_is_refused(tmp_path: Path, identity: str) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            await opened(client)
            for method, end in (
                ("GET", ""),
                ("DELETE", ""),
                ("GET", "/releases"),
                ("GET", "/export"),
                ("POST", "/close"),
            ):
                answer = await client.request(method, f"/api/v1/sessions/{identity}{end}")
                assert answer.status_code in (404, 405, 422)
            assert len((await client.get("/api/v1/sessions")).json()) == 1

    run(test)


def test_nobody_else_may_do_any_of_it(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            path = f"/api/v1/sessions/{(await opened(client))['id']}"
            client.cookies.clear()
            for method, address in (
                ("GET", "/api/v1/sessions"),
                ("POST", "/api/v1/sessions"),
                ("GET", path),
                ("DELETE", path),
                ("POST", f"{path}/close"),
                ("POST", f"{path}/marks"),
                ("GET", f"{path}/marks"),
                ("GET", f"{path}/releases"),
                ("GET", f"{path}/nudges"),
                ("PUT", f"{path}/nudges/0"),
                ("PUT", f"{path}/quiet"),
                ("GET", f"{path}/export"),
                ("GET", f"{path}/report"),
                ("GET", f"{path}/qr.svg"),
            ):
                for headers in ({}, {"Authorization": "Bearer x.y"}, {"Cookie": "classmood_teacher=x.y"}):
                    answer = await client.request(method, address, headers=headers, json={})
                    assert answer.status_code == 401, (method, address)

    run(test)


def test_releases_and_nudges_are_read_and_answered(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            session = await opened(client)
            path = f"/api/v1/sessions/{session['id']}"
            await released(app, session["id"])
            assert [release["number"] for release in (await client.get(f"{path}/releases")).json()] == [0, 1]
            assert [release["number"] for release in (await client.get(f"{path}/releases?after=0")).json()] == [1]
            (nudge,) = (await client.get(f"{path}/nudges")).json()
            assert nudge["mark"] == {"time_s": 12.0, "kind": "slide", "label": "two"}
            assert nudge["usefulness"] is None
            assert (await client.put(f"{path}/nudges/1", json={"usefulness": "useful"})).status_code == 404
            assert (await client.put(f"{path}/nudges/0", json={"usefulness": "meh"})).status_code == 422

    run(test)


def test_an_answer_to_a_nudge_counts_once(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            session = await opened(client)
            path = f"/api/v1/sessions/{session['id']}"
            await released(app, session["id"])
            nudges = app.state.classrooms.room(session["id"]).nudges
            nudges._given.append(Nudge(0, 20.0, "joy", 15.0, None, "More joy.", "Take it up."))
            for _ in range(3):
                answer = await client.put(f"{path}/nudges/0", json={"usefulness": "not useful"})
                assert answer.json()["usefulness"] == "not useful"
            assert nudges.threshold_factor("joy") == 1.25
            assert (await client.get(f"{path}/nudges")).json()[0]["usefulness"] == "not useful"

    run(test)


def test_quiet_is_a_switch(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            path = f"/api/v1/sessions/{(await opened(client))['id']}"
            assert (await client.put(f"{path}/quiet", json={"quiet": True})).json() == {"quiet": True}
            assert (await client.get(path)).json()["quiet"] is True

    run(test)


def test_an_export_is_a_row_a_release(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            session = await opened(client)
            path = f"/api/v1/sessions/{session['id']}/export"
            await released(app, session["id"])
            answer = await client.get(f"{path}?format=csv")
            assert "attachment" in answer.headers["content-disposition"]
            silent, spoken = csv.DictReader(io.StringIO(answer.text))
            assert silent["sharing"] == ""
            assert (spoken["sharing"], spoken["share_joy"], spoken["share_grief"]) == ("8", "0.5", "")
            assert len((await client.get(path)).json()["nudges"]) == 1
            assert (await client.get(f"{path}?format=xml")).status_code == 422

    run(test)


@pytest.mark.parametrize(
    ("deployment", "while_open", "after"), [(ALLOWED, 2, 2), (RESEARCH, 0, 2), (SELF_REFLECTION, 0, 0)]
)
def test_who_may_see_the_releases_when(tmp_path: Path, deployment: Deployment, while_open: int, after: int) -> None:
    async def test() -> None:
        async with in_process(tmp_path, deployment) as (app, client):
            await let_teacher_in(app, client)
            session = await opened(client)
            path = f"/api/v1/sessions/{session['id']}"
            await released(app, session["id"])
            for seen in (while_open, after):
                assert len((await client.get(f"{path}/releases")).json()) == seen
                export = (await client.get(f"{path}/export")).json()
                assert (len(export["releases"]), len(export["nudges"])) == (seen, min(seen, 1))
                await client.post(f"{path}/close")
            if not after:
                assert "More joy." not in (await client.get(f"{path}/report")).text

    run(test)
