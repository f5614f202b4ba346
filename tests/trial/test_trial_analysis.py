"""The trial's test: scipy's permutation p, honest false alarms, intervals that hold the truth, power it achieves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from classmood.errors import InputError
from classmood.trial.analysis import analyse, deal, describe, smallest_effect, smallest_effect_of
from classmood.trial.plan import Frame, Plan, make_plan


def within(classes: int = 2, lessons: int = 12, block: int = 2, seed: int = 0) -> Plan:
    names = tuple(f"c{i}" for i in range(classes))
    return make_plan(Frame(names, lessons, block, "within classes"), move="nudges", outcome="score", seed=seed)


def between(classes: int, seed: int = 0) -> Plan:
    frame = Frame(tuple(f"c{i}" for i in range(classes)), 0, 2, "between classes")
    return make_plan(frame, move="nudges", outcome="score", seed=seed)


def arrays(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    return np.array([u.on for u in plan.units]), np.array([u.block for u in plan.units])


def test_between_classes_it_is_scipy_s_permutation_test() -> None:
    plan = between(9)
    on, _ = arrays(plan)
    y = np.random.default_rng(1).normal(size=9) + 0.8 * on
    expected = stats.permutation_test(
        (y[on], y[~on]), lambda a, b: a.mean() - b.mean(), permutation_type="independent", n_resamples=np.inf
    )
    found = analyse(plan, y)
    assert found.exact
    assert found.effect == pytest.approx(expected.statistic)
    # Two-sided by distance from nothing, where scipy doubles the smaller side.
    far = np.abs(expected.null_distribution) >= abs(expected.statistic) - 1e-12
    assert found.p_value == pytest.approx(far.mean())


def test_in_pairs_it_is_the_sign_flip_test() -> None:
    plan = within(1, 16)
    on, block = arrays(plan)
    y = np.random.default_rng(2).normal(size=16) + 0.5 * on
    differences = np.array([y[(block == b) & on][0] - y[(block == b) & ~on][0] for b in np.unique(block)])
    expected = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    found = analyse(plan, y)
    assert found.effect == pytest.approx(differences.mean())
    assert found.p_value == pytest.approx(
        (np.abs(expected.null_distribution) >= abs(differences.mean()) - 1e-12).mean()
    )


def test_what_differs_between_blocks_weighs_nothing() -> None:
    plan = within(3, 12)
    on, block = arrays(plan)
    y = np.random.default_rng(3).normal(size=36) + on
    shifted = y + 100 * block
    first, second = analyse(plan, y), analyse(plan, shifted)
    assert first.effect == pytest.approx(second.effect)
    assert first.p_value == pytest.approx(second.p_value, abs=0.01)


def test_false_alarms_come_as_often_as_the_level_allows_and_intervals_hold_the_truth() -> None:
    plan = within(2, 12)
    on, block = arrays(plan)
    random = np.random.default_rng(4)
    alarms, held = [], []
    for truth in (0.0, 0.7):
        for _ in range(50):
            y = random.normal(size=24) + random.normal(size=block.max() + 1)[block] + truth * on
            found = analyse(plan, y)
            held.append(found.low <= truth <= found.high)
            if truth == 0:
                alarms.append(found.p_value <= 0.05)
                assert (found.p_value <= 0.05) == (not found.low <= 0 <= found.high)
    assert np.mean(alarms) <= 0.14
    assert 0.88 <= np.mean(held) <= 1


def test_power_is_what_the_test_achieves() -> None:
    plan = within(2, 16)
    on, _ = arrays(plan)
    smallest = smallest_effect_of(plan)
    assert smallest is not None
    random = np.random.default_rng(5)
    noticed = [analyse(plan, random.normal(size=32) + smallest * on).p_value <= 0.05 for _ in range(40)]
    assert np.mean(noticed) == pytest.approx(0.8, abs=0.14)
    # About the textbook's: d = (1.96 + 0.84) sqrt(4 / n), with little lost to the blocks.
    assert smallest == pytest.approx(2.8 * np.sqrt(4 / 32), rel=0.2)
    assert smallest_effect(on[:4], np.array([0, 0, 1, 1])) is None


def test_units_without_an_outcome_are_left_out_with_blocks_that_tell_nothing() -> None:
    plan = within(2, 12)
    on, _ = arrays(plan)
    y = np.random.default_rng(6).normal(size=24) + on
    y[3] = np.nan
    found = analyse(plan, y)
    assert (found.units, found.left_out) == (22, 2)
    y[4:] = np.nan
    with pytest.raises(InputError, match="got 2 in 1 blocks"):
        analyse(plan, y)


def test_all_dealings_are_gone_through_once_and_drawn_ones_keep_the_blocks() -> None:
    on, block = arrays(within(1, 12, 4))
    block = np.unique(block, return_inverse=True)[1]
    every, exact = deal(on, block, 6.0**3, 0)
    assert exact
    assert len({tuple(one) for one in every}) == len(every) == 216
    assert (every[0] == on).all()
    drawn, exact = deal(on, block, 1e9, 0)
    assert not exact
    for one in np.unique(block):
        assert (drawn[:, block == one].sum(1) == on[block == one].sum()).all()


def test_hedges_correction_and_the_words() -> None:
    plan = between(12)
    on, _ = arrays(plan)
    y = np.random.default_rng(7).normal(size=12) + 3 * on
    found = analyse(plan, y)
    pooled = np.sqrt((y[on].var(ddof=1) + y[~on].var(ddof=1)) / 2)
    assert found.standardised == pytest.approx(
        (y[on].mean() - y[~on].mean()) / pooled * (1 - 3 / (4 * 11 - 1)), rel=1e-6
    )
    text = describe(found, plan)
    assert "more than chance" in text
    assert plan.sha256[:16] in text
    nothing = describe(analyse(plan, y - 3 * on), plan)
    assert "does not show that there is no effect" in nothing
    assert "four times in five" in nothing
