"""One recipe, several seeds: what the exported int8 files score, seed by seed, with mean and deviation.

    python benchmarks/seeds.py recipes/ferplus-longer.toml --seeds 3 --jobs 3 --out runs/longer
    python benchmarks/seeds.py recipes/ferplus-distilled.toml --out runs/taught --teacher runs/longer/2/checkpoint.pt

Seeds count from the recipe's own. They are trained side by side, each in a process of its own: on a machine of many
cores, or on one GPU, which so small a network leaves idle. A run that was stopped goes on where it was. ``--teacher``,
once or several times, puts other teachers into the recipe's ``[distill]``.

Scored are the very files that would ship: int8, arg-max labels, no average over views. The held-out fold is the one to
choose by; FER+'s test splits are there to be reported (``--held-only`` leaves them unread).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from classmood.classifier import Classifier
from classmood.emotions import FERPLUS_CLASSES
from classmood.errors import ClassmoodError
from classmood.scores import score
from classmood.training.datasets import load_training
from classmood.training.export import export_file
from classmood.training.recipe import Recipe, read_recipe
from classmood.training.reproduction.ablation import mean_and_deviation
from classmood.training.reproduction.machine import describe_machine
from classmood.training.reproduction.runs import HELD, SETS, Faces, load_faces
from classmood.training.reproduction.workers import side_by_side
from classmood.training.train import train

TITLES: Final = {HELD: "held-out fold", "public_test": "PublicTest", "private_test": "PrivateTest"}


@dataclass(frozen=True)
class Seed:
    """What came of one seed: accuracy and macro F1 by set, and the epochs' time."""

    seed: int
    accuracy: dict[str, float]
    macro_f1: dict[str, float]
    wall_s: float
    machine: str


def plan(recipe: Recipe, seeds: int, teachers: Sequence[str] = ()) -> list[Recipe]:
    """The recipe with each of its seeds, and with other teachers where some are named."""
    first = recipe.schedule.seed
    distill = recipe.distill.model_copy(update={"teacher": tuple(teachers)}) if teachers else recipe.distill
    schedules = [recipe.schedule.model_copy(update={"seed": first + more}) for more in range(seeds)]
    return [recipe.model_copy(update={"distill": distill, "schedule": schedule}) for schedule in schedules]


def run_seed(recipe: Recipe, faces: Faces, *, data: Path, out: Path) -> Seed:
    """Train, export and score one seed; its files lie in a folder of its number."""
    folder = out / str(recipe.schedule.seed)
    training, held = faces.training.split(recipe.data.holdout, fraction=recipe.data.fraction)
    checkpoint = train(recipe, training, held, folder)
    master, file = folder / "emotion-resnet18-master.safetensors", folder / "emotion-resnet18-int8.onnx"
    export_file(checkpoint, master, data, precision="int8")
    export_file(master, file, data, precision="int8")
    classifier = Classifier(file, threads=1)
    accuracy, macro_f1 = {}, {}
    for name, (crops, truth) in {HELD: (held.images, held.targets.argmax(1)), **faces.tests}.items():
        said = np.concatenate([classifier.logits(crops[i : i + 64]).argmax(1) for i in range(0, len(crops), 64)])
        found = score(truth, said, np.ones(len(truth)), FERPLUS_CLASSES)
        accuracy[name], macro_f1[name] = found.accuracy, found.macro_f1
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return Seed(recipe.schedule.seed, accuracy, macro_f1, sum(float(row["wall_s"]) for row in rows), describe_machine())


def markdown(name: str, seeds: Sequence[Seed]) -> str:
    """A row a seed, and mean and deviation over them."""
    sets = [one for one in SETS if one in seeds[0].accuracy]
    cells = [f"{TITLES[one]}, % (macro F1)" for one in sets]
    lines = [
        f"## {name}",
        "",
        f"| seed | {' | '.join(cells)} | epochs' time, s |",
        f"|--:|{'--:|' * len(sets)}--:|",
    ]
    for one in sorted(seeds, key=lambda each: each.seed):
        scores = [f"{100 * one.accuracy[each]:.2f} ({one.macro_f1[each]:.3f})" for each in sets]
        lines.append(f"| {one.seed} | {' | '.join(scores)} | {one.wall_s:.0f} |")
    if len(seeds) > 1:
        means = [mean_and_deviation(one.accuracy[each] for one in seeds) for each in sets]
        lines.append(f"| mean ± deviation | {' | '.join(means)} | |")
    lines += ["", "int8, arg-max labels. " + "; ".join(sorted({one.machine for one in seeds})) + ".", ""]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/ferplus"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="seeds at a time")
    parser.add_argument("--teacher", action="append", default=[], help="in place of the recipe's; may be repeated")
    parser.add_argument("--held-only", action="store_true", help="leave the test splits unread")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    if given.seeds < 1:
        parser.error(f"--seeds: expected 1 or more, got {given.seeds}")
    recipes = plan(read_recipe(given.recipe), given.seeds, given.teacher)
    source = recipes[0].data.source
    faces = Faces(load_training(source, given.data), {}) if given.held_only else load_faces(recipes[0], given.data)
    work = partial(run_seed, data=given.data, out=given.out)
    found: list[Seed] = []
    for _, seed in side_by_side(work, recipes, faces, jobs=given.jobs):
        found.append(seed)
        text = markdown(given.recipe.stem, found)
        (given.out / "seeds.json").write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n", "utf-8")
        (given.out / "seeds.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    try:
        main()
    except ClassmoodError as error:
        sys.exit(str(error))
