"""Which models were trained on a dataset, noted in the dataset itself, so that an erasure can name them.

One JSON line a model in a hidden file of the folder, which belongs to the copy and not to the data: it is neither
checked nor summed up. Whoever trains notes; whoever erases a participant reads.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from classmood.errors import InputError, OutputError

TRAINED: Final = ".trained.jsonl"


def note_model(folder: Path, model: Path, sha256: str, participants: Iterable[str]) -> None:
    """Note that a model was trained on some participants of a dataset.

    Args:
        folder: the dataset's.
        model: where the model was written.
        sha256: of that file.
        participants: ids such as ``sub-001``.

    Raises:
        OutputError: the note cannot be written.
    """
    line = json.dumps({"model": str(model.resolve()), "sha256": sha256, "participants": sorted(set(participants))})
    try:
        with (folder / TRAINED).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(f"{folder / TRAINED}: cannot be written ({error.strerror})") from error


def models_of(folder: Path, participant: str) -> tuple[str, ...]:
    """The models that were trained on a participant, oldest first, as ``FILE (SHA-256 ...)``.

    Raises:
        InputError: the notes cannot be read.
    """
    return tuple(f"{model} (SHA-256 {sha256[:16]}...)" for model, sha256 in _trained_on(folder, participant))


def was_trained_on(folder: Path, participant: str, sha256: str) -> bool:
    """Whether a model, by the checksum of its file, was trained on a participant.

    Raises:
        InputError: the notes cannot be read.
    """
    return any(found == sha256 for _, found in _trained_on(folder, participant))


def _trained_on(folder: Path, participant: str) -> tuple[tuple[str, str], ...]:
    """File and checksum of each model."""
    path = folder / TRAINED
    if not path.is_file():
        return ()
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            note = json.loads(line)
            if participant in note["participants"]:
                found.append((str(note["model"]), str(note["sha256"])))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: line {number} is no note of a model; correct it or remove it") from error
    return tuple(dict.fromkeys(found))


def forget_participant(folder: Path, participant: str) -> None:
    """Take an erased participant's id out of the notes; the models stay listed.

    Raises:
        InputError: the notes cannot be read.
        OutputError: they cannot be written.
    """
    path = folder / TRAINED
    if not path.is_file() or participant not in path.read_text(encoding="utf-8"):
        return
    lines = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            note = json.loads(line)
            note["participants"] = [one for one in note["participants"] if one != participant]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: line {number} is no note of a model; correct it or remove it") from error
        lines.append(json.dumps(note))
    beside = path.with_name(f"{TRAINED}.new")
    try:
        beside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
