"""Writing, reading and erasing a dataset: one participant at a time, as they finish.

A participant is written whole or not at all: their folder is filled under another name and moved into place, then their
row is added. Rows and checksums are written anew beside the old file and moved over it, so that a kill in between
leaves a folder that the checker can name the fault of, and that ``add_participant`` can mend by being called again.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from classmood.dataset.layout import (
    CHECKSUMS,
    DESCRIPTION,
    EVENT_COLUMNS,
    EVENTS,
    EVENTS_SIDECAR,
    FORMAT,
    FORMAT_VERSION,
    MEDIA,
    NONE,
    PARTICIPANT_COLUMNS,
    PARTICIPANT_FIELDS,
    PARTICIPANT_ID,
    PARTICIPANTS,
    PARTICIPANTS_SIDECAR,
    PROTOCOL,
    events_file,
    media_file,
)
from classmood.errors import InputError, OutputError
from classmood.experiment.check import open_protocol
from classmood.experiment.protocol import Protocol
from classmood.experiment.rules import file_hash
from classmood.selfreport import SelfReports, gather
from classmood.sidecar import installed_version

_ALLOWS: Final = {"none": 0, "features": 1, "video": 2}
Recording = Literal["none", "features", "video"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that was shown, and what was answered.

    Attributes:
        onset_s: by the session's clock.
        browser_onset_s: by the browser's, from the same zero; None where it is not known.
        answers: texts by column, of a page.
    """

    onset_s: float
    duration_s: float
    trial_type: str
    phase: str = ""
    scenario: str = ""
    evokes: str = ""
    stimulus: str = ""
    page: str = ""
    browser_onset_s: float | None = None
    answers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Participant:
    """Who took part, without a name.

    Attributes:
        id: ``sub-001`` and the like.
        number: place in the study, from 1.
        recording: what they agreed to have kept.
        consent: id of their receipt; without one nothing of theirs is written.
        media: files to take in by kind, ``video`` or ``features``.
    """

    id: str
    number: int
    course: str
    recording: Recording
    consent: str
    session_date: dt.date
    completed: bool
    events: tuple[Event, ...] = ()
    media: dict[str, Path] = field(default_factory=dict)


def create_dataset(folder: Path, protocol: Path) -> None:
    """Begin a dataset with a protocol that can be run.

    Raises:
        ProtocolError: the protocol cannot be run.
        OutputError: the folder holds something already, or cannot be written.
    """
    opened = open_protocol(protocol)
    if folder.exists() and any(folder.iterdir()):
        raise OutputError(f"{folder}: holds files already; choose an empty folder for a new dataset")
    description = {
        "Name": opened.protocol.title,
        "DatasetType": "raw",
        "Format": FORMAT,
        "FormatVersion": FORMAT_VERSION,
        "GeneratedBy": [{"Name": "classmood", "Version": installed_version()}],
        "Protocol": opened.protocol.name,
        "ProtocolVersion": opened.protocol.version,
        "ProtocolSha256": file_hash(protocol),
        "Course": opened.protocol.course,
        "Clock": "seconds since the participant's session began, by the server",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(protocol, folder / PROTOCOL)
        for stimulus in opened.stimuli:
            if stimulus.file:
                (folder / stimulus.file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(protocol.parent / stimulus.file, folder / stimulus.file)
        _write(folder / DESCRIPTION, json.dumps(description, indent=2) + "\n")
        _write(folder / PARTICIPANTS_SIDECAR, json.dumps(PARTICIPANT_FIELDS, indent=2) + "\n")
        _write(folder / EVENTS_SIDECAR, json.dumps(EVENTS, indent=2) + "\n")
        _write(folder / PARTICIPANTS, "\t".join(PARTICIPANT_COLUMNS) + "\n")
        _sum_up(folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error


def add_participant(folder: Path, participant: Participant) -> None:
    """Write one participant.

    Raises:
        InputError: the id is not one or is used already, consent is missing, or a recording is not allowed by the
            protocol or not agreed to by the participant.
        OutputError: the folder cannot be written.
    """
    protocol = open_protocol(folder / PROTOCOL)
    rows = read_table(folder / PARTICIPANTS)
    _admit(protocol, participant, rows)
    row = {
        "participant_id": participant.id,
        "number": str(participant.number),
        "course": participant.course,
        "recording": participant.recording,
        "consent": participant.consent,
        "session_date": participant.session_date.isoformat(),
        "completed": "yes" if participant.completed else "no",
    }
    unfinished = folder / f".{participant.id}"
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        _write(unfinished / Path(events_file(participant.id)).name, events_text(participant.events))
        for kind, path in participant.media.items():
            name = media_file(participant.id, kind, path.suffix.lstrip("."))
            shutil.copyfile(path, unfinished / Path(name).name)
        shutil.rmtree(folder / participant.id, ignore_errors=True)
        unfinished.rename(folder / participant.id)
        _write(folder / PARTICIPANTS, table_text(PARTICIPANT_COLUMNS, [*rows, row]))
        _sum_up(folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror}); free space and add them again") from error


def erase_participant(folder: Path, participant: str) -> None:
    """Remove all of one participant: their folder, their row, their checksums.

    Raises:
        InputError: there is nobody of that id.
        OutputError: something of theirs cannot be removed.
    """
    rows = read_table(folder / PARTICIPANTS)
    kept = [row for row in rows if row["participant_id"] != participant]
    # What a killed export left half done is theirs too.
    own, unfinished = folder / participant, folder / f".{participant}"
    there = len(kept) < len(rows) or own.is_dir() or unfinished.is_dir()
    if not PARTICIPANT_ID.match(participant) or not there:
        raise InputError(f"{folder}: there is no participant {participant!r}; expected one of {PARTICIPANTS}")
    try:
        for each in (own, unfinished):
            if each.is_dir():
                shutil.rmtree(each)
        _write(folder / PARTICIPANTS, table_text(PARTICIPANT_COLUMNS, kept))
        _sum_up(folder)
    except OSError as error:
        raise OutputError(f"{own}: cannot be removed ({error.strerror}); remove it and erase them again") from error


def read_events(folder: Path, participant: str) -> tuple[Event, ...]:
    """A participant's events; ``checker.find_faults`` says whether they are right.

    Raises:
        InputError: the file is missing, or an onset or a duration is no number.
    """
    path = folder / events_file(participant)
    events = []
    for line, row in enumerate(read_table(path), 2):
        texts = {name: "" if row.get(name, NONE) == NONE else row[name] for name in EVENT_COLUMNS}
        try:
            onset_s, duration_s = float(texts["onset"]), float(texts["duration"])
            browser = float(texts["browser_onset"]) if texts["browser_onset"] else None
        except ValueError as error:
            raise InputError(f"{path}: line {line}: {error}; run 'classmood dataset check {folder}'") from error
        words = {name: texts[name] for name in ("phase", "scenario", "evokes", "stimulus", "page")}
        answers = {name: texts[name] for name in EVENT_COLUMNS[9:] if texts[name]}
        events.append(
            Event(onset_s, duration_s, texts["trial_type"], **words, browser_onset_s=browser, answers=answers)
        )
    return tuple(events)


def read_self_reports_of(folder: Path) -> SelfReports:
    """All participants' answers, one row a scenario that was answered.

    Raises:
        InputError: see ``read_events``.
    """
    rows: list[dict[str, str]] = []
    for participant in read_table(folder / PARTICIPANTS):
        by_scenario: dict[str, dict[str, str]] = {}
        for event in read_events(folder, participant["participant_id"]):
            if event.scenario and event.answers:
                row = by_scenario.setdefault(
                    event.scenario,
                    {
                        "participant": participant["participant_id"],
                        "course": participant["course"],
                        "scenario": event.scenario,
                        "evokes": event.evokes,
                    },
                )
                row |= event.answers
        rows += by_scenario.values()
    return gather(rows)


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a tab-separated file by column; missing fields are n/a, surplus ones are left out.

    Raises:
        InputError: it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); is its folder a dataset of classmood?") from error
    reader = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE, restval=NONE)
    return [{name: value for name, value in row.items() if name is not None} for row in reader]


