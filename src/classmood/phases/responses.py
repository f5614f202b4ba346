"""What the faces of a timeline did, person by person: physical response and recognised emotion in even steps of time.

- movement: how fast the middle of the face moves, in face widths a second.
- nearness: height of the face over the person's own median, less 1; above 0 they lean in.
- missing: share of the sampled instants without the person's face, between their first and last.
- the emotions and dimensions as recognised, where the reading is sure.

A timeline keeps boxes and no landmarks, so that turning and tilting of the head cannot be told; leaning is the part of
head pose that a box shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64

from classmood.climate import MEASURES as RECOGNISED
from classmood.climate import extent, persons, steps
from classmood.errors import InputError
from classmood.timeline import Timeline

PHYSICAL: Final = ("movement", "nearness", "missing")
MEASURES: Final = (*PHYSICAL, *RECOGNISED)
# Of two readings farther apart nobody knows what the face did between.
_LONGEST_GAP_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Responses:
    """P persons in T steps of time; NaN where a person could not be seen or read.

    Attributes:
        first_s: when the first step begins.
        values: as ``MEASURES`` orders them.
    """

    first_s: float
    step_s: float
    values: Float64[np.ndarray, "people steps measures"]

    @property
    def time_s(self) -> Float64[np.ndarray, " steps"]:
        """The middle of each step."""
        return self.first_s + (np.arange(self.values.shape[1]) + 0.5) * self.step_s

    def of(self, measure: str) -> Float64[np.ndarray, "people steps"]:
        """One measure."""
        return self.values[:, :, MEASURES.index(measure)]


def responses(timeline: Timeline, step_s: float = 1.0) -> Responses:
    """Measure a timeline.

    Args:
        timeline: of one source.
        step_s: length of the steps.

    Raises:
        InputError: it holds no face, or several sources, which have no common time.
    """
    if len(timeline.sources) > 1:
        raise InputError(f"expected a timeline of one recording, got {len(timeline.sources)}; analyse it alone")
    if not len(timeline):
        raise InputError("the timeline holds no face; nothing can be read along the phases")
    first_s, _ = extent(timeline)
    person, step = persons(timeline), steps(timeline.time_s, first_s, step_s)
    sampled = np.bincount(steps(timeline.instants.time_s, first_s, step_s))
    shape = int(person.max()) + 1, max(len(sampled), int(step.max()) + 1)
    values = np.full((*shape, len(MEASURES)), np.nan)
    seen = np.ones(len(timeline), bool)
    for name, column in zip(("movement", "nearness"), _physical(timeline, person), strict=True):
        values[..., MEASURES.index(name)] = _means(column, np.isfinite(column) & seen, person, step, shape)
    values[..., MEASURES.index("missing")] = _missing(person, step, sampled, shape)
    columns = timeline.numbers()
    for name in RECOGNISED:
        values[..., MEASURES.index(name)] = _means(columns[name], ~timeline.not_sure, person, step, shape)
    return Responses(first_s, step_s, values)


def _physical(timeline: Timeline, person: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Movement since the person's reading before, and nearness, of each row."""
    x, y, w, h = timeline.boxes_px.astype(np.float64).T
    order = np.lexsort((timeline.time_s, person))
    middle = np.stack([x + w / 2, y + h / 2], 1)[order]
    past_s = np.diff(timeline.time_s[order])
    same = (np.diff(person[order]) == 0) & (past_s > 0) & (past_s <= _LONGEST_GAP_S)
    wide = np.maximum((w[order][1:] + w[order][:-1]) / 2, 1e-6)
    speed = np.hypot(*np.diff(middle, axis=0).T) / wide / np.where(same, past_s, 1)
    movement = np.full(len(timeline), np.nan)
    movement[order[1:][same]] = speed[same]
    nearness = np.empty(len(timeline))
    for one in range(int(person.max()) + 1):
        mine = person == one
        nearness[mine] = h[mine] / max(float(np.median(h[mine])), 1e-6) - 1
    return movement, nearness


def _means(
    column: np.ndarray, keep: np.ndarray, person: np.ndarray, step: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    place, size = np.ravel_multi_index((person[keep], step[keep]), shape), shape[0] * shape[1]
    count = np.bincount(place, minlength=size)
    total = np.bincount(place, column[keep].astype(np.float64), size)
    return np.asarray(np.divide(total, count, out=np.full(size, np.nan), where=count > 0).reshape(shape))


def _missing(person: np.ndarray, step: np.ndarray, sampled: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """NaN before a person's first and after their last reading, when they may not have been there at all."""
    place = np.ravel_multi_index((person, step), shape)
    seen = np.bincount(place, minlength=shape[0] * shape[1]).reshape(shape)
    instants = np.zeros(shape[1])
    instants[: len(sampled)] = sampled
    share = np.divide(seen, instants, out=np.full(shape, np.nan), where=instants > 0)
    first = (seen > 0).argmax(1)[:, None]
    last = shape[1] - 1 - (seen[:, ::-1] > 0).argmax(1)[:, None]
    at = np.arange(shape[1])
    return np.where((at >= first) & (at <= last), np.clip(1 - share, 0, 1), np.nan)
