"""Every face is found at any size, and a video's working size follows what is seen.

How the working size is chosen is tested with a stand-in that sees drawn rectangles as a network sees faces: between two
heights, and in pieces beyond.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.boxes import Rows
from classmood.errors import InputError
from classmood.faces import CenterFace, FaceDetector, Faces, Follower, SizingDetector, survey_scales

Box = tuple[int, int, int, int]
# The person's right eye, left eye, nose, right and left corner of the mouth, as read off the portrait by eye.
LANDMARKS_PX = np.array([[203, 101], [247, 104], [226, 127], [204, 141], [243, 142]])
MIRRORED = [1, 0, 2, 4, 3]


class Rectangles:
    """Sees red rectangles as faces that score as blue as they are."""

    aim_px, floor_px, ceiling_px = 25.0, 19.0, 450.0
    least_px = 13.0  # under the floor a network may still see a face, up to a point

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def __call__(self, image: np.ndarray, *, threshold: float) -> Rows:
        self.calls.append(image.shape[:2])
        assert image.shape[0] % 32 == image.shape[1] % 32 == 0
        red = (image[:, :, 0] > 127).astype(np.uint8)
        rows = []
        for x, y, width, height, _ in cv2.connectedComponentsWithStats(red, connectivity=4)[2][1:].tolist():
            score = float(image[y + height // 2, x + width // 2, 2]) / 255
            if height < self.least_px or score < threshold:
                continue
            parts = [(x, y, width, height, score)]
            if height > self.ceiling_px:  # falls into two quarters
                w, h = width / 2, height / 2
                parts = [(x, y, w, h, score * 0.8), (x + w, y + h, w, h, score * 0.7)]
            for left, top, w, h, sure in parts:
                eyes = [left, top, left + w, top, left + w / 2, top + h / 2, left, top + h, left + w, top + h]
                rows.append([left, top, w, h, *eyes, sure])
        return np.array(rows, np.float32).reshape(-1, 15)


def draw(
    faces: Iterable[Box], scores: Iterable[float] = (), *, width: int = 1280, height: int = 720, ground: int = 90
) -> np.ndarray:
    """A grey frame with rectangles; each scores 0.9 unless told otherwise."""
    frame = np.full((height, width, 3), ground, np.uint8)
    told = list(scores)
    for i, (x, y, w, h) in enumerate(faces):
        frame[max(y, 0) : y + h, max(x, 0) : x + w] = (255, 0, round(255 * (told[i] if told else 0.9)))
    return frame


def gallery(rows: int, columns: int, share: float = 0.4, *, width: int = 1280, height: int = 720) -> list[Box]:
    """A face in the middle of every tile."""
    w, h = width // columns, height // rows
    return [
        (
            c * w + round(w / 2 - share * h * 0.4),
            r * h + round(h / 2 - share * h / 2),
            round(share * h * 0.8),
            round(share * h),
        )
        for r in range(rows)
        for c in range(columns)
    ]


def matches(faces: Faces, truth: list[Box], tolerance_px: float) -> bool:
    """Whether the boxes are those, each once."""
    if len(faces) != len(truth):
        return False
    if not truth:
        return True
    apart = np.abs(faces.boxes_px[:, None] - np.array(truth, np.float32)[None]).max(2)
    return bool((apart.min(0) <= tolerance_px).all() and (apart.min(1) <= tolerance_px).all())


def frames_until(follower: Follower, frame: np.ndarray, truth: list[Box], limit: int = 140) -> int:
    """Frames that pass until all is found."""
    for i in range(1, limit):
        if matches(follower.detect(frame), truth, 1.5 / min(follower.scales) + 1):
            return i
    raise AssertionError(f"not found in {limit} frames")


def settled(frame: np.ndarray) -> Follower:
    """A follower that has seen the same frame until its surveys are as seldom as they get."""
    follower = SizingDetector(Rectangles()).follow()
    for _ in range(4 + 8 + 16 + 32 + 64 + 1):
        follower.detect(frame)
    return follower


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
    assert matches(faces, [box], 1.5 * pixel + 0.5)
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


# --- a video, the stand-in ---


def test_the_working_size_suits_the_smallest_face() -> None:
    for share in (0.2, 0.4):
        follower = settled(draw(gallery(3, 4, share)))
        seen_px = min(h for *_, h in gallery(3, 4, share)) * follower.scales[0]
        assert Rectangles.floor_px < seen_px < 1.4 * Rectangles.aim_px
    frame = draw(gallery(1, 1, 0.9))
    assert settled(frame).scales == (survey_scales(frame)[1],)


def test_surveys_grow_seldom_while_nothing_is_new() -> None:
    network = Rectangles()
    follower = SizingDetector(network).follow()
    frame, surveys = draw(gallery(4, 5)), []
    for i in range(400):
        before = len(network.calls)
        assert len(follower.detect(frame)) == 20
        if len(network.calls) - before > 1:
            surveys.append(i)
    assert np.diff(surveys).tolist() == [4, 8, 16, 32, 64, 128, 128]


def test_another_layout_is_noticed_within_a_sixteenth_of_the_longest_wait() -> None:
    one, many = gallery(1, 1, 0.9), gallery(4, 5, 0.3)
    follower = settled(draw(one))
    assert follower.scales[0] * many[0][3] < Rectangles.least_px
    for frame, truth in ((draw(many, ground=10), many), (draw(one), one)):
        assert frames_until(follower, frame, truth) <= 128 // 16


def test_a_change_in_part_of_the_picture_is_noticed_within_a_quarter_of_the_longest_wait() -> None:
    before, added = [(100, 260, 160, 200)], [(700 + 90 * i, 300, 20, 25) for i in range(6)]
    follower = settled(draw(before))
    frame = draw([*before, *added])
    frame[:, 640:960][frame[:, 640:960, 0] == 90] = 10  # a quarter of the frame
    assert follower.scales[0] * 25 < Rectangles.least_px
    assert frames_until(follower, frame, [*before, *added]) <= 128 // 4


def test_a_small_face_that_changes_nothing_else_waits_for_the_next_survey() -> None:
    before, added = [(100, 260, 160, 200)], [(900, 300, 24, 30)]
    follower = settled(draw(before))
    assert 16 < frames_until(follower, draw([*before, *added]), [*before, *added]) <= 128


def test_a_face_that_is_lost_asks_for_a_survey() -> None:
    follower = settled(draw([(600, 300, 80, 100)]))
    away = [(622, 328, 36, 44)]  # leans back: too small for the working size, too little for the thumbnail
    assert follower.scales[0] * 44 < Rectangles.least_px
    assert frames_until(follower, draw(away), away) <= 128 // 4


def test_a_face_that_shrinks_is_followed_before_it_is_lost() -> None:
    follower = settled(draw([(600, 300, 80, 100)]))
    lost = 0
    for height in range(100, 24, -3):
        frame = draw([(640 - round(0.4 * height), 350 - height // 2, round(0.8 * height), height)])
        for _ in range(4):
            lost += len(follower.detect(frame)) != 1
    assert lost == 0
    assert follower.scales[0] * 25 > Rectangles.floor_px


def test_a_new_face_must_be_surer_than_a_known_one() -> None:
    face, other = (300, 200, 80, 100), (800, 400, 80, 100)
    detector = SizingDetector(Rectangles())
    follower = detector.follow()

    def count(*scores: float) -> int:
        return len(follower.detect(draw([face, other][: len(scores)], scores)))

    assert [count(score) for score in (0.39, 0.41, 0.26, 0.3, 0.26)] == [0, 1, 1, 1, 1]
    assert [count(0.3, 0.39), count(0.3, 0.41), count(0.3, 0.3)] == [1, 2, 2]
    assert [count(0.24), count(0.39), count(0.41)] == [0, 0, 1]
    assert [len(detector.detect(draw([face], [score]))) for score in (0.39, 0.41)] == [0, 1]


def test_another_frame_size_starts_afresh() -> None:
    follower = settled(draw(gallery(1, 1)))
    truth = gallery(5, 5, width=640, height=360)
    assert matches(follower.detect(draw(truth, width=640, height=360)), truth, 4)


def test_every_video_has_a_follower_of_its_own() -> None:
    detector = SizingDetector(Rectangles())
    first = detector.follow()
    first.detect(draw(gallery(1, 1), [0.9]))
    for other in (detector.follow(), first.follow()):
        assert other.scales == ()
        assert len(other.detect(draw(gallery(1, 1), [0.3]))) == 0
    assert len(first.detect(draw(gallery(1, 1), [0.3]))) == 1


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
