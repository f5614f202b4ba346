"""What touches the whole class in one lesson: the events as drawn from their ranges, and leanings that wander."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from classmood.emotions import CLASSROOM_CLASSES
from classmood.simulation.scenario import Event, Feeling, Scenario

_STEP_S = 10


@dataclass(frozen=True, slots=True)
class Happening:
    """An event with its ranges drawn; what each means is told at ``classmood.simulation.scenario.Event``."""

    name: str
    start_s: float
    touched: float
    feelings: dict[Feeling, float]
    confused: float
    slower: float
    faster: float
    away: float
    rise_s: float
    lasts_s: float
    decay_s: float
    expected: bool


@dataclass(frozen=True, slots=True)
class TaughtMark:
    """A mark as the simulated teacher sets it; ``kind`` and ``label`` as in ``classmood.server.nudges.Mark``."""

    time_s: float
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Course:
    """One lesson of T seconds, before any student.

    Attributes:
        happenings: in the order of time.
        marks: in the order of time.
        leanings: factor on how readily each of ``CLASSROOM_CLASSES`` is felt, second by second.
    """

    happenings: tuple[Happening, ...]
    marks: tuple[TaughtMark, ...]
    leanings: Float64[np.ndarray, "t 9"]


def between(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    """A number evenly from a scenario's range."""
    return float(rng.uniform(*bounds))


def draw_course(scenario: Scenario, rng: np.random.Generator) -> Course:
    """One lesson of the scenario."""
    happenings, marks = [], []
    for event in scenario.event:
        happening = _happen(event, rng)
        happens = rng.random() < between(rng, event.chance)
        if event.mark:
            time_s = happening.start_s + between(rng, event.mark.after_s)
            if rng.random() < between(rng, event.mark.chance) and happens and 0 <= time_s < scenario.length_s:
                marks.append(TaughtMark(time_s, event.mark.kind, event.mark.label))
        if happens:
            happenings.append(happening)
    return Course(
        tuple(sorted(happenings, key=lambda happening: happening.start_s)),
        tuple(sorted(marks, key=lambda mark: mark.time_s)),
        _leanings(scenario, rng),
    )


def _happen(event: Event, rng: np.random.Generator) -> Happening:
    return Happening(
        name=event.name,
        start_s=between(rng, event.at_s),
        touched=between(rng, event.touched),
        feelings=event.feelings,
        confused=between(rng, event.confused),
        slower=between(rng, event.slower),
        faster=between(rng, event.faster),
        away=between(rng, event.away),
        rise_s=between(rng, event.rise_s),
        lasts_s=between(rng, event.lasts_s),
        decay_s=between(rng, event.decay_s),
        expected=event.expected,
    )


def _leanings(scenario: Scenario, rng: np.random.Generator) -> Float64[np.ndarray, "t 9"]:
    """The exponential of an Ornstein-Uhlenbeck process for each feeling; neutral keeps 1."""
    seconds = math.ceil(scenario.length_s)
    steps = math.ceil(seconds / _STEP_S)
    kept = math.exp(-_STEP_S / scenario.resting.wander_s)
    logs = np.zeros((steps, len(CLASSROOM_CLASSES)))
    now = rng.standard_normal(len(CLASSROOM_CLASSES))
    for i in range(steps):
        logs[i] = now
        now = kept * now + math.sqrt(1 - kept**2) * rng.standard_normal(len(CLASSROOM_CLASSES))
    logs *= scenario.resting.wander
    logs[:, 0] = 0
    leanings: np.ndarray = np.repeat(np.exp(logs), _STEP_S, axis=0)[:seconds]
    return leanings
