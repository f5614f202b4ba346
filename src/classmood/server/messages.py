"""The wire: what a student may send and what the server answers. Nothing else passes.

Student to server, JSON text of at most ``LARGEST_STUDENT_BYTES``, at most one a second (``RateLimit``):

    {"v":1,"type":"reading","classes":"ferplus","p":[8 or 9 numbers],"vad":[3],"confidence":0.91,"not_sure":false}
    {"v":1,"type":"press","mood":"joy","confused":false,"pace":"fine"}
    {"v":1,"type":"pause"}  {"v":1,"type":"leave"}

There is no free text, no field of variable length and no key beyond these. Numbers are finite, within their range, and
rounded to ``DECIMALS`` when they are accepted; a reading then holds at most ``READING_BITS`` bits. A picture of 48x48
grey pixels has 18,432, an embedding of 128 numbers thousands; and neither has a name's letters. The bound per message
is not one over time: whoever writes their own client could spell out anything in thousands of readings, but that is
their own data, and the server forgets each at the next release.
"""

from __future__ import annotations

import json
import math
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from classmood.emotions import CLASSROOM_CLASSES, FERPLUS_CLASSES, FERPLUS_TO_CLASSROOM
from classmood.errors import ClassmoodError
from classmood.server.release import Release

VERSION: Final = 1
DECIMALS: Final = 2
# An honest reading with six decimals a number, as JavaScript sends them after its own rounding, has room.
LARGEST_STUDENT_BYTES: Final = 256
LARGEST_SERVER_BYTES: Final = 2048
DEEPEST: Final = 2
# Nine probabilities and a confidence of 101 values, three dimensions of 201, two kinds, one yes or no.
READING_BITS: Final = math.log2(101**10 * 201**3 * 2 * 2)
# Of the one message a second: how much too early one may be, and for how long the network may hold some up.
EARLY_S: Final = 0.1
MOST_HELD_UP_S: Final = 2.0
FIRST_HELD_UP_S: Final = 0.35


class MessageRefused(ClassmoodError):
    """A message is not of the wire's schema. What it held is not repeated in the error, nor logged."""


def _rounded(value: float) -> float:
    return round(value, DECIMALS) + 0.0


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), AfterValidator(_rounded)]
Dimension = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False), AfterValidator(_rounded)]
Mood = Literal["neutral", "joy", "appreciation", "terror", "surprise", "grief", "disdain", "fury", "caution"]
Pace = Literal["slower", "fine", "faster"]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    v: Annotated[int, Field(ge=VERSION, le=VERSION)]


class Reading(_Wire):
    """One second of one face, as the student's own browser read it.

    Attributes:
        classes: whether ``p`` is of the FER+ classes or of ``CLASSROOM_CLASSES`` (a model that measures all nine).
        p: probabilities in that order, summing to 1 but for rounding.
        vad: valence, arousal, dominance.
        confidence: chance that the greatest is right.
        not_sure: whether the model abstains.
    """

    type: Literal["reading"]
    classes: Literal["ferplus", "classroom"]
    p: Annotated[tuple[Share, ...], Field(min_length=8, max_length=9, strict=False)]
    vad: Annotated[tuple[Dimension, Dimension, Dimension], Field(strict=False)]
    confidence: Share
    not_sure: bool

    @model_validator(mode="after")
    def _probabilities(self) -> Reading:
        expected = len(FERPLUS_CLASSES) if self.classes == "ferplus" else len(CLASSROOM_CLASSES)
        if len(self.p) != expected:
            raise ValueError(f"expected {expected} probabilities")
        # Each may be off by half a step of the rounding.
        if abs(sum(self.p) - 1) > expected * 0.5 * 10**-DECIMALS + 1e-9:
            raise ValueError("expected probabilities that sum to 1")
        return self

    def classroom(self) -> tuple[float, ...]:
        """Probabilities of ``CLASSROOM_CLASSES``; appreciation and caution are 0 where FER+ was measured."""
        if self.classes == "classroom":
            return self.p
        sums = dict.fromkeys(CLASSROOM_CLASSES, 0.0)
        for name, share in zip(FERPLUS_CLASSES, self.p, strict=True):
            sums[FERPLUS_TO_CLASSROOM[name]] += share
        return tuple(sums.values())


