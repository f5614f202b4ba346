"""The paper's network (Figure 4): ResNet-18 with LIP where it downsamples, SGE and SRM in every block, and fusion.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, changed as Wang, Li and Cuntapay 2022 describe:

    block: conv1 (+ LIP where it downsamples) -> BN -> ReLU -> conv2 -> BN -> SGE -> SRM -> + shortcut -> ReLU
    head:  global average pool of layer2, layer3 and layer4, concatenated (128 + 256 + 512 = 896), classified

Shapes for the shipped settings, a grey face of 48x48 (M samples):

    image   M x   1 x 48 x 48   (its contrast normalised in part, where that is asked for)
    stem    M x  64 x 12 x 12   (24 x 24 with ``stem="half"``, and then twice as wide all the way down)
    layer1  M x  64 x 12 x 12
    layer2  M x 128 x  6 x  6
    layer3  M x 256 x  3 x  3
    layer4  M x 512 x  2 x  2
    logits  M x   8

Cost of one crop, convolutions and classifier: 0.113 GMAC with ``stem="deep"`` (shipped), 0.098 GMAC with
``stem="quarter"``, 0.329 GMAC with ``stem="half"``, 0.325 GMAC with ``stem="narrow"``; without LIP 0.109, 0.094,
0.313 and 0.317.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from classmood.crops import PIXEL_MEAN, PIXEL_SPREAD
from classmood.training.contrast import ContrastNormalisation
from classmood.training.dense_convolution import DenseConvolution
from classmood.training.fusion import LateralFusion, PooledFusion
from classmood.training.heads import ClassroomHead
from classmood.training.lip import LocalImportancePool
from classmood.training.sge import SpatialGroupEnhance
from classmood.training.srm import StyleRecalibration

WIDTHS = (64, 128, 256, 512)


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Which of the paper's modules are in the network, so that one class serves the model and its ablation.

    Attributes:
        stem: ``"half"`` is a 3x3 convolution at full resolution and a pool, 48 -> 24, the finer and costlier stem;
            ``"narrow"`` gives the same map from 16 channels at full resolution, pooled, and a second convolution to
            64: the pool touches a quarter of the numbers;
            ``"quarter"`` is ResNet's own 7x7/2 convolution and a pool, 48 -> 12; ``"deep"`` puts three 3x3
            convolutions in place of the 7x7 (He et al., "Bag of Tricks", CVPR 2019), 48 -> 12.
        sge_groups: H of equation 1; 0 leaves SGE out.
        lip_order: ``"A"`` pools after a stride-1 convolution (equation 9 read literally), ``"B"`` before it (the LIP
            authors' own, and far cheaper); ``""`` keeps ResNet's strided convolutions and max-pool.
        classes: how many, of a network on FER+ labels.
        labels: ``"classroom"`` puts nine classes and three dimensions in place of the FER+ classifier, see
            ``classmood.training.heads``.
        fusion: the layers whose features are fused; ``(4,)`` is no fusion.
        fusion_form: how, see ``classmood.training.fusion``.
        sge_at: SGE in every block, or only on the maps that are fused.
        contrast_exponent: of the contrast normalisation before the stem, see ``classmood.training.contrast``; 0 leaves
            it out.
    """

    classes: int = 8
    labels: Literal["ferplus", "classroom"] = "ferplus"
    stem: Literal["half", "narrow", "quarter", "deep"] = "quarter"
    sge_groups: int = 16
    lip_order: Literal["A", "B", ""] = "B"
    srm: bool = True
    fusion: tuple[int, ...] = (2, 3, 4)
    dropout: float = 0.0
    contrast_exponent: float = 0.0
    fusion_form: Literal["pooled", "lateral"] = "pooled"
    sge_at: Literal["blocks", "taps"] = "blocks"


