"""The transformer against plain computation; the loop learns, repeats to the digit, and refuses what it should."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import clone

from classmood.errors import InputError, TrainingError
from classmood.training.baselines.vision_transformer import (
    TransformerBlock,
    TransformerSettings,
    VisionTransformer,
    VisionTransformerClassifier,
    sine_positions,
)
from classmood.training.recipe import AugmentSection

SMALL = TransformerSettings(classes=3, patch_px=8, width=32, depth=2, heads=2, expansion=2, drop_layers=0.0)
STILL = AugmentSection(
    flip=False,
    rotation_degrees=0,
    scale=0,
    shear=0,
    shift=0,
    contrast=0,
    brightness=0,
    gamma=0,
    blur_probability=0,
    noise=0,
    erase_probability=0,
)


def crops(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 48, 48), np.uint8)


@pytest.mark.parametrize("patch_px", [6, 8])
def test_shapes_and_size(patch_px: int) -> None:
    network = VisionTransformer(TransformerSettings(patch_px=patch_px)).eval()
    tokens = (48 // patch_px) ** 2
    assert network.positions.shape == (tokens, 192)
    assert network(torch.zeros(2, 1, 48, 48)).shape == (2, 8)
    assert 2e6 < sum(p.numel() for p in network.parameters()) < 6e6


def test_all_classes_are_equally_likely_at_the_start() -> None:
    logits = VisionTransformer(SMALL).eval()(torch.rand(4, 1, 48, 48))
    assert torch.equal(logits, torch.zeros(4, 3))


def test_attention_is_softmax_of_scaled_products() -> None:
    torch.manual_seed(0)
    block = TransformerBlock(SMALL, 0.0).double()
    x = torch.randn(2, 5, 32, dtype=torch.float64)
    q, k, v = (part.numpy() for part in block.queries_keys_values(x).detach().split(32, 2))
    expected = np.empty((2, 5, 32))
    for sample in range(2):
        for head in range(2):
            own = np.s_[sample, :, head * 16 : (head + 1) * 16]
            scores = np.exp(q[own] @ k[own].T / 4)
            expected[own] = scores / scores.sum(1, keepdims=True) @ v[own]
    np.testing.assert_allclose(
        block.attention(x).detach().numpy(), block.out(torch.from_numpy(expected)).detach().numpy(), atol=1e-10
    )


def test_positions_tell_every_place_apart_and_where_patches_are_matters() -> None:
    positions = sine_positions(8, 192)
    apart = torch.cdist(positions, positions) + 1e3 * torch.eye(64)
    assert apart.min() > 0.1
    # Neighbours are more alike than far places.
    assert apart[0, 1] < apart[0, 7]
    assert apart[0, 8] < apart[0, 56]
    torch.manual_seed(0)
    network = VisionTransformer(SMALL).eval()
    image = torch.rand(1, 1, 48, 48)
    rolled = image.roll(8, 3)
    assert (network.features(image) - network.features(rolled)).abs().max() > 1e-3


def test_dropped_layers_keep_the_mean_and_rest_in_evaluation() -> None:
    torch.manual_seed(0)
    block = TransformerBlock(SMALL, 0.4)
    branch = torch.ones(4000, 1, 1)
    kept = block.train()._kept(branch)
    assert kept.unique().tolist() == pytest.approx([0.0, 1 / 0.6])
    assert kept.mean() == pytest.approx(1, abs=0.06)
    assert block.eval()._kept(branch) is branch


def test_a_few_samples_are_learned_by_heart() -> None:
    targets = np.arange(9) % 3
    model = VisionTransformerClassifier(
        settings=SMALL, augment=STILL, epochs=60, batch_size=9, learning_rate=3e-3, warmup_epochs=2, ema_decay=0.5
    ).fit(crops(9), targets)
    assert model.predict(crops(9)).tolist() == targets.tolist()
    assert model.losses_[0] > 1
    assert model.losses_[-1] < 0.2
    probabilities = model.predict_proba(crops(9))
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert probabilities.max(1).min() > 0.8


def test_soft_votes_are_learned_as_shares() -> None:
    shares = np.tile(np.array([[0.6, 0.3, 0.1]], np.float32), (8, 1))
    model = VisionTransformerClassifier(
        settings=SMALL, epochs=40, batch_size=8, learning_rate=2e-3, warmup_epochs=1, ema_decay=0.5
    ).fit(crops(8), shares)
    np.testing.assert_allclose(model.predict_proba(crops(8)).mean(0), shares[0], atol=0.08)


def test_the_same_seed_gives_the_same_network_and_leaves_torch_s_generator_alone() -> None:
    soft = TransformerSettings(classes=3, patch_px=8, width=32, depth=2, heads=2, expansion=2, drop_layers=0.3)

    def weights(seed: int) -> torch.Tensor:
        model = VisionTransformerClassifier(settings=soft, epochs=2, batch_size=4, random_state=seed)
        return model.fit(crops(12), np.arange(12) % 3).network_.embed.weight

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = weights(1)
    assert torch.equal(torch.rand(3), expected)
    torch.manual_seed(99)
    assert torch.equal(weights(1), first)
    assert not torch.equal(weights(2), first)


def test_the_averaged_weights_are_what_predicts() -> None:
    """While the rate still rises they stay behind the last step's, which a decay of 0 gives."""
    quick, slow = (
        VisionTransformerClassifier(
            settings=SMALL,
            augment=STILL,
            epochs=30,
            batch_size=9,
            learning_rate=3e-3,
            warmup_epochs=30,
            ema_decay=decay,
        ).fit(crops(9), np.arange(9) % 3)
        for decay in (0.0, 0.999)
    )
    assert quick.losses_ == slow.losses_
    truth = np.arange(9) % 3
    sure = [model.predict_proba(crops(9))[np.arange(9), truth].mean() for model in (quick, slow)]
    assert sure[0] > sure[1] + 0.05


def test_what_cannot_be_learned_from_is_refused() -> None:
    model = VisionTransformerClassifier(settings=SMALL, epochs=1)
    with pytest.raises(InputError, match="none of class 2"):
        model.fit(crops(4), [0, 1, 0, 1])
    with pytest.raises(InputError, match="vote shares of 4 x 3 whose rows sum to 1"):
        model.fit(crops(4), np.full((4, 3), 0.5))
    with pytest.raises(InputError, match="uint8 crops"):
        model.fit(crops(4).astype(np.float32), [0, 1, 2, 1])
    with pytest.raises(TrainingError, match="the loss is nan; lower learning_rate"):
        clone(model).set_params(learning_rate=1e30, warmup_epochs=0, epochs=9, gradient_clip=1e30).fit(
            crops(6), [0, 1, 2, 0, 1, 2]
        )
    with pytest.raises(ValueError, match="a patch that divides 48"):
        TransformerSettings(patch_px=7)
