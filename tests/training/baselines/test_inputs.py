"""What the reference models refuse, and that they say so on one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from classmood.errors import InputError
from classmood.training.baselines.inputs import check_crops, check_groups, check_labels, check_sequences

CROPS = np.zeros((4, 48, 48), np.uint8)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: check_crops(CROPS.astype(float)), "float64 of shape"),
        (lambda: check_crops(CROPS[0]), r"of shape \(48, 48\)"),
        (lambda: check_crops(CROPS[:, :40]), r"of shape \(4, 40, 48\)"),
        (lambda: check_crops(CROPS[:0]), "n above 0"),
        (lambda: check_sequences([]), "got 0 sequences"),
        (lambda: check_sequences(CROPS), "got ndarray"),
        (lambda: check_sequences([CROPS, CROPS[:1]]), r"sequence 1: .*at least 2.*\(1, 48, 48\)"),
        (lambda: check_sequences([CROPS / 255]), "sequence 0: .*float64"),
        (lambda: check_labels([0, 1, 1], 4), r"expected 4 whole labels.*\(3,\)"),
        (lambda: check_labels(np.eye(4), 4), r"votes become labels by argmax\(1\)"),
        (lambda: check_labels([0.0, 1.0, 1.0, 0.0], 4), "float64"),
        (lambda: check_labels([0, -1, 1, 0], 4), "not below 0"),
        (lambda: check_labels([2, 2, 2, 2], 4), r"two or more classes, got only \[2\]"),
        (lambda: check_labels([0, 1, 3, 3], 4, 4), "got none of class 2"),
        (lambda: check_labels([0, 1, 2, 4], 4, 4), "of each of 4 classes, .*highest label of 4"),
        (lambda: check_groups(["a"], 4), "expected 4 groups"),
    ],
)
def test_wrong_input_is_named_on_one_line(call: Callable[[], Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_class_that_is_missing_in_between_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="no training samples of class 1, 2: it has no column and is never predicted"):
        check_labels([0, 3, 3, 0], 4)


def test_good_input_passes() -> None:
    assert check_crops(CROPS) is CROPS
    assert len(check_sequences((CROPS, CROPS[:2]))) == 2
    assert check_labels(np.array([0, 1, 2, 1], np.uint8), 4, 3).tolist() == [0, 1, 2, 1]
    assert check_groups(None, 3).tolist() == [0, 1, 2]
    assert check_groups(["b", "a", "b"], 3).tolist() == [1, 0, 1]
