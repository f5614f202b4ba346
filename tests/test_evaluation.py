"""Evaluation: labels of all spellings, crops and photos, and scikit-learn's scores of what was predicted."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from classmood.classifier import Classifier
from classmood.detectors import CenterFace
from classmood.emotions import CLASSROOM_CLASSES, DERIVED, FERPLUS_CLASSES
from classmood.errors import InputError, ManifestError, ModelError, OutputError
from classmood.evaluation import Evaluation, describe, evaluate, write_predictions, write_scores
from classmood.faces import Faces
from classmood.manifest import Manifest, read_manifest
from nine_class_model import write_nine_class_model

LABELS = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(threads=1)


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty random crops with random labels: whatever a model says of them, it is often wrong."""
    folder = tmp_path_factory.mktemp("crops")
    rng = np.random.default_rng(3)
    lines = ["path,label,camera"]
    for k in range(80):
        spots = cv2.resize(rng.integers(0, 256, (6, 6), dtype=np.uint8), (48, 48), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{k}.png"), spots)
        lines.append(f"{k}.png,{rng.choice(LABELS)},{'ab'[k % 2]}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder / "manifest.csv"


def listed(path: Path, rows: list[tuple[object, str]]) -> Manifest:
    path.write_text("path,label\n" + "".join(f"{image},{label}\n" for image, label in rows))
    return read_manifest(path)


def images_of(manifest: Manifest) -> np.ndarray:
    return np.stack([cv2.imread(str(entry.path), cv2.IMREAD_GRAYSCALE) for entry in manifest.entries])


def test_each_crop_gets_the_model_s_arg_max(crops: Path, classifier: Classifier) -> None:
    manifest = read_manifest(crops)
    result = evaluate(manifest, classifier)
    expected = classifier(images_of(manifest))
    assert result.predictions == tuple(FERPLUS_CLASSES[k] for k in expected.ferplus.argmax(1))
    np.testing.assert_array_equal(result.emotions.confidence, expected.confidence)
    assert (result.entries, result.failures) == (manifest.entries, ())


@pytest.mark.parametrize("labels", ["ferplus", "classroom"])
def test_scores_are_scikit_learn_s(crops: Path, classifier: Classifier, labels: str) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn (extra [train]) is the reference here")
    manifest = read_manifest(crops)
    ferplus = {"happy": "happiness", "sad": "sadness", "angry": "anger"}
    classroom = {"happy": "joy", "sad": "grief", "angry": "fury", "fear": "terror"} | dict.fromkeys(
        ("disgust", "contempt"), "disdain"
    )
    meant = ferplus if labels == "ferplus" else classroom
    truth = [meant.get(entry.label, entry.label) for entry in manifest.entries]
    result = evaluate(manifest, classifier, labels=labels)
    said, scores = list(result.predictions), result.scores
    options = {"labels": sorted(set(truth)), "zero_division": 0}
    assert scores.n == 80
    assert scores.accuracy == pytest.approx(metrics.accuracy_score(truth, said))
    assert scores.macro_f1 == pytest.approx(metrics.f1_score(truth, said, average="macro", **options))
    assert scores.weighted_f1 == pytest.approx(metrics.f1_score(truth, said, average="weighted", **options))
    recalls = metrics.recall_score(truth, said, average=None, **options)
    assert scores.recall == pytest.approx(dict(zip(options["labels"], recalls, strict=True)))
    assert scores.confusion == {
        a: {b: sum(pair == (a, b) for pair in zip(truth, said, strict=True)) for b in scores.confusion[a]}
        for a in set(truth)
    }
    sure, right = result.emotions.confidence, np.array(truth) == np.array(said)
    place = np.minimum((sure * 15).astype(int), 14)
    gaps = [(place == k).sum() * abs(sure[place == k].mean() - right[place == k].mean()) for k in set(place.tolist())]
    assert scores.ece == pytest.approx(sum(gaps) / 80, abs=1e-6)


def test_classroom_predictions_are_measured_classes_alone(crops: Path, classifier: Classifier) -> None:
    result = evaluate(read_manifest(crops), classifier, labels="classroom")
    measured = [k for k, name in enumerate(CLASSROOM_CLASSES) if name not in DERIVED]
    best = [CLASSROOM_CLASSES[measured[k]] for k in result.emotions.classroom[:, measured].argmax(1)]
    assert list(result.predictions) == best


def test_labels_are_understood_in_all_spellings(crops: Path, classifier: Classifier, tmp_path: Path) -> None:
    image = crops.parent / "0.png"
    spellings = {
        "happiness": ("happy", "Happiness", "JOY", "smiling"),
        "sadness": ("sad", "sadness", "grief"),
        "anger": ("angry", "anger", "fury"),
        "disgust": ("disgust",),
        "contempt": ("contempt",),
        "fear": ("fear", "afraid"),
        "surprise": ("surprise", "Surprised"),
        "neutral": ("neutral",),
    }
    rows = [(image, spelling) for all_ in spellings.values() for spelling in all_]
    counts = {name: len(all_) for name, all_ in spellings.items()}
    scores = evaluate(listed(tmp_path / "m.csv", rows), classifier).scores
    assert {name: sum(row.values()) for name, row in scores.confusion.items()} == counts
    rows += [(image, "disdain"), (image, "distain")]
    scores = evaluate(listed(tmp_path / "m.csv", rows), classifier, labels="classroom").scores
    assert sum(scores.confusion["disdain"].values()) == 4
    assert scores.recall.keys() == {"neutral", "joy", "surprise", "grief", "fury", "terror", "disdain"}


def test_a_set_that_lacks_classes_is_scored_over_those_it_has(crops: Path, classifier: Classifier) -> None:
    manifest = read_manifest(crops)
    some = Manifest(manifest.path, tuple(e for e in manifest.entries if e.label in ("happy", "sad")))
    scores = evaluate(some, classifier).scores
    assert scores.recall.keys() == scores.confusion.keys() == {"happiness", "sadness"}
    # Predictions of the classes it lacks stay possible, and count as wrong.
    assert all(tuple(row) == FERPLUS_CLASSES for row in scores.confusion.values())
    right = sum(scores.confusion[name][name] for name in scores.confusion)
    assert scores.accuracy == pytest.approx(right / len(some.entries))


def test_a_label_of_no_class_is_named_before_an_image_is_read(classifier: Classifier, tmp_path: Path) -> None:
    manifest = listed(tmp_path / "m.csv", [("missing.png", "happy"), ("missing.png", "caution")])
    with pytest.raises(ManifestError, match="row 3: unknown label 'caution'"):
        evaluate(manifest, classifier)
    with pytest.raises(InputError, match="none of its 2 images"):
        evaluate(manifest, classifier, labels="classroom")


def test_images_that_cannot_be_read_are_named_and_the_rest_is_scored(
    crops: Path, classifier: Classifier, tmp_path: Path
) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    rows = [(crops.parent / "0.png", "happy"), (tmp_path / "bad.png", "sad"), (crops.parent / "1.png", "sad")]
    done: list[int] = []
    result = evaluate(listed(tmp_path / "m.csv", rows), classifier, progress=done.append)
    assert [entry.row for entry in result.entries] == [2, 4]
    assert result.scores.n == len(result.predictions) == len(result.emotions) == 2
    assert len(result.failures) == 1
    assert result.failures[0].startswith("row 3: ")
    assert "bad.png" in result.failures[0]
    assert done == [1, 2, 3]


class Nobody:
    """A detector that finds no one."""

    def detect(self, image: np.ndarray) -> Faces:
        return Faces.empty()

    def follow(self) -> Nobody:
        return self


def test_photos_without_a_detector_are_refused_at_once(crops: Path, classifier: Classifier) -> None:
    done: list[int] = []
    with pytest.raises(InputError, match="photos need a face detector"):
        evaluate(read_manifest(crops), classifier, input_kind="photos", progress=done.append)
    assert done == []


@pytest.fixture(scope="module")
def photos(portrait: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The portrait alone, with a small copy of the same face beside it, and an empty wall."""
    folder = tmp_path_factory.mktemp("photos")
    rgb = {
        "alone": portrait,
        "two": cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA),
        "wall": np.full((300, 400, 3), 120, np.uint8),
    }
    wide = np.full((512, 768, 3), 120, np.uint8)
    wide[:, :512], wide[:256, 512:] = portrait, rgb["two"]
    rgb["two"] = wide
    for name, image in rgb.items():
        cv2.imwrite(str(folder / f"{name}.png"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return folder


def test_the_largest_face_of_a_photo_counts_and_a_missing_one_is_wrong(
    photos: Path, classifier: Classifier, tmp_path: Path
) -> None:
    rows = [(photos / f"{name}.png", "happy") for name in ("alone", "two", "wall")]
    detector = CenterFace(threads=1)
    assert len(detector.detect(cv2.imread(str(photos / "two.png"))[..., ::-1].copy())) == 2
    result = evaluate(listed(tmp_path / "m.csv", rows), classifier, input_kind="photos", detector=detector)
    alone, two, wall = result.emotions.ferplus
    # The larger one is looked at in a picture of another size, so its landmarks are not quite the same.
    assert np.abs(two - alone).sum() < 0.3
    assert result.predictions[2] == ""
    assert not wall.any()
    assert result.emotions.not_sure[2]
    assert result.scores.faces_not_found == 1
    assert result.scores.accuracy == sum(name == "happiness" for name in result.predictions) / 3


def test_no_face_in_any_photo(photos: Path, classifier: Classifier, tmp_path: Path) -> None:
    manifest = listed(tmp_path / "m.csv", [(photos / "wall.png", "happy"), (photos / "alone.png", "sad")])
    result = evaluate(manifest, classifier, input_kind="photos", detector=Nobody())
    assert (result.scores.n, result.scores.faces_not_found, result.scores.accuracy) == (2, 2, 0)
    assert result.predictions == ("", "")
    assert "faces not found  2" in describe(result)


@pytest.fixture(scope="module")
def scored(crops: Path, classifier: Classifier) -> Evaluation:
    return evaluate(read_manifest(crops), classifier)


def test_json_holds_every_score(scored: Evaluation, tmp_path: Path) -> None:
    write_scores(scored, tmp_path / "scores.json")
    content = json.loads((tmp_path / "scores.json").read_text())
    names = "n accuracy macro_f1 weighted_f1 recall confusion ece faces_not_found unreadable"
    assert list(content) == names.split()
    for name, value in content.items():
        assert value == ([] if name == "unreadable" else getattr(scored.scores, name))


def test_predictions_are_a_row_an_image(scored: Evaluation, tmp_path: Path) -> None:
    write_predictions(scored, tmp_path / "said.csv")
    with (tmp_path / "said.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["predicted"] for row in rows] == list(scored.predictions)
    assert [(row["label"], row["camera"]) for row in rows] == [(e.label, e.groups["camera"]) for e in scored.entries]
    for i, row in enumerate(rows):
        shares = [float(row[f"ferplus_{name}"]) for name in FERPLUS_CLASSES]
        assert shares == pytest.approx(scored.emotions.ferplus[i], abs=1e-5)
        assert [float(row[name]) for name in ("valence", "arousal", "dominance")] == pytest.approx(
            scored.emotions.vad[i], abs=1e-5
        )


def test_lines_of_text_say_the_same(scored: Evaluation) -> None:
    text = "\n".join(describe(scored))
    assert f"accuracy         {scored.scores.accuracy:.4f}" in text
    assert f"macro F1         {scored.scores.macro_f1:.4f}" in text
    for name in scored.scores.confusion:
        row = next(line for line in describe(scored) if line.startswith(f"{name} "))
        assert [int(cell) for cell in row.split()[1:]] == list(scored.scores.confusion[name].values())


def test_an_output_that_cannot_be_written_is_named(scored: Evaluation, tmp_path: Path) -> None:
    for write in (write_scores, write_predictions):
        with pytest.raises(OutputError, match="cannot be written"):
            write(scored, tmp_path / "nowhere" / "file")


def test_a_model_of_nine_classes_is_scored_on_these(crops: Path, tmp_path: Path) -> None:
    manifest, own = read_manifest(crops), Classifier(write_nine_class_model(tmp_path / "own.onnx"), threads=1)
    result = evaluate(manifest, own, labels="classroom")
    places = own.logits(images_of(manifest)).argmax(1)
    assert result.predictions == tuple(CLASSROOM_CLASSES[k] for k in places)
    write_predictions(result, tmp_path / "said.csv")
    with (tmp_path / "said.csv").open(newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert [float(row[name]) for name in CLASSROOM_CLASSES] == pytest.approx(result.emotions.shares[0], abs=1e-5)
    with pytest.raises(ModelError, match="ask for classroom labels"):
        evaluate(manifest, own)
