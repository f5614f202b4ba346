"""Weights of another run: a new head says what the old one said, and without SRM a face's gate is its mean."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from classmood.emotions import CLASSROOM_CLASSES, FERPLUS_CLASSES, FERPLUS_TO_CLASSROOM
from classmood.errors import RecipeError, TrainingError
from classmood.training import resnet, train
from classmood.training.export import Master, read_checkpoint
from classmood.training.recipe import Recipe
from classmood.training.resnet import EmotionNetwork, NetworkSettings
from classmood.training.samples import Samples
from classmood.training.transfer import starting_weights, without_srm


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resnet, "WIDTHS", (8, 8, 12, 16))


def master(seed: int = 0, **settings: object) -> Master:
    recipe = Recipe.model_validate({"network": {"sge_groups": 4, **settings}})
    torch.manual_seed(seed)
    network = EmotionNetwork(recipe.settings())
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "srm" in name:
                parameter.add_(0.5 * torch.randn_like(parameter))
        for _ in range(10):
            network.train()(torch.rand(32, 1, 48, 48))
    return Master(network.eval(), recipe)


def own(**settings: object) -> EmotionNetwork:
    return EmotionNetwork(NetworkSettings(**{"sge_groups": 4, "labels": "classroom", **settings}))  # type: ignore[arg-type]


def test_the_new_head_says_of_a_face_what_the_old_one_said() -> None:
    old, new = master(), own()
    new.load_state_dict(starting_weights(old, new, Path("m"), partly=False))
    faces = torch.rand(4, 1, 48, 48)
    with torch.no_grad():
        before, after = old.network(faces), new.eval()(faces)
    for k, name in enumerate(CLASSROOM_CLASSES):
        meant = [i for i, other in enumerate(FERPLUS_CLASSES) if FERPLUS_TO_CLASSROOM[other] == name]
        expected = before[:, meant or list(range(8))].mean(1)
        torch.testing.assert_close(after[:, k], expected, rtol=0, atol=1e-4)


def test_another_network_is_refused_unless_it_may_be() -> None:
    narrower = own(fusion=(4,))
    with pytest.raises(RecipeError, match=r"mine\.pt holds another network"):
        starting_weights(master(), narrower, Path("mine.pt"), partly=False)
    taken = starting_weights(master(), narrower, Path("mine.pt"), partly=True)
    assert torch.equal(taken["layer1.0.bn1.weight"], master().network.state_dict()["layer1.0.bn1.weight"])
    assert taken["classifier.classes.weight"].shape == (9, 16)


def test_without_srm_each_channel_keeps_the_mean_of_its_gate() -> None:
    old = master(sge_groups=0)
    block = old.network.layer2[1]
    x = torch.randn(4000, 8, 6, 6)
    with torch.no_grad():
        # The norm of the gate has the statistics of these very maps.
        inside = block.bn2(block.conv2(block.relu(block.bn1(block.conv1(x)))))
        block.srm.norm.momentum = 1.0
        block.srm.norm.train()
        block.srm(inside)
        block.srm.norm.eval()
        gates = block.srm.gate(inside)
    weights = without_srm(dict(old.network.state_dict()))
    assert not [name for name in weights if ".srm." in name]
    share = weights["layer2.1.bn2.weight"] / old.network.state_dict()["layer2.1.bn2.weight"]
    assert gates.std(0).max() > 0.05
    np.testing.assert_allclose(share.numpy(), gates.mean(0).numpy(), atol=0.01)
    new = own(sge_groups=0, srm=False)
    new.load_state_dict(starting_weights(old, new, Path("m"), partly=True))


def faces(n: int, seed: int) -> Samples:
    """The class is the height of a bright bar, valence how bright it is; a third is unrated, arousal never was."""
    random = np.random.default_rng(seed)
    labels = random.choice([0, 1, 4, 8], n)
    images = random.integers(0, 60, (n, 48, 48)).astype(np.uint8)
    ratings = np.full((n, 3), np.nan, np.float32)
    ratings[:, 0] = random.uniform(-0.8, 0.8, n)
    for image, label, valence in zip(images, labels, ratings[:, 0], strict=True):
        image[5 * label : 5 * label + 6] += np.uint8(110 + 70 * valence)
    targets = np.eye(9, dtype=np.float32)[labels]
    targets[::7] = 0
    ratings[::3] = np.nan
    ratings[:, 2] = ratings[:, 0] / 2
    names = tuple(f"face{seed}-{i}" for i in range(n))
    return Samples(images, targets, names, names, ratings)


def test_a_run_on_own_data_learns_classes_and_dimensions_and_nothing_that_is_not_there(tmp_path: Path) -> None:
    recipe = Recipe.model_validate(
        {
            "network": {"sge_groups": 4, "labels": "classroom"},
            "data": {"source": "crops"},
            "augment": {"flip": False, "rotation_degrees": 0, "scale": 0, "shear": 0, "shift": 0, "mixup": 0.1,
                        "brightness": 0, "gamma": 0, "contrast": 0, "erase_probability": 0},
            "schedule": {"epochs": 10, "batch_size": 16, "learning_rate": 0.05, "warmup_epochs": 0.5,
                         "ema_decay": 0.9},
        }
    )  # fmt: skip
    training, held = faces(160, 1), faces(60, 2)
    checkpoint = train.train(recipe, training, held, tmp_path / "run")
    network = read_checkpoint(checkpoint).network
    assert network.classifier.learned.tolist() == [name in (0, 1, 4, 8) for name in range(9)]  # type: ignore[union-attr]
    rows = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    first, last = json.loads(rows[0]), json.loads(rows[-1])
    assert last["held_accuracy"] > 0.8
    assert last["held_ccc_valence"] > max(0.5, first["held_ccc_valence"])
    assert "held_ccc_arousal" not in last
    # A killed run goes on to the same numbers.
    train.train(recipe, training, held, tmp_path / "twice", stop_after=6)
    train.train(recipe, training, held, tmp_path / "twice")
    again = json.loads((tmp_path / "twice" / "metrics.jsonl").read_text().splitlines()[-1])
    assert {k: v for k, v in again.items() if k != "wall_s"} == {k: v for k, v in last.items() if k != "wall_s"}


def test_one_class_is_too_few(tmp_path: Path) -> None:
    recipe = Recipe.model_validate({"network": {"sge_groups": 4, "labels": "classroom"}, "data": {"source": "crops"}})
    one = faces(20, 3)
    one.targets[:, 1:] = 0
    with pytest.raises(TrainingError, match="two or more classes to train on, got 1"):
        train.train(recipe, one, one, tmp_path)
