"""What the ends of the scale cut off: means and variances of ratings as drawn ones have them, and the spread found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.learning.ends import find_spread, rated_mean, rated_variance


def rate(latent: np.ndarray) -> np.ndarray:
    return (np.clip(np.round(1 + 8 * latent), 1, 9) - 1) / 8


@settings(max_examples=20, deadline=None)
@given(st.floats(-0.3, 1.3), st.floats(0.05, 0.4))
def test_means_and_variances_are_those_of_drawn_ratings(middle: float, spread: float) -> None:
    drawn = rate(np.random.default_rng(0).normal(middle, spread, 100_000))
    at, wide = np.array([middle]), np.array([spread])
    assert rated_mean(at, wide)[0][0] == pytest.approx(drawn.mean(), abs=0.005)
    assert rated_variance(at, wide)[0] == pytest.approx(drawn.var(), abs=0.003)
    step = (rated_mean(at + 1e-5, wide)[0] - rated_mean(at - 1e-5, wide)[0]) / 2e-5
    assert rated_mean(at, wide)[1][0] == pytest.approx(step[0], abs=1e-5)


def test_in_the_middle_of_the_scale_nothing_is_cut_and_without_spread_nothing_changes() -> None:
    at = np.array([0.3, 0.5, 0.7])
    np.testing.assert_allclose(rated_mean(at, np.full(3, 0.08))[0], at, atol=1e-3)
    np.testing.assert_array_equal(rated_mean(at * 4, np.zeros(3))[0], at * 4)


@pytest.mark.parametrize("spread", [0.08, 0.18, 0.3])
def test_the_spread_is_found_also_where_middles_are_not_known_exactly(spread: float) -> None:
    random = np.random.default_rng(1)
    middle = random.uniform(-0.1, 1.1, 4000)
    variance = random.uniform(0, 0.02, 4000)
    latent = middle + random.normal(0, np.sqrt(variance))
    items = rate(latent[:, None] + random.normal(0, spread, (4000, 6)))
    own, each = find_spread(middle, variance, items)
    assert own == pytest.approx(spread, rel=0.05)
    np.testing.assert_allclose(each, np.sqrt(own**2 + variance))
