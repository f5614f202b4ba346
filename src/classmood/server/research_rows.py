"""The rows of a class under ``research`` as CSV, Parquet and a JSON file that explains every column.

Rows are those of participants whose consent stands now, each under the random number that is theirs in this class
alone. Nothing is exported of a class under another profile, nor of one whose time is over.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS, FERPLUS_CLASSES
from classmood.errors import InputError, MissingExtra, OutputError
from classmood.markdown import csv_text, write_text
from classmood.server.records import Records, utc_now
from classmood.sidecar import Column, Kind, describe_columns, installed_version
from classmood.store import RESEARCH, Store, StoredSession
from classmood.table import seconds_text

NAME: Final = "name"
TRUTH: Final = "true or false"
_LATER: Final = (
    "Rows of those whose consent stood when this was written. Who withdraws or erases later is still in this file: "
    "export anew before each analysis, and delete the older file."
)


def _words(name: str, kind: Kind, meaning: str) -> Column:
    return Column(name=name, unit=NAME, range=(None, None), kind=kind, meaning=meaning)


def _columns() -> tuple[Column, ...]:
    """Those that a timeline has too mean the same here, and are described by it."""
    timeline = {column.name: column for column in describe_columns(raw=True, several=False)}
    nine = [
        Column(
            name=name, unit="1", range=(0, 1), kind="measured", meaning=f"share of the class {name}; the nine sum to 1"
        )
        for name in CLASSROOM_CLASSES
    ]
    truth = Column(name="confused", unit=TRUTH, range=(0, 1), kind="reported", meaning="the button “I am confused”")
    return (
        _words("participant", "measured", "a random number, the same person's within this class and in no other"),
        Column(
            name="time_s",
            unit="s",
            range=(0, None),
            kind="measured",
            meaning="when the server took the message, since the class was opened",
        ),
        _words("type", "measured", "reading: of the camera, in the student's own page; press: of the buttons"),
        _words("classes", "measured", "of a reading: ferplus or classroom; the columns of the other are empty"),
        *(timeline[f"ferplus_{name}"] for name in FERPLUS_CLASSES),
        *nine,
        *(timeline[name] for name in (*DIMENSIONS, "confidence", "not_sure")),
        _words("mood", "reported", "the pressed mood: neutral or one of the eight emotions; empty where none stands"),
        truth,
        _words("pace", "reported", "the pressed pace: slower, fine or faster; empty where none stands"),
    )


COLUMNS: Final = _columns()


class RowsSidecar(BaseModel):
    """The JSON beside the rows.

    Attributes:
        session: the class's throwaway id.
        opened, closed: UTC; ``closed`` is None where the class was not ended.
        keep_until: the day after which the database has erased the class, and this file should be deleted too.
        participants: how many have rows here.
        consents: what they agreed to: the text's name and the version that their receipts state.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal["classmood research rows"] = "classmood research rows"
    schema_version: int = 1
    classmood_version: str
    written: dt.datetime
    session: str
    profile: str
    opened: dt.datetime
    closed: dt.datetime | None
    keep_until: dt.date
    participants: int
    rows: int
    consents: tuple[str, ...]
    note: str = _LATER
    columns: tuple[Column, ...] = COLUMNS


@dataclass(frozen=True, slots=True)
class Written:
    """What an export wrote."""

    files: tuple[Path, ...]
    participants: int
    rows: int


def export_rows(records: Records, session: StoredSession, path: Path, *, parquet: bool = False) -> Written:
    """Write the rows of those whose consent stands; the audit log says so before they are on the disk.

    Args:
        records: of the stopped server.
        session: whose rows.
        path: the CSV file; the JSON and the Parquet file get its name.
        parquet: write Parquet as well.

    Raises:
        InputError: another profile, a class whose time is over, or nothing to export.
        MissingExtra: pyarrow is not installed.
        OutputError: a file cannot be written.
    """
    _check(session, path)
    if parquet and importlib.util.find_spec("pyarrow") is None:
        raise MissingExtra("writing Parquet files", "archive")
    rows, sidecar = _gather(records.store, session)
    records.log_now("exported", session=session.id)
    targets = [path, path.with_suffix(".json"), *([path.with_suffix(".parquet")] if parquet else ())]
    for target in targets:
        _make_private(target)
    write_text(path, csv_text([column.name for column in COLUMNS], map(_spelt, rows)))
    write_text(targets[1], sidecar.model_dump_json(indent=2) + "\n")
    if parquet:
        _write_parquet(rows, sidecar, targets[2])
    return Written(tuple(targets), sidecar.participants, len(rows))


