"""The bootstrap over participants: who is drawn, how wide, and that the seed decides."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from classmood.learning.intervals import bootstrap, draw_people, fit_point, percentiles
from classmood.learning.simulation import TRUTH, simulate_study
from classmood.learning.study import ratings_of


def test_every_sample_has_as_many_participants_as_there_are() -> None:
    drawn = draw_people(17, 400, 3)
    assert (drawn.sum(1) == 17).all()
    # A participant is left out of a sample with chance (1 - 1/17)^17.
    assert (drawn == 0).mean() == pytest.approx((1 - 1 / 17) ** 17, abs=0.02)
    assert (drawn == draw_people(17, 400, 3)).all()


@pytest.mark.parametrize("people", [5, 20, 60, 1000])
def test_intervals_of_a_mean_are_student_s(people: int) -> None:
    # Means over drawn participants of values with variance 1 have variance 1/P as the bootstrap sees it, (P-1)/P too
    # small: the widened percentiles make up for both that and the unknown variance.
    random = np.random.default_rng(0)
    draws = random.normal(0, np.sqrt((people - 1) / people) / np.sqrt(people), (400_000, 1))
    low, high = percentiles(draws, people)
    expected = stats.t.ppf(0.975, people - 1) / np.sqrt(people)
    assert high[0] == pytest.approx(expected, rel=0.05)
    assert low[0] == pytest.approx(-expected, rel=0.05)


def test_the_seed_decides_and_the_truth_is_near() -> None:
    ratings = ratings_of(simulate_study(40, seed=4))
    point = fit_point("logistic", ratings)
    first, again, other = (bootstrap(point, ratings, rounds=120, seed=s).values for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    low, high = percentiles(first, 40)
    assert ((low < TRUTH.values) & (TRUTH.values < high)).mean() >= 5 / 6
