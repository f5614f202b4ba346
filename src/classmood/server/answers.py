"""The shapes of the API: what it takes and what it answers."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from classmood.server.nudges import KindName, MarkKind, Nudge, Usefulness
from classmood.server.release import Release
from classmood.store import Receipt, StoredMark, StoredSession
from classmood.store_tables import LONGEST_LABEL


def _writable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("expected whole characters") from None
    return text


def _whole(value: object) -> object:
    # JSON knows one kind of number: 20.0 is 20.
    return int(value) if isinstance(value, float) and value.is_integer() else value


# No control characters: no database and no page does anything sensible with them.
Label = Annotated[
    str,
    StringConstraints(max_length=LONGEST_LABEL, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$"),
    AfterValidator(_writable),
]
Seconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class JoinAsked(_Asked):
    """A code, as a student types it."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=32)]


class ConsentAsked(_Asked):
    """A student's decision. ``guardian``: that a guardian agreed, where students are minors."""

    ticket: Annotated[str, StringConstraints(max_length=512)]
    document: Literal["consent", "guardian"]
    version: Annotated[str, StringConstraints(max_length=64)]
    mode: Literal["camera", "press"]
    guardian: bool = False


class SessionAsked(_Asked):
    """A class to open. ``class_size``: how many the teacher expects."""

    class_size: Annotated[int, Field(ge=1, le=100000), BeforeValidator(_whole)] | None = None


class MarkAsked(_Asked):
    """A moment. ``time_s``: of the class's clock; now if not given."""

    kind: MarkKind
    label: Label = ""
    time_s: Seconds | None = None


class UsefulnessAsked(_Asked):
    """What the teacher thinks of a nudge."""

    usefulness: Usefulness


class QuietAsked(_Asked):
    """Whether nudges are to stay away."""

    quiet: bool


class Camera(BaseModel):
    """Whether cameras may be used, why, and what there is instead."""

    allowed: bool
    why: list[str]
    offered: str | None


class DeploymentAnswer(BaseModel):
    """What everybody may know of this server."""

    profile: str
    stated: bool
    camera: Camera
    teacher_sees_live: bool
    operator: str
    contact: str
    school: str
    minors: bool
    k: int
    interval_s: float


class DocumentAnswer(BaseModel):
    """A text."""

    name: str
    version: str
    markdown: str


class JoinedSession(BaseModel):
    """What a student may know of a class before consenting."""

    opened: dt.datetime
    class_size: int | None


class JoinAnswer(BaseModel):
    """The ticket with which to consent."""

    ticket: str
    session: JoinedSession
    camera_allowed: bool
    minors: bool


class ReceiptAnswer(BaseModel):
    """That somebody agreed to a version of a text."""

    id: str
    document: str
    version: str
    given: dt.datetime
    withdrawn: dt.datetime | None = None

    @classmethod
    def of(cls, receipt: Receipt) -> ReceiptAnswer:
        """From what is kept."""
        return cls(
            id=receipt.id,
            document=receipt.document,
            version=receipt.version,
            given=_zoned(receipt.given),
            withdrawn=_zoned(receipt.withdrawn) if receipt.withdrawn else None,
        )


class ConsentAnswer(BaseModel):
    """The student's token, and the receipt."""

    token: str
    receipt: ReceiptAnswer


class Row(BaseModel):
    """One row of a study's participant: what was taken."""

    time_s: float
    row: dict[str, object]


class MeAnswer(BaseModel):
    """All that is kept of one student."""

    session: JoinedSession
    mode: Literal["camera", "press"]
    receipts: list[ReceiptAnswer]
    rows: list[Row]


class SessionAnswer(BaseModel):
    """A class, as its teacher sees it. ``code`` and ``time_s`` only while it is open."""

    id: str
    profile: str
    opened: dt.datetime
    closed: dt.datetime | None
    keep_until: dt.date
    class_size: int | None
    teacher_sees_live: bool
    code: str | None = None
    join_url: str | None = None
    time_s: float | None = None
    quiet: bool | None = None

    @classmethod
    def of(cls, session: StoredSession, *, live: bool) -> SessionAnswer:
        """From what is kept."""
        return cls(
            id=session.id,
            profile=session.profile,
            opened=_zoned(session.opened),
            closed=_zoned(session.closed) if session.closed else None,
            keep_until=session.keep_until,
            class_size=session.class_size,
            teacher_sees_live=live,
        )


class MarkAnswer(BaseModel):
    """A mark that is on the disk."""

    number: int
    time_s: float
    kind: str
    label: str

    @classmethod
    def of(cls, mark: StoredMark) -> MarkAnswer:
        """From what is kept."""
        return cls(number=mark.number, time_s=mark.time_s, kind=mark.kind, label=mark.label)


class NudgeMark(BaseModel):
    """The mark that came before a change."""

    time_s: float
    kind: MarkKind
    label: str


class NudgeAnswer(BaseModel):
    """A nudge that was given, and what the teacher thought of it."""

    number: int
    time_s: float
    kind: KindName
    since_s: float
    mark: NudgeMark | None
    text: str
    action: str
    usefulness: str | None

    @classmethod
    def of(cls, nudge: Nudge, usefulness: str | None) -> NudgeAnswer:
        """From what is kept."""
        mark = None
        if nudge.mark is not None:
            mark = NudgeMark(time_s=nudge.mark.time_s, kind=nudge.mark.kind, label=nudge.mark.label)
        return cls(
            number=nudge.number,
            time_s=nudge.time_s,
            kind=nudge.kind,
            since_s=nudge.since_s,
            mark=mark,
            text=nudge.text,
            action=nudge.action,
            usefulness=usefulness,
        )


class QuietAnswer(BaseModel):
    """Whether nudges stay away."""

    quiet: bool


class ExportAnswer(BaseModel):
    """A class as a file."""

    session: SessionAnswer
    releases: list[Release]
    marks: list[MarkAnswer]
    nudges: list[NudgeAnswer]


class HealthAnswer(BaseModel):
    """That the server answers."""

    status: Literal["ok"] = "ok"


def _zoned(time: dt.datetime) -> dt.datetime:
    return time.replace(tzinfo=dt.UTC)
