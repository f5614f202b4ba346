"""Video files -> RGB frames with exact times, through PyAV (FFmpeg), in constant memory.

A frame's time is its presentation timestamp relative to the stream's start, ``(pts - start) * time_base``, and never a
count divided by a frame rate, because recordings of meetings have none that is steady. Every frame must be decoded, as
later ones are built on it, but only those that are kept are converted to RGB.
"""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.stream import Disposition
from jaxtyping import Int32, UInt8

from classmood.containers import Head, Layout, read_layout
from classmood.errors import InputError, TruncatedVideo
from classmood.images import MAX_PIXELS, too_large

VIDEO_ENDINGS: Final = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"),
    *(".ts", ".mts", ".m2ts", ".wmv", ".asf", ".flv", ".3gp", ".ogv"),
)
# FFmpeg would also take playlists, which fetch other files and addresses, and text, which it draws as a terminal.
_DEMUXERS: Final = "mov,matroska,avi,mpeg,mpegts,asf,flv,ogg"
# Containers round times to a clock of a millisecond or finer: within it, "at" an instant is meant.
_CLOCK_S: Final = 0.001
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Sampler:
    """Chooses the first frame at or after each instant k / ``fps``, and no frame twice; all frames without ``fps``.

    It must be asked about every frame, in order of time.
    """

    fps: float | None
    _instant: int = field(default=-1, init=False)

    def wants(self, time_s: float) -> bool:
        """Whether the frame at this time is kept."""
        if self.fps is None:
            return True
        # The last instant that this frame is not before. Later than the last one asked about: nothing stood for it yet.
        instant = math.floor((time_s + _CLOCK_S) * self.fps)
        is_first, self._instant = instant > self._instant, max(instant, self._instant)
        return is_first


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video declares about its length: None where it does not.

    Attributes:
        start_s: the first frame's time by the file's own clock. Frames are read with their times since then.
    """

    duration_s: float | None
    frames: int | None
    start_s: float = 0.0


def video_info(source: Path | bytes, name: str | None = None) -> VideoInfo:
    """A video's declared length, without decoding it.

    Raises:
        InputError: it is no video that can be read.
    """
    name = name or _name(source)
    with _opened(source, name) as video:
        stream = video.stream
        start_s = float((stream.start_time or 0) * (stream.time_base or 0))
        return VideoInfo(video.length_s(), stream.frames or None, start_s)


def read_video(
    source: Path | bytes, *, fps: float | int | None = None, start_s: float | int = 0.0, name: str | None = None
) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], float]]:
    """Upright RGB frames of square pixels with their times in seconds, strictly increasing.

    Args:
        source: a file, or a whole encoded video.
        fps: keep the first frame at or after each instant k / fps, never the same twice; None keeps all.
        start_s: leave out what is before, by seeking. What follows is as in a reading from the start.
        name: what errors call it; the path, or "bytes".

    Raises:
        InputError: it is no video that can be read.
        TruncatedVideo: it breaks off; every whole frame before the break has been given.
    """
    name = name or _name(source)
    sampler = Sampler(None if fps is None else float(fps))
    rotation, matrix = None, None
    for frame, time_s, aspect in _decoded(source, name, float(start_s)):
        # Asked also before the start, so that the same instants are kept as in an unbroken reading.
        if sampler.wants(time_s) and time_s >= start_s:
            # Only when it changes: a frame and its side data, once asked for, refer to each other and are freed late.
            if frame.rotation != rotation:
                rotation, matrix = frame.rotation, _display_matrix(frame)
            image = _to_rgb(frame, aspect)
            yield image if matrix is None else _upright(image, matrix), time_s


def _name(source: Path | bytes) -> str:
    return "bytes" if isinstance(source, bytes) else str(source)


@dataclass(slots=True)
class _Video:
    """An open video, and what has been learned about it on the way to its end."""

    name: str
    container: InputContainer
    stream: av.VideoStream
    layout: Layout
    last_s: float = -math.inf
    end_s: float = 0.0
    longest_gap_s: float = 0.0
    damaged: int = 0
    ends_damaged: bool = False

    def frames(self, seek_s: float) -> Iterator[tuple[av.VideoFrame, float]]:
        """Every whole frame from the keyframe before ``seek_s`` on, with its time; none where seeking fails."""
        time_base, start = self.stream.time_base, self.stream.start_time or 0
        if time_base is None:
            raise InputError(f"{self.name}: the video has no clock (time base); re-encode it")
        if seek_s > 0:
            try:
                self.container.seek(start + int(seek_s / time_base), stream=self.stream)
            except av.error.FFmpegError:
                return
        for frame in self._pictures():
            timestamp = frame.pts if frame.pts is not None else frame.dts
            # A frame without a timestamp can only follow the one before it.
            time_s = self.end_s if timestamp is None else float((timestamp - start) * time_base)
            if time_s < self.last_s - 1:
                raise InputError(
                    f"{self.name}: time jumps back from {self.last_s:.2f} s to {time_s:.2f} s, as if recordings had "
                    "been joined; split or re-encode it"
                )
            if time_s <= self.last_s:
                continue  # a doubled or misplaced timestamp
            if self.last_s > -math.inf:
                self.longest_gap_s = max(self.longest_gap_s, time_s - self.last_s)
            self.last_s, self.end_s = time_s, time_s + self._shown_s(frame)
            yield frame, time_s

    def _pictures(self) -> Iterator[av.VideoFrame]:
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError:
                # Reading broke off: what the decoder still holds is all there is.
                yield from self._decode(None)
                self.ends_damaged = True
                return
            yield from self._decode(packet)

    def _decode(self, packet: av.Packet[av.VideoStream] | None) -> list[av.VideoFrame]:
        # A packet cut short would come out as half a picture, and its error would cost whole ones before it. In MPEG-TS
        # the mark only says that something beside it was lost.
        is_cut = packet is not None and packet.is_corrupt and self.container.format.name != "mpegts"
        is_bad, frames = is_cut, []
        if not is_bad:
            try:
                frames = self.stream.codec_context.decode(packet)
            except av.error.FFmpegError:
                is_bad = True
        if is_bad:
            self.damaged += 1
            self.ends_damaged = True
        elif packet is not None and packet.size:  # size 0 only asks for what the decoder still holds
            self.ends_damaged = False
        return [frame for frame in frames if not frame.is_corrupt]

    def pixel_aspect(self) -> Fraction:
        """Width over height of a pixel, for camcorders and DVDs; 1 where none is declared, or none that can be."""
        declared = self.stream.sample_aspect_ratio
        return declared if declared and Fraction(1, 4) <= declared <= 4 else Fraction(1)

    def length_s(self) -> float | None:
        """The best guess at the length before it is read, for progress."""
        if (declared_s := _declared_duration_s(self.container, self.stream)) is not None:
            return declared_s
        duration, time_base = self.stream.duration, self.stream.time_base
        if duration is not None and time_base is not None:
            return float(duration * time_base)
        return None if self.container.duration is None else self.container.duration / av.time_base

    def _shown_s(self, frame: av.VideoFrame) -> float:
        if frame.duration and self.stream.time_base is not None:
            return float(frame.duration * self.stream.time_base)
        return float(1 / self.stream.average_rate) if self.stream.average_rate else 0.0

    def is_truncated(self) -> bool:
        """Whether frames are missing at the end, once all there are have been read."""
        if self.ends_damaged:
            return True
        duration_s = None if self.layout.is_fragmented else _declared_duration_s(self.container, self.stream)
        if self.layout.is_cut:
            # What is missing may be only sound or an index after the last picture.
            shown_s = self.end_s - self.last_s
            return duration_s is None or self.end_s < duration_s - max(shown_s / 2, _CLOCK_S)
        # Whole by its structure, yet much shorter than declared: a download that was laid out and never filled. A
        # screen that stands still may have no new frame for long, so the bound follows the longest pause.
        return duration_s is not None and self.end_s < duration_s - max(2.0, 2 * self.longest_gap_s)


def _declared_duration_s(container: InputContainer, stream: av.VideoStream) -> float | None:
    """The video stream's own length where the file states it; other formats' are FFmpeg's guesses from the size.

    The container's length covers its sound too, which may go on for longer than its pictures.
    """
    if "mp4" in container.format.name and stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if "matroska" in container.format.name:
        start_s = float((stream.start_time or 0) * (stream.time_base or 0))
        end_s = _clock_s(stream.metadata.get("DURATION", ""))
        if end_s is None and container.duration is not None and len(container.streams) == 1:
            end_s = container.duration / av.time_base
        return None if end_s is None else max(end_s - start_s, 0.0)
    return None


def _clock_s(text: str) -> float | None:
    """Seconds of Matroska's ``HH:MM:SS.nnnnnnnnn``."""
    try:
        hours, minutes, seconds = text.split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return None


