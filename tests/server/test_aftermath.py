"""Event-locked averages against plain arithmetic."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from classmood.server.aftermath import AFTER_S, aftermath
from classmood.server.lesson import Lesson
from classmood.server.release import Release
from simulated_lesson import lesson


def made_of(valence: list[float | None]) -> Lesson:
    releases = tuple(
        Release(number=k, time_s=10.0 * (k + 1), sharing=None if v is None else 20, half_width=0.1, valence=v)
        for k, v in enumerate(valence)
    )
    return dataclasses.replace(lesson(), releases=releases)


def test_a_step_after_each_event_is_found_against_its_own_minute_before() -> None:
    course = [0.0] * 12 + [0.5] * 12 + [-0.2] * 12 + [0.3] * 13
    found = aftermath(made_of(course), [120.0, 360.0], "valence")
    assert found.events == 2
    np.testing.assert_allclose(found.change[found.offset_s <= 0], 0, atol=1e-12)
    np.testing.assert_allclose(found.change[found.offset_s > 0], 0.5)
    assert found.after[0] == pytest.approx(0.5)
    assert np.isnan(found.half_width).all()  # two events bear no interval


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-1, 1), min_size=3, max_size=6))
def test_the_interval_is_students(steps: list[float]) -> None:
    course, times_s = [], []
    for step in steps:
        course += [0.0] * 6 + [round(step, 3)] * 12
        times_s.append(10.0 * (len(course) - 12))
    found = aftermath(made_of(course), times_s, "valence")
    each = np.round(steps, 3)
    mean, half = found.after
    assert mean == pytest.approx(each.mean(), abs=1e-9)
    expected = stats.t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each))
    assert half == pytest.approx(expected, abs=1e-9)


def test_silence_and_the_lessons_end_leave_gaps_not_zeros() -> None:
    course: list[float | None] = [0.1] * 6 + [0.4] * 3 + [None] * 3 + [0.4] * 2
    found = aftermath(made_of(course), [60.0], "valence")
    after = found.change[found.offset_s > 0]
    assert np.isnan(after[3:6]).all()
    assert np.isnan(after[8:]).all()
    assert found.after[0] == pytest.approx(0.3)


def test_an_event_without_a_minute_before_is_left_out() -> None:
    found = aftermath(made_of([None] * 12 + [0.2] * 12), [60.0, 5000.0], "valence")
    assert found.events == 0
    assert np.isnan(found.change).all()
    assert len(found.change) == len(found.offset_s)
    assert found.offset_s[-1] == AFTER_S


def test_the_joke_of_the_simulated_lesson_is_followed_by_joy() -> None:
    joke = lesson().marks[0].time_s
    assert aftermath(lesson(noise=False), [joke], "joy").after[0] > 0.1
