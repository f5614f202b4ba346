"""The sidecar: describes every column, survives the way to disk, names what is wrong with a bad one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from classmood.emotions import CLASSROOM_CLASSES, DERIVED, MEASURED
from classmood.errors import InputError, OutputError
from classmood.sidecar import (
    SCHEMA_VERSION,
    Provenance,
    Sidecar,
    SourceStatus,
    Status,
    describe_columns,
    make_sidecar,
    read_sidecar,
    write_sidecar,
)
from classmood.timeline import COLUMNS, RAW_COLUMNS
from synthetic_class import PROVENANCE


def test_the_columns_are_those_of_the_format_in_their_order() -> None:
    expected = (
        "time_s track_id box_x_px box_y_px box_w_px box_h_px face_score neutral joy appreciation terror surprise grief "
        "disdain fury caution valence arousal dominance intensity confidence not_sure"
    )
    assert tuple(expected.split()) == COLUMNS
    everything = tuple(column.name for column in describe_columns(raw=True, several=True))
    assert everything == (*COLUMNS, *RAW_COLUMNS, "source")


def test_every_column_has_unit_range_kind_and_meaning() -> None:
    for column in describe_columns(raw=True, several=True):
        assert column.unit, column.name
        assert len(column.meaning) > 10, column.name
        assert column.kind in ("measured", "derived")
        low, high = column.range
        assert low is None or high is None or low < high


def test_what_is_derived_is_marked_and_unvalidated() -> None:
    kinds = {column.name: column for column in describe_columns(raw=False, several=False)}
    assert all(kinds[name].kind == "measured" for name in MEASURED)
    assert all(kinds[name].kind == "derived" and "unvalidated" in kinds[name].meaning for name in DERIVED)
    assert "no accuracy is claimed" in kinds["arousal"].meaning


def test_a_model_that_measures_all_nine_has_nothing_marked() -> None:
    kinds = {column.name: column for column in describe_columns(raw=False, several=False, derived=())}
    assert all(kinds[name].kind == "measured" for name in CLASSROOM_CLASSES)


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        ((), "complete"),
        (("complete", "failed"), "failed"),
        (("failed", "truncated", "complete"), "truncated"),
        (("interrupted", "truncated"), "interrupted"),
    ],
)
def test_the_worst_source_decides(statuses: tuple[str, ...], worst: str) -> None:
    sources = tuple(SourceStatus(name=str(i), status=status, instants=2, faces=3) for i, status in enumerate(statuses))
    sidecar = make_sidecar(PROVENANCE, sources)
    assert sidecar.status == worst
    assert (sidecar.instants, sidecar.faces) == (2 * len(statuses), 3 * len(statuses))


def test_the_way_to_disk_and_back(tmp_path: Path) -> None:
    sidecar = make_sidecar(
        PROVENANCE, (SourceStatus(name="lesson.mp4", status="truncated", last_time_s=3.2),), raw=True
    )
    file = write_sidecar(sidecar, tmp_path / "timeline.csv")
    assert file == tmp_path / "timeline.json"
    assert read_sidecar(tmp_path / "timeline.csv") == sidecar
    assert [path.name for path in tmp_path.iterdir()] == ["timeline.json"]
    raw = json.loads(file.read_text(encoding="utf-8"))
    assert raw["schema_version"] == SCHEMA_VERSION
    assert "Art. 5(1)(f)" in raw["legal_notice"]
    assert raw["provenance"]["model_sha256"] == PROVENANCE.model_sha256


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not json", "not JSON"),
        ("[]", "not a timeline's sidecar"),
        ('{"format": "classmood timeline"}', "provenance"),
        ('{"format": "something else"}', "format"),
    ],
)
def test_a_bad_sidecar_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "timeline.json").write_text(text)
    with pytest.raises(InputError, match=says):
        read_sidecar(tmp_path / "timeline.csv")


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    newer = make_sidecar(PROVENANCE, ()).model_copy(update={"schema_version": SCHEMA_VERSION + 1})
    write_sidecar(newer, tmp_path / "timeline.csv")
    with pytest.raises(InputError, match="upgrade"):
        read_sidecar(tmp_path / "timeline.csv")


def test_missing_and_unwritable(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="keep it beside the CSV"):
        read_sidecar(tmp_path / "timeline.csv")
    with pytest.raises(OutputError, match="cannot be written"):
        write_sidecar(make_sidecar(PROVENANCE, ()), tmp_path / "no folder" / "timeline.csv")


def test_every_column_and_status_is_documented() -> None:
    text = (Path(__file__).parents[1] / "docs" / "reference" / "timeline.md").read_text(encoding="utf-8")
    for column in describe_columns(raw=False, several=True):
        assert f"`{column.name}`" in text, column.name
    assert "`ferplus_neutral` to `ferplus_contempt`" in text
    for status in get_args(Status):
        assert f"| `{status}` |" in text
    for key in Sidecar.model_fields:
        assert f"`{key}`" in text, key
    for key in Provenance.model_fields:
        assert f"`{key}`" in text, key
