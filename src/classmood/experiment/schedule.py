"""The timed steps of one participant: what a runner shows, when, and for how long.

The schedule is the plan. What happened, with the clocks of browser and server, is the runner's to log; a participant
who is quicker on a page waits, so that everybody has the same time on everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final, Literal

from classmood.errors import InputError
from classmood.experiment.order import order_for
from classmood.experiment.protocol import Phase, Protocol, Scenario

StepKind = Literal["baseline", "class", "rest", "stimulus", "page", "debrief", "repair"]
# While these go on the camera may record, where protocol and participant allow it; never on pages and at rest.
RECORDED: Final = ("baseline", "class", "stimulus")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the runner shows.

    Attributes:
        number: from 1.
        kind: see ``StepKind``; a scenario is a ``stimulus``, then its ``page`` steps, then a ``rest``.
        phase: the phase's id.
        start_s: from the beginning of the session.
        scenario, evokes: of the scenario that it belongs to, "" where none.
        stimulus, page: the id of what is shown or asked, "" where none.
        records: whether the camera may record during it.
    """

    number: int
    kind: StepKind
    phase: str
    start_s: float
    duration_s: float
    scenario: str = ""
    evokes: str = ""
    stimulus: str = ""
    page: str = ""
    records: bool = False

    @property
    def end_s(self) -> float:
        """When it is over."""
        return self.start_s + self.duration_s


@dataclass(frozen=True, slots=True)
class Schedule:
    """All steps of one participant.

    Attributes:
        participant: their number, from 1.
        order: the scenarios as this participant meets them.
    """

    protocol: str
    version: int
    course: str
    participant: int
    order: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def total_s(self) -> float:
        """When the last step is over."""
        return self.steps[-1].end_s if self.steps else 0.0

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {**asdict(self), "total_s": self.total_s}


def schedule(protocol: Protocol, participant: int) -> Schedule:
    """The steps of a participant; the same for the same protocol and number, always.

    Args:
        protocol: one that ``check.open_protocol`` opened.
        participant: their number in the study, from 1; it decides the order of scenarios.

    Raises:
        InputError: the number is below 1.
    """
    if participant < 1:
        raise InputError(f"participant: expected a number from 1, got {participant}")
    head = protocol.protocol
    steps: list[Step] = []
    order: list[str] = []
    now_s = 0.0
    for block, phase in enumerate(protocol.phases):
        start_s = max(now_s, phase.starts_s or 0.0)
        if start_s > now_s:
            # Whoever is early waits.
            steps.append(Step(len(steps) + 1, "rest", phase.id, now_s, start_s - now_s))
        names = order_for(phase.scenarios, participant, order=head.order, seed=head.seed, block=block)
        order += names
        now_s = start_s
        for kind, duration_s, part in _parts(protocol, phase, names):
            records = head.recording != "none" and kind in RECORDED
            step = Step(len(steps) + 1, kind, phase.id, now_s, duration_s, records=records, **part)
            steps.append(step)
            now_s = step.end_s
    return Schedule(head.name, head.version, head.course, participant, tuple(order), tuple(steps))


def _parts(
    protocol: Protocol, phase: Phase, names: tuple[str, ...]
) -> Iterator[tuple[StepKind, float, dict[str, str]]]:
    """The steps of a phase: kind, duration, and what they are of."""
    if phase.kind == "scenarios":
        for name in names:
            yield from _of_scenario(protocol, protocol.scenario(name))
    elif phase.kind == "report":
        for page in phase.pages:
            yield "page", protocol.page(page).duration_s, {"page": page}
    else:
        part = {"stimulus": phase.stimulus} if phase.stimulus else {}
        yield phase.kind, phase.duration_s or 0.0, part


def _of_scenario(protocol: Protocol, scenario: Scenario) -> Iterator[tuple[StepKind, float, dict[str, str]]]:
    part = {"scenario": scenario.id, "evokes": scenario.evokes}
    yield "stimulus", scenario.duration_s, part | {"stimulus": scenario.stimulus}
    for page in scenario.pages:
        yield "page", protocol.page(page).duration_s, part | {"page": page}
    if scenario.rest_s:
        yield "rest", scenario.rest_s, part
