"""What the class really felt, second by second, and when a teacher should have been told.

The truth is of everybody who is in the class, those who refuse included, and of what they feel, not of what a face
shows or a button says. A *moment* is a rise that is worth telling: a share of the class, averaged over the ``holds_s``
that follow, is at least ``worth`` above its lowest value of the ``within_s`` before. What a teacher made and knows of
(a break: ``expected``) is none. Which shares are watched, and nothing else here, follows what
``classmood.server.nudges`` can say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from jaxtyping import Float64

from classmood.emotions import CLASSROOM_CLASSES
from classmood.simulation.lesson import Lesson
from classmood.simulation.scenario import Telling

FELT: Final = {"joy": ("joy",), "surprise": ("surprise",), "low": ("grief",), "tense": ("fury", "terror", "disdain")}
KINDS: Final = ("confusion", "wants faster", "wants slower", "tense", "low", "surprise", "joy", "unread")


@dataclass(frozen=True, slots=True)
class HiddenCourse:
    """The truth over T seconds.

    Attributes:
        feelings: share of ``CLASSROOM_CLASSES`` among who is there.
        shares: of each of ``KINDS``: who feels, wants or does that.
        here: how many are in the class.
    """

    feelings: Float64[np.ndarray, "t 9"]
    shares: dict[str, Float64[np.ndarray, " t"]]
    here: Float64[np.ndarray, " t"]


@dataclass(frozen=True, slots=True)
class Moment:
    """A rise that a teacher should have been told of.

    Attributes:
        kind: of ``KINDS``.
        begins_s: when the rise began.
        time_s: from when it was great enough.
        ends_s: when half of it was gone.
        rise: share of the class, at its greatest, averaged over ``holds_s``.
    """

    kind: str
    begins_s: float
    time_s: float
    ends_s: float
    rise: float


def hidden_course(lesson: Lesson) -> HiddenCourse:
    """The truth of a drawn class."""
    seconds = len(lesson.course.leanings)
    feelings, here = np.zeros((seconds, len(CLASSROOM_CLASSES))), np.zeros(seconds)
    shares = {kind: np.zeros(seconds) for kind in KINDS}
    clock = np.arange(seconds)
    for student in lesson.students:
        inner = student.inner
        present = (clock >= student.here_s[0]) & (clock < student.here_s[1])
        here += present
        feelings[clock, inner.feeling] += present
        for kind, flag in (
            ("confusion", inner.confused),
            ("wants slower", inner.slower),
            ("wants faster", inner.faster),
            ("unread", inner.away),
        ):
            shares[kind] += flag & present
    for kind, names in FELT.items():
        shares[kind] = feelings[:, [CLASSROOM_CLASSES.index(name) for name in names]].sum(1)
    people = np.maximum(here, 1)
    return HiddenCourse(feelings / people[:, None], {kind: share / people for kind, share in shares.items()}, here)


def moments(lesson: Lesson, telling: Telling | None = None) -> tuple[Moment, ...]:
    """When a teacher should have been told of what, in the order of time."""
    telling = telling or lesson.scenario.telling
    course = hidden_course(lesson)
    # The first to come are no class yet.
    first = int(np.argmax(course.here >= len(lesson.students) / 2))
    known = [
        (happening.start_s, happening.start_s + 3 * happening.rise_s + happening.lasts_s + 3 * happening.decay_s)
        for happening in lesson.course.happenings
        if happening.expected
    ]
    found = [
        moment
        for kind in KINDS
        for moment in rises(course.shares[kind], kind, telling, first)
        if not any(start <= moment.time_s <= end for start, end in known)
    ]
    return tuple(sorted(found, key=lambda moment: moment.time_s))


def rises(share: Float64[np.ndarray, " t"], kind: str, telling: Telling, first: int = 0) -> list[Moment]:
    """The moments in one course of a share, from a second on."""
    holds, within = int(telling.holds_s), int(telling.within_s)
    total = np.concatenate([[0.0], np.cumsum(share)])
    if len(share) <= first + 2 * holds:
        return []
    ahead = (total[holds:] - total[:-holds]) / holds
    found, t = [], first + holds
    while t < len(ahead):
        start = max(first, t - within)
        low = float(ahead[start : t - holds + 1].min())
        if ahead[t] - low < telling.worth - 1e-9:
            t += 1
            continue
        # The mean looks ahead: it is great enough before the share itself is.
        time = t + int(np.argmax(share[t : t + holds] >= low + telling.worth - 1e-9))
        calm = np.flatnonzero(share[start:time] <= low + telling.worth / 10)
        begins = start + int(calm[-1]) if len(calm) else start
        over = np.flatnonzero(ahead[time:] < low + telling.worth / 2)
        end = time + int(over[0]) if len(over) else len(ahead)
        greatest = float(ahead[t : end + 1].max() - low)
        found.append(Moment(kind, float(begins), float(time), float(end), greatest))
        # Only what rises anew from here on is another moment.
        first, t = end, end + holds
    return found


def most_told(all_moments: Sequence[Moment], interval_s: float, latest_s: float) -> int:
    """How many moments anyone could tell: one telling in ``interval_s``, each at most ``latest_s`` late."""
    windows = tuple((moment.begins_s, moment.time_s + latest_s) for moment in all_moments)

    @cache
    def told_after(time_s: float) -> int:
        starts = (max(time_s, begins) for begins, latest in windows if latest >= time_s)
        return max((1 + told_after(start + interval_s) for start in starts), default=0)

    return told_after(0.0)
