"""Does the learning-effect fit find a truth that is known? Simulated studies; nothing here was measured on people.

    nice python benchmarks/learning_recovery.py --out docs/figures/learning-recovery.json
    nice python benchmarks/learning_recovery.py --inverted-u --studies 60 --out docs/figures/inverted-u.json

For each of 100 studies of 60 participants and eight scenarios: how often each true parameter lies inside its own 95 %
interval, how wide the intervals are, how far off the estimates. Beside the study as it is meant to be run: without a
second rating, with fewer participants, with a truth that presses against the ends of the scales, and with ratings that
err more or not at all. With ``--inverted-u``: how often the rule claims a hill over arousal where there is one, where
the effect only rises, and where the hill is so wide that it hardly shows, and which of its three parts agree. What is
assumed of people is in ``classmood.learning.simulation``.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from classmood.learning.feelings import feelings
from classmood.learning.intervals import bootstrap, fit_point, percentiles
from classmood.learning.shape import two_lines
from classmood.learning.simulation import TRUTH, Noise, simulate_study
from classmood.learning.study import fit_study, ratings_of
from classmood.learning.surface import PARAMETERS, Surface, default_surface
from classmood.machine import machine

NOISE = Noise()


@dataclass(frozen=True)
class Condition:
    """What differs from the study as it is meant to be run."""

    name: str
    people: int = 60
    truth: Surface = TRUTH
    noise: Noise = NOISE
    twice: bool = True


CONDITIONS = (
    Condition("60 participants, rated twice"),
    Condition("60 participants, rated once (no correction)", twice=False),
    Condition("30 participants, rated twice", people=30),
    Condition("20 participants, rated twice", people=20),
    Condition("truth at the ends of the scale (L0 = 0, L1 = 1)", truth=default_surface()),
    Condition("ratings err by 1.5 points", noise=replace(NOISE, rating=1.5)),
    Condition("scales used in ways of one's own, by 1 point", noise=replace(NOISE, scale_use=1.0)),
    Condition("no error of rating beyond rounding", noise=replace(NOISE, rating=0.0, scale_use=0.0)),
)


# What is there to claim: the truth; its rise alone, the top beyond the scale; and a hill wider than the scale.
HILLS = (
    Condition("a hill over arousal"),
    Condition("only rises with arousal", truth=replace(TRUTH, values=(0.2, 0.8, 1.2, 0.45, 8.0, 0.4))),
    Condition(
        "a hill so wide (sA = 1) that it hardly shows", truth=replace(TRUTH, values=(0.2, 0.8, 0.5, 1.0, 8.0, 0.4))
    ),
)


def claims(condition: Condition, studies: int, rounds: int, first_seed: int) -> dict[str, object]:
    """In how many studies an inverted U is claimed, and in how many each part of the rule agrees."""
    claimed = bends = turns = lines = 0
    for seed in range(first_seed, first_seed + studies):
        found = fit_study(simulate_study(condition.people, seed=seed, truth=condition.truth), rounds=rounds, seed=seed)
        claimed += found.inverted_u
        bends += found.quadratic["A^2"].high < 0
        turns += all(found.arousal_inside[0] < place < found.arousal_inside[1] for place in found.vertices)
        lines += found.lines.inverted
    return {
        "condition": condition.name,
        "people": condition.people,
        "truth": dict(zip(PARAMETERS["logistic"], condition.truth.values, strict=True)),
        "studies": studies,
        "claimed": claimed,
        "quadratic_bends": bends,
        "vertex_inside": turns,
        "two_lines_agree": lines,
    }


def describe_claims(row: dict) -> str:
    """One condition's claims as a line of Markdown."""
    counts = [str(row[name]) for name in ("claimed", "quadratic_bends", "vertex_inside", "two_lines_agree")]
    return "| " + " | ".join([row["condition"], *counts]) + " |"


def recover(condition: Condition, studies: int, rounds: int, first_seed: int) -> dict[str, object]:
    """One condition's coverage, widths and biases."""
    truth = np.array(condition.truth.values)
    held, widths, estimates, at_bound, inverted, errors = [], [], [], [], [], []
    for seed in range(first_seed, first_seed + studies):
        reports = simulate_study(
            condition.people, seed=seed, truth=condition.truth, noise=condition.noise, twice=condition.twice
        )
        ratings = ratings_of(reports)
        error = None if condition.twice else np.zeros(2)
        point = fit_point("logistic", ratings, error=error)
        draws = bootstrap(point, ratings, rounds=rounds, seed=seed, error=error)
        low, high = percentiles(draws.values, ratings.people)
        held.append((low <= truth) & (truth <= high))
        widths.append(high - low)
        estimates.append(point.fit.values[0])
        at_bound.append(draws.at_bound.mean(0))
        inverted.append(two_lines(ratings).inverted)
        errors.append(np.sqrt(feelings(ratings, np.ones((1, ratings.people)), error=error).error[0]) * 8)
    names = PARAMETERS["logistic"]

    def by_name(values: np.ndarray, digits: int = 4) -> dict[str, float]:
        return {name: round(float(v), digits) for name, v in zip(names, values, strict=True)}

    return {
        "condition": condition.name,
        "people": condition.people,
        "noise_points": asdict(condition.noise),
        "truth": by_name(truth),
        "studies": studies,
        "held": {name: int(v) for name, v in zip(names, np.sum(held, 0), strict=True)},
        "median_width": by_name(np.median(widths, 0)),
        "median_estimate": by_name(np.median(estimates, 0)),
        "share_at_bound": by_name(np.mean(at_bound, 0)),
        "two_lines_say_inverted": int(np.sum(inverted)),
        "median_rating_error_points": [round(float(v), 3) for v in np.median(errors, 0)],
    }


def describe(row: dict) -> str:
    """One condition as a line of Markdown."""
    names = PARAMETERS["logistic"]
    cells = [f"{row['held'][n]} ({row['median_estimate'][n]:.2f}; {row['median_width'][n]:.2f})" for n in names]
    return "| " + " | ".join([row["condition"], *cells, str(row["two_lines_say_inverted"])]) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=999, help="drawn samples a study, for the first condition")
    parser.add_argument("--others", type=int, default=199, help="drawn samples a study, for the other conditions")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only-first", action="store_true")
    parser.add_argument("--inverted-u", action="store_true", help="count claims of an inverted U instead")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    if options.inverted_u:
        print(f"of {options.studies}: claimed, the quadratic bends, its vertex lies inside, two lines agree")
        for condition in HILLS:
            rows.append(claims(condition, options.studies, options.others, options.seed))
            rows[-1]["rounds"] = options.others
            print(describe_claims(rows[-1]), flush=True)
        _write(rows, options.seed, options.out)
        return
    print("held of the studies (median estimate; median width), and how often the two lines rise and fall")
    for place, condition in enumerate(CONDITIONS[:1] if options.only_first else CONDITIONS):
        began = time.perf_counter()
        row = recover(condition, options.studies, options.rounds if place == 0 else options.others, options.seed)
        row["rounds"] = options.rounds if place == 0 else options.others
        row["seconds"] = round(time.perf_counter() - began)
        rows.append(row)
        print(describe(row), flush=True)
    _write(rows, options.seed, options.out)


def _write(rows: list[dict[str, object]], seed: int, out: Path | None) -> None:
    if out:
        content = {"machine": machine(1), "seed": seed, "conditions": rows}
        out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
