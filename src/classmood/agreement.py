"""How well recognised emotion matches self-report: overall and emotion by emotion, with intervals.

- **kappa**: Cohen's, of the expression recognised most against the emotion chosen, beyond what chance would give
  (Cohen 1960, doi:10.1177/001316446002000104); per emotion of "this or not this".
- **CCC**: Lin's concordance (1989, doi:10.2307/2532051) of valence, arousal and dominance on [-1, 1]: like a
  correlation, less for another level or spread.
- **mean bias**: recognised less reported.

Intervals are percentiles over participants drawn with replacement, as a participant's answers go together. A face shows
an expression and a report tells a feeling: little agreement may be a poor model, a poised face, or both.

The table of pairs is a CSV, one row a participant and scenario::

    participant,scenario,reported,recognised,valence,arousal,dominance,recognised_valence,...

Its ratings are on the nine points, what is recognised on [-1, 1]; either may be empty.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float64, Int64

from classmood.climate import divide
from classmood.dataset.folder import read_events, read_self_reports_of
from classmood.dataset.layout import media_file
from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS
from classmood.errors import InputError
from classmood.markdown import table
from classmood.selfreport import POINTS, fault, number
from classmood.timeline import read_timeline

LEAST_PEOPLE: Final = 5
_ROUNDS: Final = 1999
_REQUIRED: Final = ("participant", "reported", "recognised")


@dataclass(frozen=True, slots=True)
class Pairs:
    """N answers beside what was recognised at the time.

    Attributes:
        person: a number from 0 for each row.
        reported, recognised: places in ``CLASSROOM_CLASSES``; -1 where there is none.
        reported_vad, recognised_vad: on [-1, 1]; NaN where there is none.
    """

    person: Int64[np.ndarray, " n"]
    reported: Int64[np.ndarray, " n"]
    recognised: Int64[np.ndarray, " n"]
    reported_vad: Float64[np.ndarray, "n 3"]
    recognised_vad: Float64[np.ndarray, "n 3"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of agreement.

    Attributes:
        what: ``all emotions``, an emotion, or a dimension.
        kind: ``kappa``, ``CCC`` or ``bias``.
        pairs: answers that it rests on; ``people`` who gave them.
        value, low, high: with a 95 % interval; None where it is not defined or too few take part.
    """

    what: str
    kind: str
    pairs: int
    people: int
    value: float | None
    low: float | None
    high: float | None


def read_pairs(path: Path) -> Pairs:
    """Read a table of pairs.

    Raises:
        InputError: it cannot be read, lacks a column, or a row is wrong; the row is named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = list(reader.fieldnames or ())
            rows = [{name: (text or "").strip() for name, text in row.items() if name} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected a CSV of pairs") from error
    if missing := [name for name in _REQUIRED if name not in header]:
        raise InputError(f"{path}: row 1: the column {missing[0]} is missing; expected {','.join(_REQUIRED)}")
    for line, row in enumerate(rows, 2):
        for column in ("reported", "recognised"):
            if said := fault("emotion", row[column]):
                raise InputError(f"{path}: row {line}: {column}: {said}")
        for column in DIMENSIONS:
            if said := fault(column, row.get(column, "")):
                raise InputError(f"{path}: row {line}: {column}: {said}")
            text = row.get(f"recognised_{column}", "")
            if text and not -1 <= number(text) <= 1:
                raise InputError(
                    f"{path}: row {line}: recognised_{column}: expected a number from -1 to 1, got {text[:40]!r}"
                )
        if not row["participant"]:
            raise InputError(f"{path}: row {line}: participant: expected a name, got an empty cell")
    names = np.array([row["participant"] for row in rows], str)
    rated = np.array([[number(row.get(d, "")) for d in DIMENSIONS] for row in rows], np.float64).reshape(-1, 3)
    seen = [[number(row.get(f"recognised_{d}", "")) for d in DIMENSIONS] for row in rows]
    return Pairs(
        np.unique(names, return_inverse=True)[1].astype(np.int64),
        _places([row["reported"] for row in rows]),
        _places([row["recognised"] for row in rows]),
        2 * (rated - 1) / (POINTS - 1) - 1,
        np.array(seen, np.float64).reshape(-1, 3),
    )


def pairs_of(folder: Path) -> Pairs:
    """Pairs of a dataset whose participants have features: each scenario's report, and the mean while it was shown.

    The features' ``time_s`` is the session's clock. Readings that are not sure are left out; the emotion recognised is
    the one with the greatest mean.

    Raises:
        InputError: the dataset cannot be read, or nobody in it has features.
    """
    reports = read_self_reports_of(folder)
    recognised = np.full(len(reports), -1, np.int64)
    seen = np.full((len(reports), 3), np.nan)
    with_features = 0
    for who in sorted(set(reports.participant)):
        path = folder / media_file(who, "features", "csv")
        if not path.is_file():
            continue
        with_features += 1
        timeline = read_timeline(path)
        for event in read_events(folder, who):
            if event.trial_type != "stimulus":
                continue
            during = (timeline.time_s >= event.onset_s) & (timeline.time_s < event.onset_s + event.duration_s)
            during &= ~timeline.not_sure
            rows = [
                i
                for i, key in enumerate(zip(reports.participant, reports.scenario, strict=True))
                if key == (who, event.scenario)
            ]
            if rows and during.any():
                recognised[rows[0]] = int(timeline.classroom[during].mean(0).argmax())
                seen[rows[0]] = timeline.vad[during].mean(0)
    if not with_features:
        raise InputError(f"{folder}: nobody has features; put the timeline of 'classmood analyze' beside their events")
    rated = np.stack([2 * reports.share(name) - 1 for name in DIMENSIONS], 1)
    return Pairs(reports.people, _places(list(reports.emotion)), recognised, rated, seen)


def agree(pairs: Pairs, *, rounds: int = _ROUNDS, seed: int = 0) -> tuple[Measure, ...]:
    """Every measure.

    Args:
        pairs: see there.
        rounds: samples of participants.
        seed: of the samples.

    Raises:
        InputError: fewer than ``LEAST_PEOPLE`` participants have both a report and a recognition.
    """
    both = (pairs.reported >= 0) & (pairs.recognised >= 0)
    people = len(np.unique(pairs.person[both]))
    if people < LEAST_PEOPLE:
        raise InputError(
            f"expected at least {LEAST_PEOPLE} participants with both a report and a recognised emotion, got {people}; "
            f"{LEAST_PEOPLE - people} more are needed"
        )
    count = int(pairs.person.max()) + 1
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), rounds).astype(np.float64)
    weights = np.concatenate([np.ones((1, count)), weights])
    # Each participant's own table, so that a sample's is a sum of them.
    tables = np.zeros((count, len(CLASSROOM_CLASSES), len(CLASSROOM_CLASSES)))
    np.add.at(tables, (pairs.person[both], pairs.reported[both], pairs.recognised[both]), 1)
    samples = np.einsum("bp,pij->bij", weights, tables, optimize=True)
    n = int(both.sum())
    found = [_measure("all emotions", "kappa", n, people, kappa(samples))]
    for i, name in enumerate(CLASSROOM_CLASSES):
        either = both & ((pairs.reported == i) | (pairs.recognised == i))
        hit, row, column = samples[:, i, i], samples[:, i].sum(1), samples[:, :, i].sum(1)
        rest = samples.sum((1, 2)) - row - column + hit
        small = np.stack([np.stack([hit, row - hit], 1), np.stack([column - hit, rest], 1)], 1)
        found.append(_measure(name, "kappa", int(either.sum()), len(np.unique(pairs.person[either])), kappa(small)))
    for i, name in enumerate(DIMENSIONS):
        x, y = pairs.reported_vad[:, i], pairs.recognised_vad[:, i]
        known = np.isfinite(x) & np.isfinite(y)
        n, some = int(known.sum()), len(np.unique(pairs.person[known]))
        sums = _sums(x[known], y[known], pairs.person[known], count)
        found.append(_measure(name, "CCC", n, some, concordance(weights @ sums)))
        totals = weights @ sums
        found.append(_measure(name, "bias", n, some, divide(totals[:, 2] - totals[:, 1], totals[:, 0])))
    return tuple(found)


def kappa(tables: Float64[np.ndarray, "b k k"]) -> Float64[np.ndarray, " b"]:
    """Cohen's kappa of each table, rows against columns; NaN where all say the same."""
    n = tables.sum((1, 2))
    observed = divide(np.trace(tables, axis1=1, axis2=2), n)
    chance = divide((tables.sum(1) * tables.sum(2)).sum(1), n**2)
    return np.where(chance < 1 - 1e-12, divide(observed - chance, 1 - chance), np.nan)


