"""Taking part: nothing before a decision, everything once, coming back, and nothing left after withdrawing."""

from __future__ import annotations

from pathlib import Path

import pytest
from served import run
from study_served import event, running

from classmood.errors import OutputError
from classmood.experiment.registration import preregister
from short_study import write_deployment, write_study

SAM = {"valence": 7, "arousal": 4, "dominance": 5}


def test_the_way_through(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, recording="none") as study:
            invited = await study.invited()
            assert (invited["number"], invited["name"], invited["state"]) == (1, "001", "invited")
            seen = await study.came_in(invited["code"].lower().replace("-", " "))
            assert seen["token"] == ""
            assert "A study of seconds" in seen["papers"][0]["markdown"]
            who = await study.agreed(invited["code"])
            steps = (await who.get("course")).json()["steps"]
            assert [step["kind"] for step in steps[:3]] == ["baseline", "stimulus", "page"]
            assert [step["kind"] for step in steps[-2:]] == ["repair", "debrief"]
            assert (await who.post("begin")).json() == {"attempt": 1, "step": 1, "elapsed_s": 0.0, "calm": False}
            sent = [event(0, "begin", step=0, wall_ms=1e12, width_px=800, height_px=600, frame_ms=16.7)]
            sent += [event(1, "onset", planned_ms=0.0), event(2, "offset", time_ms=2000, planned_ms=2000, cause="time")]
            sent += [event(3, "answer", step=3, time_ms=4000, **SAM)]
            assert (await who.send(*sent)).json() == {"new": 4}
            assert (await who.send(*sent[1:])).json() == {"new": 0}
            assert (await who.post("finish", {"how": "done"})).status_code == 204
            mine = (await who.get("me")).json()
            assert [one["kind"] for one in mine["events"]] == ["begin", "onset", "offset", "answer"]
            assert mine["events"][3]["valence"] == 7
            assert [one["document"] for one in mine["receipts"]] == ["consent"]
            # An id takes part once.
            again = await study.client.post("/api/v1/study/join", json={"code": invited["code"]})
            assert (again.status_code, again.json()["error"]["reason"]) == (409, "ended")

    run(test)


def test_the_page_learns_nothing_that_would_give_the_study_away(tmp_path: Path) -> None:
    (tmp_path / "picture-of-fury.png").write_bytes(b"not shown here")
    more = '[[stimuli]]\nid = "look"\nkind = "image"\nfile = "picture-of-fury.png"\nalt = "a picture"\n'
    more += '[[phases]]\nid = "more"\nkind = "class"\nduration_s = 1\nstimulus = "look"\n'

    async def test() -> None:
        path = write_study(tmp_path, recording="none")
        text = path.read_text()
        path.unlink()
        (tmp_path / "study.registered.json").unlink()
        head, mark, tail = text.partition('[[phases]]\nid = "situations"')
        path.write_text(f"{head}{more}{mark}{tail}")

        write_deployment(tmp_path, preregister(path).sha256)
        async with running(tmp_path, path) as study:
            who = await study.started()
            answer = await who.get("course")
            shown = next(step for step in answer.json()["steps"] if step["kind"] == "class")["stimulus"]
            for word in ("picture-of", "right", "evokes", '"fury"', '"joy"', "scenario"):
                assert word not in answer.text
            file = await study.client.get(shown["address"])
            assert (file.status_code, file.content) == (200, b"not shown here")
            assert (await study.client.get(shown["address"].split("?")[0])).status_code == 401
            assert (
                await study.client.get(f"/api/v1/study/stimuli/99?{shown['address'].split('?')[1]}")
            ).status_code == 404
            # Missing on the day: nobody starts, and the researcher reads which.
            (tmp_path / "picture-of-fury.png").unlink()
            late = await study.invited()
            refused = await study.client.post("/api/v1/study/join", json={"code": late["code"]})
            assert (refused.status_code, refused.json()["error"]["reason"]) == (409, "missing")
            assert (await who.post("begin")).status_code == 409
            assert "picture-of-fury.png" in (await study.client.get("/api/v1/research/study")).json()["problem"]

    run(test)


