"""Anything that shows faces -> ``Frame``s: an image, a folder, a glob, a video, a camera, bytes.

Frames come one at a time and nothing of earlier ones is kept, so that a video of hours needs no more memory than one of
seconds. Convention: images are RGB, rows first; ``time_s`` counts from the first frame of the video or camera, and is 0
for an image.
"""

from __future__ import annotations

import glob
import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

import cv2
import numpy as np
from jaxtyping import UInt8

from classmood.errors import InputError
from classmood.images import IMAGE_ENDINGS, is_image, read_image
from classmood.video import VIDEO_ENDINGS, Sampler, read_video, video_info

__all__ = ["Frame", "SourceInfo", "SourceKind", "describe_source", "list_files", "read_frames", "read_image"]

_CAMERA: Final = re.compile(r"camera:(?P<number>\d+)(\?(?P<options>.*))?")
_CAMERA_OPTIONS: Final = {"width": cv2.CAP_PROP_FRAME_WIDTH, "height": cv2.CAP_PROP_FRAME_HEIGHT}


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture and when it was shown.

    Attributes:
        image: RGB, upright.
        time_s: from the start of the video or camera; 0 for an image.
        source: the file it comes from, as it was given; ``camera:N``, or ``bytes``.
        index: how many frames this reading gave before it.
        moving: whether it is of a video or camera, so that more of the kind may follow.
    """

    image: UInt8[np.ndarray, "h w 3"]
    time_s: float
    source: str
    index: int
    moving: bool = False


class SourceKind(StrEnum):
    """What a source is."""

    IMAGE = "image"
    FOLDER = "folder"
    GLOB = "glob"
    VIDEO = "video"
    CAMERA = "camera"


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A source before it is read.

    Attributes:
        name: the source as it was given; ``bytes`` for bytes.
        files: how many files it is; 0 for a camera.
        duration_s: a video's length as it declares it; None for all else, and where it declares none.
        frames: how many pictures it holds: a video's declared number, None where it declares none and for a camera
            and a glob, which may match videos.
    """

    kind: SourceKind
    name: str
    files: int
    duration_s: float | None = None
    frames: int | None = None

    def expected_frames(self, fps: float | int | None = None, start_s: float | int = 0.0) -> int | None:
        """About how many frames a reading will give, for progress; None where it cannot be told."""
        if self.kind is not SourceKind.VIDEO:
            return self.frames
        if self.duration_s is None:
            return self.frames if fps is None and start_s == 0 else None
        left_s = max(self.duration_s - start_s, 0.0)
        # As many instants k / fps as lie in what is left, but no more than there are frames.
        instants = math.inf if fps is None else max(math.ceil(self.duration_s * fps) - math.ceil(start_s * fps), 0)
        if self.frames is None:
            return None if fps is None else int(instants)
        share = left_s / self.duration_s if self.duration_s > 0 else 1.0
        return int(min(instants, math.ceil(self.frames * share)))


@dataclass(frozen=True, slots=True)
class _Source:
    """What was given, told apart: files in order, or bytes, or a camera's number and options."""

    kind: SourceKind
    name: str
    files: tuple[Path, ...] = ()
    data: bytes = b""
    camera: int = 0
    options: tuple[tuple[str, int], ...] = ()


def describe_source(source: str | Path | bytes) -> SourceInfo:
    """Tell what a source is, and how long if it says so, without decoding it or opening a camera.

    Raises:
        InputError: as ``read_frames``, where it shows before the first picture is decoded.
    """
    found = _resolve(source)
    if found.kind is SourceKind.VIDEO:
        info = video_info(found.data or found.files[0], found.name)
        return SourceInfo(found.kind, found.name, 1, info.duration_s, info.frames)
    if found.kind is SourceKind.IMAGE:
        return SourceInfo(found.kind, found.name, 1, frames=1)
    frames = len(found.files) if found.kind is SourceKind.FOLDER else None
    return SourceInfo(found.kind, found.name, len(found.files), frames=frames)


