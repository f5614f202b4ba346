"""What a class goes on with after a kill is what it left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from classmood.server.nudges import Mark, Nudge
from classmood.server.past import read_nudge, read_past, write_nudge
from classmood.server.records import utc_now
from classmood.server.release import Release
from classmood.store import Store

NUDGE = Nudge(2, 31.5, "confusion", 20.0, Mark(12.0, "question", 'why "so" <b>?'), "text", "action")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "class.db") as opened:
        yield opened


@pytest.mark.parametrize("nudge", [NUDGE, Nudge(0, 1.0, "joy", 0.0, None, "", "")])
def test_a_nudge_is_read_as_it_was_written(nudge: Nudge) -> None:
    assert read_nudge(write_nudge(nudge)) == nudge


def test_a_class_that_left_nothing_begins(store: Store) -> None:
    session = store.open_session("class", utc_now(), keep_days=1)
    past = read_past(store, session, 12.5)
    assert (past.elapsed_s, past.first, list(past.marks), list(past.nudges)) == (12.5, 0, [], [])


def test_a_class_goes_on_with_what_it_left(store: Store) -> None:
    session = store.open_session("class", utc_now(), keep_days=1)
    for number, time_s in ((0, 10.0), (1, 20.0), (4, 50.0)):
        release = Release(number=number, time_s=time_s, sharing=6, shares={"joy": 0.5})
        store.add_release(session, number, time_s, release.model_dump_json())
    store.add_mark(session, 12.0, "question", "why")
    store.add_nudge(session, 2, 31.5, write_nudge(NUDGE))
    store.answer_nudge(session, 2, "useful")
    past = read_past(store, session, 70.0)
    assert (past.elapsed_s, past.first) == (70.0, 5)
    assert list(past.marks) == [Mark(12.0, "question", "why")]
    assert list(past.nudges) == [NUDGE]
    assert list(past.answers) == [(2, "useful")]


def test_a_clock_that_was_set_back_does_not_take_a_class_back(store: Store) -> None:
    session = store.open_session("class", utc_now(), keep_days=1)
    store.add_release(session, 0, 50.0, Release(number=0, time_s=50.0).model_dump_json())
    assert read_past(store, session, 3.0).elapsed_s == 50.0
