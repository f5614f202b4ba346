"""A meeting's gallery drawn from shapes, with known people, for tests of appearances and tracks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import cv2
import numpy as np

from classmood.faces import Faces

TILE_PX = (160, 120)
# The face within its tile: x, y, width, height.
FACE_PX = np.array([60, 30, 40, 50], np.float32)


@cache
def person(seed: int, *, room: int | None = None, turned: bool = False, smiling: bool = False) -> np.ndarray:
    """A drawn head with its own skin, hair and shirt before a plain wall, or before a room with texture."""
    rng = np.random.default_rng(seed)
    image = np.full((240, 320, 3), 205, np.uint8)
    if room is not None:
        patches = np.random.default_rng(1000 + room).integers(40, 220, (9, 12, 3), dtype=np.uint8)
        image = cv2.resize(patches, (320, 240), interpolation=cv2.INTER_CUBIC)
    skin, hair, shirt = rng.integers(90, 230, 3), rng.integers(10, 140, 3), rng.integers(20, 240, 3)
    width, height = int(rng.integers(30, 38)), int(rng.integers(42, 52))
    cv2.ellipse(image, (160, 240), (90, 75), 0, 180, 360, shirt.tolist(), -1)
    cv2.ellipse(image, (160, 100), (width + 9, height + int(rng.integers(4, 16))), 0, 0, 360, hair.tolist(), -1)
    aside = 9 if turned else 0
    cv2.ellipse(image, (160 + aside, 112), (width - aside, height), 0, 0, 360, skin.tolist(), -1)
    for x in (145, 175):
        cv2.circle(image, (x + aside, 102), int(rng.integers(3, 6)), (30, 30, 30), -1)
    mouth = (17, 7) if smiling else (14, 4)
    cv2.ellipse(image, (160 + aside, 138), mouth, 0, 0, 360, (150, 60, 60), -1)
    # No camera gives edges as sharp or colours as pure as these.
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.GaussianBlur(cv2.addWeighted(image, 0.5, grey, 0.5, 0), (0, 0), 2.5)


def skin(seed: int) -> np.ndarray:
    """The colour of a drawn person's face."""
    return np.random.default_rng(seed).integers(90, 230, 3)


def gallery(
    tiles: Mapping[int, np.ndarray], *, columns: int = 3, rows: int = 2, noise: np.random.Generator | None = None
) -> tuple[np.ndarray, Faces]:
    """People in their tiles, all other cameras off, and the faces in order of the tiles' mention.

    Args:
        tiles: pictures by tile.
        columns: tiles in a row.
        rows: rows of tiles.
        noise: shakes boxes by about half a pixel and adds a camera's noise.
    """
    width, height = TILE_PX
    image = np.full((rows * height, columns * width, 3), 30, np.uint8)
    boxes = []
    for tile, picture in tiles.items():
        x, y = tile % columns * width, tile // columns * height
        small = cv2.resize(picture, TILE_PX, interpolation=cv2.INTER_AREA)
        if noise is not None:
            small = np.clip(small + noise.normal(0, 3, small.shape), 0, 255).astype(np.uint8)
        image[y : y + height, x : x + width] = small
        shake = noise.normal(0, 0.5, 4) if noise is not None else np.zeros(4)
        boxes.append(FACE_PX + np.array([x, y, 0, 0]) + shake)
    n = len(boxes)
    boxes_px = np.array(boxes, np.float32).reshape(n, 4)
    return image, Faces(boxes_px, np.full(n, 0.9, np.float32), np.zeros((n, 5, 2), np.float32))
