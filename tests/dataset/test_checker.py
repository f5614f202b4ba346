"""The checker: a folder as written is right, and every edit by hand is told by file and line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import small_study

from classmood.dataset.checker import find_faults
from classmood.dataset.layout import EVENT_COLUMNS
from classmood.errors import InputError


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_study(tmp_path_factory.mktemp("written"), 2)


@pytest.fixture
def dataset(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "study"))


def edit(path: Path, line: int, column: str, value: str) -> None:
    """Change one cell; lines count from 1, which is the header."""
    lines = path.read_text(encoding="utf-8").split("\n")
    fields = lines[line - 1].split("\t")
    fields[lines[0].split("\t").index(column)] = value
    lines[line - 1] = "\t".join(fields)
    path.write_text("\n".join(lines), encoding="utf-8")


def told(dataset: Path, file: str, line: int) -> str:
    return " / ".join(fault.message for fault in find_faults(dataset) if (fault.file, fault.line) == (file, line))


def page_line(dataset: Path, column: str) -> int:
    """The first line that answers a column."""
    lines = (dataset / "sub-001" / "sub-001_events.tsv").read_text(encoding="utf-8").splitlines()
    at = lines[0].split("\t").index(column)
    return next(i for i, line in enumerate(lines[1:], 2) if line.split("\t")[at] != "n/a")


def test_a_folder_as_written_is_right(dataset: Path) -> None:
    assert find_faults(dataset) == ()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("valence", "11", "valence: expected a rating from 1 to 9, got '11'"),
        ("emotion", "boredom", "emotion: expected one of neutral"),
        ("score", "2", "score: expected a share from 0 to 1"),
        ("onset", "soon", "onset: expected seconds from 0, got 'soon'"),
        ("onset", "0.000", "is before the end of the line above"),
        ("duration", "-3", "duration: expected seconds from 0"),
        ("browser_onset", "nan", "browser_onset: expected seconds"),
        ("trial_type", "film", "trial_type: expected one of baseline"),
        ("page", "mood", "page: 'mood' is not in the protocol"),
        ("scenario", "boredom-1", "scenario: 'boredom-1' is not in the protocol"),
        ("evokes", "fury", "evokes: the protocol has"),
        ("intensity", "", "intensity: an empty cell; write n/a"),
    ],
)
def test_an_edited_cell_is_told_by_file_and_line(dataset: Path, column: str, value: str, said: str) -> None:
    answered = column if column in ("valence", "emotion", "score", "intensity") else "valence"
    line = page_line(dataset, answered)
    edit(dataset / "sub-001" / "sub-001_events.tsv", line, column, value)
    assert said in told(dataset, "sub-001/sub-001_events.tsv", line)
    assert "was changed since it was written" in told(dataset, "sub-001/sub-001_events.tsv", 0)


def test_an_edit_that_looks_right_is_still_told(dataset: Path) -> None:
    line = page_line(dataset, "arousal")
    path = dataset / "sub-001" / "sub-001_events.tsv"
    before = path.read_text(encoding="utf-8").splitlines()[line - 1].split("\t")[EVENT_COLUMNS.index("arousal")]
    edit(path, line, "arousal", "5" if before != "5" else "6")
    assert [(f.file, f.line) for f in find_faults(dataset)] == [("sub-001/sub-001_events.tsv", 0)]


def test_an_answer_outside_a_page_or_twice_is_told(dataset: Path) -> None:
    path = dataset / "sub-001" / "sub-001_events.tsv"
    edit(path, 2, "valence", "5")
    assert "only pages have answers" in told(dataset, "sub-001/sub-001_events.tsv", 2)
    first = page_line(dataset, "emotion")
    edit(path, first, "valence", "5")
    assert "was answered for" in told(dataset, "sub-001/sub-001_events.tsv", first)


def test_another_order_than_the_participant_s_is_told(dataset: Path) -> None:
    edit(dataset / "participants.tsv", 2, "number", "3")
    faults = find_faults(dataset)
    assert any("scenario: the order of participant 3 has" in f.message and f.line > 1 for f in faults)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("participant_id", "sub-002", "sub-002 is in line 2 already"),
        ("participant_id", "Anna", "participant_id: expected sub-001 or the like, got 'Anna'"),
        ("number", "1", "the number 1 is in line 2 already"),
        ("number", "first", "number: expected a whole number from 1"),
        ("recording", "audio", "recording: expected none, video or features"),
        ("consent", "n/a", "consent: no receipt is on file"),
        ("session_date", "25.11.2026", "session_date: expected YYYY-MM-DD"),
        ("completed", "maybe", "completed: expected yes or no"),
    ],
)
def test_an_edited_participant_is_told_by_line(dataset: Path, column: str, value: str, said: str) -> None:
    if value == "sub-002":
        edit(dataset / "participants.tsv", 2, column, value)
    edit(dataset / "participants.tsv", 3, column, value)
    assert said in told(dataset, "participants.tsv", 3)


def test_missing_extra_and_unagreed_files_are_told(dataset: Path) -> None:
    (dataset / "sub-001" / "sub-001_events.tsv").unlink()
    (dataset / "sub-002" / "notes.txt").write_text("Anna, born 2008", encoding="utf-8")
    (dataset / "sub-002" / "sub-002_video.webm").write_bytes(b"film")
    (dataset / "sub-007").mkdir()
    said = {(fault.file, fault.message.split(";")[0]) for fault in find_faults(dataset)}
    files = {file for file, _ in said}
    assert {"sub-001/sub-001_events.tsv", "sub-002/notes.txt", "sub-002/sub-002_video.webm", "sub-007"} <= files
    assert ("sub-002/notes.txt", "is no file of a dataset") in said
    assert any("did not agree to it (participants.tsv, line 3)" in message for _, message in said)
    assert any("it was added by hand" in message for _, message in said)
    assert any("is missing" in message for _, message in said)


def test_a_changed_protocol_and_sidecars_are_told(dataset: Path) -> None:
    protocol = dataset / "protocol.toml"
    protocol.write_text(protocol.read_text(encoding="utf-8") + "# later\n", encoding="utf-8")
    assert "restore the one that was run" in told(dataset, "protocol.toml", 0)
    sidecar = json.loads((dataset / "events.json").read_text(encoding="utf-8"))
    del sidecar["arousal"]
    (dataset / "events.json").write_text(json.dumps(sidecar), encoding="utf-8")
    assert "does not describe the column 'arousal'" in told(dataset, "events.json", 0)
    (dataset / "participants.json").write_text("[", encoding="utf-8")
    assert "missing or not JSON" in told(dataset, "participants.json", 0)


def test_a_header_or_a_row_of_another_length_is_told(dataset: Path) -> None:
    path = dataset / "sub-001" / "sub-001_events.tsv"
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[4] += "\t7"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert f"expected {len(EVENT_COLUMNS)} fields, got {len(EVENT_COLUMNS) + 1}" in told(
        dataset, "sub-001/sub-001_events.tsv", 5
    )
    lines[0] = lines[0].replace("onset", "start", 1)
    path.write_text("\n".join(lines), encoding="utf-8")
    assert "the column 'onset' is missing" in told(dataset, "sub-001/sub-001_events.tsv", 1)


def test_another_folder_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dataset_description\.json is missing"):
        find_faults(tmp_path)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_edit_makes_the_checker_fall_over(
    written: Path, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dataset = Path(shutil.copytree(written, tmp_path_factory.mktemp("edited") / "study"))
    files = sorted(path for path in dataset.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=6))
        content = content or bytearray(b" ")
    changed = bytes(content) != path.read_bytes()
    path.write_bytes(bytes(content))
    try:
        assert bool(find_faults(dataset)) == changed
    except InputError:
        assert changed
