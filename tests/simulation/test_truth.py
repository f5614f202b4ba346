"""The truth: shares of who is there, moments at the time of the rise, and what one telling in five minutes allows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classmood.simulation.lesson import draw
from classmood.simulation.scenario import Event, Resting, Scenario, Students, Telling, read_scenario
from classmood.simulation.truth import KINDS, Moment, hidden_course, moments, most_told, rises

CALM = Resting(feelings={}, confused_an_hour=(0, 0), slower_an_hour=(0, 0), faster_an_hour=(0, 0))


def step(*levels: tuple[int, float]) -> np.ndarray:
    return np.concatenate([np.full(count, level) for count, level in levels])


def test_a_rise_is_a_moment_when_it_is_great_enough() -> None:
    (moment,) = rises(step((300, 0.1), (60, 0.6), (300, 0.1)), "joy", Telling())
    assert (moment.begins_s, moment.time_s) == (299, 300)
    assert moment.ends_s == pytest.approx(354, abs=1)
    assert moment.rise == pytest.approx(0.5)
    assert rises(step((300, 0.1), (60, 0.35), (300, 0.1)), "joy", Telling()) == []
    assert rises(step((300, 0.1), (8, 0.6), (300, 0.1)), "joy", Telling()) == []


def test_a_slow_rise_is_none_and_a_slope_is_dated_by_its_height() -> None:
    assert rises(np.linspace(0, 1, 2400), "joy", Telling()) == []
    slope = np.concatenate([np.zeros(200), np.linspace(0, 0.6, 60), np.full(200, 0.6)])
    (moment,) = rises(slope, "joy", Telling())
    assert moment.time_s == pytest.approx(230, abs=2)
    assert 198 <= moment.begins_s <= 206


def test_each_rise_once_and_what_comes_back_again() -> None:
    again = step((200, 0.0), (300, 0.5), (200, 0.0), (300, 0.5), (100, 0.0))
    assert [moment.time_s for moment in rises(again, "joy", Telling())] == [200, 700]
    on_top = step((200, 0.0), (300, 0.35), (300, 0.8))
    assert len(rises(on_top, "joy", Telling())) == 1


def test_refusers_are_in_the_class_and_breaks_are_known() -> None:
    away = Event(name="break", at_s=(400, 400), touched=(1, 1), away=(1, 1), lasts_s=(100, 100), rise_s=(3, 3))
    joke = Event(name="joke", at_s=(200, 200), touched=(1, 1), feelings={"joy": 1.0}, rise_s=(3, 3))
    everybody = Students(refuse=(1, 1), early=(0, 0))
    lesson = draw(Scenario(length_s=800, students=everybody, resting=CALM, event=(joke, away)), 1)
    assert not lesson.pages
    assert hidden_course(lesson).shares["joy"][220] > 0.9
    assert [m.kind for m in moments(lesson)] == ["joy", "unread"]
    expected = away.model_copy(update={"expected": True})
    lesson = draw(Scenario(length_s=800, students=everybody, resting=CALM, event=(joke, expected)), 1)
    assert [m.kind for m in moments(lesson)] == ["joy"]
    assert moments(lesson, Telling(worth=1.0)) == ()


def test_shares_are_of_who_is_there() -> None:
    lesson = draw(read_scenario("lecture"), 9)
    course = hidden_course(lesson)
    assert set(course.shares) == set(KINDS)
    there = course.here > 0
    assert course.feelings[there].sum(1) == pytest.approx(np.ones(there.sum()))
    assert course.here.max() <= 30
    assert all(share.min() >= 0 and share.max() <= 1 for share in course.shares.values())


def test_what_one_telling_in_five_minutes_allows() -> None:
    def at(*times: float) -> list[Moment]:
        return [Moment("joy", time_s, time_s, time_s + 60, 0.5) for time_s in times]

    assert most_told([], 300, 60) == 0
    assert most_told(at(100, 110, 120), 300, 60) == 1
    assert most_told(at(100, 500, 900), 300, 60) == 3
    # The first early and the second late: 100, 400.
    assert most_told(at(100, 340), 300, 60) == 2
    assert most_told(at(100, 339), 300, 60) == 1
    # Leaving out the one in the middle allows two.
    assert most_told(at(100, 250, 420), 300, 60) == 2


@given(st.lists(st.floats(0, 3000), max_size=9), st.floats(100, 600))
def test_the_most_is_as_many_as_a_brute_force_finds(times: list[float], interval_s: float) -> None:
    found = [Moment("joy", time_s, time_s, time_s, 0.5) for time_s in times]
    best = 0
    for chosen in range(2 ** len(times)):
        kept = sorted(time_s for i, time_s in enumerate(times) if chosen >> i & 1)
        if all(b - a >= interval_s for a, b in pairwise(kept)):
            best = max(best, len(kept))
    assert most_told(found, interval_s, 0) == best
