"""From onset to apex: where an expression grows, found in the curve of its intensity alone.

A *course* is the intensity of one emotion in one face (its calibrated probability) over an unbroken stretch of time.
A *rise* in it has

- an apex: a peak whose prominence (``scipy.signal.find_peaks``) is at least ``LEAST_RISE``: by so much the curve must
  go down on either side before it goes up higher;
- an onset: the last instant before the apex at which no more than a fifth of that prominence was reached, or at which
  the curve had fallen back by half of what it had reached since then. With less than a fifth, a resting face's own
  unrest passes for the beginning. A rise does not reach back past the apex before.

Rises of fewer than ``LEAST_FRAMES`` frames are not looked at: ranks of three or four values say nothing.

Whoever selects stretches that begin low and end at their highest point finds intensity correlated with time in any
curve, noise included. What that selection alone gives is measured on surrogates: curves with the same values and the
same spectrum as the real ones and with random phases (iterated amplitude-adjusted Fourier transform; Schreiber and
Schmitz 1996, doi:10.1103/PhysRevLett.77.635), put through the same procedure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64, Int64
from scipy.signal import find_peaks
from scipy.stats import spearmanr

from classmood.climate import persons
from classmood.timeline import Timeline
from classmood.training.reproduction.clips import sampling_step_s

LEAST_RISE: Final = 0.2
LEAST_FRAMES: Final = 5
_ONSET_SHARE: Final = 0.2
# A face that is not seen for longer than this begins a new course; shorter gaps are filled on a straight line.
_GAP_S: Final = 1.0
_ITERATIONS: Final = 30


@dataclass(frozen=True, slots=True)
class Course:
    """The intensity of one emotion in one face, frame by frame."""

    person: int
    intensity: Float64[np.ndarray, " t"]


@dataclass(frozen=True, slots=True)
class Rise:
    """One way from onset to apex, both included."""

    person: int
    intensity: Float64[np.ndarray, " t"]

    @property
    def spearman(self) -> float:
        """Rank correlation of intensity with the frame's number; 0 where the intensity never changes."""
        found = float(spearmanr(np.arange(len(self.intensity)), self.intensity).statistic)
        return 0.0 if np.isnan(found) else found

    @property
    def frames_to_nine_tenths(self) -> int:
        """Frames after which nine tenths of the way up were done for the first time."""
        low, high = self.intensity[0], self.intensity[-1]
        return int(np.argmax(self.intensity >= low + 0.9 * (high - low)))


def cut_courses(timeline: Timeline, intensity: Float64[np.ndarray, " n"]) -> list[Course]:
    """The courses of one emotion.

    Args:
        timeline: of one or more videos.
        intensity: of the emotion, a value a row of the timeline.

    Raises:
        InputError: no time passes in the timeline.
    """
    step_s = sampling_step_s(timeline)
    person = persons(timeline)
    found = []
    for one in np.unique(person):
        rows = np.flatnonzero(person == one)
        time_s = timeline.time_s[rows]
        breaks = np.flatnonzero(np.diff(time_s) > max(_GAP_S, 1.5 * step_s)) + 1
        for part in np.split(np.arange(len(rows)), breaks):
            frames = round((time_s[part[-1]] - time_s[part[0]]) / step_s) + 1
            grid = np.linspace(time_s[part[0]], time_s[part[-1]], frames)
            found.append(Course(int(one), np.interp(grid, time_s[part], intensity[rows[part]].astype(np.float64))))
    return found


def find_rises(course: Course) -> list[Rise]:
    """All rises of a course, in order."""
    x = course.intensity
    apexes, properties = find_peaks(x, prominence=LEAST_RISE)
    found = []
    for before, apex, prominence in zip([0, *apexes], apexes, properties["prominences"], strict=False):
        height = x[before:apex] - (x[apex] - prominence)
        low = np.flatnonzero(height <= _ONSET_SHARE * prominence)
        first = int(low[-1] if len(low) else height.argmin())
        fallen = np.flatnonzero(height[first:] <= 0.5 * np.maximum.accumulate(height[first:]))
        onset = before + first + int(fallen[-1] if len(fallen) else 0)
        if apex - onset + 1 >= LEAST_FRAMES:
            found.append(Rise(course.person, x[onset : apex + 1]))
    return found


def rise_from_beginning(course: Course) -> list[Rise]:
    """The way from a course's beginning, where that is known to be the onset, to its greatest value, or none.

    What rises by less than ``LEAST_RISE`` or over fewer frames than ``LEAST_FRAMES`` is none.
    """
    x = course.intensity
    apex = int(x.argmax())
    if apex + 1 < LEAST_FRAMES or x[apex] - x[0] < LEAST_RISE:
        return []
    return [Rise(course.person, x[: apex + 1])]


def surrogates(x: Float64[np.ndarray, " t"], count: int, random: np.random.Generator) -> Float64[np.ndarray, "count t"]:
    """Curves with the values of ``x``, its spectrum as nearly as these allow, and random phases."""
    values, amplitudes = np.sort(x), np.abs(np.fft.rfft(x))
    curves = random.permuted(np.tile(x, (count, 1)), axis=1)
    for _ in range(_ITERATIONS):
        spectrum = np.fft.rfft(curves)
        wanted = np.fft.irfft(amplitudes * np.exp(1j * np.angle(spectrum)), len(x))
        curves = values[wanted.argsort(1).argsort(1)]
    return curves


def mean_over_persons(values: Float64[np.ndarray, " n"], person: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, " p"]:
    """Each person's mean: several rises of one face are not several people's."""
    _, place = np.unique(person, return_inverse=True)
    return np.asarray(np.bincount(place, values) / np.bincount(place), np.float64)
