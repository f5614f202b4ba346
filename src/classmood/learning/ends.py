"""Points and the ends of a rating scale: who would go below 1 or above 9 cannot, so means near the ends are pulled in.

A single rating of an answer whose expectation is m is taken to be normal with spread s, then rounded to the nearest of
nine points and so cut at the ends. On [0, 1] it is the share of the eight thresholds t_j = (j - 1/2) / 8 that it has
passed, so that

    C(m) = 1/8 sum_j Phi((m - t_j) / s)             the mean
           1/64 sum_j (2 j - 1) Phi((m - t_j) / s)  the mean square

The surface is of m, what would be rated on a scale without ends; what is fitted to the ratings is C(m). The spread is
the one at which rounded and cut ratings vary about the fit as much as the single ratings do (the doubly censored normal
of Tobin 1958, doi:10.2307/1907382, with rounding).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtr

from classmood.selfreport import POINTS

_STEPS: Final = POINTS - 1
_THRESHOLDS: Final = (np.arange(1, POINTS) - 0.5) / _STEPS
_HALVINGS: Final = 30
_NARROWEST: Final = 0.01
_WIDEST: Final = 1.0
_ROOT_2_PI: Final = float(np.sqrt(2 * np.pi))


def rated_mean(
    middle: Float64[np.ndarray, "*b n"], spread: Float64[np.ndarray, " n"]
) -> tuple[Float64[np.ndarray, "*b n"], Float64[np.ndarray, "*b n"]]:
    """The mean of ratings about a middle, and its slope by it; the middle itself for no spread at all."""
    if not spread.any():
        return middle, np.ones_like(middle)
    mean, slope = np.zeros_like(middle), np.zeros_like(middle)
    for threshold in _THRESHOLDS:
        z = (middle - threshold) / spread
        mean += ndtr(z)
        slope += np.exp(-(z**2) / 2)
    return mean / _STEPS, slope / (_STEPS * spread * _ROOT_2_PI)


def rated_variance(middle: Float64[np.ndarray, " n"], spread: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """The variance of single ratings about a middle."""
    square = np.zeros_like(middle)
    for j, threshold in enumerate(_THRESHOLDS, 1):
        square += (2 * j - 1) * ndtr((middle - threshold) / spread)
    return np.asarray(square / _STEPS**2 - rated_mean(middle, spread)[0] ** 2)


def find_spread(
    middle: Float64[np.ndarray, " n"], variance: Float64[np.ndarray, " n"], items: Float64[np.ndarray, "n m"]
) -> tuple[float, Float64[np.ndarray, " n"]]:
    """The spread at which single ratings vary about the fit as they do.

    Args:
        middle: expectation of each answer, on the scale without ends.
        variance: of each answer's middle, as the feeling behind it is not known exactly.
        items: the single ratings of each answer, 0 to 1.

    Returns:
        The spread of ratings about a middle that is known, and of each answer's with its variance.
    """
    low, high = _NARROWEST, _WIDEST
    for _ in range(_HALVINGS):
        own = (low + high) / 2
        spread = np.sqrt(own**2 + variance)
        found = np.square(items - rated_mean(middle, spread)[0][:, None]).mean()
        low, high = (own, high) if rated_variance(middle, spread).mean() < found else (low, own)
    return own, spread
