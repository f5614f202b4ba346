"""The recovery benchmark's own figures, on a few small studies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classmood.learning.surface import PARAMETERS
from loaded_benchmark import load


def test_a_condition_counts_studies_that_hold_the_truth() -> None:
    benchmark = load("learning_recovery")
    row = benchmark.recover(benchmark.CONDITIONS[0], 3, 60, 0)
    assert set(row["held"]) == set(PARAMETERS["logistic"])
    assert all(0 <= n <= 3 for n in row["held"].values())
    assert row["median_width"]["best_arousal"] > 0
    assert benchmark.describe(row).count("|") == 9


def test_conditions_differ_in_what_they_say() -> None:
    benchmark = load("learning_recovery")
    names = [condition.name for condition in benchmark.CONDITIONS]
    assert len(set(names)) == len(names)
    first = benchmark.CONDITIONS[0]
    assert all(condition != replace(first, name=condition.name) for condition in benchmark.CONDITIONS[1:])
    assert (first.people, first.twice) == (60, True)
    assert pytest.approx(first.noise.rating) == 0.8


def test_claims_of_an_inverted_u_are_counted_with_their_parts() -> None:
    benchmark = load("learning_recovery")
    hill, rises, wide = (benchmark.claims(condition, 4, 99, 0) for condition in benchmark.HILLS)
    # A hill is seen by the quadratic and by the two lines in every study; what only rises is never claimed.
    assert (hill["quadratic_bends"], hill["two_lines_agree"]) == (4, 4)
    assert rises["claimed"] == 0
    for row in (hill, rises, wide):
        assert row["claimed"] <= min(row["quadratic_bends"], row["vertex_inside"], row["two_lines_agree"])
    assert benchmark.describe_claims(rises).startswith("| only rises with arousal | 0 |")
