"""Suppression: nothing small is shown, nor can it be worked out from what is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import minimize

from classmood.server.suppression import nearest_possible, suppress

COUNTS = hnp.arrays(np.float64, 10, elements=st.floats(-12, 40))


@given(COUNTS, st.integers(5, 60))
def test_what_is_shown_is_whole_and_nothing_of_it_is_small(counts: np.ndarray, people: int) -> None:
    shown = suppress(counts, people, 3.0, 0.05)
    kept = ~np.isnan(shown.shares)
    assert np.nansum(shown.shares) + shown.others == pytest.approx(1)
    assert np.allclose(shown.shares[kept] * 20, np.round(shown.shares[kept] * 20))
    possible = nearest_possible(counts, people)
    assert (possible[kept] >= 3).all()
    assert (possible[~kept] < 3).all()
    hidden = possible[~kept].sum()
    # The rest is told only where it is not itself a small cell: from at least two cells and three people.
    if shown.others > 0 and kept.any():
        assert hidden >= 3
        assert (~kept).sum() >= 2


def test_one_of_another_mind_changes_nothing() -> None:
    alike, one_apart = np.zeros(10), np.zeros(10)
    alike[0], one_apart[0], one_apart[6] = 24, 23, 1
    a, b = (suppress(counts, 24, 3.0, 0.05) for counts in (alike, one_apart))
    np.testing.assert_array_equal(a.shares, b.shares)
    assert a.others == b.others == 0


def test_a_single_hidden_cell_cannot_be_worked_out() -> None:
    counts = np.full(10, 3.0)
    counts[4] = 1.0
    shown = suppress(counts, 28, 3.0, 0.05)
    assert np.isnan(shown.shares[4])
    assert shown.others == 0
    assert np.nansum(shown.shares) == pytest.approx(1)


def test_a_small_class_may_show_nothing() -> None:
    shown = suppress(np.array([1.0, 1, 1, 1, 1, 0, 0, 0, 0, 0]), 5, 3.0, 0.05)
    assert np.isnan(shown.shares).all()
    assert shown.others == 1
    assert shown.filled() == pytest.approx(np.full(10, 0.1))


def test_hidden_mass_is_spread_evenly() -> None:
    shown = suppress(np.array([12.0, 8, 2, 2, 0, 0, 0, 0, 0, 0]), 24, 3.0, 0.05)
    assert shown.others == pytest.approx(4 / 24, abs=0.03)
    assert shown.filled().sum() == pytest.approx(1)
    assert len(set(shown.filled()[2:])) == 1


@given(COUNTS, st.integers(1, 60))
def test_the_nearest_possible_is_possible(counts: np.ndarray, people: int) -> None:
    nearest = nearest_possible(counts, people)
    assert (nearest >= 0).all()
    assert nearest.sum() == pytest.approx(people)


def test_the_nearest_possible_is_the_nearest() -> None:
    counts = np.array([9.0, -2.0, 3.0, 0.5])
    found = minimize(
        lambda x: ((x - counts) ** 2).sum(),
        np.full(4, 2.5),
        bounds=[(0, None)] * 4,
        constraints={"type": "eq", "fun": lambda x: x.sum() - 10},
    )
    assert nearest_possible(counts, 10) == pytest.approx(found.x, abs=1e-4)
