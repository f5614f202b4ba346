"""Style-based recalibration (SRM): the paper's recalibration module, equations 13-21, Figure 5.

Lee, Kim and Nam, "SRM: A Style-based Recalibration Module for Convolutional Neural Networks", ICCV 2019, as used in
Wang, Li and Cuntapay 2022.

    (13) lam_md = spatial mean                  (14) eps_md = spatial deviation        style pooling
    (15) e_md   = [lam_md, eps_md]
    (16) c_md   = q_d . e_md                    a fully connected map a channel, q_d in R^2, no bias
    (17)-(19)   c*_md = batch normalisation of c over the batch, per channel, with alpha_d and omega_d
    (20) h_md   = sigmoid(c*_md)
    (21) A*_md  = h_md A_md

"Additive" in the paper means an added module: the gate multiplies.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class StyleRecalibration(nn.Module):
    """Weigh each channel by its style. Adds four parameters a channel; the gate starts at 0.5, since q starts at zero.

    The deviation is biased with 1e-5 inside the square root, whose gradient is infinite at zero variance.
    """

    EPSILON = 1e-5

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.q = nn.Parameter(torch.zeros(channels, 2))
        self.norm = nn.BatchNorm1d(channels)

    def gate(self, a: Float[Tensor, "m d f q"]) -> Float[Tensor, "m d"]:
        """h of equation 20, one weight in (0, 1) a sample and channel, in the norm's own precision."""
        wide = a.to(torch.promote_types(a.dtype, torch.float32))
        mean = wide.mean((2, 3))
        variance = (wide - mean[:, :, None, None]).square().mean((2, 3))
        deviation = (variance + self.EPSILON).sqrt()
        c = self.q[:, 0] * mean + self.q[:, 1] * deviation
        return torch.sigmoid(self.norm(c.to(self.norm.weight.dtype)))

    def forward(self, a: Float[Tensor, "m d f q"]) -> Float[Tensor, "m d f q"]:
        return a * self.gate(a).to(a.dtype)[:, :, None, None]
