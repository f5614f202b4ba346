"""What a protocol must keep to beyond single keys: names that exist, times that fit, and care for the participant.

Each rule takes the parts of a file that are right in themselves, with their places, and yields mistakes; so one wrong
key does not hide the rest.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from classmood.experiment.positions import Place
from classmood.experiment.protocol import Head, Page, Phase, Scenario, Stimulus

# What may come after the mood repair: nothing that evokes anything.
_AFTER_REPAIR: Final = ("debrief", "rest")
_SLACK_S: Final = 1e-6
Found = Iterator[tuple[Place, str]]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a file that are right in themselves, each with its place in the file's array.

    Attributes:
        names: every id of each array, those of wrong parts included, so that they are not called unknown.
    """

    head: Head | None
    stimuli: Sequence[tuple[int, Stimulus]]
    pages: Sequence[tuple[int, Page]]
    scenarios: Sequence[tuple[int, Scenario]]
    phases: Sequence[tuple[int, Phase]]
    names: dict[str, list[str]]

    def duration_s(self, phase: Phase) -> float:
        """How long a phase takes, as far as its parts are known."""
        pages = {page.id: page.duration_s for _, page in self.pages}
        if phase.kind == "report":
            return sum(pages.get(name, 0.0) for name in phase.pages)
        if phase.kind != "scenarios":
            return phase.duration_s or 0.0
        long = {
            one.id: one.duration_s + sum(pages.get(name, 0.0) for name in one.pages) + one.rest_s
            for _, one in self.scenarios
        }
        return sum(long.get(name, 0.0) for name in phase.scenarios)


def broken_rules(parts: Parts, folder: Path) -> Found:
    """All mistakes that the rules find.

    Args:
        parts: see there.
        folder: in which the protocol lies, and from which its files are found.
    """
    yield from _names(parts)
    yield from _unused(parts)
    yield from _files(parts, folder)
    yield from _questions(parts)
    yield from _times(parts)
    yield from _care(parts)


def _names(parts: Parts) -> Found:
    for array, names in parts.names.items():
        for i, name in enumerate(names):
            if name and name in names[:i]:
                yield (array, i, "id"), f"the id {name!r} is there twice; give one of them another"
    for i, scenario in parts.scenarios:
        yield from _known(parts, "stimuli", [scenario.stimulus], ("scenarios", i, "stimulus"))
        yield from _known(parts, "pages", scenario.pages, ("scenarios", i, "pages"))
    for i, phase in parts.phases:
        yield from _known(parts, "stimuli", [phase.stimulus] if phase.stimulus else [], ("phases", i, "stimulus"))
        yield from _known(parts, "pages", phase.pages, ("phases", i, "pages"))
        yield from _known(parts, "scenarios", phase.scenarios, ("phases", i, "scenarios"))


