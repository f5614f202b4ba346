"""What is drawn is what the modules compute, where it lies on the face, and it follows the network."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.emotions import FERPLUS_CLASSES
from classmood.errors import InputError, ModelError, OutputError
from classmood.faces import Faces
from classmood.training import resnet
from classmood.training.explain import (
    Explanation,
    draw_explanation,
    explain_photo,
    heaviest_first,
    kept_shares,
    look,
    most_selective,
    stride_px,
)
from classmood.training.export import Master, write_master
from classmood.training.lip import LocalImportancePool
from classmood.training.recipe import Recipe
from classmood.training.resnet import EmotionNetwork, NetworkSettings


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of few channels."""
    monkeypatch.setattr(resnet, "WIDTHS", (16, 16, 32, 32))


def a_master(**settings: object) -> Master:
    torch.manual_seed(0)
    network = EmotionNetwork(replace(NetworkSettings(stem="deep", sge_groups=8), **settings)).eval()
    return Master(network, Recipe())


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 1000))
def test_what_is_kept_is_what_each_place_adds_to_the_pooled_map(f: int, q: int, seed: int) -> None:
    torch.manual_seed(seed)
    pool = LocalImportancePool(3)
    torch.nn.init.normal_(pool.norm.weight)
    en = torch.rand(1, 3, f, q)
    logits = pool.logits(en).detach()
    from classmood.training.lip import local_importance_pool

    # The sum of the pooled map is linear in the features once the importance is fixed: its gradient is the share.
    features = en.clone().requires_grad_()
    local_importance_pool(features, logits).sum().backward()
    weighted = features.grad
    plain = en.clone().requires_grad_()
    local_importance_pool(plain, torch.zeros_like(logits)).sum().backward()
    assert weighted is not None
    assert plain.grad is not None
    assert torch.allclose(kept_shares(pool, en), weighted / plain.grad, atol=1e-4)


def test_a_fresh_pool_keeps_all_alike() -> None:
    assert torch.allclose(kept_shares(LocalImportancePool(4), torch.rand(1, 4, 6, 5)), torch.ones(1, 4, 6, 5))


def test_every_module_is_noted_in_its_stage(small: None, crop: np.ndarray) -> None:
    found = look(a_master(), crop)
    assert [len(stage.kept) for stage in found.stages] == [1, 0, 1, 1, 1]
    assert [len(stage.gates) for stage in found.stages] == [0, 2, 2, 2, 2]
    assert [len(stage.weights) for stage in found.stages] == [0, 2, 2, 2, 2]
    assert [stage.gates[-1].shape for stage in found.stages[1:]] == [(8, 12, 12), (8, 6, 6), (8, 3, 3), (8, 2, 2)]
    assert [stage.weights[-1].shape for stage in found.stages[1:]] == [(16,), (16,), (32,), (32,)]
    # SGE's gate starts at sigmoid(1), SRM's at one half, LIP as averaging.
    assert np.allclose(found.stages[1].gates[0], 0.7311, atol=1e-4)
    assert np.allclose(found.stages[4].weights[0], 0.5, atol=1e-4)
    assert np.allclose(found.stages[2].kept[0], 1, atol=1e-4)


@pytest.mark.parametrize(
    ("fusion", "gates"),
    [({"sge_at": "taps"}, [0, 0, 1, 1, 1]), ({"fusion_form": "lateral"}, [0, 2, 3, 2, 2])],
    ids=["taps", "lateral"],
)
def test_attention_within_the_fusion_is_noted_at_the_layer_it_looks_at(
    small: None, crop: np.ndarray, fusion: dict[str, object], gates: list[int]
) -> None:
    stages = look(a_master(**fusion), crop).stages
    assert [len(stage.gates) for stage in stages] == gates
    sides = [{gate.shape for gate in stage.gates} for stage in stages]
    assert sides[2] == {(8, 6, 6)}


def test_the_gates_are_those_of_the_run(small: None, crop: np.ndarray) -> None:
    master = a_master()
    block = master.network.layer3[1]
    torch.nn.init.normal_(block.sge.alpha)
    seen: dict[str, torch.Tensor] = {}
    block.sge.register_forward_hook(lambda _m, inputs, output: seen.update(before=inputs[0], after=output))
    gate = look(master, crop).stages[3].gates[1]
    shares = (seen["after"] / seen["before"])[0].reshape(8, -1, 3, 3)
    # Where a feature is nearly 0 its ratio says nothing; the median over the group's channels does.
    assert np.allclose(shares.nanmedian(1).values.numpy(), gate, atol=1e-3)
    assert gate.std() > 0.01


def test_the_ranking_is_the_network_s_and_nothing_stays_hooked(small: None, crop: np.ndarray) -> None:
    master = a_master()
    with torch.no_grad():
        master.network.classifier.bias.copy_(torch.arange(8.0) * 100)
    found = look(master, crop)
    assert found.ranking == FERPLUS_CLASSES[::-1]
    assert not any(module._forward_pre_hooks for module in master.network.modules())


