"""Faces to crops: the one preprocessing that training, serving and the browser share.

A crop is 48x48 grey, as FER2013's are. Those are loose and unaligned, so the runtime crop is fitted to them: a
similarity transform (turn, zoom, shift) brings the five landmarks as near as can be, in the least-squares sense, to
their median places in FER2013 (Umeyama 1991, doi:10.1109/34.88573).

Convention: pixel centres have whole coordinates, x to the right, y down; images are RGB, grey is BT.601 luma rounded
as OpenCV does; what lies outside the image repeats its border. A face larger than the crop is sampled on a grid ``k``
times finer, with k the nearest whole zoom, and averaged over k x k, so that it does not alias. Landmarks come in
continuous coordinates and are taken as they are, which leaves half a pixel of the image in (decision 0020).
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

from classmood.errors import InputError
from classmood.faces import Faces

SIDE_PX: Final = 48
# Median landmarks of FER2013 training crops as the shipped detector sees them, mirrored and averaged so that the
# template is symmetric; made by benchmarks/crop_template.py.
TEMPLATE_PX: Final = np.array(
    [[14.8, 19.3], [32.2, 19.3], [23.5, 28.5], [16.5, 35.6], [30.5, 35.6]],
    np.float64,
)
# Mean and spread of grey over the FER+ training crops.
PIXEL_MEAN: Final = 0.51
PIXEL_SPREAD: Final = 0.255
_FINEST = 16


def fit_similarity(
    source_px: Float64[np.ndarray, "n 5 2"], target_px: Float64[np.ndarray, "5 2"]
) -> Float64[np.ndarray, "n 2 3"]:
    """The turn, zoom and shift that bring each set of points nearest to the target, least squares, no reflection.

    With points as complex numbers, the zoom and turn are one factor: sum conj(s) t / sum |s|^2 of the centred points.

    Returns:
        Matrices that map source to target pixels.
    """
    source = source_px[..., 0] + 1j * source_px[..., 1]
    target = target_px[:, 0] + 1j * target_px[:, 1]
    source_mean = source.mean(1, keepdims=True)
    centred = source - source_mean
    spread = np.maximum((np.abs(centred) ** 2).sum(1), 1e-12)
    factor = (centred.conj() * (target - target.mean())).sum(1) / spread
    shift = target.mean() - factor * source_mean[:, 0]
    rows = [np.stack([factor.real, -factor.imag, shift.real], 1), np.stack([factor.imag, factor.real, shift.imag], 1)]
    return np.stack(rows, 1)


def make_crops(image: UInt8[np.ndarray, "h w 3"], faces: Faces) -> UInt8[np.ndarray, "n 48 48"]:
    """Cut every face out of an RGB image."""
    if not len(faces):
        return np.zeros((0, SIDE_PX, SIDE_PX), np.uint8)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    matrices = fit_similarity(faces.landmarks_px.astype(np.float64), TEMPLATE_PX)
    return np.stack([_warp(grey, matrix) for matrix in matrices])


def crop_whole(image: np.ndarray) -> UInt8[np.ndarray, "48 48"]:
    """An image that is one face already (FER2013 and its like), as a crop: grey, and 48x48 by area averaging.

    Raises:
        InputError: the image is empty or has an odd number of channels.
    """
    if image.ndim not in (2, 3) or not image.size or (image.ndim == 3 and image.shape[2] != 3):
        raise InputError(f"expected a grey or RGB face image, got an array of shape {image.shape}")
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if grey.shape == (SIDE_PX, SIDE_PX):
        return grey
    shrinks = min(grey.shape) > SIDE_PX
    return cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def normalise(crops: UInt8[np.ndarray, "n 48 48"]) -> Float32[np.ndarray, "n 1 48 48"]:
    """Crops as the network takes them: grey in [0, 1], less the mean, over the spread."""
    scale = np.float32(1 / (255 * PIXEL_SPREAD))
    return (crops.astype(np.float32) * scale - np.float32(PIXEL_MEAN / PIXEL_SPREAD))[:, None]


def _warp(grey: UInt8[np.ndarray, "h w"], matrix: Float64[np.ndarray, "2 3"]) -> UInt8[np.ndarray, "48 48"]:
    zoom = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    k = int(np.clip(round(1 / max(zoom, 1e-6)), 1, _FINEST))
    # Pixel (i, j) of the crop is the mean of pixels k i .. k i + k - 1 of the fine grid, hence the half-pixel offset.
    fine = matrix * k
    fine[:, 2] += (k - 1) / 2
    side = SIDE_PX * k
    warped = cv2.warpAffine(grey, fine, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return warped if k == 1 else cv2.resize(warped, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
