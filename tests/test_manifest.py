"""Manifests: rows in order, paths relative to the file, further columns as groups, and errors that name the row."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.errors import InputError, ManifestError
from classmood.manifest import Entry, read_manifest


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "faces.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_come_in_order_with_their_groups(tmp_path: Path) -> None:
    text = 'label,path,gender,note\nhappy,a/1.jpg,female,"said ""yes"", twice"\n sad , 2.jpg ,,\n'
    manifest = read_manifest(written(tmp_path, text))
    assert manifest.path == tmp_path / "faces.csv"
    assert manifest.entries == (
        Entry(2, tmp_path / "a" / "1.jpg", "happy", {"gender": "female", "note": 'said "yes", twice'}),
        Entry(3, tmp_path / "2.jpg", "sad", {"gender": "", "note": ""}),
    )


def test_an_absolute_path_stays_what_it_is(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "x.png"
    (entry,) = read_manifest(written(tmp_path, f"path,label\n{elsewhere},joy\n")).entries
    assert entry.path == elsewhere


def test_spreadsheets_byte_order_marks_and_line_ends_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "faces.csv"
    path.write_bytes("\ufeffpath,label\r\nä.png,joy\r\n".encode())
    (entry,) = read_manifest(path).entries
    assert (entry.path, entry.row) == (tmp_path / "ä.png", 2)


def test_short_rows_have_empty_groups(tmp_path: Path) -> None:
    (entry,) = read_manifest(written(tmp_path, "path,label,age,gender\n1.png,joy,30\n")).entries
    assert entry.groups == {"age": "30", "gender": ""}


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=8).filter(str.strip)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6))
def test_what_a_csv_writer_wrote_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("manifest") / "faces.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label", "group"), *rows])
    entries = read_manifest(path).entries
    assert [(e.path, e.label, e.groups["group"]) for e in entries] == [
        (path.parent / name.strip(), label.strip(), group) for name, label, group in rows
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path,label\n1.png,joy\n,joy\n", "row 3: the column path is empty"),
        ("path,label\n1.png,joy\n2.png,  \n", "row 3: the column label is empty"),
        ("path,label\n1.png,joy\n\n2.png,\n", "row 4: the column label is empty"),
        ("path,label\n1.png\n", "row 2: the column label is empty"),
        ("path,label\n1.png,joy,female\n", "row 2: more cells than the header has columns"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ManifestError, match=rf"faces\.csv: {expected}"):
        read_manifest(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected the columns path and label, found none"),
        ("file,label\n1.png,joy\n", "expected the columns path and label, found file, label"),
        ("path,label\n", "lists no images"),
    ],
)
def test_what_is_no_manifest_is_named(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(InputError, match=rf"faces\.csv: .*{expected}"):
        read_manifest(written(tmp_path, text))


def test_a_missing_file_a_folder_and_a_picture_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv: cannot read the manifest"):
        read_manifest(tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match="cannot read the manifest"):
        read_manifest(tmp_path)
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff\xfe")
    with pytest.raises(InputError, match=r"picture\.csv: not a CSV text file"):
        read_manifest(tmp_path / "picture.csv")


def test_a_cell_of_absurd_length_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a CSV text file"):
        read_manifest(written(tmp_path, "path,label\n" + "x" * 200_000 + ",joy\n"))
