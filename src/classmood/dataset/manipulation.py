"""Did the scenarios evoke what they meant to? By self-report, since that is all that speaks of a feeling.

- The share of participants who chose the emotion that was meant: Wilson's interval, and an exact binomial test against
  choosing among the nine by chance, corrected by Holm's method.
- Mean valence and arousal on [-1, 1], Student's intervals over participants, beside the emotion's place in Russell and
  Mehrabian's coordinates. To be far from it is no failure: the coordinates are other people's, of words.

That a choice beats chance does not say that the scenario evoked only this, nor that the face shows it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from classmood.disparity import holm, wilson
from classmood.emotions import CLASSROOM_CLASSES, CLASSROOM_VAD
from classmood.markdown import p_value, table
from classmood.selfreport import SelfReports


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over participants with its 95 % interval; None where fewer than two answered."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Evoked:
    """One scenario.

    Attributes:
        people: who chose an emotion after it.
        chosen: share of them who chose the one that was meant, with Wilson's interval ``low`` to ``high``.
        p_corrected: of choosing by chance; corrected over the scenarios.
        instead: the emotion that was chosen most often besides, with its share; "" where none.
        intensity: points of nine, of those who chose what was meant.
        valence, arousal: on [-1, 1]; ``meant_valence``, ``meant_arousal`` are the coordinates of the emotion.
    """

    scenario: str
    evokes: str
    people: int
    chosen: float
    low: float
    high: float
    p_corrected: float
    instead: str
    instead_share: float
    intensity: Mean
    valence: Mean
    arousal: Mean
    meant_valence: float
    meant_arousal: float


def check_manipulation(reports: SelfReports) -> tuple[Evoked, ...]:
    """Every scenario that was meant to evoke an emotion and after which one was chosen."""
    named, chosen, meant = (np.array(values, str) for values in (reports.scenario, reports.emotion, reports.evokes))
    found, p_values = [], []
    for scenario in sorted(set(reports.scenario)):
        rows = (named == scenario) & (chosen != "") & (meant != "")
        n = int(rows.sum())
        if not n:
            continue
        evokes = str(meant[rows][0])
        counts = Counter(chosen[rows].tolist())
        hits = counts.pop(evokes, 0)
        other, others = counts.most_common(1)[0] if counts else ("", 0)
        low, high = wilson(float(hits), float(n))
        p_values.append(float(stats.binomtest(hits, n, 1 / len(CLASSROOM_CLASSES), alternative="greater").pvalue))
        place = CLASSROOM_VAD[evokes]
        found.append(
            Evoked(
                scenario,
                evokes,
                n,
                hits / n,
                low,
                high,
                0.0,
                other,
                others / n,
                _mean(reports.of("intensity")[rows & (chosen == evokes)]),
                _mean(2 * reports.share("valence")[named == scenario] - 1),
                _mean(2 * reports.share("arousal")[named == scenario] - 1),
                place[0],
                place[1],
            )
        )
    corrected = holm(p_values)
    return tuple(replace(one, p_corrected=p) for one, p in zip(found, corrected, strict=True))


def describe(evoked: tuple[Evoked, ...]) -> str:
    """The check as Markdown."""
    rows = [
        [
            one.scenario,
            one.evokes,
            str(one.people),
            f"{100 * one.chosen:.0f} % ({100 * one.low:.0f} to {100 * one.high:.0f})",
            p_value(one.p_corrected),
            f"{one.instead} {100 * one.instead_share:.0f} %" if one.instead else "none",
            _text(one.intensity, 1),
            f"{_text(one.valence, 2)}; {one.meant_valence:+.2f}",
            f"{_text(one.arousal, 2)}; {one.meant_arousal:+.2f}",
        ]
        for one in evoked
    ]
    header = ["scenario", "meant", "participants", "chose it", "p", "else most", "intensity", "valence", "arousal"]
    return (
        table(header, rows, left=2)
        + "\nIn brackets 95 % intervals. p: choosing among nine by chance, corrected by Holm's method. Valence and "
        "arousal on [-1, 1], behind them the place of the emotion's word (Russell and Mehrabian 1977).\n"
    )


def _mean(values: np.ndarray) -> Mean:
    values = values[np.isfinite(values)]
    n = len(values)
    if n < 2:
        return Mean(float(values[0]) if n else None, None, None)
    half = float(stats.t.isf(0.025, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return Mean(float(values.mean()), float(values.mean()) - half, float(values.mean()) + half)


def _text(one: Mean, digits: int) -> str:
    if one.value is None:
        return "n/a"
    sign = "+" if digits == 2 else ""
    if one.low is None or one.high is None:
        return f"{one.value:{sign}.{digits}f}"
    return f"{one.value:{sign}.{digits}f} ({one.low:{sign}.{digits}f} to {one.high:{sign}.{digits}f})"