def _check(session: StoredSession, path: Path) -> None:
    told = f"session {session.id[:8]}"
    if session.profile != RESEARCH:
        raise InputError(
            f"{told} ran under the profile {session.profile!r}: rows of one person are kept under {RESEARCH!r} alone, "
            "so there are none to export; 'classmood report' tells what was released of it"
        )
    if session.keep_until < utc_now().date():
        raise InputError(
            f"{told} was to be kept until {session.keep_until}, which is over: it is not exported, and 'classmood "
            "serve' erases it when it starts"
        )
    if path.suffix != ".csv":
        raise InputError(f"{path}: expected a name that ends in .csv; the JSON file beside it gets the same name")


def _gather(store: Store, session: StoredSession) -> tuple[list[dict[str, Any]], RowsSidecar]:
    rows: list[dict[str, Any]] = []
    consents, participants = set(), 0
    for who in store.consenting(session.id):
        own = store.research_rows(who)
        if own:
            participants += 1
            consents |= {f"{one.document} {one.version}" for one in store.receipts(who) if one.withdrawn is None}
            rows += [{"participant": who, "time_s": time_s} | _cells(json.loads(body)) for time_s, body in own]
    if not rows:
        raise InputError(
            f"session {session.id[:8]} has no row of anybody whose consent stands, so nothing is exported; a study "
            "that was run by 'classmood experiment run' is exported by 'classmood experiment export'"
        )
    sidecar = RowsSidecar(
        classmood_version=installed_version(),
        written=utc_now().replace(microsecond=0),
        session=session.id,
        profile=session.profile,
        opened=session.opened.replace(tzinfo=dt.UTC),
        closed=session.closed.replace(tzinfo=dt.UTC) if session.closed else None,
        keep_until=session.keep_until,
        participants=participants,
        rows=len(rows),
        consents=tuple(sorted(consents)),
    )
    return rows, sidecar


def _cells(message: dict[str, Any]) -> dict[str, Any]:
    """A kept message (``classmood.server.messages``) by column."""
    if message["type"] == "press":
        return {name: message.get(name) for name in ("type", "mood", "confused", "pace")}
    ferplus = message["classes"] == "ferplus"
    names = [f"ferplus_{name}" for name in FERPLUS_CLASSES] if ferplus else CLASSROOM_CLASSES
    return {
        **{name: message[name] for name in ("type", "classes", "confidence", "not_sure")},
        **dict(zip(names, message["p"], strict=True)),
        **dict(zip(DIMENSIONS, message["vad"], strict=True)),
    }


def _spelt(row: dict[str, Any]) -> list[object]:
    """A row as CSV has it: times to the microsecond, true and false, nothing where nothing was said."""
    spelt = row | {"time_s": seconds_text(row["time_s"])}
    values = (spelt.get(column.name) for column in COLUMNS)
    return [str(value).lower() if isinstance(value, bool) else value for value in values]


def _write_parquet(rows: Sequence[dict[str, Any]], sidecar: RowsSidecar, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {NAME: pa.string(), TRUTH: pa.bool_()}
    schema = pa.schema(
        [(column.name, kinds.get(column.unit, pa.float64())) for column in COLUMNS],
        metadata={"classmood": sidecar.model_dump_json()},
    )
    try:
        parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error}); choose another folder") from error


def _make_private(path: Path) -> None:
    """Nobody else on the machine reads what the database shows to nobody else."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error
