"""Every fault of a dataset's folder by file and line: what was edited by hand, lost, or never right."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from classmood.dataset.folder import checked_files
from classmood.dataset.layout import (
    ANSWERS,
    CHECKSUMS,
    DESCRIPTION,
    EVENT_COLUMNS,
    EVENTS_SIDECAR,
    FORMAT,
    MEDIA,
    NONE,
    PARTICIPANT_COLUMNS,
    PARTICIPANT_ID,
    PARTICIPANTS,
    PARTICIPANTS_SIDECAR,
    PROTOCOL,
    TRIAL_TYPES,
    events_file,
    media_file,
)
from classmood.errors import InputError
from classmood.experiment.check import open_protocol
from classmood.experiment.protocol import Protocol
from classmood.experiment.rules import file_hash
from classmood.experiment.schedule import schedule
from classmood.selfreport import fault, number

_SLACK_S: Final = 0.05


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong, in which file of the folder, on which line (0 where it is the file as a whole)."""

    file: str
    line: int
    message: str


def find_faults(folder: Path) -> tuple[Fault, ...]:
    """All faults of a dataset, in the order of files and lines; none where it is right.

    Raises:
        InputError: the folder is no dataset at all.
    """
    if not (folder / DESCRIPTION).is_file():
        raise InputError(f"{folder}: {DESCRIPTION} is missing; expected a folder as 'classmood dataset' writes it")
    faults = list(_description(folder))
    protocol = _protocol(folder, faults)
    faults += _sidecars(folder)
    faults += _checksums(folder)
    rows: list[tuple[int, dict[str, str]]] = []
    faults += _participants(folder, rows)
    known = {row["participant_id"] for _, row in rows}
    for path in sorted(folder.glob("sub-*")):
        if path.is_dir() and path.name not in known:
            faults.append(Fault(path.name, 0, f"no row in {PARTICIPANTS}; add it or remove the folder"))
    for line, row in rows:
        faults += _events(folder, row, protocol)
        faults += _media(folder, line, row, protocol)
    return tuple(sorted(set(faults)))


def _description(folder: Path) -> Iterator[Fault]:
    content = _json(folder / DESCRIPTION)
    if content is None or content.get("Format") != FORMAT:
        yield Fault(DESCRIPTION, 0, f'expected JSON with "Format": "{FORMAT}"')
    elif (folder / PROTOCOL).is_file() and content.get("ProtocolSha256") != file_hash(folder / PROTOCOL):
        yield Fault(PROTOCOL, 0, f"is not the protocol of the hash in {DESCRIPTION}; restore the one that was run")


def _protocol(folder: Path, faults: list[Fault]) -> Protocol | None:
    try:
        return open_protocol(folder / PROTOCOL)
    except InputError as error:
        faults.append(Fault(PROTOCOL, 0, str(error).removeprefix(f"{folder / PROTOCOL}: ")))
        return None


def _sidecars(folder: Path) -> Iterator[Fault]:
    for name, columns in ((PARTICIPANTS_SIDECAR, PARTICIPANT_COLUMNS), (EVENTS_SIDECAR, EVENT_COLUMNS)):
        content = _json(folder / name)
        if content is None:
            yield Fault(name, 0, "missing or not JSON; it says what the columns mean")
        else:
            for column in columns:
                if not isinstance(content.get(column), dict) or "Description" not in content[column]:
                    yield Fault(name, 0, f"does not describe the column {column!r}")


