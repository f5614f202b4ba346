"""The demo: a photo and a moving clip out of one portrait, and a report of each."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from classmood import analysis, demo
from classmood.errors import MissingExtra, OutputError
from classmood.frames import read_frames
from classmood.timeline import read_timeline


@pytest.fixture(scope="module")
def samples(portrait: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return demo.write_samples(tmp_path_factory.mktemp("demo") / "sample")


def test_the_photo_is_the_portrait(samples: tuple[Path, Path], portrait: np.ndarray) -> None:
    (frame,) = read_frames(samples[0])
    np.testing.assert_array_equal(frame.image, portrait)


def test_the_clip_moves_as_long_as_it_says(samples: tuple[Path, Path]) -> None:
    frames = list(read_frames(samples[1]))
    assert len(frames) == demo.RATE_HZ * demo.DURATION_S
    assert frames[-1].time_s == pytest.approx(demo.DURATION_S - 1 / demo.RATE_HZ, abs=1e-3)
    small = np.stack([frame.image[::16, ::16].astype(float) for frame in frames])
    assert (np.abs(np.diff(small, axis=0)).mean((1, 2, 3)) > 0.5).mean() > 0.9


def test_its_face_is_followed_and_a_report_is_written(samples: tuple[Path, Path], tmp_path: Path) -> None:
    outcome = analysis.run((str(samples[1]),), tmp_path / "out", analysis.Settings(rate_hz=2.0))
    assert (outcome.instants, outcome.faces, outcome.failures) == (12, 12, ())
    assert set(read_timeline(outcome.timeline).track_id.tolist()) == {1}
    assert "portrait.mp4" in outcome.report.read_text(encoding="utf-8")


def test_without_the_extra_its_name_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(MissingExtra, match=r"classmood\[demo\]"):
        demo.write_samples(tmp_path)


def test_an_output_that_cannot_be_written_is_named(portrait: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        demo.write_samples(tmp_path / "file" / "sample")
