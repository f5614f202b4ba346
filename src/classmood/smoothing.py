"""Steadies a face's numbers over time, and can take a person's resting face into account.

Exponential mean in seconds, not in frames: with dt the time since the track was last seen, a sample x of weight w moves
the mean S / W by

    S <- d S + (1 - d) w x        W <- d W + (1 - d) w        d = exp(-dt / time constant)

so that the same course of a face gives the same curve at any sampling rate. The weight is the confidence: a blurred
glance moves the mean less than a clear one. After a gap of ``GAP_S`` the mean starts anew.

The personal baseline answers "I always look sad to it". Let q be the geometric mean of a track's probabilities over its
first ``baseline_s`` seconds (so far, while they last) and r the resting distribution: neutral, with what FER+ raters
see in calm faces of the other classes. Each instant's p becomes, class by class,

    p'_k = p_k r_k / q_k, scaled to sum to 1

a shift of the log-odds by which the person's own resting face reads as r, and a change from it as a change.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Float32, Float64, Int

from classmood.classifier import Emotions
from classmood.emotions import FERPLUS_CLASSES, NEUTRAL

ReadOut = Callable[[Float32[np.ndarray, "n 8"], Float32[np.ndarray, " n"]], Emotions]

# After so long the face of before says nothing of the face of now.
GAP_S: Final = 2.0
# Tracks not seen for so long are forgotten, so that memory does not grow with the length of a video.
FORGET_S: Final = 600.0
# Even a face without any confidence counts a little, or a long doubtful spell would freeze the curve.
LEAST_WEIGHT: Final = 0.1
# Keeps the baseline's quotient finite, and a class that was never seen at rest from exploding.
LEAST_SHARE: Final = 0.01
RESTING: Final = np.array([0.86 if name == NEUTRAL else 0.02 for name in FERPLUS_CLASSES])


@dataclass(slots=True)
class _Track:
    first_s: float
    last_s: float
    weight: float = 0.0
    total: Float64[np.ndarray, " 9"] = field(default_factory=lambda: np.zeros(9))
    resting_log: Float64[np.ndarray, " 8"] = field(default_factory=lambda: np.zeros(8))
    resting_count: int = 0


class Smoother:
    """Smooths every track on its own. One for each video."""

    def __init__(self, *, time_constant_s: float, baseline_s: float | None = None, read_out: ReadOut) -> None:
        """Start without tracks.

        Args:
            time_constant_s: after a step, the time to reach 63 percent of it; 0 leaves instants as they are.
            baseline_s: the first seconds of a track that are taken for the resting face; None for no baseline.
            read_out: makes emotions of smoothed FER+ probabilities and confidences.
        """
        self._time_constant_s = time_constant_s
        self._baseline_s = baseline_s
        self._read_out = read_out
        self._tracks: dict[int, _Track] = {}

    def update(self, track_ids: Int[np.ndarray, " n"], emotions: Emotions, time_s: float) -> Emotions:
        """Take up one instant and return it smoothed, face by face in the same order."""
        ferplus = emotions.ferplus.astype(np.float64)
        confidence = emotions.confidence.astype(np.float64)
        for i, track_id in enumerate(track_ids.tolist()):
            track = self._tracks.setdefault(track_id, _Track(time_s, time_s))
            corrected = self._against_rest(track, ferplus[i], time_s)
            smoothed = self._smooth(track, np.append(corrected, confidence[i]), time_s)
            ferplus[i], confidence[i] = smoothed[:8], smoothed[8]
        self._forget(time_s)
        return self._read_out(ferplus.astype(np.float32), confidence.astype(np.float32))

    def _smooth(self, track: _Track, values: Float64[np.ndarray, " 9"], time_s: float) -> Float64[np.ndarray, " 9"]:
        elapsed_s = time_s - track.last_s
        track.last_s = time_s
        weight = max(float(values[8]), LEAST_WEIGHT)
        if not self._time_constant_s or not track.weight or elapsed_s > GAP_S:
            track.total, track.weight = weight * values, weight
            return values
        decay = math.exp(-elapsed_s / self._time_constant_s)
        track.total = decay * track.total + (1 - decay) * weight * values
        track.weight = decay * track.weight + (1 - decay) * weight
        return track.total / track.weight

    def _against_rest(
        self, track: _Track, probabilities: Float64[np.ndarray, " 8"], time_s: float
    ) -> Float64[np.ndarray, " 8"]:
        if self._baseline_s is None:
            return probabilities
        logs = np.log(np.maximum(probabilities, LEAST_SHARE))
        if time_s - track.first_s <= self._baseline_s:
            track.resting_log += logs
            track.resting_count += 1
        resting = np.exp(track.resting_log / track.resting_count)
        shifted = np.exp(logs) * RESTING / (resting / resting.sum())
        corrected: Float64[np.ndarray, " 8"] = shifted / shifted.sum()
        return corrected

    def _forget(self, time_s: float) -> None:
        gone = [track_id for track_id, track in self._tracks.items() if time_s - track.last_s > FORGET_S]
        for track_id in gone:
            del self._tracks[track_id]
