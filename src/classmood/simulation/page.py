"""What one student's page sends: at most one message a second, in the words of ``classmood.server.messages``.

With a camera, a reading each second in which the camera finds the face; the face shows what is felt for part of the
time only, and appreciation and caution look neutral, as they do to the recogniser. Without one, a mood now and then.
Whoever is confused or wants another pace may press that, again while it lasts, and may take it back after. A press
takes the place of that second's reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from classmood.emotions import CLASSROOM_CLASSES, FERPLUS_TO_CLASSROOM, NEUTRAL
from classmood.server.messages import Mood, Pace, Pause, Press, Reading
from classmood.simulation.course import between
from classmood.simulation.recogniser import Read, Recogniser
from classmood.simulation.scenario import Scenario
from classmood.simulation.student import Student, spells

_LEAST_ON_S = 60.0
_SHOWN_AS = {name: [f for f, c in FERPLUS_TO_CLASSROOM.items() if c == name] or [NEUTRAL] for name in CLASSROOM_CLASSES}


@dataclass(frozen=True, slots=True)
class Page:
    """All that one page sends in a lesson of T seconds, were the network never gone.

    Attributes:
        readings: of each second; empty without a camera.
        seen: the seconds in which a reading is sent.
        other: presses and pauses by second; they take a reading's place.
    """

    readings: Read | None
    seen: Bool[np.ndarray, " t"]
    other: dict[int, Press | Pause]

    def message(self, second: int) -> Reading | Press | Pause | None:
        """What is sent in this second, if anything."""
        if second in self.other:
            return self.other[second]
        if self.readings is None or not self.seen[second]:
            return None
        read = self.readings
        return Reading(
            v=1,
            type="reading",
            classes="ferplus",
            p=tuple(read.p[second].tolist()),
            vad=tuple(read.vad[second].tolist()),
            confidence=float(read.confidence[second]),
            not_sure=bool(read.not_sure[second]),
        )


def draw_page(student: Student, scenario: Scenario, recogniser: Recogniser, rng: np.random.Generator) -> Page:
    """The page of a student who takes part."""
    habits, seconds = scenario.students, len(student.inner.feeling)
    whole = (0.0, float(seconds))
    silent = np.zeros(seconds, bool)
    other: dict[int, Press | Pause] = dict(_presses(student, scenario, rng))
    for at in spells(rng, between(rng, habits.pauses_an_hour), whole):
        start, end = int(at), int(at + between(rng, habits.pause_s))
        silent[start:end] = True
        other = {second: message for second, message in other.items() if not start <= second < end}
        other[start] = Pause(v=1, type="pause")
    if not student.camera:
        return Page(None, np.zeros(seconds, bool), other)
    for at in spells(rng, between(rng, habits.lapses_an_hour), whole):
        silent[int(at) : int(at + between(rng, habits.lapse_s))] = True
    seen = ~silent & ~student.inner.away
    return Page(_readings(student, scenario, recogniser, rng), seen, other)


def _readings(student: Student, scenario: Scenario, recogniser: Recogniser, rng: np.random.Generator) -> Read:
    habits = scenario.students
    looks = np.array([recogniser.looks(str(rng.choice(_SHOWN_AS[c])), habits.looks, rng) for c in CLASSROOM_CLASSES])
    shown = _shown(student.inner.feeling, between(rng, habits.shows), habits.show_s, rng)
    # A new look with each change of what is shown.
    spell = np.concatenate([[0], np.cumsum(np.diff(shown.astype(int)) != 0)])
    look = rng.integers(0, habits.looks, int(spell[-1]) + 1)[spell]
    return recogniser.read(looks[shown, look], habits.steadiness, rng)


def _shown(
    feeling: UInt8[np.ndarray, " t"], shows: float, show_s: float, rng: np.random.Generator
) -> Int64[np.ndarray, " t"]:
    """The feeling while the face shows it, neutral else: a two-state chain with that share and mean spell."""
    off_s = show_s * (1 - shows) / max(shows, 1e-6)
    # One relaxation time for both states; redrawn states have the stationary share.
    redraw = rng.random(len(feeling)) < min(1.0, 1 / show_s + 1 / max(off_s, 1e-6))
    redraw[0] = True
    on = (rng.random(len(feeling)) < shows)[np.maximum.accumulate(np.where(redraw, np.arange(len(feeling)), 0))]
    return np.where(on, feeling, CLASSROOM_CLASSES.index(NEUTRAL)).astype(np.int64)


def _presses(student: Student, scenario: Scenario, rng: np.random.Generator) -> Iterator[tuple[int, Press]]:
    """Presses by second; at most one a second, the later ones wait."""
    habits, inner = scenario.students, student.inner
    willing = between(rng, habits.presses)
    changes: list[tuple[float, str, bool]] = []
    for name, flag in (("confused", inner.confused), ("slower", inner.slower), ("faster", inner.faster)):
        for start, end in _runs(flag):
            at, any_press = start + between(rng, habits.press_after_s), False
            while at < end:
                if rng.random() < willing:
                    changes.append((at, name, True))
                    any_press = True
                at += between(rng, habits.again_s)
            if any_press and rng.random() < willing:
                changes.append((end + between(rng, habits.press_after_s), name, False))
    if not student.camera:
        wheel, idle = between(rng, habits.wheel), between(rng, habits.wheel_idle)
        onsets = np.flatnonzero(np.diff(inner.feeling.astype(int), prepend=-1))
        for onset in sorted({*onsets.tolist(), *inner.stirred}):
            if rng.random() < (wheel if onset in inner.stirred else idle):
                changes.append((onset + between(rng, habits.press_after_s), f"mood {inner.feeling[onset]}", True))
    on: dict[str, float] = {}
    last = -1
    for at, name, pressed in sorted(changes):
        second = max(int(at), last + 1)
        if second >= len(inner.feeling):
            return
        last = second
        on = {other: since for other, since in on.items() if at - since < _LEAST_ON_S and other != name}
        mood: Mood | None = CLASSROOM_CLASSES[int(name[5:])] if name.startswith("mood ") else None
        if mood is None and pressed:
            on[name] = at
            # One button or the other.
            on.pop({"slower": "faster", "faster": "slower"}.get(name, ""), None)
        pace: Pace | None = "slower" if "slower" in on else "faster" if "faster" in on else None
        yield second, Press(v=1, type="press", mood=mood, confused="confused" in on, pace=pace)


def _runs(flag: Bool[np.ndarray, " t"]) -> list[tuple[int, int]]:
    """From where to where a flag stands."""
    edges = np.flatnonzero(np.diff(flag.astype(int), prepend=0, append=0))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
