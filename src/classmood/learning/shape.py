"""Whether there is an inverted U over arousal at all: the quadratic surface beside ours, and two lines.

    quadratic    b0 + b1 A + b2 A^2 + b3 V + b4 V^2 + b5 A V

A quadratic bends down on any curve that flattens, so an inverted U is claimed only if all three agree: b2 < 0 with its
whole interval; the vertex -(b1 + b5 V) / (2 b2) inside the data for all observed V; and the two-lines test (Simonsohn
2018, doi:10.1177/2515245918805755), in which a line up to a breaking point must rise and one from it on must fall, each
by more than chance. Here valence and its square stand beside the lines, the curve that sets the breaking point is a
natural cubic spline with five knots where Simonsohn has a smoothed one, and errors are robust to clustering by
participant.

Both models get a constant of each participant's own; AIC is that of maximum likelihood, its variances counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64
from scipy import stats

from classmood.learning.feelings import Feelings, Ratings
from classmood.learning.fit import Constants, constants, whiten

COEFFICIENTS: Final = ("1", "A", "A^2", "V", "V^2", "A V")
# Between these quantiles lies "the data": a few stray ratings do not stretch it.
_INSIDE: Final = (0.05, 0.95)
_KNOTS: Final = (0.05, 0.275, 0.5, 0.725, 0.95)
_LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True)
class TwoLines:
    """The test over arousal.

    Attributes:
        breaks_at: arousal, 0 to 1.
        slopes: below and above it.
        p_values: of each, two-sided.
    """

    breaks_at: float
    slopes: tuple[float, float]
    p_values: tuple[float, float]

    @property
    def inverted(self) -> bool:
        """Whether the first line rises and the second falls, both by more than chance."""
        return self.slopes[0] > 0 > self.slopes[1] and max(self.p_values) < _LEVEL


def quadratic_terms(felt: Feelings) -> Float64[np.ndarray, "c n 6"]:
    """The expected terms of the quadratic, given what was felt."""
    arousal, valence = felt.means[..., 0], felt.means[..., 1]
    squares = felt.means**2 + felt.variances
    ones = np.ones_like(arousal)
    return np.stack([ones, arousal, squares[..., 0], valence, squares[..., 1], arousal * valence], -1)


def fit_quadratics(
    ratings: Ratings, felt: Feelings, weights: Float64[np.ndarray, "b p"], share: Float64[np.ndarray, " p"]
) -> Float64[np.ndarray, "b 6"]:
    """The quadratic's coefficients in each of B samples of participants."""
    terms = whiten(quadratic_terms(felt), ratings, share)
    effect = whiten(ratings.effect[None], ratings, share)
    weighted = terms * weights[:, ratings.person][..., None]
    normal = np.swapaxes(weighted, 1, 2) @ np.broadcast_to(terms, weighted.shape)
    right = (np.swapaxes(weighted, 1, 2) @ np.broadcast_to(effect[..., None], (*weighted.shape[:2], 1)))[..., 0]
    # A drawn sample may lack what tells two terms apart; the shortest solution then is as good as any.
    return np.asarray((np.linalg.pinv(normal, rcond=1e-12) @ right[..., None])[..., 0])


def vertex(coefficients: Float64[np.ndarray, "b 6"], valence: float) -> Float64[np.ndarray, " b"]:
    """The arousal at which the quadratic turns, at one valence; NaN where it does not bend."""
    _, b1, b2, _, _, b5 = coefficients.T
    return np.asarray(np.divide(-(b1 + b5 * valence), 2 * b2, out=np.full(len(b2), np.nan), where=b2 != 0))


def inside(values: Float64[np.ndarray, " n"]) -> tuple[float, float]:
    """Where the data is taken to lie."""
    low, high = np.quantile(values, _INSIDE)
    return float(low), float(high)


