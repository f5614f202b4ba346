"""The benchmark: every figure it promises, with the machine named. How large they are is not a test's business."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from classmood import benchmark
from classmood.benchmark import BATCHES, Speed, VideoSpeed, describe, measure, peak_memory_mb, write_speed
from classmood.errors import InputError, ModelError, OutputError
from classmood.models.weights import SHIPPED_EMOTION
from classmood.pipeline import STAGES
from videos import make_video


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("video") / "clip.mp4", 20)


@pytest.fixture(scope="module")
def measured(video: Path) -> Speed:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "REPEATS", 2)
        return measure(model=SHIPPED_EMOTION, threads=1, video=video, rate_hz=5.0)


def test_a_face_is_measured_at_every_batch_size(measured: Speed) -> None:
    assert list(measured.ms_a_face) == [str(batch) for batch in BATCHES] == ["1", "8", "32"]
    assert all(0 < ms < 10_000 for ms in measured.ms_a_face.values())


def test_a_video_is_measured_by_stage(measured: Speed) -> None:
    speed = measured.video
    assert speed is not None
    assert (speed.frames, speed.faces_a_frame, speed.video_s) == (10, 0.0, 2.0)
    assert tuple(speed.ms_a_frame) == STAGES
    assert all(ms >= 0 for ms in speed.ms_a_frame.values())
    assert speed.ms_a_frame["faces"] > 0
    assert speed.frames_a_second == pytest.approx(speed.frames / speed.wall_s, rel=0.2, abs=0.01)
    assert speed.times_real_time == pytest.approx(speed.video_s / speed.wall_s, rel=0.2, abs=0.01)


def test_the_machine_the_model_and_the_day_are_named(measured: Speed) -> None:
    assert re.search(r"\d+ cores \(1 threads used\), \w+, Python 3\.\d+", measured.machine)
    assert measured.machine.split(",")[0].strip()
    assert measured.model == SHIPPED_EMOTION
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", measured.date)


def test_peak_memory_is_no_less_than_what_is_held_now() -> None:
    assert psutil.Process().memory_info().rss / 1e6 * 0.98 <= peak_memory_mb() < psutil.virtual_memory().total / 1e6


@pytest.mark.parametrize(("system", "counted"), [("Linux", 1_000_000), ("Darwin", 1_024_000_000)])
def test_every_system_s_unit_of_memory_becomes_megabytes(
    monkeypatch: pytest.MonkeyPatch, system: str, counted: int
) -> None:
    resource = pytest.importorskip("resource", reason="this system does not tell the peak")
    monkeypatch.setattr(benchmark.platform, "system", lambda: system)
    monkeypatch.setattr(resource, "getrusage", lambda _: SimpleNamespace(ru_maxrss=counted))
    assert peak_memory_mb() == 1024


def test_text_and_json_hold_every_figure(measured: Speed, tmp_path: Path) -> None:
    write_speed(measured, tmp_path / "speed.json")
    assert json.loads((tmp_path / "speed.json").read_text()) == asdict(measured)
    text = "\n".join(describe(measured))
    assert measured.machine in text
    for stage in STAGES:
        assert re.search(rf"^{stage} +[\d.]+ ms a frame$", text, re.M)
    for batch in BATCHES:
        assert re.search(rf"^batch +{batch} +[\d.]+ ms a face$", text, re.M)
    assert re.search(r"^speed +[\d.]+ frames a second, [\d.]+ x real time$", text, re.M)
    assert re.search(r"^peak memory +\d+ MB$", text, re.M)


def test_without_a_video_the_faces_alone_are_told() -> None:
    speed = Speed("a machine", "2026-01-01", "m", {"1": 2.0}, None, 300.0)
    assert not any("frame" in line for line in describe(speed))
    of_video = VideoSpeed(10, 2.0, 2.0, 1.0, 10.0, 2.0, dict.fromkeys(STAGES, 1.0))
    assert len(describe(Speed("a machine", "2026-01-01", "m", {"1": 2.0}, of_video, 300.0))) == 5 + len(STAGES) + 2


def test_what_cannot_be_measured_is_named(measured: Speed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "REPEATS", 1)
    with pytest.raises(ModelError, match="no-such"):
        measure(model="no-such", threads=1)
    with pytest.raises(InputError, match=r"none\.mp4"):
        measure(model=SHIPPED_EMOTION, threads=1, video=tmp_path / "none.mp4")
    with pytest.raises(OutputError, match="cannot be written"):
        write_speed(measured, tmp_path / "nowhere" / "speed.json")
