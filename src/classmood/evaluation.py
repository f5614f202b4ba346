"""`classmood evaluate`: a model against a manifest of labelled faces.

``crops``: the whole image is the face, as in FER2013. ``photos``: faces are detected, and the largest is aligned and
cut out as ``analyze`` would. The prediction is the arg-max over the model's classes, also where a set lacks some.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Int

from classmood.classifier import Classifier, Emotions
from classmood.crops import SIDE_PX, crop_whole, make_crops
from classmood.emotions import (
    CLASSROOM_CLASSES,
    DERIVED,
    FERPLUS_CLASSES,
    UnknownLabel,
    classroom_class,
    ferplus_class,
)
from classmood.errors import InputError, ManifestError, OutputError
from classmood.faces import FaceDetector
from classmood.frames import read_image
from classmood.manifest import Entry, Manifest
from classmood.scores import NOT_FOUND, Scores, score

InputKind = Literal["crops", "photos"]
LabelSet = Literal["ferplus", "classroom"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores, what each image got, and the images that could not be read.

    Attributes:
        scores: over all images that could be read.
        entries: the rows behind them, in order.
        predictions: the class of each, empty where no face was found.
        emotions: what each shows; rows of images without a face are zero, and not sure.
        failures: one message for each image that could not be read.
    """

    scores: Scores
    entries: tuple[Entry, ...]
    predictions: tuple[str, ...]
    emotions: Emotions
    failures: tuple[str, ...]


def evaluate(
    manifest: Manifest,
    classifier: Classifier,
    *,
    input_kind: InputKind = "crops",
    labels: LabelSet = "ferplus",
    detector: FaceDetector | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Score a classifier on a manifest.

    Args:
        manifest: images and labels.
        classifier: the model.
        input_kind: whether images are crops or photos.
        labels: whether to score the eight FER+ classes or the classroom's measured ones.
        detector: finds faces in photos; needed for those alone.
        progress: called with the number of images done.

    Raises:
        ManifestError: a label is of no class; its row is named. Checked before any image is read.
        InputError: photos without a detector, or no image could be read.
    """
    classes = FERPLUS_CLASSES if labels == "ferplus" else CLASSROOM_CLASSES
    wanted = _labels(manifest, labels, classes)
    if input_kind == "photos" and detector is None:
        raise InputError("photos need a face detector; pass one, or take the images as crops")
    crops, entries, truth, found, failures = [], [], [], [], []
    for done, (entry, label) in enumerate(zip(manifest.entries, wanted, strict=True), start=1):
        try:
            crop = _crop(read_image(entry.path), input_kind, detector)
        except InputError as error:
            failures.append(f"row {entry.row}: {error}")
            continue
        finally:
            progress(done)
        entries.append(entry)
        truth.append(label)
        found.append(crop is not None)
        if crop is not None:
            crops.append(crop)
    if not entries:
        raise InputError(f"{manifest.path}: none of its {len(manifest.entries)} images could be read ({failures[0]})")
    emotions = classifier(np.array(crops, np.uint8).reshape(-1, SIDE_PX, SIDE_PX))
    predicted = np.full(len(found), NOT_FOUND)
    predicted[found] = _arg_max(emotions, labels)
    emotions = _spread(emotions, np.array(found))
    scores = score(np.array(truth), predicted, emotions.confidence, classes)
    names = tuple(classes[i] if i != NOT_FOUND else "" for i in predicted)
    return Evaluation(scores, tuple(entries), names, emotions, tuple(failures))


def _labels(manifest: Manifest, labels: LabelSet, classes: tuple[str, ...]) -> list[int]:
    read = ferplus_class if labels == "ferplus" else classroom_class
    places = []
    for entry in manifest.entries:
        try:
            places.append(classes.index(read(entry.label)))
        except UnknownLabel as error:
            raise ManifestError(f"{manifest.path}: row {entry.row}: {error}") from error
    return places


def _crop(image: np.ndarray, input_kind: InputKind, detector: FaceDetector | None) -> np.ndarray | None:
    if input_kind == "crops" or detector is None:
        return crop_whole(image)
    faces = detector.detect(image)
    if not len(faces):
        return None
    largest = int((faces.boxes_px[:, 2] * faces.boxes_px[:, 3]).argmax())
    crop: np.ndarray = make_crops(image, faces.take(np.array([largest])))[0]
    return crop


def _spread(emotions: Emotions, found: Bool[np.ndarray, " m"]) -> Emotions:
    """A row an image: zeros, and not sure, where no face was found."""

    def spread(values: np.ndarray, filling: float | bool = 0) -> np.ndarray:
        rows = np.full((len(found), *values.shape[1:]), filling, values.dtype)
        rows[found] = values
        return rows

    return Emotions(
        shares=spread(emotions.shares),
        classroom=spread(emotions.classroom),
        vad=spread(emotions.vad),
        intensity=spread(emotions.intensity),
        confidence=spread(emotions.confidence),
        not_sure=spread(emotions.not_sure, True),
    )


def _arg_max(emotions: Emotions, labels: LabelSet) -> np.ndarray:
    if labels == "ferplus":
        places: Int[np.ndarray, " n"] = emotions.ferplus.argmax(1)
        return places
    measured: Float32[np.ndarray, "n 9"] = emotions.classroom.copy()
    if emotions.shares.shape[1] == len(FERPLUS_CLASSES):
        measured[:, [CLASSROOM_CLASSES.index(name) for name in DERIVED]] = -1
    best: Int[np.ndarray, " n"] = measured.argmax(1)
    return best


def write_scores(evaluation: Evaluation, path: Path) -> None:
    """Write the scores as JSON.

    Raises:
        OutputError: the file cannot be written.
    """
    content = {**dataclasses.asdict(evaluation.scores), "unreadable": list(evaluation.failures)}
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def write_predictions(evaluation: Evaluation, path: Path) -> None:
    """Write a row an image: the manifest's columns, the predicted class and all the model says of it.

    Raises:
        OutputError: the file cannot be written.
    """
    groups = list(evaluation.entries[0].groups)
    emotions = evaluation.emotions
    raw = emotions.shares.shape[1] == len(FERPLUS_CLASSES)
    shares = [f"ferplus_{name}" for name in FERPLUS_CLASSES] if raw else CLASSROOM_CLASSES
    header = ["path", "label", *groups, "predicted", *shares, "valence", "arousal", "dominance", "confidence"]
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            for i, entry in enumerate(evaluation.entries):
                values = [*emotions.shares[i], *emotions.vad[i], emotions.confidence[i]]
                numbers = [f"{value:.5f}" for value in values]
                cells = [entry.path, entry.label, *entry.groups.values(), evaluation.predictions[i]]
                writer.writerow([*cells, *numbers])
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def describe(evaluation: Evaluation) -> list[str]:
    """The scores as lines of text."""
    scores = evaluation.scores
    lines = [
        f"n                {scores.n}",
        f"accuracy         {scores.accuracy:.4f}",
        f"macro F1         {scores.macro_f1:.4f}",
        f"weighted F1      {scores.weighted_f1:.4f}",
        f"ECE              {scores.ece:.4f}",
        f"faces not found  {scores.faces_not_found}",
        "recall           " + ", ".join(f"{name} {value:.3f}" for name, value in scores.recall.items()),
    ]
    columns = list(next(iter(scores.confusion.values())))
    lines.append("label \\ said     " + " ".join(f"{name[:9]:>9}" for name in columns))
    for name, row in scores.confusion.items():
        lines.append(f"{name:<16} " + " ".join(f"{row[column]:>9}" for column in columns))
    return lines