def aic(ratings: Ratings, residuals: Float64[np.ndarray, " n"], parameters: int) -> float:
    """Akaike's criterion of a model with a constant of each participant's own.

    Args:
        ratings: see there.
        residuals: what the model leaves, constants included.
        parameters: of the surface; two variances are added.
    """
    found: Constants = constants(ratings, residuals)
    rows = np.diff(np.append(ratings.starts, len(ratings)))
    within = max(found.within, 1e-12)
    left = whiten(residuals[None], ratings, found.share)[0]
    determinant = ((rows - 1) * np.log(within) + np.log(within + rows * found.between)).sum()
    log_likelihood = -0.5 * (len(ratings) * np.log(2 * np.pi) + determinant + np.square(left).sum() / within)
    return float(2 * (parameters + 2) - 2 * log_likelihood)


def two_lines(ratings: Ratings) -> TwoLines:
    """Simonsohn's test, with the Robin Hood rule for the breaking point."""
    arousal, valence = ratings.mean.T
    beside = np.stack([valence, valence**2], 1)
    spline = np.column_stack([_natural_spline(arousal, arousal), beside])
    fitted, covariance = _regress(spline, ratings)
    low, high = np.quantile(arousal, (0.1, 0.9))
    candidates = np.unique(arousal[(arousal >= low) & (arousal <= high)])
    at = np.column_stack([_natural_spline(candidates, arousal), np.tile(beside.mean(0), (len(candidates), 1))])
    curve = at @ fitted
    top = int(curve.argmax())
    error = float(np.sqrt(max(at[top] @ covariance @ at[top], 0.0)))
    flat = arousal[np.isin(arousal, candidates[curve >= curve[top] - error])]
    first = _lines(arousal, beside, float(np.median(flat)), ratings)
    # Robin Hood: the weaker line gets more of the flat part.
    z = np.abs(first[0] / np.maximum(first[1], 1e-12))
    breaks_at = float(np.quantile(flat, z[1] / max(z.sum(), 1e-12)))
    slopes, errors = _lines(arousal, beside, breaks_at, ratings)
    p = 2 * stats.t.sf(np.abs(slopes / np.maximum(errors, 1e-12)), ratings.people - 1)
    return TwoLines(breaks_at, (float(slopes[0]), float(slopes[1])), (float(p[0]), float(p[1])))


def _lines(x: np.ndarray, beside: np.ndarray, breaks_at: float, ratings: Ratings) -> tuple[np.ndarray, np.ndarray]:
    """Slopes before and after a breaking point, a jump at it allowed, and their errors."""
    above = x >= breaks_at
    design = np.column_stack(
        [np.where(above, 0, x - breaks_at), np.where(above, x - breaks_at, 0), above, np.ones(len(x)), beside]
    )
    coefficients, covariance = _regress(design, ratings)
    return coefficients[:2], np.sqrt(np.maximum(covariance.diagonal()[:2], 0))


def _regress(design: np.ndarray, ratings: Ratings) -> tuple[np.ndarray, np.ndarray]:
    """Least squares with the cluster-robust covariance, corrected as in Stata for few clusters."""
    bread = np.linalg.pinv(design.T @ design)
    coefficients = bread @ design.T @ ratings.effect
    pulls = np.add.reduceat(design * (ratings.effect - design @ coefficients)[:, None], ratings.starts)
    n, k, people = *design.shape, ratings.people
    factor = people / max(people - 1, 1) * (n - 1) / max(n - k, 1)
    return coefficients, bread @ (pulls.T @ pulls) @ bread * factor


def _natural_spline(x: np.ndarray, data: np.ndarray) -> np.ndarray:
    """A constant, x and Harrell's restricted cubic terms, knots at quantiles of the data."""
    knots = np.unique(np.quantile(data, _KNOTS))
    columns = [np.ones(len(x)), x]
    if len(knots) > 2:
        last, before = knots[-1], knots[-2]

        def cube(knot: float) -> np.ndarray:
            return np.maximum(x - knot, 0) ** 3

        for knot in knots[:-2]:
            columns.append(
                (
                    cube(knot)
                    - cube(before) * (last - knot) / (last - before)
                    + cube(last) * (before - knot) / (last - before)
                )
                / (last - knots[0]) ** 2
            )
    return np.column_stack(columns)
