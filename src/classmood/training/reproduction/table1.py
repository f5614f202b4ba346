"""Table 1: the optical-flow model, the hidden Markov model, a vision transformer and ours, on the same faces.

What is stored are answers (``predictions``); scores, intervals and tests are computed from them, always alike, so that
the table can be made again without training. A model is run again where the faces, its settings or its weights changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from classmood.disparity import holm
from classmood.emotions import FERPLUS_CLASSES
from classmood.errors import InputError
from classmood.training.datasets import load_training
from classmood.training.reproduction import paper
from classmood.training.reproduction.comparison import METRICS, Discordance, Interval, bootstrap_scores, mcnemar
from classmood.training.reproduction.entrants import ENTRANTS, HOLDOUT, OURS, Entrant, made_of, run
from classmood.training.reproduction.markdown import (
    csv_text,
    p_value,
    percent,
    percent_interval,
    points_interval,
    table,
)
from classmood.training.reproduction.predictions import (
    SPLIT_TITLES,
    SPLITS,
    Predictions,
    from_digits,
    load_sets,
    read_predictions,
    write_predictions,
)

FILE: Final = "table1.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One model on one sample set.

    Attributes:
        scores: an interval for each of ``comparison.METRICS``.
        margins: of ours over this model, in the same order; none for ours itself.
        discordance: ours is the first; None for ours itself.
        p_corrected: of McNemar's test, by Holm over all tests of the table; None for ours itself.
    """

    entrant: Entrant
    number: str
    scores: list[Interval]
    margins: list[Interval]
    discordance: Discordance | None
    p_corrected: float | None


@dataclass(frozen=True, slots=True)
class Table1:
    """All rows; and for each set its faces, its commonest class and the share of it."""

    rows: tuple[Row, ...]
    faces: dict[str, int]
    commonest: dict[str, tuple[str, float]]

    def of(self, name: str, number: str) -> Row:
        """The row of a model and a set."""
        return next(row for row in self.rows if row.entrant.name == name and row.number == number)

    @property
    def entrants(self) -> list[Entrant]:
        """The models that were scored, in order."""
        return list(dict.fromkeys(row.entrant for row in self.rows))


