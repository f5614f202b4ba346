"""The timeline: one row a face a sampled instant, as columns in memory and as CSV, Parquet or JSON lines on disk.

A timeline knows its instants too, those without a face included: how many of a class were seen is as much a result as
what their faces showed. On disk these are a second small file::

    timeline.csv            one row a face a sampled instant
    timeline_instants.csv   one row a sampled instant: time_s,faces
    timeline.json           the sidecar: what every column means, the model, the sources (``classmood.sidecar``)

Timelines over several sources (a folder of photos) have a last column ``source``; a track's id is unique within its
source. How numbers are written is ``classmood.table``'s; ``classmood.writer`` writes a timeline as it comes in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int, Int32, Int64

from classmood.classifier import Emotions
from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS, FERPLUS_CLASSES
from classmood.errors import InputError, MissingExtra, ModelError, OutputError
from classmood.faces import Faces
from classmood.sidecar import Sidecar, describe_columns
from classmood.table import BOX, SOURCE, Table, header_text, rows_text

_ROWS_AT_ONCE: Final = 2048

COLUMNS: Final = tuple(column.name for column in describe_columns(raw=False, several=False))
RAW_COLUMNS: Final = tuple(f"ferplus_{name}" for name in FERPLUS_CLASSES)


@dataclass(frozen=True, slots=True)
class Instant:
    """What one sampled instant of a source shows; there may be no face in it."""

    time_s: float
    source: str
    track_ids: Int[np.ndarray, " n"]
    faces: Faces
    emotions: Emotions


@dataclass(frozen=True, slots=True)
class Instants:
    """The sampled instants of a timeline.

    Attributes:
        faces: how many rows the instant has.
        source: place of its source in ``Timeline.sources``.
        all_known: False where only the instants with a face are known, so that nothing says how often none was seen.
    """

    time_s: Float64[np.ndarray, " k"]
    faces: Int64[np.ndarray, " k"]
    source: Int32[np.ndarray, " k"]
    all_known: bool = True

    def __len__(self) -> int:
        return len(self.time_s)


@dataclass(frozen=True, slots=True)
class Timeline:
    """N faces at K sampled instants, in columns.

    Attributes:
        boxes_px: x, y, w, h.
        classroom: in the order of ``emotions.CLASSROOM_CLASSES``.
        vad: valence, arousal, dominance.
        ferplus: in the order of ``emotions.FERPLUS_CLASSES``; None unless it was asked for.
        source: place of the row's source in ``sources``.
        sources: names of the files, images or camera, in the order in which they came.
        instants: all sampled instants, also those without a face.
    """

    time_s: Float64[np.ndarray, " n"]
    track_id: Int64[np.ndarray, " n"]
    boxes_px: Float32[np.ndarray, "n 4"]
    face_score: Float32[np.ndarray, " n"]
    classroom: Float32[np.ndarray, "n 9"]
    vad: Float32[np.ndarray, "n 3"]
    intensity: Float32[np.ndarray, " n"]
    confidence: Float32[np.ndarray, " n"]
    not_sure: Bool[np.ndarray, " n"]
    ferplus: Float32[np.ndarray, "n 8"] | None
    source: Int32[np.ndarray, " n"]
    sources: tuple[str, ...]
    instants: Instants

    def __len__(self) -> int:
        return len(self.time_s)

    @classmethod
    def of(cls, instants: Iterable[Instant], *, raw: bool = False) -> Timeline:
        """Gather instants into one timeline.

        Args:
            instants: in the order of time within each source.
            raw: keep the FER+ probabilities.

        Raises:
            ModelError: the model gave something that is not a number.
        """
        taken = tuple(instants)
        sources = tuple(dict.fromkeys(instant.source for instant in taken))
        place = {name: i for i, name in enumerate(sources)}
        counts = np.array([len(instant.track_ids) for instant in taken], np.int64)
        times_s = np.array([instant.time_s for instant in taken], np.float64)
        source = np.array([place[instant.source] for instant in taken], np.int32)
        timeline = cls(
            time_s=np.repeat(times_s, counts),
            track_id=_join([i.track_ids for i in taken], (0,), np.int64),
            boxes_px=_join([i.faces.boxes_px for i in taken], (0, 4)),
            face_score=_join([i.faces.scores for i in taken], (0,)),
            classroom=_join([i.emotions.classroom for i in taken], (0, 9)),
            vad=_join([i.emotions.vad for i in taken], (0, 3)),
            intensity=_join([i.emotions.intensity for i in taken], (0,)),
            confidence=_join([i.emotions.confidence for i in taken], (0,)),
            not_sure=_join([i.emotions.not_sure for i in taken], (0,), np.bool_),
            ferplus=_join([i.emotions.ferplus for i in taken], (0, 8)) if raw else None,
            source=np.repeat(source, counts),
            sources=sources,
            instants=Instants(times_s, counts, source),
        )
        for name, values in timeline.columns().items():
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise ModelError(
                    f"{name}: expected numbers, got {values[~np.isfinite(values)][0]}; use another model file"
                )
        return timeline

    def columns(self) -> dict[str, np.ndarray]:
        """Every column by its name, in order: what ``pandas.DataFrame`` and its like take."""
        columns = self.numbers()
        if len(self.sources) > 1:
            columns[SOURCE] = np.array(self.sources)[self.source]
        return columns

    def numbers(self) -> dict[str, np.ndarray]:
        """The columns without the source's name, which would be written out for every row: four bytes a character."""
        columns: dict[str, np.ndarray] = {"time_s": self.time_s, "track_id": self.track_id}
        columns |= {name: self.boxes_px[:, i] for i, name in enumerate(BOX)}
        columns["face_score"] = self.face_score
        columns |= {name: self.classroom[:, i] for i, name in enumerate(CLASSROOM_CLASSES)}
        columns |= {name: self.vad[:, i] for i, name in enumerate(DIMENSIONS)}
        columns |= {"intensity": self.intensity, "confidence": self.confidence, "not_sure": self.not_sure}
        if self.ferplus is not None:
            columns |= {name: self.ferplus[:, i] for i, name in enumerate(RAW_COLUMNS)}
        return columns

    def rows(self) -> Iterator[dict[str, float | int | bool | str]]:
        """Every row as a plain dictionary."""
        columns = self.columns()
        # In pieces: lists of Python's numbers take ten times what the arrays do.
        for first in range(0, len(self), _ROWS_AT_ONCE):
            piece = (column[first : first + _ROWS_AT_ONCE].tolist() for column in columns.values())
            for values in zip(*piece, strict=True):
                yield dict(zip(columns, values, strict=True))


