"""The class over time: means, spread, intervals, coverage in windows, and the moments at which it changed.

Two decisions, made here once:

- *Each person counts once in a window.* A person's readings are averaged first, then the persons: five readings a
  second of one face are not five opinions. The interval is that of a mean over persons, Student's t with persons - 1
  degrees of freedom: how far the class mean would move with other persons like these. It does not contain the model's
  own errors.
- *"Not sure" is an answer.* Readings marked so are left out of the means and counted beside them. Weights by confidence
  are not used: they would pull the class towards whatever a face shows strongly, smiles above all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import stdtrit

from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS, NEUTRAL
from classmood.timeline import Timeline

MEASURES: Final = (*CLASSROOM_CLASSES, *DIMENSIONS, "intensity")
_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
# A change is told only if it is larger than chance would have it (two-sided, for persons seen before and after) ...
_CHANCE: Final = 0.001
# ... and than a reader would care about: share of the class's expression; doubled where there is but one person.
_LEAST_CHANGE: Final = 0.08
_LEAST_FACES_CHANGE: Final = 0.1


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
        return np.where(self.visible == 0, 0.0, _divide(self.readable, self.visible))

    @property
    def not_sure(self) -> Float64[np.ndarray, " m"]:
        """Share of the visible faces that could not be read; NaN where none was visible."""
        return _divide(self.visible - self.readable, self.visible)

    def of(self, measure: str) -> Float64[np.ndarray, " m"]:
        """One measure's means."""
        return self.mean[:, MEASURES.index(measure)]

    def error_of(self, measure: str) -> Float64[np.ndarray, " m"]:
        """Half the width of one measure's 95% interval."""
        return self.error[:, MEASURES.index(measure)]

    def spread_of(self, measure: str) -> Float64[np.ndarray, " m"]:
        """One measure's standard deviation between persons."""
        return self.spread[:, MEASURES.index(measure)]


@dataclass(frozen=True, slots=True)
class Change:
    """A moment at which the class changed.

    Attributes:
        time_s: between what is compared.
        what: an emotion, or ``faces``.
        before, after: means over the ``span_s`` before and after: shares, or numbers of faces.
        people: persons seen both before and after; for ``faces``, those expected.
    """

    time_s: float
    what: str
    before: float
    after: float
    people: int
    span_s: float


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
    first_s, last_s = _extent(timeline)
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
        first, last = (np.floor(t / step_s + 1e-6) for t in _extent(timeline))
        count = int(last - first) + 1 if len(timeline.instants) else 0
        starts = (first + np.arange(count)) * step_s if window_s else np.array(_extent(timeline)[:1])[:count]
        ends = starts + step_s if window_s else np.array(_extent(timeline)[1:])[:count]
        row_window = _steps(timeline.time_s, first * step_s if window_s else 0.0, step_s)
        instant_window = _steps(timeline.instants.time_s, first * step_s if window_s else 0.0, step_s)
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
        visible=_divide(np.bincount(row_window, minlength=count), instants),
        readable=_divide(np.bincount(row_window[sure], minlength=count), instants),
        expected=expected,
        mean=mean,
        spread=spread,
        error=error,
        over_time=over_time,
    )


def measures_of(timeline: Timeline) -> Float64[np.ndarray, "n 13"]:
    """The columns that are aggregated, in the order of ``MEASURES``."""
    return np.column_stack([timeline.classroom, timeline.vad, timeline.intensity]).astype(np.float64)


def persons(timeline: Timeline) -> Int64[np.ndarray, " n"]:
    """A number from 0 for each row's track, the same for the same track of the same source only."""
    key = timeline.source.astype(np.int64) * (int(timeline.track_id.max(initial=0)) + 1) + timeline.track_id
    return np.unique(key, return_inverse=True)[1].astype(np.int64)


def changes(timeline: Timeline, emotions: Sequence[str], *, most: int = 5) -> tuple[Change, ...]:
    """The moments at which the class changed most, in order of time; none for several sources or a single instant.

    Compares the time before with the time after at every step, person by person. Told is what is larger than chance
    (Student's t over persons, p < 0.001) and than a share of 0.08; where there is but one person, 0.16. ``faces`` tells
    that at least a tenth of those expected came or went.
    """
    first_s, last_s = _extent(timeline)
    if len(timeline.sources) > 1 or last_s <= first_s:
        return ()
    step_s = max((last_s - first_s) / 400, 0.2)
    span = max(round(float(np.clip((last_s - first_s) / 20, 2.0, 30.0)) / step_s), 1)
    found: list[tuple[float, Change]] = []
    for name in emotions:
        if name != NEUTRAL:
            found += _changes_of(timeline, name, first_s, step_s, span)
    found += _changes_of_faces(timeline, first_s, step_s, span)
    kept: list[Change] = []
    for _, change in sorted(found, key=lambda pair: -pair[0]):
        if len(kept) < most and all(abs(change.time_s - other.time_s) > 1.5 * span * step_s for other in kept):
            kept.append(change)
    return tuple(sorted(kept, key=lambda change: change.time_s))


