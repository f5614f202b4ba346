"""A class that is over, as it is told afterwards: what was released, marked and suggested; nothing of anyone alone.

Releases are ten seconds apart, so a long lesson has hundreds: they are averaged into at most ``MOST_WINDOWS`` windows.
What was hidden stays hidden: a cell without a share is given as 0 with the limit below which it was hidden.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64
from pydantic import ValidationError

from classmood.emotions import CLASSROOM_CLASSES, CLASSROOM_VAD, DIMENSIONS
from classmood.errors import InputError
from classmood.server.nudges import Mark
from classmood.server.release import PRESSES, UNSURE, Release, ReleaseSettings
from classmood.store import Store

MOST_WINDOWS: Final = 120
MEASURES: Final = (*CLASSROOM_CLASSES, UNSURE, "others", *DIMENSIONS, "intensity", *PRESSES)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A nudge as it was shown, and what the teacher thought of it."""

    number: int
    time_s: float
    text: str
    action: str
    usefulness: str | None


@dataclass(frozen=True, slots=True)
class Lesson:
    """One session.

    Attributes:
        profile: under which it ran.
        opened: UTC.
        closed: UTC; None while it goes on.
        class_size: how many the teacher expected; None where not stated.
        releases: in order, silent ones too.
        marks: in order of time.
        suggestions: in order.
        settings: under which the releases were made; the defaults where that is not known.
    """

    profile: str
    opened: dt.datetime
    closed: dt.datetime | None
    class_size: int | None
    releases: tuple[Release, ...]
    marks: tuple[Mark, ...]
    suggestions: tuple[Suggestion, ...]
    settings: ReleaseSettings = field(default_factory=ReleaseSettings)

    @property
    def spoken(self) -> tuple[Release, ...]:
        """The releases that were not silent."""
        return tuple(release for release in self.releases if not release.silent)


def read_lesson(store: Store, session: str, settings: ReleaseSettings | None = None) -> Lesson:
    """A session as it is kept.

    Args:
        store: where it is kept.
        session: its id, or the beginning of it where that is enough to tell it.
        settings: of the releases.

    Raises:
        InputError: no session, or more than one, begins so; or what is kept is not of this version.
    """
    row = store.find_session(session)
    try:
        releases = tuple(Release.model_validate_json(body) for body in store.releases(row.id))
        nudges = [(kept, json.loads(kept.body)) for kept in store.nudges(row.id)]
        suggestions = tuple(
            Suggestion(kept.number, kept.time_s, body["text"], body["action"], kept.usefulness) for kept, body in nudges
        )
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"session {row.id[:8]}: kept by another version of classmood ({type(error).__name__})"
        ) from error
    marks = tuple(Mark(mark.time_s, mark.kind, mark.label) for mark in store.marks(row.id))  # type: ignore[arg-type]
    return Lesson(
        row.profile, row.opened, row.closed, row.class_size, releases, marks, suggestions, settings or ReleaseSettings()
    )


@dataclass(frozen=True, slots=True)
class Course:
    """A lesson in M windows.

    Attributes:
        start_s, end_s: of each window, since the session began.
        sharing: mean number who shared; NaN in silence.
        values: of each of ``MEASURES``; NaN in silence and where there is nothing to say. Hidden shares and presses
            are 0.
        noise: half the width of the 95% interval of the noise that was added for privacy; for hidden cells the limit
            under which they were hidden. Averaging releases would narrow it a little; it is not narrowed.
        uncertain: where the noise is so large that shares say little, or nothing was said.
    """

    start_s: Float64[np.ndarray, " m"]
    end_s: Float64[np.ndarray, " m"]
    sharing: Float64[np.ndarray, " m"]
    values: Float64[np.ndarray, "m 18"]
    noise: Float64[np.ndarray, "m 18"]
    uncertain: Bool[np.ndarray, " m"]

    def __len__(self) -> int:
        return len(self.start_s)

    def of(self, measure: str) -> Float64[np.ndarray, " m"]:
        """One measure's course."""
        return self.values[:, MEASURES.index(measure)]

    def noise_of(self, measure: str) -> Float64[np.ndarray, " m"]:
        """Half the width of the noise's interval around it."""
        return self.noise[:, MEASURES.index(measure)]

    def overall(self, measure: str) -> float:
        """The mean over what was said; NaN where nothing was."""
        values = self.of(measure)
        good = np.isfinite(values)
        return float(values[good].mean()) if good.any() else float("nan")


