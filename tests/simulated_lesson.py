"""A lesson that went through the real releases, for the tests of what is told afterwards."""

from __future__ import annotations

import datetime as dt
import random
from functools import cache

import numpy as np

from classmood.emotions import CLASSROOM_CLASSES
from classmood.server.class_releases import ClassReleases
from classmood.server.lesson import Lesson, Suggestion
from classmood.server.nudges import Mark, Nudges
from classmood.server.release import ReleaseSettings

OPENED = dt.datetime(2026, 11, 25, 9, 0)
MARKS = (
    Mark(290.0, "text", "a joke <b>&"),
    Mark(600.0, "slide", "first"),
    Mark(700.0, "slide", "hard"),
    Mark(900.0, "slide", ""),
)


@cache
def lesson(students: int = 28, minutes: int = 20, *, noise: bool = True) -> Lesson:
    """Joy at a joke in minute 5, confusion from the hard slide on, a break without most in minutes 16 to 18."""
    settings = ReleaseSettings() if noise else ReleaseSettings(noise_students=0, press_noise_students=0)
    rng = np.random.default_rng(3)
    releases = ClassReleases(
        settings, class_size=students + 2, randomness=random.Random(3), nudge_randomness=random.Random(4)
    )
    nudges = Nudges(None, settings.for_nudges())
    for mark in MARKS:
        nudges.mark(mark)
    for student in range(students):
        releases.join(str(student))
    told, suggested = [], []
    for step in range(1, minutes * 6 + 1):
        time_s = step * 10.0
        joy = 0.1 + 0.75 * float(np.exp(-(((time_s - 330) / 60) ** 2)))
        for student in range(students):
            away = 960 <= time_s < 1080 and student > 3
            if time_s == 960 and away:
                releases.leave(str(student), time_s)
            if time_s == 1080 and student > 3:
                releases.join(str(student))
            if not away:
                row = np.full(len(CLASSROOM_CLASSES), 0.02)
                row[CLASSROOM_CLASSES.index("joy" if rng.random() < joy else "neutral")] = 0.84
                releases.read(str(student), row.tolist(), not_sure=False, time_s=time_s)
                releases.press(str(student), ["confused"] if 700 < time_s < 880 else [], time_s)
        release = releases.close(time_s)
        told.append(release)
        if found := nudges.take(releases.for_nudges):
            suggested.append(Suggestion(found.number, found.time_s, found.text, found.action, "useful"))
    closed = OPENED + dt.timedelta(minutes=minutes)
    return Lesson("class", OPENED, closed, students + 2, tuple(told), MARKS, tuple(suggested), settings)
