"""Noise that neither one release nor all releases of a lesson average away.

Rounding and batches alone do not hide a student (docs/privacy/releases.md): in a class of five of which an attacker
knows three, the exact count of two remaining students tells one of them three times in four. So noise is added to the
counts before anything is rounded.

Noise that is drawn anew for each release would average out over an hour, and a single draw for all of it would cancel
in differences. What a student shows changes in seconds, minutes, or not at all; the noise therefore has a part for each
of these times, a sum of stationary Gaussian processes with correlation exp(-t / tau): tau = 0 (anew in each release),
1 minute, 5 minutes and without end. The sum is bounded at three standard deviations. When a batch of people begins or
ceases to count, all of it is drawn anew: else the difference across the batch would be free of its slow parts.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float64

# (tau in seconds, share of the variance). The attack of benchmarks/differencing.py does about equally badly on students
# of every pace, and what a class does together stands out: the slower the noise, the less it hides a sudden change.
SPECTRUM: Final = ((0.0, 0.03), (60.0, 0.32), (300.0, 0.30), (math.inf, 0.35))
BOUND_DEVIATIONS: Final = 3.0


class WanderingNoise:
    """One class session's noise, in students, for C cells of a count.

    It wanders on whether or not something is released, so that silence does not betray where it stands.
    """

    def __init__(self, deviations: Sequence[float], interval_s: float, randomness: random.Random) -> None:
        """Draw the first values.

        Args:
            deviations: each cell's standard deviation, in students.
            interval_s: from one step to the next.
            randomness: where draws come from; ``random.SystemRandom`` in service.
        """
        self._deviations = np.asarray(deviations, np.float64)
        self._randomness = randomness
        self._kept = np.array([math.exp(-interval_s / tau_s) if tau_s else 0.0 for tau_s, _ in SPECTRUM])
        self._weights = np.sqrt([share for _, share in SPECTRUM])
        self._parts = self._draw()

    def step(self) -> Float64[np.ndarray, " c"]:
        """The noise of the next release, in students."""
        kept = self._kept[:, None]
        self._parts = kept * self._parts + np.sqrt(1 - kept**2) * self._draw()
        bounded: np.ndarray = np.clip(self._weights @ self._parts, -BOUND_DEVIATIONS, BOUND_DEVIATIONS)
        return bounded * self._deviations

    def renew(self) -> None:
        """Forget the past: the next step is unrelated to those before."""
        self._parts = self._draw()

    def _draw(self) -> Float64[np.ndarray, "p c"]:
        cells = range(len(self._deviations))
        return np.array([[self._randomness.gauss(0.0, 1.0) for _ in cells] for _ in SPECTRUM])
