"""Training runs as rows of a file: one JSON object a run, appended when it is done.

Each row holds its full recipe, which is what it is found by; its key is a hash of it. Nothing is kept in memory alone:
a run that is stopped goes on from its checkpoint, and one whose row is there is not repeated.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
from pydantic import ValidationError

from classmood.emotions import FERPLUS_CLASSES
from classmood.errors import InputError, OutputError, RecipeError, TrainingError
from classmood.scores import score
from classmood.training.datasets import load_training
from classmood.training.export import read_checkpoint
from classmood.training.recipe import Recipe
from classmood.training.reproduction.cost import count_cost
from classmood.training.reproduction.machine import describe_machine
from classmood.training.reproduction.predictions import SPLITS, load_sets
from classmood.training.reproduction.workers import side_by_side
from classmood.training.samples import Samples
from classmood.training.train import predict, train

FILE: Final = "runs.jsonl"
HELD: Final = "held_out"
SETS: Final = (HELD, *SPLITS.values())


@dataclass(frozen=True, slots=True)
class FoldScores:
    """Scores of one run on one set of faces, by arg-max."""

    faces: int
    accuracy: float
    macro_f1: float
    weighted_f1: float


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run.

    Attributes:
        recipe: all of it.
        scores: on each of ``SETS``, of the averaged weights in float32.
        failure: why there are no scores; empty where there are.
        training_faces: how many it learned from.
        parameters, gmac: of its network; a row whose network has become another is not used.
        wall_s: time of its epochs.
        machine, date: where and when.
    """

    recipe: Recipe
    scores: dict[str, FoldScores]
    failure: str
    training_faces: int
    parameters: int
    gmac: float
    wall_s: float
    machine: str
    date: str


@dataclass(frozen=True, slots=True)
class Faces:
    """What runs learn from, and what they are scored on besides the held-out fold."""

    training: Samples
    tests: dict[str, tuple[np.ndarray, np.ndarray]]


def key(recipe: Recipe) -> str:
    """A short name of a recipe, for its row and its folder."""
    return hashlib.sha256(recipe.model_dump_json().encode()).hexdigest()[:12]


def load_faces(schedule: Recipe, data: Path) -> Faces:
    """The training data of a schedule, and FER+'s test splits, which are used to report and for nothing else.

    Raises:
        InputError: the data is not there.
    """
    tests = {one.split: (one.crops, one.labels) for one in load_sets(data)}
    return Faces(load_training(schedule.data.source, data), tests)


def read_runs(path: Path) -> dict[Recipe, Run]:
    """Stored runs by their recipe; none where there is no file. A line that a kill cut short is left out.

    Raises:
        InputError: a line is no run; its number is given.
    """
    lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else [""]
    found = {}
    # What follows the last line end is empty, or was cut short.
    for number, line in enumerate(lines[:-1], start=1):
        try:
            row = json.loads(line)
            recipe = Recipe.model_validate(row.pop("recipe"))
            scores = {name: FoldScores(**values) for name, values in row.pop("scores").items()}
            del row["key"]
            run = Run(recipe=recipe, scores=scores, **row)
        except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"{path}: line {number}: expected a run as classmood reproduce writes it ({reason}); remove the line"
            ) from error
        found[recipe] = run
    return found


def append_run(path: Path, run: Run) -> None:
    """Add a row, after whatever a kill cut short was cut off.

    Raises:
        OutputError: the file cannot be written.
    """
    row = {"key": key(run.recipe), **asdict(run), "recipe": run.recipe.model_dump(mode="json")}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            file.seek(0)
            whole = file.read().rfind(b"\n") + 1
            file.truncate(whole)
            file.write(json.dumps(row).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error


def forget_runs(path: Path, recipes: Iterable[Recipe]) -> None:
    """Take rows out of the file, so that they are made anew."""
    forgotten = set(recipes)
    kept = [run for recipe, run in read_runs(path).items() if recipe not in forgotten]
    if not path.is_file():
        return
    # Each row is hours of work: the old file stays until the new one is whole.
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    for run in kept:
        append_run(beside, run)
    beside.touch()
    beside.replace(path)


def is_current(run: Run) -> bool:
    """Whether the code still makes the network that the run trained."""
    parameters, gmac = count_cost(run.recipe.network)
    return parameters == run.parameters and abs(gmac - run.gmac) < 1e-6


def finish_plan(
    plan: Iterable[Recipe],
    faces: Faces,
    path: Path,
    work: Path,
    *,
    jobs: int = 1,
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Do the runs of a plan that have no row yet.

    Args:
        plan: recipes.
        faces: to learn from and to score on.
        path: the rows' file.
        work: a folder for checkpoints; each is removed when its row is written.
        jobs: runs at a time.
        progress: called with what begins and what came out.

    Raises:
        RecipeError: under torchrun; rows are made one process a run.
        OutputError: a file cannot be written.
        TrainingError: one of several processes died.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RecipeError("expected one process, got several; start classmood reproduce without torchrun, with --jobs")
    recipes = list(dict.fromkeys(plan))
    stored = read_runs(path)
    todo = [recipe for recipe in recipes if recipe not in stored or not is_current(stored[recipe])]
    progress(f"{len(recipes) - len(todo)} of {len(recipes)} runs are stored")
    numbers = {recipe: number for number, recipe in enumerate(todo, start=1)}

    def begins(recipe: Recipe) -> None:
        progress(f"run {numbers[recipe]} of {len(todo)}: {key(recipe)}")

    for recipe, run in side_by_side(partial(one_run, work=work), todo, faces, jobs=jobs, begins=begins):
        append_run(path, run)
        shutil.rmtree(work / key(recipe), ignore_errors=True)
        scores = ", ".join(f"{name} {100 * s.accuracy:.1f} %" for name, s in run.scores.items())
        progress(f"run {numbers[recipe]}: {run.failure or scores}")


def one_run(recipe: Recipe, faces: Faces, work: Path) -> Run:
    """Train one recipe, or carry on with it, and score it; a run that cannot go on is a row that says so."""
    training, held = faces.training.split(recipe.data.holdout, fraction=recipe.data.fraction)
    folder = work / key(recipe)
    scores, failure = {}, ""
    try:
        checkpoint = train(recipe, training, held, folder)
        network = read_checkpoint(checkpoint).network
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = network.to(device)
        for name, (crops, labels) in {HELD: (held.images, held.targets.argmax(1)), **faces.tests}.items():
            scores[name] = _score(labels, predict(network, crops, device).argmax(1).numpy())
    except TrainingError as error:
        failure = str(error)
    parameters, gmac = count_cost(recipe.network)
    return Run(
        recipe,
        scores,
        failure,
        len(training),
        parameters,
        gmac,
        _wall_s(folder / "metrics.jsonl"),
        describe_machine(),
        datetime.now(UTC).strftime("%Y-%m-%d"),
    )


def _score(labels: np.ndarray, said: np.ndarray) -> FoldScores:
    found = score(labels, said, np.ones(len(labels)), FERPLUS_CLASSES)
    return FoldScores(found.n, round(found.accuracy, 6), round(found.macro_f1, 6), round(found.weighted_f1, 6))


def _wall_s(metrics: Path) -> float:
    lines = metrics.read_text(encoding="utf-8").splitlines() if metrics.is_file() else []
    return round(sum(float(json.loads(line)["wall_s"]) for line in lines), 1)
