"""What of a class under the profile research is exported: of whom, under which profile, and what explains it."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from served import READING, settings_in

from classmood.emotions import CLASSROOM_CLASSES
from classmood.errors import InputError
from classmood.server.audit_log import verify
from classmood.server.messages import read_message
from classmood.server.records import Records
from classmood.server.research_rows import COLUMNS, export_rows

NINE = READING | {"classes": "classroom", "p": [0.1, 0.5, 0.4, 0, 0, 0, 0, 0, 0]}
PRESS = {"v": 1, "type": "press", "mood": "grief", "confused": True, "pace": "slower"}


def kept(message: dict[str, Any]) -> str:
    """A message as a class keeps it."""
    return read_message(json.dumps(message)).model_dump_json(exclude={"v"})


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    found = Records(settings_in(tmp_path))
    yield found
    found.close()


def consenting(records: Records, session: str, *messages: dict[str, Any]) -> str:
    who, _ = records.give_consent(session, "consent", "v1")
    if messages:
        records.store.add_research_rows(who, [(40000.125 + n, kept(one)) for n, one in enumerate(messages)])
    return who


def open_class(records: Records, keep_days: int = 30) -> str:
    return records.open_session("research", keep_days=keep_days, class_size=None).id


def export(records: Records, session: str, path: Path, **options: bool) -> list[dict[str, str]]:
    export_rows(records, records.store.find_session(session), path, **options)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_says_what_was_sent_and_nothing_where_nothing_was(records: Records, tmp_path: Path) -> None:
    session = open_class(records)
    who = consenting(records, session, READING, NINE, PRESS)
    eight, nine, press = export(records, session, tmp_path / "rows.csv")
    assert [one["time_s"] for one in (eight, nine, press)] == ["40000.125", "40001.125", "40002.125"]
    assert {one["participant"] for one in (eight, nine, press)} == {who}
    assert (eight["ferplus_happiness"], eight["valence"], eight["not_sure"]) == ("1", "0.7", "false")
    assert (nine["joy"], nine["appreciation"], nine["ferplus_happiness"]) == ("0.5", "0.4", "")
    assert (press["mood"], press["confused"], press["pace"]) == ("grief", "true", "slower")
    assert all(eight[name] == "" for name in (*CLASSROOM_CLASSES, "mood", "confused", "pace"))
    assert all(press[name] == "" for name in ("classes", "valence", "confidence", "ferplus_neutral"))


def test_who_withdrew_or_erased_is_not_in_the_files(records: Records, tmp_path: Path) -> None:
    session = open_class(records)
    stays, withdrew, erased = (consenting(records, session, READING) for _ in range(3))
    records.withdraw_consent(withdrew, session)
    records.erase_student(erased, session)
    export(records, session, tmp_path / "rows.csv", parquet=True)
    files = [tmp_path / f"rows{ending}" for ending in (".csv", ".json", ".parquet")]
    assert stays.encode() in files[0].read_bytes()
    assert stays.encode() in files[2].read_bytes()
    assert not any(gone.encode() in file.read_bytes() for gone in (withdrew, erased) for file in files)
    assert json.loads(files[1].read_text(encoding="utf-8"))["participants"] == 1


def test_every_column_is_explained_and_keeps_its_range(records: Records, tmp_path: Path) -> None:
    session = open_class(records)
    consenting(records, session, READING, NINE, PRESS)
    rows = export(records, session, tmp_path / "rows.csv")
    told = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))
    assert [column["name"] for column in told["columns"]] == list(rows[0])
    assert all(column["unit"] and column["meaning"] for column in told["columns"])
    assert (told["profile"], told["rows"], told["consents"]) == ("research", 3, ["consent v1"])
    assert dt.date.fromisoformat(told["keep_until"]) > dt.date.fromisoformat(told["opened"][:10])
    for column in told["columns"]:
        low, high = column["range"]
        for row in rows:
            if row[column["name"]] and column["unit"] in ("1", "s"):
                value = float(row[column["name"]])
                assert low <= value <= (math.inf if high is None else high), column["name"]


def test_parquet_holds_the_same_with_the_explanation_inside(records: Records, tmp_path: Path) -> None:
    session = open_class(records)
    consenting(records, session, READING, PRESS)
    export(records, session, tmp_path / "rows.csv", parquet=True)
    table = parquet.read_table(tmp_path / "rows.parquet")
    assert table.column_names == [column.name for column in COLUMNS]
    assert table["time_s"].to_pylist() == [40000.125, 40001.125]
    assert table["confused"].to_pylist() == [None, True]
    assert table["ferplus_happiness"].to_pylist() == [1.0, None]
    inside = json.loads(table.schema.metadata[b"classmood"])
    assert inside == json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))


def test_each_export_is_in_the_audit_log_without_a_name(records: Records, tmp_path: Path) -> None:
    session = open_class(records)
    who = consenting(records, session, READING)
    for name in ("a.csv", "b.csv"):
        export(records, session, tmp_path / name)
    log = records.audit_log.path
    assert [json.loads(line)["action"] for line in log.read_text().splitlines()].count("exported") == 2
    assert verify(log).whole
    assert session not in log.read_text()
    assert who not in log.read_text()


@pytest.mark.parametrize("profile", ["class", "self-reflection", "safety"])
def test_another_profile_has_nothing_to_export(records: Records, tmp_path: Path, profile: str) -> None:
    session = records.open_session(profile, keep_days=30, class_size=None)
    with pytest.raises(InputError, match=f"profile '{profile}'.*under 'research' alone"):
        export_rows(records, session, tmp_path / "rows.csv")
    assert not (tmp_path / "rows.csv").exists()
    assert "exported" not in records.audit_log.path.read_text()


def test_without_a_consent_that_stands_nothing_is_written(records: Records, tmp_path: Path) -> None:
    session = open_class(records)
    consenting(records, session)
    with pytest.raises(InputError, match="no row of anybody whose consent stands"):
        export(records, session, tmp_path / "rows.csv")
    assert not (tmp_path / "rows.csv").exists()


def test_a_class_whose_time_is_over_is_not_exported(records: Records, tmp_path: Path) -> None:
    session = open_class(records, keep_days=-1)
    consenting(records, session, READING)
    with pytest.raises(InputError, match=r"kept until .*, which is over"):
        export(records, session, tmp_path / "rows.csv")


def test_the_explanation_never_takes_the_rows_place(records: Records, tmp_path: Path) -> None:
    session = open_class(records)
    consenting(records, session, READING)
    with pytest.raises(InputError, match=r"ends in \.csv"):
        export(records, session, tmp_path / "rows.json")


def test_nobody_else_on_the_machine_reads_the_files(records: Records, tmp_path: Path) -> None:
    session = open_class(records)
    consenting(records, session, READING)
    export(records, session, tmp_path / "new" / "rows.csv", parquet=True)
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "new").iterdir()} == {0o600}