def table_text(columns: Sequence[str], rows: Iterable[dict[str, str]]) -> str:
    """Rows as tab-separated lines; what is empty or missing is n/a."""
    out = io.StringIO()
    out.write("\t".join(columns) + "\n")
    for row in rows:
        cells = (" ".join(row.get(name, "").split()) or NONE for name in columns)
        out.write("\t".join(cells) + "\n")
    return out.getvalue()


def events_text(events: Iterable[Event]) -> str:
    """An events file, in the order of time."""
    rows = []
    for event in sorted(events, key=lambda one: one.onset_s):
        browser = event.browser_onset_s
        rows.append(
            {
                "onset": f"{event.onset_s:.3f}",
                "duration": f"{event.duration_s:.3f}",
                "trial_type": event.trial_type,
                "phase": event.phase,
                "scenario": event.scenario,
                "evokes": event.evokes,
                "stimulus": event.stimulus,
                "page": event.page,
                "browser_onset": "" if browser is None else f"{browser:.3f}",
                **event.answers,
            }
        )
    return table_text(EVENT_COLUMNS, rows)


def checked_files(folder: Path) -> list[str]:
    """Every file of a dataset but its checksums and what is hidden, by its name from the folder."""
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        name.as_posix() for name in names if name.as_posix() != CHECKSUMS and not any(p[0] == "." for p in name.parts)
    )


def _admit(protocol: Protocol, participant: Participant, rows: list[dict[str, str]]) -> None:
    who = participant.id
    if not PARTICIPANT_ID.match(who):
        raise InputError(f"participant: expected an id such as sub-001, got {who!r}")
    if any(row["participant_id"] == who for row in rows):
        raise InputError(f"{who}: is in the dataset already; give a new participant a new id, or erase the old one")
    if any(row["number"] == str(participant.number) for row in rows):
        raise InputError(f"{who}: the number {participant.number} is taken; it decides the order, give the next one")
    if not participant.consent:
        raise InputError(f"{who}: no consent is on file; nothing of theirs may be kept")
    allowed = min(_ALLOWS[protocol.protocol.recording], _ALLOWS[participant.recording])
    for kind, path in participant.media.items():
        if kind not in MEDIA or path.suffix.lstrip(".") not in MEDIA[kind]:
            raise InputError(f"{who}: expected {' or '.join(MEDIA)} with a known ending, got {kind} in {path.name}")
        if _ALLOWS[kind] > allowed:
            by = (
                "the protocol does not allow"
                if _ALLOWS[protocol.protocol.recording] < _ALLOWS[kind]
                else "they did not agree to"
            )
            raise InputError(f"{who}: a recording of kind {kind}, which {by}; it is refused")


def _sum_up(folder: Path) -> None:
    """Checksums of all files, in the format of sha256sum."""
    _write(folder / CHECKSUMS, "".join(f"{file_hash(folder / name)}  {name}\n" for name in checked_files(folder)))


def _write(path: Path, text: str) -> None:
    """Write a file beside the old one, then move it over."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
