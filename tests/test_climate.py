"""Aggregates against a slow computation of the definitions, and changes that were put in on purpose."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from classmood.climate import MEASURES, climate, expected_faces, window_for
from classmood.emotions import MEASURED
from classmood.timeline import Instant, Timeline
from synthetic_class import make_class, make_instant
from test_timeline import instants


def slow(timeline: Timeline, window: list[int], instants_in: int) -> dict[str, object]:
    """One window by the words of the definition, in plain Python; ``window`` are its rows."""
    columns = timeline.columns()
    result: dict[str, object] = {}
    sure = [i for i in window if not columns["not_sure"][i]]
    people = sorted({(int(timeline.source[i]), int(columns["track_id"][i])) for i in sure})
    result["people"] = len(people)
    result["visible"] = len(window) / instants_in if instants_in else math.nan
    result["readable"] = len(sure) / instants_in if instants_in else math.nan
    for name in MEASURES:
        own = [
            statistics.fmean(
                float(columns[name][i])
                for i in sure
                if (int(timeline.source[i]), int(columns["track_id"][i])) == person
            )
            for person in people
        ]
        mean = statistics.fmean(own) if own else math.nan
        spread = statistics.stdev(own) if len(own) > 1 else math.nan
        error = stats.t.ppf(0.975, len(own) - 1) * spread / math.sqrt(len(own)) if len(own) > 1 else math.nan
        result[name] = (mean, spread, error)
    return result


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=30)
@given(taken=instants(), window_s=st.sampled_from([0.5, 1.0, 60.0, None]))
def test_windows_are_as_defined(taken: list[Instant], window_s: float | None) -> None:
    taken = [make_instant(i.time_s / 100, i.track_ids.tolist(), i.emotions.ferplus, source=i.source) for i in taken]
    timeline = Timeline.of(taken)
    result = climate(timeline, window_s)
    assert result.instants.sum() == len(taken)
    assert result.over_time == (len(timeline.sources) < 2)
    for k in range(len(result)):
        if result.over_time:
            low, high = (result.start_s[k], result.end_s[k]) if window_s else (-math.inf, math.inf)
            rows = [i for i, t in enumerate(timeline.time_s) if low - 1e-6 <= t < high - 1e-6]
            sampled = sum(low - 1e-6 <= i.time_s < high - 1e-6 for i in taken)
        else:
            rows = [i for i, place in enumerate(timeline.source) if place == k]
            sampled = sum(i.source == timeline.sources[k] for i in taken)
        expected = slow(timeline, rows, sampled)
        assert result.instants[k] == sampled
        assert result.people[k] == expected["people"]
        np.testing.assert_allclose(result.visible[k], expected["visible"])
        np.testing.assert_allclose(result.readable[k], expected["readable"])
        for j, name in enumerate(MEASURES):
            got = (result.mean[k, j], result.spread[k, j], result.error[k, j])
            np.testing.assert_allclose(got, expected[name], atol=1e-7, err_msg=name)


def test_measured_shares_still_sum_to_one() -> None:
    result = climate(Timeline.of(make_class(8, 20)), 1.0)
    total = sum(result.of(name) for name in MEASURED)
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_each_person_counts_once_however_often_seen() -> None:
    joy, blank = np.eye(8)[[1]], np.eye(8)[[0]]
    taken = [make_instant(0.0, [1, 2], np.concatenate([joy, blank]))]
    taken += [make_instant(0.1 * k, [2], blank) for k in range(1, 9)]
    assert climate(Timeline.of(taken), 1.0).of("joy").tolist() == [0.5]


def test_not_sure_is_left_out_and_counted() -> None:
    joy, unclear = np.eye(8)[[1]], np.full((1, 8), 0.125)
    result = climate(Timeline.of([make_instant(0.0, [1, 2, 3], np.concatenate([joy, unclear, unclear]))]))
    assert result.of("joy").tolist() == [1.0]
    assert result.people.tolist() == [1]
    assert result.visible.tolist() == [3]
    assert result.readable.tolist() == [1]
    np.testing.assert_allclose(result.coverage, [1 / 3])
    np.testing.assert_allclose(result.not_sure, [2 / 3])


def test_a_gap_in_the_sampling_is_unknown_not_empty() -> None:
    blank = np.eye(8)[[0]]
    taken = [make_instant(0.0, [1], blank), make_instant(1.0, [], blank[:0]), make_instant(3.0, [1], blank)]
    result = climate(Timeline.of(taken), 1.0)
    assert result.instants.tolist() == [1, 1, 0, 1]
    np.testing.assert_array_equal(result.visible, [1, 0, math.nan, 1])
    np.testing.assert_array_equal(np.isnan(result.of("neutral")), [False, True, True, False])


def test_a_lone_false_detection_does_not_make_the_class_larger() -> None:
    blank = np.repeat(np.eye(8)[[0]], 5, 0)
    taken = [make_instant(0.2 * k, [1, 2, 3, 4], blank[:4]) for k in range(100)]
    taken[50] = make_instant(10.0, [1, 2, 3, 4, 5], blank)
    assert expected_faces(Timeline.of(taken)) == 4
    assert expected_faces(Timeline.of(taken[50:51])) == 5
    assert climate(Timeline.of(taken), 1.0, class_size=8).coverage[0] == 0.5
    assert climate(Timeline.of(taken), 1.0).coverage.max() == 1


@pytest.mark.parametrize(("seconds", "window_s"), [(0.2, 1), (60, 1), (1200, 5), (3600, 15), (4 * 3600, 60)])
def test_windows_are_round_and_few(seconds: float, window_s: float) -> None:
    blank = np.eye(8)[[0]]
    timeline = Timeline.of([make_instant(t, [1], blank) for t in (0.0, seconds)])
    assert window_for(timeline) == window_s
    assert len(climate(timeline, window_for(timeline))) <= 301


def test_no_instant_at_all() -> None:
    nothing = Timeline.of([])
    assert len(climate(nothing, 1.0)) == 0
    assert len(climate(nothing)) == 0
    assert expected_faces(nothing) == 0
