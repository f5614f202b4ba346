"""Moments: changes that were put in are found where they are, and chance is not told as a change."""

from __future__ import annotations

import numpy as np
import pytest

from classmood.emotions import MEASURED
from classmood.moments import changes
from classmood.timeline import Timeline
from synthetic_class import make_instant, make_timeline


def step(people: int, at_s: float, rise: float, *, seed: int = 0) -> Timeline:
    """Faces whose joy rises by ``rise`` at a known time, from a level that differs from one to the other."""
    rng = np.random.default_rng(seed)
    times_s = 0.2 * np.arange(200)
    level = rng.uniform(0.05, 0.25, people)
    joy = level + rise * (times_s[:, None] >= at_s) + rng.normal(0, 0.03, (200, people))
    return make_timeline(times_s, np.clip(joy, 0, 1))


def test_a_change_is_found_where_it_is() -> None:
    (change,) = changes(step(12, 20.0, 0.4), MEASURED)
    assert change.what == "joy"
    assert change.time_s == pytest.approx(20.0, abs=0.2)
    assert change.after - change.before == pytest.approx(0.4, abs=0.03)
    assert change.people == 12


def test_noise_is_no_change() -> None:
    assert changes(step(12, 20.0, 0.0), MEASURED) == ()
    assert changes(step(12, 20.0, 0.05), MEASURED) == ()


def alone(people: int, *, seed: int) -> Timeline:
    """Faces that smile now and then, each for itself."""
    rng = np.random.default_rng(seed)
    logits = np.zeros((150, people))
    for k in range(1, 150):
        logits[k] = 0.9 * logits[k - 1] + rng.normal(0, 0.9, people)
    return make_timeline(0.4 * np.arange(150), 1 / (1 + np.exp(1 - logits)))


def test_what_each_does_for_itself_is_rarely_told_as_a_change_of_the_class() -> None:
    told = sum(bool(changes(alone(10, seed=seed), MEASURED)) for seed in range(12))
    # One in twenty is the promise; four or more of twelve would come by chance in 0.2 % of cases.
    assert told <= 3


def test_a_slow_rise_is_found_too() -> None:
    begin_s = np.random.default_rng(3).uniform(15, 27, 15)
    times_s = 0.4 * np.arange(200)
    joy = np.clip((times_s[:, None] - begin_s) / 2, 0, 1) * 0.6 + 0.1
    (change,) = changes(make_timeline(times_s, joy), MEASURED)
    assert 17 <= change.time_s <= 27
    assert change.after > change.before + 0.3


@pytest.mark.parametrize("people", [1, 4])
def test_few_persons_need_a_larger_change(people: int) -> None:
    assert changes(step(people, 20.0, 0.12), MEASURED) == ()
    assert [change.people for change in changes(step(people, 20.0, 0.4), MEASURED)] == [people]


def test_who_was_not_there_before_and_after_does_not_count() -> None:
    # Eight blank faces leave while eight smiling ones come: nobody changed, but the faces did not stay the same.
    blank, joy = (np.repeat(np.eye(8)[[k]], 8, 0) for k in (0, 1))
    taken = [make_instant(0.2 * k, list(range(1, 9)), blank) for k in range(100)]
    taken += [make_instant(20 + 0.2 * k, list(range(9, 17)), joy) for k in range(100)]
    assert changes(Timeline.of(taken), MEASURED) == ()


def test_nothing_and_several_sources_have_no_moments() -> None:
    assert changes(Timeline.of([]), MEASURED) == ()
    blank = np.eye(8)[[0]]
    assert changes(Timeline.of([make_instant(0.0, [1], blank)]), MEASURED) == ()
    two = [make_instant(0.2 * k, [1], np.eye(8)[[int(k > 50)]], source=s) for s in "ab" for k in range(100)]
    assert changes(Timeline.of(two), MEASURED) == ()


def test_faces_that_leave_are_told() -> None:
    blank = np.repeat(np.eye(8)[[0]], 10, 0)
    taken = [
        make_instant(0.2 * k, list(range(1, 11 if k < 100 else 7)), blank[: 10 if k < 100 else 6]) for k in range(200)
    ]
    (change,) = changes(Timeline.of(taken), MEASURED)
    assert (change.what, change.before, change.after) == ("faces", 10, 6)
    assert change.time_s == pytest.approx(20.0, abs=0.2)
