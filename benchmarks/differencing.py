"""A differencing attack on the releases of the live classroom, and what the protection costs.

    python benchmarks/differencing.py --classes 1000 --json out/differencing.json --markdown out/differencing.md

Each class is simulated with the real ``ClassReleases``: 45 minutes, a release every 10 seconds. The attacker sees every
release, knows when everybody joined and left (and so who counts when), knows the exact states of k - 2 students all the
time, knows how students behave on the whole, and guesses what one more student showed at one moment. The score is
balanced accuracy: 0.5 is guessing.

The attack compares two likelihoods of all releases at once: that the student showed the expression at that moment, and
that not. Under each, the student's whole course has a mean and a covariance (a two-state chain seen from that moment,
mixed over the paces a student may have, going on as a phantom after they left), the other unknown students have theirs,
and so has the noise, whose law is public. What is known is subtracted. The attacker is given the noised counts
*before* they are moved, hidden and rounded ("counts"), which is more than anybody gets, and in a second run what is
released ("released"). Nudges have noise of their own (``ReleaseSettings.for_nudges``): what they tell is learnt, a
logistic regression on which came when around the moment, alone ("nudges") and with the log-likelihood ratio of the
releases beside it ("released and nudges"); each class is judged by what was learnt from the others.

Worlds, the first four from easy to see to natural:

- ``even``: a student is wholly neutral or wholly joyful, half of the time each; ``rare``: joyful 15% of the time;
- ``presses``: as even, and every press of confusion and pace goes with it: all tell the same;
- ``nine``: nine expressions, undecided readings;
- ``steadfast``: as even, but the student never changes for the whole lesson, and the attacker knows that.

Situations, a third each: ``steady`` (nobody moves), ``batch`` (five join together and leave together, the student and
the known ones among them; the moment is near the join), ``leaver`` (the student leaves alone; the moment is then).

Two more worlds are beyond what releases are made to withstand, and run only when they are named: in ``devices``
everybody but the student is the attacker, who besides lets five more devices come and go as often as batches may follow
one another, since each batch draws new noise; ``devices, steadfast`` is the same against a student who never changes.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from attacked_lesson import WORLDS, Lesson, World, readings, simulate
from classmood.emotions import CLASSROOM_CLASSES
from classmood.server.noise import SPECTRUM
from classmood.server.nudges import KINDS
from classmood.server.release import CELLS, PRESSES, ReleaseSettings

SIZES = ((5, 7), (8, 14), (15, 30))
SEES = ("counts", "released", "nudges", "released and nudges")
# Borders, in seconds after the moment in question, of when a nudge may come.
AROUND_S = (-300.0, -60.0, -10.0, 10.0, 30.0, 60.0, 120.0)


def odds(world: World, lesson: Lesson, settings: ReleaseSettings, sees: str) -> float:
    """Log-likelihood ratio that the student showed the expression at the moment in question; above 0 says yes."""
    direction, others_variance, seen = _projection(world, settings)
    y = (lesson.released[sees] - lesson.known_part) @ direction
    neutral_offset = seen[0]
    y = (y - lesson.counted[[0, *lesson.unknown]].sum(0) * neutral_offset) / (seen[1] - seen[0])
    scale = (seen[1] - seen[0]) ** 2
    wide = np.array([settings.widening(int(n)) for n in lesson.counted.sum(0)])
    noise_variance = settings.noise_students**2 * np.sum(direction[: len(CELLS)] ** 2)
    noise_variance += settings.press_noise_students**2 * np.sum(direction[len(CELLS) :] ** 2)
    apart = np.abs(lesson.time_s[:, None] - lesson.time_s[None])
    together = lesson.segment[:, None] == lesson.segment[None]
    wandering = sum(w * _kept(apart, tau) for tau, w in SPECTRUM)
    wandering = wandering + settings.phantom_noise**2 * _phantom_offsets(lesson, settings)
    nuisance = noise_variance / scale * np.outer(wide, wide) * together * wandering
    if sees == "released":
        nuisance = nuisance + np.eye(len(y)) * (settings.share_step * lesson.size) ** 2 / 12
    nuisance = nuisance + 1e-6 * np.eye(len(y))
    staying = sum(_kept(apart, pace) for pace in world.paces_s) / len(world.paces_s)
    unknown = lesson.counted[lesson.unknown].astype(float)
    scatter = np.eye(len(y)) * others_variance / scale
    nuisance = nuisance + (world.share * (1 - world.share) * staying + scatter) * (unknown.T @ unknown)
    rest = y - world.share * unknown.sum(0)
    score = [_log_likelihood(world, settings, rest, nuisance, lesson, state) for state in (0, 1)]
    return score[1] - score[0]


def _phantom_offsets(lesson: Lesson, settings: ReleaseSettings) -> np.ndarray:
    """Expected covariance of what phantoms add, in units of the noise's: each from when its seat turned on."""
    time_s, total = lesson.time_s, np.zeros((len(lesson.time_s),) * 2)
    for counted, left_s in zip(lesson.counted, lesson.left_s, strict=True):
        since_s = np.where(counted, np.maximum(time_s - left_s, 0.0), 0.0)
        turned = 1 - np.exp(-since_s / settings.phantom_s)
        total += np.minimum(turned[:, None], turned[None])
    return total


