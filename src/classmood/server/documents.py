"""Consent text, guardian's version, notice and a draft DPIA, filled from the deployment.

They are drafts for a person to finish. The version of a text is the hash of its words, so that a receipt says exactly
what was agreed to.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import Final, Literal

from classmood.server.gate import PROHIBITION, Decision, Deployment, Profile, decide

DocumentName = Literal["consent", "guardian", "notice", "dpia"]
DOCUMENTS: Final[tuple[DocumentName, ...]] = ("consent", "guardian", "notice", "dpia")

_NOT_STATED: Final = "(not stated)"
_WHO_SEES: Final[dict[Profile, str]] = {
    "class": "The teacher sees the class as a whole, never one student; you see your own state on your own screen.",
    "self-reflection": "Only you see your state, on your own screen.",
    "research": "The researcher sees rows under a random number, with your consent; the teacher sees nothing live.",
    "safety": "Who was named for the stated reason sees the class as a whole, never one student.",
}
_CAMERA: Final = (
    "The camera's picture is read on your own device by a program that recognises expressions resembling eight "
    "emotions. At most once a second a small message with probabilities, three dimensions and a confidence is sent."
)
_CAMERA_FREE: Final = (
    "You press how you feel, whether you are confused and how the pace is. No camera is used and nothing reads faces."
)


@dataclass(frozen=True, slots=True)
class Document:
    """A filled text as Markdown, with the version by which a consent receipt refers to it."""

    name: DocumentName
    text: str
    version: str


def fill(name: DocumentName, deployment: Deployment, today: dt.date, *, k: int = 5) -> Document:
    """Fill one document.

    Args:
        name: which one.
        deployment: what the operator states.
        today: for the gate's decision, which the text tells.
        k: fewest students for whom anything is released.
    """
    values = _values(deployment, decide(deployment, today), k)
    template = _template(name)
    # The words without the version decide on the version.
    version = hashlib.sha256(template.substitute(values, text_version="").encode()).hexdigest()[:16]
    return Document(name, template.substitute(values, text_version=version), version)


def _template(name: DocumentName) -> Template:
    text = resources.files("classmood.server").joinpath("templates", f"{name}.md").read_text(encoding="utf-8")
    return Template(text)


def _values(deployment: Deployment, decision: Decision, k: int) -> dict[str, str]:
    stated = {key: str(value or _NOT_STATED) for key, value in deployment.model_dump().items()}
    rows = (
        "Rows of single participants are kept under a random number until the study's end or until erased."
        if decision.individual_rows
        else "Single messages live in the server's memory only and are never stored."
    )
    return {key: plain(value) for key, value in stated.items()} | {
        "minors": "yes" if deployment.minors else "no",
        "k": str(k),
        "individual_rows": rows,
        "what_happens": _CAMERA if decision.allowed else _CAMERA_FREE,
        "who_sees": _WHO_SEES[deployment.profile] if decision.allowed else _WHO_SEES["class"],
        "decision": plain(("Allowed. " if decision.allowed else "Denied; camera-free mode. ") + " ".join(decision.why)),
        "law": f"{PROHIBITION}; jurisdiction: {plain(deployment.jurisdiction or deployment.place)}.",
    }


def plain(text: str) -> str:
    """Operators' words as text: nothing in them is Markdown or HTML."""
    for mark, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(mark, written)
    return "".join(f"\\{c}" if c in "\\`*_[]#|" else c for c in text)
