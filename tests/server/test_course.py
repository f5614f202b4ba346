"""Where an interrupted session goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from classmood.experiment.check import open_protocol
from classmood.experiment.schedule import Schedule, schedule
from classmood.server.study.course import Place, calm_end, where_to_go_on
from classmood.studies import StoredEvent
from short_study import write_study

LESSON = '[[phases]]\nid = "lesson"\nkind = "class"\nduration_s = 60\nstimulus = "light"\n\n'


@pytest.fixture
def planned(tmp_path: Path) -> Schedule:
    path = write_study(tmp_path, recording="none")
    head, mark, tail = path.read_text().partition('[[phases]]\nid = "situations"')
    path.write_text(head + LESSON + mark + tail)
    return schedule(open_protocol(path), 1)


def event(kind: str, step: int, time_s: float, attempt: int = 1, **body: object) -> StoredEvent:
    return StoredEvent(attempt, int(1000 * time_s), kind, step, 1000 * time_s, json.dumps(body))


def shown(step: int, from_s: float, to_s: float, attempt: int = 1) -> list[StoredEvent]:
    return [
        event("onset", step, from_s, attempt, planned_ms=1000 * from_s),
        event("offset", step, to_s, attempt, planned_ms=1000 * to_s, cause="time"),
    ]


def test_it_begins_at_the_beginning(planned: Schedule) -> None:
    assert where_to_go_on(planned, []) == Place(1)
    assert where_to_go_on(planned, [event("begin", 0, 0)]) == Place(1)


def test_what_was_shown_in_part_is_shown_anew(planned: Schedule) -> None:
    events = shown(1, 0, 2) + shown(2, 2, 62)
    assert planned.steps[2].kind == "stimulus"
    assert where_to_go_on(planned, events) == Place(3)
    assert where_to_go_on(planned, [*events, event("onset", 3, 62), event("clock", 3, 63)]) == Place(3)
    interrupted = event("offset", 3, 63, planned_ms=0, cause="interrupted")
    assert where_to_go_on(planned, [*events, event("onset", 3, 62), interrupted]) == Place(3)


def test_a_lesson_goes_on_with_what_is_left_of_it(planned: Schedule) -> None:
    assert planned.steps[1].kind == "class"
    events = [*shown(1, 0, 2), event("onset", 2, 2), event("clock", 2, 12)]
    assert where_to_go_on(planned, events) == Place(2, 10)
    # Over two attempts, whose clocks have other beginnings.
    events += [event("onset", 2, 100, attempt=2), event("clock", 2, 125, attempt=2)]
    assert where_to_go_on(planned, events) == Place(2, 35)
    # Whatever was shown, something is left to see.
    events += [event("clock", 2, 900, attempt=2)]
    assert where_to_go_on(planned, events) == Place(2, 59)


def test_whoever_stopped_has_the_calm_end_left(planned: Schedule) -> None:
    repair, debrief = calm_end(planned)
    assert (repair.kind, debrief.kind) == ("repair", "debrief")
    assert where_to_go_on(planned, shown(1, 0, 2), stopping=True) == Place(repair.number, calm=True)
    seen = shown(repair.number, 5, 6)
    assert where_to_go_on(planned, seen, stopping=True) == Place(debrief.number, calm=True)
    seen += shown(debrief.number, 6, 7)
    assert where_to_go_on(planned, seen, stopping=True) == Place(len(planned.steps) + 1, calm=True)


def test_after_the_last_step_nothing_is_left(planned: Schedule) -> None:
    events = [one for step in planned.steps for one in shown(step.number, step.start_s, step.end_s)]
    assert where_to_go_on(planned, events) == Place(len(planned.steps) + 1)
