"""A trial's schedule: units (a class in a lesson, or a class as a whole) with the move on or off, by chance and fixed.

- *Within classes*: each class' lessons are cut into blocks of two or more, half of each block with the move on. What
  differs between classes, and most of what drifts over weeks, then falls on both alike.
- *Between classes*: half of the classes have it on throughout. Classes must not then know of it from one another.

The schedule is written before the first lesson, with the seed and a SHA-256 over all it states. A file that was
changed, or whose draw is not the one of its seed, is refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from classmood.errors import InputError, OutputError
from classmood.markdown import write_text

Design = Literal["within classes", "between classes"]
LEVEL: Final = 0.05
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class Unit(BaseModel):
    """A class in a lesson; lesson 0 is all of a class' lessons.

    Attributes:
        block: within which the move was dealt.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int
    school_class: _Name
    lesson: int
    block: int
    on: bool


class Plan(BaseModel):
    """A trial's schedule.

    Attributes:
        move: what is switched on and off.
        outcome: what will be measured, and how; stated beforehand so that it cannot be chosen by its result.
        block_size: lessons in a block; all classes are one block in the design between classes.
        sha256: over everything else.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["classmood trial"] = "classmood trial"
    move: _Line
    outcome: _Line
    design: Design
    seed: int
    block_size: Annotated[int, Field(ge=2)]
    units: tuple[Unit, ...]
    sha256: str = ""

    def digest(self) -> str:
        """The hash over all but the hash."""
        content = self.model_dump(mode="json", exclude={"sha256"})
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def ways(self) -> float:
        """In how many ways the move could have been dealt."""
        return float(np.prod([float(ways_of(size, on)) for size, on in _blocks(self.units)]))


@dataclass(frozen=True, slots=True)
class Frame:
    """What a draw is made from: classes, lessons, and the size of blocks."""

    classes: tuple[str, ...]
    lessons: int
    block_size: int
    design: Design


def make_plan(frame: Frame, *, move: str, outcome: str, seed: int) -> Plan:
    """Draw a schedule.

    Raises:
        InputError: classes are named twice, a text is empty or too long, lessons do not fill blocks, or there are too
            few of either for any difference to pass for more than chance.
    """
    classes, lessons = frame.classes, frame.lessons
    if len(set(classes)) < len(classes) or not classes or not all(classes):
        raise InputError(f"classes: expected different names, got {', '.join(classes) or 'none'}")
    if frame.design == "within classes" and (frame.block_size < 2 or lessons < 1 or lessons % frame.block_size):
        raise InputError(
            f"lessons: expected a multiple of the block's {frame.block_size} lessons, got {lessons}; plan "
            f"{max(lessons - lessons % max(frame.block_size, 1), frame.block_size)} or "
            f"{lessons - lessons % max(frame.block_size, 1) + frame.block_size}"
        )
    try:
        plan = Plan(
            move=move,
            outcome=outcome,
            design=frame.design,
            seed=seed,
            block_size=frame.block_size if frame.design == "within classes" else max(len(classes), 2),
            units=_draw(frame, seed),
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][-1]) if first["loc"] else "plan"
        raise InputError(f"{field.replace('school_class', 'class name')}: {first['msg']}") from error
    if 2 / plan.ways > LEVEL:
        raise InputError(
            f"expected enough units for a p below {LEVEL}, got {len(plan.units)}, which can be dealt in "
            f"{plan.ways:.0f} ways only; {_needed(frame)}"
        )
    return plan.model_copy(update={"sha256": plan.digest()})


def write_plan(plan: Plan, path: Path) -> Path:
    """Write a schedule; one that is there already is not written over.

    Raises:
        OutputError: the file is there, or cannot be written.
    """
    if path.exists():
        raise OutputError(f"{path}: is there already; a schedule that was fixed is not drawn again")
    return write_text(path, plan.model_dump_json(indent=1) + "\n")


def read_plan(path: Path) -> Plan:
    """Read a schedule.

    Raises:
        InputError: it is missing, is none, or was changed since it was written.
    """
    try:
        plan = Plan.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); draw one with 'classmood trial plan'") from error
    except (ValueError, ValidationError) as error:
        raise InputError(f"{path}: not a schedule of 'classmood trial plan'; restore the file") from error
    if plan.digest() != plan.sha256:
        raise InputError(
            f"{path}: expected SHA-256 {plan.sha256[:16]}..., got {plan.digest()[:16]}...; the schedule was changed "
            "after it was fixed, restore it"
        )
    classes = tuple(dict.fromkeys(unit.school_class for unit in plan.units))
    lessons = max((unit.lesson for unit in plan.units), default=0)
    if _draw(Frame(classes, lessons, plan.block_size, plan.design), plan.seed) != plan.units:
        raise InputError(f"{path}: its units are not the draw of its seed {plan.seed}; restore the file")
    return plan


def ways_of(size: int, on: int) -> int:
    """In how many ways ``on`` of ``size`` can be chosen."""
    ways = 1
    for k in range(on):
        ways = ways * (size - k) // (k + 1)
    return ways


def _blocks(units: tuple[Unit, ...]) -> list[tuple[int, int]]:
    """Size, and how many are on, of each block."""
    sizes: dict[int, list[int]] = {}
    for unit in units:
        count = sizes.setdefault(unit.block, [0, 0])
        count[0] += 1
        count[1] += unit.on
    return [(size, on) for size, on in sizes.values()]


def _draw(frame: Frame, seed: int) -> tuple[Unit, ...]:
    random = np.random.default_rng(seed)
    units: list[Unit] = []
    if frame.design == "between classes":
        on = random.permutation(np.arange(len(frame.classes)) < (len(frame.classes) + 1) // 2)
        return tuple(
            Unit(number=i + 1, school_class=name, lesson=0, block=1, on=bool(on[i]))
            for i, name in enumerate(frame.classes)
        )
    block = 0
    for name in frame.classes:
        for first in range(0, frame.lessons, frame.block_size):
            block += 1
            half = (frame.block_size + int(random.integers(2)) * (frame.block_size % 2)) // 2
            on = random.permutation(np.arange(frame.block_size) < half)
            for k in range(frame.block_size):
                unit = Unit(number=len(units) + 1, school_class=name, lesson=first + k + 1, block=block, on=bool(on[k]))
                units.append(unit)
    return tuple(units)


def _needed(frame: Frame) -> str:
    if frame.design == "between classes":
        count = next(n for n in range(2, 40) if 2 / ways_of(n, (n + 1) // 2) <= LEVEL)
        return f"at least {count} classes are needed"
    each = ways_of(frame.block_size, frame.block_size // 2)
    blocks = next(n for n in range(1, 40) if 2 / each**n <= LEVEL)
    lessons = -(-blocks // len(frame.classes)) * frame.block_size
    return f"at least {lessons} lessons in each of {len(frame.classes)} classes are needed"
