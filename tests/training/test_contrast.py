"""Contrast normalisation against plain float64 NumPy, what it leaves as it was, and where it could break."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.crops import PIXEL_MEAN, PIXEL_SPREAD, normalise
from classmood.training.contrast import ContrastNormalisation, gaussian_window


def numpy_normalisation(grey: np.ndarray, exponent: float) -> np.ndarray:
    """A crop of grey in [0, 1], a pixel at a time, in grey too: the formula's units are other than the layer's."""
    f, q = grey.shape
    weight = np.array(
        [
            [np.exp(-0.5 * (((2 * (i + 0.5) / f - 1) ** 2 + (2 * (j + 0.5) / q - 1) ** 2) / 0.5**2)) for j in range(q)]
            for i in range(f)
        ]
    )
    weight /= weight.sum()
    mean = (weight * grey).sum()
    deviation = np.sqrt((weight * (grey - mean) ** 2).sum() + 0.01**2)
    return np.array(mean + (grey - mean) * (0.186 / deviation) ** exponent)


def to_input(grey: np.ndarray) -> torch.Tensor:
    return torch.from_numpy((grey - PIXEL_MEAN) / PIXEL_SPREAD)[None, None]


@st.composite
def crops(draw: st.DrawFn) -> np.ndarray:
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    middle, spread = draw(st.floats(0, 1)), draw(st.floats(0, 0.5))
    shape = (draw(st.integers(2, 9)), draw(st.integers(2, 9)))
    return random.uniform(middle - spread, middle + spread, shape).clip(0, 1)


@settings(max_examples=60, deadline=None)
@given(crops(), st.floats(0, 1))
def test_is_the_formula(grey: np.ndarray, exponent: float) -> None:
    expected = to_input(numpy_normalisation(grey, exponent)).numpy()
    layer = ContrastNormalisation(exponent)
    np.testing.assert_allclose(layer(to_input(grey)).numpy(), expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(layer(to_input(grey).float()).numpy(), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_differences_of_contrast_shrink_to_a_power(exponent: float) -> None:
    random = np.random.default_rng(0)
    grey = random.uniform(0.1, 0.9, (48, 48))
    layer = ContrastNormalisation(exponent)

    def contrast(share: float) -> float:
        return float(layer(to_input(0.5 + share * (grey - 0.5))).std())

    assert contrast(0.5) / contrast(1.0) == pytest.approx(0.5 ** (1 - exponent), rel=0.02)


def test_a_crop_of_the_usual_contrast_is_left_as_it_is() -> None:
    window = gaussian_window(48, 48, 0.5).double().numpy()
    grey = np.random.default_rng(1).uniform(0, 1, (48, 48))
    mean = (window * grey).sum()
    usual = mean + (grey - mean) * 0.186 / np.sqrt((window * (grey - mean) ** 2).sum())
    torch.testing.assert_close(ContrastNormalisation(1.0)(to_input(usual)), to_input(usual), rtol=0, atol=0.01)


def test_what_is_far_from_the_face_hardly_counts() -> None:
    grey = np.full((48, 48), 0.5)
    grey[16:32, 16:32] += np.random.default_rng(2).uniform(-0.1, 0.1, (16, 16))
    framed = grey.copy()
    framed[:4] = 1.0
    inside = (..., slice(16, 32), slice(16, 32))
    layer = ContrastNormalisation(0.5)
    with_frame, without = layer(to_input(framed))[inside], layer(to_input(grey))[inside]
    gains = [float(each.std() / to_input(grey)[inside].std()) for each in (with_frame, without)]
    # Were all pixels to count alike, the white strip would raise the deviation to 0.14 and lower the gain to 1.2.
    assert gains[1] > gains[0] > 1.4


def test_a_crop_keeps_its_own_gain_in_a_batch() -> None:
    batch = torch.from_numpy(normalise(np.random.default_rng(3).integers(0, 255, (5, 48, 48), dtype=np.uint8)))
    batch[1] *= 0.1
    layer = ContrastNormalisation(0.5)
    torch.testing.assert_close(layer(batch), torch.cat([layer(one[None]) for one in batch]))


def test_a_blank_crop_stays_blank_and_its_gradient_is_finite() -> None:
    blank = torch.full((1, 1, 48, 48), -1.3, requires_grad=True)
    shown = ContrastNormalisation(1.0)(blank)
    torch.testing.assert_close(shown, blank, rtol=0, atol=1e-3)
    shown.sum().backward()
    assert blank.grad is not None
    assert blank.grad.isfinite().all()


def test_noise_without_a_picture_is_not_made_one() -> None:
    noise = 0.5 + np.random.default_rng(4).normal(0, 1 / 255, (48, 48))
    shown = ContrastNormalisation(0.5)(to_input(noise)) * PIXEL_SPREAD
    # One grey level becomes less than five; without the floor it would be seven.
    assert float(shown.std()) < 5 / 255


def test_gradients_are_those_of_the_formula() -> None:
    x = torch.randn(2, 1, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(ContrastNormalisation(0.5), (x,))


def test_bfloat16_gives_no_nan() -> None:
    x = torch.randn(4, 1, 48, 48, generator=torch.Generator().manual_seed(1))
    assert ContrastNormalisation(0.5)(x.bfloat16()).isfinite().all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60))
def test_the_window_sums_to_one_and_is_the_same_from_both_sides(height_px: int, width_px: int) -> None:
    window = gaussian_window(height_px, width_px, 0.5)
    assert float(window.sum()) == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(window, window.flip(0).flip(1))
