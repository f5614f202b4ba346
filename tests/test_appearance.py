"""An appearance stays the same when light, noise or the box change a little, and not when the face changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from classmood.appearance import look, same_backdrop
from classmood.tracks import ELSEWHERE, PLACE
from drawn_gallery import person, skin

BOX = np.array([[120.0, 60.0, 80.0, 100.0]], np.float32)


def distance(a: np.ndarray, b: np.ndarray, box_b: np.ndarray = BOX) -> float:
    return float(look(b, box_b).distances(look(a, BOX).features)[0, 0])


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.floats(0.9, 1.1),
    st.floats(-4, 4),
    st.floats(-4, 4),
    st.floats(-3, 3),
    st.floats(0.96, 1.04),
    st.floats(0.9, 1.1),
    st.floats(0.9, 1.1),
)
def test_small_changes_stay_near(
    seed: int, light: float, dx: float, dy: float, degrees: float, zoom: float, red: float, blue: float
) -> None:
    """The light and its colour, a shaky box, a tilted head and camera noise together."""
    rng, image = np.random.default_rng(seed), person(seed)
    turn = cv2.getRotationMatrix2D((160, 110), degrees, zoom)
    moved = cv2.warpAffine(image, turn, (320, 240), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    noisy = np.clip(moved * light * [red, 1, blue] + rng.normal(0, 3, moved.shape), 0, 255).astype(np.uint8)
    assert distance(image, noisy, BOX + np.float32([[dx, dy, 0, 0]])) < ELSEWHERE


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_other_people_are_far(a: int, b: int) -> None:
    # Two drawn faces can fall out alike; such draws say nothing.
    assume(np.abs(skin(a) - skin(b)).max() > 30)
    assert distance(person(a), person(b)) > PLACE


def test_the_tangent_distance_is_below_the_plain_one_and_zero_to_itself() -> None:
    first, second = look(person(1), BOX), look(person(2), BOX)
    plain = np.linalg.norm(first.features - second.features)
    assert 0 < first.distances(second.features)[0, 0] < plain
    assert first.distances(first.features)[0, 0] == pytest.approx(0, abs=2e-3)


def test_bases_are_orthonormal_up_to_the_ridge() -> None:
    basis = look(person(3), BOX).bases[0].astype(np.float64)
    assert basis @ basis.T == pytest.approx(np.eye(4), abs=0.1)


def test_each_and_all_distances_agree() -> None:
    faces = look(np.concatenate([person(4), person(5)], 1), np.concatenate([BOX, BOX + np.float32([[320, 0, 0, 0]])]))
    others = np.tile(look(person(6), BOX).features, (50, 1))
    everyone = faces.distances(np.concatenate([others, faces.features[::-1]]))
    assert everyone.shape == (2, 52)
    assert faces.distances_each(others[:2]) == pytest.approx(everyone[:, 0], abs=1e-4)
    assert faces.distances_each(faces.features[::-1]) == pytest.approx(everyone[[0, 1], [50, 51]], abs=1e-4)


@pytest.mark.parametrize(
    "box", [(-400, -400, 50, 50), (300, 220, 500, 500), (10, 10, 0, 0), (-20, 100, 60, 60), (0, 0, 4000, 4000)]
)
def test_boxes_beyond_the_image_have_an_appearance(box: tuple[int, int, int, int]) -> None:
    seen = look(person(7), np.array([box], np.float32))
    assert np.isfinite(seen.features).all()
    assert np.isfinite(seen.bases).all()


def test_a_textured_room_vouches_for_a_head_that_turned() -> None:
    before = person(8, room=1)
    thumbnail = look(before, BOX).thumbnails[0]
    turned = before.copy()
    cv2.ellipse(turned, (170, 112), (30, 46), 0, 0, 360, (60, 50, 40), -1)
    assert same_backdrop(thumbnail, turned, BOX[0])


def test_another_room_or_a_plain_wall_vouches_for_nobody() -> None:
    assert not same_backdrop(look(person(8, room=1), BOX).thumbnails[0], person(8, room=2), BOX[0])
    assert not same_backdrop(look(person(8), BOX).thumbnails[0], person(8), BOX[0])


def test_a_tile_edge_is_no_texture() -> None:
    """The dark gap beside a tile stays where it is whoever sits there."""
    before, now = person(9).copy(), person(10).copy()
    before[:, :105], now[:, :105] = 30, 30
    assert not same_backdrop(look(before, BOX).thumbnails[0], now, BOX[0])


def test_no_faces_are_fine() -> None:
    nobody = look(person(1), np.zeros((0, 4), np.float32))
    assert len(nobody) == 0
    assert nobody.distances(look(person(1), BOX).features).shape == (0, 1)