# Above this half-width of the noise shares say little: fewer than 23 students at the defaults.
UNCERTAIN_ABOVE: Final = 0.3


def course(lesson: Lesson, most: int = MOST_WINDOWS) -> Course:
    """A lesson's releases as series, averaged into at most ``most`` windows of equally many releases."""
    if not lesson.releases:
        nothing = np.zeros(0)
        return Course(
            nothing, nothing, nothing, np.zeros((0, len(MEASURES))), np.zeros((0, len(MEASURES))), np.zeros(0, bool)
        )
    rows = [_row(release, lesson.settings) for release in lesson.releases]
    size = -(-len(rows) // most)
    groups = [range(k, min(k + size, len(rows))) for k in range(0, len(rows), size)]
    times_s = np.array([release.time_s for release in lesson.releases])
    interval_s = lesson.settings.interval_s
    sharing = [_mean([rows[i][0] for i in group]) for group in groups]
    wide = [_mean([lesson.releases[i].half_width or np.nan for i in group]) for group in groups]
    return Course(
        start_s=np.array([max(times_s[group[0]] - interval_s, 0.0) for group in groups]),
        end_s=np.array([times_s[group[-1]] for group in groups]),
        sharing=np.array([float(one) for one in sharing]),
        values=np.array([_mean([rows[i][1] for i in group]) for group in groups]),
        noise=np.array([_mean([rows[i][2] for i in group]) for group in groups]),
        uncertain=np.array([not float(half) <= UNCERTAIN_ABOVE for half in wide]),
    )


def _row(release: Release, settings: ReleaseSettings) -> tuple[float, np.ndarray, np.ndarray]:
    """Who shared, values and noise of one release."""
    values, noise = np.full(len(MEASURES), np.nan), np.full(len(MEASURES), np.nan)
    if release.sharing is None:
        return np.nan, values, noise
    half, limit = release.half_width or 0.0, settings.smallest_cell / release.sharing
    press_limit = settings.smallest_press(release.sharing) / release.sharing
    pressed = half * settings.press_noise_students
    if settings.noise_students:
        pressed /= settings.noise_students
    for name in (*CLASSROOM_CLASSES, UNSURE):
        values[MEASURES.index(name)] = release.shares.get(name, 0.0)
        noise[MEASURES.index(name)] = half if name in release.shares else limit
    values[MEASURES.index("others")] = release.others or 0.0
    noise[MEASURES.index("others")] = half
    for name, place in zip(DIMENSIONS, range(len(DIMENSIONS)), strict=True):
        if (value := getattr(release, name)) is not None:
            values[MEASURES.index(name)] = value
            noise[MEASURES.index(name)] = half * _lever(place, value) / max(_readable(release), limit)
    if release.intensity is not None:
        values[MEASURES.index("intensity")] = release.intensity
        noise[MEASURES.index("intensity")] = half / max(_readable(release), limit)
    for name in PRESSES:
        value = getattr(release, name)
        values[MEASURES.index(name)] = value or 0.0
        noise[MEASURES.index(name)] = pressed if value is not None else press_limit
    return float(release.sharing), values, noise


def _readable(release: Release) -> float:
    """The share of students of whom an expression is told."""
    return 1 - release.shares.get(UNSURE, 0.0)


def _lever(place: int, mean: float) -> float:
    """By how much independent noise in every share moves a mean of coordinates: the root of their summed squares."""
    apart = np.array([CLASSROOM_VAD[name][place] for name in CLASSROOM_CLASSES]) - mean
    return float(np.sqrt(apart @ apart))


def _mean(rows: Sequence[float] | Sequence[np.ndarray]) -> np.ndarray:
    """The mean of what is finite; NaN where nothing is."""
    stacked = np.asarray(rows, np.float64)
    good = np.isfinite(stacked)
    count = good.sum(0)
    total = np.where(good, stacked, 0.0).sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
