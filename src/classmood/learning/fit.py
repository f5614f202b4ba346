"""Least squares of the surface, many fits at once: Levenberg-Marquardt within bounds, a participant's rows together.

Participants differ in how they rate their learning altogether. A constant of each participant's own (a random
intercept) is taken out as in generalised least squares: from each row a share of the participant's mean residual is
taken, so that what differs between participants does not hide what differs between feelings.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64

from classmood.learning.ends import rated_mean
from classmood.learning.feelings import Feelings, Ratings
from classmood.learning.surface import Form, bounds, predict

_STEPS: Final = 60
_TOLERANCE: Final = 1e-7
_EDGE: Final = 1e-6
# Fits held at a time: bounds the memory.
_BATCH: Final = 128


@dataclass(frozen=True, slots=True)
class Fits:
    """B fitted surfaces of one form.

    Attributes:
        values: their parameters, in the order of ``PARAMETERS[form]``.
        squares: weighted sum of squared residuals after each participant's constant is taken out.
        at_bound: which parameters ended at a bound.
        errors: cluster-robust standard errors; NaN for parameters at a bound.
    """

    form: Form
    values: Float64[np.ndarray, "b p"]
    squares: Float64[np.ndarray, " b"]
    at_bound: Bool[np.ndarray, "b p"]
    errors: Float64[np.ndarray, "b p"]


@dataclass(frozen=True, slots=True)
class Constants:
    """How much participants differ altogether.

    Attributes:
        between: variance of the participants' own constants.
        within: variance of the rest.
        share: of each participant's mean residual that is taken out.
    """

    between: float
    within: float
    share: Float64[np.ndarray, " p"]


def constants(ratings: Ratings, residuals: Float64[np.ndarray, " n"]) -> Constants:
    """Estimate them from residuals, by the analysis of variance between and within participants."""
    rows = np.diff(np.append(ratings.starts, len(ratings))).astype(np.float64)
    means = np.add.reduceat(residuals, ratings.starts) / rows
    freedom = max(len(ratings) - ratings.people, 1)
    within = float(np.square(residuals - means[ratings.person]).sum() / freedom)
    n0 = (len(ratings) - np.square(rows).sum() / len(ratings)) / max(ratings.people - 1, 1)
    between_square = (rows * np.square(means - residuals.mean())).sum() / max(ratings.people - 1, 1)
    between = max(float((between_square - within) / max(n0, 1e-12)), 0.0)
    return Constants(between, within, 1 - np.sqrt(within / np.maximum(within + rows * between, 1e-300)))


def whiten(
    values: Float64[np.ndarray, "b n *more"], ratings: Ratings, share: Float64[np.ndarray, " p"]
) -> Float64[np.ndarray, "b n *more"]:
    """Take a share of each participant's mean from their rows."""
    rows = np.diff(np.append(ratings.starts, len(ratings)))
    factor = (share / rows).reshape(1, -1, *[1] * (values.ndim - 2))
    return values - (np.add.reduceat(values, ratings.starts, axis=1) * factor)[:, ratings.person]


def fit_surfaces(
    form: Form,
    ratings: Ratings,
    felt: Feelings,
    weights: Float64[np.ndarray, "b p"],
    start: Float64[np.ndarray, "s p2"],
    share: Float64[np.ndarray, " p"],
    spread: Float64[np.ndarray, " n"] | None = None,
) -> Fits:
    """Fit a surface to each of B samples.

    Args:
        form: of the surfaces.
        ratings: see there.
        felt: of each sample, or the same for all.
        weights: how often each participant counts in each sample.
        start: parameters to begin from, of each sample or the same for all.
        share: see ``Constants``.
        spread: of single ratings, see ``classmood.learning.ends``; none where nothing is cut.
    """
    cut = np.zeros(len(ratings)) if spread is None else spread
    parts = []
    for first in range(0, len(weights), _BATCH):
        here = slice(first, first + _BATCH)
        one = felt if len(felt.means) == 1 else felt.of(here)
        begin = np.broadcast_to(start if len(start) == 1 else start[here], (len(weights[here]), start.shape[1]))
        parts.append(_fit_batch(form, ratings, one, weights[here], begin.copy(), share, cut))
    return Fits(form, *(np.concatenate(column) for column in zip(*parts, strict=True)))


