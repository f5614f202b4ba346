"""Preregistration: a protocol is frozen by its hash before the first participant, and changes are refused later.

The hash is the SHA-256 of the file's bytes, the one that a deployment states as ``protocol_sha256``; the stimulus
files are frozen with it. What is written beside the protocol (``NAME.registered.json``) can be sent to a registry or an
ethics board: a hash alone proves nothing unless somebody else has seen it in time.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from classmood.experiment.check import open_protocol
from classmood.experiment.protocol import Protocol, ProtocolError, Sha256
from classmood.experiment.rules import file_hash
from classmood.markdown import write_text
from classmood.sidecar import installed_version


class Registration(BaseModel):
    """What was frozen, and when.

    Attributes:
        protocol: the protocol's name.
        sha256: of the protocol's file.
        files: SHA-256 of each stimulus file, by its name in the protocol.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["classmood preregistration"] = "classmood preregistration"
    protocol: str
    version: int
    sha256: Sha256
    files: dict[str, Sha256]
    registered: dt.datetime
    classmood_version: str


def registration_path(path: Path) -> Path:
    """Where a protocol's registration lies."""
    return path.with_name(f"{path.stem}.registered.json")


def preregister(path: Path, *, now: dt.datetime | None = None) -> Registration:
    """Freeze a protocol. Doing it again changes nothing, as long as nothing has changed.

    Args:
        path: of the protocol.
        now: the time to write down; the clock's by default.

    Raises:
        ProtocolError: it cannot be run, or it is not what was frozen before.
        OutputError: the registration cannot be written.
    """
    protocol = open_protocol(path)
    if registration_path(path).is_file():
        return check_registered(path)
    registration = Registration(
        protocol=protocol.protocol.name,
        version=protocol.protocol.version,
        sha256=file_hash(path),
        files=_files(protocol, path.parent),
        registered=now or dt.datetime.now(dt.UTC).replace(microsecond=0),
        classmood_version=installed_version(),
    )
    write_text(registration_path(path), registration.model_dump_json(indent=2) + "\n")
    return registration


def check_registered(path: Path) -> Registration:
    """The registration of a protocol that is still what was frozen.

    Raises:
        ProtocolError: it was never frozen, or the protocol or a stimulus file has been changed since.
    """
    beside = registration_path(path)
    try:
        frozen = Registration.model_validate(json.loads(beside.read_text(encoding="utf-8")))
    except OSError as error:
        raise ProtocolError(f"{path}: not frozen yet; run 'classmood experiment preregister {path}' first") from error
    except (ValueError, ValidationError) as error:
        raise ProtocolError(f"{beside}: not a registration any more; restore it from where you sent it") from error
    what_to_do = "restore it, or count up version and register it under another file name"
    try:
        if (actual := file_hash(path)) != frozen.sha256:
            raise ProtocolError(
                f"{path}: was frozen on {frozen.registered:%Y-%m-%d} with SHA-256 {frozen.sha256[:16]}..., is now "
                f"{actual[:16]}...; {what_to_do}"
            )
        for name, sha256 in frozen.files.items():
            if file_hash(path.parent / name) != sha256:
                raise ProtocolError(
                    f"{path.parent / name}: was frozen on {frozen.registered:%Y-%m-%d} and has changed; {what_to_do}"
                )
    except OSError as error:
        raise ProtocolError(
            f"{error.filename}: was frozen and cannot be read ({error.strerror}); restore it"
        ) from error
    return frozen


def _files(protocol: Protocol, folder: Path) -> dict[str, str]:
    names = sorted({one.file for one in protocol.stimuli if one.file})
    return {name: file_hash(folder / name) for name in names}
