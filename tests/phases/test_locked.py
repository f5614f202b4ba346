"""Event-locked averages: a planted response is found with its size and time, and nothing is where nothing was."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from classmood.errors import InputError
from classmood.phases.events import Event
from classmood.phases.locked import follow, lock
from classmood.phases.responses import MEASURES, Responses

JOY = MEASURES.index("joy")
ONSETS = [30.0, 70.0, 110.0, 150.0]


def drawn(people: int, height: float, seed: int, *, width_s: int = 6) -> Responses:
    """Persons at different levels; joy rises by a height for a few seconds from each onset on."""
    random = np.random.default_rng(seed)
    values = random.uniform(0.1, 0.5, (people, 1, len(MEASURES))) + random.normal(0, 0.05, (people, 200, len(MEASURES)))
    for onset in ONSETS:
        values[:, int(onset) : int(onset) + width_s, JOY] += height
    return Responses(0.0, 1.0, values)


def test_a_planted_response_has_its_size_and_its_time() -> None:
    locked = lock(drawn(20, 0.2, 0), ONSETS)
    assert locked.events == 4
    during = (locked.lags_s > 0) & (locked.lags_s < 6)
    np.testing.assert_allclose(locked.mean[JOY, during], 0.2, atol=0.05)
    np.testing.assert_allclose(locked.mean[JOY, ~during], 0, atol=0.05)
    assert locked.p_values[JOY] < 0.05
    assert (locked.low[JOY, during] > 0).all()


def test_intervals_are_student_s_over_persons() -> None:
    found = drawn(9, 0.1, 1)
    locked = lock(found, [70.0])
    own = found.of("joy")[:, 65:90] - found.of("joy")[:, 65:70].mean(1, keepdims=True)
    low, high = stats.ttest_1samp(own, 0).confidence_interval()
    np.testing.assert_allclose(locked.low[JOY], low)
    np.testing.assert_allclose(locked.high[JOY], high)
    assert (locked.people[JOY] == 9).all()


def test_without_a_response_false_findings_are_rare() -> None:
    alarms = [np.nanmin(lock(drawn(12, 0.0, seed), ONSETS).p_values) < 0.05 for seed in range(60)]
    assert np.mean(alarms) <= 0.12


def test_someone_missing_now_and_then_is_no_response() -> None:
    """Sparse and skewed: mostly 0, at times 1."""
    missing = MEASURES.index("missing")
    alarms = []
    for seed in range(60):
        found = drawn(18, 0.0, seed)
        found.values[..., missing] = np.random.default_rng(seed).random((18, 200)) < 0.04
        alarms.append(lock(found, ONSETS).p_values[missing] < 0.05)
    assert np.mean(alarms) <= 0.08


def test_windows_end_at_the_neighbouring_stimulus() -> None:
    values = np.zeros((8, 40, len(MEASURES)))
    values[:, 20:] = 1
    locked = lock(Responses(0.0, 1.0, values), [10.0, 20.0], before_s=15, after_s=15)
    # The second begins at 1 throughout, less 0 before; the first never sees the 1.
    at = {round(lag, 1): mean for lag, mean in zip(locked.lags_s, locked.mean[JOY], strict=True)}
    assert at[9.5] == pytest.approx(0.5)
    assert at[12.5] == pytest.approx(1)
    assert np.isnan(at[-14.5]) or at[-14.5] == 0


def test_who_was_not_there_before_does_not_count() -> None:
    found = drawn(10, 0.3, 2)
    found.values[4:, :68] = np.nan
    found.values[4:, 72:] = np.nan
    found.values[4:, 68:70] = np.nan
    locked = lock(found, [70.0])
    assert (locked.people[JOY] == 4).all()
    assert np.isnan(locked.p_values[JOY])


def test_onsets_outside_the_recording_are_refused() -> None:
    with pytest.raises(InputError, match="check the clock of the events"):
        lock(drawn(8, 0.1, 3), [0.0, 500.0])


def test_answers_are_counted_from_the_question_before_them() -> None:
    events = [Event(10, "question"), Event(30, "question")]
    events += [Event(t, "answer", value=v) for t, v in ((12.5, 1.0), (12.7, 0.0), (33, 1.0), (9, 1.0), (55, 1.0))]
    found = follow(events, after_s=20)
    assert found.count.sum() == 3
    assert (found.count[2], found.right[2]) == (2, 0.5)
    assert (found.count[3], found.right[3]) == (1, 1.0)
    assert found.median_lag_s == pytest.approx(2.7)
    assert follow(events[:2]).median_lag_s is None