def starting_points(form: Form) -> Float64[np.ndarray, "s p"]:
    """Where a fit that knows nothing begins: a grid over the places of optimum and rise."""
    shapes = [(6.0, 0.3), (6.0, 0.6)] if form == "logistic" else [(0.6, 0.3, 0.4), (0.9, 0.4, 0.4)]
    return np.array(
        [(0.2, 0.8, best, width, *shape) for best, width, shape in product((0.3, 0.5, 0.7), (0.15, 0.3), shapes)]
    )


def _fit_batch(
    form: Form,
    ratings: Ratings,
    felt: Feelings,
    weights: np.ndarray,
    values: np.ndarray,
    share: np.ndarray,
    spread: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    low, high = bounds(form)
    count = weights[:, ratings.person]
    total, p = len(values), values.shape[1]
    damping = np.full(total, 1e-3)
    active = np.arange(total)
    squares = np.full(total, np.inf)
    normal, right, slopes = np.empty((total, p, p)), np.empty((total, p)), np.empty((total, p, ratings.people))

    def of(rows: np.ndarray, array: np.ndarray) -> np.ndarray:
        return array if len(array) == 1 else array[rows]

    def look(rows: np.ndarray, trial: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        expected, slope = predict(form, trial, of(rows, felt.means), of(rows, felt.variances))
        expected, inside = rated_mean(expected, spread)
        if spread.any():
            slope = slope * inside[..., None]
        residual = whiten(ratings.effect - expected, ratings, share)
        return residual, whiten(slope, ratings, share), (count[rows] * residual**2).sum(1)

    def keep(rows: np.ndarray, residual: np.ndarray, slope: np.ndarray) -> None:
        weighted = slope * count[rows][..., None]
        normal[rows] = np.swapaxes(weighted, 1, 2) @ slope
        right[rows] = (np.swapaxes(weighted, 1, 2) @ residual[..., None])[..., 0]
        # What each participant alone pulls at, for the robust errors.
        slopes[rows] = np.swapaxes(np.add.reduceat(slope * residual[..., None], ratings.starts, axis=1), 1, 2)

    residual, slope, squares = look(active, values)
    keep(active, residual, slope)
    for _ in range(_STEPS):
        held = _held(values[active], right[active], low, high)
        scaled = normal[active] * ~(held[:, :, None] | held[:, None, :])
        diagonal = np.einsum("bii->bi", scaled)
        diagonal += damping[active, None] * np.maximum(diagonal, 1e-9) + held + 1e-12
        step = np.linalg.solve(scaled, (right[active] * ~held)[..., None])[..., 0]
        trial = np.clip(values[active] + step, low, high)
        moved = np.abs(trial - values[active]).max(1)
        residual, slope, new = look(active, trial)
        better = new < squares[active]
        gain = np.where(better, (squares[active] - new) / np.maximum(squares[active], 1e-300), np.inf)
        rows = active[better]
        values[rows], squares[rows] = trial[better], new[better]
        if len(rows):
            keep(rows, residual[better], slope[better])
        damping[active] = np.where(better, damping[active] / 5, damping[active] * 6)
        done = (gain < _TOLERANCE) | (moved < _TOLERANCE) | (damping[active] > 1e9)
        active = active[~done]
        if not len(active):
            break
    at_bound = (values - low < _EDGE * (high - low)) | (high - values < _EDGE * (high - low))
    return values, squares, at_bound, _robust_errors(normal, slopes, weights, at_bound)


def _held(values: np.ndarray, right: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Parameters at a bound that the fit would push beyond it."""
    held: np.ndarray = ((values <= low) & (right < 0)) | ((values >= high) & (right > 0))
    return held


def _robust_errors(normal: np.ndarray, slopes: np.ndarray, weights: np.ndarray, at_bound: np.ndarray) -> np.ndarray:
    """Sandwich standard errors, a participant a cluster (Liang and Zeger 1986), times P / (P - 1)."""
    free = ~at_bound
    masked = normal * (free[:, :, None] & free[:, None, :])
    np.einsum("bii->bi", masked)[...] += at_bound + 1e-12
    bread = np.linalg.inv(masked)
    people = weights.sum(1)
    # A participant who was drawn twice is two clusters.
    meat = (slopes * weights[:, None]) @ np.swapaxes(slopes, 1, 2)
    variance = (
        np.einsum("bij,bjk,bik->bi", bread, meat, bread, optimize=True) * (people / np.maximum(people - 1, 1))[:, None]
    )
    return np.asarray(np.where(at_bound, np.nan, np.sqrt(np.maximum(variance, 0))))
