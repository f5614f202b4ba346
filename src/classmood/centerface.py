"""CenterFace: a network that sees a face as the point at its centre, and its read-out.

Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point", 2019, arXiv:1911.03599. The network
turns a picture into four maps of a quarter of its sides. With the cell in row r and column c, and every map read there:

    score            heatmap                                    of a face whose centre lies in this cell
    (h, w)         = 4 exp(size)                                height and width, in px
    (y, x)         = 4 ((r, c) + offset + 1/2)                  the centre, in px
    landmark k     = (y - h/2 + h l_2k, x - w/2 + w l_2k+1)     k = 0..4

The usual mistakes: sizes, offsets and landmarks are (y, x); the picture is RGB from 0 to 255 with nothing subtracted
(BGR is seen almost as well, which hides the mistake); and landmarks start at the box's own corner, not at one cut at
the picture's border.

A face is a local maximum of the heatmap. Cells around it saw it too, so its box and landmarks are the mean over those
that agree, weighted by score (box voting, Gidaris and Komodakis 2015, arXiv:1505.01749): landmarks tremble a fifth
less from frame to frame, at no cost.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import onnxruntime
from jaxtyping import Float32, Int, UInt8

from classmood.boxes import BOX, Rows, keep_distinct
from classmood.errors import ModelError
from classmood.memory import give_back
from classmood.models.weights import SHIPPED_DETECTOR, Card, find, open_session, read_card
from classmood.scales import SIDE_MULTIPLE_PX

STRIDE_PX: Final = 4
OUTPUTS: Final = ("heatmap", "size", "offset", "landmarks")
# Cells up to this far from a maximum vote, if they score this share of it and place the centre this near.
_REACH: Final = 2
_VOTE_SHARE: Final = 0.7
_VOTE_NEAR: Final = 0.2


class CenterFaceNetwork:
    """The network in ONNX Runtime, on one picture at a time.

    Attributes:
        aim_px: height at which the smallest face is worked for: landmarks are within about 6% of the eye distance, and
            get no better than 4% at any height.
        floor_px: under this height some faces are missed, one in fifty at 16 px, nearly all at 11.
        ceiling_px: from about 550 px on, a face falls into several.
    """

    aim_px = 25.0
    floor_px = 19.0
    ceiling_px = 450.0

    def __init__(self, model: Path | None = None, *, threads: int = 2) -> None:
        path = find(model or SHIPPED_DETECTOR)
        read_card(path, Card)
        self._session = open_session(path, threads=threads)
        names = tuple(output.name for output in self._session.get_outputs())
        if names != OUTPUTS or [given.name for given in self._session.get_inputs()] != ["image"]:
            raise ModelError(
                f"{path}: expected CenterFace with input image and outputs {', '.join(OUTPUTS)}, "
                f"got outputs {', '.join(names)}; use the file that hatch_build.py makes"
            )
        # A size that keeps coming, as a video's does, keeps its working memory: quicker by a third. One that is new
        # gives it back after the run, since memory kept for every size that ever came adds up to a gigabyte.
        self._give_back = onnxruntime.RunOptions()
        self._give_back.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._smallest = np.zeros((1, 3, SIDE_MULTIPLE_PX, SIDE_MULTIPLE_PX), np.float32)
        self._recent_shapes: deque[tuple[int, ...]] = deque(maxlen=2)

    def __call__(self, image: UInt8[np.ndarray, "h w 3"], *, threshold: float) -> Rows:
        """Find faces that score a threshold or more, in an RGB image whose sides are multiples of 32."""
        planes = np.stack(cv2.split(image))[None].astype(np.float32)
        options = None
        if image.shape not in self._recent_shapes:
            # Before, lest the largest picture come on top of what lies free: in the session, and in the C library.
            self._session.run(list(OUTPUTS), {"image": self._smallest}, self._give_back)
            give_back()
            options = self._give_back
        self._recent_shapes.append(image.shape)
        maps = self._session.run(list(OUTPUTS), {"image": planes}, options)
        return decode(*(field[0] for field in maps), threshold=threshold)


def decode(
    heatmap: Float32[np.ndarray, "1 r c"],
    size: Float32[np.ndarray, "2 r c"],
    offset: Float32[np.ndarray, "2 r c"],
    landmarks: Float32[np.ndarray, "10 r c"],
    *,
    threshold: float,
) -> Rows:
    """Faces from the network's maps, the surest first."""
    score = heatmap[0]
    # Dilation by a 3x3 square is the maximum over a cell and its eight neighbours.
    peaks = (score >= threshold) & (score >= cv2.dilate(score, np.ones((3, 3), np.uint8)))
    r, c = np.nonzero(peaks)
    if not len(r):
        return np.zeros((0, 15), np.float32)
    order = np.argsort(-score[r, c], kind="stable")
    r, c = r[order], c[order]
    at_peak = _read(size, offset, landmarks, r, c)
    kept = keep_distinct(at_peak[:, BOX])
    r, c, at_peak = r[kept], c[kept], at_peak[kept]

    around = np.arange(-_REACH, _REACH + 1)
    rows, columns = (r[:, None, None] + around[:, None]), (c[:, None, None] + around)
    rows, columns = np.broadcast_arrays(rows, columns)
    inside = (rows >= 0) & (rows < score.shape[0]) & (columns >= 0) & (columns < score.shape[1])
    face, voter = np.nonzero(inside.reshape(len(r), -1))
    rows, columns = rows.reshape(len(r), -1)[face, voter], columns.reshape(len(r), -1)[face, voter]
    weight = score[rows, columns]
    votes = _read(size, offset, landmarks, rows, columns)
    own = at_peak[face]
    apart = np.abs(votes[:, :2] + votes[:, 2:4] / 2 - own[:, :2] - own[:, 2:4] / 2) / own[:, 2:4]
    agrees = (weight >= _VOTE_SHARE * score[r, c][face]) & (apart.max(1) <= _VOTE_NEAR)
    weight = np.where(agrees, weight, np.float32(0))
    total = np.zeros((len(r), 14), np.float64)
    np.add.at(total, face, votes * weight[:, None])
    mean = total / np.bincount(face, weight, len(r))[:, None]
    return np.concatenate([mean, score[r, c][:, None]], 1).astype(np.float32)


def _read(
    size: Float32[np.ndarray, "2 r c"],
    offset: Float32[np.ndarray, "2 r c"],
    landmarks: Float32[np.ndarray, "10 r c"],
    r: Int[np.ndarray, " n"],
    c: Int[np.ndarray, " n"],
) -> Float32[np.ndarray, "n 14"]:
    """Boxes and landmarks as single cells see them."""
    height_width = STRIDE_PX * np.exp(size[:, r, c])
    corner = STRIDE_PX * (np.stack([r, c]) + offset[:, r, c] + 0.5) - height_width / 2
    points = corner + height_width * landmarks[:, r, c].reshape(5, 2, -1)
    box = np.concatenate([corner[::-1], height_width[::-1]])
    return np.concatenate([box, points[:, ::-1].reshape(10, -1)]).T.astype(np.float32)
