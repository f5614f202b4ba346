"""The readout against the formulas of the docs, and the shipped model's behaviour."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classmood.classifier import Classifier, read_out, read_out_own, softmax
from classmood.emotions import CLASSROOM_CLASSES, FERPLUS_CLASSES
from classmood.errors import ModelError
from nine_class_model import UNLEARNED, write_nine_class_model

# Russell and Mehrabian's coordinates, written out again so that a slip in the package's table shows.
COORDINATES = {
    "neutral": (0, 0, 0),
    "happiness": (0.76, 0.48, 0.35),
    "surprise": (0.40, 0.67, -0.13),
    "sadness": (-0.63, -0.27, -0.33),
    "anger": (-0.44, 0.72, 0.32),
    "disgust": (-0.60, 0.35, 0.11),
    "fear": (-0.62, 0.82, -0.43),
    "contempt": (-0.23, 0.31, 0.18),
}
distributions = st.lists(st.floats(0.001, 1), min_size=8, max_size=8).map(lambda v: [x / sum(v) for x in v])


@given(distributions)
def test_the_readout_is_that_of_the_formulas(shares: list[float]) -> None:
    p = dict(zip(FERPLUS_CLASSES, shares, strict=True))
    out = read_out(np.array([shares], np.float32), np.array([0.9], np.float32))
    got = dict(zip(CLASSROOM_CLASSES, out.classroom[0].tolist(), strict=True))
    vad = [sum(p[k] * COORDINATES[k][axis] for k in p) for axis in range(3)]
    expected = {
        "neutral": p["neutral"],
        "joy": p["happiness"],
        "surprise": p["surprise"],
        "grief": p["sadness"],
        "fury": p["anger"],
        "terror": p["fear"],
        "disdain": p["disgust"] + p["contempt"],
    }
    for name, centre in (("appreciation", (0.55, 0.07, -0.14)), ("caution", (0.12, 0.50, 0.28))):
        expected[name] = math.exp(-sum((a - b) ** 2 for a, b in zip(vad, centre, strict=True)) / (2 * 0.25**2))
    assert got == pytest.approx(expected, abs=1e-5)
    assert out.vad[0] == pytest.approx(vad, abs=1e-5)
    assert out.intensity[0] == pytest.approx(1 - p["neutral"], abs=1e-5)


@given(distributions)
def test_measured_classes_sum_to_one_and_derived_take_nothing(shares: list[float]) -> None:
    out = read_out(np.array([shares], np.float32), np.array([0.9], np.float32))
    derived = [CLASSROOM_CLASSES.index(name) for name in ("appreciation", "caution")]
    assert np.delete(out.classroom[0], derived).sum() == pytest.approx(1, abs=1e-5)
    assert np.all((out.classroom >= 0) & (out.classroom <= 1.00001))


def test_not_sure_is_below_the_threshold() -> None:
    p = np.full((3, 8), 0.125, np.float32)
    out = read_out(p, np.array([0.39, 0.4, 0.41], np.float32), not_sure_below=0.4)
    assert out.not_sure.tolist() == [True, False, False]


def test_a_higher_temperature_is_more_even() -> None:
    logits = np.array([[3.0, 1.0, 0.0]], np.float32)
    assert softmax(logits, 1.0)[0] == pytest.approx(np.exp([3, 1, 0]) / np.exp([3, 1, 0]).sum(), abs=1e-6)
    assert softmax(logits, 3.0).max() < softmax(logits, 1.0).max()
    assert np.isfinite(softmax(np.array([[1e4, -1e4, 0]], np.float32), 1.0)).all()


def test_batches_do_not_change_what_a_face_gets() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (7, 48, 48), dtype=np.uint8)
    whole, pieces = Classifier(batch=32), Classifier(batch=2)
    assert np.allclose(whole.logits(crops), pieces.logits(crops), atol=1e-4)
    assert len(whole(crops)) == 7


def test_threads_keep_the_faces_in_order() -> None:
    crops = np.random.default_rng(1).integers(0, 256, (11, 48, 48), dtype=np.uint8)
    alone, together = Classifier(threads=1), Classifier(threads=3, batch=2)
    for count in (1, 2, 3, 11):
        assert np.allclose(alone.logits(crops[:count]), together.logits(crops[:count]), atol=1e-4)


@pytest.mark.parametrize(
    ("threads", "faces", "sizes"),
    [(1, 11, [6, 5]), (1, 10, [10]), (2, 21, [6, 5, 5, 5]), (2, 20, [10, 10]), (3, 2, [1, 1]), (2, 25, [7, 6, 6, 6])],
)
def test_every_core_gets_as_many_pieces_of_nearly_the_same_size(
    threads: int, faces: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    run = Classifier._run

    def noting(self: Classifier, crops: np.ndarray) -> list[np.ndarray]:
        given.append(len(crops))
        return run(self, crops)

    monkeypatch.setattr(Classifier, "_run", noting)
    assert len(Classifier(threads=threads).logits(np.zeros((faces, 48, 48), np.uint8))) == faces
    assert sorted(given, reverse=True) == sizes


def test_no_crops_no_emotions() -> None:
    out = Classifier()(np.zeros((0, 48, 48), np.uint8))
    assert len(out) == 0
    assert out.classroom.shape == (0, 9)


def test_a_missing_model_is_named() -> None:
    with pytest.raises(ModelError, match=r"no-such: no such model file; shipped are .*emotion-resnet18-int8"):
        Classifier("no-such")


def test_a_model_of_nine_classes_is_read_as_it_measures(tmp_path: Path) -> None:
    own = Classifier(write_nine_class_model(tmp_path / "own.onnx"))
    crops = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
    crops[0, :, :24] = 0
    crops[1, :, 24:] = 0
    out = own(crops)
    np.testing.assert_array_equal(out.classroom, softmax(own.logits(crops), 1.0))
    assert out.classroom.sum(1) == pytest.approx(np.ones(5), abs=1e-5)
    assert (out.classroom[:, [CLASSROOM_CLASSES.index(name) for name in UNLEARNED]] == 0).all()
    # Arousal was not rated: it comes from the classes, the others from the model's own output.
    places = {**COORDINATES, "appreciation": (0.55, 0.07, -0.14), "caution": (0.12, 0.50, 0.28)}
    places |= {"joy": places["happiness"], "grief": places["sadness"], "fury": places["anger"]}
    places |= {"terror": places["fear"], "disdain": places["disgust"]}
    by_class = out.classroom @ np.array([places[name] for name in CLASSROOM_CLASSES], np.float32)
    assert out.vad[:, 1] == pytest.approx(by_class[:, 1], abs=1e-5)
    assert np.abs(out.vad[:, 0] - by_class[:, 0]).max() > 0.05
    assert out.not_sure.tolist() == (out.classroom.max(1) < 0.3).tolist()
    with pytest.raises(ModelError, match="ask for classroom labels"):
        _ = out.ferplus
    assert len(own(crops[:0])) == 0


def test_dimensions_stay_in_their_range() -> None:
    shares = np.full((1, 9), 1 / 9, np.float32)
    out = read_out_own(shares, np.array([[1.4, -2, np.nan]], np.float32), np.array([0.9], np.float32))
    assert out.vad[0, :2].tolist() == [1, -1]
    assert -1 < out.vad[0, 2] < 1


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ({"labels": "ferplus"}, "expected the classes .*contempt"),
        ({"classes": CLASSROOM_CLASSES[::-1]}, "expected the classes .*neutral.*joy"),
    ],
)
def test_a_card_whose_classes_do_not_fit_its_labels_is_refused(
    tmp_path: Path, card: dict[str, object], says: str
) -> None:
    with pytest.raises(ModelError, match=says):
        Classifier(write_nine_class_model(tmp_path / "own.onnx", **card))


def test_a_model_of_nine_classes_without_dimensions_is_refused(tmp_path: Path) -> None:
    shipped = Classifier()
    source = Path(__file__).parents[1] / "src" / "classmood" / "models" / "emotion-resnet18-int8.onnx"
    (tmp_path / "own.onnx").write_bytes(source.read_bytes())
    changed = shipped.card.model_copy(update={"labels": "classroom", "classes": CLASSROOM_CLASSES})
    (tmp_path / "own.json").write_text(changed.model_dump_json())
    with pytest.raises(ModelError, match=r"expected the outputs \['logits', 'dimensions'\]"):
        Classifier(tmp_path / "own.onnx")
