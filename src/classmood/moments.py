"""The moments at which a class changed more than chance would have it.

At every step the mean of each emotion over a span before is compared with that over the same span after, person by
person, for three lengths of span. What counts as more than chance is decided for all steps, emotions and spans at once:
if nothing happened to the class, each person's differences might as well have the other sign, so the signs of whole
persons are flipped at random, and the greatest t of each flip is what chance can do (a sign-flip test of the maximum;
Nichols and Holmes 2002, doi:10.1002/hbm.1058). Few persons have too few signs to flip: for them a change must be twice
as large instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64

from classmood.climate import divide, expected_faces, extent, persons, steps
from classmood.emotions import CLASSROOM_CLASSES, NEUTRAL
from classmood.timeline import Timeline

# Chance of telling any change where there is none.
_CHANCE: Final = 0.05
_FLIPS: Final = 199
_FEWEST_TO_FLIP: Final = 7
# What a reader would care about: change of a share; share of the expected faces.
_LEAST_CHANGE: Final = 0.08
_LEAST_FACES: Final = 0.1
# Added to the standard error, so that readings that hardly move at all do not make a tiny change significant.
_FLOOR: Final = 0.01
_MOST_STEPS: Final = 400
# Spans as shares of the recording, with the least and the greatest that is sensible in seconds.
_SPANS: Final = ((1 / 20, 2.0, 30.0), (1 / 10, 4.0, 60.0), (1 / 6, 8.0, 120.0))


@dataclass(frozen=True, slots=True)
class Change:
    """A moment at which the class changed.

    Attributes:
        time_s: between what is compared.
        what: an emotion, or ``faces``.
        before: mean over the ``span_s`` before: a share, or a number of faces.
        after: the same after.
        people: persons seen both before and after; for ``faces``, those expected.
        span_s: how long before and after.
    """

    time_s: float
    what: str
    before: float
    after: float
    people: int
    span_s: float


@dataclass(frozen=True, slots=True)
class _Compared:
    """One emotion before and after each step, over one span: what each person did."""

    what: str
    span: int
    before: Float64[np.ndarray, "people steps"]
    after: Float64[np.ndarray, "people steps"]
    seen: Bool[np.ndarray, "people steps"]

    @property
    def difference(self) -> Float64[np.ndarray, "people steps"]:
        """After minus before; 0 for who was not seen in both."""
        return np.where(self.seen, self.after - self.before, 0.0)


def changes(timeline: Timeline, emotions: Sequence[str], *, most: int = 5) -> tuple[Change, ...]:
    """The greatest changes in order of time; none for several sources or a single instant.

    Args:
        timeline: of one source.
        emotions: which to look at; neutral is left out, as it only mirrors the others.
        most: how many at most.
    """
    first_s, last_s = extent(timeline)
    if len(timeline.sources) > 1 or last_s <= first_s:
        return ()
    step_s = max((last_s - first_s) / _MOST_STEPS, 0.2)
    lengths = [max(round(float(np.clip((last_s - first_s) * r, low, high)) / step_s), 1) for r, low, high in _SPANS]
    found = _of_faces(timeline, first_s, step_s, lengths[0])
    names = [name for name in emotions if name != NEUTRAL]
    compared = [c for span in lengths for c in _compare(timeline, names, first_s, step_s, span)]
    limit = _chance_limit(compared)
    for one in compared:
        found += _of_emotion(one, limit, first_s, step_s)
    kept: list[Change] = []
    for _, change in sorted(found, key=lambda pair: -pair[0]):
        near = any(abs(change.time_s - other.time_s) <= max(change.span_s, other.span_s) for other in kept)
        if len(kept) < most and not near:
            kept.append(change)
    return tuple(sorted(kept, key=lambda change: change.time_s))


def _compare(timeline: Timeline, names: Sequence[str], first_s: float, step_s: float, span: int) -> list[_Compared]:
    sure = ~timeline.not_sure
    if not sure.any():
        return []
    step = steps(timeline.time_s[sure], first_s, step_s)
    person = persons(timeline)[sure]
    shape = (int(person.max()) + 1, int(step.max()) + 1)
    place, size = np.ravel_multi_index((person, step), shape), shape[0] * shape[1]
    seen_before, seen_after = _before_after(np.bincount(place, minlength=size).reshape(shape), span)
    seen = (seen_before > 0) & (seen_after > 0)
    # Only steps with a whole span on either side.
    seen[:, :span] = seen[:, max(shape[1] - span + 1, 0) :] = False
    result = []
    for name in names:
        values = timeline.classroom[sure, CLASSROOM_CLASSES.index(name)].astype(np.float64)
        before, after = _before_after(np.bincount(place, values, size).reshape(shape), span)
        result.append(_Compared(name, span, divide(before, seen_before), divide(after, seen_after), seen))
    return result


def _of_emotion(one: _Compared, limit: float, first_s: float, step_s: float) -> list[tuple[float, Change]]:
    people = one.seen.sum(0)
    before, after = (divide(np.where(one.seen, v, 0).sum(0), people) for v in (one.before, one.after))
    size = np.nan_to_num(np.abs(after - before))
    few = people < _FEWEST_TO_FLIP
    told = np.where(
        few, size >= 2 * _LEAST_CHANGE, (_greatest_t(one.difference, one.seen) > limit) & (size >= _LEAST_CHANGE)
    )
    return [
        (
            float(size[k]),
            Change(
                float(first_s + k * step_s),
                one.what,
                float(before[k]),
                float(after[k]),
                int(people[k]),
                one.span * step_s,
            ),
        )
        for k in _peaks(np.where(told, size, 0.0), one.span)
    ]


def _of_faces(timeline: Timeline, first_s: float, step_s: float, span: int) -> list[tuple[float, Change]]:
    step = steps(timeline.instants.time_s, first_s, step_s)
    faces = _before_after(np.bincount(step, timeline.instants.faces)[None], span)
    sampled = _before_after(np.bincount(step)[None], span)
    before, after = (divide(f[0], s[0]) for f, s in zip(faces, sampled, strict=True))
    expected = max(expected_faces(timeline), 1)
    size = np.nan_to_num(np.abs(after - before))
    size[:span] = size[max(len(size) - span + 1, 0) :] = 0
    size[size < max(_LEAST_FACES * expected, 0.9)] = 0
    return [
        (
            float(size[k]) / expected,
            Change(float(first_s + k * step_s), "faces", float(before[k]), float(after[k]), expected, span * step_s),
        )
        for k in _peaks(size, span)
    ]


def _greatest_t(difference: np.ndarray, seen: np.ndarray) -> Float64[np.ndarray, " steps"]:
    """Size of Student's t at each step, with a floor under the standard error; 0 for too few persons."""
    return _t(difference.sum(0), np.square(difference).sum(0), seen.sum(0))


