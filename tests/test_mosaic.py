"""A mosaic shows every known face whole, once, and its answers come back in the picture's own px."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.mosaic import Mosaic

Box = tuple[float, float, float, float]
HEIGHT, WIDTH = 270, 480


@st.composite
def boxes_of_faces(draw: st.DrawFn) -> np.ndarray:
    """Up to 30 faces, some of them reaching past the picture."""
    faces = []
    for _ in range(draw(st.integers(1, 30))):
        h = draw(st.floats(12, 120))
        faces.append((draw(st.floats(0, WIDTH - 1)) - 0.4 * h, draw(st.floats(0, HEIGHT - 1)) - 0.5 * h, 0.8 * h, h))
    return np.array(faces, np.float32)


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(1, 255, (HEIGHT, WIDTH, 3), np.uint8)


def row(box: Box, score: float = 0.9) -> np.ndarray:
    x, y, w, h = box
    return np.array([x, y, w, h, *([x + w / 2, y + h / 2] * 5), score], np.float32)


@settings(max_examples=60, deadline=None)
@given(boxes_of_faces())
def test_every_face_is_in_it_whole_with_something_around_it(boxes: np.ndarray) -> None:
    mosaic = Mosaic.around(boxes, (HEIGHT, WIDTH), multiple_px=32)
    assert mosaic.shape[0] % 32 == mosaic.shape[1] % 32 == 0
    reach = 0.35 * boxes[:, 3:]
    first = np.clip(boxes[:, :2] - reach, 0, (WIDTH, HEIGHT))
    last = np.clip(boxes[:, :2] + boxes[:, 2:] + reach, 0, (WIDTH, HEIGHT))
    cells = mosaic.cells_px
    inside = (cells[:, None, :2] <= first + 1e-3) & (cells[:, None, 2:] >= last - 1e-3)
    assert inside.all(2).any(0).all()
    assert mosaic.holds(boxes, margin=0.1)


@settings(max_examples=60, deadline=None)
@given(boxes_of_faces())
def test_cells_share_no_pixel_in_the_picture_nor_in_the_mosaic(boxes: np.ndarray) -> None:
    mosaic = Mosaic.around(boxes, (HEIGHT, WIDTH), multiple_px=32)
    taken, placed = np.zeros((HEIGHT, WIDTH), int), np.zeros(mosaic.shape, int)
    for (left, top, right, bottom), (x, y) in zip(mosaic.cells_px.tolist(), mosaic.places_px.tolist(), strict=True):
        taken[top:bottom, left:right] += 1
        placed[y : y + bottom - top, x : x + right - left] += 1
    assert taken.max() == placed.max() == 1
    assert taken.sum() == placed.sum() == ((mosaic.cells_px[:, 2:] - mosaic.cells_px[:, :2]).prod(1)).sum()


@settings(max_examples=40, deadline=None)
@given(boxes_of_faces())
def test_what_is_found_comes_back_to_where_it_was_cut(boxes: np.ndarray) -> None:
    mosaic, picture = Mosaic.around(boxes, (HEIGHT, WIDTH), multiple_px=32), noise()
    composed = mosaic.compose(picture)
    assert composed.shape == (*mosaic.shape, 3)
    for (left, top, right, bottom), (x, y) in zip(mosaic.cells_px.tolist(), mosaic.places_px.tolist(), strict=True):
        w, h = right - left, bottom - top
        np.testing.assert_array_equal(composed[y : y + h, x : x + w], picture[top:bottom, left:right])
        back = mosaic.restore(np.stack([row((x + 1, y + 1, w - 2, h - 2))]))
        np.testing.assert_allclose(back, [row((left + 1, top + 1, w - 2, h - 2))])


def test_faces_apart_get_cells_of_their_own_and_near_ones_share() -> None:
    apart = np.array([[50, 50, 24, 30], [300, 50, 24, 30]], np.float32)
    near = np.array([[50, 50, 24, 30], [90, 60, 24, 30], [300, 50, 24, 30]], np.float32)
    assert [len(Mosaic.around(b, (HEIGHT, WIDTH), multiple_px=32).cells_px) for b in (apart, near)] == [2, 2]


def test_a_gallery_s_mosaic_is_much_smaller_than_the_gallery() -> None:
    faces = np.array([[96 * c + 36, 67 * r + 20, 21, 27] for r in range(4) for c in range(5)], np.float32)
    mosaic = Mosaic.around(faces, (HEIGHT, WIDTH), multiple_px=32)
    assert len(mosaic.cells_px) == 20
    assert mosaic.area_px < 0.45 * 288 * 480


def test_what_lies_between_the_cells_is_nobody() -> None:
    mosaic = Mosaic.around(np.array([[50, 50, 24, 30]], np.float32), (HEIGHT, WIDTH), multiple_px=32)
    (w, h) = (mosaic.cells_px[0, 2:] - mosaic.cells_px[0, :2]).tolist()
    assert mosaic.shape[0] > h or mosaic.shape[1] > w
    beyond = row((w - 1, h - 1, 24, 30))
    assert len(mosaic.restore(np.stack([beyond]))) == 0
    assert len(mosaic.restore(np.zeros((0, 15), np.float32))) == 0


def test_a_face_that_comes_near_its_cell_s_edge_asks_for_another_plan() -> None:
    box = np.array([[50, 50, 24, 30]], np.float32)
    mosaic = Mosaic.around(box, (HEIGHT, WIDTH), multiple_px=32)
    assert mosaic.holds(box + np.array([[4, 4, 0, 0]], np.float32), margin=0.1)
    for away in ([13, 0, 0, 0], [-13, 0, 0, 0], [0, 13, 0, 0], [0, -13, 0, 0]):
        assert not mosaic.holds(box + np.array([away], np.float32), margin=0.1)
        assert mosaic.holds(box + np.array([away], np.float32) / 2, margin=0.1)


def test_a_face_cut_by_the_picture_s_border_is_held() -> None:
    box = np.array([[-10, -12, 40, 50]], np.float32)
    assert Mosaic.around(box, (HEIGHT, WIDTH), multiple_px=32).holds(box, margin=0.1)


@pytest.mark.parametrize("shape", [(18, 32), (9, 16)])
def test_outside_is_where_no_cell_looks(shape: tuple[int, int]) -> None:
    mosaic = Mosaic.around(np.array([[0, 0, 240, 270]], np.float32), (HEIGHT, WIDTH), multiple_px=32)
    outside = mosaic.outside(shape)
    assert outside.shape == shape
    right = mosaic.cells_px[0, 2] / WIDTH * shape[1]
    columns = np.arange(shape[1])
    assert not outside[:, columns + 1 <= right].any()
    assert outside[:, columns >= right + 1].all()
