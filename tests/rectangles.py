"""Drawn rectangles for faces, and a stand-in for the network that finds them."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from classmood.boxes import Rows
from classmood.faces import Faces

Box = tuple[int, int, int, int]


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
