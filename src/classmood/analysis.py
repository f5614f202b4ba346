"""`classmood analyze`: sources -> a folder with the timeline and its report.

What was done is always kept: rows are written as they come, a video that breaks off or a file that cannot be read is
recorded and named, and the same command goes on where Ctrl-C or a kill stopped it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from classmood.agreement import agreement_of_timeline
from classmood.emotions import DERIVED
from classmood.errors import InputError, ModelError, OutputError, TruncatedVideo
from classmood.faces import FaceDetector
from classmood.frames import SourceKind, describe_source, list_files, read_frames
from classmood.pipeline import Pipeline, Smoothing
from classmood.report import write_report
from classmood.sidecar import Provenance, read_sidecar
from classmood.table import name_text
from classmood.timeline import read_timeline, require_pyarrow, write_json_lines, write_parquet
from classmood.writer import TimelineWriter

# A run that goes on looks again at this much of what came before, so that smoothing has settled when rows are written.
LEAD_IN_S: Final = 3.0
# So many time constants after its first sample a mean forgets it: e^-8 is less than the last digit written.
_SETTLED: Final = 8.0


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
        ModelError: FER+ probabilities are asked of a model that has none.
        OutputError: the folder cannot be written, or holds the timeline of something else or of a camera.
        MissingExtra: Parquet is asked for and cannot be written; before anything is read.
        KeyboardInterrupt: after the timeline was closed and the report of what was done was written. To a camera it is
            the usual end, and not raised.
    """
    if settings.parquet:
        require_pyarrow()
    failures: list[str] = []
    names = _names(sources, failures)
    pipeline = pipeline or Pipeline(detector, smoothing=settings.smoothing)
    path = folder / "timeline.csv"
    if settings.raw and pipeline.classifier.card.labels != "ferplus":
        raise ModelError(
            f"{pipeline.classifier.card.name}: measures the classroom's nine classes, which the timeline holds anyway, "
            "and has no FER+ probabilities; leave out --raw"
        )
    provenance = _provenance(names, pipeline, settings)
    try:
        sizes = {name: Path(name).stat().st_size for name in names if Path(name).is_file()}
        with TimelineWriter(path, provenance, raw=settings.raw, resume=settings.resume, sizes_bytes=sizes) as out:
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
    """Every file of every source, each once, however it is spelled, and under a name that the timeline keeps apart.

    A source that does not exist is a failure, unless it is all there is.
    """
    files: set[str] = set()
    written: dict[str, str] = {}
    for source in sources:
        try:
            names = list_files(source)
        except InputError as error:
            failures.append(str(error))
            continue
        for name in names:
            if not _is_unicode(name):
                failures.append(f"{name!r}: the name is not UTF-8, which the timeline cannot hold; rename the file")
                continue
            if (file := _file(name)) in files:
                continue
            files.add(file)
            # Unprintable characters are replaced in the timeline, which can make two names one.
            if (other := written.setdefault(name_text(name), name)) != name:
                failures.append(f"{name!r}: the timeline writes this name as it does {other!r}; rename the file")
    if not written:
        raise InputError(failures[0] if failures else "nothing to analyse was given")
    return tuple(written.values())


def _is_unicode(name: str) -> bool:
    """Whether a name was whole; what an operating system cannot decode comes as halves of surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _file(name: str) -> str:
    """One spelling for all of a file's; a camera's name is its own."""
    return name if name.startswith("camera:") else str(Path(name).resolve())


def _one_source(
    name: str,
    out: TimelineWriter,
    pipeline: Pipeline,
    settings: Settings,
    failures: list[str],
    progress: Callable[[str, float], None],
) -> None:
    kind = None
    try:
        kind = describe_source(name).kind
        if out.has(name) and kind is SourceKind.CAMERA:
            raise OutputError(
                f"{out.path.parent}: holds an earlier recording of {name}, which cannot be gone on with; "
                "choose another output folder or start anew (--fresh)"
            )
        if out.has(name) and kind is not SourceKind.VIDEO:
            return  # a photo of an earlier run
        start_s = out.resume_s(name)
        # A resting face was seen at a track's beginning, wherever that was.
        settles_s = max(LEAD_IN_S, _SETTLED * settings.smoothing.time_constant_s)
        lead_in_s = settles_s if settings.smoothing.baseline_s is None else start_s
        frames = read_frames(name, fps=settings.rate_hz, start_s=max(0.0, start_s - lead_in_s))
        for instant in pipeline.instants(frames):
            if instant.time_s >= start_s:
                out.append(instant)
            progress(name, instant.time_s)
        out.end_source(name)
    except KeyboardInterrupt:
        # A camera has no other end.
        if kind is not SourceKind.CAMERA or not out.has(name):
            raise
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
        derived=DERIVED if card.labels == "ferplus" else (),
        unlearned=card.unlearned,
        measured_dimensions=card.dimensions,
        settings={
            "smoothing_time_constant_s": settings.smoothing.time_constant_s,
            "baseline_s": settings.smoothing.baseline_s,
            "not_sure_below": card.not_sure_below,
        },
    )


def _finish(path: Path, settings: Settings, failures: list[str]) -> Outcome:
    """Write the other formats and the report from what is on disk, whether or not the run reached its end."""
    timeline, sidecar = read_timeline(path), read_sidecar(path)
    report = path.with_name("report.html")
    agreement = agreement_of_timeline(timeline, path)
    more = agreement.html() if agreement else ""
    write_report(timeline, sidecar, report, per_person=settings.per_person, more=more)
    if settings.parquet:
        write_parquet(timeline, sidecar, path.with_suffix(".parquet"))
    if settings.json_lines:
        write_json_lines(timeline, path.with_suffix(".jsonl"))
    return Outcome(report, path, len(timeline.instants), len(timeline), tuple(failures))
