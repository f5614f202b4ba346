"""Every mistake of a protocol file at once, each with its line; and the one way to open a file that has none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from classmood.experiment.positions import Place, line_of, positions
from classmood.experiment.protocol import (
    Head,
    Page,
    Phase,
    Protocol,
    ProtocolError,
    Scenario,
    Stimulus,
    read_toml,
)
from classmood.experiment.rules import Parts, broken_rules

_ARRAYS: Final[dict[str, type[BaseModel]]] = {
    "stimuli": Stimulus,
    "pages": Page,
    "scenarios": Scenario,
    "phases": Phase,
}
_Part = TypeVar("_Part", bound=BaseModel)


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """What is wrong, on which line, and what to do."""

    line: int
    message: str


def find_mistakes(path: Path) -> tuple[Mistake, ...]:
    """All that keeps a protocol from being run, in the order of the file; none where it is right.

    Raises:
        ProtocolError: the file cannot be read, or is not TOML at all.
    """
    text, raw = read_toml(path)
    return _mistakes(text, raw, path.parent)


def open_protocol(path: Path) -> Protocol:
    """A protocol that can be run.

    Raises:
        ProtocolError: it cannot; the first mistake is named, and how many more there are.
    """
    text, raw = read_toml(path)
    if mistakes := _mistakes(text, raw, path.parent):
        more = f"; {len(mistakes) - 1} more, see 'classmood experiment check {path}'" if len(mistakes) > 1 else ""
        raise ProtocolError(f"{path}: line {mistakes[0].line}: {mistakes[0].message}{more}")
    return Protocol.model_validate(raw)


def describe(protocol: Protocol) -> str:
    """What a right protocol amounts to, on one line."""
    head = protocol.protocol
    return (
        f"{head.name} {head.version}: {protocol.total_s / 60:.1f} of {head.limit_min:g} min, {len(protocol.phases)} "
        f"phases, {len(protocol.scenarios)} scenarios in the order {head.order!r}, recording {head.recording!r}"
    )


def _mistakes(text: str, raw: dict[str, Any], folder: Path) -> tuple[Mistake, ...]:
    lines = positions(text)
    found: list[tuple[Place, str]] = []
    for key in raw.keys() - {"protocol", *_ARRAYS}:
        found.append(((key,), f"unknown table {key!r}; expected [protocol] or [[{']], [['.join(_ARRAYS)}]]"))
    head = None
    if isinstance(raw.get("protocol"), dict):
        head = _valid(Head, raw["protocol"], ("protocol",), found)
    else:
        found.append(((), "the table [protocol] is missing; it gives name, title, course, seed and limit_min"))
    names: dict[str, list[str]] = {}
    right: dict[str, list[tuple[int, Any]]] = {}
    for array, model in _ARRAYS.items():
        items = raw.get(array)
        if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
            found.append(((array,), f"expected at least one [[{array}]]"))
            items = []
        names[array] = [item["id"] if isinstance(item.get("id"), str) else "" for item in items]
        checked = ((i, _valid(model, item, (array, i), found)) for i, item in enumerate(items))
        right[array] = [(i, one) for i, one in checked if one is not None]
    found += broken_rules(Parts(head=head, names=names, **right), folder)
    return tuple(sorted({Mistake(line_of(lines, place), message) for place, message in found}))


def _valid(model: type[_Part], item: dict[str, Any], place: Place, found: list[tuple[Place, str]]) -> _Part | None:
    """A part as its model; None and what is wrong with it otherwise."""
    try:
        return model.model_validate(item)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            found.append((place + one["loc"], _said(one, model)))
        return None


def _said(error: Any, model: type[BaseModel]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key {key!r}; expected {', '.join(model.model_fields)}"
    if error["type"] == "missing":
        return f"the key {key!r} is missing"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    said = error["msg"].replace("\n", " ")
    return f"{key}: {said[:1].lower()}{said[1:]}, got {str(error['input'])[:60]!r}"
