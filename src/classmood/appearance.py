"""How a face and its surroundings look: enough to tell that a tile now shows somebody else.

A thumbnail of 16x16 cells covers the face, the hair, the collar and some background; a colour histogram goes with it.
They live in memory for one run, belong to a ``Tracker`` and leave it by no public name; nothing is written. They tell
the people of one gallery apart for some minutes, and are no identity embedding: nothing was learned from faces, and
another shirt or another room makes another appearance.

The distance of two thumbnails must not grow when the detector's box or the head moves a little. So it is the tangent
distance (Simard, LeCun and Denker 1993): with f the newly seen face, t_1..t_4 what f would change by if it were shifted
in x or y, zoomed or turned, and g the remembered one,

    d^2 = min_a |f - g - sum_k a_k t_k|^2 + lambda |a|^2 = |f - g|^2 - |Q (f - g)|^2
    with Q = L^-1 T, L L' = T T' + lambda I.

Each channel of a thumbnail is divided by its mean, so that neither brightness nor the colour of the light counts (a
slide that turns from white to blue lights the faces before it); then it is turned into one light and two colour planes:
colour weighs more, because it varies more between people than within one, up to a limit: c becomes c / sqrt(1 + c^2).
Distances are root mean squares over cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

CELLS: Final = 16
# Width of the thumbnail in face sizes (the geometric mean of the box's width and height).
CONTEXT: Final = 1.9
_BLUR_CELLS: Final = 0.8
_SAMPLES: Final = 3
# Light = mean of R, G, B; then red against green, and yellow against blue.
_PLANES: Final = np.array([[1 / 3, 1 / 3, 1 / 3], [3.0, -3.0, 0.0], [0.75, 0.75, -1.5]], np.float32)
_RIDGE: Final = 1e-5
# Histograms of light, red-green and yellow-blue: lowest and highest value, bins; their weight in a squared distance.
_LOWEST: Final = np.array([0.0, -0.2, -0.3], np.float32)[:, None]
_HIGHEST: Final = np.array([2.0, 0.6, 0.7], np.float32)[:, None]
_BINS: Final = 12
_HISTOGRAM_WEIGHT: Final = 0.01
# So small a product a linear algebra library does itself; threads would wait for each other longer than the sums take.
_PIECE: Final = 48
_LENGTH: Final = 3 * CELLS**2 + 3 * _BINS
# Median deviation of a backdrop's cells, relative to their mean, that counts as texture (the London set's plain walls
# reach 0.053), and the share of it by which an unchanged backdrop may differ between two instants.
_TEXTURE: Final = 0.06
_UNCHANGED: Final = 0.25


def _smoothing_matrix() -> Float32[np.ndarray, "c c"]:
    cells = np.arange(CELLS)
    weights = np.exp(-np.square(cells[:, None] - cells) / (2 * _BLUR_CELLS**2))
    smoothing: Float32[np.ndarray, "c c"] = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return smoothing


_SMOOTH: Final = _smoothing_matrix()
# Differences along the cells: central inside, one-sided at the border.
_SLOPE: Final = np.asarray(np.gradient(np.eye(CELLS, dtype=np.float32), axis=0))
# Where a cell lies along a row or column, in thumbnail widths from the middle.
_PLACE: Final = (np.arange(CELLS, dtype=np.float32) - (CELLS - 1) / 2) / CELLS
# The cells of the background beside and above the head, where neither hair nor shirt moves.
_ACROSS, _DOWN = np.meshgrid(_PLACE * CONTEXT, _PLACE * CONTEXT)
_BACKDROP: Final = ((np.abs(_ACROSS) > 0.68) & (_DOWN < 0.5)) | (_DOWN < -0.78)


@dataclass(frozen=True, slots=True)
class Appearance:
    """What N faces of one image look like.

    Attributes:
        features: thumbnail and histogram, scaled so that a squared difference is a squared distance.
        bases: Q of the module's docstring; small moves of the face change ``features`` along these rows.
        thumbnails: the cells as they were cut, RGB.
    """

    features: Float32[np.ndarray, "n d"]
    bases: Float32[np.ndarray, "n 4 d"]
    thumbnails: UInt8[np.ndarray, "n c c 3"]

    def __len__(self) -> int:
        return len(self.features)

    def take(self, indices: np.ndarray | slice) -> Appearance:
        """Some of the faces, by index or mask."""
        return Appearance(self.features[indices], self.bases[indices], self.thumbnails[indices])

    def distances(self, remembered: Float32[np.ndarray, "m d"]) -> Float32[np.ndarray, "n m"]:
        """Of every face from every remembered one."""
        rows = np.concatenate([self.features[:, None], self.bases], 1)
        products = np.zeros((len(self), 5, len(remembered)), np.float32)
        for start in range(0, len(remembered), _PIECE):
            products[..., start : start + _PIECE] = rows @ remembered[start : start + _PIECE].T
        own = (rows @ self.features[:, :, None])[..., 0]
        plain = own[:, :1] + np.square(remembered).sum(1) - 2 * products[:, 0]
        explained = np.square(own[:, 1:, None] - products[:, 1:]).sum(1)
        result: Float32[np.ndarray, "n m"] = np.sqrt(np.maximum(plain - explained, 0))
        return result

    def distances_each(self, remembered: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, " n"]:
        """Of every face from its own remembered one."""
        difference = self.features - remembered
        explained = np.square(self.bases @ difference[:, :, None]).sum((1, 2))
        result: Float32[np.ndarray, " n"] = np.sqrt(np.maximum(np.square(difference).sum(1) - explained, 0))
        return result


def look(image: UInt8[np.ndarray, "h w 3"], boxes_px: Float32[np.ndarray, "n 4"]) -> Appearance:
    """Take the appearance of every face of an RGB image."""
    thumbnails = np.zeros((len(boxes_px), CELLS, CELLS, 3), np.uint8)
    if not len(boxes_px):
        return Appearance(np.zeros((0, _LENGTH), np.float32), np.zeros((0, 4, _LENGTH), np.float32), thumbnails)
    for thumbnail, box in zip(thumbnails, boxes_px, strict=True):
        thumbnail[:] = _cut(image, box)
    channels = _without_light(thumbnails.reshape(len(thumbnails), -1, 3))
    planes = (_PLANES @ channels).reshape(-1, 3, CELLS, CELLS)
    # A bright red shirt should not outweigh the face above it.
    planes[:, 1:] /= np.sqrt(1 + np.square(planes[:, 1:]))
    planes = _SMOOTH @ planes @ _SMOOTH.T
    # Root mean squares over all cells and planes.
    planes *= np.float32(1 / math.sqrt(planes[0].size))
    histogram = _histograms(channels) * np.float32(math.sqrt(_HISTOGRAM_WEIGHT))
    features = np.concatenate([planes.reshape(len(planes), -1), histogram], 1)
    bases = np.zeros((len(planes), 4, _LENGTH), np.float32)
    bases[..., : planes[0].size] = _tangent_bases(planes)
    return Appearance(features, bases, thumbnails)


def same_backdrop(
    thumbnail: UInt8[np.ndarray, "c c 3"], image: UInt8[np.ndarray, "h w 3"], box_px: Float32[np.ndarray, " 4"]
) -> bool:
    """Whether the room behind a head is plainly still there: then it is the same tile, and a head that turned.

    A plain wall says nothing, since the next person may sit before one too, so a backdrop must have texture to vouch.

    Args:
        thumbnail: of the head when it was last seen.
        image: what is seen now.
        box_px: where the head was when it was last seen.
    """
    before, now = _without_light(np.stack([thumbnail[_BACKDROP], _cut(image, box_px)[_BACKDROP]]))
    texture = float(np.median(np.abs(before - np.median(before, 1, keepdims=True)).max(0)))
    change = float(np.quantile(np.abs(before - now).max(0), 0.8))
    return texture > _TEXTURE and change < _UNCHANGED * texture


def _cut(image: UInt8[np.ndarray, "h w 3"], box_px: Float32[np.ndarray, " 4"]) -> UInt8[np.ndarray, "c c 3"]:
    """A square around a box as 16x16 cells, each the mean of 3x3 samples; beyond the image its border is repeated.

    Convention: boxes are continuous, pixel (0, 0) spans 0 to 1; OpenCV's samples lie at pixel centres.
    """
    x, y, w, h = box_px.tolist()
    side = CELLS * _SAMPLES
    zoom = side / (CONTEXT * math.sqrt(max(w, 1.0) * max(h, 1.0)))
    middle = (side - 1) / 2
    matrix = np.array([[zoom, 0, middle - zoom * (x + w / 2 - 0.5)], [0, zoom, middle - zoom * (y + h / 2 - 0.5)]])
    # A fixed grid of samples: the cost does not grow with the face, as a true mean of its pixels would.
    samples = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(samples, (CELLS, CELLS), interpolation=cv2.INTER_AREA)


def _without_light(cells: UInt8[np.ndarray, "n k 3"]) -> Float32[np.ndarray, "n 3 k"]:
    """Each channel of each picture divided by its mean, channel by channel."""
    channels = cells.transpose(0, 2, 1).astype(np.float32, order="C")
    channels /= np.maximum(channels.mean(2, keepdims=True), 1.0)
    return channels


def _histograms(channels: Float32[np.ndarray, "n 3 k"]) -> Float32[np.ndarray, "n b"]:
    """Square roots of soft histograms, so that their Euclidean distance is Hellinger's."""
    red, green, blue = channels[:, 0], channels[:, 1], channels[:, 2]
    light = channels.mean(1)
    shade = light + 0.1
    values = np.stack([light, (red - green) / shade, ((red + green) / 2 - blue) / shade], 1)
    place = np.clip((values - _LOWEST) / (_HIGHEST - _LOWEST), 0, 1) * (_BINS - 1)
    left = np.minimum(place.astype(np.int64), _BINS - 2)
    share = place - left
    # Each value is shared between its two nearest bins.
    index = left + _BINS * np.arange(values.shape[0] * 3).reshape(-1, 3, 1)
    length = values.shape[0] * 3 * _BINS
    counts = np.bincount(index.ravel(), (1 - share).ravel(), length)
    counts += np.bincount(index.ravel() + 1, share.ravel(), length)
    roots: Float32[np.ndarray, "n b"] = np.sqrt(counts / values[0].size).reshape(len(values), -1).astype(np.float32)
    return roots


def _tangent_bases(planes: Float32[np.ndarray, "n 3 c c"]) -> Float32[np.ndarray, "n 4 d"]:
    right, down = planes @ _SLOPE.T, _SLOPE @ planes
    x, y = _PLACE, _PLACE[:, None]
    moves = np.stack([right, down, right * x + down * y, down * x - right * y], 1).reshape(len(planes), 4, -1)
    gram = moves @ moves.transpose(0, 2, 1) + _RIDGE * np.eye(4, dtype=np.float32)
    bases: Float32[np.ndarray, "n 4 d"] = np.linalg.inv(np.linalg.cholesky(gram)) @ moves
    return bases
