"""What a timeline says of itself: the JSON beside ``timeline.csv``.

Every column's unit, range and meaning, whether it is measured or derived, the model and its checksum, the sources and
how far each was read. Whoever opens the folder years later needs nothing else.
"""

from __future__ import annotations

import datetime as dt
import json
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from classmood.emotions import CLASSROOM_CLASSES, DERIVED, FERPLUS_CLASSES, STANDARD_TERM
from classmood.errors import InputError, OutputError

SCHEMA_VERSION: Final = 1
OWN_RECORDINGS: Final = "own-recordings"
LEGAL_NOTICE: Final = (
    "The EU AI Act (Regulation (EU) 2024/1689), Art. 5(1)(f), forbids AI that infers people's emotions in education, "
    "medical and safety reasons aside; consent is no exception. This is a tool for one's own recordings."
)

Status = Literal["complete", "interrupted", "truncated", "failed"]
Kind = Literal["measured", "derived", "reported"]

_ORDER_OF_HARM: Final[tuple[Status, ...]] = ("complete", "failed", "truncated", "interrupted")


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Column(_Frozen):
    """One column of a timeline, or of a study's rows.

    Attributes:
        name: as the header spells it.
        unit: of the numbers; "1" where they are shares, scores or counts without a unit.
        range: the least and the greatest value; None where there is no bound.
        kind: measured by a sensor or a trained model, derived from measured columns by a formula, or reported by a
            person.
        meaning: for a reader who has nothing but this file.
    """

    name: str
    unit: str
    range: tuple[float | None, float | None]
    kind: Kind
    meaning: str


class Provenance(_Frozen):
    """Where a timeline's numbers come from; the same for all its rows.

    Attributes:
        sources: what was analysed, one name a file, image or camera.
        model: the emotion model's name.
        model_sha256: of the model's file.
        detector: the face detector's name.
        sampling_hz: instants a second; None where every frame was taken.
        profile: the deployment profile under which it was made.
        derived: the emotions that the model derives instead of measuring them; they are unvalidated.
        unlearned: the emotions that the model's training data did not hold; they are always 0.
        measured_dimensions: of valence, arousal and dominance those that the model measures by an output of its own.
        settings: whatever else was chosen, for the record.
    """

    sources: tuple[str, ...]
    model: str
    model_sha256: str
    detector: str
    sampling_hz: float | None = None
    profile: str = OWN_RECORDINGS
    derived: tuple[str, ...] = DERIVED
    unlearned: tuple[str, ...] = ()
    measured_dimensions: tuple[str, ...] = ()
    settings: dict[str, JsonValue] = {}


class SourceStatus(_Frozen):
    """How far one source was read: up to ``last_time_s``, and why no farther; ``bytes`` is the size of its file."""

    name: str
    bytes: int | None = None
    status: Status = "interrupted"
    last_time_s: float | None = None
    instants: int = 0
    faces: int = 0
    note: str = ""


class Sidecar(_Frozen):
    """The JSON beside a timeline.

    Attributes:
        status: ``complete``; ``truncated`` where a source breaks off; ``interrupted`` where the run was stopped and can
            go on; ``failed`` where a source could not be read at all. The worst of the sources'.
        instants: how many instants were sampled, with a face or without.
        faces: how many rows the timeline has.
    """

    format: Literal["classmood timeline"] = "classmood timeline"
    schema_version: int = SCHEMA_VERSION
    classmood_version: str = ""
    written: str = ""
    status: Status = "complete"
    instants: int = 0
    faces: int = 0
    provenance: Provenance
    sources: tuple[SourceStatus, ...] = ()
    legal_notice: str = LEGAL_NOTICE
    columns: tuple[Column, ...] = ()


def make_sidecar(provenance: Provenance, sources: tuple[SourceStatus, ...], *, raw: bool = False) -> Sidecar:
    """Sum up the sources and describe the columns."""
    worst: Status = max((source.status for source in sources), key=_ORDER_OF_HARM.index, default="complete")
    return Sidecar(
        classmood_version=installed_version(),
        written=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        status=worst,
        instants=sum(source.instants for source in sources),
        faces=sum(source.faces for source in sources),
        provenance=provenance,
        sources=sources,
        columns=describe_columns(
            raw=raw,
            several=len(provenance.sources) > 1,
            derived=provenance.derived,
            unlearned=provenance.unlearned,
            measured_dimensions=provenance.measured_dimensions,
        ),
    )


def read_sidecar(path: Path) -> Sidecar:
    """Read a sidecar; ``path`` is the JSON file or the timeline beside it.

    Raises:
        InputError: it is missing, is not the JSON of a timeline, or a newer classmood made it.
    """
    path = path.with_suffix(".json")
    try:
        sidecar = Sidecar.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(
            f"{path}: cannot read the timeline's sidecar ({error.strerror}); keep it beside the CSV"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: not a timeline's sidecar ({place or 'top level'}: {first['msg']})") from error
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); restore it or run the analysis again") from error
    if sidecar.schema_version > SCHEMA_VERSION:
        raise InputError(
            f"{path}: schema version {sidecar.schema_version}, this classmood reads up to {SCHEMA_VERSION}; upgrade it"
        )
    return sidecar


