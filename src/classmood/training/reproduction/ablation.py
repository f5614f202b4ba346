"""The ablation's table: what each module costs and brings.

Two comparisons: one module added to the plain network, and one taken out of the whole one (or its fusion changed). A
difference is told from what another seed would give by Dunnett's test (Dunnett 1955, doi:10.2307/2281208), which
compares many networks with one and pools their spread over seeds. It is taken on the held-out fold, which is there to
choose by; the test splits are beside it to report. The faces are the same for all runs: that other faces might rank the
networks otherwise is not in these intervals.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from classmood.training.recipe import Recipe
from classmood.training.reproduction.comparison import Interval
from classmood.training.reproduction.cost import BATCH, Costs, count_cost
from classmood.training.reproduction.markdown import csv_text, p_value, percent, points_interval, table
from classmood.training.reproduction.predictions import SPLIT_TITLES
from classmood.training.reproduction.runs import HELD, SETS, Run
from classmood.training.reproduction.variants import (
    ADDED,
    ALL,
    CHANGED,
    PLAIN,
    VARIANTS,
    Variant,
    schedule_of,
    variant_of,
)

SET_TITLES = {HELD: "held out", **{split: title.removeprefix("FER+ ") for split, title in SPLIT_TITLES.items()}}


@dataclass(frozen=True, slots=True)
class Ablation:
    """All runs of one schedule on all data, by variant, in the table's order."""

    schedule: Recipe
    runs: dict[Variant, list[Run]]

    def named(self, name: str) -> list[Run]:
        """The finished runs of a variant."""
        return next((done(runs) for variant, runs in self.runs.items() if variant.name == name), [])


@dataclass(frozen=True, slots=True)
class Difference:
    """A network less the one that it is compared with, on the held-out fold, in accuracy."""

    name: str
    against: str
    margin: Interval
    p_value: float


def done(runs: Iterable[Run]) -> list[Run]:
    """The runs that came to scores."""
    return [run for run in runs if not run.failure]


def ablations(runs: Iterable[Run]) -> list[Ablation]:
    """The tables that can be made of runs, one a schedule; that with most runs first."""
    found: dict[Recipe, dict[Variant, list[Run]]] = {}
    for run in runs:
        variant = variant_of(run.recipe)
        if variant is not None and run.recipe.data.fraction == 1:
            found.setdefault(schedule_of(run.recipe), {}).setdefault(variant, []).append(run)
    tables = [
        Ablation(schedule, {v: sorted(by_variant[v], key=_seed) for v in VARIANTS if v in by_variant})
        for schedule, by_variant in found.items()
    ]
    return sorted(tables, key=lambda one: -sum(map(len, one.runs.values())))


def _seed(run: Run) -> int:
    return run.recipe.schedule.seed


def differences(ablation: Ablation) -> list[Difference]:
    """Dunnett's comparisons; none where a network has fewer than two seeds."""
    found = []
    for part, against in ((ADDED, PLAIN), (CHANGED, ALL)):
        control = ablation.named(against)
        others = [v.name for v in ablation.runs if v.part == part and v.name != against]
        others = [name for name in others if len(ablation.named(name)) > 1]
        if len(control) < 2 or not others:
            continue
        samples = [_accuracies(ablation.named(name)) for name in others]
        # Its distribution is integrated by sampling: the seed makes tables repeat.
        test = stats.dunnett(*samples, control=_accuracies(control), rng=np.random.default_rng(0))
        limits = test.confidence_interval()
        for place, name in enumerate(others):
            margin = float(samples[place].mean() - _accuracies(control).mean())
            interval = Interval(margin, float(limits.low[place]), float(limits.high[place]))
            found.append(Difference(name, against, interval, float(test.pvalue[place])))
    return found


def _accuracies(runs: list[Run]) -> np.ndarray:
    return np.array([run.scores[HELD].accuracy for run in runs])


