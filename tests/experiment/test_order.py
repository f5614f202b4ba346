"""Counterbalancing: Williams' square is balanced for places and for what follows what; the rest is reproducible."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.experiment.order import latin_square, order_for


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 12))
def test_places_and_successions_are_balanced(n: int) -> None:
    square = latin_square(n)
    assert len(square) == (n if n % 2 == 0 else 2 * n)
    assert all(sorted(row) == list(range(n)) for row in square)
    each = len(square) // n
    for place in range(n):
        assert set(Counter(row[place] for row in square).values()) == {each}
    after = Counter(pair for row in square for pair in pairwise(row))
    assert len(after) == n * (n - 1)
    assert set(after.values()) == {each}


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 50), st.sampled_from(["latin-square", "random", "fixed"]), st.integers(0, 99))
def test_every_participant_meets_every_scenario_once_and_always_in_the_same_order(
    n: int, participant: int, order: str, seed: int
) -> None:
    names = tuple(f"s{i}" for i in range(n))
    met = order_for(names, participant, order=order, seed=seed)
    assert sorted(met) == sorted(names)
    assert met == order_for(names, participant, order=order, seed=seed)
    if order == "fixed":
        assert met == names


def test_a_whole_square_comes_back_after_its_length_and_seeds_deal_anew() -> None:
    names = tuple("abcdefgh")
    met = [order_for(names, number, order="latin-square", seed=5) for number in range(1, 17)]
    assert met[:8] == met[8:]
    assert len(set(met)) == 8
    assert met[0] != order_for(names, 1, order="latin-square", seed=6)
    assert order_for(names, 1, order="random", seed=1) != order_for(names, 2, order="random", seed=1)
