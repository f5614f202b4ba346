"""What a protocol holds: phases, scenarios, stimuli and self-report pages, read from a TOML file.

    [protocol]                       name, course, seed, limit_min, order, recording
    [[stimuli]]                      what is shown or said
    [[pages]]                        what is asked after a scenario
    [[scenarios]]                    a stimulus that is to evoke one emotion, then pages and a rest
    [[phases]]                       the session from beginning to end, one phase after another

Times are in seconds. Phases follow one another; one that states ``starts_s`` waits for the clock of the session. The
times of the paper's own scheme do not add up (eight times a quarter of an hour in one hour), hence a file and no code.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from classmood.emotions import CLASSROOM_VAD
from classmood.errors import InputError

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\x00-\x1f]*$")
]
Seconds = Annotated[float, Field(gt=0, le=14400, allow_inf_nan=False)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Emotion = Literal["joy", "appreciation", "terror", "surprise", "grief", "disdain", "fury", "caution"]

StimulusKind = Literal["text", "image", "audio", "video", "web", "teacher"]
PageKind = Literal["sam", "sam-again", "emotion", "aspects", "score"]
PhaseKind = Literal["baseline", "class", "rest", "scenarios", "report", "debrief", "repair"]
Order = Literal["latin-square", "random", "fixed"]
Recording = Literal["none", "features", "video"]

FILE_KINDS: Final = ("image", "audio", "video")
# Phases that show one stimulus.
SHOWING: Final = ("class", "debrief", "repair")


class ProtocolError(InputError):
    """A protocol cannot be run; the message names the file and the line."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Stimulus(_Part):
    """What is shown or said.

    Attributes:
        kind: ``teacher`` is a text that the teacher speaks; ``web`` is a page, in a file or at an address.
        text: of a text, or what the teacher says.
        file: of an image, a sound, a video or a page, relative to the protocol's own.
        address: of a page that is not in a file.
        alt: what is to be seen or heard, for those who do not see or hear it.
        sha256: of the file, where it may not be another on the day.
    """

    id: Name
    kind: StimulusKind
    text: Text | None = None
    file: Line | None = None
    address: Annotated[str, StringConstraints(pattern=r"^https://[^\s]{1,300}$")] | None = None
    alt: Line | None = None
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _content(self) -> Stimulus:
        wanted = {"text": ("text",), "teacher": ("text",), "web": ("file", "address")}.get(self.kind, ("file",))
        given = [name for name in ("text", "file", "address") if getattr(self, name) is not None]
        if len(given) != 1 or given[0] not in wanted:
            raise ValueError(f"a {self.kind} needs {' or '.join(wanted)} alone, got {', '.join(given) or 'neither'}")
        if self.kind in FILE_KINDS and self.alt is None:
            raise ValueError(f"a {self.kind} needs alt: what is to be seen or heard, in words")
        return self


class Page(_Part):
    """What is asked.

    Attributes:
        kind: ``sam``: valence, arousal, dominance; ``sam-again``: valence and arousal once more, to learn how exactly
            they are rated; ``emotion``: which one and how strong; ``aspects``: the six of the learning effect;
            ``score``: the scenario's task.
        ask: the question above the scales.
        duration_s: after which the session goes on.
    """

    id: Name
    kind: PageKind
    ask: Line
    duration_s: Seconds


class Task(_Part):
    """A question on what the scenario taught, with one right answer.

    Attributes:
        right: its place in ``answers``, from 1.
    """

    ask: Line
    answers: Annotated[tuple[Line, ...], Field(min_length=2, max_length=9, strict=False)]
    right: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _place(self) -> Task:
        if self.right > len(self.answers):
            raise ValueError(f"right: expected a place from 1 to {len(self.answers)}, got {self.right}")
        return self


class Scenario(_Part):
    """A situation that is meant to evoke one emotion.

    Attributes:
        unpleasant: whether mood repair must follow; by default whether the emotion's valence is below 0.
        duration_s: of the stimulus; pages and rest come on top.
        pages: ids, in the order in which they are asked.
    """

    id: Name
    evokes: Emotion
    stimulus: Name
    duration_s: Seconds
    pages: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)]
    rest_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 0
    unpleasant: bool | None = None
    task: Task | None = None

    @property
    def repairs(self) -> bool:
        """Whether mood repair must follow."""
        return CLASSROOM_VAD[self.evokes][0] < 0 if self.unpleasant is None else self.unpleasant


