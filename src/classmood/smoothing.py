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

a shift of the log-odds by which the person's own resting face reads as r, and a change from it as a change. Valence,
arousal and dominance that a model measures itself are shifted so that the resting face lies where neutral does, at the
origin.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Float32, Float64, Int

from classmood.classifier import Emotions
from classmood.emotions import FERPLUS_CLASSES

# Makes emotions of smoothed probabilities, dimensions and confidences.
ReadOut = Callable[
    [Float32[np.ndarray, "n k"], Float32[np.ndarray, "n 3"], Float32[np.ndarray, " n"]],
    Emotions,
]

# After so long the face of before says nothing of the face of now.
GAP_S: Final = 2.0
# Tracks not seen for so long are forgotten, so that memory does not grow with the length of a video.
FORGET_S: Final = 600.0
# Even a face without any confidence counts a little, or a long doubtful spell would freeze the curve.
LEAST_WEIGHT: Final = 0.1
# Keeps the baseline's quotient finite, and a class that was never seen at rest from exploding.
LEAST_SHARE: Final = 0.01
_RESTING_NEUTRAL: Final = 0.86


def resting(classes: int) -> Float64[np.ndarray, " k"]:
    """The resting distribution over so many classes, neutral first."""
    shares = np.full(classes, (1 - _RESTING_NEUTRAL) / (classes - 1))
    shares[0] = _RESTING_NEUTRAL
    return shares


RESTING: Final = resting(len(FERPLUS_CLASSES))


@dataclass(slots=True)
class _Track:
    first_s: float
    last_s: float
    weight: float = 0.0
    total: Float64[np.ndarray, " d"] = field(default_factory=lambda: np.zeros(0))
    resting_log: Float64[np.ndarray, " k"] | None = None
    resting_vad: Float64[np.ndarray, " 3"] = field(default_factory=lambda: np.zeros(3))
    resting_count: int = 0


class Smoother:
    """Smooths every track on its own. One for each video."""

    def __init__(self, *, time_constant_s: float, baseline_s: float | None = None, read_out: ReadOut) -> None:
        """Start without tracks.

        Args:
            time_constant_s: after a step, the time to reach 63 percent of it; 0 leaves instants as they are.
            baseline_s: the first seconds of a track that are taken for the resting face; None for no baseline.
            read_out: makes emotions of smoothed probabilities, dimensions and confidences.
        """
        self._time_constant_s = time_constant_s
        self._baseline_s = baseline_s
        self._read_out = read_out
        self._tracks: dict[int, _Track] = {}

    def update(self, track_ids: Int[np.ndarray, " n"], emotions: Emotions, time_s: float) -> Emotions:
        """Take up one instant and return it smoothed, face by face in the same order."""
        shares = emotions.shares.astype(np.float64)
        vad = emotions.vad.astype(np.float64)
        confidence = emotions.confidence.astype(np.float64)
        k = shares.shape[1]
        for i, track_id in enumerate(track_ids.tolist()):
            track = self._tracks.setdefault(track_id, _Track(time_s, time_s))
            corrected = self._against_rest(track, shares[i], vad[i], time_s)
            smoothed = self._smooth(track, np.concatenate([*corrected, confidence[i : i + 1]]), time_s)
            shares[i], vad[i], confidence[i] = smoothed[:k], smoothed[k:-1], smoothed[-1]
        self._forget(time_s)
        return self._read_out(shares.astype(np.float32), vad.astype(np.float32), confidence.astype(np.float32))

    def _smooth(self, track: _Track, values: Float64[np.ndarray, " d"], time_s: float) -> Float64[np.ndarray, " d"]:
        """One step of the mean; the last value is the confidence."""
        elapsed_s = time_s - track.last_s
        track.last_s = time_s
        weight = max(float(values[-1]), LEAST_WEIGHT)
        if not self._time_constant_s or not track.weight or elapsed_s > GAP_S:
            track.total, track.weight = weight * values, weight
            return values
        decay = math.exp(-elapsed_s / self._time_constant_s)
        track.total = decay * track.total + (1 - decay) * weight * values
        track.weight = decay * track.weight + (1 - decay) * weight
        return track.total / track.weight

    def _against_rest(
        self,
        track: _Track,
        probabilities: Float64[np.ndarray, " k"],
        vad: Float64[np.ndarray, " 3"],
        time_s: float,
    ) -> tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, " 3"]]:
        if self._baseline_s is None:
            return probabilities, vad
        logs = np.log(np.maximum(probabilities, LEAST_SHARE))
        if track.resting_log is None:
            track.resting_log = np.zeros(len(logs))
        if time_s - track.first_s <= self._baseline_s:
            track.resting_log += logs
            track.resting_vad = track.resting_vad + vad
            track.resting_count += 1
        own = np.exp(track.resting_log / track.resting_count)
        # A class that the model has not learned stays at 0.
        shifted = np.where(probabilities > 0, np.exp(logs) * resting(len(logs)) / (own / own.sum()), 0.0)
        return shifted / shifted.sum(), vad - track.resting_vad / track.resting_count

    def _forget(self, time_s: float) -> None:
        gone = [track_id for track_id, track in self._tracks.items() if time_s - track.last_s > FORGET_S]
        for track_id in gone:
            del self._tracks[track_id]
