"""Films: on the session's clock, at rest outside of scenarios, and events as a runner logs them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classmood.errors import OutputError
from classmood.experiment.check import open_protocol
from classmood.experiment.schedule import Schedule, schedule
from classmood.frames import read_frames
from classmood.markdown import write_text
from classmood.study.films import RATE_HZ, Motion, events_of, write_film
from classmood.study.forms import protocol_text
from simulated_study import TWO


@pytest.fixture
def plan(tmp_path: Path) -> Schedule:
    return schedule(open_protocol(write_text(tmp_path / "p.toml", protocol_text(TWO))), 2)


def grey(name: str, share: float) -> np.ndarray:
    """A face that is darker at rest."""
    return np.full((64, 64, 3), 40 if name == "neutral" else round(40 + 160 * share), np.uint8)


STILL = Motion(0, 0, 0, 1, 0)


def test_a_film_shows_what_is_on_when_it_is_on(plan: Schedule, tmp_path: Path) -> None:
    shown = {"joy": "joy", "fury": "fury"}
    write_film(tmp_path / "a.mp4", plan, grey, shown, STILL, seed=1)
    frames = list(read_frames(tmp_path / "a.mp4"))
    recorded = [step for step in plan.steps if step.records]
    assert len(frames) == round(recorded[-1].end_s * RATE_HZ)
    for frame in frames:
        step = next((s for s in recorded if s.start_s <= frame.time_s < s.end_s), None)
        light = frame.image.mean()
        if step is not None and step.kind == "baseline":
            assert light < 60
        elif step is not None and frame.time_s >= step.start_s + 1:
            assert light > 180


def test_the_same_seed_is_the_same_film(plan: Schedule, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_film(tmp_path / name, plan, grey, {"joy": "joy"}, Motion.of(3), seed=1)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_moving_head_stays_in_the_picture() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    image[80:120, 80:120] = 255
    motion = Motion.of(1)
    centres = []
    for time_s in np.linspace(0, 30, 61):
        rows, columns = np.nonzero(motion.apply(image, float(time_s))[..., 0] > 128)
        centres.append((rows.mean(), columns.mean()))
    away = np.abs(np.array(centres) - 99.5)
    assert 1 < away.max() < 12


def test_events_follow_the_plan_with_the_answers_on_their_pages(plan: Schedule) -> None:
    events = events_of(plan, {("joy", "which"): {"emotion": "joy"}})
    assert [event.trial_type for event in events] == [step.kind for step in plan.steps]
    answered = [event for event in events if event.answers]
    assert [(event.scenario, event.page) for event in answered] == [("joy", "which")]


def test_a_film_that_cannot_be_written_is_named(plan: Schedule, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"nowhere/a\.mp4: the film cannot be written"):
        write_film(tmp_path / "nowhere" / "a.mp4", plan, grey, {}, STILL, seed=1)
