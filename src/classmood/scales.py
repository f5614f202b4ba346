"""The sizes at which an image is shown to a face network.

A network sees faces between two heights, counted in pixels of the picture it is given: CenterFace from about 20 to 400.
A meeting's frame holds anything from one face that fills it to a grid of 49, so no one size serves all, and the cost
grows with the area.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from jaxtyping import UInt8

# What a face network's pictures must be multiples of, on both sides.
SIDE_MULTIPLE_PX: Final = 32
# The survey's large pass: at most this area, which bounds time and memory; small pictures are enlarged towards the
# second, at most three times.
_LARGE_AREA_PX: Final = 1_000_000
_LARGE_AREA_AT_LEAST_PX: Final = 640 * 360
_ENLARGE_AT_MOST: Final = 3.0
# Its small pass.
SMALL_SIDE_PX: Final = 256


def survey_scales(image: UInt8[np.ndarray, "h w 3"]) -> tuple[float, float]:
    """The scales of a survey's large and small pass."""
    height, width = image.shape[:2]
    area = height * width
    large = min((_LARGE_AREA_PX / area) ** 0.5, max(1.0, (_LARGE_AREA_AT_LEAST_PX / area) ** 0.5), _ENLARGE_AT_MOST)
    return large, min(SMALL_SIDE_PX / max(height, width), large / 2)


def fit_side(image: UInt8[np.ndarray, "h w 3"], scale: float, at_least: float, at_most: float) -> float:
    """A scale near the one wanted that makes the longer side a multiple of 32, so that no margin is computed."""
    side = max(image.shape[:2])
    fitted = max(1, round(side * scale / SIDE_MULTIPLE_PX)) * SIDE_MULTIPLE_PX / side
    return float(np.clip(fitted, at_least, at_most))


def working_size(shape: tuple[int, ...], scale: float) -> tuple[int, int]:
    """Height and width of an image of this shape when shrunk by a scale."""
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def shrink(image: UInt8[np.ndarray, "h w 3"], scale: float) -> tuple[UInt8[np.ndarray, "r c 3"], tuple[float, float]]:
    """Resize by about a scale. Returns the factors for x and y that came of it.

    Halving by area is exact and quick; what is left, less than a factor of two, linear interpolation does without
    aliasing. It costs a quarter of area averaging at any factor and serves as well.
    """
    height, width = working_size(image.shape, scale)
    wanted = (width, height)
    halved = 1.0
    while scale * halved <= 0.5 and min(image.shape[:2]) >= 2 * 2:
        even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        image = cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)
        halved *= 2
    factors = (wanted[0] / (image.shape[1] * halved), wanted[1] / (image.shape[0] * halved))
    if (image.shape[1], image.shape[0]) != wanted:
        image = cv2.resize(image, wanted, interpolation=cv2.INTER_LINEAR)
    return image, factors


def round_up(side_px: int) -> int:
    """The next multiple of 32."""
    return -(-side_px // SIDE_MULTIPLE_PX) * SIDE_MULTIPLE_PX
