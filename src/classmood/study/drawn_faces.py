"""Faces drawn from shapes, so that every class, head and page can be exercised without a picture of anybody.

They are caricatures by rule of thumb (brows, lids, corners of the mouth), good enough for the face detector to find and
for classes to be told apart. Whatever a model scores on them says nothing about people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from jaxtyping import UInt8

# Lengths below are in a picture of this side; it is drawn twice as large and shrunk.
_SIDE: Final = 640


@dataclass(frozen=True, slots=True)
class Expression:
    """What moves in a drawn face, 0 at rest.

    Attributes:
        mouth: corners up (1) or down (-1).
        gape: how far the mouth is open.
        brow: brows up or down.
        slant: inner ends of the brows down (1) or up (-1).
        lids: eyes wider or narrower.
        skew: one corner of the mouth higher than the other.
    """

    mouth: float = 0.0
    gape: float = 0.0
    brow: float = 0.0
    slant: float = 0.0
    lids: float = 0.0
    skew: float = 0.0

    def scaled(self, share: float) -> Expression:
        """The same expression as weak or strong as this share of it."""
        return Expression(*(share * getattr(self, name) for name in self.__slots__))


EXPRESSIONS: Final = {
    "neutral": Expression(),
    "joy": Expression(mouth=1.0, lids=-0.2),
    "appreciation": Expression(mouth=0.45, brow=0.5, slant=-0.3),
    "terror": Expression(mouth=-0.5, gape=0.6, brow=1.0, slant=-0.9, lids=0.15),
    "surprise": Expression(gape=1.0, brow=1.1, lids=0.15),
    "grief": Expression(mouth=-1.0, slant=-0.9, lids=-0.25),
    "disdain": Expression(mouth=-0.3, slant=0.4, lids=-0.4, skew=1.0),
    "fury": Expression(mouth=-0.6, brow=-0.8, slant=1.1),
    "caution": Expression(brow=-0.3, slant=0.3, lids=-0.5, mouth=-0.1),
}


@dataclass(frozen=True, slots=True)
class Looks:
    """What a drawn person is drawn with; colours are RGB."""

    skin: tuple[float, float, float]
    hair: tuple[float, float, float]
    shirt: tuple[float, float, float]
    wall: tuple[float, float, float]
    half_width: float
    half_height: float
    light: float

    @classmethod
    def of(cls, seed: int) -> Looks:
        """Somebody, the same for the same seed."""
        rng = np.random.default_rng(seed)
        skin = np.array([235, 195, 165]) * rng.uniform(0.75, 1.05)

        def colour(low: int, high: int) -> tuple[float, float, float]:
            red, green, blue = rng.integers(low, high, 3).tolist()
            return float(red), float(green), float(blue)

        return cls(
            (float(skin[0]), float(skin[1]), float(skin[2])),
            colour(15, 80),
            colour(40, 220),
            colour(130, 200),
            float(rng.uniform(118, 134)),
            float(rng.uniform(160, 176)),
            float(rng.uniform(-0.12, 0.12)),
        )


class _Canvas:
    """Shapes in units of ``_SIDE``, on a picture twice as large as wanted."""

    def __init__(self, side_px: int, wall: tuple[float, float, float]) -> None:
        self.zoom = 2 * side_px / _SIDE
        self.image = np.full((2 * side_px, 2 * side_px, 3), wall, np.uint8)

    def ellipse(
        self, x: float, y: float, a: float, b: float, colour: np.ndarray, *, upper: bool = False, line: float = 0
    ) -> None:
        width = max(1, round(line * self.zoom)) if line else -1
        axes = max(1, round(a * self.zoom)), max(1, round(b * self.zoom))
        ends = (180, 360) if upper else (0, 360)
        centre = round(x * self.zoom), round(y * self.zoom)
        cv2.ellipse(self.image, centre, axes, 0, *ends, [float(v) for v in colour], width, cv2.LINE_AA)

    def polygon(self, points: np.ndarray, colour: np.ndarray) -> None:
        cv2.fillPoly(self.image, [self._places(points)], [float(v) for v in colour], cv2.LINE_AA)

    def line(self, points: np.ndarray, colour: np.ndarray, width: float) -> None:
        thick = max(1, round(width * self.zoom))
        cv2.polylines(self.image, [self._places(points)], False, [float(v) for v in colour], thick, cv2.LINE_AA)

    def _places(self, points: np.ndarray) -> np.ndarray:
        return np.round(points * self.zoom).astype(np.int32)


def draw_face(looks: Looks, expression: Expression, side_px: int = 320) -> UInt8[np.ndarray, "s s 3"]:
    """A person before a wall, RGB; the face is about half as high as the picture."""
    canvas = _Canvas(side_px, looks.wall)
    skin, hair = np.array(looks.skin), np.array(looks.hair)
    x, y, w, h = 320.0, 330.0, looks.half_width, looks.half_height
    canvas.ellipse(x, y + 130, 60, 130, skin * 0.72)
    canvas.ellipse(x, 680, 230, 150, np.array(looks.shirt))
    canvas.ellipse(x, y - 40, w + 28, h + 10, hair)
    canvas.ellipse(x, y, w, h, skin)
    for side in (-1, 1):
        canvas.ellipse(x + side * w, y, 14, 34, skin * 0.9)
        _draw_eye(canvas, x + side * 58, y - 34, side, expression, skin, hair)
        canvas.ellipse(x + side * 72, y + 52, 34, 24, np.minimum(skin * 0.97 + (8, 0, 0), 255))
    nose = np.array([(-6, -24), (-22, 42), (0, 52), (22, 42), (6, -24)], float) + np.array([x, y])
    canvas.polygon(nose, skin * 0.92)
    for side in (-1, 1):
        canvas.ellipse(x + side * 12, y + 46, 7, 5, skin * 0.5)
    _draw_mouth(canvas, x, y + 86, expression, skin)
    across = np.linspace(-1, 1, 2 * side_px)
    falling = np.square(across)[None, :] + np.square(across)[:, None]
    light = 1 + looks.light * across[None, :] - 0.12 * falling
    lit = np.clip(canvas.image * light[..., None], 0, 255).astype(np.uint8)
    # No camera gives edges as sharp as these.
    soft = cv2.GaussianBlur(lit, (0, 0), 2.5 * canvas.zoom)
    shrunk: UInt8[np.ndarray, "s s 3"] = cv2.resize(soft, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return shrunk


def _draw_eye(
    canvas: _Canvas, x: float, y: float, side: int, expression: Expression, skin: np.ndarray, hair: np.ndarray
) -> None:
    open_ = 1 + expression.lids
    canvas.ellipse(x, y, 40, 26, skin * 0.86)
    canvas.ellipse(x, y, 25, max(3.0, 10 * open_), np.array([215, 212, 208]))
    canvas.ellipse(x, y, 13, min(13.0, max(3.0, 10 * open_)), np.array([45, 30, 20]))
    canvas.ellipse(x, y - 2, 28, max(4.0, 13 * open_), skin * 0.35, upper=True, line=6)
    height, tilt = y - 24 - 5 * expression.brow, 10 * expression.slant
    # From the inner end to the outer one.
    brow = np.array([(x - side * 34, height + tilt), (x, height - 8), (x + side * 36, height + 4 - tilt)])
    canvas.line(brow, hair, 11)


def _draw_mouth(canvas: _Canvas, x: float, y: float, expression: Expression, skin: np.ndarray) -> None:
    t = np.linspace(-1, 1, 21)
    half = 52 + 10 * max(expression.mouth, 0)
    middle = 1 - t**2
    corners = y - 22 * expression.mouth * (t**2 - 0.5) - 10 * expression.skew * t
    upper = corners - 6 * middle - 10 * expression.gape * middle
    lower = corners + 10 * middle + 30 * expression.gape * middle

    def between(top: np.ndarray, bottom: np.ndarray, share: float) -> np.ndarray:
        across = x + share * half * t
        return np.concatenate([np.stack([across, top], 1), np.stack([across, bottom], 1)[::-1]])

    canvas.polygon(between(upper, lower, 1.0), skin * (0.75, 0.5, 0.5))
    if expression.gape > 0.1:
        canvas.polygon(between(upper + 6 * middle, lower - 7 * middle, 0.8), np.array([60, 20, 20]))
    else:
        canvas.line(np.stack([x + half * t, (upper + lower) / 2], 1), skin * 0.35, 4)
