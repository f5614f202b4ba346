"""Students: who comes, what an event does to them, and that the same seed is the same student."""

from __future__ import annotations

import numpy as np
import pytest

from classmood.emotions import CLASSROOM_CLASSES
from classmood.simulation.lesson import draw
from classmood.simulation.scenario import Event, Resting, Scenario, Students, read_scenario
from classmood.simulation.student import spells

JOY = CLASSROOM_CLASSES.index("joy")


def test_at_rest_the_mix_is_that_of_the_scenario() -> None:
    lesson = draw(Scenario(length_s=3600, resting=Resting(wander=0, alike=100)), 1, students=150)
    felt = np.concatenate([student.inner.feeling for student in lesson.students])
    assert np.mean(felt == JOY) == pytest.approx(0.1, abs=0.02)
    assert np.mean(felt == 0) == pytest.approx(0.73, abs=0.03)
    spells_s = [len(s.inner.feeling) / (np.sum(np.diff(s.inner.feeling.astype(int)) != 0) + 1) for s in lesson.students]
    # Some draws repeat the feeling, so what is seen lasts longer than a spell.
    assert np.median(spells_s) > 25


def test_an_event_touches_its_share_and_decays() -> None:
    event = Event(
        name="a", at_s=(300, 300), touched=(0.6, 0.6), feelings={"joy": 1.0}, confused=(0.5, 0.5), away=(0.2, 0.2),
        slower=(0.3, 0.3), faster=(0.3, 0.3), rise_s=(5, 5), lasts_s=(60, 60), decay_s=(30, 30),
    )  # fmt: skip
    calm = Resting(feelings={}, confused_an_hour=(0, 0), slower_an_hour=(0, 0), faster_an_hour=(0, 0))
    lesson = draw(Scenario(length_s=1200, resting=calm, event=(event,)), 2, students=600)
    inner = [student.inner for student in lesson.students]

    def share(flag: str, at: int) -> float:
        return float(np.mean([getattr(one, flag)[at] for one in inner]))

    joy = [np.mean([one.feeling[at] == JOY for one in inner]) for at in (299, 350, 420, 800)]
    assert joy[0] == 0
    assert joy[1] == pytest.approx(0.6, abs=0.06)
    assert 0.05 < joy[2] < 0.3
    assert joy[3] == 0
    assert [share("confused", 350), share("away", 350)] == pytest.approx([0.3, 0.12], abs=0.06)
    assert share("slower", 350) == pytest.approx(0.18, abs=0.05)
    assert share("faster", 350) == pytest.approx(0.18, abs=0.05)
    assert not any((one.slower & one.faster).any() for one in inner)


def test_who_comes_when() -> None:
    habits = Students(camera=(0.5, 0.5), refuse=(0.2, 0.2), late=(0.3, 0.3), early=(0.1, 0.1), drops_an_hour=(10, 10))
    lesson = draw(Scenario(length_s=3600, students=habits), 3, students=500)
    people = lesson.students
    assert np.mean([not s.takes_part for s in people]) == pytest.approx(0.2, abs=0.06)
    assert np.mean([s.camera for s in people]) == pytest.approx(0.5, abs=0.07)
    assert np.mean([s.here_s[0] > 60 for s in people]) == pytest.approx(0.3, abs=0.06)
    assert np.mean([s.here_s[1] < 3600 for s in people]) == pytest.approx(0.1, abs=0.05)
    assert np.mean([len(s.gone_s) for s in people]) == pytest.approx(9.4, abs=1)
    assert set(lesson.pages) == {s.number for s in people if s.takes_part}
    gone = next(s for s in people if s.gone_s)
    start, end = gone.gone_s[0]
    assert not gone.online((start + end) / 2)
    assert not gone.online(gone.here_s[0] - 0.1)


def test_the_same_seed_is_the_same_class_and_one_more_student_changes_no_other() -> None:
    scenario = read_scenario("seminar")
    a, b, more = draw(scenario, 5), draw(scenario, 5), draw(scenario, 5, students=scenario.students.number + 1)
    other = draw(scenario, 6)
    assert a.course.happenings == b.course.happenings == more.course.happenings != other.course.happenings
    for one, two, three in zip(a.students, b.students, more.students, strict=False):
        assert one.here_s == two.here_s == three.here_s
        assert (one.inner.feeling == two.inner.feeling).all()
        assert (one.inner.feeling == three.inner.feeling).all()
    assert [a.pages[n].message(700) for n in a.pages] == [b.pages[n].message(700) for n in a.pages]


def test_spells_are_a_poisson_process_in_order() -> None:
    rng = np.random.default_rng(0)
    found = [spells(rng, 12, (100, 1900)) for _ in range(500)]
    assert np.mean([len(one) for one in found]) == pytest.approx(6, abs=0.4)
    assert all(one == sorted(one) and all(100 <= at < 1900 for at in one) for one in found)
