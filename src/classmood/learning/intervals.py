"""Intervals by the bootstrap over participants: who is drawn brings all their answers; ratings' error is found anew.

Percentiles of the refitted parameters, set a little wider as so few draws of so few people need (Hesterberg 2015,
doi:10.1080/00031305.2015.1089789, section 3.3): instead of 2.5 % the share below -t sqrt(P / (P - 1)), with t of
P - 1 degrees of freedom. How often they hold the truth is measured in ``benchmarks/learning_recovery.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy import stats

from classmood.learning.feelings import Ratings, feelings
from classmood.learning.fit import Constants, Fits, constants, fit_surfaces, starting_points
from classmood.learning.surface import Form, predict

_BATCH = 100
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


def fit_point(
    form: Form, ratings: Ratings, *, error: Float64[np.ndarray, " 2"] | None = None
) -> tuple[Fits, Constants]:
    """The surface of all participants, from several beginnings, with their constants taken out.

    Args:
        form: of the surface.
        ratings: see there.
        error: see ``feelings``.
    """
    once = np.ones((1, ratings.people))
    felt = feelings(ratings, once, error=error)
    start = starting_points(form)
    first = fit_surfaces(form, ratings, felt, np.ones((len(start), ratings.people)), start, np.zeros(ratings.people))
    best = first.values[[int(np.argmin(first.squares))]]
    found = constants(ratings, ratings.effect - predict(form, best, felt.means, felt.variances)[0][0])
    return fit_surfaces(form, ratings, felt, once, best, found.share), found


def bootstrap(
    fit: Fits,
    ratings: Ratings,
    share: Float64[np.ndarray, " p"],
    *,
    rounds: int,
    seed: int = 0,
    error: Float64[np.ndarray, " 2"] | None = None,
    progress: Progress | None = None,
) -> Fits:
    """The surface of each of ``rounds`` drawn samples.

    Args:
        fit: of all participants; from there each refit begins.
        ratings: see there.
        share: see ``Constants``.
        rounds: samples.
        seed: of the draw.
        error: see ``feelings``.
        progress: is told how many samples are done, of how many.
    """
    weights = draw_people(ratings.people, rounds, seed)
    parts = []
    for first in range(0, rounds, _BATCH):
        here = weights[first : first + _BATCH]
        felt = feelings(ratings, here, error=error)
        parts.append(fit_surfaces(fit.form, ratings, felt, here, fit.values, share))
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
