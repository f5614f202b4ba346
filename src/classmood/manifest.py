"""A manifest: a CSV that lists face images with their labels, and any columns to group by.

    path,label,gender
    faces/001.jpg,happy,female

Paths are relative to the manifest. Label spellings of the common data sets are understood, see ``classmood.emotions``.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from classmood.errors import InputError, ManifestError


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: where it stands, its image, its label as written, its other columns."""

    row: int
    path: Path
    label: str
    groups: dict[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """All rows of a manifest, in order."""

    path: Path
    entries: tuple[Entry, ...]


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; images are not opened.

    Raises:
        InputError: the file is missing, is no text, or lacks the columns ``path`` and ``label``.
        ManifestError: a row has no path or no label, or too many cells; the row is named (the header is row 1).
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or ()
            if not {"path", "label"} <= set(columns):
                found = ", ".join(columns) or "none"
                raise InputError(f"{path}: expected the columns path and label, found {found[:200]}")
            # By the file's lines, empty ones included; a row ends where its last quoted cell does.
            entries = tuple(_entry(path, reader.line_num, cells) for cells in reader)
    except OSError as error:
        raise InputError(f"{path}: cannot read the manifest ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV text file ({error})") from error
    if not entries:
        raise InputError(f"{path}: the manifest lists no images")
    return Manifest(path, entries)


def _entry(manifest: Path, row: int, cells: dict[str, str]) -> Entry:
    if None in cells:
        raise ManifestError(f"{manifest}: row {row}: more cells than the header has columns")
    for column in ("path", "label"):
        if not (cells[column] or "").strip():
            raise ManifestError(f"{manifest}: row {row}: the column {column} is empty")
    groups = {name: value or "" for name, value in cells.items() if name not in ("path", "label")}
    return Entry(row, manifest.parent / cells["path"].strip(), cells["label"].strip(), groups)
