"""Frames as a camera gives them, for what runs in the page: London portraits before a wall, and drawn people."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

SIZES = ((640, 480), (1280, 720))
# Of those that tests/drawn_gallery.py draws, the detector takes these for people.
DRAWN = (2, 3, 8)
# A still picture as a camera; its pixels come with the script, since the page's policy lets no other image in.
STILL_CAMERA = """
  const {{ width, height, pixels }} = {picture};
  // An empty page has no cameras.
  if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = async () => {{
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    const bytes = Uint8ClampedArray.from(atob(pixels), (letter) => letter.charCodeAt(0));
    setInterval(() => context.putImageData(new ImageData(bytes, width, height), 0, 0), 100);
    return canvas.captureStream(10);
  }};
"""


def london_frames(folder: Path, count: int, *, seed: int = 7) -> Iterator[np.ndarray]:
    """Every other one 640x480 and 1280x720; faces from a tenth of the height to more than half of it.

    Args:
        folder: the Face Research Lab London Set.
        count: frames; portraits are taken evenly from the set, and again when there are fewer.
        seed: of places, sizes and noise.
    """
    rng = np.random.default_rng(seed)
    portraits = sorted(folder.glob("*.jpg"))
    for i in range(count):
        file = portraits[round(i * len(portraits) / count) % len(portraits)]
        portrait = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
        yield before_a_wall(portrait, SIZES[i % 2], float(rng.uniform(0.35, 1)), rng)


def before_a_wall(
    portrait: np.ndarray, size: tuple[int, int], share: float, rng: np.random.Generator, at: float | None = None
) -> np.ndarray:
    """A portrait with a share of the frame's height, somewhere before an uneven wall, with a camera's noise.

    Args:
        portrait: RGB.
        size: the frame's width and height.
        share: of the height.
        rng: of the wall, the place and the noise.
        at: the place as a share of the free way, in both directions; anywhere by default.
    """
    width, height = size
    wall = cv2.resize(rng.integers(60, 200, (9, 12, 3), dtype=np.uint8), size, interpolation=cv2.INTER_CUBIC)
    frame = cv2.GaussianBlur(wall, (0, 0), 9)
    zoom = share * height / portrait.shape[0]
    small = cv2.resize(portrait, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)[:height, :width]
    free = np.array([height - small.shape[0], width - small.shape[1]])
    top, left = np.floor(free * (rng.uniform(size=2) if at is None else at)).astype(int)
    frame[top : top + small.shape[0], left : left + small.shape[1]] = small
    return np.clip(frame + rng.normal(0, 2, frame.shape), 0, 255).astype(np.uint8)


def png(frame: np.ndarray) -> bytes:
    """A frame as a file in memory: pixels arrive as they are."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1].tobytes())


def still_camera(frame: np.ndarray) -> str:
    """A script that makes a frame the page's camera."""
    height, width = frame.shape[:2]
    pixels = base64.b64encode(np.dstack([frame, np.full((height, width), 255, np.uint8)]).tobytes()).decode()
    return STILL_CAMERA.format(picture=json.dumps({"width": width, "height": height, "pixels": pixels}))
