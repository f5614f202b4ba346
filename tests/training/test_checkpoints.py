"""A state comes back as it was written; what cannot be written or read is told in a line, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from classmood.errors import TrainingError
from classmood.training.checkpoints import read_state, write_state

CPU = torch.device("cpu")


def test_a_state_comes_back_and_the_next_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    for epoch in (1, 2):
        write_state({"epoch": epoch, "weights": torch.full((3,), float(epoch))}, path)
    found = read_state(path, CPU)
    assert found["epoch"] == 2
    assert found["weights"].tolist() == [2, 2, 2]
    assert [each.name for each in tmp_path.iterdir()] == ["run.pt"]


def test_a_full_disk_leaves_the_last_good_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.pt"
    write_state({"epoch": 1}, path)

    def full(state: object, file: Path) -> None:
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TrainingError, match=r"run\.pt: cannot be written .*last good one is kept"):
        write_state({"epoch": 2}, path)
    assert read_state(path, CPU) == {"epoch": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["run.pt"]


def test_half_a_file_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    write_state({"weights": torch.zeros(5000)}, path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(TrainingError, match=r"run\.pt: not a checkpoint \(.+\); remove it"):
        read_state(path, CPU)
