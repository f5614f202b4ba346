"""The way of the data: frame -> faces -> tracks -> crops -> emotions -> smoothing, one instant after the other.

This is the only place where the stages meet. It holds one frame at a time, whatever the length of the video.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TypeVar, TypeVarTuple

import numpy as np
from jaxtyping import Int64, UInt8

from classmood.classifier import Classifier, Emotions
from classmood.crops import make_crops
from classmood.detectors import CenterFace
from classmood.errors import InputError
from classmood.faces import FaceDetector, Faces
from classmood.frames import Frame, read_frames
from classmood.smoothing import Smoother
from classmood.timeline import Instant
from classmood.tracks import Tracker

# Short enough that the onset of a smile is seen within half a second, long enough to still flicker.
SMOOTHING_S = 0.35
# Frames whose crops are classified while the next frame is looked at.
_AHEAD = 2
STAGES = ("frames", "faces", "tracks", "crops", "emotions", "smoothing")
Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How a face's numbers are steadied over time.

    Attributes:
        time_constant_s: of the exponential mean; 0 leaves every instant as it was measured.
        baseline_s: length of the first part of a track that is taken for the person's resting face; None for none.
    """

    time_constant_s: float = SMOOTHING_S
    baseline_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """A frame's faces, cut out and on their way to the classifier."""

    time_s: float
    source: str
    faces: Faces
    track_ids: Int64[np.ndarray, " n"]
    crops: UInt8[np.ndarray, "n 48 48"]
    smoother: Smoother | None


@dataclass(frozen=True, slots=True)
class _Ahead:
    found: _Found
    emotions: Future[Emotions]


class Pipeline:
    """Frames in, instants out. Tracks and smoothing start anew with every source."""

    def __init__(
        self,
        detector: FaceDetector | None = None,
        classifier: Classifier | None = None,
        smoothing: Smoothing | None = None,
    ) -> None:
        self.detector = detector or CenterFace(threads=stage_threads())
        self.classifier = classifier or Classifier(threads=stage_threads())
        self.smoothing = smoothing or Smoothing()
        self.spent_s = dict.fromkeys(STAGES, 0.0)
        self._adding = Lock()

    def instants(self, frames: Iterable[Frame]) -> Generator[Instant, None, None]:
        """Analyse frames as they come.

        While the crops of two frames are classified, the next frame is read and its faces are found: no core waits for
        the other's stage, whichever is the slower. An error of the frames is raised after the instants before it were
        given.
        """
        with ThreadPoolExecutor(_AHEAD, "classmood-emotions") as workers, closing(self._faces(frames)) as looking:
            ahead: deque[_Ahead] = deque()
            try:
                for found in looking:
                    ahead.append(self._send(workers, found))
                    if len(ahead) > _AHEAD:
                        yield self._finish(ahead.popleft())
            except InputError:
                yield from map(self._finish, ahead)
                raise
            yield from map(self._finish, ahead)

    def _faces(self, frames: Iterable[Frame]) -> Generator[_Found, None, None]:
        source = None
        reading = iter(frames)
        while frame := self._timed("frames", next, reading, None):
            if frame.source != source:
                source, tracker, smoother = frame.source, Tracker(), self._smoother(moving=frame.moving)
                # A photo is looked at on its own; a video's layout is remembered.
                follower = self.detector.follow()
                detector = follower if frame.moving else self.detector
            else:
                detector = follower
            faces = self._timed("faces", detector.detect, frame.image)
            ids = self._timed("tracks", tracker.update, faces, frame.image, frame.time_s)
            crops = self._timed("crops", make_crops, frame.image, faces)
            yield _Found(frame.time_s, frame.source, faces, ids, crops, smoother)

    def _send(self, workers: ThreadPoolExecutor, found: _Found) -> _Ahead:
        return _Ahead(found, workers.submit(self._timed, "emotions", self.classifier, found.crops))

    def _finish(self, ahead: _Ahead) -> Instant:
        found, emotions = ahead.found, ahead.emotions.result()
        if found.smoother:
            emotions = self._timed("smoothing", found.smoother.update, found.track_ids, emotions, found.time_s)
        return Instant(found.time_s, found.source, found.track_ids, found.faces, emotions)

    def _smoother(self, *, moving: bool) -> Smoother | None:
        settings = self.smoothing
        # A photo's one reading would be taken for the person's resting face.
        baseline_s = settings.baseline_s if moving else None
        if not settings.time_constant_s and baseline_s is None:
            return None
        return Smoother(
            time_constant_s=settings.time_constant_s,
            baseline_s=baseline_s,
            read_out=self.classifier.read_out,
        )

    def _timed(self, stage: str, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        started = time.perf_counter()
        result = work(*arguments)
        with self._adding:
            self.spent_s[stage] += time.perf_counter() - started
        return result


def stage_threads() -> int:
    """Threads for the detector and for the classifier: two stages run at a time, so each takes half the cores."""
    return max(1, min(4, (os.cpu_count() or 2) // 2))


def analyze(
    source: str | Path | bytes,
    *,
    rate_hz: float | None = 5.0,
    start_s: float = 0.0,
    pipeline: Pipeline | None = None,
    on_error: Callable[[InputError], None] | None = None,
) -> Iterator[Instant]:
    """Analyse an image, a folder, a glob pattern, a video, a camera or bytes.

    Args:
        source: what to read; ``camera:0`` is the first camera.
        rate_hz: instants sampled a second of video; None takes every frame.
        start_s: where in a video to begin.
        pipeline: the stages to use; the shipped ones by default.
        on_error: called for a file of a folder or pattern that cannot be read, and the rest goes on; raised if None.

    Raises:
        InputError: the source cannot be read; what came before the trouble has been yielded.
    """
    pipeline = pipeline or Pipeline()
    yield from pipeline.instants(read_frames(source, fps=rate_hz, start_s=start_s, on_error=on_error))
