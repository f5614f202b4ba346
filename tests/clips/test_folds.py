"""Folds: nobody is in two, all are used, classes are even, and the same people always fall the same way."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classmood.clips.folds import deal_folds
from classmood.errors import InputError

counts = st.dictionaries(st.sampled_from(["neutral", "joy", "fury", ""]), st.integers(1, 5), min_size=1)
studies = st.dictionaries(st.from_regex(r"sub-[0-9]{3}", fullmatch=True), counts, min_size=2, max_size=30)


@given(studies, st.integers(2, 8), st.integers(0, 3))
def test_everybody_is_in_one_fold_and_folds_are_even(study: dict[str, dict[str, int]], folds: int, seed: int) -> None:
    dealt = deal_folds(study, folds, seed=seed)
    assert dealt.keys() == study.keys()
    sizes = Counter(dealt.values())
    assert set(sizes) == set(range(1, min(folds, len(study)) + 1))
    assert max(sizes.values()) - min(sizes.values()) <= 1
    # The order in which people are listed does not matter.
    assert deal_folds(dict(reversed(study.items())), folds, seed=seed) == dealt


def test_classes_are_spread() -> None:
    study = {f"sub-{k:03d}": {"joy" if k % 2 else "fury": 3} for k in range(20)}
    dealt = deal_folds(study, 5)
    for fold in range(1, 6):
        kinds = Counter(next(iter(study[who])) for who, found in dealt.items() if found == fold)
        assert kinds == {"joy": 2, "fury": 2}


def test_another_seed_deals_otherwise() -> None:
    study = {f"sub-{k:03d}": {"joy": 2} for k in range(20)}
    assert deal_folds(study, 5, seed=1) != deal_folds(study, 5, seed=2)


@pytest.mark.parametrize(("study", "folds"), [({"sub-001": {"joy": 3}}, 5), ({}, 2)])
def test_one_participant_is_too_few(study: dict[str, dict[str, int]], folds: int) -> None:
    with pytest.raises(InputError, match=f"two or more participants with usable clips .* got {len(study)}"):
        deal_folds(study, folds)
