"""The texts that a participant and a guardian agree to, filled from deployment and protocol, or the board's own.

A text's version is the hash of its words, so that a receipt says exactly what was agreed to.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final, Literal

from classmood.emotions import STANDARD_TERM
from classmood.errors import InputError
from classmood.experiment.protocol import Protocol, Recording
from classmood.server.documents import plain
from classmood.server.gate import Deployment

PaperName = Literal["consent", "guardian"]
_LONGEST_CHARACTERS: Final = 40000
_NOT_STATED: Final = "(not stated)"
_RECORDING: Final[dict[Recording, str]] = {
    "none": "No camera is used.",
    "features": (
        "If you agree to that too, your camera's picture is read on your own device by a program that recognises "
        "expressions; about once a second its numbers are kept. No picture leaves your device."
    ),
    "video": (
        "If you agree to that too, your camera records your face as a video without sound, while the situations are "
        "shown and during the resting face at the beginning; the video goes to the researchers' own server and "
        "nowhere else. You can take part without it."
    ),
}


@dataclass(frozen=True, slots=True)
class Paper:
    """A text as Markdown, with its version."""

    name: PaperName
    text: str
    version: str


def fill_paper(name: PaperName, deployment: Deployment, protocol: Protocol) -> Paper:
    """A text made from what is stated."""
    head = protocol.protocol
    template = Template(
        resources.files("classmood.server.study").joinpath("templates", f"{name}.md").read_text(encoding="utf-8")
    )
    feelings = dict.fromkeys(STANDARD_TERM[scenario.evokes] for scenario in protocol.scenarios)
    unpleasant = any(scenario.repairs for scenario in protocol.scenarios)
    values = {key: plain(str(value or _NOT_STATED)) for key, value in deployment.model_dump().items()} | {
        "title": plain(head.title),
        "version": str(head.version),
        "minutes": f"{protocol.total_s / 60:.0f}" if protocol.total_s >= 90 else "2",
        "feelings": ", ".join(feelings),
        "unpleasant": "Some are unpleasant. After these something lighter follows, always." if unpleasant else "",
        "recording": _RECORDING[head.recording],
    }
    version = _version(template.substitute(values, text_version=""))
    return Paper(name, template.substitute(values, text_version=version), version)


def read_paper(name: PaperName, path: Path) -> Paper:
    """A text of one's own, as the ethics board approved it.

    Raises:
        InputError: it cannot be read, is empty or too long.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected the text as Markdown in UTF-8") from error
    if not text.strip() or len(text) > _LONGEST_CHARACTERS:
        raise InputError(f"{path}: expected 1 to {_LONGEST_CHARACTERS} characters, got {len(text.strip())}")
    return Paper(name, text, _version(text))


def _version(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
