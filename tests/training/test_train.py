"""The training loop on a few synthetic faces: resuming to the digit, refusing, failing safely, two processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from classmood.crops import normalise as normalise_crops
from classmood.errors import ModelError, OutputError, RecipeError, TrainingError
from classmood.training import resnet, train
from classmood.training.export import read_checkpoint, write_master
from classmood.training.recipe import Recipe
from classmood.training.resnet import EmotionNetwork, normalise
from classmood.training.samples import Samples

# Four narrow layers in place of ResNet-18's, so that a run takes a second.
TINY_WIDTHS = (8, 8, 12, 16)


def tiny_recipe(**schedule: object) -> Recipe:
    # Small crops first, a change of sides between the epochs, and mixup: all that a resumed run has to repeat.
    return Recipe.model_validate(
        {
            "network": {"stem": "quarter", "sge_groups": 4, "dropout": 0.1},
            "augment": {"mixup": 0.2},
            "schedule": {
                "epochs": 3,
                "small_epochs": 1,
                "batch_size": 8,
                "warmup_epochs": 0.5,
                "learning_rate": 0.05,
                "seed": 5,
                **schedule,
            },
        }
    )


def faces(n: int, seed: int) -> Samples:
    """Crops that a tiny network can tell apart: the class is the height of a bright bar."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 8, n)
    images = random.integers(0, 80, (n, 48, 48)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[6 * label : 6 * label + 6] += 150
    targets = np.full((n, 8), 0.02, np.float32)
    targets[np.arange(n), labels] = 0.86
    names = tuple(f"face{seed}-{i}" for i in range(n))
    return Samples(images, targets, names, names)


TRAINING, HELD = faces(34, 1), faces(12, 2)
STEPS = 34 // 8


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resnet, "WIDTHS", TINY_WIDTHS)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As in the child processes: another number of threads adds in another order, which shows in the last digits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("unbroken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resnet, "WIDTHS", TINY_WIDTHS)
        train.train(tiny_recipe(), TRAINING, HELD, folder)
    return folder


def metrics(folder: Path) -> list[dict[str, float]]:
    """All rows of a run, less the time that each took."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    for row in rows:
        assert row.pop("wall_s") >= 0
    return rows


def weights(folder: Path, kind: str = "average") -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(folder / "checkpoint.pt", weights_only=True)[kind]
    return state


def assert_same_run(folder: Path, other: Path) -> None:
    assert metrics(folder) == metrics(other)
    for kind in ("network", "average"):
        a, b = weights(folder, kind), weights(other, kind)
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)


def in_another_process(code: str, *arguments: str, launcher: tuple[str, ...] = ()) -> list[str]:
    """A command that runs code with this file imported as ``test_train``."""
    script = Path(arguments[0]) / "script.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\nimport test_train\n{code}\n")
    return [sys.executable, *launcher, str(script), *arguments]


def environment() -> dict[str, str]:
    """This process's environment with its import path, and one thread a process."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}


def train_until_stuck(folder: Path) -> None:
    """In a child: train, and in the midst of the second epoch say so and wait for the end."""
    resnet.WIDTHS = TINY_WIDTHS
    step = train._Run._step
    done = 0

    def step_or_wait(run: object, *arguments: object) -> float:
        nonlocal done
        done += 1
        if done == STEPS + 3:
            (folder / "stuck").touch()
            time.sleep(600)
        return step(run, *arguments)  # type: ignore[arg-type]

    train._Run._step = step_or_wait  # type: ignore[method-assign, assignment]
    train.train(tiny_recipe(), TRAINING, HELD, folder)


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    for _ in range(2400):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("the child never came that far")


def test_a_run_killed_in_mid_epoch_resumes_to_the_same_result(tmp_path: Path, unbroken: Path) -> None:
    command = in_another_process("test_train.train_until_stuck(test_train.Path(sys.argv[1]))", str(tmp_path))
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        try:
            wait_for((tmp_path / "stuck").exists, child)
        finally:
            child.kill()
    assert len(metrics(tmp_path)) == 1
    train.train(tiny_recipe(), TRAINING, HELD, tmp_path)
    assert_same_run(tmp_path, unbroken)


def test_a_run_stopped_after_each_epoch_gives_the_same_result(tmp_path: Path, unbroken: Path) -> None:
    for epochs in (1, 2):
        path = train.train(tiny_recipe(), TRAINING, HELD, tmp_path, stop_after=epochs)
        assert path == tmp_path / "checkpoint.pt"
        assert [row["epoch"] for row in metrics(tmp_path)] == list(range(1, epochs + 1))
    train.train(tiny_recipe(), TRAINING, HELD, tmp_path)
    assert_same_run(tmp_path, unbroken)


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    train.train(tiny_recipe(epochs=1), TRAINING, HELD, tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    train.train(tiny_recipe(epochs=1), TRAINING, HELD, tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_metrics_tell_of_every_epoch(unbroken: Path) -> None:
    rows = metrics(unbroken)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert all(row.keys() == {"epoch", "loss", "held_accuracy", "held_loss"} for row in rows)
    network = EmotionNetwork(tiny_recipe().settings())
    network.load_state_dict(weights(unbroken))
    logits = train.predict(network, HELD.images, torch.device("cpu"))
    targets = torch.from_numpy(HELD.targets)
    assert rows[-1]["held_accuracy"] == pytest.approx(float((logits.argmax(1) == targets.argmax(1)).float().mean()))
    soft_loss = -(targets * logits.log_softmax(1)).sum(1).mean()
    assert rows[-1]["held_loss"] == pytest.approx(float(soft_loss), abs=2e-6)


def test_the_seed_decides_the_run(tmp_path: Path, unbroken: Path) -> None:
    train.train(tiny_recipe(seed=6), TRAINING, HELD, tmp_path)
    assert metrics(tmp_path)[0]["loss"] != metrics(unbroken)[0]["loss"]


def test_the_held_out_fold_changes_nothing_that_is_learned(tmp_path: Path, unbroken: Path) -> None:
    train.train(tiny_recipe(), TRAINING, HELD.take(np.array([], int)), tmp_path)
    assert all(row.keys() == {"epoch", "loss"} for row in metrics(tmp_path))
    a, b = weights(tmp_path), weights(unbroken)
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns(tmp_path: Path) -> None:
    calm = {"flip": False, "shift": 0, "scale": 0, "rotation_degrees": 0, "erase_probability": 0}
    schedule = {"epochs": 12, "batch_size": 16, "ema_decay": 0.5, "learning_rate": 0.1, "warmup_epochs": 1}
    recipe = Recipe.model_validate({"network": {"sge_groups": 4}, "augment": calm, "schedule": schedule})
    train.train(recipe, faces(96, 3), HELD, tmp_path)
    rows = metrics(tmp_path)
    assert rows[-1]["loss"] < 0.7 * rows[0]["loss"]
    assert rows[-1]["held_accuracy"] > 0.75


def test_a_warm_restart_takes_over_the_averaged_weights(tmp_path: Path, unbroken: Path) -> None:
    recipe = tiny_recipe(start_from=str(unbroken / "checkpoint.pt"), epochs=1, learning_rate=1e-12, warmup_epochs=0.0)
    train.train(recipe, TRAINING, HELD, tmp_path)
    before = weights(unbroken)
    for name, tensor in weights(tmp_path, "network").items():
        # The norms' running figures move on by themselves.
        if "running" not in name and "tracked" not in name:
            torch.testing.assert_close(tensor, before[name], rtol=0, atol=1e-6)


def test_a_warm_restart_takes_a_half_precision_master_too(tmp_path: Path, unbroken: Path) -> None:
    master = tmp_path / "master.safetensors"
    write_master(read_checkpoint(unbroken / "checkpoint.pt"), master)
    recipe = tiny_recipe(start_from=str(master), epochs=1, learning_rate=1e-12, warmup_epochs=0.0)
    train.train(recipe, TRAINING, HELD, tmp_path / "run")
    before = weights(unbroken)["classifier.weight"]
    torch.testing.assert_close(weights(tmp_path / "run", "network")["classifier.weight"], before, rtol=0, atol=1e-3)


def test_a_warm_restart_from_nothing_or_from_another_network_is_refused(tmp_path: Path, unbroken: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.pt: expected a checkpoint"):
        train.train(tiny_recipe(start_from=str(tmp_path / "nowhere.pt")), TRAINING, HELD, tmp_path / "a")
    recipe = tiny_recipe(start_from=str(unbroken / "checkpoint.pt"))
    other = recipe.model_copy(update={"network": recipe.network.model_copy(update={"srm": not recipe.network.srm})})
    with pytest.raises(RecipeError, match="another network"):
        train.train(other, TRAINING, HELD, tmp_path / "b")


def test_a_partial_warm_restart_takes_the_layers_that_fit(tmp_path: Path, unbroken: Path) -> None:
    recipe = tiny_recipe(
        start_from=str(unbroken / "checkpoint.pt"), start_partly=True, epochs=1, learning_rate=1e-12, warmup_epochs=0.0
    )
    other = recipe.model_copy(update={"network": recipe.network.model_copy(update={"fusion": (4,), "srm": False})})
    train.train(other, TRAINING, HELD, tmp_path / "run")
    before, after = weights(unbroken), weights(tmp_path / "run", "network")
    assert before["classifier.weight"].shape != after["classifier.weight"].shape
    torch.testing.assert_close(after["layer3.0.conv1.weight"], before["layer3.0.conv1.weight"], rtol=0, atol=1e-6)


def test_a_partial_warm_restart_from_a_network_that_shares_nothing_is_refused(
    tmp_path: Path, unbroken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = read_checkpoint(unbroken / "checkpoint.pt")
    renamed = {f"old.{name}": value for name, value in strange.network.state_dict().items()}
    monkeypatch.setattr(strange.network, "state_dict", lambda: renamed)
    monkeypatch.setattr(train, "read_weights", lambda _path: strange)
    recipe = tiny_recipe(start_from="strange.pt", start_partly=True)
    with pytest.raises(RecipeError, match=r"no layer of strange\.pt fits"):
        train.train(recipe, TRAINING, HELD, tmp_path)


def test_another_recipe_in_the_folder_is_refused(tmp_path: Path, unbroken: Path) -> None:
    before = (unbroken / "checkpoint.pt").read_bytes()
    with pytest.raises(RecipeError, match="belongs to another recipe"):
        train.train(tiny_recipe(learning_rate=0.06), TRAINING, HELD, unbroken)
    assert (unbroken / "checkpoint.pt").read_bytes() == before


def test_other_data_in_the_folder_is_refused(tmp_path: Path, unbroken: Path) -> None:
    # As many faces, of which two changed sides between training and the held-out fold.
    training, held = TRAINING.take(np.arange(1, 34)), HELD
    with pytest.raises(RecipeError, match="was trained on other data"):
        train.train(tiny_recipe(), training, held, unbroken)
    relabelled = replace(TRAINING, targets=TRAINING.targets[::-1].copy())
    for others in ((training, held), (relabelled, HELD), (HELD, TRAINING)):
        assert train.is_of_other_data(unbroken, *others)
    assert not train.is_of_other_data(unbroken, TRAINING, HELD)
    assert not train.is_of_other_data(tmp_path / "nothing there", TRAINING, HELD)


def test_a_checkpoint_of_before_data_were_noted_goes_on(tmp_path: Path) -> None:
    train.train(tiny_recipe(), TRAINING, HELD, tmp_path, stop_after=1)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    del state["data"]
    torch.save(state, tmp_path / "checkpoint.pt")
    train.train(tiny_recipe(), TRAINING, HELD, tmp_path)
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 3


def test_a_loss_that_explodes_names_the_step(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"epoch 1, step [2-4]: the loss is (nan|inf).*learning_rate"):
        train.train(tiny_recipe(learning_rate=1e30, warmup_epochs=0), TRAINING, HELD, tmp_path)


def test_after_a_loss_that_is_not_a_number_the_last_checkpoint_is_kept(
    tmp_path: Path, unbroken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train.train(tiny_recipe(), TRAINING, HELD, tmp_path, stop_after=1)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    # The data are the same, or the run would not be carried on with them.
    with monkeypatch.context() as patch:
        patch.setattr(train, "_targets", lambda samples, chosen: samples.targets[chosen] * np.float32(np.nan))
        with pytest.raises(TrainingError, match="epoch 2, step 1: the loss is nan"):
            train.train(tiny_recipe(), TRAINING, HELD, tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    train.train(tiny_recipe(), TRAINING, HELD, tmp_path)
    assert_same_run(tmp_path, unbroken)


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path: Path, unbroken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train.train(tiny_recipe(), TRAINING, HELD, tmp_path, stop_after=1)
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def half_a_save(_state: object, path: Path) -> None:
        path.write_bytes(before[: len(before) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", half_a_save)
        with pytest.raises(TrainingError, match="No space left on device"):
            train.train(tiny_recipe(), TRAINING, HELD, tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["checkpoint.pt", "metrics.jsonl"]
    train.train(tiny_recipe(), TRAINING, HELD, tmp_path)
    assert_same_run(tmp_path, unbroken)


def test_metrics_lost_between_checkpoint_and_kill_are_written_again(tmp_path: Path, unbroken: Path) -> None:
    train.train(tiny_recipe(), TRAINING, HELD, tmp_path, stop_after=2)
    (tmp_path / "metrics.jsonl").unlink()
    train.train(tiny_recipe(), TRAINING, HELD, tmp_path, stop_after=2)
    assert metrics(tmp_path) == metrics(unbroken)[:2]


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 half a file"])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(TrainingError, match=r"checkpoint\.pt: not a checkpoint \(.+\); remove it") as caught:
        train.train(tiny_recipe(), TRAINING, HELD, tmp_path)
    assert "\n" not in str(caught.value)


def test_too_few_samples_for_a_step_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"at least 2 samples .* got 1 and 8"):
        train.train(tiny_recipe(), faces(1, 0), HELD, tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        train.train(tiny_recipe(), TRAINING, HELD, tmp_path / "file" / "run")


def test_bfloat16_learns_too_and_differs(tmp_path: Path, unbroken: Path) -> None:
    train.train(tiny_recipe(precision="bfloat16"), TRAINING, HELD, tmp_path)
    rows = metrics(tmp_path)
    assert all(np.isfinite(list(row.values())).all() for row in rows)
    assert rows[0]["loss"] == pytest.approx(metrics(unbroken)[0]["loss"], rel=0.05)
    assert rows[0]["loss"] != metrics(unbroken)[0]["loss"]
    assert all(value.dtype != torch.bfloat16 for value in weights(tmp_path).values())


def train_as_a_worker(folder: Path) -> None:
    """In a torchrun child: train, then write this rank's own weights and what it saw."""
    resnet.WIDTHS = TINY_WIDTHS
    runs: list[train._Run] = []
    losses: list[float] = []

    class Observed(train._Run):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            runs.append(self)

        def _step(self, *arguments: object) -> float:
            losses.append(super()._step(*arguments))  # type: ignore[arg-type]
            return losses[-1]

    train._Run = Observed  # type: ignore[misc]
    calm = {"flip": False, "shift": 0, "scale": 0, "rotation_degrees": 0, "erase_probability": 0}
    schedule = {"epochs": 6, "batch_size": 16, "learning_rate": 0.1, "warmup_epochs": 1}
    recipe = Recipe.model_validate({"network": {"sge_groups": 4}, "augment": calm, "schedule": schedule})
    train.train(recipe, faces(96, 3), HELD, folder)
    run = runs[0]
    seen = {"parameters": dict(run.network.named_parameters()), "losses": losses}
    torch.save(seen, folder / f"rank{run.worker.rank}of{run.worker.size}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_under_torchrun_train_one_network(tmp_path: Path) -> None:
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    code = "test_train.train_as_a_worker(test_train.Path(sys.argv[1]))"
    command = in_another_process(code, str(tmp_path), launcher=launcher)
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    first, second = (torch.load(tmp_path / f"rank{i}of2.pt", weights_only=True) for i in (0, 1))
    # Each worker had its own samples, and yet both hold the same weights: gradients were averaged.
    assert len(first["losses"]) == len(second["losses"]) == 6 * 96 // 16
    assert first["losses"] != second["losses"]
    for name, value in first["parameters"].items():
        assert torch.equal(value, second["parameters"][name]), name
        assert torch.equal(value, weights(tmp_path, "network")[name]), name
    rows = metrics(tmp_path)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[-1]["loss"] < 0.9 * rows[0]["loss"]


def test_weight_decay_acts_on_convolutions_and_the_classifier_alone() -> None:
    network = EmotionNetwork(tiny_recipe().settings())
    decayed, free = train._decay_groups(network, 0.1)
    assert decayed["weight_decay"] == 0.1
    assert free["weight_decay"] == 0
    matrices = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)]
    assert {id(p) for p in decayed["params"]} == {id(module.weight) for module in matrices}  # type: ignore[attr-defined]
    everything = {id(p) for p in network.parameters()}
    assert {id(p) for p in free["params"]} == everything - {id(module.weight) for module in matrices}  # type: ignore[attr-defined]


def test_the_rate_rises_in_a_line_and_falls_in_a_cosine(tmp_path: Path) -> None:
    run = train._Run(tiny_recipe(epochs=10, warmup_epochs=2, learning_rate=0.5), train.Worker(0, 1), tmp_path)

    def rate(epoch: float) -> float:
        run._set_rate(epoch)
        (value,) = {float(group["lr"]) for group in run.optimizer.param_groups}
        return value

    assert 0 < rate(0.0) < rate(1.0) < rate(2.0) == pytest.approx(0.5)
    assert rate(1.0) - rate(0.0) == pytest.approx(rate(1.9) - rate(0.9))
    assert rate(6.0) == pytest.approx(0.25)
    assert rate(10.0) == pytest.approx(0, abs=1e-9)


def test_the_average_follows_slower_the_later_the_step() -> None:
    for step, share in ((0, 0.1), (8, 0.5), (10_000, 0.8)):
        average, current = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
        torch.nn.init.ones_(average.weight)
        torch.nn.init.zeros_(current.weight)
        train.follow(average, current, 0.8, step)
        assert average.weight.item() == pytest.approx(share)


def test_predictions_do_not_depend_on_the_batch() -> None:
    torch.manual_seed(0)
    network = EmotionNetwork(tiny_recipe().settings())
    whole = train.predict(network, HELD.images, torch.device("cpu"))
    parts = train.predict(network, HELD.images, torch.device("cpu"), batch=5)
    torch.testing.assert_close(whole, parts, rtol=0, atol=1e-5)


def test_the_teacher_of_a_recipe_is_asked(tmp_path: Path) -> None:
    recipe = tiny_recipe()
    teacher = train.train(recipe, TRAINING, HELD, tmp_path / "teacher", stop_after=1)
    lessons = {"teacher": str(teacher), "share": 1.0}
    taught = Recipe.model_validate({**recipe.model_dump(), "distill": lessons})
    train.train(taught, TRAINING, HELD, tmp_path / "taught", stop_after=1)
    first, second = (
        json.loads((tmp_path / name / "metrics.jsonl").read_text().splitlines()[0]) for name in ("teacher", "taught")
    )
    assert first["loss"] != second["loss"]


def test_training_normalises_crops_as_serving_does() -> None:
    images = torch.from_numpy(HELD.images).float().div(255).unsqueeze(1)
    np.testing.assert_allclose(normalise(images).numpy(), normalise_crops(HELD.images), rtol=0, atol=1e-5)
