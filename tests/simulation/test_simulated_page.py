"""What simulated pages send: all of it is of the wire's schema, at most one message a second."""

from __future__ import annotations

import numpy as np
import pytest

from classmood.emotions import CLASSROOM_CLASSES
from classmood.server.messages import Pause, Press, Reading, read_message
from classmood.simulation.lesson import draw
from classmood.simulation.scenario import Event, Resting, Scenario, Students, read_scenario

CALM = Resting(feelings={}, confused_an_hour=(0, 0), slower_an_hour=(0, 0), faster_an_hour=(0, 0))
STEADY = Students(
    refuse=(0, 0), late=(0, 0), early=(0, 0), lapses_an_hour=(0, 0), pauses_an_hour=(0, 0), drops_an_hour=(0, 0)
)


@pytest.mark.parametrize("name", ["lecture", "camera-free"])
def test_every_message_is_taken_by_the_wire(name: str) -> None:
    lesson = draw(read_scenario(name), 4, students=6)
    kinds = set()
    for page in lesson.pages.values():
        for second in range(0, 2700, 3):
            message = page.message(second)
            if message is not None:
                kinds.add(type(message))
                assert read_message(message.model_dump_json()) == message
    assert Press in kinds
    assert (Reading in kinds) == (name == "lecture")


def test_without_a_camera_nothing_is_read() -> None:
    lesson = draw(read_scenario("camera-free"), 1)
    assert all(page.readings is None for page in lesson.pages.values())
    moods = [m.mood for page in lesson.pages.values() for m in page.other.values() if isinstance(m, Press) and m.mood]
    assert {"joy", "neutral"} <= set(moods) <= set(CLASSROOM_CLASSES)


def test_a_smile_is_read_while_it_is_shown() -> None:
    joke = Event(name="a", at_s=(300, 300), touched=(1, 1), feelings={"joy": 1.0}, rise_s=(1, 1), lasts_s=(100, 100))
    habits = STEADY.model_copy(update={"camera": (1.0, 1.0), "shows": (0.7, 0.7)})
    lesson = draw(Scenario(length_s=600, students=habits, resting=CALM, event=(joke,)), 1, students=200)
    read = np.array([page.readings.p[:, 1] for page in lesson.pages.values() if page.readings])
    # Happiness of who shows it is read as 0.88 on the mean, of neutral faces some is, too.
    assert read[:, 100:290].mean() < 0.12
    assert 0.5 < read[:, 320:380].mean() < 0.75


def test_the_confused_press_and_press_again_and_take_it_back() -> None:
    hard = Event(
        name="a", at_s=(300, 300), touched=(1, 1), confused=(1, 1), slower=(1, 1), rise_s=(1, 1), lasts_s=(200, 200)
    )
    habits = STEADY.model_copy(update={"presses": (0.5, 0.5)})
    lesson = draw(Scenario(length_s=900, students=habits, resting=CALM, event=(hard,)), 1, students=300)
    presses = [
        [(second, m) for second, m in sorted(page.other.items()) if isinstance(m, Press) and m.mood is None]
        for page in lesson.pages.values()
    ]
    first = [any(second < 330 and m.confused for second, m in one) for one in presses]
    assert np.mean(first) == pytest.approx(0.5, abs=0.09)
    assert np.mean([sum(m.confused for _, m in one) > 1 for one in presses]) > 0.5
    assert all(second >= 300 for one in presses for second, _ in one)
    assert any(m.pressed() == ("confused", "slower") for one in presses for _, m in one)
    assert any(not m.confused and m.pace is None for one in presses for _, m in one)


def test_away_lost_or_paused_nothing_is_sent() -> None:
    away = Event(name="a", at_s=(300, 300), touched=(1, 1), away=(1, 1), rise_s=(0, 0), lasts_s=(100, 100))
    habits = STEADY.model_copy(update={"camera": (1.0, 1.0)})
    lesson = draw(Scenario(length_s=600, students=habits, resting=CALM, event=(away,)), 1, students=20)
    for page in lesson.pages.values():
        assert isinstance(page.message(250), Reading)
        assert all(page.message(second) is None for second in range(301, 399))
    habits = habits.model_copy(update={"pauses_an_hour": (20.0, 20.0), "lapses_an_hour": (0.0, 0.0)})
    lesson = draw(Scenario(length_s=1800, students=habits, resting=CALM), 1, students=20)
    paused = 0
    for page in lesson.pages.values():
        for second, message in page.other.items():
            if isinstance(message, Pause):
                paused += 1
                assert page.message(second + 1) is None or second + 1 >= 1800 or second + 1 in page.other
    assert paused > 50
