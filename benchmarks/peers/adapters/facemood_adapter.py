"""PyPI `facemood`. All that it offers is a loop over a camera, so its network and its preprocessing stand here.

It looks for no face: the whole picture, resized to 170x170 and divided by 255, goes into the network.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from interface import Probabilities, serve
from PIL import Image

NAMES = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")
SIDE_PX = 170


class Facemood:
    """Its network, without its camera loop."""

    def __init__(self) -> None:
        # Found, not imported: importing it runs what needs a screen and a camera.
        spec = find_spec("facemood")
        weights = Path(spec.origin).parent / "model__version1.0.0__.h5"
        self._network = tf.keras.models.load_model(weights, compile=False)

    def faces(self, crops: list[np.ndarray]) -> list[Probabilities]:
        pictures = [Image.fromarray(cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)).resize((SIDE_PX, SIDE_PX)) for crop in crops]
        batch = np.array([np.array(picture) for picture in pictures], np.float32) / 255
        return [dict(zip(NAMES, map(float, shares), strict=True)) for shares in self._network(batch).numpy()]

    def find(self, _photo: np.ndarray) -> None:
        return None


if __name__ == "__main__":
    serve(Facemood(), sys.argv[1:])