@pytest.mark.parametrize(
    ("settings", "counts"),
    [
        ({"lip_order": ""}, ([0, 0, 0, 0, 0], [0, 2, 2, 2, 2], [0, 2, 2, 2, 2])),
        ({"lip_order": "A"}, ([1, 0, 2, 2, 2], [0, 2, 2, 2, 2], [0, 2, 2, 2, 2])),
        ({"sge_groups": 0}, ([1, 0, 1, 1, 1], [0] * 5, [0, 2, 2, 2, 2])),
        ({"srm": False, "stem": "half"}, ([1, 0, 1, 1, 1], [0, 2, 2, 2, 2], [0] * 5)),
    ],
    ids=str,
)
def test_the_picture_follows_the_settings(
    small: None, settings: dict[str, object], counts: tuple[list[int], ...], crop: np.ndarray, tmp_path: Path
) -> None:
    found = look(a_master(**settings), crop)
    noted = [[len(getattr(stage, part)) for stage in found.stages] for part in ("kept", "gates", "weights")]
    assert noted == list(counts)
    text = drawn(found, tmp_path)
    assert text.count("channels, heaviest first") == sum(n > 0 for n in counts[2])
    assert text.count("of 8") == sum(n > 0 for n in counts[1])


def drawn(explanation: Explanation, folder: Path) -> str:
    draw_explanation(explanation, folder / "a.svg")
    return " ".join(re.findall(r"<!-- (.*?) -->", (folder / "a.svg").read_text(encoding="utf-8"), re.DOTALL))


@pytest.mark.parametrize(("places", "stride"), [(48, 1), (24, 2), (12, 4), (6, 8), (3, 16), (2, 32)])
def test_a_map_lies_where_its_places_look(places: int, stride: int) -> None:
    assert stride_px(places) == stride


class Finds:
    """A detector with two faces, the second larger; or none."""

    def __init__(self, *centres_px: tuple[float, float, float]) -> None:
        self.centres_px = centres_px

    def detect(self, image: np.ndarray) -> Faces:
        marks = np.array([[-0.25, -0.2], [0.25, -0.2], [0, 0], [-0.2, 0.25], [0.2, 0.25]])
        if not self.centres_px:
            return Faces.empty()
        boxes = [[x - side / 2, y - side / 2, side, side] for x, y, side in self.centres_px]
        landmarks = [np.array([x, y]) + side * marks for x, y, side in self.centres_px]
        n = len(boxes)
        return Faces(np.array(boxes, np.float32), np.ones(n, np.float32), np.array(landmarks, np.float32))

    def follow(self) -> Finds:
        return self


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A dark half and a light one."""
    image = np.full((200, 400, 3), 30, np.uint8)
    image[:, 200:] = 220
    cv2.imwrite(str(tmp_path / "photo.png"), image)
    return tmp_path / "photo.png"


@pytest.fixture
def weights(small: None, tmp_path: Path) -> Path:
    recipe = Recipe()
    torch.manual_seed(0)
    write_master(Master(EmotionNetwork(recipe.settings()).eval(), recipe), tmp_path / "own.safetensors")
    return tmp_path / "own.safetensors"


def test_the_largest_face_is_explained(photo: Path, weights: Path, tmp_path: Path) -> None:
    detector = Finds((100, 100, 40), (300, 100, 90))
    found = explain_photo(photo, tmp_path / "out.png", master=weights, detector=detector)
    assert found.crop.mean() > 200
    picture = cv2.imread(str(tmp_path / "out.png"))
    assert picture is not None
    assert picture.shape[0] > 1000


def test_bad_input_is_named(photo: Path, weights: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"photo\.png: no face was found"):
        explain_photo(photo, tmp_path / "out.png", master=weights, detector=Finds())
    with pytest.raises(InputError, match=r"none\.png"):
        explain_photo(tmp_path / "none.png", tmp_path / "out.png", master=weights)
    with pytest.raises(ModelError, match=r"none\.safetensors: the half-precision weights are not there"):
        explain_photo(photo, tmp_path / "out.png", master=tmp_path / "none.safetensors")
    with pytest.raises(ModelError, match="expected a master"):
        explain_photo(photo, tmp_path / "out.png", master=photo, detector=Finds((300, 100, 90)))
    with pytest.raises(OutputError, match="cannot be written"):
        explain_photo(photo, photo / "out.png", master=weights, detector=Finds((300, 100, 90)))
    with pytest.raises(OutputError, match="expected a name ending in"):
        explain_photo(photo, tmp_path / "out.txt", master=weights, detector=Finds((300, 100, 90)))


def test_the_most_selective_group_is_the_one_that_varies_most_not_the_brightest() -> None:
    gate = np.stack([np.full((3, 3), 0.99), np.linspace(0.1, 0.6, 9).reshape(3, 3), np.full((3, 3), 0.5)])
    group, chosen = most_selective(gate.astype(np.float32))
    assert group == 1
    np.testing.assert_array_equal(chosen, gate[1].astype(np.float32))


def test_channel_weights_are_drawn_heaviest_first() -> None:
    weights = np.array([0.2, 0.9, 0.5], np.float32)
    np.testing.assert_array_equal(heaviest_first(weights), np.array([0.9, 0.5, 0.2], np.float32))
