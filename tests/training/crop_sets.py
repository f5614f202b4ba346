"""A set of crops in memory or on disk whose classes a tiny network can tell apart: the height of a bright bar."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from classmood.clips.crop_set import DESCRIPTION, CropClip, CropSet, read_crop_set, write_manifest
from classmood.emotions import CLASSROOM_CLASSES


def make_clip(
    person: int, label: str, *, folds: int = 3, frames: int = 6, said: bool = False, rated: bool = True
) -> CropClip:
    """Person ``k`` is in fold ``k % folds + 1``; frames go from no bar to a bright one; valence is the label's.

    ``said``: whether they chose the label's emotion, too, but for neutral.
    """
    rng = np.random.default_rng([person, len(label), ord((label or "x")[0])])
    crops = rng.integers(0, 60, (frames, 48, 48)).astype(np.uint8)
    place = CLASSROOM_CLASSES.index(label) if label else 4
    for k in range(frames):
        crops[k, 5 * place : 5 * place + 7] += np.uint8(150 * min(1, k / 2))
    ratings = np.array([-0.6 + 0.15 * place + rng.normal(0, 0.05), rng.uniform(-1, 1), np.nan])
    if not rated:
        ratings[:] = np.nan
    return CropClip(
        f"sub-{person:03d}_{label or 'unlabelled'}",
        f"sub-{person:03d}",
        "course-a" if person % 2 else "course-b",
        label or "unlabelled",
        label,
        ratings,
        person % folds + 1,
        crops,
        np.arange(frames) / 4,
        label if said and label != "neutral" else "",
    )


def make_set(people: int = 6, labels: tuple[str, ...] = ("neutral", "joy", "caution"), **options: int) -> CropSet:
    """Each person shows each label once."""
    clips = tuple(make_clip(person, label, **options) for person in range(people) for label in labels)
    return CropSet(Path("set"), clips, {"study": "bars", "settings": {"label": "scenario"}})


def write_set(path: Path, crops: CropSet) -> CropSet:
    """The same on disk."""
    rows = []
    for clip in crops.clips:
        file = path / clip.participant / f"{clip.name}.npz"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, crops=clip.crops, time_s=clip.time_s)
        ratings = dict(zip(("valence", "arousal", "dominance"), clip.ratings.tolist(), strict=True))
        rows.append(
            {
                "file": f"{clip.participant}/{clip.name}.npz",
                "participant": clip.participant,
                "course": clip.course,
                "scenario": clip.scenario,
                "evokes": clip.label,
                "emotion": clip.emotion,
                "label": clip.label,
                **{name: None if np.isnan(value) else value for name, value in ratings.items()},
                "start_s": 0.0,
                "end_s": 2.0,
                "frames": len(clip.crops),
                "fold": clip.fold,
                "left_out": "",
            }
        )
    write_manifest(path, rows)
    (path / DESCRIPTION).write_text(json.dumps({"format": "classmood crops", **crops.made}))
    return read_crop_set(path)
