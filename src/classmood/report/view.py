"""What the sections of a report share: a timeline cut into windows, and the words for what is in it."""

from __future__ import annotations

import dataclasses
from html import escape
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final

import numpy as np
from jaxtyping import Float64

from classmood.climate import climate, persons, window_for
from classmood.emotions import EMOTIONS, NEUTRAL, STANDARD_TERM
from classmood.moments import changes
from classmood.report.figures import Axis, clock, source_axis, time_axis
from classmood.sidecar import Sidecar
from classmood.timeline import Timeline

# Windows drawn, rows of a text table, and persons or sources listed: enough to see, few enough to stay small.
MOST_WINDOWS: Final = 300
MOST_ROWS: Final = 24
MOST_LISTED: Final = 200
# Under this share of the expected faces a stretch is hatched.
TOO_FEW: Final = 0.5


class View:
    """A timeline as it is drawn.

    Attributes:
        timeline: with neighbouring sources merged where they are too many to draw.
        windows: as drawn.
        rows: fewer and longer ones, for the tables.
        measured: emotions that the model measures, neutral last: the order in which they are stacked.
        derived: emotions that it derives.
        moments: at which the class changed.
        readable: whether any face could be read.
        still: whether there is but one window, so that nothing moves.
        estimated: whether the number of faces with everyone in view was estimated, not given.
    """

    def __init__(self, timeline: Timeline, sidecar: Sidecar, class_size: int | None) -> None:
        self.timeline = timeline = _merged(timeline)
        self.sidecar = sidecar
        self.windows = climate(timeline, window_for(timeline, MOST_WINDOWS), class_size=class_size)
        self.rows = climate(timeline, window_for(timeline, MOST_ROWS), class_size=class_size)
        self.derived = tuple(name for name in EMOTIONS if name in sidecar.provenance.derived)
        self.measured = (*(name for name in EMOTIONS if name not in self.derived), NEUTRAL)
        self.moments = changes(timeline, self.measured)
        self.readable = bool((self.windows.people > 0).any())
        self.still = len(self.windows) == 1
        self.estimated = class_size is None

    @property
    def axis(self) -> Axis:
        """Along the charts."""
        make = time_axis if self.windows.over_time else source_axis
        return make(self.windows.start_s, self.windows.end_s)

    @property
    def along(self) -> str:
        """What the charts run over: heading of the tables' first column."""
        return "time" if self.windows.over_time else "source"

    def weights(self) -> Float64[np.ndarray, " m"]:
        """Readable face-instants of each window: means over the whole recording are weighted by them."""
        weights: Float64[np.ndarray, " m"] = np.nan_to_num(self.windows.readable) * self.windows.instants
        return weights

    def overall(self, measure: str) -> float:
        """The mean of a measure over the whole recording."""
        return float(np.average(np.nan_to_num(self.windows.of(measure)), weights=self.weights()))

    def average(self, values: np.ndarray) -> float:
        """The mean over instants of what each window has."""
        return float(np.average(np.nan_to_num(values), weights=self.windows.instants))

    def listed(self) -> range:
        """Rows of a table."""
        return range(len(self.rows) if self.windows.over_time else min(len(self.rows), MOST_LISTED))

    def where(self, k: int) -> str:
        """What a row of a table is about."""
        if not self.rows.over_time:
            return f"{k + 1} {short_name(self.timeline.sources[k])}"
        return "all" if len(self.rows) == 1 else f"{clock(self.rows.start_s[k])}–{clock(self.rows.end_s[k])}"


def full_name(name: str) -> str:
    """The paper's word with the field's term where they differ: ``grief (sadness)``."""
    return name if STANDARD_TERM.get(name, name) == name else f"{name} ({STANDARD_TERM[name]})"


def named(name: str) -> str:
    """The same as HTML."""
    return (
        name if STANDARD_TERM.get(name, name) == name else f'{name} <span class="term">({STANDARD_TERM[name]})</span>'
    )


def short_name(source: str) -> str:
    """A source's file name without its folders, whichever system they are from."""
    return PurePosixPath(PureWindowsPath(source).name).name or source


def several(count: int, noun: str) -> str:
    """A count with its noun in the right number."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def section(key: str, heading: str, caption: str, body: str) -> str:
    """A part of the page; heading and caption are text, the body HTML."""
    words = f'<p class="caption">{escape(caption)}</p>' if caption else ""
    return (
        f'<section id="{key}" aria-labelledby="{key}-h"><h2 id="{key}-h">{escape(heading)}</h2>{words}{body}</section>'
    )


def _merged(timeline: Timeline) -> Timeline:
    """Merge neighbouring sources where there are more than can be drawn."""
    size = -(-len(timeline.sources) // MOST_WINDOWS)
    if size < 2:
        return timeline
    groups = [timeline.sources[k : k + size] for k in range(0, len(timeline.sources), size)]
    return dataclasses.replace(
        timeline,
        # A track's number is its own only within its source.
        track_id=persons(timeline) + 1,
        source=timeline.source // np.int32(size),
        sources=tuple(f"{short_name(group[0])} to {short_name(group[-1])}" for group in groups),
        instants=dataclasses.replace(timeline.instants, source=timeline.instants.source // np.int32(size)),
    )