def _t(total: np.ndarray, squares: np.ndarray, people: np.ndarray) -> np.ndarray:
    n = np.maximum(people, 2)
    variance = np.maximum(squares - total**2 / n, 0) / (n - 1)
    return np.where(people >= _FEWEST_TO_FLIP, np.abs(total / n) / (np.sqrt(variance / n) + _FLOOR), 0.0)


def _chance_limit(compared: list[_Compared]) -> float:
    """The t that chance exceeds anywhere only once in twenty recordings."""
    if not compared:
        return np.inf
    # The same flips for all emotions and spans, which keeps what one person does together.
    flips = np.random.default_rng(0).choice((-1.0, 1.0), (_FLIPS, len(compared[0].seen)))
    greatest = np.zeros(_FLIPS)
    for one in compared:
        difference = one.difference
        t = _t(flips @ difference, np.square(difference).sum(0), one.seen.sum(0))
        greatest = np.maximum(greatest, t.max(1, initial=0))
    return float(np.sort(greatest)[int(np.ceil((1 - _CHANCE) * (_FLIPS + 1))) - 1])


def _before_after(values: np.ndarray, span: int) -> tuple[np.ndarray, np.ndarray]:
    """For each step, sums over the ``span`` steps before it and the ``span`` steps from it on."""
    total = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, 1)], 1)
    k = np.arange(values.shape[1])
    last = values.shape[1]
    return total[:, k] - total[:, np.maximum(k - span, 0)], total[:, np.minimum(k + span, last)] - total[:, k]


def _peaks(size: np.ndarray, span: int) -> list[int]:
    """Steps that are the greatest within a span on either side; the first of equals."""
    return [
        int(k)
        for k in np.flatnonzero(size)
        if size[k] == size[max(k - span, 0) : k + span + 1].max()
        and size[k] > size[max(k - span, 0) : k].max(initial=0)
    ]
