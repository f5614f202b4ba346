"""Dense optical flow between face crops, and what is made of it before any feature: the rest frame, and strain.

The flow is DIS, medium preset (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016). The preset's
finest scale is half the image's, so 48 px crops are enlarged twice first: that brings it to the crop's own resolution,
and on drawn motion nearer to the truth than either no enlargement or four times.

Convention: a flow is ... x 48 x 48 x 2 in pixels of the crop, x to the right, then y down; ``second`` shows at
``place + flow[place]`` what ``first`` shows at ``place``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from classmood.crops import SIDE_PX

_ENLARGED: Final = 2


class DenseFlow:
    """DIS between two crops. Holds OpenCV's work space, so one object serves one thread."""

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def __call__(
        self, first: UInt8[np.ndarray, "48 48"], second: UInt8[np.ndarray, "48 48"]
    ) -> Float32[np.ndarray, "48 48 2"]:
        """The flow from ``first`` to ``second``, head motion still in it."""
        flow = self._dis.calc(_enlarge(first), _enlarge(second), None)  # type: ignore[call-overload]
        shrunk: Float32[np.ndarray, "48 48 2"] = cv2.resize(flow, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
        return shrunk / np.float32(_ENLARGED)


def _enlarge(crop: UInt8[np.ndarray, "48 48"]) -> UInt8[np.ndarray, "96 96"]:
    side = SIDE_PX * _ENLARGED
    enlarged: UInt8[np.ndarray, "96 96"] = cv2.resize(crop, (side, side), interpolation=cv2.INTER_LINEAR)
    return enlarged


def subtract_median(flows: Float32[np.ndarray, "n 48 48 2"]) -> Float32[np.ndarray, "n 48 48 2"]:
    """Take away each flow's median vector: the head's shift, as long as less than half of the face moves by itself."""
    centred: Float32[np.ndarray, "n 48 48 2"] = flows - np.median(flows, axis=(1, 2), keepdims=True)
    return centred


def flows_from(
    reference: UInt8[np.ndarray, "48 48"], crops: UInt8[np.ndarray, "n 48 48"]
) -> Float32[np.ndarray, "n 48 48 2"]:
    """The flow from one reference face to each crop, less its median. No motion is in it: crops are stills."""
    dense = DenseFlow()
    flows = np.empty((len(crops), SIDE_PX, SIDE_PX, 2), np.float32)
    for place, crop in enumerate(crops):
        flows[place] = dense(reference, crop)
    return subtract_median(flows)


def sequence_flows(sequences: Sequence[UInt8[np.ndarray, "_ 48 48"]]) -> Float32[np.ndarray, "n 2 48 48 2"]:
    """Two flows a sequence: from the first frame (onset) to the last (apex), and the mean of consecutive pairs' flows.

    Each is less its median. The first shows how far the face went, the second how it went there.

    Args:
        sequences: at least two frames each.
    """
    dense = DenseFlow()
    flows = np.empty((len(sequences), 2, SIDE_PX, SIDE_PX, 2), np.float32)
    for place, frames in enumerate(sequences):
        flows[place, 0] = dense(frames[0], frames[-1])
        # The head's shift is taken from each pair before the mean, since a nod's two ways would cancel in it.
        pairs = np.stack([dense(a, b) for a, b in itertools.pairwise(frames)])
        flows[place, 1] = subtract_median(pairs).mean(0)
    flows[:, 0] = subtract_median(flows[:, 0])
    return flows


def strain(flows: Float32[np.ndarray, "n 48 48 2"]) -> Float32[np.ndarray, "n 48 48"]:
    """Optical strain magnitude, sqrt(e_xx^2 + e_yy^2 + 2 e_xy^2) with e = (grad u + grad u^T) / 2, no unit.

    Shreve et al., "Macro- and micro-expression spotting in long videos using spatio-temporal strain", FG 2011. A shift
    or a small turn of the whole head has none. A uniform expansion u = k x has k sqrt(2).
    """
    u_y, u_x = np.gradient(flows[..., 0], axis=(1, 2))
    v_y, v_x = np.gradient(flows[..., 1], axis=(1, 2))
    magnitude: Float32[np.ndarray, "n 48 48"] = np.sqrt(u_x**2 + v_y**2 + 0.5 * (u_y + v_x) ** 2)
    return magnitude
