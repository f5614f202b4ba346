"""Loaders: FER+ as parquet, Kaggle's FER2013 with FER+ votes, a folder of images by class, a manifest, own crops.

The first four give ``Samples`` over the eight FER+ classes; the crops of one's own study (``classmood dataset build``)
over the classroom's nine, with ratings. Of the test splits it is read only which images they hold: training
rows that are pixel duplicates of a test row are dropped, so that nothing of them is learned.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, Int64

from classmood.clips.crop_set import CropClip, read_crop_set
from classmood.crops import SIDE_PX, crop_whole
from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS, FERPLUS_CLASSES, UnknownLabel, ferplus_class
from classmood.errors import InputError, ManifestError, MissingExtra, RecipeError
from classmood.images import IMAGE_ENDINGS, read_image
from classmood.manifest import read_manifest
from classmood.training.recipe import DataSection
from classmood.training.samples import Samples

VOTE_COLUMNS = tuple(f"votes_{name}" for name in FERPLUS_CLASSES)
TEST_SPLITS = ("public_test", "private_test")
_KAGGLE_SPLITS = {"Training": "train", "PublicTest": "public_test", "PrivateTest": "private_test"}
_KAGGLE_VOTES = (*FERPLUS_CLASSES, "unknown", "NF")
# Rows that more raters than this called no face are no face.
_MOST_NOT_A_FACE = 5


def soft_labels(votes: np.ndarray) -> Float32[np.ndarray, "n 8"]:
    """FER+ soft labels: votes over the eight classes with single votes dropped, as shares; rows without any are 0.

    Barsoum et al. 2016: a single rater's dissent is taken for noise.
    """
    kept = np.where(votes > 1, votes, 0).astype(np.float32)
    total = kept.sum(1, keepdims=True)
    shares: Float32[np.ndarray, "n 8"] = np.divide(kept, total, out=np.zeros_like(kept), where=total > 0)
    return shares


def load_parts(section: DataSection, path: Path) -> tuple[Samples, Samples]:
    """What a recipe trains on, and the held-out fold that it is calibrated by.

    Of a set of crops the participants of one of its folds are held out; elsewhere a share of the groups is.

    Raises:
        InputError: see ``load_training``.
        RecipeError: nothing is left to train on, or there is no such fold.
    """
    if section.source != "crops":
        return load_training(section.source, path).split(section.holdout, fraction=section.fraction)
    crops = read_crop_set(path)
    if section.held_fold not in (0, *crops.folds):
        raise RecipeError(
            f"data.held_fold: expected one of the folds {', '.join(map(str, crops.folds))} of {path}, or 0 for none, "
            f"got {section.held_fold}"
        )
    parts = ([c for c in crops.clips if (c.fold == section.held_fold) == held] for held in (False, True))
    training, held = (samples_of(clips, section) for clips in parts)
    return training, held


def check_classes(section: DataSection, training: Samples) -> None:
    """See that every class has a face to learn it from, or may be without.

    Raises:
        RecipeError: one has none, or ``may_lack`` names no class.
    """
    if unknown := sorted(set(section.may_lack) - set(FERPLUS_CLASSES)):
        raise RecipeError(f"data.may_lack: expected names among {', '.join(FERPLUS_CLASSES)}, got {unknown[0]!r}")
    if section.source == "crops":
        return  # which of the classroom's classes there are is the study's to say
    found = training.targets.sum(0) > 0
    missing = [name for name, there in zip(FERPLUS_CLASSES, found, strict=True) if not there]
    if lacking := [name for name in missing if name not in section.may_lack]:
        raise RecipeError(
            f"no face of {', '.join(lacking)} to train on; add some, or let the network never say it: "
            f"data.may_lack = {lacking}"
        )


def samples_of(clips: Sequence[CropClip], section: DataSection) -> Samples:
    """Faces of clips: those after ``settle_s``, at most ``most_frames`` of a clip, spread evenly over it."""
    images, targets, ratings, names, groups = [], [], [], [], []
    for clip in clips:
        chosen = settled(clip, section.settle_s)
        if len(chosen) > section.most_frames:
            chosen = chosen[np.linspace(0, len(chosen) - 1, section.most_frames).round().astype(int)]
        target = np.array([name == clip.label for name in CLASSROOM_CLASSES], np.float32)
        for place in chosen.tolist():
            images.append(clip.crops[place])
            targets.append(target)
            ratings.append(clip.ratings)
            names.append(f"{clip.name}#{place}")
            groups.append(clip.participant)
    return Samples(
        np.array(images, np.uint8).reshape(-1, SIDE_PX, SIDE_PX),
        np.array(targets, np.float32).reshape(-1, len(CLASSROOM_CLASSES)),
        tuple(names),
        tuple(groups),
        np.array(ratings, np.float32).reshape(-1, len(DIMENSIONS)),
    )


def settled(clip: CropClip, settle_s: float) -> Int64[np.ndarray, " n"]:
    """Places of a clip's faces after its first seconds; all of them where the clip is not longer than that."""
    late: Int64[np.ndarray, " n"] = np.flatnonzero(clip.time_s >= settle_s)
    return late if len(late) else np.arange(len(clip.time_s))


