"""What each system says of each image: run through its adapter, kept, and read back.

A peer's answers are kept under a key of its pinned packages, its adapter and the images, so that a new model of ours
asks only ours again. Ours are never kept.
"""

from __future__ import annotations

import csv
import hashlib
import os
import subprocess
from pathlib import Path

import environment
import numpy as np
from peer import Peer
from photos import SEVEN, PhotoSet

NICENESS = 5


class PredictionError(Exception):
    """Answers that do not fit the images."""


def predict(peer: Peer, photo_set: PhotoSet, out: Path, *, fresh: bool = False) -> np.ndarray:
    """The probabilities of a system, n x 7 in the order of ``SEVEN``; NaN where it found no face.

    One thread and a low priority: the answers do not hang on them.
    """
    path = out / "predictions" / f"{key(peer, photo_set)}.csv"
    if fresh or not peer.registry or not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        print(f"{peer.name}: {photo_set.name}")
        unfinished = path.with_suffix(".unfinished")
        arguments = ["predict", str(photo_set.manifest.resolve()), photo_set.kind, str(unfinished.resolve())]
        with path.with_suffix(".log").open("w") as log:
            subprocess.run(
                environment.command(peer, out / "environments", arguments),
                env=environment.variables(peer, out / "environments", threads=1),
                stdout=log,
                stderr=log,
                check=True,
                preexec_fn=lambda: os.nice(NICENESS),
            )
        unfinished.replace(path)
    with photo_set.manifest.open(newline="", encoding="utf-8") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    return read(path, paths)


def key(peer: Peer, photo_set: PhotoSet) -> str:
    """What a file of answers is called: the system, the set, and a digest of all that the answers hang on."""
    digest = hashlib.sha256()
    digest.update("\n".join([peer.package, peer.version, peer.variant, *peer.needs, photo_set.kind]).encode())
    for script in (peer.adapter, "interface.cjs" if peer.registry == "npm" else "interface.py"):
        digest.update((environment.ADAPTERS / script).read_bytes())
    with photo_set.manifest.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            digest.update(Path(row["path"]).name.encode())
            digest.update(Path(row["path"]).read_bytes())
    words = f"{peer.name} {photo_set.name}".lower().replace("+", "plus").replace(",", "")
    return f"{words.replace(' ', '-')}-{digest.hexdigest()[:16]}"


def read(path: Path, paths: list[str]) -> np.ndarray:
    """An adapter's answers, n x 7; NaN where it found no face.

    Raises:
        PredictionError: they are not of these images in this order, or a row is neither empty nor seven numbers.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if [row["path"] for row in rows] != paths:
        raise PredictionError(
            f"{path}: expected answers for {len(paths)} images in the manifest's order; run with --fresh"
        )
    answers = np.full((len(rows), len(SEVEN)), np.nan)
    for i, row in enumerate(rows):
        cells = [row[name] for name in SEVEN]
        if not any(cells):
            continue
        try:
            answers[i] = [float(cell) for cell in cells]
        except (TypeError, ValueError) as error:
            raise PredictionError(f"{path}: row {i + 2}: expected seven numbers or none, got {cells}") from error
        if not np.isfinite(answers[i]).all():
            raise PredictionError(f"{path}: row {i + 2}: expected finite numbers, got {cells}")
    return answers
