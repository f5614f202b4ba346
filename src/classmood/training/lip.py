"""Local importance pooling (LIP): the paper's equations 9-12.

Gao, Wang and Wu, "LIP: Local Importance-based Pooling", ICCV 2019, as used in Wang, Li and Cuntapay 2022.

A strided convolution keeps the positions where both coordinates are multiples of the stride and throws away what lies
between (equation 9). LIP keeps it, weighted by an importance that is learned:

    (11) PO(EN) = exp(WD(EN))                       WD = affine InstanceNorm(1x1 convolution(EN))
    (12) SC(a', b') = sum_window EN PO / sum_window PO      per channel

Convention: window 3x3, stride 2, padding 1. Padded positions have EN PO = PO = 0, so they cancel in the ratio.

The usual mistake is to subtract the *spatial* maximum of the logits for safety: far positions then underflow and the
ratio turns to 0/0. Here exp and the ratio are taken in float32, which is safe for logits within about +-80; with
``gate`` the logits are bounded to (0, 12) as in the original's stable variant.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


def local_importance_pool(
    en: Float[Tensor, "m d f q"], logits: Float[Tensor, "m d f q"], *, window: int = 3, stride: int = 2
) -> Float[Tensor, "m d f2 q2"]:
    """Equation 12: the importance-weighted mean of each window, with importance exp(logits)."""
    wide = torch.promote_types(logits.dtype, torch.float32)
    importance = logits.to(wide).exp()
    padding = window // 2
    weighted = functional.avg_pool2d(en.to(wide) * importance, window, stride, padding)
    return (weighted / functional.avg_pool2d(importance, window, stride, padding)).to(en.dtype)


class LocalImportancePool(nn.Module):
    """Pool by learned importance. Starts as average pooling, since the norm's weight starts at zero."""

    GATE_HEIGHT = 12.0

    def __init__(self, channels: int, *, window: int = 3, stride: int = 2, gate: bool = False) -> None:
        super().__init__()
        self.window = window
        self.stride = stride
        self.gate = gate
        self.projection = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.InstanceNorm2d(channels, affine=True)
        assert self.norm.weight is not None
        nn.init.zeros_(self.norm.weight)

    def logits(self, en: Float[Tensor, "m d f q"]) -> Float[Tensor, "m d f q"]:
        """WD(EN), the logarithm of the importance, in the norm's own precision, also under autocast."""
        wd: Tensor = self.norm(self.projection(en).to(self.norm.weight.dtype))
        return torch.sigmoid(wd) * self.GATE_HEIGHT if self.gate else wd

    def forward(self, en: Float[Tensor, "m d f q"]) -> Float[Tensor, "m d f2 q2"]:
        return local_importance_pool(en, self.logits(en), window=self.window, stride=self.stride)