class Press(_Wire):
    """What a student presses without a camera; None where they say nothing."""

    type: Literal["press"]
    mood: Mood | None = None
    confused: bool = False
    pace: Pace | None = None

    def pressed(self) -> tuple[str, ...]:
        """The ones of ``release.PRESSES`` that stand."""
        asked = (self.pace,) if self.pace in ("slower", "faster") else ()
        return (("confused",) if self.confused else ()) + asked


class Pause(_Wire):
    """The student stops showing anything and stays."""

    type: Literal["pause"]


class Leave(_Wire):
    """The student goes."""

    type: Literal["leave"]


StudentMessage = Annotated[Reading | Press | Pause | Leave, Field(discriminator="type")]
_STUDENT: Final[TypeAdapter[Reading | Press | Pause | Leave]] = TypeAdapter(StudentMessage)


class TeacherRelease(_Wire):
    """To the teacher: what everybody may know of the class."""

    type: Literal["release"] = "release"
    release: Release


class TeacherNudge(_Wire):
    """To the teacher: a suggestion, see ``classmood.server.nudges``; every text is one of ours."""

    type: Literal["nudge"] = "nudge"
    number: Annotated[int, Field(ge=0)]
    time_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    text: Annotated[str, Field(max_length=400)]
    action: Annotated[str, Field(max_length=200)]


class TeacherEnded(_Wire):
    """To the teacher: the class is over; the report is there."""

    type: Literal["ended"] = "ended"


class StudentState(_Wire):
    """To a student: whether they count. Nothing of others but what the teacher sees is ever sent to a student.

    Attributes:
        counted: whether their seat counts yet, or waits for a batch.
        camera_allowed: whether the deployment permits a model in the page.
    """

    type: Literal["state"] = "state"
    counted: bool
    paused: bool
    camera_allowed: bool


class Refusal(_Wire):
    """To whoever sent what was refused: which rule, in a word of ours."""

    type: Literal["refused"] = "refused"
    reason: Literal["size", "rate", "schema", "denied", "ended"]


ServerMessage = TeacherRelease | TeacherNudge | TeacherEnded | StudentState | Refusal


def read_message(text: str | bytes) -> Reading | Press | Pause | Leave:
    """Read what a student sent.

    Raises:
        MessageRefused: it is too long, too deep, not JSON, not of the schema, or of another version.
    """
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(raw) > LARGEST_STUDENT_BYTES:
        raise MessageRefused(f"expected at most {LARGEST_STUDENT_BYTES} bytes, got {len(raw)}")
    depth = deepest = 0
    for byte in raw:
        depth += (byte in b"[{") - (byte in b"]}")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise MessageRefused(f"expected at most {DEEPEST} levels, got {deepest}")
    try:
        # A key that is given twice would be a place to hide things. NaN, which Python reads, is refused by the schema.
        found = json.loads(raw, object_pairs_hook=_without_repeats)
        return _STUDENT.validate_python(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        # Only names of our own fields are told: a key that the client made up stays with the client.
        place = "a field" if first["type"] == "extra_forbidden" else ".".join(str(part) for part in first["loc"][:2])
        raise MessageRefused(f"{place or 'message'}: {first['type']}; see classmood.server.messages") from None
    except (ValueError, RecursionError):
        raise MessageRefused("expected JSON with each key once") from None


def write_message(message: ServerMessage) -> str:
    """What goes to a teacher's or a student's page; short JSON."""
    text = message.model_dump_json(exclude_none=True)
    assert len(text.encode()) <= LARGEST_SERVER_BYTES
    return text


class RateLimit:
    """At most one message a second from one client.

    What a network or a busy machine held up may come closer together after: three messages in a burst at most, and no
    more than one a second over time. Else a short stall would cost each student a message.
    """

    def __init__(self) -> None:
        self._due_s = -math.inf

    def allows(self, time_s: float) -> bool:
        """Whether a message at this time may be taken; a refused one does not put off the next."""
        if time_s < self._due_s - EARLY_S:
            return False
        # The first may have been held up itself.
        first = math.isinf(self._due_s)
        self._due_s = (time_s - FIRST_HELD_UP_S if first else max(self._due_s, time_s - MOST_HELD_UP_S)) + 1.0
        return True


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found