def load_training(source: str, path: Path) -> Samples:
    """Samples to train on.

    Args:
        source: ``ferplus`` (folder of parquet files), ``fer2013`` (folder with ``fer2013.csv`` and
            ``fer2013new.csv``), ``folder`` (a subfolder a class) or ``manifest`` (CSV with ``path,label`` and, where
            one person has several rows, ``subject``: rows of one subject never cross a fold; where it has a column
            ``split``, rows of ``train`` alone are taken).
        path: the folder or manifest.

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
    raise RecipeError(f"data.source: expected ferplus, fer2013, folder, manifest or crops, got {source!r}")


def read_split(path: Path, split: str) -> tuple[list[str], list[bytes], np.ndarray, list[str]]:
    """One FER+ parquet split: names, encoded images, votes (n x 10) and duplicate groups, row by row."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("reading parquet files", "train") from error
    file = path / f"{split}.parquet"
    if not file.is_file():
        raise InputError(f"{file}: not found; expected the FER+ parquet files (train, public_test, private_test) there")
    try:
        table = parquet.read_table(file)
        votes = np.stack([table[c].to_numpy() for c in (*VOTE_COLUMNS, "votes_unknown", "votes_not_a_face")], 1)
        images = [row["bytes"] for row in table["image"].to_pylist()]
        names = table["name"].to_pylist()
        duplicates = table["duplicate_group"].to_pylist()
    except (OSError, pa.ArrowException, KeyError) as error:
        problem = str(error).splitlines()[0]
        raise InputError(f"{file}: expected FER+ as parquet, with columns name, image, votes_* ({problem})") from error
    # Rows without a duplicate have no group: each is then its own.
    groups = [group or name for name, group in zip(names, duplicates, strict=True)]
    return names, images, votes, groups


