"""The noise: its size, its bound, and that no average over a lesson gets rid of it."""

from __future__ import annotations

import math
import random

import numpy as np

from classmood.server.noise import BOUND_DEVIATIONS, SPECTRUM, WanderingNoise


def paths(count: int, steps: int, interval_s: float = 10.0) -> np.ndarray:
    noise = WanderingNoise([2.0] * count, interval_s, random.Random(4))
    return np.array([noise.step() for _ in range(steps)])


def test_the_parts_make_a_whole() -> None:
    assert math.isclose(sum(share for _, share in SPECTRUM), 1)


def test_size_and_bound() -> None:
    values = paths(4000, 3)
    assert abs(values.std() - 2) < 0.1
    assert abs(values.mean()) < 0.1
    assert np.abs(values).max() <= 2 * BOUND_DEVIATIONS


def test_it_keeps_what_the_spectrum_says() -> None:
    values = paths(4000, 31)
    for lag in (1, 6, 30):
        expected = sum(share * (math.exp(-lag * 10 / tau) if tau else 0.0) for tau, share in SPECTRUM)
        assert abs(np.corrcoef(values[0], values[lag])[0, 1] - expected) < 0.05


def test_a_lesson_s_mean_still_hides_a_student() -> None:
    # White noise of this size would leave 2 / sqrt(270) = 0.12 students.
    assert paths(300, 270).mean(0).std() > 0.9


def test_differences_do_not_cancel_it() -> None:
    # At the default deviation two releases in a row differ by more than one student's change.
    assert np.diff(paths(2000, 2), axis=0).std() * 3.5 / 2 > 1.2


def test_cells_are_independent_and_silent_cells_have_none() -> None:
    noise = WanderingNoise([2.0, 2.0, 0.0], 10.0, random.Random(1))
    values = np.array([noise.step() for _ in range(50)])
    assert not values[:, 2].any()
    assert np.abs(np.corrcoef(paths(2, 4000, 1e6).T)[0, 1]) < 0.99