def _json(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _checksums(folder: Path) -> Iterator[Fault]:
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        yield Fault(CHECKSUMS, 0, "missing; without it changes by hand cannot be told")
        return
    stated = {}
    for place, line in enumerate(lines, 1):
        sha256, _, name = line.partition("  ")
        if len(sha256) != 64 or not name:
            yield Fault(CHECKSUMS, place, "expected a SHA-256, two spaces and a file's name")
            continue
        stated[name] = sha256
        if not (folder / name).is_file():
            yield Fault(name, 0, f"is missing; line {place} of {CHECKSUMS} names it")
    for name in checked_files(folder):
        if name not in stated:
            yield Fault(name, 0, f"is not in {CHECKSUMS}: it was added by hand")
        elif file_hash(folder / name) != stated[name]:
            yield Fault(name, 0, f"was changed since it was written ({CHECKSUMS} has another hash)")


def _participants(folder: Path, rows: list[tuple[int, dict[str, str]]]) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    numbers: dict[str, int] = {}
    for line, row, message in _lines(folder / PARTICIPANTS, PARTICIPANT_COLUMNS):
        if message:
            yield Fault(PARTICIPANTS, line, message)
            continue
        who = row["participant_id"]
        if not PARTICIPANT_ID.match(who):
            yield Fault(PARTICIPANTS, line, f"participant_id: expected sub-001 or the like, got {who!r}")
            continue
        if who in seen:
            yield Fault(PARTICIPANTS, line, f"{who} is in line {seen[who]} already; an id belongs to one participant")
            continue
        seen[who] = line
        rows.append((line, row))
        if row["number"] in numbers:
            yield Fault(PARTICIPANTS, line, f"the number {row['number']} is in line {numbers[row['number']]} already")
        numbers[row["number"]] = line
        yield from (Fault(PARTICIPANTS, line, said) for said in _participant(row))


def _participant(row: dict[str, str]) -> Iterator[str]:
    if not row["number"].isdigit() or int(row["number"]) < 1:
        yield f"number: expected a whole number from 1, got {row['number']!r}"
    if row["recording"] not in ("none", *MEDIA):
        yield f"recording: expected none, {' or '.join(MEDIA)}, got {row['recording']!r}"
    if row["consent"] == NONE:
        yield "consent: no receipt is on file; nothing of theirs may be kept"
    if row["completed"] not in ("yes", "no"):
        yield f"completed: expected yes or no, got {row['completed']!r}"
    try:
        dt.date.fromisoformat(row["session_date"])
    except ValueError:
        yield f"session_date: expected YYYY-MM-DD, got {row['session_date']!r}"


def _lines(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str], str]]:
    """Lines of a table by column, or what is wrong with the line."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        yield 0, {}, "missing or not text in UTF-8"
        return
    header = lines[0].rstrip("\r").split("\t")
    if missing := [name for name in columns if name not in header]:
        yield 1, {}, f"the column {missing[0]!r} is missing; expected {', '.join(columns)}"
        return
    if lines[-1] == "":
        lines.pop()
    for place, line in enumerate(lines[1:], 2):
        fields = line.rstrip("\r").split("\t")
        if len(fields) != len(header):
            yield place, {}, f"expected {len(header)} fields, got {len(fields)}"
        elif "" in fields:
            yield place, {}, f"{header[fields.index('')]}: an empty cell; write {NONE} where there is nothing"
        else:
            yield place, dict(zip(header, fields, strict=True)), ""


def _events(folder: Path, row: dict[str, str], protocol: Protocol | None) -> Iterator[Fault]:
    name = events_file(row["participant_id"])
    last_s, shown = 0.0, []
    answered: dict[tuple[str, str], int] = {}
    for line, event, message in _lines(folder / name, EVENT_COLUMNS):
        if message:
            yield Fault(name, line, message)
            continue
        onset_s, duration_s = number(event["onset"]), number(event["duration"])
        if not 0 <= onset_s < math.inf:
            yield Fault(name, line, f"onset: expected seconds from 0, got {event['onset']!r}")
        elif onset_s < last_s - _SLACK_S:
            yield Fault(name, line, f"onset: {onset_s:g} s is before the end of the line above ({last_s:g} s)")
        if not 0 <= duration_s < math.inf:
            yield Fault(name, line, f"duration: expected seconds from 0, got {event['duration']!r}")
        if math.isfinite(onset_s + duration_s):
            last_s = max(last_s, onset_s + duration_s)
        if event["browser_onset"] != NONE and not math.isfinite(number(event["browser_onset"])):
            yield Fault(name, line, f"browser_onset: expected seconds, got {event['browser_onset']!r}")
        yield from (Fault(name, line, said) for said in _answers(event, line, answered))
        if protocol:
            yield from (Fault(name, line, said) for said in _planned(event, protocol))
        if event["trial_type"] == "stimulus":
            shown.append((line, event["scenario"]))
    if protocol and row["number"].isdigit() and int(row["number"]) > 0:
        order = schedule(protocol, int(row["number"])).order
        for place, (line, scenario) in enumerate(shown):
            expected = order[place] if place < len(order) else "no more"
            if scenario != expected:
                yield Fault(
                    name,
                    line,
                    f"scenario: the order of participant {row['number']} has {expected!r} here, got {scenario!r}",
                )
                break
        if row["completed"] == "yes" and len(shown) < len(order):
            yield Fault(name, 0, f"{len(shown)} of {len(order)} scenarios were shown, but completed says yes")


def _answers(event: dict[str, str], line: int, answered: dict[tuple[str, str], int]) -> Iterator[str]:
    if event["trial_type"] not in TRIAL_TYPES:
        yield f"trial_type: expected one of {', '.join(TRIAL_TYPES)}, got {event['trial_type']!r}"
    for column in ANSWERS:
        text = event[column]
        if text == NONE:
            continue
        if event["trial_type"] != "page":
            yield f"{column}: an answer in a line of type {event['trial_type']}; only pages have answers"
        if said := fault(column, text):
            yield f"{column}: {said}"
        key = event["scenario"], column
        if key in answered:
            yield f"{column}: was answered for {event['scenario']} in line {answered[key]} already"
        answered.setdefault(key, line)


def _planned(event: dict[str, str], protocol: Protocol) -> Iterator[str]:
    """Names must be the protocol's."""
    known = {
        "phase": {one.id for one in protocol.phases},
        "scenario": {one.id for one in protocol.scenarios},
        "stimulus": {one.id for one in protocol.stimuli},
        "page": {one.id for one in protocol.pages},
    }
    for column, names in known.items():
        if event[column] != NONE and event[column] not in names:
            yield f"{column}: {event[column]!r} is not in the protocol"
    if event["scenario"] in known["scenario"]:
        meant = protocol.scenario(event["scenario"]).evokes
        if event["evokes"] != meant:
            yield f"evokes: the protocol has {meant!r} for {event['scenario']}, got {event['evokes']!r}"


def _media(folder: Path, line: int, row: dict[str, str], protocol: Protocol | None) -> Iterator[Fault]:
    who = row["participant_id"]
    rank = ("none", *MEDIA)
    for kind, endings in (("features", MEDIA["features"]), ("video", MEDIA["video"])):
        names = [media_file(who, kind, ending) for ending in endings]
        for name in (name for name in names if (folder / name).is_file()):
            if row["recording"] not in _at_least(kind):
                yield Fault(name, 0, f"they did not agree to it ({PARTICIPANTS}, line {line}); remove it")
            elif protocol and protocol.protocol.recording not in _at_least(kind):
                yield Fault(name, 0, "the protocol does not allow it; remove it")
    own = folder / who
    expected = {Path(events_file(who)).name} | {
        Path(media_file(who, kind, ending)).name for kind in rank[1:] for ending in MEDIA[kind]
    }
    for path in sorted(own.glob("*")) if own.is_dir() else ():
        if path.name not in expected and not path.name.startswith("."):
            yield Fault(f"{who}/{path.name}", 0, "is no file of a dataset; keep other files elsewhere")


def _at_least(kind: str) -> tuple[str, ...]:
    """What must be agreed to for a recording of this kind."""
    return ("features", "video") if kind == "features" else ("video",)
