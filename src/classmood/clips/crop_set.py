"""A set of labelled crops on disk, a folder that a person can look through and a participant can be removed from.

    CROPS/
        crops.json          how the set was made
        manifest.csv        a row a clip: whose, its label, its fold, how many frames, why others were dropped
        models.csv          the models that were trained on it, written by classmood export
        sub-001/
            clips.json      this participant's rows, written last: without it the participant is cut again
            sub-001_SCENARIO.npz    crops (uint8, t x 48 x 48) and time_s (since the clip's beginning)

These are faces of people who agreed to a study. Keep the set where the study's videos are kept, and erase it with them.
"""

from __future__ import annotations

import csv
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float64, UInt8

from classmood.dataset import trained
from classmood.dataset.layout import PARTICIPANTS
from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS
from classmood.errors import InputError, OutputError
from classmood.markdown import csv_text, write_text

FORMAT: Final = "classmood crops"
DESCRIPTION: Final = "crops.json"
MANIFEST: Final = "manifest.csv"
MODELS: Final = "models.csv"
PART: Final = "clips.json"
COLUMNS: Final = (
    "file",
    "participant",
    "course",
    "scenario",
    "evokes",
    "emotion",
    "label",
    *DIMENSIONS,
    "start_s",
    "end_s",
    "frames",
    "fold",
    "left_out",
)


@dataclass(frozen=True, slots=True, eq=False)
class CropClip:
    """One clip of a set.

    Attributes:
        label: of ``CLASSROOM_CLASSES``, "" where it has none.
        ratings: valence, arousal, dominance in [-1, 1], NaN where not rated.
        time_s: of each crop since the clip's beginning.
        emotion: the one that the participant chose, "" where none.
    """

    name: str
    participant: str
    course: str
    scenario: str
    label: str
    ratings: Float64[np.ndarray, " 3"]
    fold: int
    crops: UInt8[np.ndarray, "t 48 48"]
    time_s: Float64[np.ndarray, " t"]
    emotion: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class CropSet:
    """All clips of a set that are fit for use, in the order of the manifest.

    Attributes:
        made: what ``crops.json`` says of how it was made.
    """

    path: Path
    clips: tuple[CropClip, ...]
    made: dict[str, Any]

    @property
    def participants(self) -> tuple[str, ...]:
        """Who is in it."""
        return tuple(dict.fromkeys(clip.participant for clip in self.clips))

    @property
    def folds(self) -> tuple[int, ...]:
        """Numbers of its folds."""
        return tuple(sorted({clip.fold for clip in self.clips}))

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes that occur, in the classroom's order."""
        there = {clip.label for clip in self.clips}
        return tuple(name for name in CLASSROOM_CLASSES if name in there)


def read_crop_set(path: Path) -> CropSet:
    """Read a set into memory: 2.3 kB a crop.

    Raises:
        InputError: it is no crop set, was not finished, or a row or a file is wrong; the row is named.
    """
    try:
        made = json.loads((path / DESCRIPTION).read_text(encoding="utf-8"))
        with (path / MANIFEST).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a folder of 'classmood dataset build' ({error})") from error
    if not isinstance(made, dict) or made.get("format") != FORMAT or (rows and set(rows[0]) != set(COLUMNS)):
        raise InputError(f"{path}: expected a folder of 'classmood dataset build', got something else")
    if made.get("finished") is False:
        raise InputError(f"{path}: was not finished; give the command that builds it again, and it goes on")
    clips = [_read_clip(path, place, row) for place, row in enumerate(rows, 2) if not row["left_out"]]
    if not clips:
        raise InputError(f"{path}: none of its {len(rows)} clips is fit for use; {MANIFEST} says why")
    owners: dict[str, int] = {}
    for place, clip in enumerate(clips):
        if owners.setdefault(clip.participant, clip.fold) != clip.fold:
            raise InputError(
                f"{path / MANIFEST}: {clip.participant} is in two folds (clip {place + 1}); build the set again"
            )
    return CropSet(path, tuple(clips), made)


def _read_clip(path: Path, place: int, row: dict[str, str]) -> CropClip:
    try:
        with np.load(path / row["file"]) as file:
            crops, time_s = file["crops"], file["time_s"]
        if crops.dtype != np.uint8 or crops.shape != (int(row["frames"]), 48, 48) or time_s.shape != crops.shape[:1]:
            raise ValueError(f"expected {row['frames']} crops of 48 x 48, got {crops.dtype} of shape {crops.shape}")
        for name in ("label", "emotion"):
            if row[name] not in ("", *CLASSROOM_CLASSES):
                raise ValueError(f"{name}: expected one of {', '.join(CLASSROOM_CLASSES)} or none, got {row[name]!r}")
        ratings = np.array([float(row[name] or "nan") for name in DIMENSIONS])
        fold = int(row["fold"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path / MANIFEST}: row {place}: {error}; build the set again") from error
    return CropClip(
        Path(row["file"]).stem,
        row["participant"],
        row["course"],
        row["scenario"],
        row["label"],
        ratings,
        fold,
        crops,
        time_s.astype(np.float64),
        row["emotion"],
    )


def write_manifest(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the manifest.

    Raises:
        OutputError: it cannot be written.
    """
    cells = [["" if row[name] is None else row[name] for name in COLUMNS] for row in rows]
    write_text(path / MANIFEST, csv_text(COLUMNS, cells))


def note_model(crops: CropSet, model: Path, sha256: str) -> None:
    """Write down that a model was trained on a set, here and in the dataset that the set was cut from.

    So it can be found when a participant withdraws: ``classmood experiment erase`` names the models in the dataset.

    Raises:
        OutputError: it cannot be written.
    """
    file, name = crops.path / MODELS, model.stem
    try:
        # The dataset first: what is listed there is named when somebody withdraws, and a failure is tried again.
        dataset = Path(crops.made.get("dataset", ""))
        if (dataset / PARTICIPANTS).is_file():
            if not any(trained.was_trained_on(dataset, one, sha256) for one in crops.participants):
                trained.note_model(dataset, model, sha256, crops.participants)
        elif crops.made.get("dataset"):
            warnings.warn(
                f"{dataset}: the dataset that {crops.path} was cut from is not there, so {model.name} is not listed in "
                "it and would not be named when a participant withdraws; bring it back and export again",
                stacklevel=2,
            )
        known = file.read_text(encoding="utf-8") if file.is_file() else "model,sha256\n"
        line = csv_text((name, sha256), ())
        if line not in known:
            file.write_text(known + line, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(f"{file}: cannot be written ({error.strerror}); the model must be listed there") from error