def describe_schedule(schedule: Recipe, machines: Iterable[str], dates: Iterable[str]) -> str:
    """What all rows of a table share, in words."""
    s, days = schedule.schedule, sorted(set(dates))
    power = 1 - schedule.network.contrast_exponent
    evened = "" if power == 1 else f", contrast to the power {power:g} before it"
    shrunk = f", the first {s.small_epochs} on crops of {s.small_side_px} px" if s.small_epochs else ""
    return (
        f"Schedule, the same for all: {s.epochs} epochs{shrunk}, batches of {s.batch_size}, rate {s.learning_rate:g} "
        f"after a warm-up of {s.warmup_epochs:g} epoch{'s' if s.warmup_epochs != 1 else ''}, averaged weights (decay "
        f"{s.ema_decay:g}), {s.precision}; stem {schedule.network.stem}{evened}; "
        f"{percent(schedule.data.holdout)} % of the training data held out. "
        f"{'; '.join(sorted(set(machines)))}; {days[0]}" + (f" to {days[-1]}" if days[1:] else "") + ".\n"
    )


def mean_and_deviation(values: Iterable[float]) -> str:
    """``82.8 ± 0.3`` in percent; no deviation for a single run."""
    shares = np.array(list(values))
    return f"{percent(shares.mean())} ± {100 * shares.std(ddof=1):.1f}" if len(shares) > 1 else percent(shares.mean())


def describe(ablation: Ablation, costs: Costs | None) -> str:
    """The table as Markdown."""
    everything = [run for runs in ablation.runs.values() for run in runs]
    parts = [
        describe_schedule(ablation.schedule, (r.machine for r in everything), (r.date for r in everything)),
        "Mean ± standard deviation over seeds, in percent: accuracy / macro F1, by arg-max. "
        + (
            f"ms a face: ONNX Runtime, batches of {BATCH}, {costs.threads} thread(s), {costs.machine}, {costs.date}; "
            "in brackets how many times the plain network's.\n"
            if costs
            else "Milliseconds a face: not measured yet.\n"
        ),
        table(
            [
                *("network", "seeds", "parameters, millions", "GMAC", "ms, int8", "ms, float32"),
                *(SET_TITLES[name] for name in SETS),
            ],
            [_cells(variant, runs, costs) for variant, runs in ablation.runs.items()],
        ),
    ]
    failures = [
        f"{v.name}, seed {_seed(r)}: {r.failure}" for v, runs in ablation.runs.items() for r in runs if r.failure
    ]
    if failures:
        parts.append("Failed: " + "; ".join(failures) + ".\n")
    if found := differences(ablation):
        parts += [
            "Difference in held-out accuracy, points, with Dunnett's simultaneous 95 % intervals over seeds:\n",
            table(
                ["network", "against", "difference", "p", "it"],
                [[d.name, d.against, points_interval(d.margin), p_value(d.p_value), _verdict(d)] for d in found],
                left=2,
            ),
        ]
    else:
        parts.append("Differences are not tested: that takes two seeds of each network.\n")
    if missing := [variant.name for variant in VARIANTS if variant not in ablation.runs]:
        parts.append(f"Not run yet: {', '.join(missing)}.\n")
    return "\n".join(parts)


def _verdict(difference: Difference) -> str:
    if difference.margin.low > 0:
        return "helps"
    return "harms" if difference.margin.high < 0 else "cannot be told from another seed"


def _cells(variant: Variant, runs: list[Run], costs: Costs | None) -> list[str]:
    network, finished = runs[0].recipe.network, done(runs)
    parameters, gmac = count_cost(network)
    cost = costs.of(network) if costs else None
    cells = [variant.name, f"{len(finished)}", f"{parameters / 1e6:.2f}", f"{gmac:.3f}"]
    cells += [f"{cost.ms[p]:.2f} ({cost.ratio[p]:.2f})" if cost else "" for p in ("int8", "float32")]
    for name in SETS:
        scores = [run.scores[name] for run in finished]
        accuracy = mean_and_deviation(s.accuracy for s in scores) if scores else ""
        cells.append(f"{accuracy} / {mean_and_deviation(s.macro_f1 for s in scores)}" if scores else "failed")
    return cells


def as_csv(runs: Iterable[Run]) -> str:
    """A row a run and set."""
    header = ["network", "seed", "fraction", "training_faces", "set", "faces", "accuracy", "macro_f1", "weighted_f1"]
    lines: list[list[object]] = []
    for run in done(runs):
        variant = variant_of(run.recipe)
        for name, s in run.scores.items():
            what: list[object] = [variant.name if variant else "", _seed(run), run.recipe.data.fraction]
            lines.append([*what, run.training_faces, name, s.faces, s.accuracy, s.macro_f1, s.weighted_f1])
    return csv_text(header, lines)