def test_each_participant_meets_the_order_of_their_number(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, recording="none") as study:
            orders = set()
            for _ in range(2):
                who = await study.started()
                texts = [
                    s["stimulus"]["text"] for s in (await who.get("course")).json()["steps"] if s["kind"] == "stimulus"
                ]
                orders.add(tuple(texts))
            assert len(orders) == 2

    run(test)


def test_where_students_are_minors_a_guardian_agrees_too(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, recording="none", minors=True) as study:
            seen = await study.came_in((await study.invited())["code"])
            assert [paper["name"] for paper in seen["papers"]] == ["consent", "guardian"]
            body = {"ticket": seen["ticket"], "version": seen["papers"][0]["version"]}
            for wrong in (None, "0" * 16):
                answer = await study.client.post("/api/v1/study/consent", json=body | {"guardian_version": wrong})
                assert (answer.status_code, answer.json()["error"]["reason"]) == (409, "guardian")
            body["guardian_version"] = seen["papers"][1]["version"]
            answer = await study.client.post("/api/v1/study/consent", json=body)
            assert [one["document"] for one in answer.json()["receipts"]] == ["consent", "guardian"]

    run(test)


def test_a_decision_is_made_once_and_on_the_text_as_it_reads(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, recording="none") as study:
            seen = await study.came_in((await study.invited())["code"])
            body = {"ticket": seen["ticket"], "version": "another"}
            assert (await study.client.post("/api/v1/study/consent", json=body)).json()["error"][
                "reason"
            ] == "text changed"
            body["version"] = seen["papers"][0]["version"]
            asked = await study.client.post("/api/v1/study/consent", json=body | {"recording": True})
            assert asked.json()["error"]["reason"] == "recording"
            assert (await study.client.post("/api/v1/study/consent", json=body)).status_code == 200
            assert (await study.client.post("/api/v1/study/consent", json=body)).json()["error"]["reason"] == "decided"

    run(test)


@pytest.mark.parametrize(
    "wrong",
    [
        event(0, "answer", step=3, emotion="joy"),
        event(0, "answer", step=1, valence=5),
        event(0, "answer", step=3, valence=10),
        event(0, "answer", step=3, valence=5.5),
        event(0, "answer", step=3, picture="AAAA"),
        event(0, "onset", planned_ms=float("1e99")),
        event(0, "onset", step=400, planned_ms=0),
        event(0, "photograph"),
        event(0, "reading", p=[0, 1, 0, 0, 0, 0, 0, 0], vad=[0, 0, 0], confidence=0.5, not_sure=False),
        event(0, "onset", attempt=2, planned_ms=0),
    ],
)
def test_what_no_page_reports_is_refused_and_leaves_nothing(tmp_path: Path, wrong: dict[str, object]) -> None:
    async def test() -> None:
        async with running(tmp_path, recording="none") as study:
            who = await study.started()
            answer = await who.send(event(1, "onset", planned_ms=0), wrong)
            assert answer.status_code in (403, 409, 422)
            assert (await who.get("me")).json()["events"] == []

    run(test)


def test_clocks_are_exchanged_and_events_carry_the_servers_time(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, recording="none") as study:
            who = await study.started()
            first, second = [(await who.post("clock")).json() for _ in range(2)]
            assert first["received_s"] <= first["replied_s"] <= second["received_s"]
            assert (first["attempt"], first["state"]) == (1, "running")
            await who.send(event(0, "onset", planned_ms=0))
            (kept,) = study.desk.studies.events(study.desk.studies.participants(study.desk.study.session)[0].id)
            assert kept.received_s >= second["replied_s"]

    run(test)


