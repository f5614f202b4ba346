"""LIP against a plain float64 NumPy computation of equations 11 and 12, its gradients, and its range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call

from classmood.training.lip import LocalImportancePool, local_importance_pool

NORM_EPSILON = 1e-5


def numpy_windows(en: np.ndarray, logits: np.ndarray, *, window: int = 3, stride: int = 2) -> np.ndarray:
    """Equation 12, one window at a time, over the positions that exist: no padding to cancel."""
    m, d, f, q = en.shape
    reach = window // 2
    rows, columns = range(0, f, stride), range(0, q, stride)
    out = np.empty((m, d, len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            here = np.s_[:, :, max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
            importance = np.exp(logits[here])
            out[:, :, i, j] = (en[here] * importance).sum((2, 3)) / importance.sum((2, 3))
    return out


def numpy_logits(en: np.ndarray, mix: np.ndarray, scale: np.ndarray, shift: np.ndarray, *, gate: bool) -> np.ndarray:
    """WD of equation 11: a 1x1 convolution, then every map of every sample to zero mean and unit spread, affine."""
    mixed = np.einsum("oc,mcfq->mofq", mix, en)
    mean = mixed.mean((2, 3), keepdims=True)
    variance = ((mixed - mean) ** 2).mean((2, 3), keepdims=True)
    normal = (mixed - mean) / np.sqrt(variance + NORM_EPSILON)
    wd = normal * scale[None, :, None, None] + shift[None, :, None, None]
    return 12 / (1 + np.exp(-wd)) if gate else wd


@dataclass
class Case:
    layer: LocalImportancePool
    en: np.ndarray
    expected: np.ndarray


@st.composite
def cases(draw: st.DrawFn) -> Case:
    channels = draw(st.integers(1, 6))
    shape = (draw(st.integers(1, 3)), channels, draw(st.integers(2, 9)), draw(st.integers(2, 9)))
    window, stride = draw(st.sampled_from([(3, 2), (3, 1), (5, 2), (3, 3)]))
    gate = draw(st.booleans())
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    en = random.normal(0, draw(st.floats(0.1, 2)), shape)
    mix = random.normal(0, 1, (channels, channels))
    scale, shift = random.normal(0, 1, (2, channels))
    layer = LocalImportancePool(channels, window=window, stride=stride, gate=gate).double()
    with torch.no_grad():
        layer.projection.weight.copy_(torch.from_numpy(mix)[:, :, None, None])
        layer.norm.weight.copy_(torch.from_numpy(scale))
        layer.norm.bias.copy_(torch.from_numpy(shift))
    expected = numpy_windows(en, numpy_logits(en, mix, scale, shift, gate=gate), window=window, stride=stride)
    return Case(layer, en, expected)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_is_equations_11_and_12_in_float64(case: Case) -> None:
    got = case.layer(torch.from_numpy(case.en)).detach().numpy()
    np.testing.assert_allclose(got, case.expected, rtol=0, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_is_equations_11_and_12_in_float32(case: Case) -> None:
    got = case.layer.float()(torch.from_numpy(case.en).float())
    assert got.dtype == torch.float32
    np.testing.assert_allclose(got.detach().numpy(), case.expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(12, 12), (5, 7), (2, 2)])
def test_starts_as_average_pooling_that_ignores_the_padding(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    en = torch.randn(2, 4, *size)
    averaged = torch.nn.functional.avg_pool2d(en, 3, 2, 1, count_include_pad=False)
    torch.testing.assert_close(LocalImportancePool(4)(en), averaged, rtol=0, atol=1e-6)


def test_a_constant_map_stays_what_it_is_up_to_its_border() -> None:
    layer = LocalImportancePool(3)
    torch.nn.init.normal_(layer.norm.bias, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(layer(torch.full((1, 3, 7, 7), 0.75)), torch.full((1, 3, 4, 4), 0.75))


def test_the_most_important_position_wins_the_window() -> None:
    en = torch.arange(16.0).reshape(1, 1, 4, 4)
    logits = torch.zeros_like(en)
    logits[0, 0, 1, 1] = 40
    torch.testing.assert_close(local_importance_pool(en, logits), torch.full((1, 1, 2, 2), 5.0))


@pytest.mark.parametrize("gate", [False, True])
@pytest.mark.parametrize("size", [(4, 5), (3, 3)])
def test_gradients_are_those_of_finite_differences(gate: bool, size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    layer = LocalImportancePool(3, gate=gate).double()
    names = ["projection.weight", "norm.weight", "norm.bias"]
    start = dict(layer.named_parameters())
    values = [torch.randn_like(start[name]).requires_grad_() for name in names]
    en = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)

    def call(en: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = functional_call(layer, dict(zip(names, values, strict=True)), (en,))
        return result

    assert torch.autograd.gradcheck(call, (en, *values))


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 1e4])
@pytest.mark.parametrize("gate", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_constant_map_gives_finite_values_and_gradients(value: float, gate: bool, dtype: torch.dtype) -> None:
    layer = LocalImportancePool(4, gate=gate).to(dtype)
    torch.nn.init.ones_(layer.norm.weight)
    en = torch.full((2, 4, 6, 6), value, dtype=dtype, requires_grad=True)
    out = layer(en)
    assert out.dtype == dtype
    out.sum().backward()
    for tensor in (out, en.grad, *(parameter.grad for parameter in layer.parameters())):
        assert tensor is not None
        assert torch.isfinite(tensor).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([torch.float32, torch.bfloat16]), st.integers(2, 9))
def test_logits_of_plus_and_minus_50_side_by_side_give_no_nan(seed: int, dtype: torch.dtype, side: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    en = torch.randn(2, 3, side, side, generator=generator).to(dtype).requires_grad_()
    signs = torch.randint(0, 2, en.shape, generator=generator) * 2 - 1
    logits = (signs * 50.0).to(dtype).requires_grad_()
    out = local_importance_pool(en, logits)
    out.sum().backward()
    assert en.grad is not None
    assert logits.grad is not None
    for tensor in (out, en.grad, logits.grad):
        assert torch.isfinite(tensor).all()
    exact = numpy_windows(en.detach().double().numpy(), logits.detach().double().numpy())
    atol = 1e-5 if dtype == torch.float32 else 0.02
    np.testing.assert_allclose(out.detach().double().numpy(), exact, rtol=0, atol=atol)


@pytest.mark.parametrize("shift", [-50.0, 50.0])
def test_a_layer_driven_to_logits_of_50_trains_on(shift: float) -> None:
    torch.manual_seed(2)
    layer = LocalImportancePool(4)
    torch.nn.init.constant_(layer.norm.weight, 10.0)
    torch.nn.init.constant_(layer.norm.bias, shift)
    out = layer(torch.randn(2, 4, 8, 8))
    out.square().sum().backward()
    assert torch.isfinite(out).all()
    assert all(torch.isfinite(p.grad).all() for p in layer.parameters() if p.grad is not None)


def test_the_gate_bounds_the_logits() -> None:
    layer = LocalImportancePool(2, gate=True)
    torch.nn.init.constant_(layer.norm.weight, 1e3)
    logits = layer.logits(torch.randn(2, 2, 6, 6, generator=torch.Generator().manual_seed(0)))
    assert 0 <= logits.min() < 0.1
    assert 11.9 < logits.max() <= 12


@pytest.mark.parametrize("autocast", [False, True])
def test_bfloat16_stays_near_float64(autocast: bool) -> None:
    torch.manual_seed(3)
    layer = LocalImportancePool(8)
    torch.nn.init.ones_(layer.norm.weight)
    en = torch.randn(2, 8, 9, 9).bfloat16()
    exact = LocalImportancePool(8).double()
    exact.load_state_dict({name: value.double() for name, value in layer.state_dict().items()})
    if autocast:
        with torch.autocast("cpu", torch.bfloat16):
            got = layer(en)
            # The exponent of a bfloat16 logit of 50 would be off by half itself; the logits stay wide.
            assert layer.logits(en).dtype == torch.float32
    else:
        got = layer.bfloat16()(en)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.double(), exact(en.double()), rtol=0.03, atol=0.03)
