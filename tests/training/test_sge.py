"""SGE against a plain float64 NumPy computation of equations 1-7, its gradients, and where it could break."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call

from classmood.training.sge import SpatialGroupEnhance


def numpy_sge(
    a: np.ndarray, alpha: np.ndarray, varphi: np.ndarray, *, groups: int, unbiased: bool, rho: float = 1e-5
) -> np.ndarray:
    """Equations 1-7, one sample, group and position at a time."""
    m, channels, f, q = a.shape
    size, n = channels // groups, f * q
    out = np.empty_like(a)
    for sample in range(m):
        for group in range(groups):
            first = group * size
            features = a[sample, first : first + size].reshape(size, n)
            h = features.sum(1) / n
            d = np.array([h @ features[:, i] for i in range(n)])
            lam = d.sum() / n
            eps = np.sqrt(((d - lam) ** 2).sum() / (n - 1 if unbiased else n))
            phi = alpha[group] * (d - lam) / (eps + rho) + varphi[group]
            gated = features / (1 + np.exp(-phi))
            out[sample, first : first + size] = gated.reshape(size, f, q)
    return out


@dataclass
class Case:
    layer: SpatialGroupEnhance
    a: np.ndarray
    expected: np.ndarray


@st.composite
def cases(draw: st.DrawFn) -> Case:
    groups = draw(st.integers(1, 5))
    channels = groups * draw(st.integers(1, 4))
    shape = (draw(st.integers(1, 3)), channels, draw(st.integers(2, 7)), draw(st.integers(2, 7)))
    unbiased = draw(st.booleans())
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    a = random.normal(draw(st.floats(-1, 1)), draw(st.floats(0.1, 2)), shape)
    alpha, varphi = random.normal(0, 1.5, (2, groups))
    layer = SpatialGroupEnhance(channels, groups, unbiased=unbiased).double()
    with torch.no_grad():
        layer.alpha.copy_(torch.from_numpy(alpha).reshape(1, groups, 1, 1))
        layer.varphi.copy_(torch.from_numpy(varphi).reshape(1, groups, 1, 1))
    return Case(layer, a, numpy_sge(a, alpha, varphi, groups=groups, unbiased=unbiased))


@settings(max_examples=60, deadline=None)
@given(cases())
def test_is_equations_1_to_7_in_float64(case: Case) -> None:
    got = case.layer(torch.from_numpy(case.a)).detach().numpy()
    np.testing.assert_allclose(got, case.expected, rtol=0, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_is_equations_1_to_7_in_float32(case: Case) -> None:
    got = case.layer.float()(torch.from_numpy(case.a).float())
    assert got.dtype == torch.float32
    np.testing.assert_allclose(got.detach().numpy(), case.expected, rtol=0, atol=1e-5)


def test_the_biased_deviation_is_the_default_and_unbiased_differs() -> None:
    a = torch.randn(1, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    layers = [SpatialGroupEnhance(4, 2), SpatialGroupEnhance(4, 2, unbiased=True)]
    for layer in layers:
        torch.nn.init.ones_(layer.alpha)
    biased, unbiased = (layer.gate(a) for layer in layers)
    # d* of equation 5 shrinks by sqrt((n - 1) / n) with the unbiased deviation, n = 9.
    ratio = (torch.logit(unbiased) - 1) / (torch.logit(biased) - 1)
    torch.testing.assert_close(ratio, torch.full_like(ratio, (8 / 9) ** 0.5), rtol=1e-3, atol=1e-3)


def test_the_gate_starts_at_0_731_everywhere() -> None:
    a = torch.randn(2, 32, 6, 6, generator=torch.Generator().manual_seed(1))
    layer = SpatialGroupEnhance(32, 8)
    gate = layer.gate(a)
    assert gate.shape == (2, 8, 6, 6)
    torch.testing.assert_close(gate, torch.full_like(gate, 0.7310586))
    torch.testing.assert_close(layer(a), a * 0.7310586)


@pytest.mark.parametrize("unbiased", [False, True])
def test_gradients_are_those_of_finite_differences(unbiased: bool) -> None:
    torch.manual_seed(2)
    layer = SpatialGroupEnhance(6, 3, unbiased=unbiased).double()
    a = torch.randn(2, 6, 3, 4, dtype=torch.float64, requires_grad=True)
    alpha = torch.randn_like(layer.alpha).requires_grad_()
    varphi = torch.randn_like(layer.varphi).requires_grad_()

    def call(a: torch.Tensor, alpha: torch.Tensor, varphi: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = functional_call(layer, {"alpha": alpha, "varphi": varphi}, (a,))
        return result

    assert torch.autograd.gradcheck(call, (a, alpha, varphi))


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 1e-4, 1e4])
@pytest.mark.parametrize("size", [(4, 4), (1, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("unbiased", [False, True])
def test_a_constant_map_gives_finite_values_and_gradients(
    value: float, size: tuple[int, int], dtype: torch.dtype, unbiased: bool
) -> None:
    layer = SpatialGroupEnhance(8, 4, unbiased=unbiased).to(dtype)
    torch.nn.init.ones_(layer.alpha)
    a = torch.full((2, 8, *size), value, dtype=dtype, requires_grad=True)
    out = layer(a)
    assert out.dtype == dtype
    out.sum().backward()
    for tensor in (out, a.grad, layer.alpha.grad, layer.varphi.grad):
        assert tensor is not None
        assert torch.isfinite(tensor).all()


@pytest.mark.parametrize("autocast", [False, True])
def test_bfloat16_stays_near_float64(autocast: bool) -> None:
    torch.manual_seed(3)
    a = torch.randn(2, 16, 6, 6).bfloat16()
    layer = SpatialGroupEnhance(16, 4)
    torch.nn.init.normal_(layer.alpha)
    exact = numpy_sge(
        a.double().numpy(),
        layer.alpha.detach().double().flatten().numpy(),
        np.ones(4),
        groups=4,
        unbiased=False,
    )
    if autocast:
        with torch.autocast("cpu", torch.bfloat16):
            got = layer(a)
    else:
        got = layer.bfloat16()(a)
    assert got.dtype == torch.bfloat16
    # bfloat16 keeps eight bits: values of up to 4 are exact to 1/128 of themselves, gates and products each add that.
    np.testing.assert_allclose(got.detach().double().numpy(), exact, rtol=0.02, atol=0.02)


def test_channels_that_do_not_split_into_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="6 channels in 4 groups"):
        SpatialGroupEnhance(6, 4)
