"""What participants say of themselves: the scales, one row a scenario, and the CSV in which studies keep them.

- Valence, arousal and dominance on the nine points of the Self-Assessment Manikin (Bradley and Lang 1994,
  doi:10.1016/0005-7916(94)90063-9); the pictures of it are not used here.
- The emotion chosen and its intensity, nine points.
- The paper's six aspects of the learning effect, nine points each, and the share of a short task that was right.

Valence and arousal may be asked twice (``valence_again``, ``arousal_again``): how far the two answers lie apart is all
that a study has to tell how exactly a feeling is rated (``classmood.learning``).

The CSV is UTF-8 with a header (row 1); columns in any order, others are let pass; an empty cell is "not said".
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float64, Int64

from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS
from classmood.errors import InputError
from classmood.markdown import csv_text, write_text

POINTS: Final = 9
ASPECTS: Final = (
    "enthusiasm",
    "classroom_cooperation",
    "duration",
    "task_completion",
    "knowledge_expansion",
    "skill_level",
)
AGAIN: Final = ("valence_again", "arousal_again")
# "duration" alone means seconds in every events file, so an aspect carries its kind in its name.
ASPECT_COLUMNS: Final = tuple(f"aspect_{name}" for name in ASPECTS)
RATED: Final = (*DIMENSIONS, *AGAIN, "intensity", *ASPECT_COLUMNS)
REQUIRED: Final = ("participant", "scenario", "valence", "arousal")
COLUMNS: Final = ("participant", "course", "scenario", "evokes", "emotion", *RATED, "score")


@dataclass(frozen=True, slots=True)
class SelfReports:
    """N answers, one a participant and scenario, as columns. NaN and "" stand for what was not said.

    Attributes:
        participant: who; a pseudonym.
        course: from which course they come, "" where it is not known.
        scenario: after which one was asked.
        evokes: the emotion that the scenario was meant to evoke, "" where none.
        emotion: the one they chose.
        ratings: as ``RATED`` orders them, each from 1 to 9.
        score: share of the task that was right, 0 to 1.
    """

    participant: tuple[str, ...]
    course: tuple[str, ...]
    scenario: tuple[str, ...]
    evokes: tuple[str, ...]
    emotion: tuple[str, ...]
    ratings: Float64[np.ndarray, "n 12"]
    score: Float64[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.participant)

    def of(self, name: str) -> Float64[np.ndarray, " n"]:
        """One column of ``RATED``, or the score."""
        return self.score if name == "score" else self.ratings[:, RATED.index(name)]

    def share(self, name: str) -> Float64[np.ndarray, " n"]:
        """A column with its ends at 0 and 1."""
        return self.score if name == "score" else (self.of(name) - 1) / (POINTS - 1)

    @property
    def effect(self) -> Float64[np.ndarray, " n"]:
        """Mean of the six aspects from 0 to 1; NaN where one is missing."""
        return np.asarray((self.ratings[:, -len(ASPECTS) :].mean(1) - 1) / (POINTS - 1))

    @property
    def people(self) -> Int64[np.ndarray, " n"]:
        """A number from 0 for each row's participant."""
        return np.unique(np.array(self.participant, str), return_inverse=True)[1].astype(np.int64)

    def where(self, keep: np.ndarray) -> SelfReports:
        """The rows of a mask."""
        rows = np.flatnonzero(keep).tolist()
        words = {
            name: tuple(getattr(self, name)[i] for i in rows)
            for name in ("participant", "course", "scenario", "evokes", "emotion")
        }
        return replace(self, **words, ratings=self.ratings[rows], score=self.score[rows])


def read_self_reports(paths: Sequence[Path]) -> SelfReports:
    """Read one or more files, all together.

    Raises:
        InputError: a file cannot be read or lacks a column, a value is impossible, or a participant has answered for
            the same scenario twice; the file and the row are named.
    """
    if not paths:
        raise InputError("expected at least one CSV of self-reports, got none")
    rows: list[dict[str, str]] = []
    seen: dict[tuple[str, str], str] = {}
    for path in paths:
        for number, row in _rows(path):
            where = f"{path}: row {number}"
            _check(row, where)
            key = row["participant"], row["scenario"]
            if key in seen:
                raise InputError(
                    f"{where}: {key[0]} has answered for {key[1]} already in {seen[key]}; expected one row a "
                    "participant and scenario"
                )
            seen[key] = where
            rows.append(row)
    return gather(rows)


def gather(rows: Sequence[dict[str, str]]) -> SelfReports:
    """Self-reports of checked rows, as texts by column."""
    words = {
        name: tuple(row.get(name, "") for row in rows)
        for name in ("participant", "course", "scenario", "evokes", "emotion")
    }
    ratings = np.array([[number(row.get(name, "")) for name in RATED] for row in rows], np.float64)
    score = np.array([number(row.get("score", "")) for row in rows], np.float64)
    return SelfReports(**words, ratings=ratings.reshape(-1, len(RATED)), score=score)


def write_self_reports(reports: SelfReports, path: Path) -> Path:
    """Write them as CSV.

    Raises:
        OutputError: the file cannot be written.
    """
    numbers = np.column_stack([reports.ratings, reports.score])
    rows = [
        [*words, *("" if math.isnan(value) else f"{value:.6g}" for value in values)]
        for *words, values in zip(
            reports.participant, reports.course, reports.scenario, reports.evokes, reports.emotion, numbers, strict=True
        )
    ]
    return write_text(path, csv_text(COLUMNS, rows))


def number(text: str) -> float:
    """A cell as a number; NaN where it is empty, "n/a" or no number."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def fault(column: str, text: str) -> str:
    """What is wrong with a cell, "" where nothing is; empty cells are right."""
    if text == "":
        return ""
    if column in ("evokes", "emotion"):
        return "" if text in CLASSROOM_CLASSES else f"expected one of {', '.join(CLASSROOM_CLASSES)}, got {text[:40]!r}"
    value = number(text)
    if column in RATED and not 1 <= value <= POINTS:
        return f"expected a rating from 1 to {POINTS}, got {text[:40]!r}"
    if column == "score" and not 0 <= value <= 1:
        return f"expected a share from 0 to 1, got {text[:40]!r}"
    return ""


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            if missing := [name for name in REQUIRED if name not in header]:
                raise InputError(f"{path}: row 1: the column {missing[0]} is missing; expected {','.join(REQUIRED)}")
            if doubled := [name for name in COLUMNS if header.count(name) > 1]:
                raise InputError(f"{path}: row 1: the column {doubled[0]} is there twice; expected it once")
            rows = []
            for place, fields in enumerate(reader, 2):
                if not fields:
                    continue
                if len(fields) != len(header):
                    raise InputError(f"{path}: row {place}: expected {len(header)} fields, got {len(fields)}")
                cells = dict(zip(header, (cell.strip() for cell in fields), strict=True))
                rows.append((place, {name: "" if text == "n/a" else text for name, text in cells.items()}))
            return rows
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a CSV of self-reports") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not CSV in UTF-8 ({error}); expected a CSV of self-reports") from error


def _check(row: dict[str, str], where: str) -> None:
    for name in ("participant", "scenario"):
        if not row[name]:
            raise InputError(f"{where}: {name}: expected a name, got an empty cell")
    for name in COLUMNS:
        if said := fault(name, row.get(name, "")):
            raise InputError(f"{where}: {name}: {said}")
