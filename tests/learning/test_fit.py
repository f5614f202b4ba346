"""The fit: the truth without noise, scipy's least squares with it, and the algebra of participants' constants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from classmood.learning.feelings import Feelings, Ratings, feelings
from classmood.learning.fit import constants, fit_surfaces, starting_points, whiten
from classmood.learning.surface import Surface, bounds, default_surface, predict


def spread(people: int, rows: int, seed: int, surface: Surface, noise: float, between: float = 0.0) -> Ratings:
    random = np.random.default_rng(seed)
    first = random.uniform(0, 1, (people * rows, 2))
    effect = surface.at(first[:, 0], first[:, 1]) + random.normal(0, noise, len(first))
    effect += np.repeat(random.normal(0, between, people), rows)
    person = np.repeat(np.arange(people), rows)
    return Ratings(person, np.tile(np.arange(rows), people), first, np.full_like(first, np.nan), effect)


def once(ratings: Ratings) -> tuple[np.ndarray, Feelings]:
    weights = np.ones((1, ratings.people))
    return weights, feelings(ratings, weights)


@pytest.mark.parametrize("form", ["logistic", "asymmetric"])
def test_without_noise_the_truth_is_found_from_any_beginning(form: str) -> None:
    truth = Surface(form, (0.1, 0.9, 0.55, 0.22, *((7.0, 0.45) if form == "logistic" else (0.65, 0.3, 0.4))))
    ratings = spread(40, 8, 0, truth, 0.0)
    _, felt = once(ratings)
    start = starting_points(form)
    found = fit_surfaces(form, ratings, felt, np.ones((len(start), 40)), start, np.zeros(40))
    best = found.values[found.squares.argmin()]
    np.testing.assert_allclose(best, truth.values, atol=1e-4)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["logistic", "asymmetric"]))
def test_with_noise_it_is_scipy_s_least_squares(seed: int, form: str) -> None:
    truth = default_surface(form)
    ratings = spread(40, 8, seed, truth, 0.1)
    weights, felt = once(ratings)
    start = np.array([truth.values])
    found = fit_surfaces(form, ratings, felt, weights, start, np.zeros(40))
    low, high = bounds(form)
    by_scipy = optimize.least_squares(
        lambda x: predict(form, x[None], felt.means, felt.variances)[0][0] - ratings.effect,
        np.clip(truth.values, low + 1e-6, high - 1e-6),
        bounds=(low, high),
        x_scale="jac",
    )
    assert found.squares[0] == pytest.approx(2 * by_scipy.cost, rel=1e-4)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_weights_are_copies_of_participants(seed: int) -> None:
    ratings = spread(25, 8, seed, default_surface(), 0.1, 0.1)
    counts = np.random.default_rng(seed).integers(0, 3, 25)
    rows = np.concatenate([np.tile(np.flatnonzero(ratings.person == i), n) for i, n in enumerate(counts)]).astype(int)
    copies = Ratings(
        np.repeat(np.arange(counts.sum()), 8),
        ratings.scenario[rows],
        ratings.first[rows],
        ratings.second[rows],
        ratings.effect[rows],
    )
    start = np.array([default_surface().values])
    fits = []
    for one, weights in ((ratings, counts[None].astype(float)), (copies, np.ones((1, counts.sum())))):
        share = np.full(one.people, 0.4)
        fits.append(fit_surfaces("logistic", one, feelings(one, weights), weights, start, share))
    np.testing.assert_allclose(fits[0].values, fits[1].values, atol=1e-4)
    assert fits[0].squares == pytest.approx(fits[1].squares, rel=1e-6)
    np.testing.assert_allclose(fits[0].errors, fits[1].errors, rtol=1e-2)


def test_many_fits_at_once_are_the_same_as_one_by_one() -> None:
    ratings = spread(30, 8, 5, default_surface(), 0.1)
    weights = np.random.default_rng(0).multinomial(30, np.full(30, 1 / 30), 150).astype(float)
    start, share = np.array([default_surface().values]), np.full(30, 0.3)
    together = fit_surfaces("logistic", ratings, feelings(ratings, weights), weights, start, share)
    for i in (0, 77, 149):
        alone = fit_surfaces("logistic", ratings, feelings(ratings, weights[[i]]), weights[[i]], start, share)
        np.testing.assert_allclose(alone.values[0], together.values[i], atol=1e-6)


def test_a_parameter_that_the_data_does_not_hold_ends_at_a_bound_and_says_so() -> None:
    # The learning effect does not depend on arousal: no width is too wide.
    random = np.random.default_rng(0)
    ratings = spread(30, 8, 0, default_surface(), 0.0)
    flat = Ratings(
        ratings.person,
        ratings.scenario,
        ratings.first,
        ratings.second,
        ratings.first[:, 1] + random.normal(0, 0.05, 240),
    )
    weights, felt = once(flat)
    found = fit_surfaces("logistic", flat, felt, weights, np.array([default_surface().values]), np.zeros(30))
    low, high = bounds("logistic")
    assert ((found.values >= low) & (found.values <= high)).all()
    assert found.at_bound.any()
    assert np.isnan(found.errors[found.at_bound]).all()


def test_participants_constants_are_told_apart_from_the_rest() -> None:
    random = np.random.default_rng(3)
    ratings = spread(800, 6, 3, default_surface(), 0.0)
    residuals = np.repeat(random.normal(0, 0.2, 800), 6) + random.normal(0, 0.1, 4800)
    found = constants(ratings, residuals)
    assert found.between == pytest.approx(0.04, rel=0.1)
    assert found.within == pytest.approx(0.01, rel=0.05)
    # Whitened residuals are as generalised least squares has them: uncorrelated, of the variance within.
    left = whiten(residuals[None], ratings, found.share)[0].reshape(800, 6)
    assert np.cov(left.T) == pytest.approx(0.01 * np.eye(6), abs=2e-3)


def test_robust_errors_are_the_spread_of_estimates() -> None:
    estimates, errors = [], []
    for seed in range(60):
        ratings = spread(60, 8, seed, default_surface(), 0.1, 0.1)
        weights, felt = once(ratings)
        found = fit_surfaces("logistic", ratings, felt, weights, np.array([default_surface().values]), np.full(60, 0.6))
        estimates.append(found.values[0])
        errors.append(found.errors[0])
    np.testing.assert_allclose(np.mean(errors, 0), np.std(estimates, 0, ddof=1), rtol=0.35)
