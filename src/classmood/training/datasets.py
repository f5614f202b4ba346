"""Loaders: FER+ as parquet, Kaggle's FER2013 with FER+ votes, a folder of images by class, a manifest.

All give ``Samples`` over the eight FER+ classes. The test splits are read only by ``load_test``, and training rows that
are pixel duplicates of a test row are dropped, so that nothing of them is learned.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32

from classmood.emotions import FERPLUS_CLASSES, UnknownLabel, ferplus_class
from classmood.errors import InputError, ManifestError, MissingExtra, RecipeError
from classmood.training.samples import Samples

VOTE_COLUMNS = tuple(f"votes_{name}" for name in FERPLUS_CLASSES)
TEST_SPLITS = ("public_test", "private_test")
_FERPLUS_CSV_COLUMNS = FERPLUS_CLASSES
_KAGGLE_SPLITS = {"Training": "train", "PublicTest": "public_test", "PrivateTest": "private_test"}
_IMAGE_ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}


def soft_labels(votes: np.ndarray) -> Float32[np.ndarray, "n 8"]:
    """FER+ soft labels: votes over the eight classes with single votes dropped, as shares; rows without any are 0.

    Barsoum et al. 2016: a single rater's dissent is taken for noise.
    """
    kept = np.where(votes > 1, votes, 0).astype(np.float32)
    total = kept.sum(1, keepdims=True)
    return np.divide(kept, total, out=np.zeros_like(kept), where=total > 0)


def load_training(source: str, path: Path) -> Samples:
    """Samples to train on.

    Args:
        source: ``ferplus`` (folder of parquet files), ``fer2013`` (folder with ``fer2013.csv`` and
            ``fer2013new.csv``), ``folder`` (a subfolder a class) or ``manifest`` (CSV with ``path,label``).

    Raises:
        InputError: the data is not there or cannot be read; the message says what was expected.
        RecipeError: the source is none of the four.
    """
    if source == "ferplus":
        return _ferplus_training(path)
    if source == "fer2013":
        return _kaggle_training(path)
    if source == "folder":
        return _folder(path)
    if source == "manifest":
        return _manifest(path)
    raise RecipeError(f"data.source: expected ferplus, fer2013, folder or manifest, got {source!r}")


def read_split(path: Path, split: str) -> tuple[list[str], list[bytes], np.ndarray, list[str]]:
    """One FER+ parquet split: names, encoded images, votes (n x 10) and duplicate groups, row by row."""
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise MissingExtra("reading parquet files", "train") from error
    file = path / f"{split}.parquet"
    if not file.is_file():
        raise InputError(f"{file}: not found; expected the FER+ parquet files (train, public_test, private_test) there")
    table = parquet.read_table(file)
    votes = np.stack([table[c].to_numpy() for c in (*VOTE_COLUMNS, "votes_unknown", "votes_not_a_face")], 1)
    images = [row["bytes"] for row in table["image"].to_pylist()]
    names = table["name"].to_pylist()
    # Rows without a duplicate have no group: each is then its own.
    groups = [group or name for name, group in zip(names, table["duplicate_group"].to_pylist(), strict=True)]
    return names, images, votes, groups


def decode_grey(data: bytes, name: str) -> np.ndarray:
    """An encoded image as a 48x48 grey crop."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise InputError(f"{name}: cannot be read as an image")
    return image if image.shape == (48, 48) else cv2.resize(image, (48, 48), interpolation=cv2.INTER_AREA)


def _ferplus_training(path: Path) -> Samples:
    names, encoded, votes, groups = read_split(path, "train")
    test_groups = {group for split in TEST_SPLITS for group in read_split(path, split)[3]}
    images = np.stack([decode_grey(data, name) for data, name in zip(encoded, names, strict=True)])
    return _usable(images, votes, names, groups, test_groups)


def _usable(images: np.ndarray, votes: np.ndarray, names: list[str], groups: list[str], tests: set[str]) -> Samples:
    """Drop rows that no class won a second vote for, rows most raters called no face, and duplicates of test rows."""
    targets = soft_labels(votes[:, :8])
    duplicate = np.array([group in tests for group in groups])
    keep = np.flatnonzero((targets.sum(1) > 0) & (votes[:, 9] <= 5) & ~duplicate)
    return Samples(images, targets, tuple(names), tuple(groups)).take(keep)


def _kaggle_training(path: Path) -> Samples:
    pixels_file, votes_file = path / "fer2013.csv", path / "fer2013new.csv"
    for file in (pixels_file, votes_file):
        if not file.is_file():
            raise InputError(f"{file}: not found; expected Kaggle's fer2013.csv and Microsoft's fer2013new.csv there")
    images, votes, names, groups, tests = [], [], [], [], set()
    with pixels_file.open(newline="") as a, votes_file.open(newline="") as b:
        for row, (pixel_row, vote_row) in enumerate(zip(csv.DictReader(a), csv.DictReader(b), strict=True), start=2):
            values = np.array(pixel_row["pixels"].split(), np.uint8)
            if values.size != 48 * 48:
                raise InputError(f"{pixels_file}: row {row}: expected 2304 pixels, got {values.size}")
            group = hashlib.sha256(values.tobytes()).hexdigest()
            if _KAGGLE_SPLITS[pixel_row["Usage"]] in TEST_SPLITS:
                tests.add(group)
                continue
            images.append(values.reshape(48, 48))
            votes.append([int(vote_row[c]) for c in (*FERPLUS_CLASSES, "unknown", "NF")])
            names.append(vote_row["Image name"] or f"row{row}")
            groups.append(group)
    return _usable(np.stack(images), np.array(votes), names, groups, tests)


def _folder(path: Path) -> Samples:
    if not path.is_dir():
        raise InputError(f"{path}: not a folder; expected one with a subfolder a class")
    rows = []
    for folder in sorted(p for p in path.iterdir() if p.is_dir()):
        try:
            label = ferplus_class(folder.name)
        except UnknownLabel as error:
            raise InputError(f"{folder}: {error}") from error
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in _IMAGE_ENDINGS)
        rows += [(file, label, str(file)) for file in files]
    return _labelled(rows, str(path))


def _manifest(path: Path) -> Samples:
    from classmood.manifest import read_manifest

    manifest = read_manifest(path)
    rows = []
    for entry in manifest.entries:
        try:
            rows.append((entry.path, ferplus_class(entry.label), entry.groups.get("subject", str(entry.path))))
        except UnknownLabel as error:
            raise ManifestError(f"{path}: row {entry.row}: {error}") from error
    return _labelled(rows, str(path))


def _labelled(rows: list[tuple[Path, str, str]], source: str) -> Samples:
    if not rows:
        raise InputError(f"{source}: no images found")
    images = np.stack([decode_grey(file.read_bytes(), str(file)) for file, _, _ in rows])
    targets = np.zeros((len(rows), len(FERPLUS_CLASSES)), np.float32)
    for i, (_, label, _) in enumerate(rows):
        targets[i, FERPLUS_CLASSES.index(label)] = 1
    return Samples(images, targets, tuple(str(f) for f, _, _ in rows), tuple(group for _, _, group in rows))
