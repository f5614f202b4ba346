"""Contrast normalisation in part: faces in flat light are brought nearer to the usual contrast before the stem.

Per-image contrast normalisation (Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 12.2.1.1: x less its
mean, over its deviation) with two changes: mean and deviation are those under a Gaussian window, so that the face
counts and its background hardly does, and the gain is drawn towards 1 by an exponent. With w the window (it sums to 1)
and a the exponent, for each crop x:

    m   = sum_i w_i x_i
    s^2 = sum_i w_i (x_i - m)^2 + floor^2
    y_i = m + (x_i - m) (target / s)^a

A usual mistake: an exponent of 1 turns the noise of a crop without any contrast into a picture; the floor and an
exponent below 1 keep it small. The mean stays where it was. Decision 0019 has what it was measured to do.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from classmood.crops import PIXEL_SPREAD


class ContrastNormalisation(nn.Module):
    """Contrast divided by a power of itself; no parameters. Input is normalised as ``classmood.crops`` does."""

    # Deviation of the window, in halves of the crop's side.
    WINDOW = 0.5
    # Of grey in [0, 1]: the median deviation of FER+ training crops under the window, and two to three grey levels.
    TARGET = 0.186 / PIXEL_SPREAD
    FLOOR = 0.01 / PIXEL_SPREAD

    def __init__(self, exponent: float) -> None:
        super().__init__()
        self.exponent = exponent

    def forward(self, image: Float[Tensor, "m 1 f q"]) -> Float[Tensor, "m 1 f q"]:
        # Whole numbers, so that the window is a constant of an exported file.
        window = gaussian_window(int(image.shape[2]), int(image.shape[3]), self.WINDOW).to(image)
        mean = (image * window).sum((2, 3), keepdim=True)
        centred = image - mean
        variance = (centred.square() * window).sum((2, 3), keepdim=True)
        deviation = (variance + self.FLOOR**2).sqrt()
        return mean + centred * (self.TARGET / deviation) ** self.exponent


def gaussian_window(height_px: int, width_px: int, deviation: float) -> Float[Tensor, "f q"]:
    """Weights that sum to 1 and fall from the middle as a Gaussian; the deviation is in halves of each side."""
    sides = [(torch.arange(length) + 0.5) * (2 / length) - 1 for length in (height_px, width_px)]
    f, q = (torch.exp(-0.5 * (place / deviation).square()) for place in sides)
    weights = f[:, None] * q[None, :]
    return weights / weights.sum()
