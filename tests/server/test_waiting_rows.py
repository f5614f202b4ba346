"""Rows of a study: none is lost by leaving, by a stop or by a full disk, and none stays of who withdrew."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from one_class import Room, room_in
from served import READING, run, settings_in

from classmood.errors import OutputError
from classmood.server.classroom import UNKNOWN
from classmood.server.records import Records
from classmood.store import Store


@contextlib.contextmanager
def full_for(store: Store, *whom: str) -> Iterator[None]:
    """A disk on which the rows of these cannot be written."""
    real = store.add_research_rows

    def add(who: str, rows: Sequence[tuple[float, str]]) -> None:
        if who in whom:
            raise OutputError("the disk is full")
        real(who, rows)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store, "add_research_rows", add)
        yield


def test_who_leaves_a_study_leaves_the_rows_that_were_taken(tmp_path: Path) -> None:
    async def test() -> None:
        async with room_in(tmp_path, "research") as class_:
            who, peer = class_.student("camera")
            class_.say(who, peer, READING)
            class_.say(who, peer, {"v": 1, "type": "leave"})
            expelled, gone = class_.student("camera")
            class_.say(expelled, gone, READING)
            class_.say(expelled, gone, {"v": 1, "type": "leave"})
            class_.room.expel(expelled)
            await class_.room.close_interval()
            assert len(class_.records.store.research_rows(who)) == 1
            assert class_.records.store.research_rows(expelled) == []

    run(test)


@pytest.mark.parametrize("how", ["stop", "end"])
def test_rows_that_came_after_the_last_release_are_kept(tmp_path: Path, how: str) -> None:
    async def test() -> None:
        async with room_in(tmp_path, "research") as class_:
            who, peer = class_.student("camera")
            class_.say(who, peer, READING)
            await getattr(class_.room, how)()
            assert len(class_.records.store.research_rows(who)) == 1

    run(test)


def test_rows_that_cannot_be_written_wait_and_keep_nobody_else_s_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with room_in(tmp_path, "research") as class_:
            store = class_.records.store
            (first, one), (other, two) = class_.student("camera"), class_.student("camera")
            for who, peer in ((first, one), (other, two)):
                class_.say(who, peer, READING)
            with full_for(store, first):
                assert await class_.room.close_interval() is not None
            assert "rows of a study could not be kept" in caplog.text
            assert (len(store.research_rows(first)), len(store.research_rows(other))) == (0, 1)
            class_.say(first, one, READING)
            await class_.room.close_interval()
            await class_.room.close_interval()
            assert [time_s for time_s, _ in store.research_rows(first)] == [1.0, 3.0]
            assert len(store.research_rows(other)) == 1

    run(test)


def test_rows_that_wait_are_bounded_and_a_loss_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("classmood.server.waiting_rows._MOST_ROWS", 2)

    async def test() -> None:
        async with room_in(tmp_path, "research") as class_:
            who, peer = class_.student("camera")
            with full_for(class_.records.store, who):
                for _ in range(3):
                    class_.say(who, peer, READING)
                await class_.room.close_interval()
            await class_.room.close_interval()
            assert [time_s for time_s, _ in class_.records.store.research_rows(who)] == [2.0, 3.0]
            assert "the oldest are lost" in caplog.text
            class_.say(who, peer, READING)
            with full_for(class_.records.store, who):
                await class_.room.stop()
            assert "the last rows of a study could not be kept and are lost" in caplog.text

    run(test)


def test_who_is_expelled_while_rows_cannot_be_written_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        async with room_in(tmp_path, "research") as class_:
            who, peer = class_.student("camera")
            class_.say(who, peer, READING)

            def fails(*_: object) -> None:
                # On the event loop before it hears of the failure.
                loop.call_soon_threadsafe(class_.room.expel, who)
                raise OutputError("the disk is full")

            with monkeypatch.context() as patched:
                patched.setattr(class_.records.store, "add_research_rows", fails)
                await class_.room.close_interval()
            assert peer.code == UNKNOWN
            await class_.room.close_interval()
            assert class_.records.store.research_rows(who) == []

    run(test)


def test_a_stop_while_rows_are_written_keeps_them_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        records = Records(settings_in(tmp_path))
        class_ = Room(records, "research")
        who, peer = class_.student("camera")
        class_.say(who, peer, READING)
        real, began, go_on = records.store.add_research_rows, threading.Event(), threading.Event()

        def slow(who: str, rows: Sequence[tuple[float, str]]) -> None:
            began.set()
            go_on.wait(10)
            real(who, rows)

        monkeypatch.setattr(records.store, "add_research_rows", slow)
        class_.room._loop_task = asyncio.ensure_future(class_.room.close_interval())  # type: ignore[assignment]
        while not began.is_set():
            await asyncio.sleep(0.01)
        stopping = asyncio.ensure_future(class_.room.stop())
        await asyncio.sleep(0.05)
        go_on.set()
        await stopping
        assert len(records.store.research_rows(who)) == 1
        records.close()

    run(test)
