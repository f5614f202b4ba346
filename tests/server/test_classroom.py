"""One class: what comes in, what is told to whom, and that no client can make another wait."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from one_class import FakePeer, room_in
from served import EXACT, JOY, READING, run, settings_in

from classmood.errors import OutputError
from classmood.server.classroom import ANOTHER_TAB, LEFT, OVER, REFUSED_TOO_OFTEN, UNKNOWN, Classroom
from classmood.server.gatekeeper import Sight
from classmood.server.nudges import Mark, Nudge
from classmood.server.past import Past
from classmood.server.records import Records, utc_now


def test_a_class_is_released_to_its_teachers_and_kept(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path) as class_:
            teacher = FakePeer()
            class_.room.watch(teacher)
            for _ in range(6):
                class_.say(*class_.student("camera"), READING)
            release = await class_.room.close_interval()
            assert release is not None
            assert release.shares == {"joy": 1.0}
            (told,) = teacher.of("release")
            assert told["release"]["sharing"] == 6
            (kept,) = class_.records.store.releases(class_.identity)
            assert json.loads(kept)["shares"] == {"joy": 1.0}

    run(test)


def test_a_release_that_cannot_be_kept_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with room_in(tmp_path) as class_:
            teacher = FakePeer()
            class_.room.watch(teacher)

            def full(*_: object) -> None:
                raise OutputError("the disk is full")

            with monkeypatch.context() as patched:
                patched.setattr(class_.records.store, "add_release", full)
                with pytest.raises(OutputError):
                    await class_.room.close_interval()
            assert teacher.texts == []
            await class_.room.close_interval()
            assert [told["release"]["number"] for told in teacher.of("release")] == [1]

    run(test)


def test_a_student_is_told_whether_they_count_and_only_when_it_changes(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path) as class_:
            who, peer = class_.student()
            for _ in range(4):
                class_.student()
            await class_.room.close_interval()
            await class_.room.close_interval()
            class_.say(who, peer, JOY)
            class_.say(who, peer, {"v": 1, "type": "pause"})
            class_.say(who, peer, JOY)
            states = [(state["counted"], state["paused"]) for state in peer.of("state")]
            assert states == [(False, False), (True, False), (True, True), (True, False)]
            assert not peer.of("release")

    run(test)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("{}", "schema"),
        ("[" * 200, "schema"),
        ('{"v":1,"type":"press","mood":"joy","name":"Ann"}', "schema"),
        (b"\x00\x01", "schema"),
        ("x" * 257, "size"),
        ("\ud800" * 100, "size"),
        (json.dumps(READING), "denied"),
    ],
)
def test_what_is_wrong_is_refused_with_a_word(tmp_path: Path, message: str | bytes, reason: str) -> None:
    async def test() -> None:
        async with room_in(tmp_path) as class_:
            who, peer = class_.student("press")
            class_.room.take(who, peer, message)
            assert peer.of("refused") == [{"v": 1, "type": "refused", "reason": reason}]
            assert peer.code is None

    run(test)


def test_a_camera_counts_only_for_who_agreed_to_it_and_while_it_is_allowed(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path) as class_:
            who, peer = class_.student("camera")
            class_.say(who, peer, READING)
            assert not peer.of("refused")
            class_.allowed = False
            class_.say(who, peer, READING)
            assert [refused["reason"] for refused in peer.of("refused")] == ["denied"]
            class_.say(who, peer, JOY)
            assert len(peer.of("refused")) == 1
            assert peer.of("state")[-1]["camera_allowed"] is False

    run(test)


def test_ten_refused_in_a_row_end_the_connection_and_a_good_one_between_does_not(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path) as class_:
            who, peer = class_.student()
            other, quiet = class_.student()
            for _ in range(9):
                class_.room.take(who, peer, "x")
            class_.say(who, peer, JOY)
            for _ in range(9):
                class_.room.take(who, peer, json.dumps(JOY))  # too soon
            assert {refused["reason"] for refused in peer.of("refused")} == {"schema", "rate"}
            assert peer.code is None
            class_.room.take(who, peer, "x")
            assert peer.code == REFUSED_TOO_OFTEN
            assert quiet.code is None
            class_.say(other, quiet, JOY)
            assert not quiet.of("refused")

    run(test)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(st.text(max_size=300) | st.binary(max_size=300), max_size=12))
def test_whatever_one_sends_the_others_are_released(tmp_path: Path, messages: list[str | bytes]) -> None:
    async def test() -> None:
        async with room_in(tmp_path) as class_:
            who, peer = class_.student()
            for _ in range(5):
                class_.say(*class_.student(), JOY)
            for message in messages:
                class_.room.take(who, peer, message)
            release = await class_.room.close_interval()
            assert release is not None
            assert release.shares["joy"] >= 0.8

    run(test)


def test_of_two_tabs_the_later_counts_and_the_first_is_told(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path, grace_s=600) as class_:
            who, first = class_.student()
            second = FakePeer()
            class_.room.enter(who, "press", second)
            assert first.code == ANOTHER_TAB
            class_.room.take(who, first, json.dumps(JOY))
            class_.room.lose(who, first)
            assert len(first.texts) == 1, "what the first still sends is nobody's"
            class_.say(who, second, JOY)
            assert not second.of("refused")
            assert second.code is None

    run(test)


def test_a_broken_connection_has_time_to_come_back(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path, grace_s=600) as class_:
            everybody = [class_.student() for _ in range(5)]
            await class_.room.close_interval()
            who, peer = everybody[0]
            class_.room.lose(who, peer)
            release = await class_.room.close_interval()
            assert release is not None
            assert release.sharing == 5
            back = FakePeer()
            class_.room.enter(who, "press", back)
            assert back.of("state")[0]["counted"]

    run(test)


def test_who_does_not_come_back_has_left(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path, grace_s=0) as class_:
            everybody = [class_.student() for _ in range(5)]
            await class_.room.close_interval()
            class_.room.lose(*everybody[0])
            await asyncio.sleep(0.05)
            release = await class_.room.close_interval()
            assert release is not None
            assert release.silent, "four are fewer than k"

    run(test)


def test_leaving_is_at_once(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path, grace_s=600) as class_:
            everybody = [class_.student() for _ in range(5)]
            await class_.room.close_interval()
            class_.say(*everybody[0], {"v": 1, "type": "leave"})
            assert everybody[0][1].code == LEFT
            release = await class_.room.close_interval()
            assert release is not None
            assert release.silent

    run(test)


def test_who_is_expelled_has_no_voice_left(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path) as class_:
            who, peer = class_.student()
            class_.say(who, peer, JOY)
            class_.room.expel(who)
            assert peer.code == UNKNOWN
            class_.room.take(who, peer, json.dumps(JOY))
            class_.room.lose(who, peer)
            assert who not in class_.room._releases._voices  # type: ignore[union-attr]
            class_.room.expel("nobody")

    run(test)


def test_a_class_has_room_for_so_many(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path, most_students=2) as class_:
            who, _ = class_.student()
            assert not class_.room.full("another")
            class_.student()
            assert class_.room.full("another")
            assert not class_.room.full(who), "who is in may come in another tab"

    run(test)


def test_the_end_is_told_to_all(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path) as class_:
            (_, peer), teacher = class_.student(), FakePeer()
            class_.room.watch(teacher)
            await class_.room.end()
            assert (peer.code, teacher.code) == (OVER, OVER)
            assert teacher.of("ended") == [{"v": 1, "type": "ended"}]

    run(test)


@pytest.mark.parametrize("profile", ["research", "self-reflection"])
def test_where_teachers_see_nothing_live_they_are_sent_nothing(tmp_path: Path, profile: str) -> None:
    async def test() -> None:
        async with room_in(tmp_path, profile) as class_:
            teacher = FakePeer()
            class_.room.watch(teacher)
            for _ in range(6):
                class_.say(*class_.student("camera"), READING)
            await class_.room.close_interval()
            assert teacher.texts == []
            kept = class_.records.store.releases(class_.identity)
            assert len(kept) == (1 if profile == "research" else 0)

    run(test)


def test_rows_of_a_study_are_kept_with_each_release(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path, "research") as class_:
            who, peer = class_.student("camera")
            other, gone = class_.student("camera")
            class_.say(who, peer, READING)
            class_.say(other, gone, READING)
            class_.say(who, peer, {"v": 1, "type": "pause"})
            class_.records.store.withdraw_consent(other, dt.datetime.now(dt.UTC))
            await class_.room.close_interval()
            ((time_s, body),) = class_.records.store.research_rows(who)
            assert time_s == 1.0
            assert json.loads(body)["p"] == READING["p"]
            assert class_.records.store.research_rows(other) == [], "withdrawn in between"
            class_.allowed = False
            class_.say(who, peer, JOY)
            await class_.room.close_interval()
            assert len(class_.records.store.research_rows(who)) == 1, "the approval is over"

    run(test)


def test_rows_are_kept_of_no_other_class(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path, "class") as class_:
            who, peer = class_.student("camera")
            class_.say(who, peer, READING)
            await class_.room.close_interval()
            assert class_.records.store.research_rows(who) == []

    run(test)


def test_a_class_goes_on_where_it_was(tmp_path: Path) -> None:
    given_ = Nudge(3, 40.0, "joy", 30.0, None, "text", "action")
    past = Past(elapsed_s=50.0, first=7, marks=[Mark(1.0, "slide")], nudges=[given_], answers=[(3, "not useful")])

    async def test() -> None:
        async with room_in(tmp_path, past=past) as class_:
            assert class_.room.time_s == 50.0
            release = await class_.room.close_interval()
            assert release is not None
            assert (release.number, release.time_s) == (7, 50.0)
            assert class_.room.nudges.given == (given_,)
            assert class_.room.nudges.threshold_factor("joy") > 1

    run(test)


def test_a_nudge_is_kept_and_told(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path, allowed=False) as class_:
            teacher = FakePeer()
            class_.room.watch(teacher)
            everybody = [class_.student() for _ in range(6)]
            # From a class that presses nothing to one that presses joy.
            for moment in range(8):
                for who, peer in everybody if moment >= 4 else ():
                    class_.say(who, peer, JOY)
                class_.now_s += 10
                await class_.room.close_interval()
            (told,) = teacher.of("nudge")
            (kept,) = class_.records.store.nudges(class_.identity)
            assert json.loads(kept.body)["text"] == told["text"]
            assert "joy" in told["text"]

    run(test)


def test_a_nudge_that_fails_keeps_no_release_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> None:
        raise ZeroDivisionError

    async def test() -> None:
        async with room_in(tmp_path) as class_:
            teacher = FakePeer()
            class_.room.watch(teacher)
            monkeypatch.setattr(class_.room.nudges, "take", fails)
            await class_.room.close_interval()
            assert len(teacher.of("release")) == 1

    run(test)


def test_the_loop_goes_on_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        records = Records(settings_in(tmp_path))
        identity = records.store.open_session("class", utc_now(), keep_days=1)
        room = Classroom(
            identity,
            Sight(live=True, after=True, rows=False),
            settings_in(tmp_path, release=EXACT),
            records,
            camera_allowed=lambda: False,
        )
        real, calls = records.store.add_release, []

        def fails_once(session: str, number: int, time_s: float, body: str) -> None:
            calls.append(number)
            if number == 0:
                raise RuntimeError("something that nobody thought of")
            real(session, number, time_s, body)

        monkeypatch.setattr(records.store, "add_release", fails_once)
        room.start()
        while len(calls) < 2:
            await asyncio.sleep(0.05)
        await room.stop()
        assert calls[:2] == [0, 1]
        records.close()

    run(test)
