"""Event-locked averages: what the class showed in the seconds about each stimulus.

For each stimulus and person the measure is cut out about the onset and the person's own mean before it is taken off; a
window ends where the next stimulus begins. Events are averaged within persons first, then the persons: each counts
once, and the interval (Student's, 95 %) says how the mean would move with other persons like these, at the same events.

Whether anything happened after the onset is asked for all steps at once: were there nothing, a person's course might as
well have the other sign, so whole persons' signs are flipped at random, and the greatest change of each flip is what
chance can do (Nichols and Holmes 2002, doi:10.1002/hbm.1058). Changes of all steps are measured in one unit, for a step
in which nobody happens to be missing has no spread of its own and would pass for certain. Over the measures p is
corrected by Holm's method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64, Int64
from scipy import stats

from classmood.disparity import holm
from classmood.errors import InputError
from classmood.phases.events import Event
from classmood.phases.responses import MEASURES, Responses

FEWEST_TO_TEST: Final = 7
_FLIPS: Final = 1999


@dataclass(frozen=True, slots=True)
class Locked:
    """M measures in L steps about the onsets of E stimuli.

    Attributes:
        lags_s: the middle of each step, from the onset on; negative before it.
        events: how many stimuli.
        people: who were read both before and in each step.
        mean, low, high: change from before the onset, with its interval; NaN for fewer than two persons.
        p_values: of each measure: that nothing happened after the onset; corrected; NaN where too few to test.
    """

    lags_s: Float64[np.ndarray, " l"]
    events: int
    people: Int64[np.ndarray, "m l"]
    mean: Float64[np.ndarray, "m l"]
    low: Float64[np.ndarray, "m l"]
    high: Float64[np.ndarray, "m l"]
    p_values: Float64[np.ndarray, " m"]


@dataclass(frozen=True, slots=True)
class Answers:
    """What followed in cognition: answers and scores in the seconds after each stimulus.

    Attributes:
        lags_s: the middle of each step.
        count: answers in it.
        right: their mean value, NaN where there is none.
        median_lag_s: from onset to answer; None without one.
    """

    lags_s: Float64[np.ndarray, " l"]
    count: Int64[np.ndarray, " l"]
    right: Float64[np.ndarray, " l"]
    median_lag_s: float | None


def lock(
    found: Responses, onsets_s: Sequence[float], *, before_s: float = 5.0, after_s: float = 20.0, seed: int = 0
) -> Locked:
    """Average about onsets.

    Args:
        found: what the faces did.
        onsets_s: of the stimuli.
        before_s: how long before the onset is taken for how it was.
        after_s: how long after it is looked at.
        seed: of the flips.

    Raises:
        InputError: there is no onset within the recording that has something before it.
    """
    before, after = max(round(before_s / found.step_s), 1), max(round(after_s / found.step_s), 1)
    courses = [c for c in _courses(found, sorted(onsets_s), before, after) if np.isfinite(c).any()]
    if not courses:
        raise InputError(
            "no stimulus lies within the recording with something before it; check the clock of the events"
        )
    own = _mean(np.stack(courses), 0)
    people = np.isfinite(own).sum(0)
    mean = _mean(own, 0)
    squares = np.square(np.nan_to_num(own - mean)).sum(0)
    freedom = np.where(people > 1, people - 1, np.nan)
    half = stats.t.isf(0.025, freedom) * np.sqrt(squares / freedom / np.maximum(people, 1))
    lags_s = (np.arange(-before, after) + 0.5) * found.step_s
    p = np.array([_flip_p(own[:, before:, m], seed) for m in range(len(MEASURES))])
    p[np.isfinite(p)] = holm(p[np.isfinite(p)].tolist())
    return Locked(lags_s, len(courses), people.T.astype(np.int64), mean.T, (mean - half).T, (mean + half).T, p)


def follow(events: Sequence[Event], *, after_s: float = 20.0, step_s: float = 1.0) -> Answers:
    """Answers and scores after each stimulus, up to the next one."""
    onsets = np.array(sorted(e.time_s for e in events if e.phase == "stimulus"))
    given = [(e.time_s, e.value) for e in events if e.phase == "cognition" and e.value is not None]
    count = max(round(after_s / step_s), 1)
    lags, values = [], []
    for time_s, value in given:
        before = np.searchsorted(onsets, time_s, "right") - 1
        if before >= 0 and time_s - onsets[before] < count * step_s:
            lags.append(time_s - onsets[before])
            values.append(value)
    place = np.floor(np.array(lags, np.float64) / step_s).astype(int)
    n = np.bincount(place, minlength=count)
    total = np.bincount(place, np.array(values, np.float64), count)
    right = np.divide(total, n, out=np.full(count, np.nan), where=n > 0)
    middle = float(np.median(lags)) if lags else None
    return Answers((np.arange(count) + 0.5) * step_s, n.astype(np.int64), right, middle)


def _courses(found: Responses, onsets_s: list[float], before: int, after: int) -> list[np.ndarray]:
    """Each stimulus' course, persons by steps by measures, less each person's mean before the onset."""
    at = [int(np.floor((onset - found.first_s) / found.step_s + 1e-6)) for onset in onsets_s]
    courses = []
    for i, onset in enumerate(at):
        # A window may reach neither into the stimulus before nor into the next.
        first = max(onset - before, 0, at[i - 1] if i else 0)
        last = min(onset + after, found.values.shape[1], at[i + 1] if i + 1 < len(at) else onset + after)
        if not first < onset < last:
            continue
        course = np.full((len(found.values), before + after, len(MEASURES)), np.nan)
        course[:, first - onset + before : last - onset + before] = found.values[:, first:last]
        courses.append(course - _mean(course[:, :before], 1)[:, None])
    return courses


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Over what is not NaN; NaN where nothing is."""
    known = np.isfinite(values)
    n = known.sum(axis)
    total = np.where(known, values, 0).sum(axis)
    return np.asarray(np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0))


def _flip_p(own: np.ndarray, seed: int) -> float:
    """The chance of a change as great at any step, were each person's course as likely to have the other sign."""
    people = np.isfinite(own).sum(0)
    own = np.nan_to_num(own[:, people >= FEWEST_TO_TEST])
    n = people[people >= FEWEST_TO_TEST]
    if not own.size:
        return float("nan")
    flips = np.random.default_rng(seed).choice((-1.0, 1.0), (_FLIPS + 1, len(own)))
    flips[0] = 1
    greatest = (np.abs(flips @ own) / np.sqrt(n)).max(1)
    return float((greatest >= greatest[0] * (1 - 1e-9)).mean())