def read_timeline(path: Path) -> Timeline:
    """Read a timeline's CSV (or the folder it lies in), with its instants where they are beside it.

    A row that a killed run left half-written, and the instant it belongs to, are left out.

    Raises:
        InputError: the file is missing or damaged; the row is named (the header is row 1).
    """
    path = timeline_path(path)
    only = _only_source(path)
    instants_file = instants_path(path)
    known = Table(instants_file, ("time_s", "faces"), drop_cut=True) if instants_file.is_file() else None
    counted = None if known is None else int(known.whole.sum())
    rows = Table(path, COLUMNS, RAW_COLUMNS, rows=counted, drop_cut=known is not None)
    row_names = rows.sources or [only] * len(rows)
    instant_names = [] if known is None else known.sources or [only] * len(known)
    place = {name: i for i, name in enumerate(dict.fromkeys([*instant_names, *row_names]))}
    source = np.array([place[name] for name in row_names], np.int32)
    if known is None:
        instants = _instants_of(rows.time_s, source)
    else:
        of_instant = np.array([place[name] for name in instant_names], np.int32)
        instants = Instants(known.time_s, known.whole, of_instant)
        _check_fit(path, rows.time_s, source, instants)
    return Timeline(
        time_s=rows.time_s,
        track_id=rows.whole,
        boxes_px=rows.of(*BOX),
        face_score=rows.of("face_score")[:, 0],
        classroom=rows.of(*CLASSROOM_CLASSES),
        vad=rows.of(*DIMENSIONS),
        intensity=rows.of("intensity")[:, 0],
        confidence=rows.of("confidence")[:, 0],
        not_sure=rows.of("not_sure")[:, 0] > 0,
        ferplus=rows.of(*RAW_COLUMNS) if RAW_COLUMNS[0] in rows.names else None,
        source=source,
        sources=tuple(place),
        instants=instants,
    )


