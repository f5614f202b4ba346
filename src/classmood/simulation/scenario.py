"""What happens in a simulated class, as a TOML file: how students are on the whole, and what touches them when.

A number may be given as a range ``[low, high]``; then each drawn class has its own, evenly from that range. So a
scenario is a family of classes, and a seed picks one.

    about = "A lecture."
    length_s = 2700

    [students]
    number = 30
    camera = 0.8

    [[event]]
    name = "joke"
    at_s = [270, 330]
    touched = [0.3, 0.9]
    feelings = { joy = 0.9 }
    rise_s = 3
    lasts_s = [20, 60]
    decay_s = 20
    mark = { kind = "text", label = "anecdote", after_s = [2, 15], chance = 0.7 }
"""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from classmood.emotions import CLASSROOM_CLASSES, NEUTRAL
from classmood.errors import InputError

Feeling = Literal["joy", "appreciation", "terror", "surprise", "grief", "disdain", "fury", "caution"]
SHIPPED: Final = ("lecture", "seminar", "camera-free")
LONGEST_S: Final = 6 * 3600.0
MOST_STUDENTS: Final = 5000


def _pair(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value, value)


def _check_mix(mix: dict[Feeling, float]) -> None:
    if sum(mix.values()) > 1 + 1e-9:
        raise ValueError(f"expected feelings that are at most 1 together, got {sum(mix.values()):g}")


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError(f"expected [low, high], got [{value[0]:g}, {value[1]:g}]")
    return value


_Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]
_Part = Annotated[_Number, Field(ge=0, le=1)]
_Time = Annotated[_Number, Field(ge=0, le=LONGEST_S)]
_Any = Annotated[_Number, Field(ge=-LONGEST_S, le=LONGEST_S)]
# A number, or [low, high].
Share = Annotated[tuple[_Part, _Part], BeforeValidator(_pair), AfterValidator(_ordered)]
Seconds = Annotated[tuple[_Time, _Time], BeforeValidator(_pair), AfterValidator(_ordered)]
Shift = Annotated[tuple[_Any, _Any], BeforeValidator(_pair), AfterValidator(_ordered)]
Rate = Annotated[tuple[_Time, _Time], BeforeValidator(_pair), AfterValidator(_ordered)]
Mix = dict[Feeling, _Part]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Teaching(_Section):
    """A mark that the teacher sets near an event, or forgets.

    Attributes:
        kind, label: as in ``classmood.server.nudges.Mark``.
        after_s: from the event's beginning; negative where the teacher marks what is about to come.
        chance: that it is set at all.
    """

    kind: Literal["slide", "question", "break", "text"]
    label: Annotated[str, Field(max_length=60)] = ""
    after_s: Shift = (0.0, 0.0)
    chance: Share = (1.0, 1.0)


class Event(_Section):
    """Something that touches part of the class.

    Attributes:
        at_s: when it begins.
        chance: that it happens at all.
        touched: share of the class that it touches.
        feelings: which share of the touched feels what; the others go on feeling what they did.
        confused, slower, faster: share of the touched who are confused, or want another pace.
        away: share of the touched who turn away, so that no face can be read.
        rise_s: mean of the time until one of the touched is touched.
        lasts_s: time for which each stays so at least.
        decay_s: mean of the time that it lasts beyond that.
        expected: whether the teacher made it and needs no telling, as with a break.
        mark: what the teacher marks.
    """

    name: str
    at_s: Seconds
    chance: Share = (1.0, 1.0)
    touched: Share
    feelings: Mix = {}
    confused: Share = (0.0, 0.0)
    slower: Share = (0.0, 0.0)
    faster: Share = (0.0, 0.0)
    away: Share = (0.0, 0.0)
    rise_s: Seconds = (5.0, 5.0)
    lasts_s: Seconds = (30.0, 30.0)
    decay_s: Seconds = (20.0, 20.0)
    expected: bool = False
    mark: Teaching | None = None

    @model_validator(mode="after")
    def _whole(self) -> Event:
        _check_mix(self.feelings)
        if self.slower[1] + self.faster[1] > 1:
            raise ValueError("expected slower and faster to be at most 1 together")
        return self


class Resting(_Section):
    """How students are while nothing in particular happens.

    Attributes:
        feelings: share of the time for which they feel what; neutral for the rest.
        alike: how much students' mixes are alike; small: each has their own.
        spell_s: mean time until something else is felt.
        wander: standard deviation of the logarithm of the whole class's leaning to each feeling, which wanders.
        wander_s: in what time.
        confused_an_hour, slower_an_hour, faster_an_hour: how often one student is lost, or wants another pace, alone.
        alone_s: how long that lasts.
    """

    feelings: Mix = {
        "joy": 0.1,
        "surprise": 0.02,
        "grief": 0.05,
        "fury": 0.02,
        "disdain": 0.01,
        "terror": 0.01,
        "appreciation": 0.03,
        "caution": 0.03,
    }
    alike: Annotated[_Number, Field(gt=0, le=1000)] = 10.0
    spell_s: Annotated[_Number, Field(ge=2, le=LONGEST_S)] = 25.0
    wander: Annotated[_Number, Field(ge=0, le=3)] = 0.4
    wander_s: Annotated[_Number, Field(ge=10, le=LONGEST_S)] = 400.0
    confused_an_hour: Rate = (0.0, 2.0)
    slower_an_hour: Rate = (0.0, 0.5)
    faster_an_hour: Rate = (0.0, 0.5)
    alone_s: Seconds = (20.0, 90.0)

    @model_validator(mode="after")
    def _whole(self) -> Resting:
        _check_mix(self.feelings)
        return self


