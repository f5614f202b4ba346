"""Which frames of a clip are good enough to learn from: one face, surely a face, large and sharp enough.

Sharpness is the variance of the crop's Laplacian over the variance of its grey, so that neither light nor contrast
counts. On 40 photos of the London set (320 pixels wide, faces of some 150) its median is .54 as they are, .064 with the
crop blurred by one of its pixels (standard deviation of the Gaussian), .017 by two: the limit lies between the latter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import cv2
import numpy as np
from jaxtyping import UInt8

from classmood.crops import make_crops
from classmood.faces import Faces

Fault = Literal["no face", "several faces", "unsure", "small", "blurred"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """The least that a frame must have.

    Attributes:
        face_px: height of the face's box.
        score: of the detector, 0 to 1.
        sharpness: see the module.
        frames: good frames in a clip; with fewer it is left out.
    """

    face_px: float = 40.0
    score: float = 0.6
    sharpness: float = 0.03
    frames: int = 3


def sharpness(crop: UInt8[np.ndarray, "48 48"]) -> float:
    """Variance of the Laplacian over the variance of grey; 0 for a crop of one grey."""
    spread = float(crop.var())
    return float(cv2.Laplacian(crop, cv2.CV_64F).var()) / spread if spread else 0.0


def judge(
    image: UInt8[np.ndarray, "h w 3"], faces: Faces, limits: QualityLimits
) -> tuple[UInt8[np.ndarray, "48 48"] | None, Fault | None]:
    """The crop of a frame's one face, or the first thing that is wrong with the frame.

    A second face that is itself too unsure or too small to be one, a picture on a wall, does not count.
    """
    if not len(faces):
        return None, "no face"
    sure, large = faces.scores >= limits.score, faces.boxes_px[:, 3] >= limits.face_px
    good = np.flatnonzero(sure & large)
    if len(good) > 1:
        return None, "several faces"
    if not len(good):
        return None, "small" if sure.any() else "unsure"
    crop: UInt8[np.ndarray, "48 48"] = make_crops(image, faces.take(good))[0]
    if sharpness(crop) < limits.sharpness:
        return None, "blurred"
    return crop, None
