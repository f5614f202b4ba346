"""Overlap and suppression against counting and the plain definition."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.boxes import SAME_FACE_IOU, keep_distinct, overlaps

Box = tuple[int, int, int, int]
boxes = st.tuples(st.integers(-5, 8), st.integers(-5, 8), st.integers(1, 9), st.integers(1, 9))
several = st.lists(boxes, max_size=7)


def pixels(box: Box) -> set[tuple[int, int]]:
    x, y, width, height = box
    return {(i, j) for i in range(x, x + width) for j in range(y, y + height)}


def iou(a: Box, b: Box) -> Fraction:
    """By counting pixels."""
    return Fraction(len(pixels(a) & pixels(b)), len(pixels(a) | pixels(b)))


def array(chosen: list[Box]) -> np.ndarray:
    return np.array(chosen, np.float32).reshape(-1, 4)


@settings(max_examples=50, deadline=None)
@given(several, several)
def test_overlap_is_the_share_of_pixels_in_common(a: list[Box], b: list[Box]) -> None:
    expected = np.array([float(iou(one, other)) for one in a for other in b]).reshape(len(a), len(b))
    assert np.allclose(overlaps(array(a), array(b)), expected, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(several, several, st.sampled_from([0.25, 1.0, 64.0]), st.integers(-32, 32))
def test_overlap_does_not_depend_on_unit_or_origin(a: list[Box], b: list[Box], unit: float, shift: int) -> None:
    def moved(chosen: list[Box]) -> np.ndarray:
        return (array(chosen) * unit + np.array([shift, -shift, 0, 0])).astype(np.float32)

    assert np.allclose(overlaps(moved(a), moved(b)), overlaps(array(a), array(b)), atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(several)
def test_of_boxes_that_mean_the_same_the_first_stays(chosen: list[Box]) -> None:
    left, expected = list(range(len(chosen))), []
    while left:
        best = left.pop(0)
        expected.append(best)
        left = [other for other in left if iou(chosen[best], chosen[other]) <= Fraction(str(SAME_FACE_IOU))]
    assert np.flatnonzero(keep_distinct(array(chosen))).tolist() == expected


def test_a_box_that_was_dropped_drops_no_other() -> None:
    # The second overlaps both others by a half or so, these each other by a ninth.
    assert keep_distinct(array([(0, 0, 10, 10), (4, 0, 10, 10), (8, 0, 10, 10)])).tolist() == [True, False, True]


def test_boxes_without_area_share_nothing() -> None:
    flat = array([(3, 3, 0, 0), (3, 3, 0, 5), (0, 0, 9, 9)])
    assert overlaps(flat, flat).tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert keep_distinct(flat).all()
