"""What spoils a face on its way to the network, at five strengths: the changes of the corruption benchmark.

After Hendrycks and Dietterich 2019 (arXiv:1903.12261), for 48x48 grey crops, with what face crops suffer from besides:
cut off place, too tightly or too loosely. Strength 1 is hardly seen, 5 leaves a face that a person still reads.

Convention: what geometry brings into view from outside repeats the crop as a mirror would. Training repeats the
border instead, so the benchmark does not ask for what was practised. Draws depend on the change, its strength, the
seed and the crop's place in the array: every model is shown the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from jaxtyping import UInt8

from classmood.crops import SIDE_PX

_Change = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True, slots=True)
class Corruption:
    """One kind of change.

    Attributes:
        name: what the tables call it.
        unit: what the strengths count.
        strengths: from the slightest to the strongest.
        change: applies one strength to one crop.
    """

    name: str
    unit: str
    strengths: tuple[float, float, float, float, float]
    change: _Change

    def apply(
        self, crops: UInt8[np.ndarray, "n 48 48"], strength: int, *, seed: int = 0
    ) -> UInt8[np.ndarray, "n 48 48"]:
        """Change every crop; the strength is 1 to 5."""
        if not 1 <= strength <= len(self.strengths):
            raise ValueError(f"{self.name}: expected a strength from 1 to {len(self.strengths)}, got {strength}")
        random = np.random.default_rng([seed, zlib.crc32(self.name.encode()), strength])
        amount = self.strengths[strength - 1]
        changed = np.zeros_like(crops)
        for place, crop in enumerate(crops):
            changed[place] = self.change(crop, amount, random)
        return changed


def _grey(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _blur(crop: np.ndarray, sigma_px: float, _: np.random.Generator) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101))


def _noise(crop: np.ndarray, deviation: float, random: np.random.Generator) -> np.ndarray:
    return _grey(crop + random.normal(0, deviation, crop.shape))


def _jpeg(crop: np.ndarray, quality: float, _: np.random.Generator) -> np.ndarray:
    _done, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


def _brightness(crop: np.ndarray, levels: float, random: np.random.Generator) -> np.ndarray:
    return _grey(crop + random.choice((-levels, levels)))


def _occlusion(crop: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    side = round(SIDE_PX * share**0.5)
    top, left, level = random.integers(0, [SIDE_PX - side + 1, SIDE_PX - side + 1, 256])
    changed = crop.copy()
    changed[top : top + side, left : left + side] = level
    return changed


def _warp(
    crop: np.ndarray, *, degrees: float = 0.0, zoom: float = 1.0, shift_px: tuple[float, float] = (0.0, 0.0)
) -> np.ndarray:
    middle = (SIDE_PX - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), degrees, zoom)
    matrix[:, 2] += np.array(shift_px)
    size = (SIDE_PX, SIDE_PX)
    if zoom < 1:
        # A smaller face is averaged over what it covers, as a camera would, so that it does not alias.
        crop = cv2.GaussianBlur(crop, (0, 0), 0.5 * (1 / zoom**2 - 1) ** 0.5 + 1e-3, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.warpAffine(crop, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))


def _rotation(crop: np.ndarray, degrees: float, random: np.random.Generator) -> np.ndarray:
    return _warp(crop, degrees=random.choice((-degrees, degrees)))


def _shift(crop: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    angle = random.uniform(0, 2 * np.pi)
    return _warp(crop, shift_px=(share * SIDE_PX * np.cos(angle), share * SIDE_PX * np.sin(angle)))


def _tighter(crop: np.ndarray, zoom: float, _: np.random.Generator) -> np.ndarray:
    return _warp(crop, zoom=zoom)


def _looser(crop: np.ndarray, zoom: float, _: np.random.Generator) -> np.ndarray:
    return _warp(crop, zoom=1 / zoom)


CORRUPTIONS: Final = (
    Corruption("blur", "px, deviation of the Gaussian", (0.6, 0.9, 1.3, 1.8, 2.4), _blur),
    Corruption("noise", "grey levels of 255, deviation", (8.0, 14.0, 20.0, 28.0, 38.0), _noise),
    Corruption("jpeg", "quality", (40.0, 25.0, 15.0, 10.0, 6.0), _jpeg),
    Corruption("brightness", "grey levels of 255, darker or lighter", (25.0, 45.0, 65.0, 85.0, 105.0), _brightness),
    Corruption("occlusion", "share of the crop behind one square", (0.05, 0.10, 0.16, 0.24, 0.33), _occlusion),
    Corruption("rotation", "degrees, either way", (6.0, 12.0, 18.0, 25.0, 35.0), _rotation),
    Corruption("crop shift", "share of the side, any way", (0.04, 0.08, 0.12, 0.17, 0.22), _shift),
    Corruption("tighter crop", "zoom", (1.1, 1.2, 1.35, 1.55, 1.8), _tighter),
    Corruption("looser crop", "1 / zoom", (1.1, 1.2, 1.35, 1.55, 1.8), _looser),
)
