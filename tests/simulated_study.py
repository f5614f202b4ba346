"""A dataset of a few drawn participants with two scenarios, for tests of what is made of datasets."""

from __future__ import annotations

from pathlib import Path

from classmood.study.forms import PLUMBING, DrawnActor, Form
from classmood.study.simulate import film_all

TWO = Form(
    "synthetic",
    PLUMBING,
    ("joy", "fury"),
    {"felt": "sam", "which": "emotion"},
    ("course-a", "course-b"),
    0.4,
    "",
    "own",
)


def write_study(folder: Path, participants: int = 3) -> Path:
    """Write the dataset and return its folder."""
    film_all(TWO, [DrawnActor(seed) for seed in range(1, participants + 1)], folder, lambda _: None)
    return folder / "study"