def concordance(sums: Float64[np.ndarray, "b 6"]) -> Float64[np.ndarray, " b"]:
    """Lin's concordance from sums of 1, x, y, x^2, y^2 and xy; NaN where nothing varies."""
    n, x, y, xx, yy, xy = sums.T
    mean_x, mean_y = divide(x, n), divide(y, n)
    apart = divide(xx, n) - mean_x**2 + divide(yy, n) - mean_y**2 + (mean_x - mean_y) ** 2
    return divide(2 * (divide(xy, n) - mean_x * mean_y), np.where(apart > 1e-12, apart, 0))


def describe(measures: tuple[Measure, ...]) -> str:
    """The agreement as Markdown."""
    rows = []
    for one in measures:
        value = "not defined" if one.value is None else f"{one.value:.2f}"
        interval = "" if one.low is None or one.high is None else f"{one.low:.2f} to {one.high:.2f}"
        rows.append([one.what, one.kind, value, interval, str(one.pairs), str(one.people)])
    return (
        table(["of", "measure", "value", "95 % interval", "answers", "participants"], rows, left=2)
        + "\nRecognised expression against self-report. kappa: 0 is chance, 1 is perfect. CCC: 1 is perfect; bias: "
        "recognised less reported, on [-1, 1]. Intervals over participants. A face shows an expression, not a "
        "feeling.\n"
    )


def _measure(what: str, kind: str, pairs: int, people: int, values: np.ndarray) -> Measure:
    """The first value is of all participants, the rest of drawn samples."""
    value = float(values[0])
    drawn = values[1:][np.isfinite(values[1:])]
    if not math.isfinite(value):
        return Measure(what, kind, pairs, people, None, None, None)
    # A measure that is undefined in many samples has no interval that could be trusted.
    if people < LEAST_PEOPLE or len(drawn) < 0.9 * (len(values) - 1):
        return Measure(what, kind, pairs, people, value, None, None)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Measure(what, kind, pairs, people, value, float(low), float(high))


def _sums(x: np.ndarray, y: np.ndarray, person: np.ndarray, count: int) -> np.ndarray:
    columns = (np.ones_like(x), x, y, x * x, y * y, x * y)
    return np.stack([np.bincount(person, column, count) for column in columns], 1)


def _places(names: list[str]) -> Int64[np.ndarray, " n"]:
    return np.array([CLASSROOM_CLASSES.index(name) if name else -1 for name in names], np.int64)