class Phase(_Part):
    """A stretch of the session.

    Attributes:
        kind: ``baseline``: a resting face; ``report``: pages alone; the others as they are called.
        duration_s: of all kinds but ``scenarios`` and ``report``, whose parts have their own.
        starts_s: waits until this time of the session; None to follow at once.
        scenarios: ids, in the order in which they are listed before counterbalancing.
        pages: ids, of a report.
    """

    id: Name
    kind: PhaseKind
    duration_s: Seconds | None = None
    starts_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    stimulus: Name | None = None
    scenarios: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    pages: Annotated[tuple[Name, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _fit(self) -> Phase:
        allowed = {"scenarios": {"scenarios"}, "report": {"pages"}}.get(self.kind, {"duration_s"})
        allowed |= {"stimulus"} if self.kind in SHOWING else set()
        given = {name for name in ("duration_s", "stimulus", "scenarios", "pages") if getattr(self, name)}
        if missing := sorted(allowed - given):
            raise ValueError(f"a phase of kind {self.kind} needs {' and '.join(missing)}")
        if odd := sorted(given - allowed):
            raise ValueError(f"a phase of kind {self.kind} has no {' and no '.join(odd)}")
        return self


class Head(_Part):
    """The table ``[protocol]``.

    Attributes:
        version: counted up when a frozen protocol is changed and registered anew.
        course: from which the participants come; it goes with every sample.
        seed: of everything that is drawn by chance.
        limit_min: the session may not be longer.
        order: how the order of scenarios differs between participants.
        recording: what of a participant may be kept, with their consent.
    """

    name: Name
    title: Line
    version: Annotated[int, Field(ge=1)] = 1
    course: Line
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")] = "en"
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    limit_min: Annotated[float, Field(gt=0, le=240, allow_inf_nan=False)]
    order: Order = "latin-square"
    recording: Recording = "none"


class Protocol(_Part):
    """A whole protocol; ``classmood.experiment.check`` says whether it can be run."""

    protocol: Head
    stimuli: Annotated[tuple[Stimulus, ...], Field(min_length=1, strict=False)]
    pages: Annotated[tuple[Page, ...], Field(min_length=1, strict=False)]
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1, strict=False)]
    phases: Annotated[tuple[Phase, ...], Field(min_length=1, strict=False)]

    def stimulus(self, name: str) -> Stimulus:
        """The stimulus of that id."""
        return next(one for one in self.stimuli if one.id == name)

    def page(self, name: str) -> Page:
        """The page of that id."""
        return next(one for one in self.pages if one.id == name)

    def scenario(self, name: str) -> Scenario:
        """The scenario of that id."""
        return next(one for one in self.scenarios if one.id == name)

    def scenario_s(self, scenario: Scenario) -> float:
        """How long a scenario takes with its pages and its rest."""
        return scenario.duration_s + sum(self.page(name).duration_s for name in scenario.pages) + scenario.rest_s

    def phase_s(self, phase: Phase) -> float:
        """How long a phase takes."""
        if phase.kind == "scenarios":
            return sum(self.scenario_s(self.scenario(name)) for name in phase.scenarios)
        if phase.kind == "report":
            return sum(self.page(name).duration_s for name in phase.pages)
        return phase.duration_s or 0.0

    @property
    def total_s(self) -> float:
        """How long a session takes."""
        now_s = 0.0
        for phase in self.phases:
            now_s = max(now_s, phase.starts_s or 0.0) + self.phase_s(phase)
        return now_s


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """A file's text and its tables.

    Raises:
        ProtocolError: it cannot be read or is not TOML; where the line is known it is named.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except OSError as error:
        raise ProtocolError(
            f"{path}: cannot be read ({error.strerror}); write one with 'classmood experiment template short {path}'"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProtocolError(f"{path}: not TOML ({error}); correct that place first") from error
