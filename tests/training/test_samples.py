"""Samples and their folds: groups stay whole, nothing is lost, the same on every machine."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from classmood.errors import RecipeError
from classmood.training.samples import Samples


def samples(groups: list[str]) -> Samples:
    n = len(groups)
    images = np.arange(n, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    targets = np.zeros((n, 8), np.float32)
    targets[np.arange(n), np.arange(n) % 8] = 1
    return Samples(images, targets, tuple(f"face{i}" for i in range(n)), tuple(groups))


def test_take_keeps_the_columns_together() -> None:
    chosen = samples(list("abcde")).take(np.array([4, 1]))
    assert len(chosen) == 2
    assert chosen.names == ("face4", "face1")
    assert chosen.groups == ("e", "b")
    assert chosen.images[:, 0, 0].tolist() == [4, 1]
    assert chosen.targets.argmax(1).tolist() == [4, 1]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=60),
    st.floats(0, 0.8),
    st.floats(0.1, 1),
)
def test_a_group_never_crosses_the_folds_and_nothing_is_used_twice(
    groups: list[str], holdout: float, fraction: float
) -> None:
    everything = samples(groups)
    try:
        training, held = everything.split(holdout, fraction=fraction)
    except RecipeError:
        assume(False)
    assert not set(training.groups) & set(held.groups)
    assert not set(training.names) & set(held.names)
    assert len(training) + len(held) <= len(everything)
    whole, same = everything.split(holdout)
    # A fraction thins the training part and leaves the fold as it is; without one nothing is lost.
    assert same.names == held.names
    assert set(training.names) <= set(whole.names)
    assert len(whole) + len(same) == len(everything)


def test_a_group_s_place_depends_on_its_name_alone() -> None:
    many = [f"group{i}" for i in range(500)]
    held = set(samples(many).split(0.3)[1].groups)
    again = set(samples(many[::-3]).split(0.3)[1].groups)
    assert again == held & set(many[::-3])
    # SHA-256 decides, not Python's own hash, which differs from run to run.
    assert held == {group for group in many if int(hashlib.sha256(group.encode()).hexdigest()[:16], 16) < 0.3 * 2**64}
    assert 0.2 < len(held) / 500 < 0.4


def test_no_holdout_holds_nothing_out() -> None:
    training, held = samples(list("abc")).split(0.0)
    assert (len(training), len(held)) == (3, 0)


def test_nothing_left_to_train_on_is_refused() -> None:
    with pytest.raises(RecipeError, match="no samples left to train on out of 0"):
        samples([]).split(0.1)
    with pytest.raises(RecipeError, match=r"lower data\.holdout"):
        samples(["a"] * 5).split(0.89, fraction=1e-9)