def test_an_interrupted_session_goes_on_where_it_stopped_and_the_older_page_is_told(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, recording="none") as study:
            who = await study.started()
            sent = [event(0, "onset", planned_ms=0), event(1, "offset", planned_ms=2000, cause="time", time_ms=2000)]
            sent += [event(2, "onset", step=2, planned_ms=2000, time_ms=2001)]
            await who.send(*sent)
            again = await study.came_in(who.code)
            assert (again["state"], again["ticket"]) == ("running", "")
            back = type(who)(study.client, again["token"], who.code)
            # A situation that was seen in part is shown anew.
            assert (await back.post("begin")).json() == {"attempt": 2, "step": 2, "elapsed_s": 0.0, "calm": False}
            assert (await who.post("clock")).json()["attempt"] == 2
            # What the older page still had on its way arrives.
            assert (await who.send(event(3, "shown", step=2, visible=False, time_ms=2100))).json() == {"new": 1}

    run(test)


def test_stopping_leaves_the_calm_end_alone(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, recording="none") as study:
            who = await study.started()
            steps = (await who.get("course")).json()["steps"]
            await who.send(event(0, "onset", step=2, planned_ms=0))
            stopped = (await who.post("stop")).json()
            assert stopped["calm"]
            assert steps[stopped["step"] - 1]["kind"] == "repair"
            assert (await who.post("begin")).json()["step"] == stopped["step"]
            await who.post("finish", {"how": "done"})
            assert (await who.get("me")).json()["state"] == "stopped"

    run(test)


