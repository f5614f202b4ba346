"""`classmood demo`: the main job on a sample that everyone has, scikit-image's public-domain portrait.

The portrait is NASA's photograph of astronaut Eileen Collins. A short moving clip is made from it on the spot: the
camera drifts, zooms and turns a little, so that tracking and smoothing have something to do.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from classmood.errors import MissingExtra, OutputError

RATE_HZ = 15
DURATION_S = 6


def write_samples(folder: Path) -> tuple[Path, Path]:
    """Write the portrait as a photo and as a moving clip, and return both paths.

    Raises:
        MissingExtra: scikit-image is not installed.
        OutputError: the folder cannot be written.
    """
    try:
        from skimage import data
    except ImportError as error:
        raise MissingExtra("the demo", "demo") from error
    portrait: np.ndarray = data.astronaut()  # type: ignore[no-untyped-call, unused-ignore]
    photo, clip = folder / "portrait.png", folder / "portrait.mp4"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        photo.write_bytes(cv2.imencode(".png", cv2.cvtColor(portrait, cv2.COLOR_RGB2BGR))[1].tobytes())
        _write_clip(portrait, clip)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from error
    return photo, clip


def _write_clip(portrait: np.ndarray, path: Path) -> None:
    height, width = portrait.shape[:2]
    with av.open(str(path), "w") as container:
        # MPEG-4 part 2 is in every build of FFmpeg that PyAV ships, on every system.
        stream = container.add_stream("mpeg4", rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = 3_000_000
        stream.time_base = Fraction(1, RATE_HZ)
        for k in range(RATE_HZ * DURATION_S):
            phase = 2 * np.pi * k / (RATE_HZ * DURATION_S)
            turn = cv2.getRotationMatrix2D((width / 2, height / 2), 5 * np.sin(phase), 1.1 + 0.08 * np.cos(phase))
            turn[:, 2] += (12 * np.sin(2 * phase), 8 * np.cos(phase))
            picture = cv2.warpAffine(portrait, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
            frame = av.VideoFrame.from_ndarray(picture.astype(np.uint8), "rgb24")
            frame.pts = k
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