def list_files(source: str | Path) -> tuple[str, ...]:
    """What ``Frame.source`` will say, file by file: a folder's images, a pattern's matches, or the one source itself.

    Raises:
        InputError: the source does not exist or holds nothing to read.
    """
    found = _resolve(source)
    is_batch = found.kind in (SourceKind.FOLDER, SourceKind.GLOB)
    return tuple(str(file) for file in found.files) if is_batch else (found.name,)


def read_frames(
    source: str | Path | bytes,
    *,
    fps: float | int | None = None,
    start_s: float | int = 0.0,
    on_error: Callable[[InputError], None] | None = None,
) -> Iterator[Frame]:
    """Read frames one at a time; closing or dropping the iterator closes the file or camera.

    Args:
        source: an image or video file, a folder of images, a glob pattern of either, ``camera:0`` or
            ``camera:0?width=1280&height=720``, or an encoded image or video.
        fps: of videos and cameras keep the first frame at or after each instant k / fps, never one twice; None keeps
            every frame. Images are always kept.
        start_s: leave out what comes before in a video. The rest is the same as in an unbroken reading.
        on_error: what to do with a file of a folder or glob that cannot be read (or breaks off), before going on with
            the next; None raises. A single source always raises.

    Raises:
        InputError: nothing can be read from the source; or, without ``on_error``, from one of its files. That the
            source does not exist is raised at once, all else by the iterator.
        TruncatedVideo: a video breaks off; the frames before the break have been given.
    """
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise InputError(f"fps: expected a rate above 0 in frames a second, got {fps}")
    if not (math.isfinite(start_s) and start_s >= 0):
        raise InputError(f"start_s: expected 0 or more seconds, got {start_s}")
    found = _resolve(source)
    if start_s > 0 and found.kind is not SourceKind.VIDEO:
        raise InputError(f"{found.name}: start_s is for resuming one video; this is a {found.kind}")
    return _frames(found, None if fps is None else float(fps), float(start_s), on_error)


def _frames(
    found: _Source, fps: float | None, start_s: float, on_error: Callable[[InputError], None] | None
) -> Iterator[Frame]:
    if found.kind is SourceKind.CAMERA:
        pictures = _read_camera(found, fps)
        yield from (Frame(image, time_s, found.name, i, moving=True) for i, (image, time_s) in enumerate(pictures))
        return
    is_batch = found.kind in (SourceKind.FOLDER, SourceKind.GLOB)
    count = 0
    for file in found.files or (found.data,):
        name = str(file) if is_batch and isinstance(file, Path) else found.name
        try:
            moving = _kind(file, name) is SourceKind.VIDEO
            pictures = read_video(file, fps=fps, start_s=start_s, name=name) if moving else _read_photo(file, name)
            for image, time_s in pictures:
                yield Frame(image, time_s, name, count, moving)
                count += 1
        except InputError as error:
            if on_error is None or not is_batch:
                raise
            on_error(error)
    if is_batch and count == 0:
        raise InputError(f"{found.name}: none of its {len(found.files)} files could be read")


def _read_photo(file: Path | bytes, name: str) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], float]]:
    yield read_image(file, name), 0.0


def _kind(file: Path | bytes, name: str) -> SourceKind:
    """Image or video: bytes by how they begin, a file by its ending (what is in it shows when it is decoded)."""
    if isinstance(file, bytes):
        return SourceKind.IMAGE if is_image(file) else SourceKind.VIDEO
    ending = file.suffix.lower()
    if ending in IMAGE_ENDINGS:
        return SourceKind.IMAGE
    if ending in VIDEO_ENDINGS:
        return SourceKind.VIDEO
    known = " ".join((*IMAGE_ENDINGS, *VIDEO_ENDINGS))
    raise InputError(f"{name}: unknown ending {file.suffix or '(none)'}; expected one of {known}")


