"""What a participant agreed to record: parts as they come, each checked by its hash, and joined for the export.

A recorder in a browser hands out one stream in parts; those of one attempt and step, put together in order, are one
video file. So a part that never came ends the video there: what comes after it cannot be read.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from classmood.errors import ClassmoodError, InputError, OutputError
from classmood.studies import StoredChunk

LARGEST_PART_BYTES: Final = 8 << 20
# An hour at two megabits a second is under 1 GB.
MOST_BYTES: Final = 4 << 30


class BadPart(ClassmoodError):
    """A part of a recording is not what its hash says, or other than what is kept under its number."""


class Recordings:
    """The folder of a server's recordings; a folder in it for each participant, by their random id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, participant: str, attempt: int, step: int, part: int, content: bytes, sha256: str) -> StoredChunk:
        """Write a part; it is on the disk when this returns.

        Raises:
            BadPart: it is not what its hash says, or is empty or too long.
            OutputError: it cannot be written.
        """
        if not 0 < len(content) <= LARGEST_PART_BYTES:
            raise BadPart(f"expected a part of 1 to {LARGEST_PART_BYTES} bytes, got {len(content)}")
        actual = hashlib.sha256(content).hexdigest()
        if actual != sha256:
            raise BadPart(f"expected a part with SHA-256 {sha256[:16]}..., got {actual[:16]}...; send it again")
        chunk = StoredChunk(attempt, step, part, actual, len(content))
        path = self.path(participant, chunk)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
            # Windows writes \r\n for \n into what was not opened as binary.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            descriptor = os.open(partial, flags, 0o600)
            try:
                view = memoryview(content)
                while view:
                    view = view[os.write(descriptor, view) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            partial.replace(path)
        except OSError as error:
            raise OutputError(f"{self.folder}: a recording cannot be written ({error.strerror}); make room") from error
        return chunk

    def path(self, participant: str, chunk: StoredChunk) -> Path:
        """Where a part lies."""
        return self.folder / participant / f"{chunk.attempt:03d}-{chunk.step:04d}-{chunk.part:06d}.part"

    def join(self, participant: str, chunks: Sequence[StoredChunk], target: Path) -> None:
        """Put the parts of one recording together.

        Raises:
            InputError: a part is not there any more, or has changed.
            OutputError: the video cannot be written.
        """
        try:
            with target.open("wb") as joined:
                for chunk in chunks:
                    path = self.path(participant, chunk)
                    try:
                        content = path.read_bytes()
                    except OSError as error:
                        raise InputError(f"{path}: part of a recording, cannot be read ({error.strerror})") from error
                    if hashlib.sha256(content).hexdigest() != chunk.sha256:
                        raise InputError(f"{path}: part of a recording, has changed since it came; restore it")
                    joined.write(content)
        except OSError as error:
            raise OutputError(f"{target}: cannot be written ({error.strerror}); choose another folder") from error

    def erase(self, participant: str) -> None:
        """Remove all of one participant.

        Raises:
            OutputError: a file cannot be removed.
        """
        try:
            shutil.rmtree(self.folder / participant)
        except FileNotFoundError:
            return
        except OSError as error:
            raise OutputError(f"{self.folder / participant}: cannot be removed ({error.strerror})") from error

    def sweep(self, known: Iterable[str]) -> list[str]:
        """Remove folders of whom nothing is known (any more), and halves of parts; the names of the folders."""
        kept = set(known)
        gone = []
        for folder in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
            if folder.is_dir() and folder.name not in kept:
                self.erase(folder.name)
                gone.append(folder.name)
            elif folder.is_dir():
                for half in folder.glob("*.part.*"):
                    half.unlink(missing_ok=True)
        return gone


def whole_runs(chunks: Iterable[StoredChunk]) -> list[tuple[tuple[int, int], list[StoredChunk], int]]:
    """For each attempt and step: the parts from the first on without a gap, and how many lie beyond one."""
    found = []
    for key, group in groupby(sorted(chunks), key=lambda one: (one.attempt, one.step)):
        parts = list(group)
        run = [one for place, one in enumerate(parts) if one.part == place]
        found.append((key, run, len(parts) - len(run)))
    return found
