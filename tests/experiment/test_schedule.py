"""The schedule: steps follow one another without gap, as long as the protocol says, the repair at the end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocols import changed, text_of

from classmood.errors import InputError
from classmood.experiment.check import open_protocol
from classmood.experiment.protocol import Protocol
from classmood.experiment.schedule import schedule


def protocol_of(folder: Path, text: str) -> Protocol:
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return open_protocol(folder / "study.toml")


@pytest.fixture(scope="module")
def protocols(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Protocol]:
    folder = tmp_path_factory.mktemp("protocols")
    return {name: protocol_of(folder, text_of(name)) for name in ("full", "short")}


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["full", "short"]), st.integers(1, 200))
def test_steps_follow_without_a_gap_and_end_when_the_protocol_does(
    protocols: dict[str, Protocol], name: str, participant: int
) -> None:
    protocol = protocols[name]
    planned = schedule(protocol, participant)
    assert planned.steps[0].start_s == 0
    for before, after in zip(planned.steps, planned.steps[1:], strict=False):
        assert after.start_s == pytest.approx(before.end_s)
        assert after.number == before.number + 1
    assert planned.total_s == pytest.approx(protocol.total_s)
    assert sorted(planned.order) == sorted(one.id for one in protocol.scenarios)
    assert planned.steps[-1].kind == "repair"
    assert tuple(step.scenario for step in planned.steps if step.kind == "stimulus") == planned.order
    assert planned == schedule(protocol, participant)


def test_a_scenario_is_a_stimulus_its_pages_and_a_rest(protocols: dict[str, Protocol]) -> None:
    steps = [step for step in schedule(protocols["full"], 1).steps if step.scenario == "grief"]
    assert [step.kind for step in steps] == ["stimulus", *["page"] * 5, "rest"]
    assert [step.page for step in steps[1:-1]] == ["felt", "which", "learning", "task", "felt-again"]
    assert {step.evokes for step in steps} == {"grief"}
    assert sum(step.duration_s for step in steps) == 300


def test_nothing_is_recorded_unless_the_protocol_says_so_and_never_a_page(tmp_path: Path) -> None:
    text = text_of("short")
    assert not any(step.records for step in schedule(protocol_of(tmp_path, text), 1).steps)
    recording = protocol_of(tmp_path, changed(text, ('recording = "none"', 'recording = "video"')))
    kinds = {step.kind for step in schedule(recording, 1).steps if step.records}
    assert kinds == {"baseline", "class", "stimulus"}


def test_a_phase_that_waits_for_the_clock_is_preceded_by_a_rest(tmp_path: Path) -> None:
    text = changed(
        text_of("short"), ("limit_min = 10", "limit_min = 12"), ('id = "rest"\n', 'id = "rest"\nstarts_s = 100\n')
    )
    protocol = protocol_of(tmp_path, text)
    steps = [step for step in schedule(protocol, 1).steps if step.phase == "rest"]
    assert [(step.start_s, step.duration_s) for step in steps] == [(70, 30), (100, 10)]
    assert schedule(protocol, 1).total_s == protocol.total_s == 630


def test_a_schedule_is_json_and_numbers_begin_at_1(protocols: dict[str, Protocol]) -> None:
    planned = json.loads(json.dumps(schedule(protocols["short"], 2).as_dict()))
    assert planned["participant"] == 2
    assert planned["steps"][0]["kind"] == "baseline"
    assert planned["total_s"] == 600
    with pytest.raises(InputError, match="expected a number from 1, got 0"):
        schedule(protocols["short"], 0)
