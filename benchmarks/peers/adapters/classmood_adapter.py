"""classmood itself: the shipped detector, crop and model, one call a stage as `classmood analyze` does for photos.

The variant is the model: a shipped model's name or a file with its card beside it.
"""

from __future__ import annotations

import os
import sys

import cv2
import numpy as np
from interface import Box, Probabilities, serve, variant

from classmood.classifier import Classifier, Emotions
from classmood.crops import SIDE_PX, crop_whole, make_crops
from classmood.detectors import CenterFace
from classmood.emotions import FERPLUS_CLASSES
from classmood.models.weights import SHIPPED_EMOTION


class Classmood:
    """The shipped pipeline for photos; ``OMP_NUM_THREADS`` bounds its threads."""

    def __init__(self, model: str) -> None:
        asked = os.environ.get("OMP_NUM_THREADS")
        threads = {"threads": int(asked)} if asked else {}
        self._classifier = Classifier(model or SHIPPED_EMOTION, **threads)
        self._detector = CenterFace(**threads)

    def faces(self, crops: list[np.ndarray]) -> list[Probabilities]:
        whole = [crop_whole(cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)) for crop in crops]
        return self._named(self._classifier(np.array(whole, np.uint8)))

    def find(self, photo: np.ndarray) -> list[tuple[Box, Probabilities]]:
        image = cv2.cvtColor(photo, cv2.COLOR_BGR2RGB)
        faces = self._detector.detect(image)
        crops = make_crops(image, faces).reshape(-1, SIDE_PX, SIDE_PX)
        boxes = [tuple(map(float, box)) for box in faces.boxes_px]
        return list(zip(boxes, self._named(self._classifier(crops)), strict=True))

    @staticmethod
    def _named(emotions: Emotions) -> list[Probabilities]:
        return [dict(zip(FERPLUS_CLASSES, map(float, shares), strict=True)) for shares in emotions.ferplus]


if __name__ == "__main__":
    serve(Classmood(variant(sys.argv[1:])), sys.argv[1:])
