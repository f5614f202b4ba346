"""Augmentation: repeatable from its generator, nothing where all is off, and each change within its stated range."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from classmood.training.augment import Augment, mixup
from classmood.training.recipe import AugmentSection

OFF = {
    "flip": False,
    "rotation_degrees": 0,
    "scale": 0,
    "shear": 0,
    "shift": 0,
    "contrast": 0,
    "brightness": 0,
    "gamma": 0,
    "blur_probability": 0,
    "noise": 0,
    "erase_probability": 0,
}


def only(**changes: object) -> Augment:
    return Augment(AugmentSection.model_validate({**OFF, **changes}))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth(m: int) -> Tensor:
    """Crops without fine detail, so that sampling between pixels costs little; grey within 0.2 and 0.8."""
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 48), torch.linspace(0, 3, 48), indexing="ij")
    phase = torch.linspace(0, 2, m)[:, None, None]
    return (0.5 + 0.15 * (rows + phase).sin() + 0.15 * (2 * columns + phase).cos()).unsqueeze(1)


def test_the_generator_alone_decides() -> None:
    x = torch.rand(6, 1, 48, 48, generator=generator(9))
    augment = Augment(AugmentSection())
    torch.manual_seed(1)
    first = augment(x, generator(3))
    torch.manual_seed(2)
    assert torch.equal(first, augment(x, generator(3)))
    assert not torch.equal(first, augment(x, generator(4)))


def test_samples_are_changed_each_in_its_own_way() -> None:
    x = torch.rand(1, 1, 48, 48, generator=generator()).expand(4, 1, 48, 48)
    changed = Augment(AugmentSection())(x, generator())
    assert len({tuple(sample.flatten().tolist()) for sample in changed}) == 4


def test_nothing_happens_with_all_off() -> None:
    x = torch.rand(5, 1, 48, 48, generator=generator())
    torch.testing.assert_close(only()(x, generator()), x, rtol=0, atol=2e-4)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([None, 20, 32, 47]), st.integers(1, 4))
def test_grey_stays_in_range_and_the_size_is_as_asked(seed: int, side_px: int | None, m: int) -> None:
    strong = dict.fromkeys(("scale", "shear", "shift", "contrast", "brightness", "gamma", "noise"), 1.0)
    strong |= {"blur_probability": 0.5, "erase_probability": 0.5, "rotation_degrees": 180.0}
    x = torch.rand(m, 1, 48, 48, generator=generator(seed))
    out = Augment(AugmentSection.model_validate(strong))(x, generator(seed), side_px=side_px)
    side = side_px or 48
    assert out.shape == (m, 1, side, side)
    assert torch.isfinite(out).all()
    assert out.min() >= 0
    assert out.max() <= 1


def test_shrinking_keeps_the_picture() -> None:
    x = smooth(3)
    small = only()(x, generator(), side_px=32)
    expected = torch.nn.functional.interpolate(x, (32, 32), mode="bilinear", align_corners=False)
    torch.testing.assert_close(small, expected, rtol=0, atol=2e-4)


def test_half_the_samples_are_mirrored() -> None:
    x = smooth(400)
    out = only(flip=True)(x, generator())
    straight = (out - x).abs().amax((1, 2, 3)) < 1e-3
    mirrored = (out - x.flip(3)).abs().amax((1, 2, 3)) < 1e-3
    assert (straight | mirrored).all()
    assert 0.4 < mirrored.float().mean() < 0.6


def test_a_shift_is_within_its_share_of_the_side() -> None:
    x = torch.zeros(200, 1, 48, 48)
    x[:, :, 24, 24] = 1
    out = only(shift=0.1)(x, generator())
    weight = out / out.sum((2, 3), keepdim=True)
    places = torch.arange(48.0)
    moved_x = (weight.sum(2) * places).sum(-1).flatten() - 24
    moved_y = (weight.sum(3) * places).sum(-1).flatten() - 24
    # A dark ground of 1e-4 draws the centre of gravity a little, so the bound of 4.8 px gets a margin.
    for moved in (moved_x, moved_y):
        assert moved.abs().max() < 5.2
        assert moved.abs().max() > 3.5


def disc(m: int) -> Tensor:
    rows, columns = torch.meshgrid(torch.arange(48.0) - 23.5, torch.arange(48.0) - 23.5, indexing="ij")
    return torch.sigmoid(10 - (rows**2 + columns**2).sqrt()).expand(m, 1, 48, 48)


def test_a_zoom_is_within_its_octaves() -> None:
    area = disc(200).sum((1, 2, 3))
    zoomed = only(scale=0.4)(disc(200), generator()).sum((1, 2, 3))
    octaves = torch.log2(zoomed / area) / 2
    assert 0.3 < octaves.max() < 0.42
    assert -0.42 < octaves.min() < -0.3


def test_a_turn_is_within_its_degrees() -> None:
    bar = torch.zeros(200, 1, 48, 48)
    bar[:, :, 23:25, 8:40] = 1
    out = only(rotation_degrees=20)(bar, generator())[:, 0].double() - 1e-4
    places = torch.arange(48, dtype=torch.float64) - 23.5
    total = out.sum((1, 2))
    xx = (out * places[None, None, :] ** 2).sum((1, 2)) / total
    yy = (out * places[None, :, None] ** 2).sum((1, 2)) / total
    xy = (out * places[None, None, :] * places[None, :, None]).sum((1, 2)) / total
    degrees = 0.5 * torch.atan2(2 * xy, xx - yy) * 180 / torch.pi
    assert 17 < degrees.max() < 21
    assert -21 < degrees.min() < -17
    # A turn only: the bar keeps its length.
    torch.testing.assert_close(xx + yy, (xx + yy).mean().expand_as(xx), rtol=0.02, atol=0)


def test_brightness_contrast_and_gamma_are_within_their_ranges() -> None:
    x = smooth(300)
    moved = (only(brightness=0.1)(x, generator()) - x).mean((1, 2, 3))
    assert 0.08 < moved.max() <= 0.1001
    assert -0.1001 <= moved.min() < -0.08
    spread = torch.log2(only(contrast=0.4)(x, generator()).std((1, 2, 3)) / x.std((1, 2, 3)))
    assert 0.3 < spread.max() < 0.41
    assert -0.41 < spread.min() < -0.3
    power = torch.log2(only(gamma=0.5)(x, generator()).log().mean((1, 2, 3)) / x.log().mean((1, 2, 3)))
    assert 0.45 < power.max() < 0.51
    assert -0.51 < power.min() < -0.45


def test_the_stated_share_is_blurred() -> None:
    x = torch.rand(500, 1, 48, 48, generator=generator())
    out = only(blur_probability=0.3)(x, generator())
    blurred = out.std((1, 2, 3)) < 0.7 * x.std((1, 2, 3))
    assert 0.24 < blurred.float().mean() < 0.36
    torch.testing.assert_close(out[~blurred], x[~blurred], rtol=0, atol=2e-4)


def test_the_stated_share_is_made_coarse_and_keeps_its_light() -> None:
    x = torch.rand(400, 1, 48, 48, generator=generator(1))
    coarse = only(coarse_probability=0.3)(x, generator())
    # Sampling at the pixels themselves rounds in the last digits.
    changed = ((coarse - x).abs() > 1e-3).flatten(1).any(1)
    assert 0.2 < float(changed.float().mean()) < 0.4
    # Fine detail goes, the mean of the crop stays.
    assert float(coarse[changed].std((2, 3)).mean()) < 0.75 * float(x[changed].std((2, 3)).mean())
    torch.testing.assert_close(coarse.mean((2, 3)), x.mean((2, 3)), rtol=0, atol=0.02)


def test_noise_is_within_its_strength() -> None:
    x = torch.full((300, 1, 48, 48), 0.5)
    strength = only(noise=0.05)(x, generator()).std((1, 2, 3))
    assert 0.045 < strength.max() < 0.054
    assert (strength < 1e-3).any()


def test_the_stated_share_is_erased_by_rectangles_of_2_to_20_percent() -> None:
    x = torch.full((600, 1, 48, 48), 0.5)
    out = only(erase_probability=0.25)(x, generator())
    changed = ((out - x).abs() > 1e-3)[:, 0]
    erased = changed.any(2).any(1)
    assert 0.2 < erased.float().mean() < 0.3
    for sample in changed[erased]:
        rows, columns = sample.any(1).nonzero().flatten(), sample.any(0).nonzero().flatten()
        height, width = int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
        # Whole inside, but for noise that happens to be the ground's grey; nothing outside; sides round to pixels.
        assert sample.sum() > 0.95 * height * width
        assert (max(height - 1, 0) * max(width - 1, 0)) / 48**2 <= 0.2
        assert (height + 1) * (width + 1) / 48**2 >= 0.02


def test_mixup_off_leaves_the_batch_alone() -> None:
    x, target = torch.rand(4, 1, 48, 48), torch.eye(4)
    state = (start := generator()).get_state()
    mixed, labels = mixup(x, target, 0.0, start)
    assert torch.equal(mixed, x)
    assert torch.equal(labels, target)
    assert torch.equal(start.get_state(), state)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.01, 5))
def test_mixup_blends_images_and_labels_by_the_same_share(seed: int, alpha: float) -> None:
    labels = torch.eye(6)
    # Each image shows its own number, so that what was blended can be read off it.
    x = torch.arange(6.0)[:, None, None, None].expand(6, 1, 4, 4)
    mixed, target = mixup(x, labels, alpha, generator(seed))
    torch.testing.assert_close(target.sum(1), torch.ones(6))
    torch.testing.assert_close((target * torch.arange(6.0)).sum(1), mixed.mean((1, 2, 3)), rtol=0, atol=1e-4)
    again = mixup(x, labels, alpha, generator(seed))
    assert torch.equal(mixed, again[0])


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_mixup_s_share_follows_the_beta_distribution(alpha: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    x, start = torch.zeros(2, 1, 1, 1), generator()
    shares = []
    while len(shares) < 400:
        _, target = mixup(x, torch.eye(2), alpha, start)
        # Else each was blended with itself, or so little that float32 does not show it.
        if target[0, 1] > 0:
            shares.append(float(target[0, 0]))
    distance = stats.kstest(np.array(shares), stats.beta(alpha, alpha).cdf).statistic
    assert distance < 0.09