def timeline_path(path: Path) -> Path:
    """The CSV that a folder or a file name means."""
    return path / "timeline.csv" if path.is_dir() else path


def instants_path(path: Path) -> Path:
    """The file of sampled instants beside a timeline."""
    return path.with_name(f"{path.stem}_instants.csv")


def write_csv(timeline: Timeline, path: Path) -> None:
    """Write a timeline as CSV, with its instants in a second file beside it.

    Raises:
        OutputError: the files cannot be written.
    """
    several = len(timeline.sources) > 1
    instants = timeline.instants
    columns: dict[str, np.ndarray] = {"time_s": instants.time_s, "faces": instants.faces}
    if several:
        columns[SOURCE] = np.array(timeline.sources)[instants.source]
    head = header_text(raw=timeline.ferplus is not None, several=several)
    try:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(head + rows_text(timeline.columns()))
        if instants.all_known:
            with instants_path(path).open("w", encoding="utf-8", newline="\n") as file:
                file.write(",".join(columns) + "\n" + rows_text(columns))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another output folder") from error


def require_pyarrow() -> None:
    """Make sure that Parquet files can be written.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401 (to see whether it is there)
    except ImportError as error:
        raise MissingExtra("writing Parquet files", "archive") from error


def write_parquet(timeline: Timeline, sidecar: Sidecar, path: Path) -> None:
    """Write a timeline as Parquet, with the sidecar in the file's metadata under ``classmood``.

    Raises:
        MissingExtra: pyarrow is not installed.
        OutputError: the file cannot be written.
    """
    require_pyarrow()
    import pyarrow as pa
    from pyarrow import parquet

    columns = {name: np.ascontiguousarray(values) for name, values in timeline.columns().items()}
    table = pa.table(columns).replace_schema_metadata({"classmood": sidecar.model_dump_json()})
    try:
        parquet.write_table(table, path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error}); choose another output folder") from error


def write_json_lines(timeline: Timeline, path: Path) -> None:
    """Write a timeline as JSON lines: an object a row, rounded as the CSV is.

    Raises:
        OutputError: the file cannot be written.
    """
    decimals = {"time_s": 6} | dict.fromkeys(BOX, 1)
    try:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for row in timeline.rows():
                rounded = {k: round(v, decimals.get(k, 4)) if isinstance(v, float) else v for k, v in row.items()}
                file.write(json.dumps(rounded) + "\n")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another output folder") from error


def _check_fit(path: Path, time_s: np.ndarray, source: np.ndarray, instants: Instants) -> None:
    """Each row must belong to the instant that its place in the file says."""
    place = np.repeat(np.arange(len(instants)), instants.faces)
    wrong = (time_s != instants.time_s[place]) | (source != instants.source[place])
    if wrong.any():
        i = int(wrong.argmax())
        raise InputError(
            f"{path}: row {i + 2}: expected a face at {instants.time_s[place[i]]:g} s, got {time_s[i]:g} s; the rows "
            f"were changed, remove {instants_path(path).name} to read them as they are"
        )


def _instants_of(time_s: np.ndarray, source: np.ndarray) -> Instants:
    """The instants that have a face, all that rows alone can tell."""
    keys = np.stack([source.astype(np.float64), time_s], 1)
    kept, counts = np.unique(keys, axis=0, return_counts=True)
    return Instants(kept[:, 1], counts.astype(np.int64), kept[:, 0].astype(np.int32), all_known=False)


def _only_source(path: Path) -> str:
    """The source's name that the sidecar gives for a timeline without the column."""
    try:
        return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["provenance"]["sources"][0]  # type: ignore[no-any-return]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return ""


def _join(parts: Sequence[np.ndarray], empty: tuple[int, ...], kind: type = np.float32) -> np.ndarray:
    return np.concatenate([np.zeros(empty, kind), *parts]).astype(kind)
