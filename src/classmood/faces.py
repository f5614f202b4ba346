"""The faces of an image, and what finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8

from classmood.boxes import BOX, LANDMARKS, SCORE, Rows
from classmood.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """The faces of one image, the surest first.

    Convention: coordinates are continuous, an image spans (0, 0) to (width, height). Boxes and landmarks may reach past
    it where a face is cut off.

    Attributes:
        boxes_px: x, y, width, height.
        scores: from 0 to 1; not a probability.
        landmarks_px: the person's right eye (left in the image), left eye, nose, and the corners of the mouth, the one
            left in the image first.
    """

    boxes_px: Float32[np.ndarray, "n 4"]
    scores: Float32[np.ndarray, " n"]
    landmarks_px: Float32[np.ndarray, "n 5 2"]

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def empty(cls) -> Faces:
        """No faces."""
        return cls.from_rows(np.zeros((0, 15), np.float32))

    @classmethod
    def from_rows(cls, rows: Rows) -> Faces:
        """Faces as a network gives them."""
        return cls(rows[:, BOX], rows[:, SCORE], rows[:, LANDMARKS].reshape(-1, 5, 2))

    def take(self, indices: Int[np.ndarray, " m"] | Bool[np.ndarray, " n"]) -> Faces:
        """Some of the faces, in the order asked for."""
        return type(self)(self.boxes_px[indices], self.scores[indices], self.landmarks_px[indices])


@runtime_checkable
class FaceDetector(Protocol):
    """What finds faces."""

    def detect(self, image: UInt8[np.ndarray, "h w 3"]) -> Faces:
        """Find the faces of an RGB image."""

    def follow(self) -> FaceDetector:
        """A detector for the frames of one video, in order; it may remember what it saw."""


@runtime_checkable
class Network(Protocol):
    """A face network on a picture of a given size.

    Attributes:
        aim_px: height of the smallest face to work at.
        floor_px: height under which faces may be missed.
        ceiling_px: height over which they may be seen wrongly.
    """

    aim_px: float
    floor_px: float
    ceiling_px: float

    def __call__(self, image: UInt8[np.ndarray, "h w 3"], *, threshold: float) -> Rows:
        """Find faces in an RGB image whose sides are multiples of 32."""


def check_image(image: np.ndarray) -> None:
    """Refuse what is no RGB image of 8 bits.

    Raises:
        InputError: says what was expected and what came.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise InputError(
            f"expected an RGB image, uint8 of shape (height, width, 3) with pixels in it, got {image.dtype} of shape "
            f"{image.shape}; read files with classmood.frames"
        )