def decode_grey(data: bytes, name: str) -> np.ndarray:
    """An encoded grey image as a 48x48 crop."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if image is None:
        raise InputError(f"{name}: cannot be read as an image")
    return crop_whole(image.astype(np.uint8, copy=False))


def _ferplus_training(path: Path) -> Samples:
    names, encoded, votes, groups = read_split(path, "train")
    test_groups = {group for split in TEST_SPLITS for group in read_split(path, split)[3]}
    images = [decode_grey(data, name) for data, name in zip(encoded, names, strict=True)]
    return _usable(images, votes, names, groups, test_groups)


def _usable(
    images: list[np.ndarray], votes: np.ndarray, names: list[str], groups: list[str], tests: set[str]
) -> Samples:
    """Drop rows that no class won a second vote for, rows most raters called no face, and duplicates of test rows."""
    if not images:
        raise InputError("the data holds no training rows; expected the training split with images and votes")
    targets = soft_labels(votes[:, :8])
    duplicate = np.array([group in tests for group in groups])
    keep = np.flatnonzero((targets.sum(1) > 0) & (votes[:, 9] <= _MOST_NOT_A_FACE) & ~duplicate)
    return Samples(np.stack(images), targets, tuple(names), tuple(groups)).take(keep)


def _kaggle_training(path: Path) -> Samples:
    pixels_file, votes_file = path / "fer2013.csv", path / "fer2013new.csv"
    for file in (pixels_file, votes_file):
        if not file.is_file():
            raise InputError(f"{file}: not found; expected Kaggle's fer2013.csv and Microsoft's fer2013new.csv there")
    images, votes, names, groups, tests = [], [], [], [], set()
    with pixels_file.open(newline="", encoding="utf-8") as a, votes_file.open(newline="", encoding="utf-8") as b:
        pairs = itertools.zip_longest(csv.DictReader(a), csv.DictReader(b))
        for row, (pixel_row, vote_row) in enumerate(pairs, start=2):
            if pixel_row is None or vote_row is None:
                short, long = (pixels_file, votes_file) if pixel_row is None else (votes_file, pixels_file)
                raise InputError(
                    f"{short}: ends before row {row}, which {long.name} has; expected the same rows in both"
                )
            try:
                split, crop, row_votes = _kaggle_row(pixel_row, vote_row)
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                problem = f"no column {error}" if isinstance(error, KeyError) else str(error)
                raise InputError(f"{pixels_file} and {votes_file.name}: row {row}: {problem}") from error
            group = hashlib.sha256(crop.tobytes()).hexdigest()
            if split in TEST_SPLITS:
                tests.add(group)
                continue
            images.append(crop)
            votes.append(row_votes)
            names.append(vote_row.get("Image name") or f"row{row}")
            groups.append(group)
    return _usable(images, np.array(votes), names, groups, tests)


def _kaggle_row(pixels: dict[str, str], votes: dict[str, str]) -> tuple[str, np.ndarray, list[int]]:
    """One face of the two files: its split, its crop, its ten counts of votes."""
    usage = pixels["Usage"]
    if usage not in _KAGGLE_SPLITS:
        raise ValueError(f"expected Usage {', '.join(_KAGGLE_SPLITS)}, got {usage!r}")
    if votes["Usage"] != usage:
        raise ValueError(
            f"Usage is {usage} in one file and {votes['Usage']} in the other; expected the same rows in both"
        )
    values = np.array(pixels["pixels"].split(), np.uint8)
    if values.size != 48 * 48:
        raise ValueError(f"expected 2304 pixels, got {values.size}")
    return _KAGGLE_SPLITS[usage], values.reshape(48, 48), [int(votes[column]) for column in _KAGGLE_VOTES]


def _folder(path: Path) -> Samples:
    if not path.is_dir():
        raise InputError(f"{path}: not a folder; expected one with a subfolder a class")
    rows = []
    for folder in sorted(p for p in path.iterdir() if p.is_dir()):
        try:
            label = ferplus_class(folder.name)
        except UnknownLabel as error:
            raise InputError(f"{folder}: {error}") from error
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_ENDINGS)
        rows += [_Row(file, label, str(file)) for file in files]
    return _labelled(rows, str(path))


def _manifest(path: Path) -> Samples:
    manifest = read_manifest(path)
    rows = []
    split_of: dict[str, str] = {}
    for entry in manifest.entries:
        subject = entry.groups.get("subject", "").strip()
        split = entry.groups.get("split", "train").strip().lower()
        if subject and split_of.setdefault(subject, split) != split:
            raise ManifestError(
                f"{path}: row {entry.row}: {subject} is in the split {split!r}, above in {split_of[subject]!r}; "
                "a person belongs to one split, or the test would know them from training"
            )
        if split != "train":
            continue
        try:
            group = subject or str(entry.path)
            rows.append(_Row(entry.path, ferplus_class(entry.label), group, f"{path}: row {entry.row}: "))
        except UnknownLabel as error:
            raise ManifestError(f"{path}: row {entry.row}: {error}") from error
    if not rows:
        raise ManifestError(f"{path}: no row is of the split train; others are not trained on")
    return _labelled(rows, str(path))


@dataclass(frozen=True, slots=True)
class _Row:
    """A labelled file, and what an error about it says first."""

    file: Path
    label: str
    group: str
    place: str = ""


def _labelled(rows: list[_Row], source: str) -> Samples:
    if not rows:
        raise InputError(f"{source}: no images found")
    images = []
    for row in rows:
        try:
            images.append(crop_whole(read_image(row.file)))
        except InputError as error:
            raise InputError(f"{row.place}{error}") from error
    targets = np.zeros((len(rows), len(FERPLUS_CLASSES)), np.float32)
    targets[np.arange(len(rows)), [FERPLUS_CLASSES.index(row.label) for row in rows]] = 1
    return Samples(np.stack(images), targets, tuple(str(row.file) for row in rows), tuple(row.group for row in rows))