def test_a_recording_needs_protocol_and_consent(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as study:
            who, without = await study.started(recording=True), await study.started()
            assert (await who.record(1, 1, 0, b"first part")).status_code == 200
            assert (await who.record(1, 1, 0, b"first part")).status_code == 200
            for refused in (
                await without.record(1, 1, 0, b"a part"),
                # Nothing is recorded while somebody answers, and nothing beyond the last step.
                await who.record(1, 3, 0, b"a part"),
                await who.record(1, 900, 0, b"a part"),
                await who.record(2, 1, 0, b"a part"),
            ):
                assert (refused.status_code, refused.json()["error"]["reason"]) == (403, "recording")
            for damaged in (
                await who.record(1, 1, 1, b"a part", "0" * 64),
                await who.record(1, 1, 0, b"another part"),
                await who.record(1, 1, 1, b""),
            ):
                assert (damaged.status_code, damaged.json()["error"]["reason"]) == (422, "damaged")
            assert (await who.record(1, 1, 1, bytes((8 << 20) + 1))).status_code == 413
            kept = (await who.get("recordings")).json()
            assert [(one["attempt"], one["step"], one["part"]) for one in kept] == [(1, 1, 0)]
            assert (await without.get("recordings")).json() == []
            records = [step["records"] for step in (await without.get("course")).json()["steps"]]
            assert not any(records)

    run(test)


def test_a_protocol_without_video_takes_none(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, recording="features") as study:
            who = await study.started(recording=True)
            assert (await who.record(1, 1, 0, b"a part")).status_code == 403
            reading = event(0, "reading", p=[0, 1, 0, 0, 0, 0, 0, 0], vad=[0, 0, 0], confidence=0.5, not_sure=False)
            assert (await who.send(reading)).json() == {"new": 1}
            # The recogniser is for those alone who agreed.
            models = await study.client.get("/api/v1/models", headers=who.headers)
            assert "emotion.onnx" in models.json()["files"]
            without = await study.started()
            assert (await study.client.get("/api/v1/models", headers=without.headers)).status_code == 403
            assert (await study.client.get("/api/v1/models/emotion.json")).status_code == 401
            assert (await without.send(reading)).status_code == 403

    run(test)


def test_withdrawing_leaves_no_byte(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as study:
            who, other = await study.started("Goes7", recording=True), await study.started("Stays8", recording=True)
            for one in (who, other):
                await one.send(event(0, "answer", step=3, **SAM))
                await one.record(1, 1, 0, f"the face of {one.code}".encode())
            identity = next(
                p.id for p in study.desk.studies.participants(study.desk.study.session) if p.name == "Goes7"
            )
            assert (await study.client.delete("/api/v1/study/me", headers=who.headers)).status_code == 204
            for path in tmp_path.rglob("*"):
                assert identity not in str(path)
                if path.is_file():
                    content = path.read_bytes()
                    for trace in (identity.encode(), b"Goes7", f"the face of {who.code}".encode()):
                        assert trace not in content, path
            for refused in (await who.post("begin"), await who.get("me"), await who.send(event(1, "finish"))):
                assert refused.status_code == 401
            assert (await who.record(1, 1, 1, b"late")).status_code == 401
            assert (await study.client.post("/api/v1/study/join", json={"code": who.code})).status_code == 404
            assert (await other.get("me")).json()["events"] != []

    run(test)


def test_a_no_says_whether_anything_is_kept_and_only_then_that_it_was_erased(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, recording="none") as study:
            who = await study.started("Stays1")
            await who.send(event(0, "answer", step=3, **SAM))
            ring, session = study.desk.keyring, study.desk.study.session
            (found,) = study.desk.studies.participants(session)
            over = type(who)(
                study.client, ring.token("participant", session=session, who=found.id, expires=1), who.code
            )
            other = ring.token("participant", session="0" * 32, who=found.id, expires=1)
            for refused in (
                await over.get("me"),
                await over.send(event(1, "finish")),
                await over.record(1, 1, 0, b"a"),
            ):
                assert (refused.status_code, refused.json()["error"]["reason"]) == (401, "expired")
            for token in (over.token, other, "x.y"):
                headers = {"Authorization": f"Bearer {token}"}
                refused = await study.client.delete("/api/v1/study/me", headers=headers)
                problem = refused.json()["error"]
                assert refused.status_code == 401
                assert problem["reason"] in ("expired", "token")
                assert problem["message"].startswith("your data were not erased")
                assert "Open your link again" in problem["message"]
            assert len((await who.get("me")).json()["events"]) == 1
            assert (await study.client.delete("/api/v1/study/me", headers=who.headers)).status_code == 204
            # Also a token that is over may know that nothing is left.
            for one in (who, over):
                refused = await study.client.delete("/api/v1/study/me", headers=one.headers)
                for answer in (refused, await one.get("me"), await one.send(event(1, "finish"))):
                    assert (answer.status_code, answer.json()["error"]["reason"]) == (401, "erased")

    run(test)


def test_an_erasure_that_failed_halfway_is_not_told_as_done_and_goes_on_when_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise OutputError("a recording cannot be removed")

    async def test() -> None:
        async with running(tmp_path) as study:
            who = await study.started("Goes9", recording=True)
            await who.record(1, 1, 0, b"the face of Goes9")
            with monkeypatch.context() as broken:
                broken.setattr(study.desk.recordings, "erase", fail)
                for _ in range(2):
                    failed = await study.client.delete("/api/v1/study/me", headers=who.headers)
                    assert (failed.status_code, failed.json()["error"]["reason"]) == (503, "failed")
            assert b"the face of Goes9" in b"".join(one.read_bytes() for one in tmp_path.rglob("*.part"))
            for refused in (await who.get("me"), await who.send(event(1, "finish"))):
                assert (refused.status_code, refused.json()["error"]["reason"]) == (401, "erasing")
            assert (await study.client.delete("/api/v1/study/me", headers=who.headers)).status_code == 204
            for path in tmp_path.rglob("*"):
                assert not path.is_file() or b"Goes9" not in path.read_bytes(), path
            again = await study.client.delete("/api/v1/study/me", headers=who.headers)
            assert again.json()["error"]["reason"] == "erased"

    run(test)


def test_wrong_codes_and_foreign_tokens(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, recording="none") as study:
            who = await study.started()
            for _ in range(10):
                assert (await study.client.post("/api/v1/study/join", json={"code": "AAAA-AAAA"})).status_code == 404
            assert (await study.client.post("/api/v1/study/join", json={"code": who.code})).status_code == 429
            ring = study.desk.keyring
            session = study.desk.study.session
            for token in (
                "",
                "x.y",
                ring.token("student", session=session, who="x", expires=9e9),
                ring.token("participant", session="0" * 32, who="x", expires=9e9),
                ring.token("participant", session=session, who="0" * 32, expires=9e9),
                ring.token("participant", session=session, who="x", expires=1),
            ):
                answer = await study.client.get("/api/v1/study/me", headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == 401

    run(test)
