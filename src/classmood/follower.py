"""The faces of a video, frame after frame.

The first frame is surveyed, as a photo is. The smallest face found gives the working size for the frames to come: just
large enough to see it well. A survey is repeated when the picture changes (a cut, another layout), when a face is lost
or becomes too small, and now and then, ever more seldom while nothing new comes to light.

Between surveys the detector looks at the whole picture about once in eight frames, and whenever something changes
where no face is known or a face is lost. In the others it looks at a mosaic of the known faces' neighbourhoods, where
that is much smaller: half the cost for a gallery of 20.
"""

from __future__ import annotations

from typing import Final, Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from classmood.boxes import BOX, SAME_FACE_IOU, SCORE, Rows, overlaps
from classmood.faces import Faces, Network, check_image
from classmood.mosaic import Mosaic
from classmood.scales import SIDE_MULTIPLE_PX, fit_side, round_up, survey_scales, working_size

NEW_SCORE: Final = 0.4
KNOWN_SCORE: Final = 0.25
# Without a face to go by, work as if the smallest had this share of the picture's height.
_UNSEEN_SHARE: Final = 1 / 12
# Frames between surveys: from the first to the last while they bring no news. A sudden change in this share of a 32x18
# thumbnail asks for one after a quarter of that time, a cut after a sixteenth.
_PATIENCE_FROM, _PATIENCE_TO = 8, 128
_CHANGED_PATIENCE, _CUT_PATIENCE = 1 / 4, 1 / 16
_CHANGED_SHARE, _CUT_SHARE = 0.1, 0.5
_CHANGED_LEVELS: Final = 32
_THUMBNAIL: Final = (32, 18)
# Frames in a row that a mosaic may stand for the whole, and the share of its area that it may have.
_MOSAICS_AT_MOST: Final = 7
_MOSAIC_AREA: Final = 0.7
# Between these shares of the height aimed at, a working size does well enough; one that does not show all that is known
# grows by a step, at most to twice what was first tried. A survey that is not thorough looks twice as close as before.
_FITS_FROM, _FITS_TO = 0.85, 1.4
_STEP, _CLOSER = 1.4, 2
# What reaches this near to its cell's edge, in face heights, may be cut by it; within the second, a new plan is due.
_CUT_MARGIN, _NEAR_MARGIN = 0.02, 0.1


@runtime_checkable
class Looks(Protocol):
    """A network that can be shown an image at any size, whole or in part."""

    network: Network

    def look(self, image: UInt8[np.ndarray, "h w 3"], scales: tuple[float, ...], *, threshold: float) -> Rows:
        """Find faces at some scales, the largest first."""

    def look_at(self, image: UInt8[np.ndarray, "h w 3"], scale: float, mosaic: Mosaic, *, threshold: float) -> Rows:
        """Find faces in parts of the image at one scale."""


