"""Makes small videos whose every picture says its number, so that a test can tell which ones came out."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

WIDTH_PX, HEIGHT_PX = 64, 48
FASTSTART = {"movflags": "faststart"}  # the index first, so that a cut file can still be opened
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
LIVE = {"live": "1"}  # Matroska without lengths, as a browser records


def picture(number: int) -> np.ndarray:
    """Eight bars, white for each bit that is set; below them a red, a green and a blue field."""
    image = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    for bit in range(8):
        image[:24, 8 * bit : 8 * bit + 8] = 255 * (number >> bit & 1)
    for channel in range(3):
        image[24:, 22 * channel : 22 * channel + 22, channel] = 255
    # Noise, lest the frames after the first are of almost no bytes.
    noise = np.random.default_rng(number).integers(0, 48, (12, WIDTH_PX, 3), dtype=np.uint8)
    image[36:] ^= noise
    return image


def number_in(image: np.ndarray) -> int:
    """Reads a picture's number back."""
    assert image.shape == (HEIGHT_PX, WIDTH_PX, 3)
    return sum(int(image[4:20, 8 * bit + 2 : 8 * bit + 6].mean() > 128) << bit for bit in range(8))


def make_video(
    path: Path,
    frames: int = 60,
    *,
    fps: int = 10,
    times_s: Sequence[float] | None = None,
    codec: str = "libx264",
    container_options: dict[str, str] | None = None,
    rotation: tuple[Any, ...] | None = None,
    sound_s: float = 0.0,
    keyframe_every: int = 12,
    pixel_aspect: Fraction | None = None,
) -> Path:
    """Writes ``picture(0)``, ``picture(1)``, ... at a steady rate, or at the given times."""
    with av.open(path, "w", container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        stream.codec_context.gop_size = keyframe_every
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if codec == "libx264":
            stream.options = {"crf": "18", "preset": "fast"}
        if times_s is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotation is not None:
            stream.set_display_rotation(*rotation)
        sound = container.add_stream("aac", rate=8000, layout="mono") if sound_s else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number), "rgb24")
            if times_s is not None:
                frame.pts, frame.time_base = round(1000 * times_s[number]), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            for start in range(0, int(8000 * sound_s), 1024):
                block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
                block.sample_rate, block.pts = 8000, start
                container.mux(sound.encode(block))
            container.mux(sound.encode())
    return path
