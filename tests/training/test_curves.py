"""The curves are a picture of the metrics, with or without a held-out fold."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from classmood.errors import InputError
from classmood.training.curves import draw_curves

pytest.importorskip("matplotlib")


def draw(folder: Path, rows: list[dict[str, float]]) -> np.ndarray:
    metrics = folder / "metrics.jsonl"
    metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    draw_curves(metrics, folder / "curves.png")
    return np.asarray(cv2.imread(str(folder / "curves.png")))


def colour_share(picture: np.ndarray, rgb: tuple[int, int, int]) -> float:
    return float((np.abs(picture[:, :, ::-1].astype(int) - rgb).max(2) < 12).mean())


BLUE, VERMILION = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)


def test_training_and_held_out_lines_are_drawn(tmp_path: Path) -> None:
    rows = [{"epoch": i, "loss": 2 / i, "held_loss": 2.1 / i, "held_accuracy": 1 - 1 / i} for i in (1, 2, 3)]
    picture = draw(tmp_path, rows)
    assert colour_share(picture, BLUE) > 1e-4
    # The held-out lines are in both halves of the picture: loss to the left, accuracy to the right.
    half = picture.shape[1] // 2
    assert colour_share(picture[:, :half], VERMILION) > 1e-4
    assert colour_share(picture[:, half:], VERMILION) > 1e-4


def test_other_numbers_give_another_picture(tmp_path: Path) -> None:
    falling = draw(tmp_path, [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}])
    rising = draw(tmp_path, [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 2.0}])
    assert falling.shape == rising.shape
    assert (falling != rising).any()


def test_a_run_without_a_held_out_fold_has_its_loss_drawn(tmp_path: Path) -> None:
    picture = draw(tmp_path, [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.5}])
    assert colour_share(picture, BLUE) > 1e-4
    assert colour_share(picture, VERMILION) == 0


@pytest.mark.parametrize("content", [None, ""])
def test_nothing_to_draw_is_said(tmp_path: Path, content: str | None) -> None:
    metrics = tmp_path / "metrics.jsonl"
    if content is not None:
        metrics.write_text(content)
    with pytest.raises(InputError, match=r"metrics\.jsonl: no finished epoch"):
        draw_curves(metrics, tmp_path / "curves.png")
    assert not (tmp_path / "curves.png").exists()
