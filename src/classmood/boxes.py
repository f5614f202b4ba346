"""Boxes around faces: a detector's rows, overlap, and the choice among boxes that mean the same face.

Convention: coordinates are continuous, x to the right and y down, and an image spans (0, 0) to (width, height), so a
pixel's centre is at a half. A box is (x, y, width, height) and may reach past the image where a face is cut off.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Bool, Float32

# A row a face, as OpenCV's FaceDetectorYN gives them: x, y, width, height, five landmarks (x, y), score.
Rows = Float32[np.ndarray, "n 15"]
BOX: Final = slice(0, 4)
LANDMARKS: Final = slice(4, 14)
SCORE: Final = 14
SAME_FACE_IOU: Final = 0.3


def keep_distinct(boxes: Float32[np.ndarray, "n 4"]) -> Bool[np.ndarray, " n"]:
    """Non-maximum suppression: of boxes that overlap by more than 0.3, keep the first.

    Args:
        boxes: (x, y, width, height), the best first.
    """
    overlap = overlaps(boxes, boxes) > SAME_FACE_IOU
    kept = np.ones(len(boxes), np.bool_)
    for i in range(1, len(boxes)):
        kept[i] = not (overlap[i, :i] & kept[:i]).any()
    return kept


def overlaps(a: Float32[np.ndarray, "n 4"], b: Float32[np.ndarray, "m 4"]) -> Float32[np.ndarray, "n m"]:
    """Intersection over union of every box of one set with every box of another."""
    shared = _shared(a, b)
    areas = a[:, 2:].prod(1)[:, None] + b[:, 2:].prod(1)[None]
    # Two boxes without area share none.
    ratio: Float32[np.ndarray, "n m"] = shared / np.maximum(areas - shared, np.finfo(np.float32).tiny)
    return ratio


def covered(a: Float32[np.ndarray, "n 4"], b: Float32[np.ndarray, "m 4"]) -> Float32[np.ndarray, "n m"]:
    """The share of every box of the first set that lies in every box of the second."""
    share: Float32[np.ndarray, "n m"] = _shared(a, b) / np.maximum(a[:, 2:].prod(1), np.finfo(np.float32).tiny)[:, None]
    return share


def _shared(a: Float32[np.ndarray, "n 4"], b: Float32[np.ndarray, "m 4"]) -> Float32[np.ndarray, "n m"]:
    corner = np.maximum(a[:, None, :2], b[None, :, :2])
    far = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    area: Float32[np.ndarray, "n m"] = np.clip(far - corner, 0, None).prod(2)
    return area
