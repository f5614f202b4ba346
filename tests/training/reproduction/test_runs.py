"""Rows of runs: resumable at any point, found by their recipe, repeated to the digit."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from classmood.errors import InputError, OutputError, RecipeError
from classmood.training import resnet
from classmood.training.export import read_checkpoint
from classmood.training.recipe import Recipe
from classmood.training.reproduction import runs
from classmood.training.reproduction.cost import count_cost
from classmood.training.reproduction.runs import (
    HELD,
    Faces,
    Run,
    append_run,
    finish_plan,
    forget_runs,
    is_current,
    key,
    load_faces,
    read_runs,
)
from classmood.training.train import train


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(resnet, "WIDTHS", (8, 8, 12, 16))
    count_cost.cache_clear()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    count_cost.cache_clear()


def recipe(**schedule: object) -> Recipe:
    return Recipe.model_validate(
        {
            "network": {"sge_groups": 0, "lip_order": "", "srm": False, "fusion": [4]},
            "data": {"holdout": 0.2},
            "schedule": {"epochs": 2, "batch_size": 16, "learning_rate": 0.05, "warmup_epochs": 0.5, **schedule},
        }
    )


@pytest.fixture(scope="module")
def faces(drawn_ferplus: Path) -> Faces:
    return load_faces(recipe(), drawn_ferplus)


def without_time(run: Run) -> Run:
    return replace(run, wall_s=0.0)


def test_a_run_becomes_a_row_with_all_its_scores(faces: Faces, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    finish_plan([recipe()], faces, path, tmp_path / "work")
    (line,) = path.read_text().splitlines()
    row = json.loads(line)
    assert row["key"] == key(recipe())
    assert Recipe.model_validate(row["recipe"]) == recipe()
    (run,) = read_runs(path).values()
    assert list(run.scores) == [HELD, "public_test", "private_test"]
    assert run.scores["public_test"].faces == run.scores["private_test"].faces == 40
    assert run.training_faces + run.scores[HELD].faces == 96
    assert (run.parameters, run.gmac) == count_cost(recipe().network)
    assert run.wall_s > 0
    # What is left is the row: no checkpoint.
    assert list((tmp_path / "work").iterdir()) == []


def test_the_scores_are_those_of_the_averaged_weights(faces: Faces, tmp_path: Path) -> None:
    finish_plan([recipe()], faces, tmp_path / "runs.jsonl", tmp_path / "work")
    (run,) = read_runs(tmp_path / "runs.jsonl").values()
    training, held = faces.training.split(0.2)
    network = read_checkpoint(train(recipe(), training, held, tmp_path / "again")).network
    crops, labels = faces.tests["private_test"]
    with torch.no_grad():
        logits = network(resnet.normalise(torch.from_numpy(crops).float().div(255).unsqueeze(1)))
    right = (logits.argmax(1).numpy() == labels).mean()
    assert run.scores["private_test"].accuracy == pytest.approx(right, abs=1e-6)


def test_what_is_stored_is_not_run_again(faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, started = tmp_path / "runs.jsonl", []
    one_run = runs.one_run
    monkeypatch.setattr(
        runs, "one_run", lambda r, *rest, **more: (started.append(r.schedule.seed), one_run(r, *rest, **more))[1]
    )
    plan = [recipe(epochs=1, seed=seed) for seed in (1, 2)]
    finish_plan(plan[:1], faces, path, tmp_path / "work")
    finish_plan([*plan, plan[1]], faces, path, tmp_path / "work")
    finish_plan(plan, faces, path, tmp_path / "work")
    assert started == [1, 2]
    forget_runs(path, plan[:1])
    assert list(read_runs(path)) == plan[1:]
    finish_plan(plan, faces, path, tmp_path / "work")
    assert started == [1, 2, 1]
    # Another network under the same recipe: the code has changed, and the row is worth nothing.
    monkeypatch.setattr(resnet, "WIDTHS", (8, 8, 12, 20))
    count_cost.cache_clear()
    assert not any(is_current(run) for run in read_runs(path).values())
    finish_plan(plan[:1], faces, path, tmp_path / "work")
    assert started == [1, 2, 1, 1]


def test_rows_that_are_kept_are_never_gone_for_a_moment(
    faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "runs.jsonl"
    plan = [recipe(seed=seed, epochs=1) for seed in (1, 2, 3)]
    finish_plan(plan, faces, path, tmp_path / "work")
    whole, written = path.read_bytes(), []

    def stopped(where: Path, run: Run) -> None:
        assert path.read_bytes() == whole
        if written:
            raise KeyboardInterrupt
        append_run(where, run)
        written.append(run)

    monkeypatch.setattr(runs, "append_run", stopped)
    with pytest.raises(KeyboardInterrupt):
        forget_runs(path, plan[:1])
    assert path.read_bytes() == whole
    monkeypatch.setattr(runs, "append_run", append_run)
    forget_runs(path, plan[:1])
    assert list(read_runs(path)) == plan[1:]
    forget_runs(path, plan)
    assert read_runs(path) == {}


def test_rows_of_several_processes_are_those_of_one(
    faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes to another process and comes back is pickled, and comes back in any order."""

    def elsewhere(work: Any, tasks: list[Recipe], shared: Faces, *, jobs: int, begins: Any) -> Iterator[Any]:
        assert jobs == 2
        for task in reversed(tasks):
            begins(task)
            there, its_task, its_faces = pickle.loads(pickle.dumps((work, task, shared)))
            yield task, pickle.loads(pickle.dumps(there(its_task, its_faces)))

    plan, said = [recipe(epochs=1, seed=seed) for seed in (1, 2)], []
    finish_plan(plan, faces, tmp_path / "one.jsonl", tmp_path / "one")
    with monkeypatch.context() as patch:
        patch.setattr(runs, "side_by_side", elsewhere)
        finish_plan(plan, faces, tmp_path / "two.jsonl", tmp_path / "two", jobs=2, progress=said.append)
    one, two = (read_runs(tmp_path / f"{name}.jsonl") for name in ("one", "two"))
    assert list(two) == plan[::-1]
    assert {r: without_time(run) for r, run in two.items()} == {r: without_time(run) for r, run in one.items()}
    assert not list((tmp_path / "two").iterdir())
    assert [line.split(":")[0] for line in said[1:]] == ["run 2 of 2", "run 2", "run 1 of 2", "run 1"]


