"""Each emotion and the six aspects of the learning effect: how much higher or lower a participant rates an aspect when
they felt that emotion than when they felt another.

The comparison is within participants: the mean of their ratings with the emotion less the mean of their others, then
the mean of these differences. So it does not matter that some rate everything high. 48 comparisons are made at once:
intervals are simultaneous (Bonferroni, 95 % that all hold their truth together), p-values corrected by Holm's method.
The study evokes emotions by scenario, so a difference may be the scenario's as much as the emotion's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import stats

from classmood.disparity import holm
from classmood.emotions import EMOTIONS
from classmood.selfreport import ASPECT_COLUMNS, ASPECTS, SelfReports

LEAST_PEOPLE: Final = 5
_COMPARISONS: Final = len(EMOTIONS) * len(ASPECTS)
By = Literal["emotion", "evokes"]


@dataclass(frozen=True, slots=True)
class Relation:
    """One emotion and one aspect.

    Attributes:
        people: who have rated the aspect both with the emotion and with another.
        difference: mean, in points of the nine; None where fewer than ``LEAST_PEOPLE`` are compared.
        low, high: its simultaneous 95 % interval.
        p_corrected: two-sided, corrected for all comparisons made.
    """

    emotion: str
    aspect: str
    people: int
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_corrected: float | None = None


def relate(reports: SelfReports, by: By = "emotion") -> tuple[Relation, ...]:
    """All emotions and aspects.

    Args:
        reports: see there.
        by: the emotion that was chosen, or the one that the scenario was meant to evoke.
    """
    named = np.array(getattr(reports, by), str)
    people = reports.people
    found: list[Relation] = []
    p_values: list[float] = []
    for emotion in EMOTIONS:
        for aspect, column in zip(ASPECTS, ASPECT_COLUMNS, strict=True):
            rated = reports.of(column)
            differences = _differences(rated, named == emotion, people, np.isfinite(rated) & (named != ""))
            n = len(differences)
            error = differences.std(ddof=1) / np.sqrt(n) if n >= LEAST_PEOPLE else 0.0
            if error == 0:
                found.append(Relation(emotion, aspect, n))
                continue
            mean = float(differences.mean())
            half = float(stats.t.isf(0.025 / _COMPARISONS, n - 1) * error)
            p_values.append(float(2 * stats.t.sf(abs(mean) / error, n - 1)))
            found.append(Relation(emotion, aspect, n, mean, mean - half, mean + half, p_values[-1]))
    corrected = iter(holm(p_values))
    return tuple(
        one
        if one.difference is None
        else Relation(one.emotion, one.aspect, one.people, one.difference, one.low, one.high, next(corrected))
        for one in found
    )


def _differences(rated: np.ndarray, with_it: np.ndarray, people: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Each participant's mean with the emotion less that without, of those who have both."""
    count = int(people.max(initial=-1)) + 1
    sums = []
    for inside in (known & with_it, known & ~with_it):
        n = np.bincount(people[inside], minlength=count)
        sums.append((n, np.bincount(people[inside], rated[inside], count)))
    (n, total), (m, others) = sums
    both = (n > 0) & (m > 0)
    return np.asarray(total[both] / n[both] - others[both] / m[both])
