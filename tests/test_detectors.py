"""Every face is found at any size.

How the working size is chosen is tested with a stand-in that sees drawn rectangles as a network sees faces: between two
heights, and in pieces beyond.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.detectors import CenterFace, SizingDetector
from classmood.errors import InputError
from classmood.faces import FaceDetector
from classmood.scales import survey_scales
from rectangles import Rectangles, draw, gallery, matches

# The person's right eye, left eye, nose, right and left corner of the mouth, as read off the portrait by eye.
LANDMARKS_PX = np.array([[203, 101], [247, 104], [226, 127], [204, 141], [243, 142]])
MIRRORED = [1, 0, 2, 4, 3]


# --- one image, the stand-in ---


@settings(max_examples=60, deadline=None)
@given(st.integers(30, 1500), st.integers(30, 1100), st.floats(0.05, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_face_is_found_once_and_in_its_place_in_any_image(
    width: int, height: int, share: float, right: float, down: float
) -> None:
    h = round(height * share)
    w = min(round(h * 0.8), width)
    box = (round((width - w) * right), round((height - h) * down), w, h)
    image = draw([box], width=width, height=height)
    large, small = survey_scales(image)
    if h * large < Rectangles.least_px + 1 or w * large < 3:
        return  # too small to be seen
    faces = SizingDetector(Rectangles()).detect(image)
    pixel = 1 / (large if h * large <= Rectangles.ceiling_px else small)
    # Each edge may fall one pixel of the shrunken picture out, so a width or height two.
    assert matches(faces, [box], 2 * pixel + 0.5)
    x, y, w_found, h_found = faces.boxes_px[0]
    corners = [
        [x, y],
        [x + w_found, y],
        [x + w_found / 2, y + h_found / 2],
        [x, y + h_found],
        [x + w_found, y + h_found],
    ]
    assert faces.landmarks_px[0] == pytest.approx(np.array(corners), abs=0.01)


def test_large_and_small_faces_are_found_together() -> None:
    truth = [(100, 60, 480, 600), (900, 300, 20, 25), (1100, 100, 120, 150)]
    assert matches(SizingDetector(Rectangles()).detect(draw(truth)), truth, 4)


def test_the_surest_face_comes_first() -> None:
    faces = SizingDetector(Rectangles()).detect(draw(gallery(1, 3), [0.5, 0.9, 0.7]))
    assert faces.scores == pytest.approx([0.9, 0.7, 0.5], abs=0.01)
    assert faces.take(np.array([2, 0])).scores == pytest.approx([0.5, 0.9], abs=0.01)
    assert faces.take(faces.scores > 0.6).boxes_px.tolist() == faces.boxes_px[:2].tolist()


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 2), (31, 33), (2, 2)])
def test_odd_images_have_no_faces_and_break_nothing(shape: tuple[int, int]) -> None:
    detector = SizingDetector(Rectangles())
    assert len(detector.detect(np.zeros((*shape, 3), np.uint8))) == 0
    assert len(detector.follow().detect(np.zeros((*shape, 3), np.uint8))) == 0


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((40, 40), np.uint8),
        np.zeros((40, 40, 4), np.uint8),
        np.zeros((40, 40, 3), np.uint16),
        np.zeros((40, 40, 3), np.float32),
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((2, 40, 40, 3), np.uint8),
    ],
    ids=["grey", "rgba", "16 bit", "float", "empty", "batch"],
)
def test_what_is_no_rgb_image_is_refused(image: np.ndarray) -> None:
    detector = SizingDetector(Rectangles())
    for refusing in (detector, detector.follow()):
        with pytest.raises(InputError, match=r"expected an RGB image, uint8 .* got") as caught:
            refusing.detect(image)
        assert str(image.dtype) in str(caught.value)
        assert str(image.shape) in str(caught.value)


# --- the shipped network ---


@pytest.fixture(scope="module")
def detector() -> CenterFace:
    return CenterFace(threads=1)


def tiles(portrait: np.ndarray, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """The portrait in every tile of a 1080p gallery, and the middle of each face."""
    frame = np.full((1080, 1920, 3), 40, np.uint8)
    height, width = 1080 // rows, 1920 // columns
    side = min(height, width) - 4
    tile = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    corners = np.array([(c * width + (width - side) // 2, r * height + 2) for r in range(rows) for c in range(columns)])
    for x, y in corners:
        frame[y : y + side, x : x + side] = tile
    return frame, corners + LANDMARKS_PX[2] * side / 512


def close_up(portrait: np.ndarray, height_px: int) -> np.ndarray:
    """The portrait's face alone."""
    return cv2.resize(portrait[60:180, 182:272], (round(height_px * 0.75), height_px), interpolation=cv2.INTER_CUBIC)


def test_it_is_a_detector(detector: CenterFace) -> None:
    assert isinstance(detector, FaceDetector)
    assert isinstance(detector.follow(), FaceDetector)


