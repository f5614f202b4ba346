"""The course of a lesson: events within their ranges, marks near them, leanings that wander."""

from __future__ import annotations

import numpy as np
import pytest

from classmood.simulation.course import draw_course
from classmood.simulation.scenario import Event, Resting, Scenario, Teaching


def drawn(*events: Event, count: int = 300, **settings: object) -> list:  # type: ignore[type-arg]
    scenario = Scenario(length_s=1200, event=events, **settings)  # type: ignore[arg-type]
    return [draw_course(scenario, np.random.default_rng(seed)) for seed in range(count)]


def test_events_are_drawn_from_their_ranges_and_happen_by_chance() -> None:
    event = Event(name="a", at_s=(100, 200), chance=(0.5, 0.5), touched=(0.2, 0.6), rise_s=(3, 9))
    happened = [h for course in drawn(event) for h in course.happenings]
    assert len(happened) == pytest.approx(150, abs=40)
    starts = [h.start_s for h in happened]
    assert 100 <= min(starts) < 110
    assert 190 < max(starts) <= 200
    assert all(0.2 <= h.touched <= 0.6 and 3 <= h.rise_s <= 9 for h in happened)


def test_marks_come_with_their_event_or_are_forgotten() -> None:
    mark = Teaching(kind="slide", label="x", after_s=(-10, 20), chance=(0.7, 0.7))
    courses = drawn(Event(name="a", at_s=(100, 200), chance=(0.5, 0.5), touched=(1, 1), mark=mark))
    for course in courses:
        assert len(course.marks) <= len(course.happenings)
        for one, happening in zip(course.marks, course.happenings, strict=False):
            assert -10 <= one.time_s - happening.start_s <= 20
    assert sum(len(course.marks) for course in courses) == pytest.approx(105, abs=40)


def test_leanings_wander_about_one_and_leave_neutral_alone() -> None:
    leanings = np.array([course.leanings for course in drawn(count=100, resting=Resting(wander=0.4, wander_s=100))])
    assert leanings.shape == (100, 1200, 9)
    assert (leanings[:, :, 0] == 1).all()
    assert np.log(leanings[:, :, 1:]).std() == pytest.approx(0.4, abs=0.05)
    near, far = (np.corrcoef(np.log(leanings[:, 0, 1]), np.log(leanings[:, at, 1]))[0, 1] for at in (10, 1000))
    assert near > 0.8
    assert abs(far) < 0.35
