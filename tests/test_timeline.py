"""The timeline: columns in memory, and the way to CSV, Parquet and JSON lines and back."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from classmood.emotions import MEASURED
from classmood.errors import InputError, MissingExtra, ModelError, OutputError
from classmood.sidecar import make_sidecar, write_sidecar
from classmood.timeline import (
    COLUMNS,
    RAW_COLUMNS,
    Instant,
    Timeline,
    instants_path,
    read_timeline,
    write_csv,
    write_json_lines,
    write_parquet,
)
from synthetic_class import PROVENANCE, make_class, make_instant

# The unit in the last place that is written.
UNIT = {"time_s": 1e-6, "box_x_px": 0.1, "box_y_px": 0.1, "box_w_px": 0.1, "box_h_px": 0.1}


@st.composite
def instants(draw: st.DrawFn) -> list[Instant]:
    """Some instants of one or more sources, with any number of faces each."""
    names = draw(st.lists(st.text("ab,\" é'", min_size=1, max_size=6), min_size=1, max_size=3, unique=True))
    result = []
    for name in names:
        times = sorted(draw(st.lists(st.integers(0, 10**9), max_size=4, unique=True)))
        for microseconds in times:
            n = draw(st.integers(0, 3))
            ids = draw(st.lists(st.integers(1, 10**6), min_size=n, max_size=n, unique=True))
            logits = draw(hnp.arrays(np.float64, (n, 8), elements=st.floats(-8, 8)))
            ferplus = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
            boxes_px = draw(hnp.arrays(np.float64, (n, 4), elements=st.floats(0, 4000)))
            result.append(make_instant(microseconds / 1e6, ids, ferplus, source=name, boxes_px=boxes_px))
    return result


def assert_same(a: Timeline, b: Timeline, *, rounded: bool) -> None:
    assert a.sources == b.sources
    assert list(a.columns()) == list(b.columns())
    for name, values in a.columns().items():
        other = b.columns()[name]
        if rounded and values.dtype.kind == "f":
            unit = UNIT.get(name, 1e-4)
            np.testing.assert_allclose(other, values, rtol=2e-7, atol=0.501 * unit, err_msg=name)
        else:
            np.testing.assert_array_equal(other, values, err_msg=name)
    np.testing.assert_allclose(a.instants.time_s, b.instants.time_s, rtol=0, atol=0.5e-6)
    np.testing.assert_array_equal(a.instants.faces, b.instants.faces)
    np.testing.assert_array_equal(a.instants.source, b.instants.source)
    assert a.instants.all_known == b.instants.all_known


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=30)
@given(taken=instants(), raw=st.booleans())
def test_csv_round_trip(tmp_path: Path, taken: list[Instant], raw: bool) -> None:
    file = tmp_path / "timeline.csv"
    timeline = Timeline.of(taken, raw=raw)
    provenance = PROVENANCE.model_copy(update={"sources": timeline.sources})
    write_sidecar(make_sidecar(provenance, ()), file)
    write_csv(timeline, file)
    once = read_timeline(file)
    assert_same(timeline, once, rounded=True)
    # What was rounded once stays as it is, to the byte.
    text = file.read_bytes()
    write_csv(once, file)
    assert file.read_bytes() == text
    assert_same(once, read_timeline(file), rounded=False)


def test_a_row_a_face_a_sampled_instant() -> None:
    taken = make_class(6, 10)
    timeline = Timeline.of(taken)
    assert len(timeline) == sum(len(instant.track_ids) for instant in taken)
    assert len(timeline.instants) == len(taken)
    assert tuple(timeline.columns()) == COLUMNS
    assert tuple(Timeline.of(taken, raw=True).columns()) == (*COLUMNS, *RAW_COLUMNS)
    third = taken[3]
    rows = [row for row in timeline.rows() if row["time_s"] == third.time_s]
    assert [row["track_id"] for row in rows] == third.track_ids.tolist()
    np.testing.assert_allclose([row["arousal"] for row in rows], third.emotions.vad[:, 1])
    np.testing.assert_allclose([row["caution"] for row in rows], third.emotions.classroom[:, 8])
    total = sum(timeline.columns()[name] for name in MEASURED)
    np.testing.assert_allclose(total, 1, atol=1e-5)


def test_a_source_column_only_where_there_are_several() -> None:
    assert "source" not in Timeline.of(make_class(3, 2)).columns()
    two = Timeline.of([*make_class(3, 2, source="a.png"), *make_class(3, 2, source="b.png")])
    assert two.columns()["source"].tolist() == [two.sources[i] for i in two.source]
    assert two.sources == ("a.png", "b.png")


def test_a_number_that_is_none_is_refused() -> None:
    broken = make_instant(0.0, [1], np.full((1, 8), np.nan))
    with pytest.raises(ModelError, match="neutral: expected numbers, got nan"):
        Timeline.of([broken])


def test_no_face_anywhere_is_a_valid_timeline(tmp_path: Path) -> None:
    file = tmp_path / "timeline.csv"
    empty = Timeline.of([make_instant(t, [], np.zeros((0, 8))) for t in (0.0, 0.2, 0.4)])
    write_csv(empty, file)
    back = read_timeline(tmp_path)
    assert len(back) == 0
    assert back.instants.time_s.tolist() == [0.0, 0.2, 0.4]
    assert file.read_text() == ",".join(COLUMNS) + "\n"


def test_instants_without_a_face_are_unknown_without_their_file(tmp_path: Path) -> None:
    file = tmp_path / "timeline.csv"
    face = np.eye(8)[:1]
    write_csv(
        Timeline.of([make_instant(0.0, [1], face), make_instant(0.2, [], face[:0]), make_instant(0.4, [1], face)]), file
    )
    instants_path(file).unlink()
    back = read_timeline(file)
    assert back.instants.time_s.tolist() == [0.0, 0.4]
    assert not back.instants.all_known


def test_a_cut_file_is_named_unless_the_ledger_shows_it_whole(tmp_path: Path) -> None:
    file = tmp_path / "timeline.csv"
    write_csv(Timeline.of(make_class(4, 4)), file)
    whole = file.read_bytes()
    rows = len(read_timeline(file))
    file.write_bytes(whole + b"9.9,1,half a ro")
    assert len(read_timeline(file)) == rows
    file.write_bytes(whole[:-5])
    with pytest.raises(InputError, match=f"expected {rows} rows .* got {rows - 1}"):
        read_timeline(file)


def test_parquet_holds_the_same_and_the_sidecar(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow (extra [archive]) is not installed")
    timeline = Timeline.of(make_class(5, 4), raw=True)
    sidecar = make_sidecar(PROVENANCE, (), raw=True)
    write_parquet(timeline, sidecar, tmp_path / "timeline.parquet")
    table = parquet.read_table(tmp_path / "timeline.parquet")
    assert table.column_names == list(timeline.columns())
    for name, values in timeline.columns().items():
        np.testing.assert_array_equal(table[name].to_numpy(), values, err_msg=name)
    assert json.loads(table.schema.metadata[b"classmood"])["provenance"]["model"] == PROVENANCE.model


def test_parquet_without_its_extra_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"classmood\[archive\]"):
        write_parquet(Timeline.of(make_class(2, 1)), make_sidecar(PROVENANCE, ()), tmp_path / "t.parquet")


def test_json_lines_hold_the_same_rounded(tmp_path: Path) -> None:
    timeline = Timeline.of(make_class(3, 2))
    write_json_lines(timeline, tmp_path / "timeline.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "timeline.jsonl").read_text().splitlines()]
    assert len(lines) == len(timeline)
    for line, row in zip(lines, timeline.rows(), strict=True):
        assert list(line) == list(COLUMNS)
        assert line["not_sure"] is row["not_sure"]
        assert line["joy"] == pytest.approx(row["joy"], abs=0.6e-4)


def test_unwritable_output(tmp_path: Path) -> None:
    timeline = Timeline.of(make_class(2, 1))
    nowhere = tmp_path / "no folder" / "timeline.csv"
    for write in (write_csv, write_json_lines):
        with pytest.raises(OutputError, match="cannot be written"):
            write(timeline, nowhere)
    pytest.importorskip("pyarrow", reason="pyarrow (extra [archive]) is not installed")
    with pytest.raises(OutputError, match="cannot be written"):
        write_parquet(timeline, make_sidecar(PROVENANCE, ()), nowhere)


def test_rows_come_in_pieces_and_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    timeline = Timeline.of([instant for name in ("a.mp4", "b.mp4") for instant in make_class(3, 1, source=name)])
    whole = list(timeline.rows())
    assert len(whole) == len(timeline) > 7
    assert {row["source"] for row in whole} == {"a.mp4", "b.mp4"}
    monkeypatch.setattr("classmood.timeline._ROWS_AT_ONCE", 7)
    assert list(timeline.rows()) == whole


def test_numbers_are_the_columns_without_the_sources_names() -> None:
    timeline = Timeline.of([instant for name in ("a.mp4", "b.mp4") for instant in make_class(2, 1, source=name)])
    columns, numbers = timeline.columns(), timeline.numbers()
    assert list(columns) == [*numbers, "source"]
    for name, values in numbers.items():
        np.testing.assert_array_equal(values, columns[name])
