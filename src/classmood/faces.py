"""Frame to faces: find every face, at a working size chosen by what is seen.

A network sees faces between two heights, counted in pixels of the picture it is given: CenterFace from about 20 to 400.
A meeting's frame holds anything from one face that fills it to a grid of 49, so no one size serves all, and the cost
grows with the area. Hence:

- **a photo** (``detect``) is surveyed: once near its full size, for the small faces, and once small with a margin
  around, for large ones and those cut off by the border;
- **a video** (``follow``) is surveyed at its first frame. The smallest face found gives the working size for the frames
  to come: just large enough to see it well. A survey is repeated when the picture changes (a cut, another layout), when
  a face is lost or becomes too small, and now and then, ever more seldom while nothing new comes to light.

A new face must score 0.4; one that was there in the frame before may fall to 0.25, so that it does not flicker.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8

from classmood.boxes import BOX, LANDMARKS, SAME_FACE_IOU, SCORE, Rows, covered, keep_distinct, overlaps
from classmood.centerface import SIDE_MULTIPLE_PX, CenterFaceNetwork
from classmood.errors import InputError
from classmood.yunet import YuNetNetwork

NEW_SCORE: Final = 0.4
KNOWN_SCORE: Final = 0.25
# The survey's large pass: at most this area, which bounds time and memory; small pictures are enlarged towards the
# second, at most three times.
_LARGE_AREA_PX: Final = 1_000_000
_LARGE_AREA_AT_LEAST_PX: Final = 640 * 360
_ENLARGE_AT_MOST: Final = 3.0
# Its small pass. Pictures this small get a margin, which helps where a face is cut by the border.
_SMALL_SIDE_PX: Final = 256
_MARGIN_PX: Final = 32
# What the large pass sees in a face that is too large for it is an eye or a cheek if this share of it lies within.
_PIECE_COVERED: Final = 0.7
# Without a face to go by, work as if the smallest had this share of the picture's height.
_UNSEEN_SHARE: Final = 1 / 12
# Frames between surveys: from the first to the last while they bring no news. A sudden change in this share of a 32x18
# thumbnail asks for one after a quarter of that time, a cut after a sixteenth.
_PATIENCE_FROM, _PATIENCE_TO = 4, 128
_CHANGED_SHARE, _CUT_SHARE = 0.1, 0.5
_CHANGED_LEVELS: Final = 32
_THUMBNAIL: Final = (32, 18)


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """The faces of one image, the surest first.

    Convention: coordinates are continuous, an image spans (0, 0) to (width, height). Boxes and landmarks may reach past
    it where a face is cut off.

    Attributes:
        boxes_px: x, y, width, height.
        scores: from 0 to 1; not a probability.
        landmarks_px: the person's right eye (left in the image), left eye, nose, and the corners of the mouth, the one
            left in the image first.
    """

    boxes_px: Float32[np.ndarray, "n 4"]
    scores: Float32[np.ndarray, " n"]
    landmarks_px: Float32[np.ndarray, "n 5 2"]

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def empty(cls) -> Faces:
        """No faces."""
        return cls.from_rows(np.zeros((0, 15), np.float32))

    @classmethod
    def from_rows(cls, rows: Rows) -> Faces:
        """Faces as a network gives them."""
        return cls(rows[:, BOX], rows[:, SCORE], rows[:, LANDMARKS].reshape(-1, 5, 2))

    def take(self, indices: Int[np.ndarray, " m"] | Bool[np.ndarray, " n"]) -> Faces:
        """Some of the faces, in the order asked for."""
        return type(self)(self.boxes_px[indices], self.scores[indices], self.landmarks_px[indices])


@runtime_checkable
class FaceDetector(Protocol):
    """What finds faces."""

    def detect(self, image: UInt8[np.ndarray, "h w 3"]) -> Faces:
        """Find the faces of an RGB image."""

    def follow(self) -> FaceDetector:
        """A detector for the frames of one video, in order; it may remember what it saw."""


@runtime_checkable
class Network(Protocol):
    """A face network on a picture of a given size.

    Attributes:
        aim_px: height of the smallest face to work at.
        floor_px: height under which faces may be missed.
        ceiling_px: height over which they may be seen wrongly.
    """

    aim_px: float
    floor_px: float
    ceiling_px: float

    def __call__(self, image: UInt8[np.ndarray, "h w 3"], *, threshold: float) -> Rows:
        """Find faces in an RGB image whose sides are multiples of 32."""


class SizingDetector:
    """A network, shown every image at sizes at which it sees faces."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def detect(self, image: np.ndarray) -> Faces:
        """Find the faces of an RGB image on its own.

        Raises:
            InputError: it is no RGB image of 8 bits, or has no pixels.
        """
        check_image(image)
        return Faces.from_rows(self.look(image, survey_scales(image), threshold=NEW_SCORE))

    def follow(self) -> Follower:
        """A detector for the frames of one video, in order."""
        return Follower(self)

    def look(self, image: UInt8[np.ndarray, "h w 3"], scales: tuple[float, ...], *, threshold: float) -> Rows:
        """Find faces at some scales, the largest first; where two see the same face, the larger sees it better."""
        found: list[Rows] = []
        for scale in reversed(scales):
            rows = self._look_once(image, scale, threshold)
            if scale != scales[-1]:
                rows = rows[rows[:, 3] * scale <= self.network.ceiling_px]
                coarser = np.concatenate(found)
                rows = rows[~_are_pieces(rows, coarser[coarser[:, 3] * scale > self.network.ceiling_px])]
            found.insert(0, rows)
        rows = np.concatenate(found)
        if len(scales) > 1:
            rows = rows[keep_distinct(rows[:, BOX])]
        return rows[np.argsort(-rows[:, SCORE], kind="stable")]

    def _look_once(self, image: UInt8[np.ndarray, "h w 3"], scale: float, threshold: float) -> Rows:
        picture, factors = _shrink(image, scale)
        height, width = picture.shape[:2]
        margin = _MARGIN_PX if max(height, width) <= _SMALL_SIDE_PX + 2 * _MARGIN_PX else 0
        canvas = np.zeros((_round_up(height + 2 * margin), _round_up(width + 2 * margin), 3), np.uint8)
        canvas[margin : margin + height, margin : margin + width] = picture
        rows = self.network(canvas, threshold=threshold)
        points = rows[:, :SCORE].reshape(-1, 7, 2)  # corner, size, five landmarks
        points[:, [0, 2, 3, 4, 5, 6]] -= margin
        points /= np.array(factors, np.float32)
        return rows


