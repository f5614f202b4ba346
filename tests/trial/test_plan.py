"""A trial's schedule: balanced, the same for the same seed, fixed once written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.errors import InputError, OutputError
from classmood.trial.plan import Frame, make_plan, read_plan, write_plan

WITHIN, BETWEEN = "within classes", "between classes"


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(6, 10), st.integers(2, 5), st.integers(0, 1000))
def test_half_of_every_block_is_on_and_the_seed_decides(classes: int, blocks: int, size: int, seed: int) -> None:
    frame = Frame(tuple(f"c{i}" for i in range(classes)), blocks * size, size, WITHIN)
    plan = make_plan(frame, move="nudges", outcome="score", seed=seed)
    assert len(plan.units) == classes * blocks * size
    for block in {unit.block for unit in plan.units}:
        units = [unit for unit in plan.units if unit.block == block]
        assert len({unit.school_class for unit in units}) == 1
        assert sum(unit.on for unit in units) in {size // 2, (size + 1) // 2}
    assert plan == make_plan(frame, move="nudges", outcome="score", seed=seed)
    assert [unit.number for unit in plan.units] == list(range(1, len(plan.units) + 1))


def test_each_lesson_of_a_block_is_as_likely_on() -> None:
    frame = Frame(("a",), 12, 2, WITHIN)
    first = [make_plan(frame, move="m", outcome="o", seed=s).units[0].on for s in range(400)]
    assert 0.43 < sum(first) / 400 < 0.57


def test_between_classes_half_have_it_throughout() -> None:
    plan = make_plan(Frame(tuple("abcdefgh"), 0, 2, BETWEEN), move="m", outcome="o", seed=1)
    assert sum(unit.on for unit in plan.units) == 4
    assert {unit.lesson for unit in plan.units} == {0}
    assert plan.ways == 70


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (Frame(("a",), 4, 2, WITHIN), "4 ways only; at least 12 lessons in each of 1 classes"),
        (Frame(("a", "b"), 4, 2, WITHIN), "at least 6 lessons in each of 2 classes"),
        (Frame(("a", "b", "c"), 0, 2, BETWEEN), "at least 8 classes are needed"),
        (Frame(("a",), 7, 2, WITHIN), "expected a multiple of the block's 2 lessons, got 7; plan 6 or 8"),
        (Frame(("a", "a"), 12, 2, WITHIN), "classes: expected different names"),
    ],
)
def test_what_could_show_nothing_is_refused_with_what_is_needed(frame: Frame, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make_plan(frame, move="m", outcome="o", seed=0)


@pytest.mark.parametrize(
    ("outcome", "school_class", "said"),
    [("o" * 301, "9a", "outcome: .*300"), ("  ", "9a", "outcome: .*at least 1"), ("o", "9a" * 31, "class name: .*60")],
)
def test_a_text_that_is_empty_or_too_long_is_named(outcome: str, school_class: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make_plan(Frame((school_class, "9b"), 10, 2, WITHIN), move="m", outcome=outcome, seed=0)


def test_a_schedule_is_fixed_once_written(tmp_path: Path) -> None:
    plan = make_plan(Frame(("9a", "9b"), 10, 2, WITHIN), move="nudges", outcome="mean score of the quiz", seed=3)
    path = write_plan(plan, tmp_path / "trial.json")
    assert read_plan(path) == plan
    with pytest.raises(OutputError, match="not drawn again"):
        write_plan(plan, path)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["units"][0]["on"] = not content["units"][0]["on"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match="was changed after it was fixed"):
        read_plan(path)


def test_a_schedule_that_was_not_drawn_is_refused_whatever_its_hash(tmp_path: Path) -> None:
    plan = make_plan(Frame(("9a", "9b"), 10, 2, WITHIN), move="nudges", outcome="o", seed=3)
    chosen = plan.model_copy(
        update={"units": tuple(u.model_copy(update={"on": u.lesson % 2 == 0}) for u in plan.units)}
    )
    chosen = chosen.model_copy(update={"sha256": chosen.digest()})
    with pytest.raises(InputError, match="not the draw of its seed 3"):
        read_plan(write_plan(chosen, tmp_path / "trial.json"))
    with pytest.raises(InputError, match="cannot be read"):
        read_plan(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="not a schedule"):
        read_plan(tmp_path / "other.json")
