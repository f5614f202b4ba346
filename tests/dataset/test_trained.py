"""Which models were trained on whom: noted in the dataset, named at an erasure, without the id of who is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from classmood.dataset.trained import TRAINED, forget_participant, models_of, note_model
from classmood.errors import InputError, OutputError


def test_models_are_named_for_those_they_were_trained_on(tmp_path: Path) -> None:
    assert models_of(tmp_path, "sub-1") == ()
    note_model(tmp_path, tmp_path / "a.onnx", "1" * 64, ["sub-1", "sub-2"])
    note_model(tmp_path, tmp_path / "b.onnx", "2" * 64, ["sub-2"])
    note_model(tmp_path, tmp_path / "a.onnx", "1" * 64, ["sub-1"])
    assert [one.split(" ")[0] for one in models_of(tmp_path, "sub-1")] == [str(tmp_path / "a.onnx")]
    assert len(models_of(tmp_path, "sub-2")) == 2
    assert models_of(tmp_path, "sub-3") == ()


def test_who_is_erased_is_forgotten_and_the_models_stay(tmp_path: Path) -> None:
    note_model(tmp_path, tmp_path / "a.onnx", "1" * 64, ["sub-1", "sub-12"])
    forget_participant(tmp_path, "sub-1")
    forget_participant(tmp_path, "sub-9")
    assert models_of(tmp_path, "sub-1") == ()
    assert len(models_of(tmp_path, "sub-12")) == 1
    assert '"sub-1"' not in (tmp_path / TRAINED).read_text()


def test_a_note_that_is_none_is_named_by_its_line(tmp_path: Path) -> None:
    note_model(tmp_path, tmp_path / "a.onnx", "1" * 64, ["sub-1"])
    with (tmp_path / TRAINED).open("a") as file:
        file.write("sub-1 was here\n")
    for call in (models_of, forget_participant):
        with pytest.raises(InputError, match="line 2"):
            call(tmp_path, "sub-1")
    with pytest.raises(OutputError, match="cannot be written"):
        note_model(tmp_path / "none", tmp_path / "a.onnx", "1" * 64, [])
