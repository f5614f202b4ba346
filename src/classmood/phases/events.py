"""What happened in a session: events of the four phases, from a CSV or from a dataset's participant.

    time_s,kind,label,duration_s,value,person
    30,slide,Pythagoras,120,,
    95,question,the long side?,,,
    104.2,answer,the long side?,,1,anna-7

``time_s`` and ``kind`` must be there. An answer's and a score's value is from 0 (wrong) to 1 (right), a reported
emotion's is its valence from -1 to 1. Time is the recording's, in seconds.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from classmood.dataset.folder import Event as Shown
from classmood.errors import InputError
from classmood.selfreport import POINTS, number

Phase = Literal["stimulus", "cognition", "physical", "emotion"]
PHASES: Final[tuple[Phase, ...]] = ("stimulus", "cognition", "physical", "emotion")
PAPER_TERM: Final = {
    "stimulus": "classroom experience",
    "cognition": "knowledge cognition",
    "physical": "physical response",
    "emotion": "psychological emotion",
}
KINDS: Final[dict[str, Phase]] = {
    "slide": "stimulus",
    "question": "stimulus",
    "scenario": "stimulus",
    "mark": "stimulus",
    "answer": "cognition",
    "poll": "cognition",
    "score": "cognition",
    "reported": "emotion",
}
_RANGES: Final = {"answer": (0.0, 1.0), "score": (0.0, 1.0), "reported": (-1.0, 1.0)}
COLUMNS: Final = ("time_s", "kind", "label", "duration_s", "value", "person")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        duration_s: 0 for a moment.
        value: see the module; None where there is none.
        person: whose it is, "" for the class's.
    """

    time_s: float
    kind: str
    label: str = ""
    duration_s: float = 0.0
    value: float | None = None
    person: str = ""

    @property
    def phase(self) -> Phase:
        """Of the four."""
        return KINDS[self.kind]


def read_events(path: Path) -> tuple[Event, ...]:
    """Read a CSV of events, in the order of time.

    Raises:
        InputError: it cannot be read, lacks a column, or a row is wrong; the row is named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected a CSV of events") from error
    if missing := [name for name in ("time_s", "kind") if name not in header]:
        raise InputError(f"{path}: row 1: the column {missing[0]} is missing; expected {','.join(COLUMNS)}")
    events = [
        _event({k: (v or "").strip() for k, v in row.items() if k}, f"{path}: row {i}") for i, row in enumerate(rows, 2)
    ]
    return tuple(sorted(events, key=lambda event: event.time_s))


def events_of(shown: Iterable[Shown], person: str = "") -> tuple[Event, ...]:
    """A dataset's participant in the four phases: scenarios and lessons, task scores, reported valence."""
    events = []
    for one in shown:
        if one.trial_type in ("stimulus", "class", "repair"):
            label = one.scenario or one.stimulus or one.phase
            kind = "scenario" if one.trial_type == "stimulus" else "slide"
            events.append(Event(one.onset_s, kind, label, one.duration_s))
        if "score" in one.answers:
            events.append(
                Event(one.onset_s, "score", one.scenario, one.duration_s, number(one.answers["score"]), person)
            )
        if "valence" in one.answers:
            valence = 2 * (number(one.answers["valence"]) - 1) / (POINTS - 1) - 1
            events.append(Event(one.onset_s, "reported", one.scenario, one.duration_s, valence, person))
    return tuple(sorted(events, key=lambda event: event.time_s))


def _event(row: dict[str, str], where: str) -> Event:
    kind = row["kind"]
    if kind not in KINDS:
        raise InputError(f"{where}: kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    time_s = number(row["time_s"])
    if not math.isfinite(time_s):
        raise InputError(f"{where}: time_s: expected seconds, got {row['time_s']!r}")
    duration_s = number(row.get("duration_s") or "0")
    if not 0 <= duration_s < math.inf:
        raise InputError(f"{where}: duration_s: expected seconds from 0, got {row['duration_s']!r}")
    text = row.get("value", "")
    value = number(text) if text else None
    low, high = _RANGES.get(kind, (-math.inf, math.inf))
    if value is not None and not low <= value <= high:
        raise InputError(f"{where}: value: expected a number from {low:g} to {high:g}, got {text!r}")
    if value is None and kind in _RANGES:
        raise InputError(f"{where}: value: expected a number from {low:g} to {high:g} for a kind {kind}, got nothing")
    return Event(time_s, kind, row.get("label", ""), duration_s, value, row.get("person", ""))
