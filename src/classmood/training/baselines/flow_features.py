"""Features of a flow: what moved which way, in which part of the face.

- ``hoof``: a histogram of orientations in each of 6x6 cells, weighted by magnitude and made to sum to 1 (Chaudhry et
  al., "Histograms of Oriented Optical Flow and Binet-Cauchy Kernels", CVPR 2009).
- ``main_direction``: the mean flow of the pixels in the strongest orientation bin of each facial region (MDMO, Liu et
  al., "A Main Directional Mean Optical Flow Feature for Spontaneous Micro-Expression Recognition", IEEE TAFFC 2016).
- ``bi_woof``: the histograms of 6x6 cells, weighted by magnitude within a cell and by optical strain between them
  (Liong et al., "Less is More: Micro-expression Recognition from Video using Apex Frame", SPIC 2018).

Convention: eight bins, the first centred on motion to the right, then clockwise as seen (y is down): right, right-down,
down, ... A vector is shared by the two bins nearest to its angle, so that a small turn changes little.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float32

from classmood.crops import SIDE_PX
from classmood.training.baselines.flow import strain

BINS: Final = 8
CELLS: Final = 6
# Facial regions in crop pixels: top, bottom, left, right. They follow the template of ``classmood.crops``: eyes at
# (15, 19) and (32, 19), nose at (24, 29), mouth corners at (17, 36) and (31, 36).
REGIONS_PX: Final = {
    "forehead": (0, 9, 12, 36),
    "left brow, outer": (8, 16, 5, 13),
    "left brow, inner": (8, 16, 13, 21),
    "between the brows": (9, 19, 20, 28),
    "right brow, inner": (8, 16, 27, 35),
    "right brow, outer": (8, 16, 35, 43),
    "left eye": (16, 23, 9, 20),
    "right eye": (16, 23, 28, 39),
    "nose": (19, 31, 20, 28),
    "left nostril": (26, 33, 14, 22),
    "right nostril": (26, 33, 26, 34),
    "left cheek": (23, 33, 5, 15),
    "right cheek": (23, 33, 33, 43),
    "left mouth corner": (32, 40, 11, 19),
    "upper lip": (31, 36, 19, 29),
    "lower lip": (36, 42, 19, 29),
    "right mouth corner": (32, 40, 29, 37),
    "left jaw": (38, 47, 7, 17),
    "chin": (41, 48, 16, 32),
    "right jaw": (38, 47, 31, 41),
}
FEATURES: Final = 2 * CELLS * CELLS * BINS + 2 * len(REGIONS_PX)
_TINY: Final = np.float32(1e-6)
_CHUNK: Final = 256


def flow_features(flows: Float32[np.ndarray, "n 48 48 2"]) -> Float32[np.ndarray, "n features"]:
    """All three, side by side: 288 + 40 + 288 numbers a flow.

    Histograms enter as square roots, so that their distances are Hellinger's and no full cell drowns the others.
    """
    parts = []
    for first in range(0, len(flows), _CHUNK):
        chunk = flows[first : first + _CHUNK]
        votes = orientation_votes(chunk)
        histograms = np.sqrt(hoof(votes)), np.sqrt(bi_woof(votes, strain(chunk)))
        parts.append(np.concatenate([histograms[0], main_direction(chunk, votes), histograms[1]], 1))
    return np.concatenate(parts) if parts else np.zeros((0, FEATURES), np.float32)


def orientation_votes(flows: Float32[np.ndarray, "n 48 48 2"]) -> Float32[np.ndarray, "n 48 48 8"]:
    """Each pixel's magnitude, shared between the two bins nearest to its angle."""
    place = np.arctan2(flows[..., 1], flows[..., 0]) * np.float32(BINS / (2 * np.pi))
    lower = np.floor(place)
    share = place - lower
    magnitude = np.hypot(flows[..., 0], flows[..., 1])
    votes = np.zeros((*flows.shape[:3], BINS), np.float32)
    first = (lower.astype(np.int64) % BINS)[..., None]
    np.put_along_axis(votes, first, (magnitude * (1 - share))[..., None], 3)
    np.put_along_axis(votes, (first + 1) % BINS, (magnitude * share)[..., None], 3)
    return votes


def hoof(votes: Float32[np.ndarray, "n 48 48 8"]) -> Float32[np.ndarray, "n 288"]:
    """Cells from the top left, row by row; within each its eight bins, which sum to 1, or to 0 where nothing moves."""
    histograms = _cell_means(votes)
    normalised: Float32[np.ndarray, "n 36 8"] = histograms / (histograms.sum(2, keepdims=True) + _TINY)
    return normalised.reshape(len(votes), -1)


def main_direction(
    flows: Float32[np.ndarray, "n 48 48 2"], votes: Float32[np.ndarray, "n 48 48 8"]
) -> Float32[np.ndarray, "n 40"]:
    """The mean flow (x, y; px) of each region's strongest bin; not as an angle, which would jump at 360 degrees.

    A pixel counts by its vote for the bin: by its magnitude, and less at the bin's edge.
    """
    means = np.empty((len(flows), len(REGIONS_PX), 2), np.float32)
    for number, (top, bottom, left, right) in enumerate(REGIONS_PX.values()):
        region = votes[:, top:bottom, left:right].reshape(len(flows), -1, BINS)
        strongest = region.sum(1).argmax(1)
        weight = np.take_along_axis(region, strongest[:, None, None], 2)
        inside = flows[:, top:bottom, left:right].reshape(len(flows), -1, 2)
        means[:, number] = (weight * inside).sum(1) / (weight.sum(1) + _TINY)
    return means.reshape(len(flows), -1)


def bi_woof(
    votes: Float32[np.ndarray, "n 48 48 8"], strains: Float32[np.ndarray, "n 48 48"]
) -> Float32[np.ndarray, "n 288"]:
    """Each cell's histogram (mean magnitude by bin) times the cell's share of the face's whole strain."""
    histograms = _cell_means(votes)
    of_cell = _cell_means(strains[..., None])
    weight = of_cell / (of_cell.sum(1, keepdims=True) + _TINY)
    weighted: Float32[np.ndarray, "n 36 8"] = histograms * weight * np.float32(CELLS * CELLS)
    return weighted.reshape(len(votes), -1)


def _cell_means(values: Float32[np.ndarray, "n 48 48 c"]) -> Float32[np.ndarray, "n 36 c"]:
    side = SIDE_PX // CELLS
    cells: Float32[np.ndarray, "n 6 6 c"] = values.reshape(len(values), CELLS, side, CELLS, side, -1).mean((2, 4))
    return cells.reshape(len(values), CELLS * CELLS, -1)
