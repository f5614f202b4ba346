"""One student: what they feel, second by second, and whether they are there. Nothing of this is ever sent.

Feelings are a chain: after a random time a new one is drawn from the student's own mix, bent by the class's leanings.
An event that touches the student lies over it from a random time on (exponential, mean ``rise_s``) for ``lasts_s`` and
an exponential rest. Confusion, a wish for another pace and turning away lie beside it in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from classmood.emotions import CLASSROOM_CLASSES, NEUTRAL
from classmood.simulation.course import Course, between
from classmood.simulation.scenario import Feeling, Scenario

_NEUTRAL = CLASSROOM_CLASSES.index(NEUTRAL)


@dataclass(frozen=True, slots=True)
class Inner:
    """The hidden course of one student over T seconds.

    Attributes:
        feeling: as a place in ``CLASSROOM_CLASSES``.
        stirred: the seconds in which an event made them feel something new.
        confused, slower, faster, away: as in ``classmood.simulation.scenario.Event``.
    """

    feeling: UInt8[np.ndarray, " t"]
    stirred: tuple[int, ...]
    confused: Bool[np.ndarray, " t"]
    slower: Bool[np.ndarray, " t"]
    faster: Bool[np.ndarray, " t"]
    away: Bool[np.ndarray, " t"]


@dataclass(frozen=True, slots=True)
class Student:
    """One student of one lesson.

    Attributes:
        number: from 0 within the class.
        takes_part: False for who refuses; they are in the class and never join.
        camera: whether faces are read; else they press.
        here_s: from when to when they are in class.
        gone_s: times without a network in between.
        lag_s: from the page to the server.
        inner: what they feel.
    """

    number: int
    takes_part: bool
    camera: bool
    here_s: tuple[float, float]
    gone_s: tuple[tuple[float, float], ...]
    lag_s: float
    inner: Inner

    def online(self, time_s: float) -> bool:
        """Whether what the page sends now arrives."""
        here = self.here_s[0] <= time_s < self.here_s[1]
        return here and not any(start <= time_s < end for start, end in self.gone_s)


def draw_student(number: int, scenario: Scenario, course: Course, rng: np.random.Generator) -> Student:
    """One student of a class."""
    habits, length_s = scenario.students, scenario.length_s
    late, early = (rng.random() < between(rng, share) for share in (habits.late, habits.early))
    start_s = min(between(rng, habits.late_s if late else habits.join_s), length_s - 1)
    end_s = length_s - (between(rng, habits.early_s) if early else 0)
    here_s = (start_s, max(end_s, start_s + 1))
    return Student(
        number=number,
        takes_part=bool(rng.random() >= between(rng, habits.refuse)),
        camera=bool(rng.random() < between(rng, habits.camera)),
        here_s=here_s,
        gone_s=tuple(
            (at, min(at + between(rng, habits.drop_s), here_s[1]))
            for at in spells(rng, between(rng, habits.drops_an_hour), here_s)
        ),
        lag_s=between(rng, habits.lag_s),
        inner=_inner(scenario, course, rng),
    )


def spells(rng: np.random.Generator, an_hour: float, within_s: tuple[float, float]) -> list[float]:
    """Times of a Poisson process, in order."""
    count = rng.poisson(an_hour / 3600 * (within_s[1] - within_s[0]))
    return sorted(float(at) for at in rng.uniform(*within_s, count))


def _inner(scenario: Scenario, course: Course, rng: np.random.Generator) -> Inner:
    resting, seconds = scenario.resting, len(course.leanings)
    feeling = _resting(scenario, course, rng)
    flags = {name: np.zeros(seconds, bool) for name in ("confused", "slower", "faster", "away")}
    for name, rate in (
        ("confused", resting.confused_an_hour),
        ("slower", resting.slower_an_hour),
        ("faster", resting.faster_an_hour),
    ):
        for at in spells(rng, between(rng, rate), (0.0, float(seconds))):
            flags[name][int(at) : int(at + between(rng, resting.alone_s))] = True
    stirred = []
    for happening in course.happenings:
        if rng.random() >= happening.touched:
            continue
        start = int(happening.start_s + rng.exponential(happening.rise_s))
        end = int(start + happening.lasts_s + rng.exponential(happening.decay_s))
        felt = _felt(happening.feelings, rng)
        if felt is not None and start < seconds:
            feeling[start:end] = CLASSROOM_CLASSES.index(felt)
            stirred.append(start)
        pace = rng.random()
        flags["slower"][start:end] |= pace < happening.slower
        flags["faster"][start:end] |= pace > 1 - happening.faster
        flags["confused"][start:end] |= rng.random() < happening.confused
        flags["away"][start:end] |= rng.random() < happening.away
    # Whoever wants it slower does not want it faster.
    flags["faster"] &= ~flags["slower"]
    return Inner(feeling, tuple(sorted(stirred)), **flags)


def _resting(scenario: Scenario, course: Course, rng: np.random.Generator) -> UInt8[np.ndarray, " t"]:
    resting, seconds = scenario.resting, len(course.leanings)
    mix = np.array([resting.feelings.get(name, 0.0) for name in CLASSROOM_CLASSES])  # type: ignore[call-overload]
    mix[_NEUTRAL] = 1 - mix.sum()
    own = rng.dirichlet(np.maximum(mix, 1e-6) * resting.alike)
    new = rng.random(seconds) < 1 / resting.spell_s
    new[0] = True
    starts = np.flatnonzero(new)
    chances = own * course.leanings[starts]
    steps = np.cumsum(chances, axis=1) / chances.sum(1, keepdims=True)
    drawn = np.minimum((rng.random((len(starts), 1)) > steps).sum(1), len(CLASSROOM_CLASSES) - 1)
    feelings: np.ndarray = drawn.astype(np.uint8)[np.cumsum(new) - 1]
    return feelings


def _felt(feelings: dict[Feeling, float], rng: np.random.Generator) -> Feeling | None:
    at = rng.random()
    for name, share in feelings.items():
        if at < share:
            return name
        at -= share
    return None
