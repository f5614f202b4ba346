"""`classmood benchmark`: how fast this machine is, with the machine named.

Milliseconds a face at several batch sizes; milliseconds a frame by stage, frames a second and times real time on a
video; peak memory of the process.
"""

from __future__ import annotations

import json
import platform
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil

from classmood.classifier import Classifier
from classmood.detectors import CenterFace
from classmood.errors import InputError, OutputError
from classmood.frames import read_frames
from classmood.machine import machine
from classmood.pipeline import Pipeline

BATCHES = (1, 8, 32)
REPEATS = 15


@dataclass(frozen=True, slots=True)
class VideoSpeed:
    """Speed on one video.

    Attributes:
        frames: sampled frames that were analysed.
        faces_a_frame: mean number of faces found.
        video_s: time covered in the video.
        wall_s: time it took.
        frames_a_second: analysed frames in a second of wall time.
        times_real_time: seconds of video in a second of wall time.
        ms_a_frame: by stage. Two stages run at a time, so the sum is more than the wall time.
    """

    frames: int
    faces_a_frame: float
    video_s: float
    wall_s: float
    frames_a_second: float
    times_real_time: float
    ms_a_frame: dict[str, float]


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured, where and when."""

    machine: str
    date: str
    model: str
    ms_a_face: dict[str, float]
    video: VideoSpeed | None
    peak_memory_mb: float


def measure(*, model: str, threads: int, video: Path | None = None, rate_hz: float = 5.0) -> Speed:
    """Measure the shipped pipeline.

    Raises:
        InputError: the video cannot be read or holds no frame.
    """
    classifier = Classifier(model, threads=threads)
    ms_a_face = {str(batch): _ms_a_face(classifier, batch) for batch in BATCHES}
    speed = _video(model, threads, video, rate_hz) if video else None
    return Speed(
        machine=machine(threads),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        model=classifier.card.name,
        ms_a_face=ms_a_face,
        video=speed,
        peak_memory_mb=round(peak_memory_mb(), 1),
    )


def peak_memory_mb() -> float:
    """The most memory that this process has held, in MB; what it holds now where the system does not say."""
    try:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # In bytes on macOS, in KiB elsewhere.
        return peak / 1e6 if platform.system() == "Darwin" else peak * 1024 / 1e6
    except ImportError:
        memory = psutil.Process().memory_info()
        return float(getattr(memory, "peak_wset", memory.rss)) / 1e6


def describe(speed: Speed) -> list[str]:
    """The figures as lines of text."""
    lines = [f"machine         {speed.machine}", f"date            {speed.date}", f"model           {speed.model}"]
    lines += [f"batch {batch:>3}       {ms:.2f} ms a face" for batch, ms in speed.ms_a_face.items()]
    if speed.video:
        video = speed.video
        lines += [f"{stage:<15} {ms:.2f} ms a frame" for stage, ms in video.ms_a_frame.items()]
        lines.append(
            f"video           {video.frames} frames of {video.faces_a_frame:.1f} faces in {video.wall_s:.1f} s"
        )
        lines.append(
            f"speed           {video.frames_a_second:.1f} frames a second, {video.times_real_time:.2f} x real time"
        )
    return [*lines, f"peak memory     {speed.peak_memory_mb:.0f} MB"]


def write_speed(speed: Speed, path: Path) -> None:
    """Write the figures as JSON.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        path.write_text(json.dumps(asdict(speed), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def _ms_a_face(classifier: Classifier, batch: int) -> float:
    crops = np.random.default_rng(0).integers(0, 256, (batch, 48, 48), dtype=np.uint8)
    classifier.logits(crops)
    times_s = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        classifier.logits(crops)
        times_s.append(time.perf_counter() - started)
    return round(float(np.median(times_s)) * 1000 / batch, 3)


def _video(model: str, threads: int, video: Path, rate_hz: float) -> VideoSpeed:
    # As the pipeline itself does: two stages at a time, each on half the cores.
    half = max(1, threads // 2)
    pipeline = Pipeline(CenterFace(threads=half), Classifier(model, threads=half))
    started = time.perf_counter()
    frames, faces, first_s, last_s = 0, 0, 0.0, 0.0
    for instant in pipeline.instants(read_frames(video, fps=rate_hz)):
        first_s = instant.time_s if not frames else first_s
        frames, faces, last_s = frames + 1, faces + len(instant.faces), instant.time_s
    wall_s = time.perf_counter() - started
    if not frames:
        raise InputError(f"{video}: no frame to measure on")
    video_s = last_s - first_s + 1 / rate_hz
    return VideoSpeed(
        frames=frames,
        faces_a_frame=round(faces / frames, 2),
        video_s=round(video_s, 2),
        wall_s=round(wall_s, 2),
        frames_a_second=round(frames / wall_s, 2),
        times_real_time=round(video_s / wall_s, 2),
        ms_a_frame={stage: round(spent * 1000 / frames, 2) for stage, spent in pipeline.spent_s.items()},
    )
