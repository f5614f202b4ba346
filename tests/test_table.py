"""The CSV text: what is written is read back, what is damaged is named by its row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classmood.errors import InputError
from classmood.table import Table, header_text, name_text, rows_text, seconds_text

HEADER = "time_s,track_id,joy,not_sure"
REQUIRED = tuple(HEADER.split(","))


def read(folder: Path, text: str | bytes, **kwargs: object) -> Table:
    file = folder / "t.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return Table(file, REQUIRED, **kwargs)  # type: ignore[arg-type]


@given(st.floats(0, 1e6))
def test_times_are_kept_to_the_microsecond(time_s: float) -> None:
    assert abs(float(seconds_text(time_s)) - time_s) <= 0.5001e-6
    assert seconds_text(float(seconds_text(time_s))) == seconds_text(time_s)


def test_times_have_no_useless_digits() -> None:
    assert [seconds_text(t) for t in (0.0, -0.0, 0.2, 12.0, 120.0, 1 / 3)] == ["0", "0", "0.2", "12", "120", "0.333333"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(name=st.text(max_size=30))
def test_a_name_is_one_field_on_one_line(tmp_path: Path, name: str) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(("time_s,faces,source\n0,1," + name_text(name) + "\n").encode())
    table = Table(file, ("time_s", "faces"))
    assert table.sources is not None
    assert len(table.sources) == 1
    assert table.sources[0] == "".join(c if c.isprintable() else "\ufffd" for c in name)


def test_rounding_leaves_no_minus_zero() -> None:
    assert rows_text({"valence": np.array([-0.00001], np.float32)}) == "0.0000\n"


def test_the_header_names_raw_and_source_last() -> None:
    assert header_text(raw=False, several=False).startswith("time_s,track_id,box_x_px,")
    assert header_text(raw=False, several=False).endswith(",confidence,not_sure\n")
    assert header_text(raw=True, several=True).endswith(",ferplus_fear,ferplus_contempt,source\n")


def test_columns_come_back_whatever_their_order(tmp_path: Path) -> None:
    table = read(tmp_path, "not_sure,joy,index,track_id,time_s\ntrue,0.25,7,3,1.5\nfalse,1,8,4,2\n")
    assert table.time_s.tolist() == [1.5, 2.0]
    assert table.whole.tolist() == [3, 4]
    assert table.names == ("joy", "not_sure")
    assert table.of("joy").tolist() == [[0.25], [1.0]]
    assert table.of("joy", "not_sure").tolist() == [[0.25, 1], [1, 0]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty; expected a header"),
        ("time_s,track_id,joy\n", "row 1: the column not_sure is missing"),
        ("time_s,track_id,joy,not_sure,joy\n", "row 1: the column joy is there twice"),
        (HEADER + "\n0,1,0.5,true\n0,1,0.5\n", "row 3: expected 4 fields, got 3"),
        (HEADER + "\n0,1,0.5,true\n0,1,much,true\n", "row 3: joy: expected a number from 0 to 1, got 'much'"),
        (HEADER + "\n0,1,nan,true\n", "row 2: joy: expected a number from 0 to 1, got 'nan'"),
        (HEADER + "\n0,1,1.2,true\n", "row 2: joy: expected a number from 0 to 1, got '1.2'"),
        (HEADER + "\n0,1.5,1,true\n", "row 2: track_id: expected a whole number of at least 1, got '1.5'"),
        (HEADER + "\n0,0,1,true\n", "row 2: track_id: expected a whole number of at least 1, got '0'"),
        (HEADER + "\ninf,1,1,true\n", "row 2: time_s: expected a number, got 'inf'"),
        (HEADER + "\n0,1,1,perhaps\n", "row 2: not_sure: expected true or false, got 'perhaps'"),
        (HEADER + '\n0,1,1,"true\n', "not CSV"),
        (HEADER.encode() + b"\n0,1,\xff\xfe,true\n", "not text in UTF-8"),
    ],
)
def test_damage_is_named(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(InputError) as raised:
        read(tmp_path, text)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_row_is_named_beyond_the_first_piece(tmp_path: Path) -> None:
    rows = ["0,1,0.5,true"] * 9000
    rows[8765] = "0,1,-3,true"
    with pytest.raises(InputError, match="row 8767: joy"):
        read(tmp_path, "\n".join([HEADER, *rows]) + "\n")


def test_pieces_are_put_together_in_order(tmp_path: Path) -> None:
    rows = [f"{k},{k + 1},{k / 9000:.4f},{'true' if k % 3 else 'false'}" for k in range(9000)]
    table = read(tmp_path, "\n".join([HEADER, *rows]) + "\n")
    assert table.time_s.tolist() == list(range(9000))
    assert table.whole.tolist() == list(range(1, 9001))
    np.testing.assert_allclose(table.of("joy")[:, 0], np.arange(9000) / 9000, atol=0.6e-4)
    np.testing.assert_array_equal(table.of("not_sure")[:, 0], np.arange(9000) % 3 > 0)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: cannot be read"):
        Table(tmp_path / "none.csv", REQUIRED)


def test_only_the_counted_rows_are_read(tmp_path: Path) -> None:
    text = HEADER + "\n0,1,0.5,true\n1,1,0.5,true\n2,1,broken"
    assert len(read(tmp_path, text, rows=2, drop_cut=True)) == 2
    with pytest.raises(InputError, match="expected 3 rows as the file of instants counts them, got 2"):
        read(tmp_path, text, rows=3, drop_cut=True)
