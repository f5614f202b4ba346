"""The examples, run as a reader would run them."""

from __future__ import annotations

import csv
import re
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from classmood.manifest import read_manifest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Runs an example with arguments and returns what it printed."""

    def example(name: str, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return example


@pytest.fixture
def photo(portrait: np.ndarray, tmp_path: Path) -> Path:
    path = tmp_path / "portrait.png"
    cv2.imwrite(str(path), cv2.cvtColor(portrait, cv2.COLOR_RGB2BGR))
    return path


def test_every_example_is_run_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(re.findall(r'example\("(\w+\.py)"', text))


def test_a_photo_becomes_a_table(example, photo: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert "1 faces" in example("photo_to_table.py", photo, tmp_path / "faces.csv")
    with (tmp_path / "faces.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert 150 < float(row["x_px"]) < 210
    assert bool(row["expression"]) == bool(row["share"])
    assert all(-1 <= float(row[name]) <= 1 for name in ("valence", "arousal", "dominance"))


def test_a_missing_photo_ends_with_one_line(example, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit, match=r"^error: .*none\.jpg: not found"):
        example("photo_to_table.py", tmp_path / "none.jpg", tmp_path / "faces.csv")
    with pytest.raises(SystemExit, match=r"^usage"):
        example("class_climate_of_a_video.py")


def test_a_video_s_climate_is_told_by_the_window(example, portrait: np.ndarray, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 512, 512, "yuv420p"
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(portrait, "rgb24")))
        container.mux(stream.encode())
    header, *lines = example("class_climate_of_a_video.py", tmp_path / "clip.mp4", 1).splitlines()
    assert header.split()[:4] == ["from", "to", "people", "seen"]
    assert [line.split()[:2] for line in lines] == [["0s", "1s"], ["1s", "2s"]]
    assert all(line.split()[2] in "01" for line in lines)


def test_own_photos_are_listed_and_scored(example, photo: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    faces = tmp_path / "faces"
    for name in ("happy/ann_1.png", "sad/ann_2.png", "sad/ben_1.png"):
        (faces / name).parent.mkdir(parents=True, exist_ok=True)
        (faces / name).write_bytes(photo.read_bytes())
    printed = example("own_data_manifest.py", faces, tmp_path / "manifest.csv")
    manifest = read_manifest(tmp_path / "manifest.csv")
    assert [(e.path.name, e.label, e.groups["person"]) for e in manifest.entries] == [
        ("ann_1.png", "happy", "ann"),
        ("ann_2.png", "sad", "ann"),
        ("ben_1.png", "sad", "ben"),
    ]
    assert re.search(r"^n +3$", printed, re.M)
    assert re.search(r"^ann: [0-2] of 2 right$", printed, re.M)
    # One face three times: it cannot be both happy and sad.
    right = [int(hits) for hits in re.findall(r": (\d) of", printed)]
    assert sum(right) <= 2