def write_sidecar(sidecar: Sidecar, path: Path) -> Path:
    """Write a sidecar beside a timeline, whole or not at all.

    Raises:
        OutputError: it cannot be written; an older one is kept.
    """
    path = path.with_suffix(".json")
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(sidecar.model_dump_json(indent=2) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another output folder") from error
    return path


def installed_version() -> str:
    """The version of classmood that runs."""
    try:
        return metadata.version("classmood")
    except metadata.PackageNotFoundError:
        return "from source"


def describe_columns(
    *,
    raw: bool,
    several: bool,
    derived: tuple[str, ...] = DERIVED,
    unlearned: tuple[str, ...] = (),
    measured_dimensions: tuple[str, ...] = (),
) -> tuple[Column, ...]:
    """All columns of a timeline in order.

    Args:
        raw: with the FER+ probabilities.
        several: with the source's name, as timelines over several sources have it.
        derived: the emotions that are derived and not measured.
        unlearned: the emotions that the model cannot name.
        measured_dimensions: those that the model measures itself.
    """
    emotions = (_emotion_column(name, derived, unlearned) for name in CLASSROOM_CLASSES)
    readout = (_measured(column) if column.name in measured_dimensions else column for column in _READOUT)
    columns = [*_WHERE, *emotions, *readout]
    if raw:
        columns += [_ferplus_column(name) for name in FERPLUS_CLASSES]
    return (*columns, _SOURCE) if several else tuple(columns)


def _measured(dimension: Column) -> Column:
    ends = dimension.meaning.split(",")[0].split(":")[0]
    meaning = f"{ends}: an output of the model, trained on ratings"
    return dimension.model_copy(update={"kind": "measured", "meaning": meaning})


def _emotion_column(name: str, derived: tuple[str, ...], unlearned: tuple[str, ...]) -> Column:
    term = STANDARD_TERM[name]
    resembling = name if term == name else f"{name} ({term})"
    if name in unlearned:
        meaning = f"always 0: the model's training data held no expression resembling {resembling}"
        return Column(name=name, unit="1", range=(0, 0), kind="measured", meaning=meaning)
    if name in derived:
        meaning = f"score of expressions resembling {resembling}, from valence, arousal and dominance; unvalidated"
        return Column(name=name, unit="1", range=(0, 1), kind="derived", meaning=meaning)
    meaning = f"probability of an expression resembling {resembling}, true to raters' votes; measured classes sum to 1"
    return Column(name=name, unit="1", range=(0, 1), kind="measured", meaning=meaning)


def _ferplus_column(name: str) -> Column:
    meaning = f"probability of the FER+ class {name}, true to raters' votes; the eight sum to 1"
    return Column(name=f"ferplus_{name}", unit="1", range=(0, 1), kind="measured", meaning=meaning)


def _column(name: str, unit: str, low: float | None, high: float | None, kind: Kind, meaning: str) -> Column:
    return Column(name=name, unit=unit, range=(low, high), kind=kind, meaning=meaning)


_WHERE: Final = (
    _column("time_s", "s", None, None, "measured", "the sampled instant, from the source's start; 0 for an image"),
    _column("track_id", "1", 1.0, None, "measured", "the same face keeps it; unique within its source, says no name"),
    _column("box_x_px", "px", None, None, "measured", "left edge of the face's box, from the image's left"),
    _column("box_y_px", "px", None, None, "measured", "upper edge of the face's box, from the image's top"),
    _column("box_w_px", "px", 0.0, None, "measured", "width of the face's box"),
    _column("box_h_px", "px", 0.0, None, "measured", "height of the face's box"),
    _column("face_score", "1", 0.0, 1.0, "measured", "how sure the detector is that this is a face"),
)
_READOUT: Final = (
    _column("valence", "1", -1.0, 1.0, "derived", "unpleasant (-1) to pleasant (1): mean of the classes' places"),
    _column("arousal", "1", -1.0, 1.0, "derived", "calm (-1) to excited (1), likewise; no accuracy is claimed for it"),
    _column("dominance", "1", -1.0, 1.0, "derived", "led (-1) to in control (1), likewise"),
    _column("intensity", "1", 0.0, 1.0, "derived", "1 - neutral: how much of any emotion the expression shows"),
    _column("confidence", "1", 0.0, 1.0, "derived", "calibrated chance that the likeliest class is the raters' choice"),
    _column(
        "not_sure", "true or false", 0.0, 1.0, "derived", "confidence too low to name a class; left out of class means"
    ),
)
_SOURCE: Final = _column("source", "name", None, None, "measured", "the file, image or camera that the row comes from")
