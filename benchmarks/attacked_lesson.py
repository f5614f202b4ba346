"""Simulated lessons as an attacker of ``differencing.py`` sees them, through the real ``ClassReleases``.

What the worlds and situations are is said there.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from classmood.emotions import CLASSROOM_CLASSES, CLASSROOM_VAD
from classmood.server.class_releases import ClassReleases
from classmood.server.nudges import Nudges
from classmood.server.release import CELLS, PRESSES, Release, ReleaseSettings

LESSON_S = 2700.0
KNOWN = 3
# Relaxation times of a student's course, a quarter each; the last never changes.
PACES_S = (15.0, 60.0, 240.0, math.inf)
SITUATIONS = ("steady", "batch", "leaver")
NEUTRAL, JOY = CELLS.index("neutral"), CELLS.index("joy")
# Of the moments that are not neutral in the world "nine".
MIX = {"joy": 0.4, "surprise": 0.2, "grief": 0.2, "disdain": 0.08, "fury": 0.07, "terror": 0.05}


@dataclass(frozen=True)
class World:
    """How students behave; the attacker knows it."""

    name: str
    share: float = 0.5
    presses: bool = False
    soft: bool = False
    paces_s: tuple[float, ...] = PACES_S
    situations: tuple[str, ...] = SITUATIONS


WORLDS = {
    "even": World("even"),
    "rare": World("rare", share=0.15),
    "presses": World("presses", presses=True),
    "nine": World("nine", share=0.4, soft=True),
    "steadfast": World("steadfast", paces_s=(math.inf,)),
    # Beyond what releases are made to withstand, and never judged: see docs/privacy.
    "devices": World("devices", situations=("devices",)),
    "devices, steadfast": World("devices, steadfast", paces_s=(math.inf,), situations=("devices",)),
}


class WatchedReleases(ClassReleases):
    """The real thing, with the noised counts kept for the attacker."""

    noised: np.ndarray | None = None

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        publish = self._told._publish

        def watched(counts: np.ndarray, sharing: int, number: int, time_s: float) -> Release:
            self.noised = counts
            return publish(counts, sharing, number, time_s)

        self._told._publish = watched  # type: ignore[method-assign]


@dataclass
class Lesson:
    """A simulated class as the attacker sees it, and the truth.

    Attributes:
        released: M rows of counts by cell, presses last, as noised or as released.
        counted: whose seats count, student by row.
        left_s: when each left for good; infinite for who stays.
        known_part: what the known students contributed to each row.
        segment: how many batches there were before each row.
        nudges: when each was given, and its kind.
    """

    released: dict[str, np.ndarray]
    time_s: np.ndarray
    counted: np.ndarray
    left_s: np.ndarray
    known_part: np.ndarray
    segment: np.ndarray
    unknown: list[int]
    size: int
    situation: str
    query_s: float
    truth: int
    nudges: tuple[tuple[float, str], ...]
    errors: dict[str, list[float]] = field(default_factory=dict)


def course(
    rng: np.random.Generator, pace_s: float, share: float, steps: int, step_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """A two-state chain with the given stationary share and relaxation time; when each instant's state was drawn."""
    stay = math.exp(-step_s / pace_s) if math.isfinite(pace_s) else 1.0
    fresh, drawn = rng.random(steps) > stay, rng.random(steps) < share
    fresh[0] = True
    last = np.maximum.accumulate(np.where(fresh, np.arange(steps), 0))
    return drawn[last].astype(np.int64), last


def readings(rng: np.random.Generator, world: World, states: np.ndarray) -> np.ndarray:
    """What cameras read of one course: probabilities of the nine expressions, instant by instant."""
    if not world.soft:
        return np.eye(len(CLASSROOM_CLASSES))[np.where(states == 1, JOY, NEUTRAL)]
    names = list(MIX)
    # One expression a spell: a new one is drawn where the state changes.
    spell = np.concatenate([[0], np.cumsum(np.diff(states) != 0)])
    drawn = rng.choice(len(names), spell[-1] + 1, p=list(MIX.values()))[spell]
    places = np.where(states == 1, np.array([CLASSROOM_CLASSES.index(name) for name in names])[drawn], NEUTRAL)
    doubt = rng.dirichlet(np.full(len(CLASSROOM_CLASSES), 0.5), len(states))
    weight = rng.uniform(0.1, 0.4, (len(states), 1))
    return (1 - weight) * np.eye(len(CLASSROOM_CLASSES))[places] + weight * doubt