def test_a_run_stopped_in_its_midst_goes_on_to_the_same_row(
    faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish_plan([recipe()], faces, tmp_path / "unbroken.jsonl", tmp_path / "a")

    def stopped(*arguments: object) -> None:
        train(*arguments, stop_after=1)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runs, "train", stopped)
        with pytest.raises(KeyboardInterrupt):
            finish_plan([recipe()], faces, tmp_path / "broken.jsonl", tmp_path / "b")
    assert read_runs(tmp_path / "broken.jsonl") == {}
    assert (tmp_path / "b" / key(recipe()) / "checkpoint.pt").is_file()
    finish_plan([recipe()], faces, tmp_path / "broken.jsonl", tmp_path / "b")
    (broken,), (unbroken,) = (read_runs(tmp_path / f"{n}.jsonl").values() for n in ("broken", "unbroken"))
    assert without_time(broken) == without_time(unbroken)


def test_a_row_cut_short_by_a_kill_is_left_out_and_written_anew(faces: Faces, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    plan = [recipe(epochs=1, seed=seed) for seed in (1, 2)]
    finish_plan(plan, faces, path, tmp_path / "work")
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    assert list(read_runs(path)) == plan[:1]
    finish_plan(plan, faces, path, tmp_path / "work")
    a, b = read_runs(path).values()
    assert (a.recipe, b.recipe) == tuple(plan)
    assert len(path.read_bytes().splitlines()) == 2


def test_a_run_that_cannot_go_on_is_a_row_that_says_why(faces: Faces, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    plan = [recipe(learning_rate=1e30, warmup_epochs=0.0), recipe(epochs=1)]
    finish_plan(plan, faces, path, tmp_path / "work")
    bad, good = read_runs(path).values()
    assert "the loss is" in bad.failure
    assert bad.scores == {}
    assert good.failure == ""


def test_keys_tell_recipes_apart() -> None:
    recipes = [recipe(), recipe(seed=1), recipe(epochs=3), recipe(precision="bfloat16")]
    assert len({key(one) for one in recipes}) == 4
    assert key(recipe()) == key(recipe())


def test_a_row_written_before_a_setting_existed_is_still_found(faces: Faces, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    finish_plan([recipe(epochs=1)], faces, path, tmp_path / "work")
    row = json.loads(path.read_text())
    del row["recipe"]["schedule"]["gradient_clip"]
    path.write_text(json.dumps(row) + "\n")
    assert list(read_runs(path)) == [recipe(epochs=1)]


@pytest.mark.parametrize("line", ["nonsense", "{}", '{"recipe": {"colour": 1}, "scores": {}, "key": ""}', "[]"])
def test_a_line_that_is_no_run_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(InputError, match=r"runs\.jsonl: line 1: expected a run .*; remove the line"):
        read_runs(path)


def test_what_cannot_be_done_is_said(
    faces: Faces, drawn_ferplus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"public_test\.parquet: not found"):
        load_faces(recipe(), tmp_path)
    (tmp_path / "file").touch()
    run = Run(recipe(), {}, "", 1, 1, 1.0, 1.0, "", "")
    with pytest.raises(OutputError, match="cannot be written"):
        append_run(tmp_path / "file" / "runs.jsonl", run)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RecipeError, match="start classmood reproduce without torchrun"):
        finish_plan([recipe()], faces, tmp_path / "runs.jsonl", tmp_path)


def test_faces_to_score_on_are_labelled_by_most_votes(faces: Faces) -> None:
    crops, labels = faces.tests["public_test"]
    bars = crops.mean(2).reshape(40, 8, 6).mean(2).argmax(1)
    assert np.array_equal(bars, labels)
