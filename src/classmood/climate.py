"""The class over time: means, spread, intervals and coverage in windows.

Two decisions, made here once:

- *Each person counts once in a window.* A person's readings are averaged first, then the persons: five readings a
  second of one face are not five opinions. The interval is that of a mean over persons, Student's t with persons - 1
  degrees of freedom: how far the class mean would move with other persons like these. It does not contain the model's
  own errors.
- *"Not sure" is an answer.* Readings marked so are left out of the means and counted beside them. Weights by confidence
  are not used: they would pull the class towards whatever a face shows strongly, smiles above all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import stdtrit

from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS
from classmood.timeline import Timeline

MEASURES: Final = (*CLASSROOM_CLASSES, *DIMENSIONS, "intensity")
_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


@dataclass(frozen=True, slots=True)
class Climate:
    """A class in M windows: of time, or of sources where there are several.

    Attributes:
        start_s, end_s: the windows; for sources, places in the list of sources.
        instants: sampled instants in the window.
        people: tracks with a reading that is sure.
        visible: mean number of faces an instant; NaN where there was no instant.
        readable: mean number of faces an instant whose reading is sure.
        expected: how many faces there would be with everyone in view; 0 where that is not known, as for several
            sources.
        mean: of each of ``MEASURES`` over persons; NaN where nobody could be read.
        spread: standard deviation between persons; NaN for fewer than two.
        error: half the width of the mean's 95% interval; NaN for fewer than two.
        over_time: whether the windows are of time.
    """

    start_s: Float64[np.ndarray, " m"]
    end_s: Float64[np.ndarray, " m"]
    instants: Int64[np.ndarray, " m"]
    people: Int64[np.ndarray, " m"]
    visible: Float64[np.ndarray, " m"]
    readable: Float64[np.ndarray, " m"]
    expected: int
    mean: Float64[np.ndarray, "m 13"]
    spread: Float64[np.ndarray, "m 13"]
    error: Float64[np.ndarray, "m 13"]
    over_time: bool

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def coverage(self) -> Float64[np.ndarray, " m"]:
        """Share of the expected faces that could be read, at most 1; of the visible ones where none are expected."""
        if self.expected:
            return np.minimum(self.readable / self.expected, 1)
        return np.where(self.visible == 0, 0.0, divide(self.readable, self.visible))

    @property
    def not_sure(self) -> Float64[np.ndarray, " m"]:
        """Share of the visible faces that could not be read; NaN where none was visible."""
        return divide(self.visible - self.readable, self.visible)

    def of(self, measure: str) -> Float64[np.ndarray, " m"]:
        """One measure's means."""
        return self.mean[:, MEASURES.index(measure)]

    def error_of(self, measure: str) -> Float64[np.ndarray, " m"]:
        """Half the width of one measure's 95% interval."""
        return self.error[:, MEASURES.index(measure)]

    def spread_of(self, measure: str) -> Float64[np.ndarray, " m"]:
        """One measure's standard deviation between persons."""
        return self.spread[:, MEASURES.index(measure)]


def expected_faces(timeline: Timeline) -> int:
    """How many faces there are with everyone in view: the greatest number that one instant in fifty reaches.

    A single instant does not decide, for it may hold a false detection.
    """
    if not len(timeline.instants):
        return 0
    ordered = np.sort(timeline.instants.faces)[::-1]
    return int(ordered[int(0.02 * len(ordered))])


def window_for(timeline: Timeline, most: int = 300) -> float:
    """The shortest round window, in seconds, that cuts the timeline into at most ``most`` pieces."""
    first_s, last_s = extent(timeline)
    return float(next((step for step in _STEPS_S if (last_s - first_s) / step < most), _STEPS_S[-1]))


