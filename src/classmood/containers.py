"""How many bytes a video file says it has, from its own structure: the exact way to know that one is cut off.

FFmpeg reads a cut file to its end without an error, and durations are declared too loosely to tell. But MP4 boxes
(ISO/IEC 14496-12), a Matroska segment (RFC 9559) and RIFF chunks (AVI) are each preceded by their length, so only a few
bytes a box need reading. Streams made to be cut anywhere (MPEG-TS) declare nothing.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass

_EBML_HEADER = 0x1A45DFA3
_MATROSKA_SEGMENT = 0x18538067


# What may follow an MP4's pictures and is not needed to read them.
_MP4_TRAILERS = (b"mfra", b"free", b"skip", b"udta", b"meta", b"uuid")


@dataclass(frozen=True, slots=True)
class Layout:
    """What a video file's structure declares.

    Attributes:
        actual_bytes: the length there is.
        declared_bytes: the least length that a whole file has; None where the format or the file does not say.
        whole_bytes: where the last whole part ends; what follows is a piece of one.
        has_index: False for an MP4 whose index (the moov box) is missing, so that nothing in it can be found.
        is_fragmented: whether it is an MP4 of fragments, whose length is only that of those that are there.
    """

    actual_bytes: int
    declared_bytes: int | None = None
    whole_bytes: int = 0
    has_index: bool = True
    is_fragmented: bool = False

    @property
    def is_cut(self) -> bool:
        """Whether bytes are missing at the end."""
        return self.declared_bytes is not None and self.declared_bytes > self.actual_bytes


class Head(io.RawIOBase):
    """The first bytes of an open file, as if it ended there."""

    def __init__(self, file: io.BytesIO | io.BufferedReader, length_bytes: int) -> None:
        self._file, self._length_bytes = file, length_bytes

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            return self._file.seek(self._length_bytes + offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._file.read(max(min(len(buffer), self._length_bytes - self._file.tell()), 0))
        buffer[: len(data)] = data
        return len(data)


def read_layout(file: io.BytesIO | io.BufferedReader) -> Layout:
    """The layout of an open file, which is left at any position."""
    actual_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(12)
    if start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp"):
        return _mp4(file, actual_bytes)
    if int.from_bytes(start[:4], "big") == _EBML_HEADER:
        return Layout(actual_bytes, _matroska_bytes(file, actual_bytes))
    if start[:4] == b"RIFF":
        return Layout(actual_bytes, _riff_bytes(file, actual_bytes))
    return Layout(actual_bytes)


def _mp4(file: io.BytesIO | io.BufferedReader, actual_bytes: int) -> Layout:
    names, whole_bytes, end = set(), 0, 0
    while end < actual_bytes:
        file.seek(end)
        header = file.read(16)
        if len(header) < 8:
            end += 8
            break
        size, name = int.from_bytes(header[:4], "big"), header[4:8]
        if size == 1 and len(header) == 16:
            size = int.from_bytes(header[8:], "big")
        if size < 8:
            # 0 is "to the end of the file"; all else is padding after the last box.
            if size == 0 and name.isalnum():
                names.add(name)
            break
        if end + size > actual_bytes and name in _MP4_TRAILERS:
            break
        names.add(name)
        end += size
        if end <= actual_bytes:
            whole_bytes = end
    return Layout(actual_bytes, end or None, whole_bytes, b"moov" in names, b"moof" in names)


def _matroska_bytes(file: io.BytesIO | io.BufferedReader, actual_bytes: int) -> int | None:
    file.seek(4)
    header_bytes = _ebml_size(file)
    if header_bytes is None:
        return None
    file.seek(header_bytes, os.SEEK_CUR)
    if int.from_bytes(file.read(4), "big") != _MATROSKA_SEGMENT:
        return None
    segment_bytes = _ebml_size(file)
    if segment_bytes is not None:
        return file.tell() + segment_bytes
    # A live recording leaves the segment open, but may still close each part of it.
    end = file.tell()
    while end < actual_bytes:
        file.seek(end)
        first = file.read(1)
        # An element's name is of one to four bytes, as many as it has leading zeros plus one.
        file.seek(8 - first[0].bit_length(), os.SEEK_CUR)
        element_bytes = _ebml_size(file)
        if first[0] < 0x10 or element_bytes is None:
            break
        end = file.tell() + element_bytes
    return end


def _ebml_size(file: io.BytesIO | io.BufferedReader) -> int | None:
    """A length of one to eight bytes, as many as the first has leading zeros plus one; all ones is "unknown"."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    length = 9 - first[0].bit_length()
    mark = 1 << (7 * length)
    value = int.from_bytes(first + file.read(length - 1), "big") ^ mark
    return None if value == mark - 1 else value


def _riff_bytes(file: io.BytesIO | io.BufferedReader, actual_bytes: int) -> int | None:
    # An AVI beyond 1 GB is several RIFF chunks in a row; one that was never finished has 0 or all ones as its length.
    end = 0
    while end < actual_bytes:
        file.seek(end)
        header = file.read(8)
        size = int.from_bytes(header[4:], "little")
        if header[:4] != b"RIFF" or size in (0, 0xFFFFFFFF):
            break
        end += 8 + size + size % 2
    return end or None
