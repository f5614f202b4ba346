"""PyPI `fer`. The variant `keras` is its float network in place of the quantised one that it takes by default.

Its answers are rounded to a hundredth, which makes ties; what its network says is kept before that. A face crop is
given as a face rectangle over the whole image, without the 10 px that it adds to a detector's box: FER2013's images are
cropped already, and what it would add there is padding (on 1,000 FER+ training faces 66 % right without, 56 % with).
"""

from __future__ import annotations

import sys

import numpy as np
from fer.fer import FER
from interface import Box, Probabilities, serve, variant


class Unrounded(FER):
    """It, with what its network said last kept before rounding."""

    def _classify_emotions(self, gray_faces: np.ndarray) -> np.ndarray:
        self.said = np.asarray(super()._classify_emotions(gray_faces))
        return self.said

    def probabilities(self) -> list[Probabilities]:
        names = self._get_labels()
        return [{names[i]: float(value) for i, value in enumerate(shares)} for shares in self.said]


class Fer:
    """One recogniser for crops and one for photos: they differ in the offset."""

    def __init__(self, network: str) -> None:
        self._on_crops = Unrounded(use_tflite=network != "keras", offsets=(0, 0))
        self._on_photos = Unrounded(use_tflite=network != "keras")

    def faces(self, crops: list[np.ndarray]) -> list[Probabilities]:
        # Side by side in one image, so that they are classified together as the faces of a frame are.
        if len({crop.shape for crop in crops}) > 1:
            return [self.faces([crop])[0] for crop in crops]
        height, width = crops[0].shape[:2]
        places = [(width * i, 0, width, height) for i in range(len(crops))]
        self._on_crops.detect_emotions(np.hstack(crops), face_rectangles=places)
        return self._on_crops.probabilities()

    def find(self, photo: np.ndarray) -> list[tuple[Box, Probabilities]]:
        found = self._on_photos.detect_emotions(photo)
        boxes = [tuple(map(float, face["box"])) for face in found]
        return list(zip(boxes, self._on_photos.probabilities(), strict=True)) if found else []


if __name__ == "__main__":
    serve(Fer(variant(sys.argv[1:])), sys.argv[1:])
