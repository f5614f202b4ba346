"""A participant's steps as their page gets them, and where an interrupted session goes on.

The page learns no name of a scenario, no emotion that one is meant to evoke, no path of a file and no right answer:
whoever looks at it sees numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from classmood.experiment.schedule import Schedule, Step, StepKind
from classmood.server.study.happenings import details
from classmood.studies import StoredEvent

# What was seen in part cannot be judged: these are begun anew. Of the others the rest is shown.
ANEW: Final[tuple[StepKind, ...]] = ("baseline", "stimulus", "page")
# What is left of a step is shown for this long at least.
_SHORTEST_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session goes on.

    Attributes:
        step: from 1; one more than there are where all is over.
        elapsed_s: how much of it has been shown already.
        calm: whether only what ends every session is left: mood repair and debrief.
    """

    step: int
    elapsed_s: float = 0.0
    calm: bool = False


def where_to_go_on(planned: Schedule, events: Sequence[StoredEvent], *, stopping: bool = False) -> Place:
    """The place after what was logged.

    Args:
        planned: the participant's schedule.
        events: theirs, in order.
        stopping: whether somebody stopped the session, so that only its calm end is left.
    """
    ended = {event.step for event in events if event.kind == "offset" and details(event)["cause"] == "time"}
    begun = [event for event in events if event.kind == "onset"]
    if stopping:
        left = [step for step in calm_end(planned) if step.number not in ended]
        return Place(left[0].number if left else len(planned.steps) + 1, calm=True)
    last = max((event.step for event in begun), default=0)
    if last == 0 or last in ended:
        return Place(max([last, *ended]) + 1)
    step = planned.steps[last - 1]
    if step.kind in ANEW:
        return Place(last)
    shown_s = _shown_s(last, events)
    return Place(last, min(shown_s, max(step.duration_s - _SHORTEST_S, 0.0)))


def calm_end(planned: Schedule) -> list[Step]:
    """What ends every session, also one that was stopped: debrief and mood repair, in the protocol's order."""
    return [step for step in planned.steps if step.kind in ("debrief", "repair")]


def _shown_s(step: int, events: Sequence[StoredEvent]) -> float:
    """How long a step was on the screen, as far as events tell: over all attempts."""
    attempts = {event.attempt for event in events if event.step == step and event.kind == "onset"}
    total_s = 0.0
    for attempt in attempts:
        times = [event.browser_ms for event in events if event.attempt == attempt and event.step == step]
        total_s += (max(times) - min(times)) / 1000
    return total_s