def _decoded(source: Path | bytes, name: str, start_s: float) -> Iterator[tuple[av.VideoFrame, float, Fraction]]:
    """Every frame with its time and its pixels' width over height, from at least one before ``start_s`` on, to the end
    or the break.
    """
    seek_s = start_s - 2 * _CLOCK_S
    if seek_s > 0:
        with closing(_decoded_from(source, name, seek_s)) as frames:
            first = next(frames, None)
            if first is not None and first[1] < start_s:
                yield first
                yield from frames
                return
    # From the start, also where seeking failed or landed too late, or the video breaks off before.
    yield from _decoded_from(source, name, 0.0)


def _decoded_from(
    source: Path | bytes, name: str, seek_s: float
) -> Generator[tuple[av.VideoFrame, float, Fraction], None, None]:
    with _opened(source, name) as video:
        aspect = video.pixel_aspect()
        for frame, time_s in video.frames(seek_s):
            yield frame, time_s, aspect
        if video.last_s == -math.inf:
            if seek_s > 0:
                return
            raise InputError(
                f"{name}: no picture in it can be decoded ({video.stream.codec_context.name}); re-encode it"
            )
        if video.is_truncated():
            raise TruncatedVideo(name, video.last_s)
        if video.damaged:
            _LOG.warning("%s: %d damaged pieces were left out", name, video.damaged)


