"""Answers of participants beside what was recognised of them at the time: from a table, a dataset, or a timeline of it.

The table is a CSV, one row a participant and scenario::

    participant,scenario,reported,recognised,valence,arousal,dominance,recognised_valence,...

Its ratings are on the nine points, what is recognised on [-1, 1]; either may be empty.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float64, Int64

from classmood.dataset.folder import read_events, read_self_reports_of
from classmood.dataset.layout import DESCRIPTION, PARTICIPANTS, media_file
from classmood.dataset.trained import was_trained_on
from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS
from classmood.errors import InputError
from classmood.selfreport import POINTS, SelfReports, fault, number
from classmood.timeline import Timeline, read_timeline
from classmood.video import video_info

_REQUIRED: Final = ("participant", "reported", "recognised")
# A participant's sure readings: time on the session's clock, shares of CLASSROOM_CLASSES, valence, arousal, dominance.
_Readings = tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, "n 9"], Float64[np.ndarray, "n 3"]]


@dataclass(frozen=True, slots=True)
class Pairs:
    """N answers beside what was recognised at the time.

    Attributes:
        person: a number from 0 for each row.
        reported, recognised: places in ``CLASSROOM_CLASSES``; -1 where there is none.
        reported_vad, recognised_vad: on [-1, 1]; NaN where there is none.
    """

    person: Int64[np.ndarray, " n"]
    reported: Int64[np.ndarray, " n"]
    recognised: Int64[np.ndarray, " n"]
    reported_vad: Float64[np.ndarray, "n 3"]
    recognised_vad: Float64[np.ndarray, "n 3"]


def read_pairs(path: Path) -> Pairs:
    """Read a table of pairs.

    Raises:
        InputError: it cannot be read, lacks a column, or a row is wrong; the row is named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = list(reader.fieldnames or ())
            rows = [{name: (text or "").strip() for name, text in row.items() if name} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected a CSV of pairs") from error
    if missing := [name for name in _REQUIRED if name not in header]:
        raise InputError(f"{path}: row 1: the column {missing[0]} is missing; expected {','.join(_REQUIRED)}")
    for line, row in enumerate(rows, 2):
        for column in ("reported", "recognised"):
            if said := fault("emotion", row[column]):
                raise InputError(f"{path}: row {line}: {column}: {said}")
        for column in DIMENSIONS:
            if said := fault(column, row.get(column, "")):
                raise InputError(f"{path}: row {line}: {column}: {said}")
            text = row.get(f"recognised_{column}", "")
            if text and not -1 <= number(text) <= 1:
                raise InputError(
                    f"{path}: row {line}: recognised_{column}: expected a number from -1 to 1, got {text[:40]!r}"
                )
        if not row["participant"]:
            raise InputError(f"{path}: row {line}: participant: expected a name, got an empty cell")
    names = np.array([row["participant"] for row in rows], str)
    rated = np.array([[number(row.get(d, "")) for d in DIMENSIONS] for row in rows], np.float64).reshape(-1, 3)
    seen = [[number(row.get(f"recognised_{d}", "")) for d in DIMENSIONS] for row in rows]
    return Pairs(
        np.unique(names, return_inverse=True)[1].astype(np.int64),
        places_of([row["reported"] for row in rows]),
        places_of([row["recognised"] for row in rows]),
        2 * (rated - 1) / (POINTS - 1) - 1,
        np.array(seen, np.float64).reshape(-1, 3),
    )


def pairs_of(folder: Path) -> Pairs:
    """Pairs of a dataset whose participants have features: each scenario's report, and the mean while it was shown.

    The features' ``time_s`` is the session's clock. Readings that are not sure are left out; the emotion recognised is
    the one with the greatest mean.

    Raises:
        InputError: the dataset cannot be read, or nobody in it has features.
    """
    reports = read_self_reports_of(folder)
    files = {who: folder / media_file(who, "features", "csv") for who in sorted(set(reports.participant))}
    readings = {who: _sure(read_timeline(path)) for who, path in files.items() if path.is_file()}
    if not readings:
        raise InputError(
            f'{folder}: nobody has features, which participants\' pages send (recording = "features"); for videos run '
            "'classmood analyze' on them, whose report says the agreement"
        )
    return _beside(folder, reports, readings)


def pairs_of_timeline(timeline: Timeline, path: Path, model_sha256: str = "") -> Pairs | None:
    """Pairs of a timeline that was made of a study's recordings; None where it was not.

    Of a participant whom the model was trained on nothing counts as recognised: it has seen the answers.

    Args:
        timeline: of videos that lie in datasets, whose second 0 is their first picture; or of one participant's
            features, which lie there themselves, on the session's clock.
        path: of the timeline's file.
        model_sha256: checksum of the model that made it, "" where that is not known.

    Raises:
        InputError: a dataset that a recording lies in cannot be read.
    """
    by_study: dict[Path, dict[str, _Readings]] = {}
    for place, name in enumerate(timeline.sources):
        if owner := _owner(Path(name)):
            # A video's own clock is the session's, and a timeline counts from its first picture.
            began_s = video_info(Path(name)).start_s
            rows = (timeline.source == place) & (not was_trained_on(*owner, model_sha256))
            by_study.setdefault(owner[0], {})[owner[1]] = _sure(timeline, rows, began_s)
    if not by_study and (owner := _owner(path)):
        by_study[owner[0]] = {owner[1]: _sure(timeline, not was_trained_on(*owner, model_sha256))}
    if not by_study:
        return None
    parts = []
    for folder, readings in by_study.items():
        reports = read_self_reports_of(folder)
        reports = reports.where(np.array([who in readings for who in reports.participant], bool))
        parts.append(_beside(folder, reports, readings))
    shift = np.cumsum([0, *(len(np.unique(part.person)) for part in parts[:-1])])
    return Pairs(
        np.concatenate([part.person + more for part, more in zip(parts, shift, strict=True)]),
        np.concatenate([part.reported for part in parts]),
        np.concatenate([part.recognised for part in parts]),
        np.concatenate([part.reported_vad for part in parts]),
        np.concatenate([part.recognised_vad for part in parts]),
    )


def places_of(names: list[str]) -> Int64[np.ndarray, " n"]:
    """Places of emotions in ``CLASSROOM_CLASSES``; -1 for "", none."""
    return np.array([CLASSROOM_CLASSES.index(name) if name else -1 for name in names], np.int64)


def _owner(path: Path) -> tuple[Path, str] | None:
    """The dataset that a recording lies in, and whose it is."""
    folder = path.resolve().parent
    if path.is_file() and all((folder.parent / name).is_file() for name in (DESCRIPTION, PARTICIPANTS)):
        return folder.parent, folder.name
    return None


def _sure(timeline: Timeline, rows: np.ndarray | bool = True, began_s: float = 0.0) -> _Readings:
    kept = ~timeline.not_sure & rows
    return (
        timeline.time_s[kept] + began_s,
        timeline.classroom[kept].astype(np.float64),
        timeline.vad[kept].astype(np.float64),
    )


def _beside(folder: Path, reports: SelfReports, readings: Mapping[str, _Readings]) -> Pairs:
    recognised = np.full(len(reports), -1, np.int64)
    seen = np.full((len(reports), 3), np.nan)
    place = {key: i for i, key in enumerate(zip(reports.participant, reports.scenario, strict=True))}
    for who, (time_s, classroom, vad) in readings.items():
        for event in read_events(folder, who):
            row = place.get((who, event.scenario))
            during = (time_s >= event.onset_s) & (time_s < event.onset_s + event.duration_s)
            if event.trial_type == "stimulus" and row is not None and during.any():
                recognised[row] = int(classroom[during].mean(0).argmax())
                seen[row] = vad[during].mean(0)
    rated = np.stack([2 * reports.share(name) - 1 for name in DIMENSIONS], 1)
    return Pairs(reports.people, places_of(list(reports.emotion)), recognised, rated, seen)
