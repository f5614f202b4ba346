"""Frame to faces: find every face, at a working size chosen by what is seen.

- **A photo** (``detect``) is surveyed: once near its full size, for the small faces, and once small with a margin
  around, for large ones and those cut off by the border.
- **A video** (``follow``) is surveyed at its first frame, and from then on at sizes that suit what is there:
  ``classmood.follower``.

A new face must score 0.4; one that was there in the frame before may fall to 0.25, so that it does not flicker.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from classmood.boxes import BOX, SCORE, Rows, covered, keep_distinct
from classmood.centerface import CenterFaceNetwork
from classmood.faces import Faces, Network, check_image
from classmood.follower import NEW_SCORE, Follower
from classmood.mosaic import Mosaic
from classmood.scales import SMALL_SIDE_PX, round_up, shrink, survey_scales
from classmood.yunet import YuNetNetwork

# Pictures this small get a margin, which helps where a face is cut by the border.
_MARGIN_PX: Final = 32
# What the large pass sees in a face that is too large for it is an eye or a cheek if this share of it lies within.
_PIECE_COVERED: Final = 0.7


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

    def look_at(self, image: UInt8[np.ndarray, "h w 3"], scale: float, mosaic: Mosaic, *, threshold: float) -> Rows:
        """Find faces in the mosaic's parts of the image at one scale."""
        picture, factors = shrink(image, scale)
        return _enlarged(mosaic.restore(self.network(mosaic.compose(picture), threshold=threshold)), factors)

    def _look_once(self, image: UInt8[np.ndarray, "h w 3"], scale: float, threshold: float) -> Rows:
        picture, factors = shrink(image, scale)
        height, width = picture.shape[:2]
        margin = _MARGIN_PX if max(height, width) <= SMALL_SIDE_PX + 2 * _MARGIN_PX else 0
        canvas = np.zeros((round_up(height + 2 * margin), round_up(width + 2 * margin), 3), np.uint8)
        canvas[margin : margin + height, margin : margin + width] = picture
        return _enlarged(self.network(canvas, threshold=threshold), factors, margin)


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


def _enlarged(rows: Rows, factors: tuple[float, float], margin: int = 0) -> Rows:
    """Rows of a shrunken picture within a margin, in px of the image; in place."""
    points = rows[:, :SCORE].reshape(-1, 7, 2)  # corner, size, five landmarks
    points[:, [0, 2, 3, 4, 5, 6]] -= margin
    points /= np.array(factors, np.float32)
    return rows


def _are_pieces(rows: Rows, large: Float32[np.ndarray, "m 15"]) -> Bool[np.ndarray, " n"]:
    """Whether what was found is a part of a face too large for that scale: within it, and less sure than it."""
    within = covered(rows[:, BOX], large[:, BOX]) > _PIECE_COVERED
    less_sure = rows[:, SCORE, None] < large[None, :, SCORE]
    return np.asarray((within & less_sure).any(1))
