"""Onset and apex where they were put, gaps, and what selecting from onset to apex does to noise."""

from __future__ import annotations

import numpy as np
import pytest
from faces_over_time import timeline_of

from classmood.emotions import CLASSROOM_CLASSES
from classmood.training.reproduction.courses import (
    Course,
    Rise,
    cut_courses,
    find_rises,
    mean_over_persons,
    rise_from_beginning,
    surrogates,
)


def slow_noise(n: int, seed: int) -> np.ndarray:
    """A curve in [0, 1] that goes up and down without any rule but its own inertia."""
    white = np.random.default_rng(seed).normal(size=n + 40)
    smooth = np.convolve(white, np.hanning(21), "valid")[:n]
    return (smooth - smooth.min()) / np.ptp(smooth)


def test_onset_and_apex_are_where_they_were_put() -> None:
    x = np.concatenate([np.full(10, 0.0), np.linspace(0.0, 1.0, 12), np.linspace(0.9, 0.0, 9), np.zeros(5)])
    (rise,) = find_rises(Course(3, x))
    # At frame 12 two elevenths of the way up are done, the last that is no more than a fifth.
    assert rise.intensity.tolist() == x[12:22].tolist()
    assert rise.person == 3
    assert rise.spearman == pytest.approx(1)
    assert rise.frames_to_nine_tenths == 9


def test_a_second_rise_begins_after_the_first_peak() -> None:
    hill = np.concatenate([np.linspace(0, 1, 8), np.linspace(0.9, 0.2, 8)])
    first, second = find_rises(Course(0, np.concatenate([hill, 0.2 + 0.8 * hill, [0.2]])))
    assert first.intensity[-1] == second.intensity[-1] == 1
    assert second.intensity[0] == pytest.approx(0.2, abs=0.12)


def test_a_curve_that_fell_back_by_half_began_anew() -> None:
    # The hump stands out by less than 0.2, and what follows it is more than a fifth of the way up.
    hump = np.concatenate([[0.0, 0.15, 0.3, 0.385, 0.3], np.full(40, 0.19)])
    x = np.concatenate([hump, np.linspace(0.2, 0.9, 8), np.linspace(0.8, 0.0, 8)])
    (rise,) = find_rises(Course(0, x))
    assert len(rise.intensity) == 9
    assert rise.intensity[0] == pytest.approx(0.19)


@pytest.mark.parametrize(
    "x",
    [
        np.full(30, 0.4),
        np.concatenate([np.zeros(10), np.linspace(0, 0.19, 10), np.zeros(10)]),  # too faint
        np.concatenate([np.zeros(10), [0.5, 1.0], np.zeros(10)]),  # too quick to be ranked
        np.linspace(0, 1, 30),  # still rising at the end: no apex was seen
    ],
)
def test_what_is_no_rise(x: np.ndarray) -> None:
    assert find_rises(Course(0, x)) == []


def test_a_plateau_lowers_the_correlation_and_shows_in_nine_tenths() -> None:
    plateau = 0.9 + 0.01 * np.random.default_rng(0).normal(size=30)
    rise = Rise(0, np.concatenate([np.linspace(0, 0.88, 6), plateau, [1.0]]))
    assert rise.spearman < 0.8
    assert rise.frames_to_nine_tenths <= 8


def test_courses_are_cut_at_gaps_and_filled_over_short_ones() -> None:
    course = np.linspace(0, 0.58, 30)
    course[5:7] = np.nan  # 0.6 s from reading to reading
    course[15:25] = np.nan
    timeline = timeline_of({4: course, 8: np.full(30, 0.2)})
    found = cut_courses(timeline, timeline.classroom[:, CLASSROOM_CLASSES.index("joy")].astype(np.float64))
    assert [(one.person, len(one.intensity)) for one in found] == [(0, 15), (0, 5), (1, 30)]
    np.testing.assert_allclose(found[0].intensity, np.linspace(0, 0.28, 15), atol=1e-6)


def test_surrogates_keep_values_and_spectrum_and_lose_the_order() -> None:
    x = slow_noise(256, 1)
    curves = surrogates(x, 5, np.random.default_rng(2))
    assert curves.shape == (5, 256)
    for curve in curves:
        assert np.sort(curve).tolist() == np.sort(x).tolist()
        assert abs(np.corrcoef(curve, x)[0, 1]) < 0.6

        def lag_one(y: np.ndarray) -> float:
            return float(np.corrcoef(y[:-1], y[1:])[0, 1])

        assert lag_one(curve) == pytest.approx(lag_one(x), abs=0.02)


def test_selecting_from_onset_to_apex_makes_noise_rise() -> None:
    """The reason for the null: in curves where time plays no part, selected stretches correlate with it strongly."""
    rises = [rise for seed in range(20) for rise in find_rises(Course(seed, slow_noise(300, seed)))]
    assert len(rises) > 50
    assert np.mean([rise.spearman for rise in rises]) > 0.8
    # Stretches of the same lengths that nobody selected do not.
    random = np.random.default_rng(3)
    unselected = []
    for rise in rises:
        start = random.integers(0, 300 - len(rise.intensity))
        unselected.append(Rise(0, slow_noise(300, rise.person)[start : start + len(rise.intensity)]).spearman)
    assert abs(np.mean(unselected)) < 0.25


def test_people_count_once() -> None:
    values, person = np.array([1.0, 0.0, 0.5, 0.2]), np.array([7, 7, 7, 2])
    assert mean_over_persons(values, person).tolist() == pytest.approx([0.2, 0.5])


def test_from_a_known_onset_the_way_goes_to_the_greatest_value_or_is_none() -> None:
    up = np.concatenate([np.linspace(0.1, 0.8, 8), np.full(4, 0.7)])
    (rise,) = rise_from_beginning(Course(3, up))
    assert (rise.person, rise.intensity.tolist()) == (3, up[:8].tolist())
    for none in (up[::-1], np.linspace(0.1, 0.25, 12), up[[0, 5, 7, 8]]):
        assert rise_from_beginning(Course(3, none)) == []
