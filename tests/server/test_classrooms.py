"""All classes of a server: they open, go on after a stop, and end when nobody ends them."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from pathlib import Path

import pytest
from served import ALLOWED, READING, RESEARCH, run, settings_in

from classmood.errors import OutputError
from classmood.server import classrooms
from classmood.server.classrooms import Classrooms
from classmood.server.gate import DeploymentError
from classmood.server.interview import write_toml
from classmood.server.records import utc_now


class SilentPeer:
    """A connection on which nobody listens."""

    def send(self, text: str) -> None:
        pass

    def end(self, code: int) -> None:
        pass


def actions(folder: Path) -> list[str]:
    return [json.loads(line)["action"] for line in (folder / "class.db.audit.jsonl").read_text().splitlines()]


def test_open_classes_go_on_after_a_stop_and_closed_ones_do_not(tmp_path: Path) -> None:
    async def test() -> None:
        rooms = Classrooms(settings_in(tmp_path))
        await rooms.start()
        going, over = await rooms.open(20), await rooms.open(None)
        room = rooms.room(going.id)
        assert room is not None
        await room.close_interval()
        await rooms.close(over.id)
        code, over_code = rooms.keyring.join_code(going.id), rooms.keyring.join_code(over.id)
        await rooms.stop()

        rooms = Classrooms(settings_in(tmp_path))
        await rooms.start()
        again = rooms.find(code.lower().replace("-", " "))
        assert again is not None
        assert again.identity == going.id
        assert again.class_size == 20
        assert rooms.find(over_code) is None
        release = await again.close_interval()
        assert release is not None
        assert release.number == 1
        await rooms.stop()
        assert actions(tmp_path) == [
            *("server started", "inference denied", "session opened", "session opened", "session closed"),
            *("server started", "inference denied"),
        ]

    run(test)


@pytest.mark.parametrize("code", ["", "AAAA-AAAA", "' OR 1=1 --", "../../..", "\x00", "ÄÖÜß", "\ud800", "A" * 5000])
def test_no_code_that_is_not_one_finds_a_class(tmp_path: Path, code: str) -> None:
    async def test() -> None:
        rooms = Classrooms(settings_in(tmp_path))
        await rooms.start()
        await rooms.open(20)
        assert rooms.find(code) is None
        await rooms.stop()

    run(test)


def test_what_nobody_closes_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classrooms, "_CHECK_S", 0.01)

    async def test() -> None:
        rooms = Classrooms(settings_in(tmp_path, longest_session_s=60))
        await rooms.start()
        session = await rooms.open(20)
        room = rooms.room(session.id)
        assert room is not None
        room._began -= 61
        while rooms.room(session.id) is not None:
            await asyncio.sleep(0.01)
        kept = await rooms.records.do(rooms.records.store.session, session.id)
        assert kept.closed is not None
        await rooms.stop()

    run(test)


def test_what_is_over_is_erased_at_the_start_and_once_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classrooms, "_CHECK_S", 0.01)

    async def test() -> None:
        rooms = Classrooms(settings_in(tmp_path))
        store = rooms.records.store
        old = store.open_session("class", utc_now() - dt.timedelta(days=3), keep_days=1)
        await rooms.start()
        assert rooms.room(old) is None
        assert [session.id for session in store.sessions()] == []
        kept = await rooms.open(20)
        tomorrow = utc_now() + dt.timedelta(days=31)
        monkeypatch.setattr(classrooms, "utc_now", lambda: tomorrow)
        while rooms.room(kept.id) is not None:
            await asyncio.sleep(0.01)
        assert await rooms.records.do(store.sessions) == []
        await rooms.stop()
        assert actions(tmp_path).count("retention applied") == 2

    run(test)


def test_a_class_s_camera_is_that_of_its_own_profile(tmp_path: Path) -> None:
    async def test() -> None:
        rooms = Classrooms(settings_in(tmp_path))
        await rooms.start()
        session = await rooms.open(20)
        assert session.profile == "camera-free"
        await rooms.stop()
        # The operator states a profile while a camera-free class is open: its students agreed to none.
        rooms = Classrooms(settings_in(tmp_path, ALLOWED))
        await rooms.start()
        room = rooms.room(session.id)
        assert room is not None
        assert not room.camera_allowed
        new = rooms.room((await rooms.open(20)).id)
        assert new is not None
        assert new.camera_allowed
        await rooms.stop()
        # And another profile: what was opened under the first has no camera under the second.
        rooms = Classrooms(settings_in(tmp_path, RESEARCH))
        await rooms.start()
        room = rooms.room(new.identity)
        assert room is not None
        assert not room.camera_allowed
        await rooms.stop()

    run(test)


def test_a_deployment_that_is_wrong_is_no_deployment_that_is_missing(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.deployment.write_text(write_toml(ALLOWED).replace("elsewhere", "nowhere"), encoding="utf-8")
    with pytest.raises(DeploymentError, match="place"):
        Classrooms(settings)


def test_an_erased_class_is_gone_and_ended(tmp_path: Path) -> None:
    async def test() -> None:
        rooms = Classrooms(settings_in(tmp_path))
        await rooms.start()
        session = await rooms.open(20)
        await rooms.erase(session.id)
        assert rooms.room(session.id) is None
        assert await rooms.records.do(rooms.records.store.sessions) == []
        await rooms.stop()

    run(test)


def full(*_: object) -> None:
    raise OutputError("the disk is full")


def test_a_class_whose_end_cannot_be_written_can_be_ended_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        rooms = Classrooms(settings_in(tmp_path))
        await rooms.start()
        session = await rooms.open(20)
        room = rooms.room(session.id)
        assert room is not None
        with monkeypatch.context() as patched:
            patched.setattr(rooms.records.store, "close_session", full)
            with pytest.raises(OutputError):
                await rooms.close(session.id)
        assert rooms.room(session.id) is room
        ended: list[str] = []

        async def end() -> None:
            ended.append(room.identity)

        monkeypatch.setattr(room, "end", end)
        await asyncio.gather(rooms.close(session.id), rooms.close(session.id))
        assert ended == [session.id]
        assert rooms.room(session.id) is None
        assert actions(tmp_path).count("session closed") == 1
        await room.stop()
        await rooms.stop()

    run(test)


def test_a_class_that_was_erased_from_the_disk_can_be_ended(tmp_path: Path) -> None:
    async def test() -> None:
        rooms = Classrooms(settings_in(tmp_path))
        await rooms.start()
        session = await rooms.open(20)
        await rooms.records.do(rooms.records.store.erase_session, session.id)
        await rooms.close(session.id)
        assert rooms.room(session.id) is None
        await rooms.stop()

    run(test)


def test_the_server_looks_after_what_is_over_also_after_a_failure_that_nobody_thought_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(classrooms, "_CHECK_S", 0.01)

    async def test() -> None:
        rooms = Classrooms(settings_in(tmp_path))
        await rooms.start()
        real, calls = rooms._close_overdue, []

        async def fails_once() -> None:
            calls.append(1)
            if len(calls) == 1:
                raise RuntimeError("something that nobody thought of")
            await real()

        monkeypatch.setattr(rooms, "_close_overdue", fails_once)
        while len(calls) < 3:
            await asyncio.sleep(0.01)
        assert rooms._chores is not None
        assert not rooms._chores.done()
        await rooms.stop()

    run(test)
    assert "it is tried again" in caplog.text


def test_what_a_study_sent_last_is_kept_when_the_server_stops(tmp_path: Path) -> None:
    async def test() -> None:
        rooms = Classrooms(settings_in(tmp_path, RESEARCH))
        await rooms.start()
        session = await rooms.open(20)
        room = rooms.room(session.id)
        assert room is not None
        who, _ = await rooms.records.do(rooms.records.give_consent, session.id, "consent", "1")
        peer = SilentPeer()
        room.enter(who, "camera", peer)
        room.take(who, peer, json.dumps(READING))
        await rooms.stop()
        rooms = Classrooms(settings_in(tmp_path, RESEARCH))
        await rooms.start()
        assert len(await rooms.records.do(rooms.records.store.research_rows, who)) == 1
        await rooms.stop()

    run(test)