def _projection(world: World, settings: ReleaseSettings) -> tuple[np.ndarray, float, tuple[float, float]]:
    """The direction in which the two states differ, weighed by the noise; reading scatter; what each state adds."""
    means = np.zeros((2, len(CELLS) + len(PRESSES)))
    scatter = np.zeros(len(CELLS) + len(PRESSES))
    rng = np.random.default_rng(0)
    for state in (0, 1):
        # Short paces, so that the spells of one state are many.
        sample = readings(rng, world, np.full(4000, state)) if not world.soft else _mixed(rng, world, state)
        means[state, : len(CLASSROOM_CLASSES)] = sample.mean(0)
        scatter[: len(CLASSROOM_CLASSES)] += sample.var(0) / 2
    if world.presses:
        means[1, [len(CELLS) + PRESSES.index("confused"), len(CELLS) + PRESSES.index("faster")]] = 1
    variance = np.full(len(scatter), max(settings.noise_students, 0.1) ** 2)
    variance[len(CELLS) :] = max(settings.press_noise_students, 0.1) ** 2
    direction = (means[1] - means[0]) / (variance + scatter)
    direction /= np.linalg.norm(direction)
    return direction, float(direction**2 @ scatter), (float(direction @ means[0]), float(direction @ means[1]))


def _mixed(rng: np.random.Generator, world: World, state: int) -> np.ndarray:
    alternating = np.tile([state, 1 - state], 4000)
    return readings(rng, world, alternating)[::2]


def _kept(apart: np.ndarray, tau_s: float) -> np.ndarray:
    """Correlation after a time."""
    if tau_s == 0:
        return (apart == 0).astype(float)
    return np.exp(-np.nan_to_num(apart) / tau_s)


def _log_likelihood(
    world: World, settings: ReleaseSettings, y: np.ndarray, nuisance: np.ndarray, lesson: Lesson, state: int
) -> float:
    """Of all releases, if the student was in that state at the moment in question; mixed over paces."""
    p, left_s = world.share, lesson.left_s[0]
    present = lesson.counted[0]
    after_query = lesson.time_s > lesson.query_s
    logs = []
    for pace in world.paces_s:
        # A chain's own time, in relaxation times; after the student left, a phantom's pace goes on from their state.
        own = np.minimum(lesson.time_s, left_s) / pace + np.maximum(lesson.time_s - left_s, 0) / settings.phantom_s
        query = min(lesson.query_s, left_s) / pace + max(lesson.query_s - left_s, 0) / settings.phantom_s
        kept = np.exp(-np.abs(own - query))
        chance = np.where(present, p + (state - p) * kept, 0.0)
        # Of two instants on one side, the nearer decides the farther; across the moment they are independent given it.
        nearer = kept[:, None] >= kept[None]
        near, far = np.where(nearer, chance[:, None], chance[None]), np.where(nearer, chance[None], chance[:, None])
        joint = near * (p + (1 - p) * np.exp(-np.abs(own[:, None] - own[None])))
        across = (after_query[:, None] != after_query[None]) | ~(present[:, None] & present[None])
        factor = cho_factor(nuisance + np.where(across, 0.0, joint - near * far), lower=True)
        rest = y - chance
        logs.append(-0.5 * rest @ cho_solve(factor, rest) - np.log(np.diag(factor[0])).sum())
    return float(np.logaddexp.reduce(logs))


