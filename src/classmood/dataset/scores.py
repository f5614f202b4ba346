"""Scores from elsewhere (an EEG, a watch, a rater) beside a timeline, aligned by the session's clock.

Another device has a clock of its own, that began elsewhere and runs a little faster or slower. Moments that both have
seen (a button pressed, a clap) tell how the one follows from the other:

    session = offset + rate * device

One shared moment gives the offset, two or more the rate as well, by least squares; how far each moment is off is
reported. Between two scores a value is interpolated; where they lie too far apart nothing is made up.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float64

from classmood.errors import InputError
from classmood.markdown import write_text

PREFIX: Final = "external_"
# Quartz is off by a few parts in a hundred thousand; more than this is a mistake in the moments.
_LARGEST_DRIFT: Final = 0.01


@dataclass(frozen=True, slots=True)
class Scores:
    """K scores at M times of a device's own clock; NaN where there is none."""

    time_s: Float64[np.ndarray, " m"]
    names: tuple[str, ...]
    values: Float64[np.ndarray, "m k"]


@dataclass(frozen=True, slots=True)
class Clock:
    """How the session's clock follows from a device's.

    Attributes:
        residual_s: largest distance of a shared moment from the line; 0 for one or two moments.
    """

    offset_s: float = 0.0
    rate: float = 1.0
    residual_s: float = 0.0

    def session_s(self, device_s: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        """Times of the device as times of the session."""
        return np.asarray(self.offset_s + self.rate * device_s)


def fit_clock(moments: Sequence[tuple[float, float]]) -> Clock:
    """The clock from shared moments, each as (device's seconds, session's seconds).

    Raises:
        InputError: there is none, or they cannot be of one session.
    """
    if not moments:
        raise InputError("expected at least one moment that both clocks have seen, got none")
    device, session = np.array(moments, np.float64).T
    if not np.isfinite([device, session]).all():
        raise InputError("moments: expected seconds of both clocks, got something that is no number")
    if len(moments) == 1:
        return Clock(float(session[0] - device[0]))
    if np.ptp(device) == 0:
        raise InputError(f"moments: expected different times of the device, got {device[0]:g} s each time")
    rate, offset = np.polyfit(device, session, 1)
    if abs(rate - 1) > _LARGEST_DRIFT:
        raise InputError(
            f"moments: the device's second would last {rate:.4f} s; no clock is that far off, check the pairs"
        )
    return Clock(float(offset), float(rate), float(np.abs(offset + rate * device - session).max()))


def read_scores(path: Path) -> Scores:
    """Read a CSV with ``time_s`` and one or more columns of numbers; an empty cell is "no score".

    Raises:
        InputError: it cannot be read, has no such columns, or a row is wrong; the row is named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            rows = [row for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected a CSV with time_s and scores") from error
    if "time_s" not in header or len(header) < 2 or len(set(header)) < len(header):
        raise InputError(f"{path}: row 1: expected time_s and scores, each once, got {','.join(header) or 'nothing'}")
    for place, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise InputError(f"{path}: row {place}: expected {len(header)} fields, got {len(row)}")
    numbers = np.array([[_number(path, i, cell) for cell in row] for i, row in enumerate(rows, 2)], np.float64)
    numbers = numbers.reshape(-1, len(header))
    at = header.index("time_s")
    time_s = numbers[:, at]
    bad = ~np.isfinite(time_s) | np.append(False, np.diff(time_s) <= 0)
    if bad.any():
        raise InputError(f"{path}: row {int(bad.argmax()) + 2}: time_s: expected seconds that go up")
    return Scores(time_s, tuple(n for n in header if n != "time_s"), np.delete(numbers, at, 1))


def align(
    scores: Scores, time_s: Float64[np.ndarray, " n"], clock: Clock, *, gap_s: float
) -> dict[str, Float64[np.ndarray, " n"]]:
    """The scores at a session's times, by their names with ``external_`` before them.

    Args:
        scores: see there.
        time_s: of the session.
        clock: of the device.
        gap_s: a score is interpolated only between two that are no farther apart; else it is NaN.
    """
    found = {}
    device_s = clock.session_s(scores.time_s)
    for name, values in zip(scores.names, scores.values.T, strict=True):
        known = np.isfinite(values)
        at, of = device_s[known], values[known]
        column = np.full(len(time_s), np.nan)
        if len(at):
            after = np.searchsorted(at, time_s)
            before = np.maximum(after - 1, 0)
            after = np.minimum(after, len(at) - 1)
            exact = np.isclose(at[after], time_s, atol=1e-9, rtol=0)
            inside = (at[before] <= time_s) & (time_s <= at[after]) & (at[after] - at[before] <= gap_s)
            keep = exact | inside
            column[keep] = np.interp(time_s[keep], at, of)
        found[PREFIX + name] = column
    return found


def add_to_timeline(timeline: Path, scores: Scores, clock: Clock, out: Path, *, gap_s: float = 1.0) -> Path:
    """Write a timeline's CSV with the scores as further columns; an empty cell where there is none.

    Raises:
        InputError: the timeline cannot be read, or has such a column already.
        OutputError: the file cannot be written.
    """
    try:
        with timeline.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            rows = list(reader)
        at = header.index("time_s")
        time_s = np.array([float(row[at]) for row in rows], np.float64)
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, IndexError) as error:
        raise InputError(f"{timeline}: expected a timeline's CSV ({error})") from error
    columns = align(scores, time_s, clock, gap_s=gap_s)
    if doubled := [name for name in columns if name in header]:
        raise InputError(f"{timeline}: has a column {doubled[0]} already; give the scores other names")
    lines = [",".join(_quoted(cell) for cell in [*header, *columns])]
    for row, *values in zip(rows, *columns.values(), strict=True):
        lines.append(",".join([*map(_quoted, row), *("" if math.isnan(v) else f"{v:.6g}" for v in values)]))
    return write_text(out, "\n".join(lines) + "\n")


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(c in cell for c in ',"\n') else cell


def _number(path: Path, row: int, cell: str) -> float:
    if not cell.strip():
        return math.nan
    try:
        return float(cell)
    except ValueError:
        raise InputError(f"{path}: row {row}: expected a number, got {cell[:40]!r}") from None
