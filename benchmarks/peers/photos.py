"""The images that every system gets: FER+ test crops, London photos and a frame of 20 faces, all as lossless PNG.

A manifest of each, with the columns path and label; London's has the person too. Paths are absolute, and an image that
some system cannot decode is no part of the comparison: PNG is what all of them read alike.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from classmood.emotions import FERPLUS_CLASSES
from classmood.frames import read_frames
from classmood.images import read_image
from classmood.training.datasets import read_split
from classmood.training.protocol import labels

SEVEN = FERPLUS_CLASSES[:7]
Kind = Literal["crops", "photos"]
# Of class20.mp4: all twenty people have their camera on, and about half of them smile.
FRAME_S = 10.0
FACES_A_FRAME = 20


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """One set: its name, its manifest, and whether an image is a face or holds one."""

    name: str
    manifest: Path
    kind: Kind


def write_sets(data: Path, out: Path) -> list[PhotoSet]:
    """Write all sets below a folder, unless they are there."""
    return [
        PhotoSet("FER+ PublicTest", _write_ferplus(data / "ferplus", "public_test", out), "crops"),
        PhotoSet("FER+ PrivateTest", _write_ferplus(data / "ferplus", "private_test", out), "crops"),
        PhotoSet("London photos", _write_london(data / "london", out), "photos"),
    ]


def write_timing_images(data: Path, out: Path) -> tuple[Path, Path]:
    """The frame, and a manifest of the first crops of PublicTest, as many as the frame has faces."""
    folder = out / "timing"
    folder.mkdir(parents=True, exist_ok=True)
    frame = folder / "frame.png"
    if not frame.is_file():
        video = data / "london" / "class20.mp4"
        found = next(frame for frame in read_frames(video, fps=1) if frame.time_s >= FRAME_S)
        Image.fromarray(found.image).save(frame)
    with _write_ferplus(data / "ferplus", "public_test", out).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:FACES_A_FRAME]
    return frame, _write_manifest(
        folder / "faces.csv", ["path", "label"], [[row["path"], row["label"]] for row in rows]
    )


def _write_ferplus(data: Path, split: str, out: Path) -> Path:
    """Every face whose most voted class (ties go to the first) is one of the seven that all systems know."""
    manifest = out / split / "manifest.csv"
    if manifest.is_file():
        return manifest
    names, images, votes, _ = read_split(data, split)
    (out / split).mkdir(parents=True, exist_ok=True)
    rows = []
    for name, image, label in zip(names, images, labels(votes, "argmax"), strict=True):
        if label < len(SEVEN):
            path = (out / split / name).with_suffix(".png").resolve()
            path.write_bytes(image)
            rows.append([str(path), SEVEN[label]])
    return _write_manifest(manifest, ["path", "label"], rows)


def _write_london(data: Path, out: Path) -> Path:
    manifest = out / "london" / "manifest.csv"
    if manifest.is_file():
        return manifest
    (out / "london").mkdir(parents=True, exist_ok=True)
    rows = []
    for photo in sorted(data.glob("*_*.jpg")):
        person, expression = photo.stem.split("_")
        path = (out / "london" / photo.name).with_suffix(".png").resolve()
        Image.fromarray(read_image(photo)).save(path)
        rows.append([str(path), {"neutral": "neutral", "smiling": "happiness"}[expression], person])
    return _write_manifest(manifest, ["path", "label", "person"], rows)


def _write_manifest(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def read_labels(manifest: Path) -> tuple[list[str], np.ndarray, list[str]]:
    """Paths, labels as places in ``SEVEN``, and who is on each image: the person, or the image itself."""
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    places = np.array([SEVEN.index(row["label"]) for row in rows])
    return [row["path"] for row in rows], places, [row.get("person") or row["path"] for row in rows]
