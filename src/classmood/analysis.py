"""`classmood analyze`: sources -> a folder with the timeline and its report.

What was done is always kept: rows are written as they come, a video that breaks off or a file that cannot be read is
recorded and named, and the same command goes on where Ctrl-C or a kill stopped it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from classmood.errors import InputError, TruncatedVideo
from classmood.faces import FaceDetector
from classmood.frames import SourceKind, describe_source, list_files, read_frames
from classmood.pipeline import Pipeline, Smoothing
from classmood.report import write_report
from classmood.sidecar import Provenance, read_sidecar
from classmood.timeline import read_timeline, write_json_lines, write_parquet
from classmood.writer import TimelineWriter


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be chosen about an analysis.

    Attributes:
        rate_hz: instants sampled a second of video; None takes every frame.
        smoothing: how numbers are steadied over time; photos have no time and are left as they are.
        raw: write the FER+ probabilities too.
        per_person: let the report show persons, not only the class.
        parquet: write Parquet beside the CSV.
        json_lines: write JSON lines beside the CSV.
        resume: go on with an earlier run in the same folder.
    """

    rate_hz: float | None = 5.0
    smoothing: Smoothing = field(default_factory=Smoothing)
    raw: bool = False
    per_person: bool = False
    parquet: bool = False
    json_lines: bool = False
    resume: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an analysis left behind.

    Attributes:
        report: the HTML file.
        timeline: the CSV file.
        instants: sampled instants, those of an earlier run included.
        faces: rows of the timeline.
        failures: one line for each source that could not be read to its end.
    """

    report: Path
    timeline: Path
    instants: int
    faces: int
    failures: tuple[str, ...]


def run(
    sources: tuple[str, ...],
    folder: Path,
    settings: Settings,
    *,
    detector: FaceDetector | None = None,
    pipeline: Pipeline | None = None,
    progress: Callable[[str, float], None] = lambda *_: None,
) -> Outcome:
    """Analyse sources into a folder.

    Args:
        sources: files, folders, glob patterns or ``camera:N``.
        folder: made where there is none.
        settings: see there.
        detector: finds faces; CenterFace by default.
        pipeline: the stages; made of the detector and the shipped model by default.
        progress: called with a source's name and the time in seconds that was reached in it.

    Raises:
        InputError: a source does not exist, or none could be read at all.
        OutputError: the folder cannot be written, or holds the timeline of something else.
        KeyboardInterrupt: after the timeline was closed and the report of what was done was written.
    """
    failures: list[str] = []
    names = _names(sources, failures)
    pipeline = pipeline or Pipeline(detector, smoothing=settings.smoothing)
    path = folder / "timeline.csv"
    provenance = _provenance(names, pipeline, settings)
    try:
        with TimelineWriter(path, provenance, raw=settings.raw, resume=settings.resume) as out:
            for name in names:
                _one_source(name, out, pipeline, settings, failures, progress)
    except KeyboardInterrupt:
        _finish(path, settings, failures)
        raise
    outcome = _finish(path, settings, failures)
    if failures and not outcome.instants:
        raise InputError(failures[0])
    return outcome


def _names(sources: tuple[str, ...], failures: list[str]) -> tuple[str, ...]:
    """Every file of every source, each once; a source that does not exist is a failure, unless it is all there is."""
    names: list[str] = []
    for source in sources:
        try:
            names += list_files(source)
        except InputError as error:
            failures.append(str(error))
    if not names:
        raise InputError(failures[0] if failures else "nothing to analyse was given")
    return tuple(dict.fromkeys(names))


def _one_source(
    name: str,
    out: TimelineWriter,
    pipeline: Pipeline,
    settings: Settings,
    failures: list[str],
    progress: Callable[[str, float], None],
) -> None:
    try:
        is_video = describe_source(name).kind is SourceKind.VIDEO
        if out.has(name) and not is_video:
            return  # a photo of an earlier run
        start_s = out.resume_s(name) if is_video else 0.0
        for instant in pipeline.instants(read_frames(name, fps=settings.rate_hz, start_s=start_s)):
            out.append(instant)
            progress(name, instant.time_s)
        out.end_source(name)
    except InputError as error:
        out.end_source(name, "truncated" if isinstance(error, TruncatedVideo) else "failed", str(error))
        failures.append(str(error))


def _provenance(names: tuple[str, ...], pipeline: Pipeline, settings: Settings) -> Provenance:
    card = pipeline.classifier.card
    return Provenance(
        sources=names,
        model=card.name,
        model_sha256=card.sha256,
        detector=type(pipeline.detector).__name__,
        sampling_hz=settings.rate_hz,
        settings={
            "smoothing_time_constant_s": settings.smoothing.time_constant_s,
            "baseline_s": settings.smoothing.baseline_s,
            "not_sure_below": card.not_sure_below,
        },
    )


def _finish(path: Path, settings: Settings, failures: list[str]) -> Outcome:
    """Write the other formats and the report from what is on disk, whether or not the run reached its end."""
    timeline, sidecar = read_timeline(path), read_sidecar(path)
    if settings.parquet:
        write_parquet(timeline, sidecar, path.with_suffix(".parquet"))
    if settings.json_lines:
        write_json_lines(timeline, path.with_suffix(".jsonl"))
    report = path.with_name("report.html")
    write_report(timeline, sidecar, report, per_person=settings.per_person)
    return Outcome(report, path, len(timeline.instants), len(timeline), tuple(failures))
