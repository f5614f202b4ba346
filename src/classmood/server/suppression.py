"""From noised counts to what is shown: small cells are hidden, and so is the rest that would reveal them.

Everything here is computed from counts that already carry their noise, so it cannot take protection away. And
everything else a release says of emotions (dimensions, ellipse, intensity) is computed from the shares that are shown:
what is hidden enters nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64


@dataclass(frozen=True, slots=True)
class Shown:
    """Shares of C cells after suppression.

    Attributes:
        shares: multiples of the rounding step, NaN where hidden.
        others: what the hidden cells have together; with the shown shares it sums to 1. 0 says "none, or a few".
    """

    shares: Float64[np.ndarray, " c"]
    others: float

    def filled(self) -> Float64[np.ndarray, " c"]:
        """The shares with the hidden mass spread evenly over the hidden cells: all that is known without them."""
        hidden = np.isnan(self.shares)
        return np.where(hidden, self.others / max(int(hidden.sum()), 1), self.shares)


def suppress(counts: Float64[np.ndarray, " c"], people: int, smallest: float, step: float) -> Shown:
    """Shares of noised counts.

    - Counts are first moved to the nearest ones that can be: none negative, ``people`` in all.
    - Cells below ``smallest`` are hidden; their total is shown as "others".
    - Where that total is itself below ``smallest`` (always so for a single hidden cell), it would tell of a few people
      what the hidden cells do not: then the shown shares are those among the shown cells alone, and others is 0.

    Args:
        counts: noised, in people.
        people: how many count.
        smallest: number of people that a shown cell, and the hidden ones together, must have.
        step: of the rounding.
    """
    counts = nearest_possible(counts, people)
    shown = np.flatnonzero(counts >= smallest)
    others = people - float(counts[shown].sum())
    if others < smallest and len(shown):
        others = 0.0
    rounded = _round_to_whole(np.append(counts[shown], others), step)
    shares = np.full(len(counts), np.nan)
    shares[shown] = rounded[:-1]
    return Shown(shares, float(rounded[-1]))


def nearest_possible(counts: Float64[np.ndarray, " c"], people: float) -> Float64[np.ndarray, " c"]:
    """The nearest counts (least squares) that are not negative and sum to ``people``."""
    ordered = np.sort(counts)[::-1]
    excess = (np.cumsum(ordered) - people) / np.arange(1, len(counts) + 1)
    last = int(np.flatnonzero(ordered > excess)[-1])
    nearest: np.ndarray = np.maximum(counts - excess[last], 0.0)
    return nearest


def _round_to_whole(counts: Float64[np.ndarray, " m"], step: float) -> Float64[np.ndarray, " m"]:
    """Shares in multiples of ``step`` that sum to 1, by largest remainders."""
    units = counts / counts.sum() / step
    whole = np.floor(units + 1e-9)
    missing = round(1 / step) - int(whole.sum())
    whole[np.argsort(-(units - whole), kind="stable")[:missing]] += 1
    rounded: np.ndarray = np.round(whole * step, 6)
    return rounded
