"""Exported files compute what the trained network computes; masters and cards survive the way to disk and back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from crop_sets import make_set, write_set
from safetensors.torch import load_file
from torch import nn

from classmood.classifier import Classifier
from classmood.crops import normalise
from classmood.emotions import CLASSROOM_CLASSES, FERPLUS_CLASSES
from classmood.errors import ChecksumError, InputError, ModelError, OutputError, TrainingError
from classmood.models.weights import EmotionCard, read_card, sha256
from classmood.training import resnet
from classmood.training.calibrate import Calibration, calibrate
from classmood.training.datasets import load_training
from classmood.training.export import (
    Master,
    export_file,
    export_onnx,
    read_checkpoint,
    read_master,
    write_card,
    write_master,
)
from classmood.training.heads import ClassroomHead
from classmood.training.recipe import Recipe
from classmood.training.resnet import EmotionNetwork

NARROW = (16, 16, 32, 48)
NETWORKS = {
    "shipped": {"stem": "deep"},
    "contrast": {"stem": "narrow", "contrast_exponent": 0.5},
    "lateral": {"stem": "deep", "fusion_form": "lateral"},
    "taps": {"stem": "quarter", "sge_at": "taps"},
    "order-a": {"stem": "quarter", "lip_order": "A", "fusion": [4]},
    "plain": {"stem": "half", "lip_order": "", "sge_groups": 0, "srm": False, "fusion": [4]},
}


def crops(n: int, seed: int = 0) -> np.ndarray:
    """Blurred noise: grey blobs of all shades, as faces have."""
    coarse = np.random.default_rng(seed).integers(0, 256, (n, 1, 6, 6)).astype(np.float32)
    fine = torch.nn.functional.interpolate(torch.from_numpy(coarse), (48, 48), mode="bicubic")[:, 0]
    return fine.clamp(0, 255).numpy().astype(np.uint8)


def unlike_a_fresh_one(settings: dict[str, object], source: str = "ferplus") -> Master:
    """A network with the statistics, gates and importances of no beginning: all that an export may lose is in use."""
    recipe = Recipe.model_validate({"network": settings, "data": {"source": source}})
    torch.manual_seed(0)
    network = EmotionNetwork(recipe.settings())
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "classifier" not in name and (parameter.ndim < 4 or parameter.shape[0] == 1):
                parameter.add_(0.3 * torch.randn_like(parameter))
        # Take the statistics of what passes through, then move them: random ones would drive the maps out of range.
        for norm in norms:
            norm.momentum = 1.0
        network.train()(torch.from_numpy(normalise(crops(64, 100))))
        for norm in norms:
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean += 0.2 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
            norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.6, 1.6)
    return Master(network.eval(), recipe)


@dataclass
class Exported:
    """A file, and the logits of ``crops(64, 11)`` by the network in torch before it was exported."""

    master: Master
    file: Path
    logits: np.ndarray


def exported(settings: dict[str, object], file: Path, **options: object) -> Exported:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resnet, "WIDTHS", NARROW)
        master = unlike_a_fresh_one(settings)
    logits = by_torch(master.network, crops(64, 11))
    export_onnx(master, file, **options)  # type: ignore[arg-type]
    return Exported(master, file, logits)


@pytest.fixture(scope="module", params=NETWORKS, ids=str)
def float32(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    file = tmp_path_factory.mktemp(request.param) / "float32.onnx"
    return exported(NETWORKS[request.param], file, precision="float32")


@pytest.fixture(scope="module", params=["shipped", "contrast"])
def int8(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    file = tmp_path_factory.mktemp("int8") / "int8.onnx"
    return exported(NETWORKS[request.param], file, precision="int8", calibration_crops=crops(96, 7))


def run(path: Path, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    logits: np.ndarray = session.run(None, {"crops": normalise(images)})[0]
    return logits


def by_torch(network: EmotionNetwork, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        logits: np.ndarray = network(torch.from_numpy(normalise(images))).numpy()
    return logits


@pytest.mark.parametrize("n", [1, 3, 8])
def test_float32_onnx_gives_torch_s_logits(float32: Exported, n: int) -> None:
    assert float32.logits.std(0).min() > 0.05
    np.testing.assert_allclose(run(float32.file, crops(64, 11)[:n]), float32.logits[:n], rtol=0, atol=1e-4)


def test_exporting_leaves_the_network_as_it_was(float32: Exported) -> None:
    network = float32.master.network
    assert not network.training
    np.testing.assert_allclose(by_torch(network, crops(64, 11)), float32.logits, rtol=0, atol=1e-6)


def test_int8_onnx_stays_close(int8: Exported) -> None:
    # What differs between crops is what counts: the mean of each logit is no evidence.
    exact, rough = int8.logits, run(int8.file, crops(64, 11))
    assert np.corrcoef((exact - exact.mean(0)).ravel(), (rough - rough.mean(0)).ravel())[0, 1] > 0.95


@pytest.mark.parametrize("n", [1, 3, 8])
def test_int8_onnx_takes_any_batch_and_keeps_faces_apart(int8: Exported, n: int) -> None:
    images = crops(8, 5)
    np.testing.assert_allclose(run(int8.file, images[:n]), run(int8.file, images)[:n], rtol=0, atol=2e-3)


def test_int8_is_int8_with_weights_that_cannot_saturate(int8: Exported) -> None:
    model = onnx.load(str(int8.file))
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    producers = {output: node for node in model.graph.node for output in node.output}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    # The one that reads the crop itself, the only one of a single channel, stays in float32.
    readers = [node for node in convolutions if values.get(node.input[1], np.zeros((0, 0))).shape[1] == 1]
    assert [values[node.input[1]].dtype for node in readers] == [np.float32]
    rest = [node for node in convolutions if node not in readers]
    assert len(rest) > 10
    for node in rest:
        weight = values[producers[node.input[1]].input[0]]
        # Two products of unsigned 8 and signed 7 bits add up to at most 2 * 255 * 64 < 2**15.
        assert weight.dtype == np.int8
        assert np.abs(weight.astype(int)).max() <= 64
        scale = values[producers[node.input[1]].input[1]]
        assert scale.shape == (weight.shape[0],)


def test_int8_without_crops_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resnet, "WIDTHS", NARROW)
    with pytest.raises(ModelError, match="int8 needs training crops"):
        export_onnx(unlike_a_fresh_one(NETWORKS["plain"]), tmp_path / "x.onnx", precision="int8")
    assert not (tmp_path / "x.onnx").exists()


def test_a_master_comes_back_to_half_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resnet, "WIDTHS", NARROW)
    master = unlike_a_fresh_one(NETWORKS["shipped"])
    write_master(master, tmp_path / "m.safetensors")
    stored = load_file(tmp_path / "m.safetensors")
    assert all(value.dtype == torch.float16 for value in stored.values() if value.dtype.is_floating_point)
    back = read_master(tmp_path / "m.safetensors")
    assert back.recipe == master.recipe
    assert not back.network.training
    for name, value in back.network.state_dict().items():
        torch.testing.assert_close(value, master.network.state_dict()[name], rtol=1e-3, atol=1e-6)
        assert value.dtype in (torch.float32, torch.int64)
    np.testing.assert_allclose(by_torch(back.network, crops(8)), by_torch(master.network, crops(8)), rtol=0, atol=0.03)
    # Once in half precision, another round changes nothing.
    write_master(back, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "m.safetensors").read_bytes()


def test_a_checkpoint_gives_its_averaged_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resnet, "WIDTHS", NARROW)
    master = unlike_a_fresh_one(NETWORKS["shipped"])
    state = {
        "recipe": master.recipe.model_dump_json(),
        "average": master.network.state_dict(),
        "network": EmotionNetwork(master.recipe.settings()).state_dict(),
    }
    torch.save(state, tmp_path / "checkpoint.pt")
    back = read_checkpoint(tmp_path / "checkpoint.pt")
    assert back.recipe == master.recipe
    np.testing.assert_array_equal(by_torch(back.network, crops(2)), by_torch(master.network, crops(2)))


@pytest.mark.parametrize("content", [None, b"", b"no checkpoint", b"PK\x03\x04 half a file"])
def test_what_is_no_checkpoint_or_master_is_named(tmp_path: Path, content: bytes | None) -> None:
    for read, name in ((read_checkpoint, "run.pt"), (read_master, "run.safetensors")):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match=rf"{name}: expected a ") as caught:
            read(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_checkpoint_of_something_else_is_named(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "run.pt")
    with pytest.raises(ModelError, match="expected a checkpoint of classmood train"):
        read_checkpoint(tmp_path / "run.pt")


def test_the_card_describes_the_file_and_notices_a_change(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"weights")
    written = write_card(model, "int8", Calibration(1.25, 0.75), {"seed": 3, "held_accuracy": 0.5})
    assert read_card(model, EmotionCard) == written
    assert written.classes == FERPLUS_CLASSES
    assert (written.votes_temperature, written.confidence_temperature) == (1.25, 0.75)
    assert written.training == {"seed": 3, "held_accuracy": 0.5}
    model.write_bytes(b"Weights")
    with pytest.raises(ChecksumError):
        read_card(model, EmotionCard)


@pytest.fixture
def faces_folder(tmp_path: Path) -> Path:
    """Forty crops of two classes as a folder, a source that a recipe can name."""
    for name, first in (("happy", 0), ("sad", 20)):
        (tmp_path / "faces" / name).mkdir(parents=True)
        for i, crop in enumerate(crops(20, first)):
            cv2.imwrite(str(tmp_path / "faces" / name / f"{i}.png"), crop)
    return tmp_path / "faces"


def test_an_exported_file_is_calibrated_on_its_own_logits_of_the_held_out_fold(
    tmp_path: Path, faces_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resnet, "WIDTHS", NARROW)
    network = unlike_a_fresh_one(NETWORKS["plain"]).network
    recipe = Recipe.model_validate(
        {"network": NETWORKS["plain"], "data": {"source": "folder", "holdout": 0.5}, "schedule": {"seed": 9}}
    )
    write_master(Master(network, recipe), tmp_path / "m.safetensors")
    out = tmp_path / "model.onnx"
    assert export_file(tmp_path / "m.safetensors", out, faces_folder, precision="float32") == out
    card = read_card(out, EmotionCard)
    # Which files are held out depends on their full paths, so the fold is asked for; the rest is computed here.
    _, held = load_training("folder", faces_folder).split(0.5)
    logits = run(out, held.images)
    expected = calibrate(logits, held.targets)
    assert card.votes_temperature == pytest.approx(expected.votes_temperature, rel=1e-3)
    assert card.confidence_temperature == pytest.approx(expected.confidence_temperature, rel=1e-3)
    accuracy = float((logits.argmax(1) == held.targets.argmax(1)).mean())
    assert card.training == {"seed": 9, "held_out": len(held), "held_accuracy": pytest.approx(accuracy, abs=1e-4)}
    assert card.precision == "float32"


def test_a_checkpoint_becomes_a_master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resnet, "WIDTHS", NARROW)
    master = unlike_a_fresh_one(NETWORKS["plain"])
    state = {"recipe": master.recipe.model_dump_json(), "average": master.network.state_dict()}
    torch.save(state, tmp_path / "checkpoint.pt")
    export_file(tmp_path / "checkpoint.pt", tmp_path / "m.safetensors", tmp_path, precision="int8")
    np.testing.assert_allclose(
        by_torch(read_master(tmp_path / "m.safetensors").network, crops(4)),
        by_torch(master.network, crops(4)),
        rtol=0,
        atol=0.03,
    )
    with pytest.raises(ModelError, match=r"expected a name ending in \.onnx or \.safetensors"):
        export_file(tmp_path / "checkpoint.pt", tmp_path / "model.bin", tmp_path, precision="int8")


@pytest.mark.parametrize("name", ["model.onnx", "model.safetensors"])
def test_a_place_that_cannot_be_written_is_named_before_the_data_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(resnet, "WIDTHS", NARROW)
    write_master(unlike_a_fresh_one(NETWORKS["plain"]), tmp_path / "m.safetensors")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=rf"{name}: cannot be written"):
        export_file(tmp_path / "m.safetensors", tmp_path / "file" / name, tmp_path / "no data", precision="int8")


def test_a_master_needs_no_data_and_an_onnx_file_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resnet, "WIDTHS", NARROW)
    write_master(unlike_a_fresh_one(NETWORKS["plain"]), tmp_path / "m.safetensors")
    again = tmp_path / "new" / "again.safetensors"
    assert export_file(tmp_path / "m.safetensors", again, None, precision="int8") == again
    assert again.read_bytes() == (tmp_path / "m.safetensors").read_bytes()
    with pytest.raises(InputError, match="--data"):
        export_file(tmp_path / "m.safetensors", tmp_path / "model.onnx", None, precision="int8")
    assert not (tmp_path / "model.onnx").exists()


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Master, Path]:
    """A network on the classroom's classes, and the crops that it is said to be trained on."""
    monkeypatch.setattr(resnet, "WIDTHS", NARROW)
    crops = write_set(tmp_path / "set", make_set(6, frames=10))
    network = unlike_a_fresh_one(NETWORKS["shipped"] | {"labels": "classroom"}, source="crops")
    head = network.network.classifier
    assert isinstance(head, ClassroomHead)
    head.learned.copy_(torch.tensor([name in crops.labels for name in CLASSROOM_CLASSES]))
    write_master(network, tmp_path / "own.safetensors")
    return network, tmp_path


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_model_of_own_data_drops_in_with_nothing_derived(own: tuple[Master, Path], precision: str) -> None:
    _, folder = own
    out = export_file(folder / "own.safetensors", folder / "own.onnx", folder / "set", precision=precision)  # type: ignore[arg-type]
    classifier = Classifier(out, threads=1)
    assert classifier.card.labels == "classroom"
    assert classifier.card.classes == CLASSROOM_CLASSES
    assert classifier.card.unlearned == ("appreciation", "terror", "surprise", "grief", "disdain", "fury")
    # Dominance was never rated.
    assert classifier.card.dimensions == ("valence", "arousal")
    assert "4 participants of a study: bars" in classifier.card.source
    images = crops(40, 3)
    seen, exact = classifier(images), by_torch(read_master(folder / "own.safetensors").network, images)
    unlearned = [CLASSROOM_CLASSES.index(name) for name in classifier.card.unlearned]
    assert (seen.classroom[:, unlearned] == 0).all()
    assert seen.classroom.sum(1) == pytest.approx(np.ones(40), abs=1e-5)
    expected = torch.from_numpy(exact[:, :9] / classifier.card.votes_temperature).softmax(1).numpy()
    if precision == "float32":
        np.testing.assert_allclose(seen.classroom, expected, atol=1e-4)
        np.testing.assert_allclose(seen.vad[:, :2], exact[:, 9:11], atol=1e-4)
    else:
        learned = [0, 1, 8]
        rough, fine = classifier.logits(images)[:, learned], exact[:, learned]
        assert np.corrcoef((fine - fine.mean(0)).ravel(), (rough - rough.mean(0)).ravel())[0, 1] > 0.9
        for place in (0, 1):
            assert np.corrcoef(seen.vad[:, place], exact[:, 9 + place])[0, 1] > 0.9
    listed = (folder / "set" / "models.csv").read_text().splitlines()
    assert listed == ["model,sha256", f"own,{classifier.card.sha256}"]


def test_a_master_of_own_data_is_listed_too(own: tuple[Master, Path]) -> None:
    _, folder = own
    out = folder / "again.safetensors"
    with pytest.raises(InputError, match="people who may withdraw"):
        export_file(folder / "own.safetensors", out, None, precision="int8")
    assert not out.exists()
    export_file(folder / "own.safetensors", out, folder / "set", precision="int8")
    assert (folder / "set" / "models.csv").read_text().splitlines() == ["model,sha256", f"again,{sha256(out)}"]


def test_a_model_of_own_data_needs_people_held_out_to_be_calibrated(own: tuple[Master, Path]) -> None:
    master, folder = own
    data = master.recipe.data.model_copy(update={"held_fold": 0})
    write_master(Master(master.network, master.recipe.model_copy(update={"data": data})), folder / "all.safetensors")
    with pytest.raises(TrainingError, match="calibration needs a held-out fold"):
        export_file(folder / "all.safetensors", folder / "own.onnx", folder / "set", precision="float32")
    # What is not listed must not be there.
    assert not (folder / "own.onnx").exists()
