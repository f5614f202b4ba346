"""What has just risen in a class, beyond the noise: told where a share itself cannot be read.

The noise is slow (``noise.SPECTRUM``), so a count minus the mean of those of the half minute before has less than half
of its deviation. What a whole class does together then stands out at once, also in a class so small that the noise
drowns every share. It is computed from noised counts, so it tells nothing that the attack on counts was not given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from jaxtyping import Float64

from classmood.server.noise import SPECTRUM

# Against the mean of so many releases, beyond so many deviations of the noise of that difference.
AGAINST: Final = 3
BEYOND: Final = 3.0


class Rises:
    """The last noised counts of one class, and what rose against them."""

    def __init__(self, deviations: Sequence[float], interval_s: float, smallest: float) -> None:
        """Begin.

        Args:
            deviations: of the noise in each of C cells, in students.
            interval_s: from one release to the next.
            smallest: students by which a cell must rise at least.
        """
        self._noise = np.asarray(deviations, np.float64) * difference_deviation(interval_s)
        self._smallest = smallest
        self._lately: deque[np.ndarray] = deque(maxlen=AGAINST)

    def clear(self) -> None:
        """Forget what was: a batch draws the noise anew, and a silence tells nothing."""
        self._lately.clear()

    def take(self, counts: Float64[np.ndarray, " c"], widening: float) -> Float64[np.ndarray, " c"]:
        """By how many students each cell rose beyond the noise; 0 where it did not, or too little is known."""
        before = list(self._lately)
        self._lately.append(counts)
        if len(before) < AGAINST:
            return np.zeros(len(counts))
        rise = counts - np.mean(before, axis=0)
        least = np.maximum(BEYOND * widening * self._noise, self._smallest)
        risen: Float64[np.ndarray, " c"] = np.where(rise >= least, rise, 0.0)
        return risen


@cache
def difference_deviation(interval_s: float) -> float:
    """Deviation of one release minus the mean of the ``AGAINST`` before it, for noise of deviation 1."""
    weights = np.append(np.full(AGAINST, -1 / AGAINST), 1.0)
    places = np.arange(len(weights))
    apart_s = interval_s * np.abs(np.subtract.outer(places, places))
    kept = sum(share * (np.exp(-apart_s / tau_s) if tau_s else (apart_s == 0)) for tau_s, share in SPECTRUM)
    return float(np.sqrt(weights @ kept @ weights))
