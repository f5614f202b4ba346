"""How well recognised emotion matches self-report: overall and emotion by emotion, with intervals.

- **kappa**: Cohen's, of the expression recognised most against the emotion chosen, beyond what chance would give
  (Cohen 1960, doi:10.1177/001316446002000104); per emotion of "this or not this".
- **CCC**: Lin's concordance (1989, doi:10.2307/2532051) of valence, arousal and dominance on [-1, 1]: like a
  correlation, less for another level or spread.
- **mean bias**: recognised less reported.

Intervals are percentiles over participants drawn with replacement, as a participant's answers go together. A face shows
an expression and a report tells a feeling: little agreement may be a poor model, a poised face, or both.

Every report of recognised emotion that is made of research data says it, or why it is not known (``assess``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float64

from classmood.climate import divide
from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS
from classmood.errors import InputError
from classmood.markdown import table
from classmood.pairs import Pairs, pairs_of_timeline
from classmood.report import figures
from classmood.report.view import section
from classmood.sidecar import read_sidecar
from classmood.timeline import Timeline

LEAST_PEOPLE: Final = 5
_ROUNDS: Final = 1999
_HEADER: Final = ("of", "measure", "value", "95 % interval", "answers", "participants")
_MEANING: Final = (
    "Recognised expression against self-report. kappa: 0 is chance, 1 is perfect. CCC: 1 is perfect; bias: "
    "recognised less reported, on [-1, 1]. Intervals over participants. A face shows an expression, not a feeling."
)
_HOW: Final = (
    "To know it, analyse the recordings of five or more participants who were asked, together "
    "('classmood analyze \"STUDY/*/*_video.*\"'), or run 'classmood agreement STUDY' where their features are kept. "
    "Participants whom the model was trained on do not count; 'classmood study evaluate' tells it of them."
)


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


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a report says of it.

    Attributes:
        measures: see there; none where they are not known.
        unknown: the sentence that says so, why, and how to know it; "" where they are known.
    """

    measures: tuple[Measure, ...] = ()
    unknown: str = ""

    def markdown(self) -> str:
        """For a report in Markdown."""
        return describe(self.measures) if self.measures else f"{self.unknown}\n"

    def html(self) -> str:
        """A section of a report's page."""
        shown = figures.table("Figures", _HEADER, _rows(self.measures), unfolded=True) if self.measures else ""
        caption = _MEANING if self.measures else self.unknown
        return section("agreement", "How well it matches what was reported", caption, shown)


def assess(pairs: Pairs, how: str) -> Agreement:
    """The agreement for a report; ``how`` is a sentence that says how to know it where these pairs do not tell."""
    try:
        return Agreement(agree(pairs))
    except InputError as error:
        return _unknown(error, how)


def agreement_of_timeline(timeline: Timeline, path: Path) -> Agreement | None:
    """That of a timeline of a study's recordings (``pairs.pairs_of_timeline``); None of any other timeline.

    A dataset that cannot be read is told in the agreement: a report is not lost for it.
    """
    try:
        known = path.with_suffix(".json").is_file()
        pairs = pairs_of_timeline(timeline, path, read_sidecar(path).provenance.model_sha256 if known else "")
    except InputError as error:
        return _unknown(error, _HOW)
    return None if pairs is None else assess(pairs, _HOW)


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
    rated = np.isfinite(pairs.reported_vad) & np.isfinite(pairs.recognised_vad)
    people = max(len(np.unique(pairs.person[rows])) for rows in (both, *rated.T))
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
    n, some = int(both.sum()), len(np.unique(pairs.person[both]))
    found = [_measure("all emotions", "kappa", n, some, kappa(samples))]
    for i, name in enumerate(CLASSROOM_CLASSES):
        either = both & ((pairs.reported == i) | (pairs.recognised == i))
        hit, row, column = samples[:, i, i], samples[:, i].sum(1), samples[:, :, i].sum(1)
        rest = samples.sum((1, 2)) - row - column + hit
        small = np.stack([np.stack([hit, row - hit], 1), np.stack([column - hit, rest], 1)], 1)
        found.append(_measure(name, "kappa", int(either.sum()), len(np.unique(pairs.person[either])), kappa(small)))
    for i, name in enumerate(DIMENSIONS):
        x, y = pairs.reported_vad[:, i], pairs.recognised_vad[:, i]
        here = rated[:, i]
        n, some = int(here.sum()), len(np.unique(pairs.person[here]))
        sums = _sums(x[here], y[here], pairs.person[here], count)
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
    return table(_HEADER, _rows(measures), left=2) + f"\n{_MEANING}\n"


def _rows(measures: tuple[Measure, ...]) -> list[list[str]]:
    rows = []
    for one in measures:
        value = "not defined" if one.value is None else f"{one.value:.2f}"
        interval = "" if one.low is None or one.high is None else f"{one.low:.2f} to {one.high:.2f}"
        rows.append([one.what, one.kind, value, interval, str(one.pairs), str(one.people)])
    return rows


def _unknown(why: InputError, how: str) -> Agreement:
    said = f"How well recognised emotion matches self-report is not known from this: {why}. {how}"
    return Agreement(unknown=said)


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
