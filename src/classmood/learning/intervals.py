"""Intervals by the bootstrap over participants: who is drawn brings all their answers; ratings' error is found anew.

Percentiles of the refitted parameters, set a little wider as so few draws of so few people need (Hesterberg 2015,
doi:10.1080/00031305.2015.1089789, section 3.3): instead of 2.5 % the share below -t sqrt(P / (P - 1)), with t of
P - 1 degrees of freedom. How often they hold the truth is measured in ``benchmarks/learning_recovery.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64
from scipy import stats

from classmood.learning.ends import find_spread, rated_mean
from classmood.learning.feelings import Ratings, feelings
from classmood.learning.fit import Constants, Fits, constants, fit_surfaces, starting_points
from classmood.learning.surface import Form, predict, predict_variance

_BATCH: Final = 100
_ROUNDS_TO_SETTLE: Final = 3
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def draw_people(people: int, rounds: int, seed: int) -> Float64[np.ndarray, "b p"]:
    """How often each participant counts in each of B samples drawn with replacement."""
    chances = np.full(people, 1 / people)
    return np.random.default_rng(seed).multinomial(people, chances, rounds).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Point:
    """The surface of all participants.

    Attributes:
        fit: a single one.
        constants: of participants.
        spread: of single ratings about it; 0 where the outcome has no ends to be cut at.
        cut: the same of each row, wider where the feeling is not known exactly.
        residuals: what it leaves, participants' constants included.
    """

    fit: Fits
    constants: Constants
    spread: float
    cut: Float64[np.ndarray, " n"]
    residuals: Float64[np.ndarray, " n"]


def fit_point(form: Form, ratings: Ratings, *, error: Float64[np.ndarray, " 2"] | None = None) -> Point:
    """The surface of all participants, from several beginnings, with their constants taken out.

    Args:
        form: of the surface.
        ratings: see there.
        error: see ``feelings``.
    """
    once = np.ones((1, ratings.people))
    felt = feelings(ratings, once, error=error)
    start = starting_points(form)
    fit = fit_surfaces(form, ratings, felt, np.ones((len(start), ratings.people)), start, np.zeros(ratings.people))
    best = fit.values[[int(np.argmin(fit.squares))]]
    found, spread, residuals = constants(ratings, ratings.effect), 0.0, ratings.effect
    cut = np.zeros(len(ratings))
    # What is cut and how participants differ are told from the fit, and the fit from them; it settles at once.
    for _ in range(_ROUNDS_TO_SETTLE):
        expected = predict(form, best, felt.means, felt.variances)[0][0]
        if ratings.items is not None:
            variance = predict_variance(form, best, felt.means, felt.variances)[0]
            spread, cut = find_spread(expected, variance, ratings.items)
        found = constants(ratings, ratings.effect - rated_mean(expected, cut)[0])
        fit = fit_surfaces(form, ratings, felt, once, best, found.share, cut)
        best = fit.values
        residuals = ratings.effect - rated_mean(predict(form, best, felt.means, felt.variances)[0][0], cut)[0]
    return Point(fit, found, spread, cut, residuals)


def bootstrap(
    point: Point,
    ratings: Ratings,
    *,
    rounds: int,
    seed: int = 0,
    error: Float64[np.ndarray, " 2"] | None = None,
    progress: Progress | None = None,
) -> Fits:
    """The surface of each of ``rounds`` drawn samples.

    Args:
        point: of all participants; from there each refit begins.
        ratings: see there.
        rounds: samples.
        seed: of the draw.
        error: see ``feelings``.
        progress: is told how many samples are done, of how many.
    """
    fit = point.fit
    weights = draw_people(ratings.people, rounds, seed)
    parts = []
    for first in range(0, rounds, _BATCH):
        here = weights[first : first + _BATCH]
        felt = feelings(ratings, here, error=error)
        parts.append(fit_surfaces(fit.form, ratings, felt, here, fit.values, point.constants.share, point.cut))
        if progress:
            progress(first + len(here), rounds)
    columns = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("values", "squares", "at_bound", "errors")
    )
    return Fits(fit.form, *columns)


def percentiles(draws: Float64[np.ndarray, "b k"], people: int) -> Float64[np.ndarray, "2 k"]:
    """The 95 % interval of drawn values, widened for so few people."""
    t = stats.t.ppf(0.975, people - 1) * np.sqrt(people / (people - 1))
    below = float(stats.norm.cdf(-t))
    return np.asarray(np.quantile(draws, [below, 1 - below], axis=0))