class CenterFace(SizingDetector):
    """CenterFace, the shipped detector.

    Args:
        model: another file of it, with its card beside it; the shipped one by default.
        threads: cores to use.

    Raises:
        ModelError: the file is missing, no CenterFace, or not the one that its card describes.
    """

    def __init__(self, model: Path | None = None, *, threads: int = 2) -> None:
        super().__init__(CenterFaceNetwork(model, threads=threads))


class YuNet(SizingDetector):
    """YuNet from a file of the user's, through OpenCV.

    Args:
        model: the ONNX file.

    Raises:
        ModelError: the file is missing or OpenCV cannot read it.
    """

    def __init__(self, model: Path) -> None:
        super().__init__(YuNetNetwork(model))


class Follower:
    """The faces of a video, frame after frame, at a working size that follows what is seen. One a video."""

    def __init__(self, detector: SizingDetector) -> None:
        self._detector = detector
        self._frames_since, self._changed = 0, 0.0
        self._forget(shape=())

    @property
    def scales(self) -> tuple[float, ...]:
        """The working sizes of the last frame, as shares of its own size; empty before the first."""
        return self._scales

    def detect(self, image: np.ndarray) -> Faces:
        """Find the faces of the next frame.

        Raises:
            InputError: it is no RGB image of 8 bits, or has no pixels.
        """
        check_image(image)
        if image.shape != self._shape:
            self._forget(image.shape)
        thumbnail = cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_LINEAR).astype(np.int16)
        self._frames_since += 1
        # From one frame to the next: a layout changes at once, while people who move change the picture bit by bit.
        self._changed = max(self._changed, self._changed_share(thumbnail))
        self._thumbnail = thumbnail
        if self._is_due(self._changed):
            # A quarter of the picture is enough for a strip of small faces beside a large one.
            self._survey(image, thorough=self._changed > _CHANGED_SHARE or self._patience == _PATIENCE_TO)
        else:
            self._glance(image)
        return Faces.from_rows(self._known)

    def follow(self) -> Follower:
        """A detector for another video."""
        return Follower(self._detector)

    def _forget(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._scales: tuple[float, ...] = ()
        self._known = np.zeros((0, 15), np.float32)
        self._thumbnail = np.zeros((0, 0, 3), np.int16)
        self._patience, self._frames_since, self._uneasy, self._changed = _PATIENCE_FROM, 0, False, 0.0

    def _changed_share(self, thumbnail: np.ndarray) -> float:
        """How much of the picture differs from the one before."""
        if not self._scales:
            return 1.0
        return float((np.abs(thumbnail - self._thumbnail).max(2) > _CHANGED_LEVELS).mean())

    def _is_due(self, changed: float) -> bool:
        if changed > _CUT_SHARE:
            return self._frames_since >= self._patience / 16
        asked = changed > _CHANGED_SHARE or self._uneasy
        return self._frames_since >= (self._patience / 4 if asked else self._patience)

    def _glance(self, image: UInt8[np.ndarray, "h w 3"]) -> None:
        rows = self._credible(self._detector.look(image, self._scales, threshold=KNOWN_SCORE))
        lost = not _sees_all(rows, self._known)
        small = rows[:, 3].min(initial=np.inf) * self._scales[0] < self._detector.network.floor_px
        self._uneasy = self._uneasy or lost or bool(small)
        self._known = rows

    def _survey(self, image: UInt8[np.ndarray, "h w 3"], *, thorough: bool) -> None:
        """Look at more than the working size shows, and choose it anew.

        Unless the picture changed or surveys have become seldom, faces half as high as those worked for are small
        enough to look for: that costs half of the thorough look at a gallery of 20.
        """
        before = self._scales
        large, small = survey_scales(image)
        if not thorough:
            large = min(large, 2 * max(before))
        self._known = self._credible(self._detector.look(image, (large, small), threshold=KNOWN_SCORE))
        self._scales = self._choose_scales(image)
        found_smaller = not before or self._scales[0] > before[0] or len(self._scales) > len(before)
        self._patience = _PATIENCE_FROM if found_smaller else min(2 * self._patience, _PATIENCE_TO)
        self._frames_since, self._uneasy, self._changed = 0, False, 0.0

    def _credible(self, rows: Rows) -> Float32[np.ndarray, "k 15"]:
        """New faces that are sure enough, and known ones that are not quite."""
        known = overlaps(rows[:, BOX], self._known[:, BOX]).max(1, initial=0) > SAME_FACE_IOU
        kept: Float32[np.ndarray, "k 15"] = rows[known | (rows[:, SCORE] >= NEW_SCORE)]
        return kept

    def _choose_scales(self, image: UInt8[np.ndarray, "h w 3"]) -> tuple[float, ...]:
        """The least scale at which all that the survey found is found again."""
        network = self._detector.network
        large, small = survey_scales(image)
        heights = self._known[:, 3] if len(self._known) else np.array([image.shape[0] * _UNSEEN_SHARE])
        smallest, largest = float(heights.min()), float(heights.max())
        scale = _fit_side(image, network.aim_px / smallest, small, large)
        # A size that does well enough stays: every new one costs memory and unsteadies landmarks.
        if self._scales and 0.85 <= smallest * self._scales[0] / network.aim_px <= 1.4:
            scale = self._scales[0]
        at_most = min(2 * scale, large)
        while True:
            scales = (scale, small) if scale > small and largest * scale > network.ceiling_px else (scale,)
            seen = self._detector.look(image, scales, threshold=KNOWN_SCORE)
            if scale >= at_most or _sees_all(seen, self._known):
                return scales
            scale = _fit_side(image, 1.4 * scale, small, at_most)


def check_image(image: np.ndarray) -> None:
    """Refuse what is no RGB image of 8 bits.

    Raises:
        InputError: says what was expected and what came.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise InputError(
            f"expected an RGB image, uint8 of shape (height, width, 3) with pixels in it, got {image.dtype} of shape "
            f"{image.shape}; read files with classmood.frames"
        )


def survey_scales(image: UInt8[np.ndarray, "h w 3"]) -> tuple[float, float]:
    """The scales of a survey's large and small pass."""
    height, width = image.shape[:2]
    area = height * width
    large = min((_LARGE_AREA_PX / area) ** 0.5, max(1.0, (_LARGE_AREA_AT_LEAST_PX / area) ** 0.5), _ENLARGE_AT_MOST)
    return large, min(_SMALL_SIDE_PX / max(height, width), large / 2)


def _fit_side(image: UInt8[np.ndarray, "h w 3"], scale: float, at_least: float, at_most: float) -> float:
    """A scale near the one wanted that makes the longer side a multiple of 32, so that no margin is computed."""
    side = max(image.shape[:2])
    fitted = max(1, round(side * scale / SIDE_MULTIPLE_PX)) * SIDE_MULTIPLE_PX / side
    return float(np.clip(fitted, at_least, at_most))


def _sees_all(rows: Rows, known: Float32[np.ndarray, "m 15"]) -> bool:
    """Whether every known face is among the rows."""
    return bool((overlaps(known[:, BOX], rows[:, BOX]).max(1, initial=0) > SAME_FACE_IOU).all())


def _are_pieces(rows: Rows, large: Float32[np.ndarray, "m 15"]) -> Bool[np.ndarray, " n"]:
    """Whether what was found is a part of a face too large for that scale: within it, and less sure than it."""
    within = covered(rows[:, BOX], large[:, BOX]) > _PIECE_COVERED
    less_sure = rows[:, SCORE, None] < large[None, :, SCORE]
    return np.asarray((within & less_sure).any(1))


def _shrink(image: UInt8[np.ndarray, "h w 3"], scale: float) -> tuple[UInt8[np.ndarray, "r c 3"], tuple[float, float]]:
    """Resize by about a scale. Returns the factors for x and y that came of it.

    Halving by area is exact and quick; what is left, less than a factor of two, linear interpolation does without
    aliasing. It costs a quarter of area averaging at any factor and serves as well.
    """
    height, width = image.shape[:2]
    wanted = (max(1, round(width * scale)), max(1, round(height * scale)))
    halved = 1.0
    while scale * halved <= 0.5 and min(image.shape[:2]) >= 2 * 2:
        even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        image = cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)
        halved *= 2
    factors = (wanted[0] / (image.shape[1] * halved), wanted[1] / (image.shape[0] * halved))
    if (image.shape[1], image.shape[0]) != wanted:
        image = cv2.resize(image, wanted, interpolation=cv2.INTER_LINEAR)
    return image, factors


def _round_up(side_px: int) -> int:
    return -(-side_px // SIDE_MULTIPLE_PX) * SIDE_MULTIPLE_PX
