"""Every kind of image comes out as upright RGB; what cannot be read is one clear error."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from classmood.errors import InputError
from classmood.images import MAX_PIXELS, is_image, read_image

# 6 wide, 4 high, no two pixels alike and no symmetry.
COLOURS = np.arange(72, dtype=np.uint8).reshape(4, 6, 3) * 3
GREY = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_header(width_px: int, height_px: int) -> bytes:
    """A PNG that says its size and has no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return start + struct.pack(">I", 4) + b"IDAT" + bytes(8)


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})]
)
def test_lossless_colours_come_out_as_they_are(kind: str, options: dict[str, object], tmp_path: Path) -> None:
    data = encoded(Image.fromarray(COLOURS), kind, **options)
    assert np.array_equal(read_image(data), COLOURS)
    file = tmp_path / "wrong-ending.jpg"
    file.write_bytes(data)
    assert np.array_equal(read_image(file), COLOURS)


def test_jpeg_keeps_red_red() -> None:
    red = Image.new("RGB", (16, 16), (220, 30, 20))
    assert np.abs(read_image(encoded(red, "JPEG")).astype(int) - (220, 30, 20)).max() <= 4


def test_the_array_is_the_callers_own() -> None:
    image = read_image(encoded(Image.fromarray(COLOURS), "PNG"))
    image[:] = 7
    assert image.flags.c_contiguous
    assert image.flags.writeable


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_and_bilevel(mode: str) -> None:
    picture = Image.fromarray(GREY).convert(mode)
    expected = np.asarray(picture.convert("L"))
    assert np.array_equal(read_image(encoded(picture, "PNG")), np.repeat(expected[:, :, None], 3, 2))


@settings(deadline=None)
@given(alpha=st.integers(0, 255), colour=st.tuples(*3 * [st.integers(0, 255)]))
def test_transparency_is_laid_over_white(alpha: int, colour: tuple[int, int, int]) -> None:
    data = encoded(Image.new("RGBA", (3, 2), (*colour, alpha)), "PNG")
    expected = (np.array(colour) * alpha + 255 * (255 - alpha)) / 255
    assert np.abs(read_image(data) - expected).max() <= 1


def test_transparency_of_grey_and_palette() -> None:
    assert read_image(encoded(Image.new("LA", (2, 2), (0, 0)), "PNG")).min() == 255
    palette = Image.new("P", (2, 2), 0)
    palette.putpalette([10, 20, 30, 200, 210, 220])
    assert read_image(encoded(palette, "PNG"))[0, 0].tolist() == [10, 20, 30]
    assert read_image(encoded(palette, "PNG", transparency=0)).min() == 255


@pytest.mark.parametrize("ending", [".png", ".tiff"])
def test_16_bits_are_scaled_from_their_full_range(ending: str) -> None:
    grey = np.array([[0, 128, 257, 32768], [51400, 65534, 65535, 1000]], np.uint16)
    colours = np.stack([grey, grey[::-1], grey[:, ::-1]], 2)
    for values in (grey, colours):
        ok, data = cv2.imencode(ending, values if values.ndim == 2 else values[:, :, ::-1])
        assert ok
        expected = (values if values.ndim == 3 else np.repeat(values[:, :, None], 3, 2)) / 257
        # Pillow takes the upper byte of 16-bit colours, hence one level.
        assert np.abs(read_image(data.tobytes()) - expected).max() <= 1


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk(kind: str) -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert np.abs(read_image(encoded(red, kind)).astype(int) - (255, 0, 0)).max() <= 6


# The turn that makes an image with this EXIF orientation upright, on arrays; the standard's table, not Pillow's code.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", list(UPRIGHT))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(COLOURS), kind, exif=exif, **options)
    assert np.array_equal(read_image(data), UPRIGHT[orientation](COLOURS))


@pytest.mark.parametrize("orientation", list(UPRIGHT))
def test_a_jpegs_exif_orientation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    blocks = np.kron(GREY, np.ones((16, 16), np.uint8))  # lossy, so of areas and compared by their middles
    data = encoded(Image.fromarray(blocks), "JPEG", quality=95, exif=exif)
    assert (
        np.abs(read_image(data)[8::16, 8::16, 0].astype(int) - UPRIGHT[orientation](GREY[:, :, None])[:, :, 0]).max()
        <= 2
    )


def test_a_16_bit_image_is_turned_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.fromarray(GREY.astype(np.uint16) * 257)
    assert np.array_equal(read_image(encoded(picture, "PNG", exif=exif))[:, :, 0], np.rot90(GREY, -1))


def test_a_huge_image_is_refused_by_its_header() -> None:
    # Its pixels are missing: had they been asked for, another error would come.
    with pytest.raises(InputError, match=rf"^big.png: 20000x20000 pixels; expected at most {MAX_PIXELS:,} in all"):
        read_image(png_header(20_000, 20_000), "big.png")
    with pytest.raises(InputError, match="damaged or unsupported PNG"):
        read_image(png_header(10_000, 10_000))


def test_a_huge_webp_is_refused() -> None:
    data = bytearray(encoded(Image.new("RGBA", (8, 8), (1, 2, 3, 4)), "WEBP", lossless=True, exif=b"Exif\0\0II*\0"))
    assert data[12:16] == b"VP8X"
    data[24:30] = 2 * (16382).to_bytes(3, "little")
    with pytest.raises(InputError, match=f"more than {MAX_PIXELS:,} pixels"):
        read_image(bytes(data))


@pytest.mark.parametrize(("width_px", "height_px"), [(0, 0), (0, 5), (5, 0)])
def test_an_image_without_pixels(width_px: int, height_px: int) -> None:
    with pytest.raises(InputError, match="0 pixels"):
        read_image(png_header(width_px, height_px))


def test_missing_empty_text_and_cut_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.png: cannot be read \(No such file"):
        read_image(tmp_path / "missing.png")
    for name, content, message in (
        ("empty.png", b"", "empty"),
        ("text.jpg", b"To whom it may concern", "expected JPEG, PNG"),
        ("cut.jpg", encoded(Image.new("RGB", (64, 64), "red"), "JPEG")[:-200], "damaged or unsupported JPEG"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            read_image(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name))
        assert "\n" not in str(caught.value)


def test_pixels_of_unknown_range_are_refused() -> None:
    with pytest.raises(InputError, match="expected 8 or 16 bits"):
        read_image(encoded(Image.fromarray(GREY.astype(np.float32)), "TIFF"))
    with pytest.raises(InputError, match="expected 8 or 16 bits"):
        read_image(encoded(Image.fromarray(GREY.astype(np.int32) * 100_000), "TIFF"))


SAMPLES = [
    encoded(Image.fromarray(COLOURS), kind, **({"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"} if kind != "BMP" else {}))
    for kind in ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
]


@settings(deadline=None)  # damage may make an image large
@given(st.data())
def test_damaged_images_raise_nothing_but_input_errors(data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    try:
        image = read_image(cut)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 (some damage leaves an image that can be read)
    else:
        assert image.dtype == np.uint8
        assert image.size > 0


def test_formats_are_told_by_their_beginning() -> None:
    assert all(is_image(sample[:12]) for sample in SAMPLES)
    assert not is_image(b"")
    assert not is_image(b"RIFF\0\0\0\0AVI LIST")
