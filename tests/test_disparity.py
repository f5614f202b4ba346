"""Intervals, permutation test, Holm and power against independent references and simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from classmood.disparity import Power, holm, permutation_p, spread, wilson


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipy_s(counts: tuple[int, int]) -> None:
    events, n = counts
    expected = stats.binomtest(events, n).proportion_ci(method="wilson")
    assert wilson(float(events), float(n)) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_of_nobody_says_nothing() -> None:
    assert wilson(0.0, 0.0) == (0.0, 1.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.data())
def test_two_groups_of_single_images_give_the_exact_test_s_p(a: int, b: int, data: st.DataObject) -> None:
    x, y = data.draw(st.integers(0, a)), data.draw(st.integers(0, b))
    if x + y in (0, a + b):
        return
    events = np.array([1.0] * x + [0.0] * (a - x) + [1.0] * y + [0.0] * (b - y))
    groups = np.array([0] * a + [1] * b)
    # All ways to deal: hypergeometric counts in the first group, as far apart as the real ones or further.
    counts = np.arange(max(0, x + y - b), min(a, x + y) + 1)
    far = np.abs(counts / a - (x + y - counts) / b) >= abs(x / a - y / b) - 1e-9
    exact = stats.hypergeom.pmf(counts[far], a + b, x + y, a).sum()
    found = permutation_p(events, np.ones(a + b), groups, rounds=4000)
    assert found == pytest.approx(exact, abs=0.04)


def test_a_person_s_images_stay_together() -> None:
    # Two persons of forty err on all of their many images: as images they are a scandal, as persons a coincidence.
    groups = np.repeat([0, 1], 20)
    trials = np.full(40, 30.0)
    events = np.zeros(40)
    events[:2] = 30
    assert permutation_p(events, trials, groups) > 0.3
    single = permutation_p(np.repeat(events / 30, 30), np.ones(1200), np.repeat(groups, 30), rounds=500)
    assert single < 0.01


def test_false_alarms_come_as_often_as_the_level_allows() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], [12, 25, 40])
    p = [
        permutation_p((random.random(77) < 0.3).astype(float), np.ones(77), groups, rounds=99, seed=i)
        for i in range(120)
    ]
    assert 0.005 < np.mean(np.array(p) <= 0.05) < 0.09


def test_the_same_seed_gives_the_same_p() -> None:
    events, groups = np.tile([0.0, 1.0, 0.0], 20), np.repeat([0, 1], 30)
    events[:8] = 1
    assert permutation_p(events, np.ones(60), groups) == permutation_p(events, np.ones(60), groups)


def test_spread_is_nothing_for_equal_rates_and_counts_trials() -> None:
    assert spread(np.array([1.0, 2.0]), np.array([2.0, 4.0]), np.array([0, 1]), 2) == pytest.approx(0)
    assert spread(np.array([1.0, 0.0]), np.array([1.0, 3.0]), np.array([0, 1]), 2) == pytest.approx(0.75)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_never_lowers(p: list[float]) -> None:
    corrected = holm(p)
    assert all(b >= a for a, b in zip(p, corrected, strict=True))
    assert np.all(np.diff(np.array(corrected)[np.argsort(p, kind="stable")]) >= 0)


def test_power_without_a_difference_is_no_more_than_the_level() -> None:
    assert Power([30, 40], level=0.05).of([0.2, 0.2]) <= 0.06
    assert Power([300, 400, 500], level=0.05).of([0.2, 0.2, 0.2]) == pytest.approx(0.05, abs=0.02)


def test_rates_of_nought_or_one_show_nothing_and_divide_by_nothing() -> None:
    with np.errstate(all="raise"):
        assert Power([5, 6], level=0.05).of([0.0, 0.0]) == 0
        assert Power([5, 6], level=0.05).of([1.0, 1.0]) == 0


def test_power_is_what_the_test_itself_achieves() -> None:
    sizes, rates = [12, 30], [0.6, 0.15]
    random = np.random.default_rng(1)
    groups = np.repeat([0, 1], sizes)
    noticed = []
    for i in range(150):
        events = (random.random(42) < np.repeat(rates, sizes)).astype(float)
        noticed.append(permutation_p(events, np.ones(42), groups, rounds=199, seed=i) <= 0.05)
    assert Power(sizes, level=0.05).of(rates) == pytest.approx(np.mean(noticed), abs=0.1)


def test_large_samples_agree_with_the_textbook_s_two_proportions() -> None:
    # n = 400 a group, base 0.2, level 0.05, power 0.8: normal approximation with pooled variance under the null.
    rise = Power([400, 400], level=0.05).smallest_rise(0, 0.2)

    def textbook(d: float) -> float:
        mean = 0.2 + d / 2
        null = np.sqrt(2 * mean * (1 - mean) / 400)
        true = np.sqrt((0.2 * 0.8 + (0.2 + d) * (0.8 - d)) / 400)
        return float(stats.norm.sf((1.96 * null - d) / true))

    assert rise is not None
    assert textbook(rise) == pytest.approx(0.8, abs=0.03)


def test_more_persons_show_smaller_differences_and_too_few_show_none() -> None:
    small, large = (Power([n, 60], level=0.05).smallest_rise(0, 0.1) for n in (10, 60))
    assert small is not None
    assert large is not None
    assert large < small
    assert Power([2, 4], level=0.01).smallest_rise(0, 0.1) is None
