"""The one preprocessing: its geometry against Umeyama's solution, its pixels against golden files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classmood.crops import (
    PIXEL_MEAN,
    PIXEL_SPREAD,
    SIDE_PX,
    TEMPLATE_PX,
    crop_whole,
    fit_similarity,
    make_crops,
    normalise,
)
from classmood.errors import InputError
from classmood.faces import Faces

GOLDEN = Path(__file__).parent / "golden" / "crops.npz"
# (turn in degrees, crop pixels a picture pixel, x and y of the template's origin in the picture)
PLACES = (
    (0.0, 1.0, 60.0, 40.0),
    (25.0, 0.45, 90.0, 30.0),
    (-10.0, 0.16, 10.0, 5.0),
    (8.0, 2.5, 140.0, 100.0),
    (0.0, 0.7, -20.0, 150.0),
)


def scene() -> np.ndarray:
    """A drawn picture with detail at every scale: rings, a ramp and a chequer, one a channel."""
    y, x = np.mgrid[:240, :320].astype(np.float64)
    rings = 127.5 + 127.5 * np.sin(((x - 160) ** 2 + (y - 120) ** 2) / 900)
    ramp = (x * 255 / 319 + y * 255 / 239) / 2
    chequer = ((x // 7 + y // 5) % 2) * 200 + 20
    return np.stack([rings, ramp, chequer], 2).round().astype(np.uint8)


def place(turn_degrees: float, zoom: float, x: float, y: float) -> np.ndarray:
    """The template's landmarks as they lie in a picture that the crop is to be cut from."""
    points = (TEMPLATE_PX[:, 0] + 1j * TEMPLATE_PX[:, 1]) / (zoom * np.exp(1j * np.deg2rad(turn_degrees)))
    return np.stack([points.real + x, points.imag + y], 1)


def faces_at(landmarks: np.ndarray) -> Faces:
    n = len(landmarks)
    return Faces(np.zeros((n, 4), np.float32), np.ones(n, np.float32), landmarks.astype(np.float32))


def umeyama(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Umeyama 1991 by singular value decomposition, a route of its own."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, d, vt = np.linalg.svd(b.T @ a / len(a))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    turn = u @ np.diag(sign) @ vt
    zoom = (d * sign).sum() / (a**2).sum(1).mean()
    return np.concatenate([zoom * turn, (target.mean(0) - zoom * turn @ source.mean(0))[:, None]], 1)


@given(st.integers(0, 2**32 - 1))
def test_the_fit_is_umeyamas(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = TEMPLATE_PX * rng.uniform(0.2, 5) + rng.normal(0, 3, (5, 2)) + rng.uniform(-200, 200, 2)
    assert np.allclose(fit_similarity(source[None], TEMPLATE_PX)[0], umeyama(source, TEMPLATE_PX), atol=1e-8)


@given(st.floats(-180, 180), st.floats(0.05, 8), st.floats(-500, 500), st.floats(-500, 500))
def test_a_similarity_is_recovered(turn: float, zoom: float, x: float, y: float) -> None:
    landmarks = place(turn, zoom, x, y)
    matrix = fit_similarity(landmarks[None], TEMPLATE_PX)[0]
    assert np.allclose(landmarks @ matrix[:, :2].T + matrix[:, 2], TEMPLATE_PX, atol=1e-6)


def test_crops_are_those_of_the_golden_file() -> None:
    crops = make_crops(scene(), faces_at(np.stack([place(*p) for p in PLACES])))
    golden = np.load(GOLDEN)["crops"]
    # One grey level: OpenCV's rounding differs between processors.
    assert np.abs(crops.astype(int) - golden.astype(int)).max() <= 1


def test_a_face_that_fits_the_template_is_cut_without_change() -> None:
    picture = scene()
    crop = make_crops(picture, faces_at(place(0, 1, 60, 40)[None]))[0]
    red, green, blue = picture[40 : 40 + SIDE_PX, 60 : 60 + SIDE_PX].astype(float).transpose(2, 0, 1)
    assert np.abs(crop - (0.299 * red + 0.587 * green + 0.114 * blue)).max() <= 1.5


def test_red_and_blue_are_not_exchanged() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[..., 0] = 255
    crop = make_crops(picture, faces_at(place(0, 1, 20, 20)[None]))[0]
    assert np.all(np.abs(crop.astype(int) - 76) <= 1)


def test_a_large_face_is_averaged_and_not_aliased() -> None:
    """A chequer of single pixels, cut eight times smaller, is even grey; picking pixels would give black and white."""
    y, x = np.mgrid[:500, :500]
    picture = np.repeat((((x + y) % 2) * 255).astype(np.uint8)[..., None], 3, 2)
    crop = make_crops(picture, faces_at(place(0, 1 / 8, 20, 20)[None]))[0]
    assert crop[4:-4, 4:-4].std() < 20


def test_no_faces_no_crops() -> None:
    assert make_crops(scene(), Faces.empty()).shape == (0, SIDE_PX, SIDE_PX)


def test_landmarks_that_fall_together_still_give_a_crop() -> None:
    assert make_crops(scene(), faces_at(np.full((1, 5, 2), 50.0))).shape == (1, SIDE_PX, SIDE_PX)


def test_normalise_is_grey_less_mean_over_spread() -> None:
    crops = np.arange(2 * 48 * 48, dtype=np.uint32).reshape(2, 48, 48).astype(np.uint8)
    expected = (crops / 255 - PIXEL_MEAN) / PIXEL_SPREAD
    assert np.allclose(normalise(crops)[:, 0], expected, atol=1e-5)


def test_a_whole_image_is_its_own_crop() -> None:
    grey = np.arange(48 * 48, dtype=np.uint32).reshape(48, 48).astype(np.uint8)
    assert np.array_equal(crop_whole(grey), grey)
    assert np.array_equal(crop_whole(np.repeat(grey[..., None], 3, 2)), grey)
    doubled = np.kron(grey, np.ones((2, 2), np.uint8))
    assert np.array_equal(crop_whole(doubled), grey)


@pytest.mark.parametrize("shape", [(0, 5), (5, 5, 2), (4,)])
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="expected a grey or RGB face image"):
        crop_whole(np.zeros(shape, np.uint8))