@dataclass
class Outcome:
    """Balanced accuracy of one attack, with its 95% interval (normal, the two rates are independent)."""

    world: str
    protection: str
    sees: str
    size: str
    situation: str
    classes: int
    balanced_accuracy: float
    half_width: float


@dataclass
class Cost:
    """Root mean square error of what is released against the mean over everybody present."""

    world: str
    protection: str
    size: str
    valence: float
    share: float
    releases: int


PROTECTIONS = {
    "default": ReleaseSettings(),
    "no noise": ReleaseSettings(noise_students=0, press_noise_students=0),
}


def attack(
    world: World,
    settings: ReleaseSettings,
    classes: int,
    seed: int,
    sizes: tuple[tuple[int, int], ...] = SIZES,
    workers: int = 1,
) -> tuple[list[tuple[Lesson, dict[str, int]]], float]:
    """Simulate classes and attack each; the lessons with the guesses, and the seconds it took."""
    started = time.perf_counter()
    rng = np.random.default_rng(seed)
    drawn = [int(rng.integers(low, high + 1)) for low, high in (sizes[i % len(sizes)] for i in range(classes))]
    situations = [world.situations[(i // len(sizes)) % len(world.situations)] for i in range(classes)]
    work = partial(_attack_one, world, settings)
    seeds = [seed * 1_000_003 + i for i in range(classes)]
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            attacked = list(pool.map(work, drawn, situations, seeds, chunksize=8))
    else:
        attacked = list(map(work, drawn, situations, seeds))
    lessons = [lesson for lesson, _ in attacked]
    found = {sees: np.array([one[sees] for _, one in attacked]) for sees in SEES[:2]}
    around = np.array([nudges_around(lesson) for lesson in lessons])
    truth = np.array([lesson.truth for lesson in lessons])
    found["nudges"] = learnt(around, truth)
    found["released and nudges"] = learnt(np.column_stack([np.clip(found["released"], -6, 6), around]), truth)
    said = [{sees: int(values[i] > 0) for sees, values in found.items()} for i in range(classes)]
    return list(zip(lessons, said, strict=True)), time.perf_counter() - started


def _attack_one(
    world: World, settings: ReleaseSettings, size: int, situation: str, seed: int
) -> tuple[Lesson, dict[str, float]]:
    lesson = simulate(world, size, situation, settings, seed)
    found = {sees: odds(world, lesson, settings, sees) for sees in lesson.released}
    lesson.released, lesson.counted = {}, np.empty(0)
    return lesson, found


def nudges_around(lesson: Lesson) -> np.ndarray:
    """How many nudges of each sort came in each of ``AROUND_S`` from the moment in question, and whether any did."""
    sorts = [("joy",), ("confusion", "wants faster")]
    sorts.append(tuple(kind.name for kind in KINDS if kind.name not in {name for sort in sorts for name in sort}))
    counts = [
        [
            sum(kind in sort and low <= time_s - lesson.query_s < high for time_s, kind in lesson.nudges)
            for low, high in pairwise(AROUND_S)
        ]
        for sort in sorts
    ]
    return np.append(np.ravel(counts), float(bool(lesson.nudges)))


def learnt(seen: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Log-odds for each class by a regression on the others, in ten parts; both states weigh the same."""
    model = LogisticRegression(C=0.3, class_weight="balanced", max_iter=1000)
    parts = StratifiedKFold(10, shuffle=True, random_state=0)
    return cross_val_predict(model, seen, truth, cv=parts, method="decision_function")


def balanced(pairs: list[tuple[int, int]]) -> tuple[float, float]:
    """Balanced accuracy of (truth, guess) pairs and half its 95% interval."""
    rates, variance = [], 0.0
    for state in (0, 1):
        right = np.array([truth == said for truth, said in pairs if truth == state])
        rates.append(right.mean())
        variance += right.mean() * (1 - right.mean()) / len(right) / 4
    return float(np.mean(rates)), 1.96 * math.sqrt(variance)


def outcomes(world: World, protection: str, done: list[tuple[Lesson, dict[str, int]]]) -> list[Outcome]:
    """Scores over all classes, by size and by situation."""
    groups = {("all", "all"): done}
    for low, high in SIZES:
        groups[f"{low}-{high}", "all"] = [d for d in done if low <= d[0].size <= high]
    for situation in world.situations:
        groups["all", situation] = [d for d in done if d[0].situation == situation]
    result = []
    for (size, situation), part in groups.items():
        for sees in SEES:
            score, half = balanced([(lesson.truth, said[sees]) for lesson, said in part])
            result.append(
                Outcome(world.name, protection, sees, size, situation, len(part), round(score, 4), round(half, 4))
            )
    return result


def costs(world: World, protection: str, done: list[tuple[Lesson, dict[str, int]]]) -> list[Cost]:
    """Errors by size of the class."""
    result = []
    for low, high in SIZES:
        part = [lesson for lesson, _ in done if low <= lesson.size <= high]
        valence = np.concatenate([lesson.errors["valence"] for lesson in part])
        share = np.concatenate([lesson.errors["share"] for lesson in part])
        rms = [round(float(np.sqrt(np.mean(v**2))), 4) for v in (valence, share)]
        result.append(Cost(world.name, protection, f"{low}-{high}", rms[0], rms[1], len(valence)))
    return result


def markdown(scores: list[Outcome], prices: list[Cost]) -> str:
    """Two tables."""
    lines = ["| world | protection | attacker sees | class size | situation | classes | balanced accuracy |"]
    lines.append("|---|---|---|---|---|--:|--:|")
    for o in scores:
        lines.append(
            f"| {o.world} | {o.protection} | {o.sees} | {o.size} | {o.situation} | {o.classes} | "
            f"{o.balanced_accuracy:.3f} ± {o.half_width:.3f} |"
        )
    lines += ["", "| world | protection | class size | error of valence | error of a share | releases |"]
    lines.append("|---|---|---|--:|--:|--:|")
    for c in prices:
        lines.append(f"| {c.world} | {c.protection} | {c.size} | {c.valence:.3f} | {c.share:.3f} | {c.releases} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Attack every world; 1 if a world's balanced accuracy is above 0.60 with noise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=2027)
    parser.add_argument(
        "--worlds", nargs="+", default=[name for name in WORLDS if "devices" not in name], choices=list(WORLDS)
    )
    parser.add_argument("--protections", nargs="+", default=list(PROTECTIONS), choices=list(PROTECTIONS))
    parser.add_argument("--noise", type=float, nargs=2, metavar=("STUDENTS", "PRESSES"), help="instead of the default")
    parser.add_argument("--batch-gap-growth", type=float, metavar="TIMES", help="of each gap to the one before")
    parser.add_argument("--batch-gap", type=float, metavar="SECONDS", help="least time between batches; the default's")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    chosen = parser.parse_args(arguments)
    protections = {name: PROTECTIONS[name] for name in chosen.protections}
    if chosen.noise:
        settings = ReleaseSettings(noise_students=chosen.noise[0], press_noise_students=chosen.noise[1])
        protections = {f"noise {chosen.noise[0]:g} and {chosen.noise[1]:g}": settings}
    gaps = {"batch_gap_s": chosen.batch_gap, "batch_gap_growth": chosen.batch_gap_growth}
    if given := {name: value for name, value in gaps.items() if value is not None}:
        said = ", ".join(f"{name} {value:g}" for name, value in given.items())
        protections = {f"{name}, {said}": one.model_copy(update=given) for name, one in protections.items()}
    scores: list[Outcome] = []
    prices: list[Cost] = []
    for protection, settings in protections.items():
        for name in chosen.worlds:
            done, wall_s = attack(WORLDS[name], settings, chosen.classes, chosen.seed, workers=chosen.workers)
            scores += outcomes(WORLDS[name], protection, done)
            prices += costs(WORLDS[name], protection, done)
            overall = [
                o for o in scores if (o.world, o.protection, o.size, o.situation) == (name, protection, "all", "all")
            ]
            said = ", ".join(f"{o.sees} {o.balanced_accuracy:.3f} ± {o.half_width:.3f}" for o in overall)
            print(f"{name}, {protection}: {said} ({len(done)} classes, {wall_s:.0f} s)", flush=True)
    for path, text in (
        (
            chosen.json,
            json.dumps({"scores": [asdict(o) for o in scores], "costs": [asdict(c) for c in prices]}, indent=1),
        ),
        (chosen.markdown, markdown(scores, prices)),
    ):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
    scores = [o for o in scores if "devices" not in o.world]
    judged = [o for o in scores if o.protection != "no noise" and o.size == o.situation == "all"]
    return int(any(o.balanced_accuracy > 0.60 for o in judged))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
