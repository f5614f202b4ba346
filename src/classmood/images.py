"""Image files and encoded images -> upright 8-bit RGB.

What has no plain RGB reading is settled here once: transparency is laid over white (as a page shows it), 16-bit grey is
scaled from its full range, CMYK is converted, and the camera's orientation (EXIF) is applied. Sizes are checked in the
header, so that a picture that would not fit in memory is refused before its pixels are unpacked.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from classmood.errors import InputError

# 300 MB as RGB; above every webcam, screen and usual phone picture.
MAX_PIXELS: Final = 100_000_000
IMAGE_ENDINGS: Final = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
_FORMATS: Final = "JPEG, PNG, WebP, BMP or TIFF"
# By what a file begins with, since endings lie. A format's class is used instead of Image.open, which would raise its
# own error or warning about the size before the size can be read.
_PLUGINS: Final[tuple[tuple[bytes, type[ImageFile]], ...]] = (
    (b"\xff\xd8\xff", JpegImageFile),
    (b"\x89PNG\r\n\x1a\n", PngImageFile),
    (b"BM", BmpImageFile),
    (b"II*\x00", TiffImageFile),
    (b"MM\x00*", TiffImageFile),
    (b"II+\x00", TiffImageFile),
    (b"MM\x00+", TiffImageFile),
)


def is_image(data: bytes) -> bool:
    """Whether bytes begin like one of the image formats that are read; the first 12 are enough."""
    return _plugin(data) is not None


def read_image(source: Path | bytes, name: str | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """One image, whatever its mode, as upright RGB. An animation gives its first picture.

    Args:
        source: a file or an encoded image.
        name: what errors call it; the path, or "bytes".

    Raises:
        InputError: it is missing, empty, damaged, cut off, of another format, or above ``MAX_PIXELS``.
    """
    if isinstance(source, bytes):
        return _decode(io.BytesIO(source), name or "bytes")
    name = name or str(source)
    try:
        with source.open("rb") as file:
            return _decode(file, name)
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error})") from error


def _plugin(data: bytes) -> type[ImageFile] | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WebPImageFile
    return next((plugin for magic, plugin in _PLUGINS if data.startswith(magic)), None)


def _decode(file: io.BytesIO | io.BufferedReader, name: str) -> UInt8[np.ndarray, "h w 3"]:
    start = file.read(12)
    if not start:
        raise InputError(f"{name}: the file is empty (0 bytes); expected an image")
    plugin = _plugin(start)
    if plugin is None:
        raise InputError(f"{name}: not an image that can be read; expected {_FORMATS}")
    file.seek(0)
    try:
        with plugin(file) as picture:
            width_px, height_px = picture.size
            if width_px * height_px > MAX_PIXELS:
                raise InputError(too_large(name, width_px, height_px))
            picture.load()
            return _to_rgb(ImageOps.exif_transpose(picture))
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(f"{name}: more than {MAX_PIXELS:,} pixels ({error}); make it smaller") from error
    except MemoryError as error:
        raise InputError(f"{name}: does not fit in memory; make it smaller") from error
    # Pillow's decoders meet damaged data with a dozen kinds of exception; all of them mean the same here.
    except Exception as error:
        problem = " ".join(str(error).split())[:120] or type(error).__name__
        if problem == "not identified by this driver":
            problem = "its header is damaged or gives 0 pixels"
        raise InputError(f"{name}: a damaged or unsupported {plugin.format} image ({problem})") from error


def too_large(name: str, width_px: int, height_px: int) -> str:
    """The message for a picture above the limit."""
    return f"{name}: {width_px}x{height_px} pixels; expected at most {MAX_PIXELS:,} in all, make it smaller"


def _to_rgb(picture: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
    if picture.mode == "F":
        raise ValueError("floating-point pixels have no known range; expected 8 or 16 bits")
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        # Pillow's own conversion clips 16-bit grey at 255. Pillow before 11 hands 16-bit PNG out as 32-bit "I".
        grey = np.asarray(picture)
        if grey.size and not 0 <= int(grey.min()) <= int(grey.max()) <= 65535:
            raise ValueError("32-bit pixels have no known range; expected 8 or 16 bits")
        scaled = cv2.convertScaleAbs(grey.astype(np.uint16), alpha=255 / 65535)
        return np.ascontiguousarray(np.repeat(scaled.astype(np.uint8)[:, :, None], 3, axis=2))
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    # A copy, since an array over Pillow's memory is read-only.
    return np.array(picture.convert("RGB"), dtype=np.uint8)
