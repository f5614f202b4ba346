"""Multi-level fusion: how the maps of several layers become the one vector that is classified.

The paper says of it no more than that it "integrates local and global features based on three blocks" (Figure 4). Three
readings are here; which layers take part is a setting of each.

- Pooled: the mean of each layer's map, side by side. The shipped one.
- Pooled after attention: SGE on each of these maps first, and nowhere else in the network.
- Lateral: 1x1 convolutions to 256 channels, summed at the finest map's resolution with SGE on the sum, after the
  top-down path of Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017, nearest neighbours and all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from classmood.training.sge import SpatialGroupEnhance

LATERAL_CHANNELS: Final = 256


class PooledFusion(nn.Module):
    """The layers' means, concatenated."""

    def __init__(self, channels: Sequence[int], *, groups: int = 0) -> None:
        """Take maps of these channels, the finest first; with ``groups`` SGE looks at each before its mean is taken."""
        super().__init__()
        self.features = sum(channels)
        gates = [SpatialGroupEnhance(each, groups) for each in channels] if groups else [nn.Identity()] * len(channels)
        self.sge = nn.ModuleList(gates)

    def forward(self, maps: Sequence[Float[Tensor, "m _ _ _"]]) -> Float[Tensor, "m features"]:
        return torch.cat([gate(each).mean((2, 3)) for gate, each in zip(self.sge, maps, strict=True)], 1)


class LateralFusion(nn.Module):
    """The layers' maps brought to one width and one resolution, summed, and the mean of the sum."""

    def __init__(self, channels: Sequence[int], *, groups: int = 0) -> None:
        """Take maps of these channels, the finest first; with ``groups`` SGE looks at their sum."""
        super().__init__()
        self.features = LATERAL_CHANNELS
        self.lateral = nn.ModuleList(nn.Conv2d(each, LATERAL_CHANNELS, 1) for each in channels)
        self.sge: nn.Module = SpatialGroupEnhance(LATERAL_CHANNELS, groups) if groups else nn.Identity()

    def forward(self, maps: Sequence[Float[Tensor, "m _ _ _"]]) -> Float[Tensor, "m features"]:
        finest = (int(maps[0].shape[2]), int(maps[0].shape[3]))
        total = self.lateral[0](maps[0])
        for convolution, each in zip(self.lateral[1:], maps[1:], strict=True):
            total = total + functional.interpolate(convolution(each), finest, mode="nearest")
        fused: Tensor = self.sge(total).mean((2, 3))
        return fused