class Students(_Section):
    """Who comes, and what each of them does with the page.

    Attributes:
        number: in the class, those who refuse included.
        camera: share with a camera; the others press.
        refuse: share that takes no part. They are in the class, and in the truth.
        join_s: when they come.
        late, late_s: share that comes late, and when.
        early, early_s: share that leaves before the end, and by how much.
        drops_an_hour, drop_s: how often one student's network is gone, and for how long.
        lapses_an_hour, lapse_s: how often a camera loses the face, and for how long.
        pauses_an_hour, pause_s: how often one presses pause, and for how long.
        lag_s: from the page to the server, one for each student.
        shows: share of the time for which a face shows what is felt, in spells of ``show_s`` on the mean.
        looks: how many ways a student has of showing one thing; each is read in its own, perhaps wrong, way.
        steadiness: of the readings within a look; the larger, the less they jitter.
        presses: chance that a student who is confused or wants another pace presses, and does again after ``again_s``.
        wheel: chance that a student without a camera presses what an event makes them feel.
        wheel_idle: the same for a feeling that comes and goes by itself.
        press_after_s: from the feeling to the press.
    """

    number: Annotated[int, Field(ge=1, le=MOST_STUDENTS, strict=True)] = 30
    camera: Share = (0.8, 0.8)
    refuse: Share = (0.1, 0.1)
    join_s: Seconds = (0.0, 60.0)
    late: Share = (0.1, 0.1)
    late_s: Seconds = (60.0, 600.0)
    early: Share = (0.05, 0.05)
    early_s: Seconds = (60.0, 600.0)
    drops_an_hour: Rate = (0.0, 2.0)
    drop_s: Seconds = (3.0, 60.0)
    lapses_an_hour: Rate = (0.0, 30.0)
    lapse_s: Seconds = (3.0, 30.0)
    pauses_an_hour: Rate = (0.0, 0.5)
    pause_s: Seconds = (60.0, 300.0)
    lag_s: Seconds = (0.03, 1.0)
    shows: Share = (0.5, 0.95)
    show_s: Annotated[_Number, Field(ge=1, le=600)] = 8.0
    looks: Annotated[int, Field(ge=1, le=20, strict=True)] = 3
    steadiness: Annotated[_Number, Field(gt=0, le=10000)] = 40.0
    presses: Share = (0.3, 0.8)
    again_s: Seconds = (60.0, 90.0)
    wheel: Share = (0.3, 0.8)
    wheel_idle: Share = (0.02, 0.1)
    press_after_s: Seconds = (2.0, 20.0)


class Telling(_Section):
    """When a teacher should have been told, see ``classmood.simulation.truth``.

    Attributes:
        worth: rise of a share of the class that is worth telling.
        within_s: time in which it has to rise by that.
        holds_s: how long it has to stay there.
    """

    worth: Annotated[_Number, Field(gt=0, le=1)] = 0.3
    within_s: Annotated[_Number, Field(ge=10, le=1800)] = 120.0
    holds_s: Annotated[_Number, Field(ge=1, le=600)] = 20.0


class Scenario(_Section):
    """A family of classes; ``classmood.simulation.lesson.draw`` picks one."""

    about: str = ""
    length_s: Annotated[_Number, Field(ge=60, le=LONGEST_S)] = 2700.0
    students: Students = Students()
    resting: Resting = Resting()
    telling: Telling = Telling()
    event: tuple[Event, ...] = ()

    @model_validator(mode="after")
    def _within(self) -> Scenario:
        late = [event.name for event in self.event if event.at_s[1] >= self.length_s]
        if late:
            raise ValueError(f"event {late[0]!r}: expected at_s before the end at {self.length_s:g} s")
        return self


def read_scenario(name: str | Path) -> Scenario:
    """Read and check a scenario: a file, or one of ``SHIPPED`` by name (with or without ".toml").

    Raises:
        InputError: there is none, it is not TOML, or a key is unknown or its value impossible; the key is named.
    """
    path = Path(name)
    if not path.is_file() and path.name == str(name) and path.name.removesuffix(".toml") in SHIPPED:
        path = Path(str(resources.files(__package__) / f"{path.name.removesuffix('.toml')}.toml"))
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); expected a file or one of {', '.join(SHIPPED)}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not TOML ({error})") from error
    try:
        return Scenario.model_validate(found)
    except ValidationError as error:
        raise InputError(f"{path.name}: {_describe(error)}") from error


def _describe(error: ValidationError) -> str:
    """The first complaint, with the key as one would look for it in the file."""
    first = error.errors(include_url=False)[0]
    place = ""
    for part in first["loc"]:
        if part == "[key]":
            continue
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        return f"{place}: unknown key; see classmood.simulation.scenario for those that there are"
    given = first["input"]
    came = f", got {given!r}" if isinstance(given, str | int | float | bool) else ""
    return f"{place + ': ' if place else ''}{message[0].lower() + message[1:]}{came}"


assert NEUTRAL not in Feeling.__args__  # type: ignore[attr-defined]
assert set(Feeling.__args__) == set(CLASSROOM_CLASSES) - {NEUTRAL}  # type: ignore[attr-defined]