def _changes_of(timeline: Timeline, name: str, first_s: float, step_s: float, span: int) -> list[tuple[float, Change]]:
    sure = ~timeline.not_sure
    if not sure.any():
        return []
    person = persons(timeline)[sure]
    step = _steps(timeline.time_s[sure], first_s, step_s)
    values = timeline.classroom[sure, CLASSROOM_CLASSES.index(name)].astype(np.float64)
    shape = (int(person.max()) + 1, int(step.max()) + 1)
    place = np.ravel_multi_index((person, step), shape)
    size = shape[0] * shape[1]
    before, after = _before_after(np.bincount(place, values, size).reshape(shape), span)
    seen_before, seen_after = _before_after(np.bincount(place, minlength=size).reshape(shape), span)
    both = (seen_before > 0) & (seen_after > 0)
    was, became = _divide(before, np.where(both, seen_before, 0)), _divide(after, np.where(both, seen_after, 0))
    people = both.sum(0)
    mean_before, mean_after = _divide(np.nansum(was, 0), people), _divide(np.nansum(became, 0), people)
    difference = mean_after - mean_before
    deviation = np.sqrt(_divide(np.nansum((became - was - difference) ** 2, 0), np.maximum(people - 1, 0)))
    with np.errstate(invalid="ignore"):
        needed = np.maximum(_LEAST_CHANGE, deviation / np.sqrt(np.maximum(people, 1)) * _student(people, _CHANCE))
    needed = np.where(people == 1, 2 * _LEAST_CHANGE, needed)
    return [
        (
            float(abs(difference[k])),
            Change(
                float(first_s + k * step_s),
                name,
                float(mean_before[k]),
                float(mean_after[k]),
                int(people[k]),
                span * step_s,
            ),
        )
        for k in _peaks(difference, needed, span)
    ]


def _changes_of_faces(timeline: Timeline, first_s: float, step_s: float, span: int) -> list[tuple[float, Change]]:
    step = _steps(timeline.instants.time_s, first_s, step_s)
    total = np.bincount(step, timeline.instants.faces)[None]
    before, after = (part[0] for part in _before_after(total, span))
    sampled_before, sampled_after = (part[0] for part in _before_after(np.bincount(step)[None], span))
    was, became = _divide(before, sampled_before), _divide(after, sampled_after)
    expected = max(expected_faces(timeline), 1)
    least = np.full(len(was), max(_LEAST_FACES_CHANGE * expected, 0.9))
    return [
        (
            float(abs(became[k] - was[k])) / expected,
            Change(float(first_s + k * step_s), "faces", float(was[k]), float(became[k]), expected, span * step_s),
        )
        for k in _peaks(became - was, least, span)
    ]


def _steps(time_s: np.ndarray, first_s: float, step_s: float) -> Int64[np.ndarray, " n"]:
    # A little more, so that 0.6 / 0.2 = 2.9999... is the third step.
    return np.floor((time_s - first_s) / step_s + 1e-6).astype(np.int64)


def _before_after(values: np.ndarray, span: int) -> tuple[np.ndarray, np.ndarray]:
    """For each step, sums over the ``span`` steps before it and the ``span`` steps from it on."""
    total = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, 1)], 1)
    steps = np.arange(values.shape[1])
    return (
        total[:, steps] - total[:, np.maximum(steps - span, 0)],
        total[:, np.minimum(steps + span, values.shape[1])] - total[:, steps],
    )


def _peaks(difference: np.ndarray, needed: np.ndarray, span: int) -> list[int]:
    """Steps with a whole span before and after that exceed what is needed and are the greatest within a span."""
    size = np.where(np.isfinite(difference), np.abs(difference), 0)
    whole = range(span, len(size) - span + 1)
    return [
        k
        for k in whole
        if k < len(size)
        and size[k] >= needed[k]
        and size[k] == size[max(k - span, 0) : k + span + 1].max()
        and size[k] > size[max(k - span, 0) : k].max(initial=0)
    ]


def _over_persons(
    timeline: Timeline, sure: np.ndarray, window: np.ndarray, count: int
) -> tuple[Int64[np.ndarray, " m"], Float64[np.ndarray, "m 13"], Float64[np.ndarray, "m 13"]]:
    """For each window: persons with a sure reading, the mean over them, the deviation between them."""
    values = measures_of(timeline)[sure]
    person = persons(timeline)[sure]
    several = int(person.max(initial=0)) + 1
    pairs, inverse, readings = np.unique(window[sure] * several + person, return_inverse=True, return_counts=True)
    own = np.stack([np.bincount(inverse, column, len(pairs)) / readings for column in values.T], 1)
    of_window = pairs // several
    people = np.bincount(of_window, minlength=count)
    mean = np.stack([_divide(np.bincount(of_window, column, count), people) for column in own.T], 1)
    away = np.square(own - mean[of_window])
    squares = np.stack([np.bincount(of_window, column, count) for column in away.T], 1)
    spread = np.sqrt(_divide(squares, np.maximum(people - 1, 0)[:, None]))
    return people.astype(np.int64), mean, spread


def _student(people: np.ndarray, chance: float = 0.05) -> np.ndarray:
    """Two-sided quantile of Student's t for means over this many persons; NaN for fewer than two."""
    freedom = np.where(people > 1, people - 1, np.nan).astype(np.float64)
    return np.asarray(stdtrit(freedom, 1 - chance / 2))


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Divide; NaN where the divisor is 0."""
    a, b = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    result: np.ndarray = np.divide(a, b, out=np.full(a.shape, np.nan), where=b != 0)
    return result


def _extent(timeline: Timeline) -> tuple[float, float]:
    times = timeline.instants.time_s
    return (float(times.min()), float(times.max())) if len(times) else (0.0, 0.0)
