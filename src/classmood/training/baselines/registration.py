"""The mean neutral face, and bringing other faces to it: what the reference models for stills look at faces by.

FER2013's crops are loose, so that a plain mean of them is a blur. Two standard steps make a face of it: grey is
normalised by the mean and deviation of its neighbourhood, which takes the lighting away, and the neutral faces are
brought to their own mean again and again (congealing: Learned-Miller, "Data Driven Image Models through Continuous
Joint Alignment", IEEE TPAMI 2006). Each face is brought by the affine transform of greatest correlation (ECC:
Evangelidis and Psarakis, IEEE TPAMI 2008), found on the crop that the project's one aligner made.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from jaxtyping import Float32, Int, UInt8

from classmood.crops import SIDE_PX
from classmood.errors import InputError

_NEIGHBOURHOOD_PX: Final = 6.0
# The deviation that is added to every neighbourhood's, so that noise in even places is not blown up; grey levels.
_LEAST_DEVIATION: Final = 5.0
_MID, _SPREAD = 128.0, 45.0
_ECC_ROUNDS, _ECC_GAIN, _ECC_BLUR_PX = 15, 1e-3, 5
# Beyond these ECC has lost the face, and the crop is left as it was.
_MOST_AREA_CHANGE: Final = 0.45
_MOST_SHIFT_PX: Final = 16.0


def normalise_locally(crop: UInt8[np.ndarray, "48 48"]) -> UInt8[np.ndarray, "48 48"]:
    """Grey less the mean of its Gaussian neighbourhood, over its deviation, as 128 +- 45 a deviation."""
    grey = crop.astype(np.float32)
    mean = cv2.GaussianBlur(grey, (0, 0), _NEIGHBOURHOOD_PX)
    variance = cv2.GaussianBlur((grey - mean) ** 2, (0, 0), _NEIGHBOURHOOD_PX)
    shown = _MID + _SPREAD * (grey - mean) / np.sqrt(variance + _LEAST_DEVIATION**2)
    rounded: UInt8[np.ndarray, "48 48"] = np.clip(np.rint(shown), 0, 255).astype(np.uint8)
    return rounded


class NeutralFace:
    """A mean face to register others to.

    Attributes:
        face: the mean, locally normalised.
    """

    def __init__(self, face: UInt8[np.ndarray, "48 48"]) -> None:
        self.face = face

    @classmethod
    def of(cls, crops: UInt8[np.ndarray, "n 48 48"], *, rounds: int = 3) -> NeutralFace:
        """Congeal crops: their mean, then the mean of them registered to it, ``rounds`` times.

        The registered faces' mean transform is undone in each round: the mean would drift or grow otherwise.
        """
        normalised = [normalise_locally(crop) for crop in crops]
        neutral = cls(_mean(normalised))
        for _ in range(rounds):
            transforms = [neutral.transform(crop) for crop in normalised]
            mean = np.mean([_square(each) for each in transforms], 0)
            centred = [(_square(each) @ np.linalg.inv(mean))[:2] for each in transforms]
            neutral = cls(_mean([_warp(*pair) for pair in zip(normalised, centred, strict=True)]))
        return neutral

    @classmethod
    def among(
        cls,
        crops: UInt8[np.ndarray, "n 48 48"],
        labels: Int[np.ndarray, " n"],
        neutral: int,
        most: int,
        random_state: int,
    ) -> NeutralFace:
        """The mean of at most ``most`` of the crops that are labelled neutral.

        Raises:
            InputError: none is.
        """
        places = np.flatnonzero(labels == neutral)
        if not len(places):
            raise InputError(
                f"expected neutral faces (label {neutral}) among the training samples, got none; stills are registered "
                "to their mean, so add some or set neutral"
            )
        return cls.of(crops[np.random.default_rng(random_state).permutation(places)[:most]])

    def transform(self, normalised: UInt8[np.ndarray, "48 48"]) -> Float32[np.ndarray, "2 3"]:
        """The affine map from the mean face's pixels to the crop's; the identity where ECC finds none."""
        identity: Float32[np.ndarray, "2 3"] = np.eye(2, 3, dtype=np.float32)
        everywhere = np.full_like(normalised, 255)
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ECC_ROUNDS, _ECC_GAIN)
        try:
            _, found = cv2.findTransformECC(
                self.face, normalised, identity.copy(), cv2.MOTION_AFFINE, criteria, everywhere, _ECC_BLUR_PX
            )
        except cv2.error:  # It did not converge, or the crop is one even grey.
            return identity
        astray = abs(float(np.linalg.det(found[:, :2])) - 1) > _MOST_AREA_CHANGE
        if astray or not np.isfinite(found).all() or np.abs(found[:, 2]).max() > _MOST_SHIFT_PX:
            return identity
        transform: Float32[np.ndarray, "2 3"] = found.astype(np.float32)
        return transform

    def register(self, crops: UInt8[np.ndarray, "n 48 48"]) -> UInt8[np.ndarray, "n 48 48"]:
        """Locally normalised crops, brought to the mean face."""
        registered = np.empty_like(crops)
        for place, crop in enumerate(crops):
            normalised = normalise_locally(crop)
            registered[place] = _warp(normalised, self.transform(normalised))
        return registered


def _mean(crops: list[UInt8[np.ndarray, "48 48"]]) -> UInt8[np.ndarray, "48 48"]:
    # Averaging lowers the contrast; normalising again restores it.
    return normalise_locally(np.clip(np.rint(np.mean(crops, 0)), 0, 255).astype(np.uint8))


def _square(transform: np.ndarray) -> np.ndarray:
    return np.vstack([transform, [0, 0, 1]])


def _warp(crop: UInt8[np.ndarray, "48 48"], transform: np.ndarray) -> UInt8[np.ndarray, "48 48"]:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(crop, transform, (SIDE_PX, SIDE_PX), flags=flags, borderMode=cv2.BORDER_REPLICATE)
