"""Drawn faces of no one: smooth random texture that is moved by a known affine map, so that its flow is known."""

from __future__ import annotations

import cv2
import numpy as np

CENTRE_PX = 23.5


def texture(seed: int) -> np.ndarray:
    """A smooth random picture, 200x200, float32, grey 0 to 255."""
    noise = np.random.default_rng(seed).normal(size=(200, 200)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3) + 3 * cv2.GaussianBlur(noise, (0, 0), 8)
    spread = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return np.asarray(255 * spread, np.float32)


def moved(picture: np.ndarray, linear: np.ndarray, shift_px: tuple[float, float]) -> np.ndarray:
    """The middle 48x48 of the picture after it went by ``x -> linear (x - centre) + centre + shift``."""
    y, x = np.mgrid[:48, :48].astype(np.float64)
    back = np.linalg.inv(linear)
    there = np.stack([x - CENTRE_PX - shift_px[0], y - CENTRE_PX - shift_px[1]], -1) @ back.T + 100
    grey = cv2.remap(
        picture, there[..., 0].astype(np.float32), there[..., 1].astype(np.float32), interpolation=cv2.INTER_CUBIC
    )
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def true_flow(linear: np.ndarray, shift_px: tuple[float, float]) -> np.ndarray:
    """The flow of that map, 48 x 48 x 2, float32."""
    y, x = np.mgrid[:48, :48] - CENTRE_PX
    places = np.stack([x, y], -1)
    return np.asarray(places @ (linear - np.eye(2)).T + shift_px, np.float32)


def turn(degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def patch_motion(seed: int, vector_px: tuple[float, float], *, row: int, head_px: tuple[float, float]) -> np.ndarray:
    """Six frames: a soft patch (26 columns, 18 rows about ``row``) goes by ``vector_px``, and all by ``head_px``."""
    picture = texture(seed)
    y, x = np.mgrid[:48, :48].astype(np.float32)
    inside = np.exp(-((((x - CENTRE_PX) / 13) ** 2 + ((y - row) / 9) ** 2) ** 2))
    frames = []
    for share in np.linspace(0, 1, 6):
        there_x = x + 76 - share * (head_px[0] + inside * vector_px[0])
        there_y = y + 76 - share * (head_px[1] + inside * vector_px[1])
        grey = cv2.remap(picture, there_x.astype(np.float32), there_y.astype(np.float32), cv2.INTER_CUBIC)
        frames.append(np.clip(np.rint(grey), 0, 255).astype(np.uint8))
    return np.stack(frames)
