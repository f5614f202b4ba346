"""Accuracy against the share of the training data, with and without the paper's modules.

Every run takes as many steps: with less data each face is seen more often. The parts are nested and the same for all
seeds (``samples.Samples.split``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from classmood.training.recipe import Recipe
from classmood.training.reproduction.ablation import SET_TITLES, describe_schedule, done, mean_and_deviation
from classmood.training.reproduction.markdown import table
from classmood.training.reproduction.picture import INK, saved_figure
from classmood.training.reproduction.runs import SETS, Run
from classmood.training.reproduction.variants import ALL, FRACTIONS, PLAIN, schedule_of, variant_of

# Without and with the paper's modules: vermilion and blue, dashed and solid, square and round.
_STYLES: Final = {PLAIN: ("#D55E00", "s", "--"), ALL: ("#0072B2", "o", "-")}
_DRAWN: Final = "private_test"


@dataclass(frozen=True, slots=True)
class FractionTable:
    """Finished runs of one schedule by fraction and network."""

    schedule: Recipe
    runs: dict[tuple[float, str], list[Run]]


def fraction_tables(runs: Iterable[Run]) -> list[FractionTable]:
    """The tables that can be made of runs, one a schedule that has a part of the data in it."""
    found: dict[Recipe, dict[tuple[float, str], list[Run]]] = {}
    for run in done(runs):
        variant = variant_of(run.recipe)
        if variant and variant.name in _STYLES:
            place = run.recipe.data.fraction, variant.name
            found.setdefault(schedule_of(run.recipe), {}).setdefault(place, []).append(run)
    tables = [
        FractionTable(schedule, dict(sorted(by_place.items())))
        for schedule, by_place in found.items()
        if any(fraction < 1 for fraction, _ in by_place)
    ]
    return sorted(tables, key=lambda one: -sum(map(len, one.runs.values())))


def describe(one: FractionTable) -> str:
    """The table as Markdown."""
    everything = [run for runs in one.runs.values() for run in runs]
    rows = [
        [
            f"{100 * fraction:g} %",
            name if name == PLAIN else "all modules",
            f"{runs[0].training_faces:,}",
            f"{len(runs)}",
            *(
                f"{mean_and_deviation(r.scores[s].accuracy for r in runs)} / "
                f"{mean_and_deviation(r.scores[s].macro_f1 for r in runs)}"
                for s in SETS
            ),
        ]
        for (fraction, name), runs in one.runs.items()
    ]
    missing = [f"{100 * f:g} % {name}" for f in FRACTIONS for name in _STYLES if (f, name) not in one.runs]
    return "\n".join(
        [
            describe_schedule(one.schedule, (r.machine for r in everything), (r.date for r in everything)),
            "A part of the data takes as many steps as the whole: its epochs are multiplied. Mean ± standard deviation "
            "over seeds, in percent: accuracy / macro F1.\n",
            table(["data", "network", "faces", "seeds", *(SET_TITLES[s] for s in SETS)], rows, left=2),
            *([f"Not run yet: {', '.join(missing)}.\n"] if missing else []),
        ]
    )


def draw_fractions(one: FractionTable, path: Path) -> None:
    """Draw accuracy and macro F1 on PrivateTest against the number of faces.

    Raises:
        OutputError: the file cannot be written, or its ending is unknown.
    """
    with saved_figure(path, (7.2, 3.0)) as canvas:
        panels = canvas.subplots(1, 2)
        for axes, (title, score) in zip(panels, (("accuracy", "accuracy"), ("macro F1", "macro_f1")), strict=True):
            for name, (colour, mark, dash) in _STYLES.items():
                mine = {runs[0].training_faces: runs for (_, network), runs in one.runs.items() if network == name}
                values = {n: [100 * getattr(r.scores[_DRAWN], score) for r in runs] for n, runs in mine.items()}
                for n, each in values.items():
                    axes.plot([n] * len(each), each, mark, color=colour, ms=3.5, alpha=0.5, mew=0)
                label = "plain ResNet-18" if name == PLAIN else "with the paper's modules"
                axes.plot(
                    list(values),
                    [np.mean(v) for v in values.values()],
                    dash,
                    color=colour,
                    marker=mark,
                    ms=5,
                    label=label,
                )
            axes.set_xscale("log")
            faces = sorted({runs[0].training_faces for runs in one.runs.values()})
            axes.set_xticks(faces, [f"{n:,}" for n in faces], minor=False)
            axes.set_xticks([], minor=True)
            axes.set_xlabel("training faces (logarithmic)")
            axes.set_ylabel("%")
            axes.set_title(f"{title}, FER+ PrivateTest", loc="left", color=INK)
            axes.grid(alpha=0.25)
        canvas.legend(*panels[0].get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=2)
