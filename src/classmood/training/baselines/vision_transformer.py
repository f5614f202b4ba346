"""A small vision transformer (ViT): what a network without convolutions makes of the same crops and the same recipe.

Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, in the plain form of Beyer, Zhai and Kolesnikov, "Better
plain ViT baselines for ImageNet-1k", 2022 (arXiv:2205.01580): fixed sine-cosine positions and the mean over tokens in
place of a class token. Layers are dropped at random in training (Huang et al., "Deep Networks with Stochastic Depth",
ECCV 2016), the deeper the more often.

Shapes for the default settings, M crops of 48x48:

    image    M x  1 x 48 x 48
    patches  M x 36 x 192         6x6 patches of 8 px, projected, positions added
    blocks   M x 36 x 192         eight times attention (3 heads of 64) and a two-layer perceptron (192 -> 768 -> 192)
    logits   M x  8               the mean of the normed tokens, classified

It has 3.6 million parameters; a crop costs 0.13 GMAC, of which attention's two products are 0.004. That is about what
the shipped network costs, and by default it is shown the faces as often as that one was, 44 times.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.nn import functional

from classmood.crops import SIDE_PX
from classmood.errors import InputError
from classmood.training.baselines.inputs import check_crops, check_labels
from classmood.training.baselines.transformer_run import TransformerRun, TransformerSchedule
from classmood.training.recipe import AugmentSection
from classmood.training.train import predict


@dataclass(frozen=True, slots=True)
class TransformerSettings:
    """The size of the network.

    Attributes:
        patch_px: side of a patch; divides 48.
        width: numbers a token; a multiple of ``heads`` and of 4.
        depth: blocks.
        heads: of attention.
        expansion: the perceptron's hidden width, in widths.
        drop_layers: how often the last block is left out in training; the others less, in proportion to their place.
    """

    classes: int = 8
    patch_px: int = 8
    width: int = 192
    depth: int = 8
    heads: int = 3
    expansion: int = 4
    drop_layers: float = 0.1

    def __post_init__(self) -> None:
        if SIDE_PX % self.patch_px or self.width % self.heads or self.width % 4:
            raise ValueError(
                f"expected a patch that divides {SIDE_PX} px and a width divisible by 4 and by the heads, got {self}"
            )


class TransformerBlock(nn.Module):
    """x + attention(norm(x)), then x + perceptron(norm(x))."""

    def __init__(self, settings: TransformerSettings, drop: float) -> None:
        super().__init__()
        width, hidden = settings.width, settings.width * settings.expansion
        self.heads = settings.heads
        self.drop = drop
        self.norm1 = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.perceptron = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def attention(self, x: Float[Tensor, "m n d"]) -> Float[Tensor, "m n d"]:
        """Softmax(Q K^T / sqrt(d / heads)) V, a head at a time, and a last linear layer."""
        m, n, d = x.shape
        q, k, v = self.queries_keys_values(x).reshape(m, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        result: Tensor = self.out(mixed.transpose(1, 2).reshape(m, n, d))
        return result

    def forward(self, x: Float[Tensor, "m n d"]) -> Float[Tensor, "m n d"]:
        x = x + self._kept(self.attention(self.norm1(x)))
        return x + self._kept(self.perceptron(self.norm2(x)))

    def _kept(self, branch: Float[Tensor, "m n d"]) -> Float[Tensor, "m n d"]:
        """Zero for some samples in training, and larger for the others, so that the mean stays."""
        if not self.training or not self.drop:
            return branch
        kept = torch.rand(len(branch), 1, 1, device=branch.device) >= self.drop
        return branch * kept / (1 - self.drop)


class VisionTransformer(nn.Module):
    """Grey face crops to class logits. Input is normalised as ``classmood.crops`` does."""

    def __init__(self, settings: TransformerSettings | None = None) -> None:
        super().__init__()
        self.settings = settings = settings or TransformerSettings()
        self.embed = nn.Conv2d(1, settings.width, settings.patch_px, settings.patch_px)
        self.positions: Tensor
        self.register_buffer("positions", sine_positions(SIDE_PX // settings.patch_px, settings.width))
        last = max(settings.depth - 1, 1)
        self.blocks = nn.Sequential(
            *(TransformerBlock(settings, settings.drop_layers * i / last) for i in range(settings.depth))
        )
        self.norm = nn.LayerNorm(settings.width)
        self.classifier = nn.Linear(settings.width, settings.classes)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        # All classes are equally likely at the start.
        nn.init.zeros_(self.classifier.weight)

    def features(self, image: Float[Tensor, "m 1 48 48"]) -> Float[Tensor, "m d"]:
        """The mean token before the classifier."""
        tokens = self.embed(image).flatten(2).transpose(1, 2) + self.positions
        mean: Tensor = self.norm(self.blocks(tokens)).mean(1)
        return mean

    def forward(self, image: Float[Tensor, "m 1 48 48"]) -> Float[Tensor, "m classes"]:
        logits: Tensor = self.classifier(self.features(image))
        return logits


def sine_positions(side: int, width: int) -> Float[Tensor, "n d"]:
    """Fixed positions of side x side tokens, rows first: sines and cosines of y, then of x, at falling frequencies."""
    frequencies = 10_000.0 ** -(torch.arange(width // 4) / max(width // 4 - 1, 1))
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    angles = [place.reshape(-1, 1) * frequencies for place in (y, x)]
    return torch.cat([part for angle in angles for part in (angle.sin(), angle.cos())], 1)


class VisionTransformerClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The network in its own loop (``transformer_run``): soft votes, the recipes' augmentation, averaged weights.

    On a GPU where there is one.

    Args:
        settings: the network's size; its ``classes`` are the labels 0 .. classes - 1, and a class without a training
            sample is refused unless ``targets`` are soft.
        augment: as in a recipe's ``[augment]``.
        epochs: passes over the samples.
        batch_size: samples a step.
        learning_rate: the highest.
        weight_decay: of matrices; norms and biases have none.
        warmup_epochs: how long the rate rises.
        ema_decay: of the averaged weights, which predict.
        gradient_clip: the greatest norm of a step's gradient.
        random_state: seed; on one machine and as many threads the same seed gives the same network.

    Attributes:
        classes_: 0 .. classes - 1, the columns of ``predict_proba``.
        network_: the averaged network.
        losses_: the mean loss of each epoch.
        spent_s_: how long all epochs took, those before a stop included.
    """

    def __init__(
        self,
        *,
        settings: TransformerSettings | None = None,
        augment: AugmentSection | None = None,
        epochs: int = 44,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.05,
        warmup_epochs: float = 5.0,
        ema_decay: float = 0.999,
        gradient_clip: float = 1.0,
        random_state: int = 0,
    ) -> None:
        self.settings = settings
        self.augment = augment
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_epochs = warmup_epochs
        self.ema_decay = ema_decay
        self.gradient_clip = gradient_clip
        self.random_state = random_state

    def fit(self, crops: Any, targets: Any, *, checkpoint: Path | None = None) -> VisionTransformerClassifier:
        """Learn from stills.

        Args:
            crops: uint8, n x 48 x 48.
            targets: n whole labels, or n x classes vote shares whose rows sum to 1.
            checkpoint: a file that is written after each epoch; where it is there, its run is carried on, to the same
                network as one that was never stopped.

        Raises:
            InputError: something else was given, or a class has no sample where labels are given.
            TrainingError: the loss is not a number, or the checkpoint cannot be used.
        """
        crops = check_crops(crops)
        settings = self.settings or TransformerSettings()
        shares = _shares(targets, len(crops), settings.classes)
        self.classes_ = np.arange(settings.classes)
        schedule = TransformerSchedule(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            warmup_epochs=self.warmup_epochs,
            ema_decay=self.ema_decay,
            gradient_clip=self.gradient_clip,
            seed=self.random_state,
        )
        augment = self.augment or AugmentSection()
        what = f"{settings} {schedule} {augment}".encode()
        key = hashlib.sha256(what + crops.tobytes() + shares.tobytes()).hexdigest()
        with torch.random.fork_rng():
            # Weights and dropped layers are drawn by torch's own generator; the caller's is given back as it was.
            torch.manual_seed(self.random_state)
            run = TransformerRun(VisionTransformer(settings).to(_device()), schedule, augment)
            run.finish(crops, shares, checkpoint=checkpoint, key=key)
        self.losses_, self.spent_s_, self.network_ = run.losses, run.spent_s, run.average.eval()
        return self

    def predict_proba(self, crops: Any) -> Float64[np.ndarray, "n k"]:
        """Class probabilities."""
        check_is_fitted(self)
        logits = predict(self.network_, check_crops(crops), _device())
        probabilities: Float64[np.ndarray, "n k"] = logits.double().softmax(1).numpy()
        return probabilities

    def predict(self, crops: Any) -> Int[np.ndarray, " n"]:
        """The most likely label."""
        found: Int[np.ndarray, " n"] = self.classes_[self.predict_proba(crops).argmax(1)]
        return found


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _shares(targets: Any, n: int, classes: int) -> Float32[np.ndarray, "n k"]:
    """Labels or vote shares as shares."""
    found = np.asarray(targets)
    if found.ndim == 1:
        shown: Float32[np.ndarray, "n k"] = np.eye(classes, dtype=np.float32)[check_labels(found, n, classes)]
        return shown
    floating = np.issubdtype(found.dtype, np.floating)
    if found.shape != (n, classes) or not floating or (found < 0).any() or not np.allclose(found.sum(1), 1, atol=1e-3):
        raise InputError(
            f"expected {n} labels, or vote shares of {n} x {classes} whose rows sum to 1, got {found.dtype} of shape "
            f"{found.shape}; divide votes by their sum"
        )
    return found.astype(np.float32)
