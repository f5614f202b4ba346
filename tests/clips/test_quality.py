"""Which frames are good enough, and what is said of those that are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from classmood.clips.quality import QualityLimits, judge, sharpness
from classmood.crops import TEMPLATE_PX
from classmood.faces import Faces

LIMITS = QualityLimits(face_px=40, score=0.6, sharpness=0.03)


def picture(blur_px: float = 0.0) -> np.ndarray:
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    image = cv2.resize(image, (240, 240), interpolation=cv2.INTER_CUBIC)
    return cv2.GaussianBlur(image, (0, 0), blur_px) if blur_px else image


def faces(*found: tuple[float, float]) -> Faces:
    """Faces of a height and a score, side by side."""
    boxes = np.array([[20 + 90 * k, 30, 0.8 * h, h] for k, (h, _) in enumerate(found)], np.float32).reshape(-1, 4)
    points = [box[:2] + TEMPLATE_PX * box[3] / 48 for box in boxes]
    landmarks = np.array(points, np.float32).reshape(-1, 5, 2)
    return Faces(boxes, np.array([score for _, score in found], np.float32), landmarks)


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        ((), "no face"),
        (((100, 0.9),), None),
        (((100, 0.5),), "unsure"),
        (((30, 0.9),), "small"),
        (((100, 0.9), (90, 0.8)), "several faces"),
        # A face in a picture on the wall, or what is hardly one, is no second person.
        (((100, 0.9), (20, 0.9)), None),
        (((100, 0.9), (90, 0.4)), None),
    ],
)
def test_what_is_wrong_is_named(found: tuple[tuple[float, float], ...], fault: str | None) -> None:
    crop, said = judge(picture(), faces(*found), LIMITS)
    assert said == fault
    assert (crop is None) == (fault is not None)


def test_a_blurred_face_is_left_out() -> None:
    assert judge(picture(blur_px=9), faces((100, 0.9)), LIMITS)[1] == "blurred"


def test_sharpness_knows_neither_light_nor_contrast() -> None:
    crop = cv2.resize(picture()[..., 0], (48, 48), interpolation=cv2.INTER_AREA)
    dim = (crop // 2 + 20).astype(np.uint8)
    assert sharpness(dim) == pytest.approx(sharpness(crop), rel=0.05)
    assert sharpness(cv2.GaussianBlur(crop, (0, 0), 2)) < 0.3 * sharpness(crop)
    assert sharpness(np.full((48, 48), 9, np.uint8)) == 0