class BasicBlock(nn.Module):
    """ResNet's two-convolution block with the paper's modules in it."""

    def __init__(self, inputs: int, outputs: int, stride: int, settings: NetworkSettings) -> None:
        super().__init__()
        shrink = stride > 1
        lip = settings.lip_order if shrink else ""
        conv1_stride = 1 if lip else stride
        conv1: nn.Module = DenseConvolution(inputs, outputs)
        if conv1_stride > 1:
            conv1 = nn.Conv2d(inputs, outputs, 3, conv1_stride, 1, bias=False)
        self.conv1: nn.Module = conv1
        if lip == "A":
            self.conv1 = nn.Sequential(conv1, LocalImportancePool(outputs))
        self.pool: nn.Module = LocalImportancePool(inputs) if lip == "B" else nn.Identity()
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = DenseConvolution(outputs, outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        groups = settings.sge_groups if settings.sge_at == "blocks" else 0
        self.sge: nn.Module = SpatialGroupEnhance(outputs, groups) if groups else nn.Identity()
        self.srm: nn.Module = StyleRecalibration(outputs) if settings.srm else nn.Identity()
        self.shortcut: nn.Module = nn.Identity()
        if shrink or inputs != outputs:
            # Order B has pooled once for both paths; order A needs the shortcut's own pooling of the wider map.
            pool: list[nn.Module] = [LocalImportancePool(inputs)] if lip == "A" else []
            conv = nn.Conv2d(inputs, outputs, 1, 1 if lip else stride, bias=False)
            self.shortcut = nn.Sequential(*pool, conv, nn.BatchNorm2d(outputs))

    def forward(self, x: Float[Tensor, "m c f q"]) -> Float[Tensor, "m d f2 q2"]:
        x = self.pool(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.srm(self.sge(self.bn2(self.conv2(y))))
        result: Tensor = self.relu(y + self.shortcut(x))
        return result


def _stem(stem: str, lip: bool) -> nn.Sequential:
    wide = WIDTHS[0]
    # (inputs, outputs, kernel, stride) of each convolution, and after how many of them the pool comes.
    plan, pool_after = {
        "half": ([(1, wide, 3, 1)], 1),
        "narrow": ([(1, wide // 4, 3, 1), (wide // 4, wide, 3, 1)], 1),
        "quarter": ([(1, wide, 7, 2)], 1),
        "deep": ([(1, wide // 2, 3, 2), (wide // 2, wide // 2, 3, 1), (wide // 2, wide, 3, 1)], 3),
    }[stem]
    layers: list[nn.Module] = []
    for number, (inputs, outputs, kernel, stride) in enumerate(plan, start=1):
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        if number == pool_after:
            layers.append(LocalImportancePool(outputs) if lip else nn.MaxPool2d(3, 2, 1))
    return nn.Sequential(*layers)


def normalise(images: Float[Tensor, "m 1 f q"]) -> Float[Tensor, "m 1 f q"]:
    """Grey in [0, 1] to the network's input scale, as ``classmood.crops.normalise`` does for crops of 8 bits."""
    return (images - PIXEL_MEAN) / PIXEL_SPREAD


class EmotionNetwork(nn.Module):
    """Grey face crops to class logits. Input is normalised by ``classmood.crops``."""

    def __init__(self, settings: NetworkSettings | None = None) -> None:
        super().__init__()
        self.settings = settings = settings or NetworkSettings()
        exponent = settings.contrast_exponent
        self.contrast: nn.Module = ContrastNormalisation(exponent) if exponent else nn.Identity()
        self.stem = _stem(settings.stem, lip=bool(settings.lip_order))
        self.layer1 = self._layer(WIDTHS[0], WIDTHS[0], 1)
        self.layer2 = self._layer(WIDTHS[0], WIDTHS[1], 2)
        self.layer3 = self._layer(WIDTHS[1], WIDTHS[2], 2)
        self.layer4 = self._layer(WIDTHS[2], WIDTHS[3], 2)
        self.dropout = nn.Dropout(settings.dropout)
        self.fused = tuple(sorted(settings.fusion))
        taps = [WIDTHS[i - 1] for i in self.fused]
        self.fusion: PooledFusion | LateralFusion
        if settings.fusion_form == "lateral":
            self.fusion = LateralFusion(taps, groups=settings.sge_groups)
        else:
            self.fusion = PooledFusion(taps, groups=settings.sge_groups if settings.sge_at == "taps" else 0)
        features = self.fusion.features
        own = settings.labels == "classroom"
        self.classifier: ClassroomHead | nn.Linear = (
            ClassroomHead(features) if own else nn.Linear(features, settings.classes)
        )
        self._initialise()

    def _layer(self, inputs: int, outputs: int, stride: int) -> nn.Sequential:
        first = BasicBlock(inputs, outputs, stride, self.settings)
        return nn.Sequential(first, BasicBlock(outputs, outputs, 1, self.settings))

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, image: Float[Tensor, "m 1 f q"]) -> Float[Tensor, "m features"]:
        """The fused vector before the classifier."""
        x = self.stem(self.contrast(image))
        maps = []
        for number, layer in enumerate((self.layer1, self.layer2, self.layer3, self.layer4), start=1):
            x = layer(x)
            if number in self.fused:
                maps.append(x)
        features: Tensor = self.fusion(maps)
        return features

    def forward(self, image: Float[Tensor, "m 1 f q"]) -> Float[Tensor, "m outputs"]:
        logits: Tensor = self.classifier(self.dropout(self.features(image)))
        return logits
