"""The researcher's side: a link that works once, ids used once, stopping, erasing; and who is nobody's researcher."""

from __future__ import annotations

from pathlib import Path

import httpx
from served import run
from study_served import BASE, event, running


def test_the_link_works_once_and_nobody_else_gets_in(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as study:
            key = study.desk.links.make()
            transport = study.client._transport
            async with httpx.AsyncClient(transport=transport, base_url=BASE, headers={"Origin": BASE}) as other:
                assert (await other.get("/api/v1/research/study")).status_code == 401
                assert (await other.post("/api/v1/research/participants", json={})).status_code == 401
                answer = await other.get("/study", params={"key": key})
                assert answer.status_code == 303
                assert "HttpOnly" in answer.headers["set-cookie"]
                assert (await other.get("/api/v1/research/study")).status_code == 200
                # A cookie counts from our own pages alone.
                del other.headers["Origin"]
                assert (await other.post("/api/v1/research/participants", json={})).status_code == 403
            assert (await study.client.get("/study", params={"key": key})).status_code == 403
            who = await study.started()
            answer = await study.client.get("/api/v1/research/study", headers=who.headers)
            assert answer.status_code == 401

    run(test)


def test_an_id_is_used_once(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as study:
            await study.invited("P7")
            for name, status in (("p7", 409), ("../x", 422), ("Ada Lovelace", 422), ("", 422), ("x" * 21, 422)):
                answer = await study.client.post("/api/v1/research/participants", json={"name": name})
                assert answer.status_code == status, name
            listed = (await study.client.get("/api/v1/research/study")).json()["participants"]
            assert [one["name"] for one in listed] == ["P7"]

    run(test)


def test_codes_lead_to_their_participants(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as study:
            one, two = await study.invited(), await study.invited()
            assert one["code"] != two["code"]
            assert two["url"] == f"{BASE}/take-part/{two['code']}"
            assert (await study.came_in(two["code"]))["name"] == "002"
            picture = await study.client.get("/api/v1/research/participants/2/qr.svg")
            assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")
            assert (await study.client.get("/api/v1/research/participants/3/qr.svg")).status_code == 404

    run(test)


def test_the_researcher_sees_how_far_somebody_is_and_stops_them(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as study:
            who = await study.started(recording=True)
            await who.send(event(0, "onset", step=2, planned_ms=0))
            await who.record(1, 2, 0, b"12345")
            (seen,) = (await study.client.get("/api/v1/research/study")).json()["participants"]
            assert (seen["state"], seen["step"], seen["events"], seen["recorded_bytes"]) == ("running", 2, 1, 5)
            assert seen["heard"] is not None
            answer = await study.client.post("/api/v1/research/participants/1/stop")
            assert answer.json()["state"] == "stopping"
            assert (await who.post("clock")).json()["state"] == "stopping"
            assert (await who.post("begin")).json()["calm"]
            # What the page sees of the calm end still arrives.
            assert (await who.send(event(1, "stop", by="researcher"))).status_code == 200
            await who.post("finish", {"how": "stopped"})
            assert (await study.client.post("/api/v1/research/participants/1/stop")).status_code == 409

    run(test)


def test_the_researcher_erases_somebody_who_asked(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as study:
            who = await study.started("Goes1", recording=True)
            await who.record(1, 2, 0, b"the face of Goes1")
            erased = await study.client.delete("/api/v1/research/participants/1")
            assert erased.json() == {"exports": [], "missing": [], "models": []}
            assert (await who.get("me")).status_code == 401
            assert (await study.client.get("/api/v1/research/study")).json()["participants"] == []
            for path in tmp_path.rglob("*"):
                assert not path.is_file() or b"Goes1" not in path.read_bytes()
            # The number is not given again: in a copy somewhere it is still theirs.
            assert (await study.invited())["number"] == 2

    run(test)


def test_pages_come_with_a_policy_and_no_other_part_of_the_server_is_there(tmp_path: Path) -> None:
    async def test() -> None:
        (tmp_path / "page").mkdir()
        for name in ("experiment.html", "study.html", "index.html"):
            (tmp_path / "page" / name).write_text(name)
        async with running(tmp_path) as study:
            for address, page in (("/", "experiment"), ("/take-part/ABCD-EFGH", "experiment"), ("/study", "study")):
                answer = await study.client.get(address)
                assert answer.text == f"{page}.html"
                assert "default-src 'self'" in answer.headers["content-security-policy"]
            assert "frame-src 'self'" in (await study.client.get("/")).headers["content-security-policy"]
            for address in ("/teach", "/index.html", "/api/v1/sessions", "/api/v1/deployment"):
                assert (await study.client.get(address)).status_code == 404, address

    run(test)
