"""The page's models: what is rounded and what is not, what the cards say, when they are made anew."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from classmood import boxes, centerface, crops, detectors, emotions, follower, mosaic, scales
from classmood.models import weights

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "web" / "model_build.py"
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="web/model_build.py is not beside the tests")
PACKAGE = ROOT / "src" / "classmood"
MODULES = {
    "boxes": boxes,
    "scales": scales,
    "centerface": centerface,
    "detectors": detectors,
    "mosaic": mosaic,
    "follower": follower,
}


def load(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def build() -> ModuleType:
    return load(SCRIPT, "model_build")


def in_python(module: ModuleType, name: str) -> Any:
    """The value that Python itself has under a card's name."""
    places = [module, *(kind for kind in vars(module).values() if isinstance(kind, type))]
    for place in places:
        for spelled in (name, name.upper(), f"_{name.upper()}"):
            if hasattr(place, spelled):
                return getattr(place, spelled)
    raise AssertionError(f"{module.__name__} has no {name}")


def test_the_cards_constants_are_those_that_python_computes_with(build: ModuleType) -> None:
    constants = build.detector_card(PACKAGE)["constants"]
    assert list(constants) == list(MODULES)
    count = 0
    for module, values in constants.items():
        for name, value in values.items():
            own = in_python(MODULES[module], name)
            assert np.array_equal(np.asarray(value), np.asarray(own)), (module, name)
            count += 1
    assert count > 30
    network = centerface.CenterFaceNetwork
    heights = [network.aim_px, network.floor_px, network.ceiling_px]
    assert [constants["centerface"][name] for name in ("aim_px", "floor_px", "ceiling_px")] == heights


def test_the_emotion_card_holds_the_shipped_cards_readout_and_the_crop(build: ModuleType) -> None:
    card = build.emotion_card(PACKAGE)
    shipped = weights.read_card(weights.find(weights.SHIPPED_EMOTION), weights.EmotionCard)
    assert tuple(card["classes"]) == shipped.classes
    for name in ("votes_temperature", "confidence_temperature", "not_sure_below"):
        assert card[name] == getattr(shipped, name)
    assert [tuple(place) for place in card["vad"]] == [emotions.FERPLUS_VAD[name] for name in shipped.classes]
    assert np.array_equal(card["crops"]["template_px"], crops.TEMPLATE_PX)
    expected = (crops.SIDE_PX, crops.PIXEL_MEAN, crops.PIXEL_SPREAD, in_python(crops, "finest"))
    assert tuple(card["crops"][name] for name in ("side_px", "pixel_mean", "pixel_spread", "finest")) == expected


def test_only_numbers_are_read_from_a_source(build: ModuleType, tmp_path: Path) -> None:
    source = tmp_path / "m.py"
    lines = [
        "_A: Final = 2 * 3 - 1",
        "B = 'text'",
        "C, D = 1 / 4, -2.5",
        "E = np.array([[1, 2]], np.float64)",
        "F = {'x': (1, 2)}",
        "G = len('abc')",
        "ON = True",
        "class K:",
        "    aim_px = 3.0",
        "    def f(self):",
        "        INNER = 9",
    ]
    source.write_text("\n".join(lines))
    assert build.constants(source) == {
        "a": 5, "c": 0.25, "d": -2.5, "e": [[1, 2]], "f": {"x": [1, 2]}, "aim_px": 3.0,
    }  # fmt: skip


def test_only_the_largest_int8_weights_are_rounded(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "ROUNDED_FROM", 100)
    large = np.arange(-64, 64, dtype=np.int8).reshape(2, 64)
    small = np.arange(-50, 50, dtype=np.int8)
    graph = helper.make_graph([], "g", [], [], [numpy_helper.from_array(v, n) for n, v in (("l", large), ("s", small))])
    made = build.round_large_weights(helper.make_model(graph).SerializeToString())
    kept = {t.name: numpy_helper.to_array(t) for t in onnx.load_from_string(made).graph.initializer}
    assert np.array_equal(kept["s"], small)
    assert set((kept["l"] % 4).ravel()) == {0}
    assert np.abs(kept["l"].astype(int) - large).max() <= 4  # -64 is beyond the 7 bits, so it goes to -60
    assert np.abs(kept["l"]).max() == 60


