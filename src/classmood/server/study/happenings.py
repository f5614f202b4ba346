"""What a participant's page may report: bounded numbers and words. No field could carry a picture.

Every event has its attempt, its number in it, the step that is shown and the page's clock; the server adds its own.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from classmood.experiment.protocol import PageKind
from classmood.selfreport import ASPECT_COLUMNS, POINTS
from classmood.studies import StoredEvent

MOST_AT_ONCE: Final = 60
Milliseconds = Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)]
UnixSeconds = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
Rating = Annotated[int, Field(ge=1, le=POINTS)] | None
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Coordinate = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
Chosen = Literal["neutral", "joy", "appreciation", "terror", "surprise", "grief", "disdain", "fury", "caution"] | None

# What each kind of page asks.
ASKED: Final[dict[PageKind, tuple[str, ...]]] = {
    "sam": ("valence", "arousal", "dominance"),
    "sam-again": ("valence_again", "arousal_again"),
    "emotion": ("emotion", "intensity"),
    "aspects": ASPECT_COLUMNS,
    "score": ("choice",),
}


class _Happening(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    attempt: int = Field(ge=1, le=10000)
    sequence: int = Field(ge=0, le=10**7)
    step: int = Field(ge=0, le=10000)
    time_ms: Milliseconds

    def stored(self) -> StoredEvent:
        """As it is kept."""
        body = self.model_dump(exclude={"attempt", "sequence", "step", "time_ms", "kind"}, exclude_none=True)
        kind: str = self.kind  # type: ignore[attr-defined]  # every subclass has its own
        return StoredEvent(
            self.attempt, self.sequence, kind, self.step, self.time_ms, json.dumps(body, separators=(",", ":"))
        )


class Begin(_Happening):
    """An attempt begins. ``wall_ms``: the device's own time of day; ``frame_ms``: from one picture to the next."""

    kind: Literal["begin"]
    wall_ms: Annotated[float, Field(ge=0, le=1e14, allow_inf_nan=False)]
    width_px: Annotated[int, Field(ge=0, le=100000)]
    height_px: Annotated[int, Field(ge=0, le=100000)]
    frame_ms: Milliseconds


class Onset(_Happening):
    """A step is on the screen; ``planned_ms`` is when it should have been. ``skipped_s``: shown before a break."""

    kind: Literal["onset"]
    planned_ms: Milliseconds
    skipped_s: Annotated[float, Field(ge=0, le=20000, allow_inf_nan=False)] = 0


class Offset(_Happening):
    """A step is over."""

    kind: Literal["offset"]
    planned_ms: Milliseconds
    cause: Literal["time", "stopped", "interrupted"]


class Answer(_Happening):
    """What a page was answered; what was not said is left out. ``choice``: of the task's answers, from 1."""

    kind: Literal["answer"]
    valence: Rating = None
    arousal: Rating = None
    dominance: Rating = None
    valence_again: Rating = None
    arousal_again: Rating = None
    emotion: Chosen = None
    intensity: Rating = None
    aspect_enthusiasm: Rating = None
    aspect_classroom_cooperation: Rating = None
    aspect_duration: Rating = None
    aspect_task_completion: Rating = None
    aspect_knowledge_expansion: Rating = None
    aspect_skill_level: Rating = None
    choice: Rating = None
    complete: bool = False

    def answered(self) -> set[str]:
        """The names of what was said."""
        said = self.model_dump(
            exclude_none=True, exclude={"attempt", "sequence", "step", "time_ms", "kind", "complete"}
        )
        return set(said)


class Clock(_Happening):
    """One exchange of clocks: sent and heard by the page's, received and replied by the server's."""

    kind: Literal["clock"]
    sent_ms: Milliseconds
    received_s: UnixSeconds
    replied_s: UnixSeconds
    heard_ms: Milliseconds


class Shown(_Happening):
    """The page came into view, or went out of it."""

    kind: Literal["shown"]
    visible: bool


class Gap(_Happening):
    """The page did not run for a while: a closed lid, a tab in the background."""

    kind: Literal["gap"]
    seconds: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class Network(_Happening):
    """The server could not be reached, or could again."""

    kind: Literal["network"]
    online: bool


class Media(_Happening):
    """What a sound or a video did. ``place_s``: in it."""

    kind: Literal["media"]
    state: Literal["playing", "ended", "failed", "stalled", "blocked"]
    place_s: Annotated[float, Field(ge=0, le=20000, allow_inf_nan=False)] = 0


class CameraState(_Happening):
    """What the camera did."""

    kind: Literal["camera"]
    state: Literal["on", "off", "lost", "failed"]


class Recorded(_Happening):
    """A recording began or ended; its first picture is of ``time_ms``."""

    kind: Literal["recorded"]
    state: Literal["began", "ended", "failed"]
    parts: Annotated[int, Field(ge=0, le=100000)] = 0


class Reading(_Happening):
    """What the recogniser in the page read of a face: FER+ probabilities, valence, arousal, dominance."""

    kind: Literal["reading"]
    p: Annotated[tuple[Share, ...], Field(min_length=8, max_length=8, strict=False)]
    vad: Annotated[tuple[Coordinate, ...], Field(min_length=3, max_length=3, strict=False)]
    confidence: Share
    not_sure: bool


class Stop(_Happening):
    """Somebody stopped the session."""

    kind: Literal["stop"]
    by: Literal["participant", "researcher"]


class Finish(_Happening):
    """The last page was reached."""

    kind: Literal["finish"]


Happening = Annotated[
    Begin
    | Onset
    | Offset
    | Answer
    | Clock
    | Shown
    | Gap
    | Network
    | Media
    | CameraState
    | Recorded
    | Reading
    | Stop
    | Finish,
    Field(discriminator="kind"),
]


def details(event: StoredEvent) -> dict[str, Any]:
    """What an event's body holds."""
    found: dict[str, Any] = json.loads(event.body)
    return found
