"""A crop set on disk: what is read is what was written, and a set edited by hand is refused by its row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from classmood.clips.crop_set import COLUMNS, DESCRIPTION, MANIFEST, MODELS, note_model, read_crop_set, write_manifest
from classmood.dataset.trained import models_of
from classmood.errors import InputError


def row(number: int, **other: object) -> dict[str, object]:
    who = f"sub-{number:03d}"
    values = {
        "file": f"{who}/{who}_one.npz",
        "participant": who,
        "course": "c",
        "scenario": "one",
        "evokes": "joy",
        "emotion": "joy",
        "label": "joy",
        "valence": 0.5,
        "arousal": None,
        "dominance": -0.25,
        "start_s": 1.0,
        "end_s": 4.0,
        "frames": 4,
        "fold": number,
        "left_out": "",
    }
    return {**values, **other}


def write(folder: Path, *rows: dict[str, object]) -> Path:
    folder.mkdir()
    for each in rows:
        if not each["left_out"]:
            path = folder / str(each["file"])
            path.parent.mkdir(exist_ok=True)
            crops = np.random.default_rng(int(str(each["fold"]))).integers(0, 256, (4, 48, 48), dtype=np.uint8)
            np.savez(path, crops=crops, time_s=np.arange(4) / 4)
    write_manifest(folder, rows)
    (folder / DESCRIPTION).write_text(json.dumps({"format": "classmood crops", "study": "a study"}))
    return folder


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    left_out = row(3, left_out="2 good frames of 9, expected 3: blurred 7")
    found = read_crop_set(write(tmp_path / "set", row(1), row(2, label="neutral"), left_out))
    assert found.participants == ("sub-001", "sub-002")
    assert (found.folds, found.labels) == ((1, 2), ("neutral", "joy"))
    first = found.clips[0]
    np.testing.assert_array_equal(first.ratings, [0.5, np.nan, -0.25])
    np.testing.assert_array_equal(first.time_s, [0, 0.25, 0.5, 0.75])
    expected = np.random.default_rng(1).integers(0, 256, (4, 48, 48), dtype=np.uint8)
    np.testing.assert_array_equal(first.crops, expected)
    assert set(COLUMNS) == set(row(1))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"label": "bliss"}, "row 3: label: expected one of neutral.*got 'bliss'"),
        ({"frames": 5}, "row 3: expected 5 crops"),
        ({"fold": "two"}, "row 3: .*two"),
        ({"participant": "sub-001", "fold": 2}, "sub-001 is in two folds"),
    ],
)
def test_a_set_edited_by_hand_is_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    folder = write(tmp_path / "set", row(1), row(2))
    write_manifest(folder, [row(1), row(2, **change)])
    with pytest.raises(InputError, match=says):
        read_crop_set(folder)


def test_a_missing_file_is_named_by_its_row(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", row(1), row(2))
    (folder / "sub-002" / "sub-002_one.npz").unlink()
    with pytest.raises(InputError, match=rf"{MANIFEST}: row 3: .*build the set again"):
        read_crop_set(folder)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a folder of 'classmood dataset build'"):
        read_crop_set(tmp_path)
    folder = write(tmp_path / "set", row(1, left_out="not in the video"))
    with pytest.raises(InputError, match="none of its 1 clips is fit for use"):
        read_crop_set(folder)


def test_models_are_listed_once_each_and_in_the_dataset_too(tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    dataset.mkdir()
    folder = write(tmp_path / "set", row(1), row(2))
    found = read_crop_set(folder)
    note_model(found, tmp_path / "early.onnx", "00" * 32)
    assert models_of(dataset, "sub-001") == ()
    (dataset / "participants.tsv").write_text("participant_id\n")
    found.made["dataset"] = str(dataset)
    for name in ("a", "b", "a"):
        note_model(found, tmp_path / f"{name}.onnx", f"{ord(name):064x}")
    names = [line.split(",")[0] for line in (folder / MODELS).read_text().splitlines()]
    assert names == ["model", "early", "a", "b"]
    listed = models_of(dataset, "sub-001")
    assert [Path(each.split(" (")[0]).name for each in listed] == ["a.onnx", "b.onnx"]
    assert models_of(dataset, "sub-009") == ()


def test_a_dataset_that_was_not_there_gets_its_note_when_it_is(tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    folder = write(tmp_path / "set", row(1), row(2))
    found = read_crop_set(folder)
    found.made["dataset"] = str(dataset)
    with pytest.warns(UserWarning, match="would not be named when a participant withdraws"):
        note_model(found, tmp_path / "own.onnx", "11" * 32)
    assert (folder / MODELS).is_file()
    dataset.mkdir()
    (dataset / "participants.tsv").write_text("participant_id\n")
    for _ in range(2):
        note_model(found, tmp_path / "own.onnx", "11" * 32)
    assert len(models_of(dataset, "sub-001")) == 1
    assert len((dataset / ".trained.jsonl").read_text().splitlines()) == 1


def test_a_set_that_was_not_finished_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", row(1), row(2))
    described = json.loads((folder / DESCRIPTION).read_text())
    (folder / DESCRIPTION).write_text(json.dumps(described | {"finished": False}))
    with pytest.raises(InputError, match="was not finished"):
        read_crop_set(folder)
