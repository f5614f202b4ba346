"""Spatial group-wise enhance (SGE): the paper's attention module, equations 1-8.

Li, Hu and Yang, "Spatial Group-wise Enhance", 2019, arXiv:1905.09646, as used in Wang, Li and Cuntapay 2022,
doi:10.18280/ts.390426.

The D channels are split into H groups. In each sample and group, with a_i the feature in R^(D/H) at position i of n:

    (1) h     = (1/n) sum_i a_i
    (2) d_i   = h . a_i
    (3) lam   = (1/n) sum_i d_i
    (4) eps^2 = (1/n) sum_i (d_i - lam)^2
    (5) d*_i  = (d_i - lam) / (eps + rho)          rho = 1e-5
    (6) phi_i = alpha d*_i + varphi                one learnable pair a group
    (7) a*_i  = a_i sigmoid(phi_i)

A usual mistake: the original code takes the unbiased deviation while the equation prints the biased one. Both are
here (``unbiased``), the printed one by default.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class SpatialGroupEnhance(nn.Module):
    """Gate every position of every channel group by its likeness to the group's mean feature.

    Adds ``2 * groups`` parameters. The gate starts at sigmoid(1) = 0.731 everywhere, since alpha = 0 and varphi = 1.
    """

    RHO = 1e-5
    # Below this variance the deviation is held constant, because the square root's gradient is infinite at zero;
    # its root, 1e-6, is a tenth of rho and so does not show in the output.
    VARIANCE_FLOOR = 1e-12

    def __init__(self, channels: int, groups: int, *, unbiased: bool = False) -> None:
        super().__init__()
        if channels % groups:
            raise ValueError(f"expected channels divisible by groups, got {channels} channels in {groups} groups")
        self.channels = channels
        self.groups = groups
        self.unbiased = unbiased
        self.alpha = nn.Parameter(torch.zeros(1, groups, 1, 1))
        self.varphi = nn.Parameter(torch.ones(1, groups, 1, 1))

    def gate(self, a: Float[Tensor, "m d f q"]) -> Float[Tensor, "m h f q"]:
        """The gate of equation 7, one value a group and position, in (0, 1), in float32 or wider."""
        m, _, f, q = a.shape
        grouped = a.to(torch.promote_types(a.dtype, torch.float32)).reshape(m * self.groups, -1, f, q)
        h = grouped.mean((2, 3), keepdim=True)
        d = (h * grouped).sum(1).reshape(m, self.groups, f, q)
        centred = d - d.mean((2, 3), keepdim=True)
        n = f * q - 1 if self.unbiased else f * q
        variance = centred.square().sum((2, 3), keepdim=True) / max(n, 1)
        deviation = variance.clamp_min(self.VARIANCE_FLOOR).sqrt()
        return torch.sigmoid(self.alpha * centred / (deviation + self.RHO) + self.varphi)

    def forward(self, a: Float[Tensor, "m d f q"]) -> Float[Tensor, "m d f q"]:
        m, channels, f, q = a.shape
        gate = self.gate(a).to(a.dtype)
        grouped = a.reshape(m, self.groups, channels // self.groups, f, q)
        return (grouped * gate.unsqueeze(2)).reshape(m, channels, f, q)