@contextmanager
def _opened(source: Path | bytes, name: str) -> Iterator[_Video]:
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            layout = read_layout(file)
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error})") from error
    if layout.actual_bytes == 0:
        raise InputError(f"{name}: the file is empty (0 bytes); expected a video")
    if not layout.has_index:
        raise InputError(
            f"{name}: the index of this MP4 (its moov box) is missing, so the recording or download was not finished; "
            "get it again or repair it"
        )
    with ExitStack() as stack:
        try:
            container = _open_container(source, layout, stack)
        except (av.error.FFmpegError, ValueError) as error:
            problem = "not a video that can be read, or one cut off before its first picture"
            raise InputError(f"{name}: {problem}") from error
        stream = next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)
        if stream is None:
            problem = "it is cut off before its first picture" if layout.is_cut else "it holds no video, only sound"
            raise InputError(f"{name}: {problem}; expected a video with pictures")
        codec = stream.codec_context
        if codec is None:
            raise InputError(f"{name}: its video codec is not supported; re-encode it, for example as H.264")
        codec.thread_type = "AUTO"
        video = _Video(name, container, stream, layout)
        width_px, height_px = _square(codec.width, codec.height, video.pixel_aspect())
        if width_px * height_px > MAX_PIXELS:
            raise InputError(too_large(name, width_px, height_px))
        yield video


def _open_container(source: Path | bytes, layout: Layout, stack: ExitStack) -> InputContainer:
    """Opens a video; what is opened is closed with the stack."""

    def opened(target: str | io.BytesIO | Head) -> InputContainer:
        options = {"format_whitelist": _DEMUXERS}
        return stack.enter_context(av.open(target, mode="r", options=options, metadata_errors="replace"))

    # An absolute path, so that a colon in a name is not taken for a protocol.
    try:
        return opened(io.BytesIO(source) if isinstance(source, bytes) else str(source.absolute()))
    except (av.error.FFmpegError, ValueError):
        if not (layout.is_cut and layout.is_fragmented):
            raise
        # FFmpeg refuses the whole MP4 where the header of its last fragment is cut: leave that fragment out.
        file = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        stack.callback(file.close)
        return opened(Head(file, layout.whole_bytes))


def _to_rgb(frame: av.VideoFrame, aspect: Fraction) -> UInt8[np.ndarray, "h w 3"]:
    width_px, height_px = _square(frame.width, frame.height, aspect)
    # One thread: swscale's own cost more to start than they save at the sizes of meetings.
    return frame.to_ndarray(format="rgb24", width=width_px, height=height_px, threads=1)


def _square(width_px: int, height_px: int, aspect: Fraction) -> tuple[int, int]:
    """The size at which pixels of this aspect are square: one side grows, so that nothing is lost."""
    if aspect >= 1:
        return round(width_px * aspect), height_px
    return width_px, round(height_px / aspect)


def _display_matrix(frame: av.VideoFrame) -> Int32[np.ndarray, "3 3"] | None:
    data = frame.side_data.get("DISPLAYMATRIX")
    return np.frombuffer(bytes(data), np.int32).reshape(3, 3) if isinstance(data, SideData) else None


def _upright(image: UInt8[np.ndarray, "h w 3"], matrix: Int32[np.ndarray, "3 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Apply a display matrix: (x, y, 1) @ matrix, x to the right and y down, to the nearest quarter turn or mirror."""
    (a, b), (c, d) = matrix[:2, :2].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, a, d = image.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])
