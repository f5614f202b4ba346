"""What happened in a session, told by the server's clock: rows of a dataset out of the events of a page.

A step that was interrupted and shown anew has one row, that of the showing that came to its end; of a lesson or a rest
each stretch has one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from classmood.dataset.folder import Event
from classmood.errors import InputError
from classmood.experiment.protocol import Protocol
from classmood.experiment.schedule import Schedule, Step
from classmood.server.study.clocks import ClockFit, Exchange, fit_clock
from classmood.server.study.course import ANEW
from classmood.server.study.happenings import details
from classmood.studies import StoredEvent


class NothingShown(InputError):
    """A session in which nothing was shown: there is nothing to tell."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A session.

    Attributes:
        events: rows by the session's clock, whose zero is the first step's onset by the server's.
        began: that moment.
        clocks: a fit for each attempt that exchanged clocks.
        lateness_ms: of each row's onset behind its plan, by the page's clock.
        recordings: where each recorded showing that has a row begins on the session's clock, by attempt and step.
        readings: what the page read of the face, by the session's clock.
    """

    events: tuple[Event, ...]
    began: dt.datetime
    clocks: dict[int, ClockFit]
    lateness_ms: tuple[float, ...]
    recordings: dict[tuple[int, int], float]
    readings: tuple[tuple[float, dict[str, Any]], ...]


@dataclass(frozen=True, slots=True)
class _Showing:
    attempt: int
    step: Step
    onset_ms: float
    planned_ms: float
    offset_ms: float
    whole: bool


def tell(protocol: Protocol, planned: Schedule, events: Sequence[StoredEvent]) -> Telling:
    """Tell a session.

    Args:
        protocol: that was run.
        planned: the participant's schedule.
        events: theirs, in order.

    Raises:
        NothingShown: nothing was ever shown.
    """
    showings = _showings(planned, events)
    if not showings:
        raise NothingShown("expected a session in which something was shown, got none")
    attempts = sorted({one.attempt for one in showings})
    times = {attempt: _Times([one for one in events if one.attempt == attempt]) for attempt in attempts}
    first = showings[0]
    zero_s = times[first.attempt].server_s(first.onset_ms)
    zero_wall_s = times[first.attempt].wall_s(first.onset_ms)
    answers = {(one.attempt, one.step): details(one) for one in events if one.kind == "answer"}
    began = {
        (one.attempt, one.step): one.browser_ms
        for one in events
        if one.kind == "recorded" and details(one)["state"] == "began"
    }
    kept = {(one.attempt, one.step.number) for one in showings}
    rows, recordings = [], {}
    for shown in showings:
        time, key = times[shown.attempt], (shown.attempt, shown.step.number)
        onset_s = time.server_s(shown.onset_ms) - zero_s
        step = shown.step
        rows.append(
            Event(
                # The first onset is zero by definition, and not a rounding below it.
                onset_s=max(onset_s, 0.0),
                duration_s=max(time.server_s(shown.offset_ms) - zero_s - onset_s, 0.0),
                trial_type=step.kind,
                phase=step.phase,
                scenario=step.scenario,
                evokes=step.evokes,
                stimulus=step.stimulus,
                page=step.page,
                browser_onset_s=time.wall_s(shown.onset_ms) - zero_wall_s,
                answers=_answers(protocol, step, answers.get(key, {})),
            )
        )
        if key in began:
            recordings[key] = time.server_s(began[key]) - zero_s
    return Telling(
        events=tuple(rows),
        began=dt.datetime.fromtimestamp(zero_s, dt.UTC),
        clocks={attempt: time.fit for attempt, time in times.items() if time.fit is not None},
        lateness_ms=tuple(one.onset_ms - one.planned_ms for one in showings),
        recordings=recordings,
        readings=tuple(
            (times[one.attempt].server_s(one.browser_ms) - zero_s, details(one))
            for one in events
            if one.kind == "reading" and (one.attempt, one.step) in kept
        ),
    )


class _Times:
    """The server's time in one attempt."""

    def __init__(self, events: Sequence[StoredEvent]) -> None:
        exchanges = [Exchange(**details(one)) for one in events if one.kind == "clock"]
        self.fit = fit_clock(exchanges) if exchanges else None
        # Without an exchange: an event came in after it happened, the quickest of them soonest.
        self._latest_s = min(one.received_s - one.browser_ms / 1000 for one in events)
        begin = next((one for one in events if one.kind == "begin"), None)
        self._wall_s = details(begin)["wall_ms"] / 1000 - begin.browser_ms / 1000 if begin else self._latest_s

    def server_s(self, browser_ms: float) -> float:
        return self.fit.server_s(browser_ms) if self.fit is not None else self._latest_s + browser_ms / 1000

    def wall_s(self, browser_ms: float) -> float:
        """By the device's own time of day, which the page's clock goes on from."""
        return self._wall_s + browser_ms / 1000


def _showings(planned: Schedule, events: Sequence[StoredEvent]) -> list[_Showing]:
    found: list[_Showing] = []
    for onset in (one for one in events if one.kind == "onset" and 1 <= one.step <= len(planned.steps)):
        of_it = [one for one in events if (one.attempt, one.step) == (onset.attempt, onset.step)]
        offset = next((one for one in of_it if one.kind == "offset"), None)
        cause = details(offset)["cause"] if offset is not None else "interrupted"
        found.append(
            _Showing(
                attempt=onset.attempt,
                step=planned.steps[onset.step - 1],
                onset_ms=onset.browser_ms,
                planned_ms=details(onset)["planned_ms"],
                offset_ms=offset.browser_ms if offset is not None else max(one.browser_ms for one in of_it),
                whole=cause in ("time", "stopped"),
            )
        )
    return [one for one in found if one.whole or one.step.kind not in ANEW]


def _answers(protocol: Protocol, step: Step, given: dict[str, Any]) -> dict[str, str]:
    """Answers as the dataset has them: a task's choice becomes its score."""
    found = {name: str(value) for name, value in given.items() if name not in ("choice", "complete")}
    if "choice" in given and step.scenario:
        task = protocol.scenario(step.scenario).task
        if task is not None:
            found["score"] = "1" if given["choice"] == task.right else "0"
    return found
