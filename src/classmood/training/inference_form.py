"""The network as it is exported: the same function, arranged for how ONNX Runtime computes it.

SGE and SRM are cheap sums, but they broadcast: a gate a group and position, a weight a channel. With channels first the
broadcasts run over maps of 144 down to 4 numbers, and their loops cost as much as the convolutions. With channels last
they run over 64 to 512 channels, and a sum over groups is a matrix product with zeros and ones. The int8 convolutions
want channels last as well, so that no number is moved for it. Statistics of training (running mean and variance) are
folded into SRM's weights. ``benchmarks/operators.py`` tells what each operator costs.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from classmood.training.resnet import BasicBlock
from classmood.training.sge import SpatialGroupEnhance
from classmood.training.srm import StyleRecalibration

Network = TypeVar("Network", bound=nn.Module)


def inference_form(network: Network) -> Network:
    """A copy of a network, in evaluation mode, whose blocks gate with channels last; the original is left as it is."""
    arranged = copy.deepcopy(network).eval()
    for block in arranged.modules():
        if isinstance(block, BasicBlock):
            block.sge, block.srm = _arrange(block.sge, block.srm), nn.Identity()
    return arranged


def _arrange(sge: nn.Module, srm: nn.Module) -> nn.Module:
    """Both modules one after the other, each left out where the network has none."""
    gates: list[nn.Module] = []
    if isinstance(sge, SpatialGroupEnhance):
        gates.append(ChannelsLastEnhance(sge))
    if isinstance(srm, StyleRecalibration):
        gates.append(ChannelsLastRecalibration(srm))
    return nn.Sequential(_Permute(0, 2, 3, 1), *gates, _Permute(0, 3, 1, 2)) if gates else nn.Identity()


class _Permute(nn.Module):
    def __init__(self, *order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.order)


class ChannelsLastEnhance(nn.Module):
    """SGE, equations 1-7, over maps with channels last; sums over a group's channels are products with 0 and 1."""

    to_groups: Tensor
    to_channels: Tensor
    alpha: Tensor
    varphi: Tensor

    def __init__(self, sge: SpatialGroupEnhance) -> None:
        super().__init__()
        self.floor, self.rho, self.unbiased = sge.VARIANCE_FLOOR, sge.RHO, sge.unbiased
        belongs = torch.eye(sge.groups).repeat_interleave(sge.channels // sge.groups, 0)
        self.register_buffer("to_groups", belongs)
        self.register_buffer("to_channels", belongs.T.contiguous())
        self.register_buffer("alpha", sge.alpha.detach().flatten())
        self.register_buffer("varphi", sge.varphi.detach().flatten())

    def forward(self, a: Float[Tensor, "m f q d"]) -> Float[Tensor, "m f q d"]:
        d = (a * a.mean((1, 2), keepdim=True)) @ self.to_groups
        centred = d - d.mean((1, 2), keepdim=True)
        variance = centred.square().mean((1, 2), keepdim=True)
        if self.unbiased:
            positions = a.shape[1] * a.shape[2]
            variance = variance * (positions / max(positions - 1, 1))
        slope = self.alpha / (variance.clamp_min(self.floor).sqrt() + self.rho)
        gated: Tensor = a * (torch.sigmoid(centred * slope + self.varphi) @ self.to_channels)
        return gated


class ChannelsLastRecalibration(nn.Module):
    """SRM, equations 13-21, over maps with channels last and the batch normalisation folded into q."""

    of_mean: Tensor
    of_deviation: Tensor
    offset: Tensor

    def __init__(self, srm: StyleRecalibration) -> None:
        super().__init__()
        norm = srm.norm
        assert norm.running_var is not None
        assert norm.running_mean is not None
        slope = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach()
        self.epsilon = srm.EPSILON
        self.register_buffer("of_mean", srm.q[:, 0].detach() * slope)
        self.register_buffer("of_deviation", srm.q[:, 1].detach() * slope)
        self.register_buffer("offset", (norm.bias - norm.running_mean * slope).detach())

    def forward(self, a: Float[Tensor, "m f q d"]) -> Float[Tensor, "m f q d"]:
        mean = a.mean((1, 2), keepdim=True)
        deviation = ((a - mean).square().mean((1, 2), keepdim=True) + self.epsilon).sqrt()
        gated: Tensor = a * torch.sigmoid(self.of_mean * mean + self.of_deviation * deviation + self.offset)
        return gated
