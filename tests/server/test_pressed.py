"""What was pressed in a class beside what the same participant's camera read within five seconds of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from classmood.emotions import CLASSROOM_CLASSES
from classmood.errors import InputError
from classmood.server.messages import Press, Reading
from classmood.server.pressed import pressed_pairs
from classmood.store import Store

NOW = dt.datetime(2026, 11, 28, 9, tzinfo=dt.UTC)
SMILE = (0.1, 0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
BLANK = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def reading(p: tuple[float, ...], *, not_sure: bool = False) -> str:
    found = Reading(
        v=1, type="reading", classes="ferplus", p=p, vad=(p[1], 0.2, 0.1), confidence=0.9, not_sure=not_sure
    )
    return found.model_dump_json(exclude={"v"})


def press(mood: str | None) -> str:
    return Press(v=1, type="press", mood=mood, confused=True).model_dump_json(exclude={"v"})  # type: ignore[arg-type]


def keep(store: Store, session: str, rows: list[tuple[float, str]]) -> None:
    who, _ = store.give_consent(session, "consent", "1", NOW)
    store.add_research_rows(who, rows)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "class.sqlite3")


def named(places: list[int]) -> list[str]:
    return [CLASSROOM_CLASSES[place] if place >= 0 else "" for place in places]


def test_each_press_is_beside_the_sure_readings_about_it(store: Store) -> None:
    session = store.open_session("research", NOW, keep_days=30)
    smiles = [(float(t), reading(SMILE)) for t in range(10, 16)]
    unsure = [(float(t), reading(BLANK, not_sure=True)) for t in range(16, 30)]
    blank = [(float(t), reading(BLANK)) for t in range(60, 70)]
    keep(
        store, session, [*smiles, (12.5, press("joy")), *unsure, *blank, (65.0, press("grief")), (200.0, press("joy"))]
    )
    pairs = pressed_pairs(store, session, 300.0)
    assert named(pairs.reported.tolist()) == ["joy", "grief", "joy"]
    # The last has no reading within reach; who is not sure says nothing.
    assert named(pairs.recognised.tolist()) == ["joy", "neutral", ""]
    assert pairs.recognised_vad[0].tolist() == pytest.approx([0.9, 0.2, 0.1])
    assert not (pairs.reported_vad == pairs.reported_vad).any()


def test_a_mood_that_is_told_again_while_it_stands_is_one_answer(store: Store) -> None:
    session = store.open_session("research", NOW, keep_days=30)
    told = [
        (10.0, press("joy")),
        (40.0, press("joy")),
        (50.0, press(None)),
        (60.0, press("grief")),
        (500.0, press("grief")),
    ]
    keep(store, session, told)
    assert named(pressed_pairs(store, session, 300.0).reported.tolist()) == ["joy", "grief", "grief"]


def test_participants_are_apart_and_other_classes_are_left_out(store: Store) -> None:
    session, other = (store.open_session("research", NOW, keep_days=30) for _ in range(2))
    for _ in range(3):
        keep(store, session, [(1.0, reading(SMILE)), (2.0, press("joy"))])
    keep(store, other, [(1.0, reading(SMILE)), (2.0, press("joy"))])
    assert sorted(pressed_pairs(store, session, 300.0).person.tolist()) == [0, 1, 2]
    with pytest.raises(InputError):
        pressed_pairs(store, "0" * 32, 300.0)