class Follower:
    """The faces of a video, frame after frame, at a working size that follows what is seen. One a video."""

    def __init__(self, detector: Looks) -> None:
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
            self._survey(image, thorough=self._changed > _CHANGED_SHARE or self._frames_since >= _PATIENCE_TO)
        elif not self._glimpse(image):
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
        self._mosaic: Mosaic | None = None
        self._mosaics, self._mosaic_of, self._thumbnail_of_whole = 0, 0, self._thumbnail

    def _changed_share(self, thumbnail: np.ndarray) -> float:
        """How much of the picture differs from the one before."""
        if not self._scales:
            return 1.0
        return float((np.abs(thumbnail - self._thumbnail).max(2) > _CHANGED_LEVELS).mean())

    def _is_due(self, changed: float) -> bool:
        if changed > _CUT_SHARE:
            return self._frames_since >= self._patience * _CUT_PATIENCE
        asked = changed > _CHANGED_SHARE or self._uneasy
        return self._frames_since >= (self._patience * _CHANGED_PATIENCE if asked else self._patience)

    def _glance(self, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """Look at the whole at the working size."""
        self._take(self._credible(self._detector.look(image, self._scales, threshold=KNOWN_SCORE)))
        self._plan_mosaic()

    def _glimpse(self, image: UInt8[np.ndarray, "h w 3"]) -> bool:
        """Look at the mosaic; whether that was enough to know where all faces are."""
        mosaic = self._mosaic
        if mosaic is None or self._mosaics >= _MOSAICS_AT_MOST or self._news_outside(mosaic):
            return False
        rows = self._credible(self._detector.look_at(image, self._scales[0], mosaic, threshold=KNOWN_SCORE))
        if not _sees_all(rows, self._known) or not mosaic.holds(self._at_work(rows), margin=_CUT_MARGIN):
            return False
        self._take(rows)
        self._mosaics += 1
        if not mosaic.holds(self._at_work(rows), margin=_NEAR_MARGIN):
            self._mosaic = self._new_mosaic()
        return True

    def _take(self, rows: Rows) -> None:
        """Take what was found for what is there, and note what asks for a survey."""
        lost = not _sees_all(rows, self._known)
        small = rows[:, 3].min(initial=np.inf) * self._scales[0] < self._detector.network.floor_px
        self._uneasy = self._uneasy or lost or bool(small)
        self._known = rows

    def _news_outside(self, mosaic: Mosaic) -> bool:
        """Whether something changed, since the whole was looked at, where the mosaic does not look."""
        changed = np.abs(self._thumbnail - self._thumbnail_of_whole).max(2) > _CHANGED_LEVELS
        return bool((changed & mosaic.outside(changed.shape)).any())

    def _plan_mosaic(self) -> None:
        """After a look at the whole: keep the mosaic there is, if it serves, so that its size stays."""
        self._mosaics, self._thumbnail_of_whole = 0, self._thumbnail
        kept = self._mosaic
        serves = kept is not None and kept.picture == self._working_size() and len(self._known) == self._mosaic_of
        if kept is None or not serves or not kept.holds(self._at_work(self._known), margin=_NEAR_MARGIN):
            self._mosaic = self._new_mosaic()

    def _new_mosaic(self) -> Mosaic | None:
        """A mosaic of the known faces; None without any, at two sizes, and where it would save little."""
        self._mosaic_of = len(self._known)
        if not self._mosaic_of or len(self._scales) > 1:
            return None
        picture = self._working_size()
        mosaic = Mosaic.around(self._at_work(self._known), picture, multiple_px=SIDE_MULTIPLE_PX)
        return mosaic if mosaic.area_px <= _MOSAIC_AREA * round_up(picture[0]) * round_up(picture[1]) else None

    def _working_size(self) -> tuple[int, int]:
        """Height and width of the picture that the detector works on."""
        return working_size(self._shape, self._scales[0])

    def _at_work(self, rows: Rows) -> Float32[np.ndarray, "n 4"]:
        """Boxes in px of that picture."""
        boxes: Float32[np.ndarray, "n 4"] = rows[:, BOX] * np.float32(self._scales[0])
        return boxes

    def _survey(self, image: UInt8[np.ndarray, "h w 3"], *, thorough: bool) -> None:
        """Look at more than the working size shows, and choose it anew.

        Unless the picture changed or surveys have become seldom, faces half as high as those worked for are small
        enough to look for: that costs half of the thorough look at a gallery of 20.
        """
        before = self._scales
        large, small = survey_scales(image)
        if not thorough:
            large = min(large, _CLOSER * max(before))
        rows = self._credible(self._detector.look(image, (large, small), threshold=KNOWN_SCORE))
        no_news = _sees_all(self._known, rows)
        self._known = rows
        self._scales = self._choose_scales(image, no_news=no_news)
        found_smaller = not before or self._scales[0] > before[0] or len(self._scales) > len(before)
        self._patience = _PATIENCE_FROM if found_smaller else min(2 * self._patience, _PATIENCE_TO)
        self._frames_since, self._uneasy, self._changed = 0, False, 0.0
        self._plan_mosaic()

    def _credible(self, rows: Rows) -> Float32[np.ndarray, "k 15"]:
        """New faces that are sure enough, and known ones that are not quite."""
        known = overlaps(rows[:, BOX], self._known[:, BOX]).max(1, initial=0) > SAME_FACE_IOU
        kept: Float32[np.ndarray, "k 15"] = rows[known | (rows[:, SCORE] >= NEW_SCORE)]
        return kept

    def _choose_scales(self, image: UInt8[np.ndarray, "h w 3"], *, no_news: bool) -> tuple[float, ...]:
        """The least scale at which all that the survey found is found again; known faces were, a frame ago."""
        network = self._detector.network
        large, small = survey_scales(image)
        heights = self._known[:, 3] if len(self._known) else np.array([image.shape[0] * _UNSEEN_SHARE])
        smallest, largest = float(heights.min()), float(heights.max())
        scale = fit_side(image, network.aim_px / smallest, small, large)
        # A size that does well enough stays: every new one costs memory and unsteadies landmarks.
        if self._scales and _FITS_FROM <= smallest * self._scales[0] / network.aim_px <= _FITS_TO:
            if no_news:
                return self._scales
            scale = self._scales[0]
        at_most = min(_CLOSER * scale, large)
        while True:
            scales = (scale, small) if scale > small and largest * scale > network.ceiling_px else (scale,)
            seen = self._detector.look(image, scales, threshold=KNOWN_SCORE)
            if scale >= at_most or _sees_all(seen, self._known):
                return scales
            scale = fit_side(image, _STEP * scale, small, at_most)


def _sees_all(rows: Rows, known: Float32[np.ndarray, "m 15"]) -> bool:
    """Whether every known face is among the rows."""
    return bool((overlaps(known[:, BOX], rows[:, BOX]).max(1, initial=0) > SAME_FACE_IOU).all())
