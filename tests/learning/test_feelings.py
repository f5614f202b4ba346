"""What was felt: the error of ratings comes out of second ones, and Bayes' rule shrinks to the scenario's mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.learning.feelings import Ratings, feelings


def drawn(people: int, felt: float, error: float, seed: int, *, second: bool = True) -> tuple[Ratings, np.ndarray]:
    random = np.random.default_rng(seed)
    scenarios = np.tile(np.arange(4), people)
    centre = np.array([[0.3, 0.7], [0.5, 0.5], [0.8, 0.2], [0.6, 0.6]])[scenarios]
    true = centre + random.normal(0, felt, centre.shape)
    first, again = (true + random.normal(0, error, true.shape) for _ in range(2))
    rows = np.full_like(first, np.nan) if not second else again
    return Ratings(np.repeat(np.arange(people), 4), scenarios, first, rows, np.zeros(4 * people)), true


def test_the_error_and_the_reliability_are_found() -> None:
    ratings, _ = drawn(2000, 0.15, 0.1, 1)
    found = feelings(ratings, np.ones((1, 2000)))
    np.testing.assert_allclose(np.sqrt(found.error[0]), 0.1, rtol=0.03)
    np.testing.assert_allclose(found.reliability[0], 0.15**2 / (0.15**2 + 0.1**2), rtol=0.03)


@pytest.mark.parametrize("second", [True, False])
def test_the_posterior_is_unbiased_and_as_wide_as_it_says(second: bool) -> None:
    ratings, true = drawn(3000, 0.15, 0.1, 2, second=second)
    found = feelings(ratings, np.ones((1, 3000)), error=np.full(2, 0.01))
    off = (true - found.means[0]) / np.sqrt(found.variances[0])
    assert off.mean() == pytest.approx(0, abs=0.03)
    assert off.std() == pytest.approx(1, abs=0.03)
    # Nothing in the rating is left that would foretell the miss.
    assert np.corrcoef(off[:, 0], found.means[0][:, 0])[0, 1] == pytest.approx(0, abs=0.03)


def test_without_second_ratings_or_with_no_error_ratings_are_feelings() -> None:
    ratings, _ = drawn(30, 0.2, 0.1, 3, second=False)
    for error in (None, np.zeros(2)):
        found = feelings(ratings, np.ones((1, 30)), error=error)
        np.testing.assert_allclose(found.means[0], ratings.first)
        assert not found.variances.any()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_a_participant_who_counts_twice_is_two_participants(seed: int) -> None:
    ratings, _ = drawn(60, 0.2, 0.1, seed)
    counts = np.random.default_rng(seed).integers(0, 3, 60)
    rows = np.concatenate([np.tile(np.flatnonzero(ratings.person == i), n) for i, n in enumerate(counts)]).astype(int)
    copies = Ratings(
        np.repeat(np.arange(counts.sum()), 4),
        ratings.scenario[rows],
        ratings.first[rows],
        ratings.second[rows],
        ratings.effect[rows],
    )
    weighted = feelings(ratings, counts[None].astype(float))
    copied = feelings(copies, np.ones((1, counts.sum())))
    np.testing.assert_allclose(weighted.error, copied.error, atol=1e-12)
    np.testing.assert_allclose(weighted.means[0][rows], copied.means[0], atol=1e-12)
    np.testing.assert_allclose(weighted.variances[0][rows], copied.variances[0], atol=1e-12)


def test_a_drift_between_the_ratings_is_no_error() -> None:
    ratings, _ = drawn(500, 0.15, 0.05, 4)
    calmer = Ratings(ratings.person, ratings.scenario, ratings.first, ratings.second - 0.2, ratings.effect)
    found = [feelings(one, np.ones((1, 500))).error for one in (ratings, calmer)]
    np.testing.assert_allclose(found[0], found[1], rtol=0.1)
