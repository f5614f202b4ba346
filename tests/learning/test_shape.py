"""Is there an inverted U: least squares, likelihood and two lines against independent computations and known truths."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from classmood.learning.feelings import Ratings, feelings
from classmood.learning.fit import constants
from classmood.learning.shape import aic, fit_quadratics, quadratic_terms, two_lines, vertex


def answers(effect_of, people: int, seed: int, noise: float = 0.08, between: float = 0.05) -> Ratings:
    random = np.random.default_rng(seed)
    first = np.round(random.uniform(0, 1, (people * 8, 2)) * 8) / 8
    effect = effect_of(first[:, 0], first[:, 1]) + random.normal(0, noise, len(first))
    effect += np.repeat(random.normal(0, between, people), 8)
    person = np.repeat(np.arange(people), 8)
    return Ratings(person, np.tile(np.arange(8), people), first, np.full_like(first, np.nan), effect)


def hill(a: np.ndarray, v: np.ndarray) -> np.ndarray:
    return 0.3 + 0.4 * np.exp(-((a - 0.5) ** 2) / 0.08) + 0.2 * v


def flattening(a: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Rises and levels off: a quadratic bends down on it, and two lines do not fall."""
    return 0.2 + 0.5 * (1 - np.exp(-4 * a)) + 0.2 * v


def test_the_quadratic_is_least_squares_and_its_vertex_where_it_turns() -> None:
    ratings = answers(hill, 30, 0)
    felt = feelings(ratings, np.ones((1, 30)))
    found = fit_quadratics(ratings, felt, np.ones((1, 30)), np.zeros(30))
    terms = quadratic_terms(felt)[0]
    np.testing.assert_allclose(found[0], np.linalg.lstsq(terms, ratings.effect, rcond=None)[0], atol=1e-8)
    grid = np.linspace(0, 1, 10_001)
    a, v = grid, 0.6
    curve = found[0] @ np.stack([np.ones_like(a), a, a**2, np.full_like(a, v), np.full_like(a, v * v), a * v])
    assert vertex(found, 0.6)[0] == pytest.approx(grid[curve.argmax()], abs=2e-4)


def test_weighted_quadratics_with_constants_are_generalised_least_squares() -> None:
    ratings = answers(hill, 12, 1, between=0.2)
    weights = np.random.default_rng(1).integers(1, 3, (1, 12)).astype(float)
    felt = feelings(ratings, weights)
    within, between = 0.01, 0.03
    share = np.full(12, 1 - np.sqrt(within / (within + 8 * between)))
    found = fit_quadratics(ratings, felt, weights, share)[0]
    inverse = np.linalg.inv(within * np.eye(8) + between)
    normal, right = np.zeros((6, 6)), np.zeros(6)
    for person in range(12):
        x = quadratic_terms(felt)[0][ratings.person == person]
        y = ratings.effect[ratings.person == person]
        normal += weights[0, person] * x.T @ inverse @ x
        right += weights[0, person] * x.T @ inverse @ y
    np.testing.assert_allclose(found, np.linalg.solve(normal, right), atol=1e-6)


def test_aic_is_that_of_the_multivariate_normal() -> None:
    ratings = answers(hill, 20, 2)
    residuals = ratings.effect - ratings.effect.mean()
    found = constants(ratings, residuals)
    covariance = found.within * np.eye(8) + found.between
    by_hand = sum(
        stats.multivariate_normal.logpdf(residuals[ratings.person == person], np.zeros(8), covariance)
        for person in range(20)
    )
    assert aic(ratings, residuals, 6) == pytest.approx(2 * 8 - 2 * by_hand)


def test_two_lines_find_a_hill_and_where_it_turns() -> None:
    found = [two_lines(answers(hill, 40, seed)) for seed in range(12)]
    assert all(one.inverted for one in found)
    assert np.median([one.breaks_at for one in found]) == pytest.approx(0.5, abs=0.1)


def test_two_lines_are_not_taken_in_by_a_curve_that_levels_off() -> None:
    bends, claims = [], []
    for seed in range(40):
        ratings = answers(flattening, 40, 100 + seed)
        bends.append(fit_quadratics(ratings, feelings(ratings, np.ones((1, 40))), np.ones((1, 40)), np.zeros(40))[0, 2])
        claims.append(two_lines(ratings).inverted)
    assert np.mean(np.array(bends) < 0) == 1
    assert np.mean(claims) <= 0.1


def test_two_lines_on_noise_claim_no_more_than_chance() -> None:
    claims = [two_lines(answers(lambda a, v: 0 * a + 0.5, 30, 500 + seed)).inverted for seed in range(80)]
    assert np.mean(claims) <= 0.06


def test_a_valley_is_no_hill() -> None:
    found = two_lines(answers(lambda a, v: 1 - hill(a, v), 40, 3))
    assert not found.inverted
    assert found.p_values[0] < 0.05