def measure_table1(
    data: Path,
    path: Path,
    *,
    work: Path,
    fresh: bool = False,
    only: Collection[str] = (),
    fraction: float = 1.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Predictions:
    """Run what is not stored yet, and store it after each model.

    Args:
        data: folder with the FER+ parquet files.
        path: of the stored predictions.
        work: folder for checkpoints of models that are not done.
        fresh: run models again that are stored.
        only: names of models to run; all by default.
        fraction: of the training faces that is learned from, for a quick look; the table tells.
        progress: called with what begins.

    Raises:
        InputError: the data is not there, or a model is unknown.
    """
    known = [entrant.name for entrant in ENTRANTS]
    if unknown := sorted(set(only) - set(known)):
        raise InputError(f"only: expected {', '.join(known)}, got {', '.join(unknown)}")
    sets = load_sets(data)
    predictions = read_predictions(path)
    predictions.take_sets(sets)
    training, _ = load_training("ferplus", data).split(HOLDOUT, fraction=fraction)
    for entrant in ENTRANTS:
        if only and entrant.name not in only:
            continue
        stored = predictions.models.get(entrant.name)
        current = stored is not None and stored.made_of == made_of(entrant)
        learned = stored and stored.training_faces in (None, len(training))
        if current and learned and not fresh:
            progress(f"{entrant.title}: stored")
            continue
        progress(f"{entrant.title}: running")
        predictions.models[entrant.name] = run(entrant, training, sets, work)
        write_predictions(predictions, path)
    return predictions


def compare(predictions: Predictions, *, rounds: int = 9999, seed: int = 0) -> Table1:
    """Scores, margins and tests from stored answers.

    Args:
        predictions: of ours at least.
        rounds: resamples of the bootstrap.
        seed: of the resampling.

    Raises:
        InputError: nothing is stored about our own model.
    """
    entrants = [entrant for entrant in ENTRANTS if entrant.name in predictions.models]
    if OURS not in predictions.models:
        raise InputError(f"no stored answers of {OURS}; run classmood reproduce table1 --data PATH/TO/ferplus first")
    rows: list[Row] = []
    faces, commonest = {}, {}
    for number, digits in predictions.labels.items():
        labels = from_digits(digits)
        counts = np.bincount(labels, minlength=len(FERPLUS_CLASSES))
        faces[number] = len(labels)
        commonest[number] = (FERPLUS_CLASSES[counts.argmax()], float(counts.max() / len(labels)))
        said = [from_digits(predictions.models[entrant.name].answers[number]) for entrant in entrants]
        scores, margins = bootstrap_scores(labels, said, classes=len(FERPLUS_CLASSES), rounds=rounds, seed=seed)
        for place, entrant in enumerate(entrants):
            other = entrant.name != OURS
            test = mcnemar(labels, said[-1], said[place]) if other else None
            rows.append(Row(entrant, number, scores[place], margins[place] if other else [], test, None))
    tested = [row for row in rows if row.discordance]
    corrected = dict(zip(map(id, tested), holm([r.discordance.p_value for r in tested if r.discordance]), strict=True))
    rows = [Row(r.entrant, r.number, r.scores, r.margins, r.discordance, corrected.get(id(r))) for r in rows]
    return Table1(tuple(rows), faces, commonest)


def stale(predictions: Predictions) -> list[str]:
    """Titles of the models whose stored answers come from other settings or weights than those at hand."""
    return [
        entrant.title
        for entrant in ENTRANTS
        if entrant.name in predictions.models and predictions.models[entrant.name].made_of != made_of(entrant)
    ]


def describe(predictions: Predictions, found: Table1) -> str:
    """The table as Markdown, with what it rests on and what the paper prints."""
    sets = "; ".join(f"set {n} is {SPLIT_TITLES[SPLITS[n]]}, {faces:,} faces" for n, faces in found.faces.items())
    guesses = ", ".join(f"{percent(share)} on set {n} ({name})" for n, (name, share) in found.commonest.items())
    parts = [
        f"Scores in percent with 95 % intervals. {sets[0].upper()}{sets[1:]}; labels are the arg-max of the votes over "
        f"eight classes. Naming the commonest class every time has an accuracy of {guesses}.\n",
        table(
            ["model", *(f"set {n}: {metric}" for n in found.faces for metric in METRICS)],
            [
                [e.title, *(percent_interval(s) for n in found.faces for s in found.of(e.name, n).scores)]
                for e in found.entrants
            ],
        ),
    ]
    if any(row.discordance for row in found.rows):
        parts += [
            "Ours against each, in points with 95 % intervals, faces drawn in pairs; McNemar's exact test, corrected "
            f"by Holm's method for {sum(row.p_corrected is not None for row in found.rows)} tests.\n",
            table(
                ["ours against", "set", *METRICS, "right: ours alone", "the other alone", "p", "p, corrected"],
                [_margin_cells(row) for row in found.rows if row.discordance],
                left=2,
            ),
        ]
    if missing := [entrant.title for entrant in ENTRANTS if entrant not in found.entrants]:
        parts.append(f"Not run yet: {'; '.join(missing)}.\n")
    if old := stale(predictions):
        parts.append(f"**Out of date** (made of other settings or weights than those at hand): {'; '.join(old)}.\n")
    said = [(entrant, predictions.models[entrant.name]) for entrant in found.entrants]
    parts.append(
        "".join(
            f"- {entrant.short}: "
            + (f"learned from {one.training_faces:,} faces" if one.training_faces is not None else "as shipped")
            + f"; {one.wall_s:,.0f} s on {one.machine}, {one.date}\n"
            for entrant, one in said
        )
    )
    return "\n".join(parts)


def _margin_cells(row: Row) -> list[str]:
    assert row.discordance is not None
    assert row.p_corrected is not None
    test = row.discordance
    return [
        row.entrant.short,
        row.number,
        *(points_interval(margin) for margin in row.margins),
        f"{test.first_only}",
        f"{test.second_only}",
        p_value(test.p_value),
        p_value(row.p_corrected),
    ]


def describe_paper() -> str:
    """The paper's Table 1, and its text's margins beside those that its table gives."""
    printed = table(
        ["model", *(f"set {number}: {metric}" for number in (1, 2) for metric in paper.METRICS)],
        [[m, *(percent(score) for n in (1, 2) for score in paper.TABLE1[m, n])] for m in paper.PAPER_MODELS],
    )
    claims = table(
        ["the paper's model above", "set", "score", "text says, %", "table gives, points", "table gives, % of theirs"],
        [
            [c.other, str(c.sample_set), c.metric, f"{c.percent:.2f}", f"{c.points:.2f}", f"{c.relative:.2f}"]
            for c in paper.CLAIMS
        ],
        left=3,
    )
    agreeing = sum(claim.agrees for claim in paper.CLAIMS)
    return (
        f"The paper's Table 1, in percent:\n\n{printed}\nIts text gives {len(paper.CLAIMS)} margins; {agreeing} of "
        f"them agree with its table, read either way:\n\n{claims}"
    )


def as_csv(found: Table1) -> str:
    """A row a model, set and metric."""
    header = [
        *("model", "set", "split", "faces", "metric", "value", "low", "high"),
        *("margin_of_ours", "margin_low", "margin_high", "ours_only", "other_only", "mcnemar_p", "holm_p"),
    ]
    lines: list[list[object]] = []
    for row in found.rows:
        for place, (metric, score) in enumerate(zip(METRICS, row.scores, strict=True)):
            cells: list[object] = [row.entrant.name, row.number, SPLITS[row.number], found.faces[row.number], metric]
            cells += [score.value, score.low, score.high]
            if row.discordance and row.p_corrected is not None:
                margin, test = row.margins[place], row.discordance
                cells += [margin.value, margin.low, margin.high, test.first_only, test.second_only]
                cells += [test.p_value, row.p_corrected]
            else:
                cells += [""] * 7
            lines.append(cells)
    return csv_text(header, lines)