def climate(timeline: Timeline, window_s: float | None = None, *, class_size: int | None = None) -> Climate:
    """Aggregate a timeline.

    Args:
        timeline: of one source, cut into windows of time; of several, each source is a window.
        window_s: length of the windows, which begin at whole multiples of it; all in one if None.
        class_size: how many there are with everyone in view; by default ``expected_faces``, and not known for several
            sources.
    """
    over_time = len(timeline.sources) < 2
    expected = class_size or (expected_faces(timeline) if over_time else 0)
    if over_time:
        step_s = window_s or np.inf
        first, last = (np.floor(t / step_s + 1e-6) for t in extent(timeline))
        count = int(last - first) + 1 if len(timeline.instants) else 0
        starts = (first + np.arange(count)) * step_s if window_s else np.array(extent(timeline)[:1])[:count]
        ends = starts + step_s if window_s else np.array(extent(timeline)[1:])[:count]
        row_window = steps(timeline.time_s, first * step_s if window_s else 0.0, step_s)
        instant_window = steps(timeline.instants.time_s, first * step_s if window_s else 0.0, step_s)
    else:
        count = len(timeline.sources)
        starts = np.arange(count, dtype=np.float64)
        ends = starts + 1
        row_window = timeline.source.astype(np.int64)
        instant_window = timeline.instants.source.astype(np.int64)
    instants = np.bincount(instant_window, minlength=count)
    sure = ~timeline.not_sure
    people, mean, spread = _over_persons(timeline, sure, row_window, count)
    with np.errstate(invalid="ignore"):
        error = spread / np.sqrt(np.maximum(people, 1))[:, None] * _student(people)[:, None]
    return Climate(
        start_s=starts.astype(np.float64),
        end_s=ends.astype(np.float64),
        instants=instants.astype(np.int64),
        people=people,
        visible=divide(np.bincount(row_window, minlength=count), instants),
        readable=divide(np.bincount(row_window[sure], minlength=count), instants),
        expected=expected,
        mean=mean,
        spread=spread,
        error=error,
        over_time=over_time,
    )


def persons(timeline: Timeline) -> Int64[np.ndarray, " n"]:
    """A number from 0 for each row's track, the same for the same track of the same source only."""
    key = timeline.source.astype(np.int64) * (int(timeline.track_id.max(initial=0)) + 1) + timeline.track_id
    return np.unique(key, return_inverse=True)[1].astype(np.int64)


def extent(timeline: Timeline) -> tuple[float, float]:
    """The first and the last sampled time; zeros where there is none."""
    times_s = timeline.instants.time_s
    return (float(times_s.min()), float(times_s.max())) if len(times_s) else (0.0, 0.0)


def steps(time_s: np.ndarray, first_s: float, step_s: float) -> Int64[np.ndarray, " n"]:
    """Which step from the first each time is in."""
    # A little more, so that 0.6 / 0.2 = 2.9999... is the third step.
    return np.floor((time_s - first_s) / step_s + 1e-6).astype(np.int64)


def divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Divide; NaN where the divisor is 0."""
    a, b = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    result: np.ndarray = np.divide(a, b, out=np.full(a.shape, np.nan), where=b != 0)
    return result


def _over_persons(
    timeline: Timeline, sure: np.ndarray, window: np.ndarray, count: int
) -> tuple[Int64[np.ndarray, " m"], Float64[np.ndarray, "m 13"], Float64[np.ndarray, "m 13"]]:
    """For each window: persons with a sure reading, the mean over them, the deviation between them."""
    person = persons(timeline)[sure]
    several = int(person.max(initial=0)) + 1
    pairs, inverse, readings = np.unique(window[sure] * several + person, return_inverse=True, return_counts=True)
    columns = timeline.numbers()
    # One column at a time, for a long recording's would fill much memory together.
    own = np.stack([np.bincount(inverse, columns[name][sure], len(pairs)) / readings for name in MEASURES], 1)
    of_window = pairs // several
    people = np.bincount(of_window, minlength=count)
    mean = np.stack([divide(np.bincount(of_window, column, count), people) for column in own.T], 1)
    away = np.square(own - mean[of_window])
    squares = np.stack([np.bincount(of_window, column, count) for column in away.T], 1)
    spread = np.sqrt(divide(squares, np.maximum(people - 1, 0)[:, None]))
    return people.astype(np.int64), mean, spread


def _student(people: np.ndarray) -> np.ndarray:
    """Two-sided 95% quantile of Student's t for means over this many persons; NaN for fewer than two."""
    freedom = np.where(people > 1, people - 1, np.nan).astype(np.float64)
    return np.asarray(stdtrit(freedom, 0.975))