def simulate(
    world: World, size: int, situation: str, settings: ReleaseSettings, seed: int, *, other_way: bool = False
) -> Lesson:
    """One class through the real releases.

    Args:
        world: how students behave.
        size: of the class.
        situation: who comes and goes.
        settings: of the releases.
        seed: of everything.
        other_way: the student in question is in the other state for as long as they are in one around the moment that
            is asked for; all else, the noise too, is as without it.
    """
    rng = np.random.default_rng(seed)
    steps = int(LESSON_S / settings.interval_s)
    time_s = np.arange(1, steps + 1) * settings.interval_s
    students = size + 5 if situation in ("batch", "devices") else size + 1 if situation == "leaver" else size
    courses = [course(rng, rng.choice(world.paces_s), world.share, steps, settings.interval_s) for _ in range(students)]
    states = np.array([one for one, _ in courses])
    read = np.array([readings(rng, world, one) for one in states])
    here = np.ones((students, steps), bool)
    target, known, query = 0, [1, 2, 3], int(rng.integers(20, steps - 20))
    if situation == "batch":
        here[:5, : steps // 3] = here[:5, 2 * steps // 3 :] = False
        query = steps // 3 + int(rng.integers(0, 6))
    elif situation == "devices":
        # Everybody else is the attacker, who brings about a batch, and so new noise, as soon as there may be one.
        known = list(range(1, students))
        gaps_s, growth = [settings.batch_gap_s], settings.batch_gap_growth
        while sum(gaps_s) < LESSON_S:
            gaps_s.append(gaps_s[-1] * growth)
        batches_s = settings.interval_s + np.cumsum(gaps_s)
        here[-5:] = np.searchsorted(batches_s, time_s, side="right") % 2 == 0
    elif situation == "leaver":
        here[target, query + 1 :] = False
    if other_way:
        spell = courses[target][1] == courses[target][1][query]
        states[target, spell] = 1 - states[target, spell]
        read[target, spell] = readings(np.random.default_rng(seed), world, states[target])[spell]
    releases = WatchedReleases(
        settings,
        class_size=students,
        randomness=random.Random(seed),
        nudge_randomness=random.Random(f"nudges of {seed}"),
    )
    nudges = Nudges(release=settings.for_nudges())
    rows, shown, seats, known_part, kept = [], [], [], [], []
    errors: dict[str, list[float]] = {"valence": [], "share": []}
    left_s = np.full(students, np.inf)
    for i in range(steps):
        for s in range(students):
            if here[s, i]:
                if i == 0 or not here[s, i - 1]:
                    releases.join(str(s))
                if world.presses:
                    mood, pressed = ("joy", ("confused", "faster")) if states[s, i] else ("neutral", ())
                    releases.press_mood(str(s), mood, time_s[i])
                    releases.press(str(s), pressed, time_s[i])
                else:
                    releases.read(str(s), read[s, i].tolist(), not_sure=False, time_s=time_s[i])
            elif i and here[s, i - 1]:
                left_s[s] = time_s[i - 1]
                releases.leave(str(s), time_s[i - 1])
        release = releases.close(time_s[i])
        nudges.take(releases.for_nudges)
        if release.silent:
            continue
        counted = np.isin(np.arange(students), [int(name) for name in releases._membership.counted])
        part = np.zeros(len(CELLS) + len(PRESSES))
        for s in known:
            # The known ones leave in a batch, so that their seats are never phantoms while they count.
            if counted[s]:
                part[: len(CLASSROOM_CLASSES)] += read[s, i]
                if world.presses and states[s, i]:
                    part[len(CELLS) + PRESSES.index("confused")] += 1
                    part[len(CELLS) + PRESSES.index("faster")] += 1
        assert releases.noised is not None
        rows.append(releases.noised)
        shown.append(_released_counts(release))
        seats.append(counted)
        known_part.append(part)
        kept.append(time_s[i])
        _note_errors(errors, release, read[here[:, i], i])
    unknown = [s for s in range(students) if s not in known and s != target]
    return Lesson(
        released={"counts": np.array(rows), "released": np.array(shown)},
        time_s=np.array(kept),
        counted=np.array(seats).T,
        left_s=left_s,
        known_part=np.array(known_part),
        segment=np.cumsum(np.any(np.diff(np.array(seats), axis=0, prepend=np.array(seats)[:1]), axis=1)),
        unknown=unknown,
        size=size,
        situation=situation,
        query_s=float(time_s[query]),
        truth=int(states[target, query]),
        errors=errors,
        nudges=tuple((one.time_s, one.kind) for one in nudges.given),
    )


def _released_counts(release: Release) -> np.ndarray:
    """What a release says, in counts; hidden mass spread evenly over hidden cells."""
    assert release.sharing is not None
    hidden = [name for name in CELLS if name not in release.shares]
    rest = (release.others or 0.0) / max(len(hidden), 1)
    shares = [release.shares.get(name, rest) for name in CELLS]
    presses = [release.confused, release.slower, release.faster]
    return np.array([*shares, *(value or 0.0 for value in presses)]) * release.sharing


def _note_errors(errors: dict[str, list[float]], release: Release, read: np.ndarray) -> None:
    """How far what is released is from the mean of everybody who is there."""
    true = read.mean(0)
    coordinates = np.array([CLASSROOM_VAD[name] for name in CLASSROOM_CLASSES])
    if release.valence is not None:
        errors["valence"].append(release.valence - float(true @ coordinates[:, 0]))
    hidden = len(CELLS) - len(release.shares)
    for place, name in enumerate(CLASSROOM_CLASSES):
        guess = release.shares.get(name, (release.others or 0.0) / max(hidden, 1))
        errors["share"].append(guess - float(true[place]))
