"""A face as a sequence: the scan from forehead to chin.

Samaria and Young, "HMM-based architecture for face identification", Image and Vision Computing 1994, slide a
horizontal strip down the face; Nefian and Hayes, "Hidden Markov Models for Face Recognition", ICASSP 1998, describe
each strip by the low frequencies of its two-dimensional discrete cosine transform.

Convention: strips run from the top to the bottom, and coefficients row by row, vertical frequency first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from scipy.fft import dctn

from classmood.crops import SIDE_PX
from classmood.errors import InputError


@dataclass(frozen=True, slots=True)
class Strips:
    """How a face is cut and described.

    Attributes:
        height_px: of a strip, which is as wide as the face.
        step_px: from one strip to the next; less than the height, so that they overlap.
        vertical: coefficients kept along y, the lowest.
        horizontal: coefficients kept along x, the lowest.
    """

    height_px: int = 20
    step_px: int = 4
    vertical: int = 8
    horizontal: int = 24

    def __post_init__(self) -> None:
        fits = 1 <= self.vertical <= self.height_px <= SIDE_PX and 1 <= self.horizontal <= SIDE_PX
        if not fits or not 1 <= self.step_px <= self.height_px:
            raise InputError(
                f"expected strips of at most {SIDE_PX} px, a step of at most their height, and no more coefficients "
                f"than pixels, got {self}; change the one that is too large"
            )

    @property
    def count(self) -> int:
        """Strips a face."""
        return (SIDE_PX - self.height_px) // self.step_px + 1

    def scan(self, crops: UInt8[np.ndarray, "n 48 48"]) -> Float32[np.ndarray, "n t d"]:
        """Coefficients of each strip of each face, whose grey is brought to mean 0 and deviation 1 first."""
        grey = crops.astype(np.float32)
        grey -= grey.mean((1, 2), keepdims=True)
        # An even grey has no deviation; one grey level is below the noise of any camera.
        grey /= np.maximum(grey.std((1, 2), keepdims=True), 1.0)
        scanned = np.empty((len(crops), self.count, self.vertical * self.horizontal), np.float32)
        for place in range(self.count):
            top = place * self.step_px
            spectrum = dctn(grey[:, top : top + self.height_px], axes=(1, 2), norm="ortho")
            scanned[:, place] = spectrum[:, : self.vertical, : self.horizontal].reshape(len(crops), -1)
        return scanned