def _known(parts: Parts, array: str, names: Iterable[str], place: Place) -> Found:
    noun = {"stimuli": "stimulus", "pages": "page", "scenarios": "scenario"}[array]
    for name in names:
        if name not in parts.names[array]:
            near = difflib.get_close_matches(name, parts.names[array], 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; describe it in [[{array}]]"
            yield place, f"unknown {noun} {name!r}{hint}"


def _unused(parts: Parts) -> Found:
    played = [name for _, phase in parts.phases for name in phase.scenarios]
    shown = [one.stimulus for _, one in parts.scenarios] + [phase.stimulus for _, phase in parts.phases]
    asked = [name for _, one in parts.scenarios for name in one.pages]
    asked += [name for _, phase in parts.phases for name in phase.pages]
    if len(parts.phases) == len(parts.names["phases"]):
        for i, scenario in parts.scenarios:
            count = played.count(scenario.id)
            if count != 1:
                said = "in no phase; add it to one or remove it" if not count else f"met {count} times; meet it once"
                yield ("scenarios", i, "id"), f"the scenario {scenario.id!r} is {said}"
        if len(parts.scenarios) == len(parts.names["scenarios"]):
            for array, items, used in (("stimuli", parts.stimuli, shown), ("pages", parts.pages, asked)):
                for i, item in items:
                    if item.id not in used:
                        yield (array, i, "id"), f"{item.id!r} is never used; use it or remove it"


def _files(parts: Parts, folder: Path) -> Found:
    for i, stimulus in parts.stimuli:
        if stimulus.file is None:
            continue
        path = folder / stimulus.file
        if not path.resolve().is_relative_to(folder.resolve()):
            yield ("stimuli", i, "file"), f"{stimulus.file!r} lies outside the protocol's folder; copy it beside"
        elif not path.is_file():
            yield ("stimuli", i, "file"), f"the stimulus file {stimulus.file!r} is missing; put it at {path}"
        elif stimulus.sha256 and (actual := file_hash(path)) != stimulus.sha256:
            yield (
                ("stimuli", i, "sha256"),
                f"{stimulus.file!r}: expected SHA-256 {stimulus.sha256[:16]}..., got {actual[:16]}...; restore it",
            )


def file_hash(path: Path) -> str:
    """A file's SHA-256, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _questions(parts: Parts) -> Found:
    kinds = {page.id: page.kind for _, page in parts.pages}
    for i, scenario in parts.scenarios:
        asked = [kinds.get(name) for name in scenario.pages]
        if "score" in asked and scenario.task is None:
            yield ("scenarios", i, "pages"), "a page asks for a score, but the scenario has no task; add task"
        if scenario.task is not None and "score" not in asked and None not in asked:
            yield ("scenarios", i, "task"), "no page of the scenario asks the task; add one of kind score"
        if "sam-again" in asked and "sam" not in asked[: asked.index("sam-again")]:
            yield ("scenarios", i, "pages"), "sam-again asks a second time; put a page of kind sam before it"
        for kind in {kind for kind in asked if kind is not None and asked.count(kind) > 1}:
            yield ("scenarios", i, "pages"), f"two pages of kind {kind}; expected one, as each answer has one column"
    for i, phase in parts.phases:
        if "score" in (asked := [kinds.get(name) for name in phase.pages]):
            yield ("phases", i, "pages"), "a score belongs to a scenario's task; a report phase has none"
        for kind in {kind for kind in asked if kind is not None and asked.count(kind) > 1}:
            yield ("phases", i, "pages"), f"two pages of kind {kind}; expected one, as each answer has one column"


def _times(parts: Parts) -> Found:
    now_s = 0.0
    before = ""
    for i, phase in parts.phases:
        if phase.starts_s is not None:
            if phase.starts_s < now_s - _SLACK_S:
                yield (
                    ("phases", i, "starts_s"),
                    f"the phase {phase.id!r} starts at {phase.starts_s:g} s and overlaps {before!r}, which ends at "
                    f"{now_s:g} s; start it later or shorten {before!r}",
                )
            now_s = max(now_s, phase.starts_s)
        now_s += parts.duration_s(phase)
        before = phase.id
    if parts.head is not None and now_s > parts.head.limit_min * 60 + _SLACK_S:
        yield (
            ("protocol", "limit_min"),
            f"the session takes {now_s / 60:.1f} min, over the limit of {parts.head.limit_min:g} min; shorten it by "
            f"{now_s - parts.head.limit_min * 60:.0f} s or raise the limit",
        )


def _care(parts: Parts) -> Found:
    """A resting face first; mood repair after all that is unpleasant; nothing that evokes after it; a debrief."""
    if len(parts.phases) < len(parts.names["phases"]):
        # Which phase is missing cannot be told while one of them is wrong.
        return
    scenarios = {one.id: one for _, one in parts.scenarios}
    kinds = [phase.kind for _, phase in parts.phases]
    first = next((k for k, kind in enumerate(kinds) if kind in ("class", "scenarios")), len(kinds))
    if "baseline" not in kinds[:first]:
        yield ("phases",), "no baseline comes before what is shown; add a phase of kind baseline, 10 s or so"
    if "debrief" not in kinds:
        yield ("phases",), "no debrief; add a phase of kind debrief that says what the study was about"
    repaired = kinds.index("repair") if "repair" in kinds else len(kinds)
    for k, (i, phase) in enumerate(parts.phases):
        unpleasant = [name for name in phase.scenarios if name in scenarios and scenarios[name].repairs]
        if k > repaired:
            if unpleasant:
                yield (
                    ("phases", i, "scenarios"),
                    f"the unpleasant scenario {unpleasant[0]!r} comes after the mood repair; move it before",
                )
            elif phase.kind not in _AFTER_REPAIR:
                yield (
                    ("phases", i, "kind"),
                    f"a phase of kind {phase.kind} comes after the mood repair; only {' or '.join(_AFTER_REPAIR)} may",
                )
        elif unpleasant and repaired == len(kinds):
            yield (
                ("phases", i, "scenarios"),
                f"the unpleasant scenario {unpleasant[0]!r} is not followed by mood repair; end with a phase repair",
            )
            return
