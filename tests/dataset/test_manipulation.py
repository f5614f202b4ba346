"""The manipulation check: shares, intervals and means as scipy has them, on studies whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from classmood.dataset.manipulation import check_manipulation, describe
from classmood.emotions import CLASSROOM_CLASSES, CLASSROOM_VAD
from classmood.learning.simulation import simulate_study


def test_shares_intervals_and_means_are_scipy_s() -> None:
    reports = simulate_study(30, seed=1)
    found = {one.scenario: one for one in check_manipulation(reports)}
    assert len(found) == 8
    rows = np.array(reports.scenario) == "grief"
    hits = int((np.array(reports.emotion)[rows] == "grief").sum())
    one = found["grief"]
    expected = stats.binomtest(hits, 30).proportion_ci(method="wilson")
    assert (one.chosen, one.low, one.high) == pytest.approx((hits / 30, expected.low, expected.high))
    valence = 2 * (reports.of("valence")[rows] - 1) / 8 - 1
    low, high = stats.ttest_1samp(valence, 0).confidence_interval()
    assert (one.valence.value, one.valence.low, one.valence.high) == pytest.approx((valence.mean(), low, high))
    assert (one.meant_valence, one.meant_arousal) == CLASSROOM_VAD["grief"][:2]


def test_choices_by_chance_are_told_from_what_was_meant() -> None:
    random = np.random.default_rng(0)
    alarms = []
    for seed in range(40):
        reports = simulate_study(20, seed=seed)
        chosen = tuple(CLASSROOM_CLASSES[i] for i in random.integers(9, size=len(reports)))
        alarms.append(min(one.p_corrected for one in check_manipulation(replace(reports, emotion=chosen))) < 0.05)
        right = replace(reports, emotion=reports.evokes)
        assert all(one.p_corrected < 1e-6 and one.instead == "" for one in check_manipulation(right))
    assert np.mean(alarms) <= 0.12


def test_unanswered_scenarios_are_left_out_and_few_answers_have_no_interval() -> None:
    reports = simulate_study(1, seed=1)
    found = check_manipulation(reports)
    assert all(one.valence.low is None for one in found)
    silent = replace(reports, emotion=("",) * len(reports))
    assert check_manipulation(silent) == ()


def test_the_table_names_what_was_chosen_instead() -> None:
    reports = simulate_study(10, seed=2)
    joyless = tuple("surprise" if meant == "joy" else meant for meant in reports.evokes)
    text = describe(check_manipulation(replace(reports, emotion=joyless)))
    row = next(line for line in text.splitlines() if line.startswith("| joy"))
    assert "0 % (0 to 28)" in row
    assert "surprise 100 %" in row