def test_landmarks_are_where_they_should_be_and_mirror(detector: CenterFace, portrait: np.ndarray) -> None:
    faces = detector.detect(portrait)
    mirrored = detector.detect(np.ascontiguousarray(portrait[:, ::-1]))
    assert len(faces) == len(mirrored) == 1
    tolerance_px = 0.15 * 45  # of the distance of the eyes
    assert np.linalg.norm(faces.landmarks_px[0] - LANDMARKS_PX, axis=1).max() < tolerance_px
    back = (512, 0) + mirrored.landmarks_px[0][MIRRORED] * (-1, 1)
    assert np.linalg.norm(back - faces.landmarks_px[0], axis=1).max() < tolerance_px
    x, y, width, height = faces.boxes_px[0]
    assert ([x, y] < LANDMARKS_PX).all()
    assert ([x + width, y + height] > LANDMARKS_PX).all()


@pytest.mark.parametrize("height_px", [120, 480, 1080])
def test_a_face_that_fills_the_frame_is_one_face(detector: CenterFace, portrait: np.ndarray, height_px: int) -> None:
    image = close_up(portrait, height_px)
    follower = detector.follow()
    for faces in (detector.detect(image), follower.detect(image), follower.detect(image)):
        assert len(faces) == 1
        assert faces.boxes_px[0, 3] > 0.75 * height_px


@pytest.mark.parametrize(
    ("cut", "shift"),
    [(np.s_[:, 212:], (212, 0)), (np.s_[:, :240], (0, 0)), (np.s_[98:], (0, 98)), (np.s_[:137], (0, 0))],
    ids=["left", "right", "top", "bottom"],
)
def test_a_face_cut_by_the_border_is_found(
    detector: CenterFace, portrait: np.ndarray, cut: tuple[slice, ...], shift: tuple[int, int]
) -> None:
    image = np.ascontiguousarray(portrait[cut])
    faces = detector.detect(image)
    assert len(faces) == 1
    x, y, width, height = faces.boxes_px[0]
    nose = LANDMARKS_PX[2] - shift
    assert x < nose[0] < x + width
    assert y < nose[1] < y + height


@pytest.mark.parametrize(("rows", "columns"), [(4, 5), (7, 7)])
def test_every_face_of_a_gallery_is_found_and_none_besides(
    detector: CenterFace, portrait: np.ndarray, rows: int, columns: int
) -> None:
    frame, noses = tiles(portrait, rows, columns)
    follower = detector.follow()
    for faces in (detector.detect(frame), follower.detect(frame), follower.detect(frame)):
        assert len(faces) == rows * columns
        x, y, width, height = faces.boxes_px.T[:, None]
        inside = (x < noses[:, :1]) & (noses[:, :1] < x + width) & (y < noses[:, 1:]) & (noses[:, 1:] < y + height)
        assert (inside.sum(0) == 1).all()
        assert (inside.sum(1) == 1).all()


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (360, 640, 3), np.uint8)


def coffee() -> np.ndarray:
    data = pytest.importorskip("skimage.data", reason="scikit-image (extra [demo]) is not installed")
    return np.asarray(data.coffee())


@pytest.mark.parametrize("picture", [coffee, noise, lambda: np.full((360, 640, 3), 128, np.uint8)])
def test_where_there_is_no_face_none_is_found(detector: CenterFace, picture: Callable[[], np.ndarray]) -> None:
    image = picture()
    assert len(detector.detect(image)) == 0
    follower = detector.follow()
    for _ in range(3):
        faces = follower.detect(image)
        assert len(faces) == 0
        assert faces.landmarks_px.shape == (0, 5, 2)


def test_from_one_face_to_twenty_and_back(detector: CenterFace, portrait: np.ndarray) -> None:
    one = np.full((1080, 1920, 3), 40, np.uint8)
    one[:, 420:1500] = cv2.resize(portrait, (1080, 1080))
    many, _ = tiles(portrait, 4, 5)
    runs = []
    for _ in range(2):
        follower = detector.follow()
        runs.append([follower.detect(frame) for frame in (one, one, many, many, many, many, one, one, one, one)])
    counts = [len(faces) for faces in runs[0]]
    assert counts[:2] == [1, 1]
    assert counts[5] == 20
    assert counts[9] == 1
    for first, again in zip(*runs, strict=True):
        assert np.array_equal(first.boxes_px, again.boxes_px)
        assert np.array_equal(first.landmarks_px, again.landmarks_px)
        assert np.array_equal(first.scores, again.scores)


def test_every_photo_of_the_london_set_has_one_face(detector: CenterFace, london: Path) -> None:
    photos = sorted(london.glob("*.jpg"))[::17]
    assert len(photos) == 12
    for photo in photos:
        image = np.ascontiguousarray(cv2.imread(str(photo))[:, :, ::-1])
        assert len(detector.detect(image)) == 1, photo.name
