"""The shapes of the study's API: what it takes and what it answers."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from classmood.server.answers import ReceiptAnswer
from classmood.server.study.happenings import MOST_AT_ONCE, Happening
from classmood.studies import LONGEST_NAME, State


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class CodeAsked(_Asked):
    """A code, as a participant types it."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=32)]


class DecisionAsked(_Asked):
    """A participant's decision.

    Attributes:
        ticket: from joining.
        version: of the consent text that was read.
        guardian_version: of the guardian's text, where a guardian agreed too.
        recording: whether they agree to be recorded.
    """

    ticket: Annotated[str, StringConstraints(max_length=512)]
    version: Annotated[str, StringConstraints(max_length=64)]
    guardian_version: Annotated[str, StringConstraints(max_length=64)] | None = None
    recording: bool = False


class EventsAsked(_Asked):
    """Events to keep, in any portions; again if it is not known whether they came through."""

    events: Annotated[tuple[Happening, ...], Field(min_length=1, max_length=MOST_AT_ONCE, strict=False)]


class FinishAsked(_Asked):
    """How a session ended."""

    how: Literal["done", "stopped"]


class ParticipantAsked(_Asked):
    """Somebody to invite; their number is their id where none is given."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME, pattern="^[0-9A-Za-z]+$")] | None = (
        None
    )


class PaperAnswer(BaseModel):
    """A text to agree to."""

    name: str
    version: str
    markdown: str


class ComeInAnswer(BaseModel):
    """What somebody with a code gets.

    Attributes:
        state: how far they are.
        ticket: with which to decide; "" where that was done.
        token: with which to go on; "" where they have not decided.
        recording: what the protocol wants to keep of a camera.
    """

    state: State
    name: str
    title: str
    minutes: float
    language: str
    recording: Literal["none", "features", "video"]
    minors: bool
    operator: str
    contact: str
    unpleasant: bool
    papers: list[PaperAnswer]
    ticket: str = ""
    token: str = ""
    records: bool = False


class DecisionAnswer(BaseModel):
    """The token with which to take part, and the receipts."""

    token: str
    records: bool
    receipts: list[ReceiptAnswer]


class StimulusAnswer(BaseModel):
    """What is shown or said. ``address``: of a file here, or of a page elsewhere."""

    kind: Literal["text", "image", "audio", "video", "web", "teacher"]
    text: str | None = None
    address: str | None = None
    alt: str | None = None


class PageAnswer(BaseModel):
    """What is asked. ``answers``: of a task; which of them is right stays here."""

    kind: Literal["sam", "sam-again", "emotion", "aspects", "score"]
    ask: str
    task: str | None = None
    answers: list[str] | None = None


class StepAnswer(BaseModel):
    """One step. No name tells what it is meant to evoke."""

    number: int
    kind: Literal["baseline", "class", "rest", "stimulus", "page", "debrief", "repair"]
    duration_s: float
    records: bool
    stimulus: StimulusAnswer | None = None
    page: PageAnswer | None = None


class CourseAnswer(BaseModel):
    """All steps of a participant, from the first."""

    steps: list[StepAnswer]


class BeginAnswer(BaseModel):
    """Where to go on. ``calm``: only what ends every session is left."""

    attempt: int
    step: int
    elapsed_s: float
    calm: bool


class ClockAnswer(BaseModel):
    """The server's clock, and what the page should know."""

    received_s: float
    replied_s: float
    attempt: int
    state: State


class KeptAnswer(BaseModel):
    """How many events were new."""

    new: int


class ChunkAnswer(BaseModel):
    """A part of a recording that is on the disk."""

    attempt: int
    step: int
    part: int
    sha256: str


class MineAnswer(BaseModel):
    """All that is kept of one participant."""

    name: str
    state: State
    receipts: list[ReceiptAnswer]
    events: list[dict[str, Any]]
    recordings: list[ChunkAnswer]


class ParticipantAnswer(BaseModel):
    """A participant, as the researcher sees them.

    Attributes:
        code, url: by which they come in.
        step, steps: how far they are.
        heard: when something came from them last.
        recorded_bytes: of their recordings.
    """

    number: int
    name: str
    state: State
    code: str
    url: str
    records: bool
    attempt: int
    step: int
    steps: int
    events: int
    recorded_bytes: int
    heard: dt.datetime | None = None


class StudyAnswer(BaseModel):
    """The study, as the researcher sees it."""

    name: str
    title: str
    version: int
    course: str
    minutes: float
    scenarios: int
    recording: Literal["none", "features", "video"]
    order: str
    protocol_sha256: str
    registered: dt.datetime
    approval: str
    expires: dt.date | None
    keep_days: int
    problem: str = ""
    exports: list[str]
    participants: list[ParticipantAnswer]


class ErasedAnswer(BaseModel):
    """What an erasure found; see ``classmood.server.study.erasure``."""

    exports: list[str]
    missing: list[str]
    models: list[str]