@pytest.fixture
def rounded() -> list[int]:
    """A note for each model that was rounded."""
    return []


@pytest.fixture
def repository(tmp_path: Path, build: ModuleType, rounded: list[int], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sources, and models that are quick to make."""
    package = tmp_path / "src" / "classmood"
    (package / "models").mkdir(parents=True)
    for name in (*build.DETECTOR_MODULES, "emotions", "crops"):
        shutil.copy(PACKAGE / f"{name}.py", package)
    for name in (build.EMOTION, build.DETECTOR):
        (package / "models" / f"{name}.onnx").write_bytes(name.encode() * 100)
        card = json.loads((PACKAGE / "models" / f"{name}.json").read_text())
        card["sha256"] = hashlib.sha256(name.encode() * 100).hexdigest()
        (package / "models" / f"{name}.json").write_text(json.dumps(card))

    def round_large_weights(model: bytes) -> bytes:
        rounded.append(len(model))
        return b"round " + model

    monkeypatch.setattr(build, "round_large_weights", round_large_weights)
    return tmp_path


def test_models_are_made_once_and_cards_follow_the_sources(
    build: ModuleType, repository: Path, rounded: list[int]
) -> None:
    import brotli

    folder = build.provide_web_models(repository)
    assert {path.name for path in folder.iterdir()} == {
        f"{name}.{kind}{twin}" for name in ("emotion", "detector") for kind in ("onnx", "json") for twin in ("", ".br")
    }
    for path in folder.glob("*.br"):
        assert brotli.decompress(path.read_bytes()) == path.with_suffix("").read_bytes()
    card = weights.read_card(folder / "emotion.onnx", weights.EmotionCard)
    assert card.votes_temperature > 0

    build.provide_web_models(repository)
    source = repository / "src" / "classmood" / "scales.py"
    source.write_text(source.read_text().replace("SMALL_SIDE_PX: Final = 256", "SMALL_SIDE_PX: Final = 224"))
    build.provide_web_models(repository)
    assert len(rounded) == 1
    found = json.loads((folder / "detector.json").read_text())
    assert found["constants"]["scales"]["small_side_px"] == 224
    shipped = repository / "src" / "classmood" / "models" / f"{build.DETECTOR}.onnx"
    (folder / "detector.onnx").write_bytes(b"damaged")
    build.provide_web_models(repository)
    assert (folder / "detector.onnx").read_bytes() == shipped.read_bytes()
    (folder / "emotion.onnx.br").unlink()
    build.provide_web_models(repository)
    assert len(rounded) == 2


def test_a_model_that_is_missing_or_not_its_cards_is_refused(build: ModuleType, repository: Path) -> None:
    model = repository / "src" / "classmood" / "models" / f"{build.EMOTION}.onnx"
    model.write_bytes(b"another")
    with pytest.raises(build.WebModelsError, match="expected SHA-256"):
        build.provide_web_models(repository)
    model.unlink()
    with pytest.raises(build.WebModelsError, match=r"python hatch_build\.py"):
        build.provide_web_models(repository)


def test_what_the_page_is_tested_with_is_what_python_makes() -> None:
    """tests/golden/recognition.json, which web/tests/recognition compares with."""
    make = load(ROOT / "tests" / "golden" / "make_recognition.py", "make_recognition")
    compare(json.loads(make.GOLDEN.read_text(encoding="utf-8")), json.loads(json.dumps(make.recognition())), "")


def compare(stored: Any, made: Any, where: str) -> None:
    if isinstance(stored, dict):
        assert list(stored) == list(made), where
        for name in stored:
            compare(stored[name], made[name], f"{where}.{name}")
    elif isinstance(stored, list):
        assert len(stored) == len(made), where
        for i, (a, b) in enumerate(zip(stored, made, strict=True)):
            compare(a, b, f"{where}[{i}]")
    elif isinstance(stored, float):
        assert stored == pytest.approx(made, rel=1e-4, abs=1e-5), where
    elif isinstance(stored, str) and stored != made:
        # One grey level: OpenCV's rounding differs between processors.
        a, b = (np.frombuffer(base64.b64decode(text), np.uint8).astype(int) for text in (stored, made))
        assert np.abs(a - b).max() <= 1, where
    else:
        assert stored == made, where
