"""The FER+ test protocols as manifests, so that `classmood evaluate` scores them like any other set.

- ``argmax``: the class with most votes of the eight, every row (3,573 in PrivateTest, 3,579 in PublicTest); ties go to
  the first in FER+'s order.
- ``majority``: the official strict form. Single votes are dropped, then a class must hold more than half of all votes,
  those for "unknown" and "not a face" included, and be one of the eight.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int

from classmood.emotions import FERPLUS_CLASSES
from classmood.errors import OutputError
from classmood.training.datasets import read_split

Protocol = Literal["argmax", "majority"]


def labels(votes: Int[np.ndarray, "n 10"], protocol: Protocol) -> Int[np.ndarray, " n"]:
    """The class of each row by a protocol, as a place in ``FERPLUS_CLASSES``; -1 where it has none."""
    if protocol == "argmax":
        most: Int[np.ndarray, " n"] = votes[:, : len(FERPLUS_CLASSES)].argmax(1)
        return most
    kept = np.where(votes > 1, votes, 0)
    winner = kept.argmax(1)
    strict = (2 * kept.max(1) > kept.sum(1)) & (winner < len(FERPLUS_CLASSES))
    return np.where(strict, winner, -1)


def write_manifest(data: Path, split: str, protocol: Protocol, folder: Path) -> Path:
    """Write a split's images as PNG files into a folder of the user's, with a manifest; return the manifest.

    Raises:
        InputError: the split is not there.
        OutputError: the folder cannot be written.
    """
    names, images, votes, _ = read_split(data, split)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        manifest = folder / f"{split}-{protocol}.csv"
        with manifest.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "label"])
            for name, image, label in zip(names, images, labels(votes, protocol), strict=True):
                if label >= 0:
                    (folder / name).write_bytes(image)
                    writer.writerow([name, FERPLUS_CLASSES[label]])
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from error
    return manifest
