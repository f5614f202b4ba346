"""The judge of benchmarks/nudges.py: what is right, what is wrong and why, and a class that is held without sockets."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from classmood.server.messages import read_message
from classmood.server.nudges import Nudge
from classmood.server.release import ReleaseSettings
from classmood.simulation.lesson import Lesson, draw
from classmood.simulation.scenario import Event, Resting, Scenario, Students
from classmood.simulation.truth import moments

FOLDER = Path(__file__).parents[2] / "benchmarks"
EXACT = ReleaseSettings(noise_students=0, press_noise_students=0, batch_gap_s=0)
JOKE = Event(
    name="joke", at_s=(400, 400), touched=(1, 1), feelings={"joy": 1.0}, rise_s=(2, 2), lasts_s=(60, 60), decay_s=(9, 9)
)
QUIP = JOKE.model_copy(update={"at_s": (900.0, 900.0), "touched": (0.2, 0.2)})


@pytest.fixture(scope="module")
def nudges() -> Iterator[ModuleType]:
    sys.path.insert(0, str(FOLDER))
    yield __import__("nudges")
    sys.path.remove(str(FOLDER))
    del sys.modules["nudges"]


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    habits = Students(refuse=(0, 0), late=(0, 0), early=(0, 0), camera=(1, 1), drops_an_hour=(0, 0), shows=(0.9, 0.9))
    calm = Resting(feelings={"joy": 0.05}, alike=100, wander=0)
    scenario = Scenario(length_s=1200, students=habits, resting=calm, event=(JOKE, QUIP))
    drawn = (draw(scenario, seed, students=20) for seed in range(50))
    # One in which the quip touches enough to be a small rise, and too few to be worth telling.
    small = scenario.telling.model_copy(update={"worth": 0.15})
    return next(one for one in drawn if len(moments(one)) == 1 and len(moments(one, small)) == 2)


def said(kind: str, time_s: float) -> Nudge:
    return Nudge(0, time_s, kind, time_s, None, "", "")  # type: ignore[arg-type]


def test_without_noise_the_joke_is_told_in_time_and_nothing_else(nudges: ModuleType, lesson: Lesson) -> None:
    held = nudges.hold(lesson, EXACT)
    assert len(held.releases) == 120
    assert 0.8 < held.counted < 1
    given = nudges.nudge(lesson, held.releases, EXACT)
    outcome = nudges.judge(lesson, given, lesson.scenario.telling, [])
    assert outcome.moments == {"joy": 1}
    assert [kind for kind, _ in outcome.delays_s] == ["joy"]
    assert not outcome.wrong
    before, after = (np.mean([held.exact[i][1] for i in span]) for span in (range(20, 38), range(42, 45)))
    assert before < 5
    assert after > 11


def test_what_is_wrong_is_named(nudges: ModuleType, lesson: Lesson) -> None:
    (moment,) = moments(lesson)
    right = said("joy", moment.time_s + 20)
    for wrong, why in (
        (said("joy", moment.time_s - 30), "nothing"),
        (said("low", moment.time_s + 20), "other kind"),
        (said("joy", moment.ends_s - 1), "late"),
        (said("joy", 920.0), "small rise"),
    ):
        if why == "late" and moment.ends_s - 1 <= moment.time_s + nudges.LATEST_S:
            continue
        outcome = nudges.judge(lesson, [right, wrong], lesson.scenario.telling, [])
        assert outcome.delays_s == [("joy", 20.0)]
        assert outcome.wrong == [(wrong.kind, why)]
    twice = nudges.judge(lesson, [right, right], lesson.scenario.telling, [])
    assert len(twice.delays_s) == 1


def test_the_summary_counts_and_its_intervals_hold_the_value(nudges: ModuleType, lesson: Lesson) -> None:
    (moment,) = moments(lesson)
    good = nudges.judge(lesson, [said("joy", moment.time_s + 10)], lesson.scenario.telling, [5.0])
    bad = nudges.judge(lesson, [said("low", 100.0)], lesson.scenario.telling, [5.0])
    found = nudges.summary([good] * 15 + [bad] * 5)
    assert found["precision"]["value"] == found["recall"]["value"] == 0.75
    assert found["precision"]["low"] < 0.75 < found["precision"]["high"]
    assert found["delay_s"]["median"] == 10
    assert found["nudges_an_hour"] == pytest.approx(3)
    assert found["by_kind"]["joy"] == [15, 20]
    assert 0.9 < found["informed"] <= 1


def test_what_is_held_without_sockets_is_what_pages_send(nudges: ModuleType, lesson: Lesson) -> None:
    """The short way past the wire gives the releases that the messages themselves would have given."""
    page = lesson.pages[0]
    assert page.readings is not None
    for second in np.flatnonzero(page.seen)[:200:20]:
        if int(second) in page.other:
            continue
        message = page.message(int(second))
        assert message is not None
        read = read_message(message.model_dump_json())
        assert read.classroom() == pytest.approx(page.readings.p[second] @ nudges._TO_CLASSROOM)  # type: ignore[union-attr]


@pytest.mark.many_calls
def test_a_moment_stands_out_more_in_a_larger_class(nudges: ModuleType, lesson: Lesson) -> None:
    larger = draw(lesson.scenario, 3, students=60)
    found = []
    for one in (lesson, larger):
        held = nudges.hold(one, ReleaseSettings())
        moment = moments(one)[0]
        share = nudges.hidden_course(one).shares["joy"]
        found.append(nudges.detectability(moment, share, held.releases, held.exact, ReleaseSettings()))
    assert 1 < found[0] < found[1] / 1.5
