"""The head of a network trained on one's own data: neutral and the eight emotions, and valence, arousal, dominance.

Loss: cross-entropy of the classes, plus a weight times the mean over the dimensions of 1 - CCC. The concordance
correlation coefficient of a batch (Lin, "A concordance correlation coefficient to evaluate reproducibility",
Biometrics 45, 1989, doi:10.2307/2532051)

    CCC = 2 cov(x, y) / (var x + var y + (mean x - mean y)^2)        biased moments

rewards agreement in place and spread, where a squared error is content with the mean; as a loss it is the custom of the
AVEC challenges (Weninger et al., "Discriminatively trained recurrent neural networks for continuous dimensional emotion
recognition from audio", IJCAI 2016).

Own data seldom has everything: a face without a class has an all-zero target and no part in the cross-entropy, a rating
that was not given is NaN and has no part in the CCC, and a class that nobody showed gets no probability, ever.
"""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS, FERPLUS_CLASSES, FERPLUS_TO_CLASSROOM

CLASSES: Final = len(CLASSROOM_CLASSES)
# A logit so low that its probability is 0 at any temperature.
NEVER: Final = -1e4
# Ratings that differ less than this within a batch have no correlation to speak of.
_LEAST_VARIANCE: Final = 1e-4


class ClassroomHead(nn.Module):
    """Nine logits, then valence, arousal and dominance in (-1, 1), side by side.

    Attributes:
        learned: the classes that the training data holds; the others' logits are ``NEVER``.
    """

    learned: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.classes = nn.Linear(features, CLASSES)
        self.dimensions = nn.Linear(features, len(DIMENSIONS))
        self.register_buffer("learned", torch.ones(CLASSES, dtype=torch.bool))

    @property
    def in_features(self) -> int:
        """Numbers that go in, as of ``nn.Linear``."""
        return self.classes.in_features

    @property
    def out_features(self) -> int:
        """Numbers that come out."""
        return self.classes.out_features + self.dimensions.out_features

    def forward(self, features: Float[Tensor, "m f"]) -> Float[Tensor, "m 12"]:
        logits = self.classes(features).masked_fill(~self.learned, NEVER)
        return torch.cat([logits, torch.tanh(self.dimensions(features))], 1)


def head_from_ferplus(
    weight: Float[Tensor, "8 f"], bias: Float[Tensor, " 8"]
) -> tuple[Float[Tensor, "9 f"], Float[Tensor, " 9"]]:
    """Rows for the nine classes to start from: those of the FER+ classes that they stand for.

    Disdain is the mean of disgust and contempt. No FER+ class stands for appreciation and caution; they start as the
    mean of all, which favours no face.
    """
    rows = []
    for name in CLASSROOM_CLASSES:
        meant = [k for k, ferplus in enumerate(FERPLUS_CLASSES) if FERPLUS_TO_CLASSROOM[ferplus] == name]
        rows.append(meant or list(range(len(FERPLUS_CLASSES))))
    return torch.stack([weight[row].mean(0) for row in rows]), torch.stack([bias[row].mean() for row in rows])


def class_loss(
    logits: Float[Tensor, "m k"], target: Float[Tensor, "m k"], learned: Tensor | None = None
) -> Float[Tensor, ""]:
    """Cross-entropy, averaged over the faces that have a class among the learned ones; 0 where none has."""
    if learned is not None:
        target = target * learned
    each = functional.cross_entropy(logits, target, reduction="sum")
    return each / (target.sum(1) > 0).sum().clamp_min(1)


def dimension_loss(predicted: Float[Tensor, "m d"], rated: Float[Tensor, "m d"]) -> Float[Tensor, ""]:
    """Mean of 1 - CCC over the dimensions in which two or more faces of the batch were rated differently.

    NaN is "not rated". 0 where there is no such dimension, with a gradient of 0.
    """
    losses = []
    for x, y in zip(predicted.T, rated.T, strict=True):
        known = ~y.isnan()
        x, y = x[known], y[known]
        if len(y) < 2 or y.var(correction=0) < _LEAST_VARIANCE:
            continue
        covariance = ((x - x.mean()) * (y - y.mean())).mean()
        spread = x.var(correction=0) + y.var(correction=0) + (x.mean() - y.mean()).square()
        losses.append(1 - 2 * covariance / spread)
    return torch.stack(losses).mean() if losses else predicted.sum() * 0.0
