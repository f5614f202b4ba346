"""What followed a mark or a nudge: the course of the class around events of one kind, averaged.

Each event is set against its own minute before, so that a lesson's slow drift does not count as an effect. The interval
is Student's t over events: what other events of this kind in this lesson might bring. It holds the releases' noise,
since that differs from event to event, but no cause: what follows an event need not come from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64
from scipy.special import stdtrit

from classmood.server.lesson import Lesson, course

BEFORE_S: Final = 60.0
AFTER_S: Final = 120.0
FEWEST_FOR_AN_INTERVAL: Final = 3


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The mean change around events of one kind.

    Attributes:
        measure: which.
        offset_s: from the event, one a release interval.
        change: from the mean of the ``BEFORE_S`` before; NaN where no event has a value.
        half_width: of its 95% interval; NaN for fewer than ``FEWEST_FOR_AN_INTERVAL`` events.
        events: how many were averaged.
        after: mean change over ``AFTER_S``, and its half-width.
    """

    measure: str
    offset_s: Float64[np.ndarray, " o"]
    change: Float64[np.ndarray, " o"]
    half_width: Float64[np.ndarray, " o"]
    events: int
    after: tuple[float, float]


def aftermath(lesson: Lesson, times_s: Sequence[float], measure: str) -> Aftermath:
    """Average the course of a measure around events.

    Args:
        lesson: with its releases.
        times_s: of the events; those without a release within the minute before are left out.
        measure: one of ``lesson.MEASURES``.
    """
    interval_s = lesson.settings.interval_s
    offset_s = np.arange(-BEFORE_S, AFTER_S + interval_s / 2, interval_s)
    whole = course(lesson, most=max(len(lesson.releases), 1))
    values, rows = whole.of(measure), []
    for time_s in times_s:
        before = (whole.end_s > time_s - BEFORE_S) & (whole.end_s <= time_s) & np.isfinite(values)
        if before.any():
            rows.append(_around(whole.end_s, values, time_s, offset_s, interval_s) - values[before].mean())
    if not rows:
        nothing = np.full(len(offset_s), np.nan)
        return Aftermath(measure, offset_s, nothing, nothing, 0, (float("nan"), float("nan")))
    stacked = np.array(rows)
    change, half_width = _with_interval(stacked)
    later = stacked[:, offset_s > 0]
    each = np.array([row[np.isfinite(row)].mean() for row in later if np.isfinite(row).any()])
    mean, half = _with_interval(each[:, None]) if len(each) else (np.full(1, np.nan), np.full(1, np.nan))
    return Aftermath(measure, offset_s, change, half_width, len(rows), (float(mean[0]), float(half[0])))


def _around(
    end_s: np.ndarray, values: np.ndarray, time_s: float, offset_s: np.ndarray, interval_s: float
) -> Float64[np.ndarray, " o"]:
    """A course at offsets from an event: the release whose interval holds that instant; NaN where there is none."""
    found = np.full(len(offset_s), np.nan)
    at = np.searchsorted(end_s, time_s + offset_s)
    for k, place in enumerate(at):
        if place < len(end_s) and end_s[place] - (time_s + offset_s[k]) < interval_s:
            found[k] = values[place]
    return found


def _with_interval(rows: Float64[np.ndarray, "n o"]) -> tuple[np.ndarray, np.ndarray]:
    """Means of columns and half the widths of their 95% intervals, leaving gaps out."""
    good = np.isfinite(rows)
    count = good.sum(0)
    mean = np.where(count > 0, np.where(good, rows, 0).sum(0) / np.maximum(count, 1), np.nan)
    squares = (np.where(good, rows - mean, 0) ** 2).sum(0)
    enough = count >= FEWEST_FOR_AN_INTERVAL
    freedom = np.maximum(count - 1, 1)
    half = stdtrit(freedom, 0.975) * np.sqrt(squares / freedom / np.maximum(count, 1))
    return mean, np.where(enough, half, np.nan)