def _resolve(source: str | Path | bytes) -> _Source:
    if isinstance(source, bytes):
        if not source:
            raise InputError("bytes: empty (0 bytes); expected an encoded image or video")
        return _Source(_kind(source, "bytes"), "bytes", data=source)
    name = str(source)
    if name.startswith("camera:"):
        return _resolve_camera(name)
    path = Path(source)
    try:
        if not name.strip():
            raise InputError("expected a file, folder, glob pattern or camera:N, got an empty name")
        if path.is_dir():
            return _Source(SourceKind.FOLDER, name, _images_in(path))
        if path.is_file():
            return _Source(_kind(path, name), name, (path,))
        # Only now a pattern, so that a file whose name has brackets is that file.
        if glob.has_magic(name):
            return _Source(SourceKind.GLOB, name, _matching(name))
        exists = path.exists()
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    problem = "neither a file nor a folder" if exists else "not found"
    raise InputError(f"{name}: {problem}; expected a file, a folder, a glob pattern or camera:N")


def _resolve_camera(name: str) -> _Source:
    match = _CAMERA.fullmatch(name)
    expected = "expected camera:0, or with a size camera:0?width=1280&height=720"
    if match is None:
        raise InputError(f"{name}: not a camera; {expected}")
    options = parse_qsl(match["options"] or "", keep_blank_values=True)
    if any(key not in _CAMERA_OPTIONS or not value.isdecimal() or int(value) == 0 for key, value in options):
        raise InputError(f"{name}: unknown camera option or size; {expected}")
    sizes = tuple((key, int(value)) for key, value in options)
    return _Source(SourceKind.CAMERA, name, camera=int(match["number"]), options=sizes)


def _images_in(folder: Path) -> tuple[Path, ...]:
    # Names with a leading dot are the file system's own (macOS keeps a "._photo.jpg" beside photos).
    files = [file for file in folder.iterdir() if not file.name.startswith(".") and file.is_file()]
    images = [file for file in files if file.suffix.lower() in IMAGE_ENDINGS]
    if not images:
        videos = sum(file.suffix.lower() in VIDEO_ENDINGS for file in files)
        hint = f"; for its {videos} videos give a glob such as {folder / '*.mp4'}" if videos else ""
        raise InputError(f"{folder}: no images in this folder; expected {' '.join(IMAGE_ENDINGS)}{hint}")
    return tuple(sorted(images, key=_natural))


def _matching(pattern: str) -> tuple[Path, ...]:
    files = [Path(match) for match in glob.glob(pattern, recursive=True)]  # noqa: PTH207 (Path takes no absolute ones)
    files = [file for file in files if file.is_file()]
    if not files:
        raise InputError(f"{pattern}: no file matches this pattern")
    return tuple(sorted(files, key=_natural))


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """The order in which people count: slide2 before slide10."""
    pieces = re.findall(r"[0-9]+|[^0-9]+", str(path).casefold())
    return [(0, int(piece), piece) if piece[0] in "0123456789" else (1, 0, piece) for piece in pieces]


def _read_camera(found: _Source, fps: float | None) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], float]]:
    sampler, start_s, last_s = Sampler(fps), None, -math.inf
    with _opened_camera(found) as capture:
        while capture.grab():
            # The camera's own clock is not to be had alike on every system. perf_counter never goes back, and is finer
            # than time.monotonic on Windows.
            now_s = time.perf_counter()
            start_s = now_s if start_s is None else start_s
            time_s = now_s - start_s
            # Every frame is taken off the camera, lest its buffer hand out old ones, but only those kept are converted.
            if time_s <= last_s or not sampler.wants(time_s):
                continue
            last_s = time_s
            is_read, picture = capture.retrieve()
            if not is_read:
                break
            yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), time_s
    after = "before its first picture" if start_s is None else f"after {time.perf_counter() - start_s:.1f} s"
    raise InputError(f"{found.name}: the camera stopped {after}; was it unplugged, or taken by another program?")


@contextmanager
def _opened_camera(found: _Source) -> Iterator[cv2.VideoCapture]:
    # OpenCV prints its own lines about a camera that is not there; the one error below says it.
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        capture = cv2.VideoCapture(found.camera)
    finally:
        cv2.utils.logging.setLogLevel(level)
    try:
        if not capture.isOpened():
            raise InputError(
                f"{found.name}: the camera cannot be opened; is it connected, not in use, and this program allowed to?"
            )
        for key, value in found.options:
            capture.set(_CAMERA_OPTIONS[key], value)
        yield capture
    finally:
        capture.release()
