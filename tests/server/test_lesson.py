"""A lesson read back is what was kept, and its course is what was released."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from pathlib import Path

import numpy as np
import pytest

from classmood.emotions import CLASSROOM_CLASSES, CLASSROOM_VAD
from classmood.errors import InputError
from classmood.server.class_releases import ClassReleases
from classmood.server.lesson import MEASURES, course, read_lesson
from classmood.server.release import UNSURE, ReleaseSettings
from classmood.store import Store
from simulated_lesson import lesson

NOW = dt.datetime(2026, 11, 25, 9, tzinfo=dt.UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "class.sqlite3")


def keep(store: Store) -> str:
    whole = lesson()
    session = store.open_session("class", NOW, keep_days=30, class_size=whole.class_size)
    for release in whole.releases:
        store.add_release(session, release.number, release.time_s, release.model_dump_json())
    for mark in whole.marks:
        store.add_mark(session, mark.time_s, mark.kind, mark.label)
    for nudge in whole.suggestions:
        body = f'{{"text": "{nudge.number}", "action": "do", "more": 1}}'
        store.add_nudge(session, nudge.number, nudge.time_s, body)
        store.answer_nudge(session, nudge.number, "useful")
    store.close_session(session, NOW + dt.timedelta(minutes=20))
    return session


def test_what_was_kept_comes_back(store: Store) -> None:
    session = keep(store)
    found = read_lesson(store, session[:6])
    assert found.releases == lesson().releases
    assert found.marks == lesson().marks
    assert [s.usefulness for s in found.suggestions] == ["useful"] * len(lesson().suggestions)
    assert (found.profile, found.class_size) == ("class", 30)
    assert found.closed == dt.datetime(2026, 11, 25, 9, 20)


def test_an_unknown_or_doubtful_id_is_told_with_what_there_is(store: Store) -> None:
    with pytest.raises(InputError, match="fits 0; there are: none"):
        read_lesson(store, "abc")
    one, two = keep(store), keep(store)
    with pytest.raises(InputError, match="fits 2") as told:
        read_lesson(store, "")
    assert one[:8] in str(told.value)
    assert two[:8] in str(told.value)


def test_what_another_version_kept_is_refused(store: Store) -> None:
    session = store.open_session("class", NOW, keep_days=30)
    store.add_release(session, 0, 10.0, '{"number": 0, "time_s": 10.0, "colour": "blue"}')
    with pytest.raises(InputError, match="another version"):
        read_lesson(store, session)


def test_the_course_is_what_was_released() -> None:
    whole = lesson()
    found = course(whole, most=1000)
    assert len(found) == len(whole.releases)
    for k, release in enumerate(whole.releases):
        assert (found.start_s[k], found.end_s[k]) == (release.time_s - 10, release.time_s)
        if release.silent:
            assert np.isnan(found.sharing[k])
            assert np.isnan(found.values[k]).all()
            assert found.uncertain[k]
            continue
        assert found.sharing[k] == release.sharing
        assert found.of("valence")[k] == release.valence
        for name in (*CLASSROOM_CLASSES, UNSURE):
            assert found.of(name)[k] == release.shares.get(name, 0.0)
        hidden = next(name for name in CLASSROOM_CLASSES if name not in release.shares)
        assert found.noise_of(hidden)[k] == pytest.approx(3 / release.sharing)
        assert found.of("confused")[k] == (release.confused or 0.0)
        shares = sum(float(found.of(name)[k]) for name in (*CLASSROOM_CLASSES, UNSURE, "others"))
        assert shares == pytest.approx(1, abs=0.03) or release.others == 0


def test_windows_are_means_of_what_was_said() -> None:
    whole, few = lesson(), course(lesson(), most=30)
    assert len(few) == 30
    first = [release for release in whole.releases[:4] if not release.silent]
    joy = [release.shares.get("joy", 0.0) for release in first]
    assert few.of("joy")[0] == pytest.approx(np.mean(joy))
    assert few.end_s[-1] == whole.releases[-1].time_s


def test_the_noise_of_a_mean_is_about_what_simulation_gives() -> None:
    """With everybody neutral, what moves valence is noise alone: its 95% interval holds about 95% of the releases."""
    settings, outside, count = ReleaseSettings(), 0, 0
    rng = np.random.default_rng(5)
    for seed in range(40):
        releases = ClassReleases(settings, randomness=random.Random(seed))
        names = rng.choice(len(CLASSROOM_CLASSES), 60)
        for student in range(60):
            releases.join(str(student))
            row = np.eye(len(CLASSROOM_CLASSES))[names[student]]
            releases.read(str(student), row.tolist(), not_sure=False, time_s=5.0)
        release = releases.close(10.0)
        told = dataclasses.replace(lesson(), releases=(release,))
        found = course(told)
        true = np.mean([CLASSROOM_VAD[CLASSROOM_CLASSES[name]][0] for name in names])
        outside += bool(abs(found.of("valence")[0] - true) > found.noise_of("valence")[0])
        count += 1
    assert outside / count <= 0.15


def test_nothing_released_is_no_course() -> None:
    empty = course(dataclasses.replace(lesson(), releases=()))
    assert len(empty) == 0
    assert empty.values.shape == (0, len(MEASURES))
    assert np.isnan(empty.overall("joy"))
