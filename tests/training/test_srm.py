"""SRM against a plain float64 NumPy computation of equations 13-21, in training and at inference, and its gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call

from classmood.training.srm import StyleRecalibration

NORM_EPSILON = 1e-5


def numpy_styles(a: np.ndarray, q: np.ndarray) -> np.ndarray:
    """c of equations 13-16, one sample and channel at a time."""
    m, d = a.shape[:2]
    c = np.empty((m, d))
    for sample in range(m):
        for channel in range(d):
            values = a[sample, channel].ravel()
            lam = values.sum() / values.size
            eps = np.sqrt(((values - lam) ** 2).sum() / values.size + 1e-5)
            c[sample, channel] = q[channel] @ np.array([lam, eps])
    return c


def numpy_gate(
    c: np.ndarray, mean: np.ndarray, variance: np.ndarray, alpha: np.ndarray, omega: np.ndarray
) -> np.ndarray:
    """h of equations 17-20."""
    normal = (c - mean) / np.sqrt(variance + NORM_EPSILON)
    gate: np.ndarray = 1 / (1 + np.exp(-(alpha * normal + omega)))
    return gate


@dataclass
class Case:
    layer: StyleRecalibration
    a: np.ndarray
    q: np.ndarray
    alpha: np.ndarray
    omega: np.ndarray


@st.composite
def cases(draw: st.DrawFn) -> Case:
    channels = draw(st.integers(1, 6))
    shape = (draw(st.integers(2, 5)), channels, draw(st.integers(1, 6)), draw(st.integers(1, 6)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    a = random.normal(draw(st.floats(-1, 1)), draw(st.floats(0.1, 2)), shape)
    q = random.normal(0, 1, (channels, 2))
    alpha, omega = random.normal(0, 1, (2, channels))
    layer = StyleRecalibration(channels).double()
    with torch.no_grad():
        layer.q.copy_(torch.from_numpy(q))
        layer.norm.weight.copy_(torch.from_numpy(alpha))
        layer.norm.bias.copy_(torch.from_numpy(omega))
    return Case(layer, a, q, alpha, omega)


@settings(max_examples=60, deadline=None)
@given(cases(), st.sampled_from([torch.float64, torch.float32]))
def test_is_equations_13_to_21_in_training(case: Case, dtype: torch.dtype) -> None:
    c = numpy_styles(case.a, case.q)
    gate = numpy_gate(c, c.mean(0), c.var(0), case.alpha, case.omega)
    got = case.layer.to(dtype)(torch.from_numpy(case.a).to(dtype))
    assert got.dtype == dtype
    expected = case.a * gate[:, :, None, None]
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=0, atol=1e-9 if dtype == torch.float64 else 1e-5)


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(0, 2**32 - 1), st.sampled_from([torch.float64, torch.float32]))
def test_is_equations_13_to_21_at_inference(case: Case, seed: int, dtype: torch.dtype) -> None:
    random = np.random.default_rng(seed)
    mean, variance = random.normal(0, 1, case.a.shape[1]), random.uniform(0.1, 2, case.a.shape[1])
    layer = case.layer.eval()
    assert layer.norm.running_mean is not None
    assert layer.norm.running_var is not None
    layer.norm.running_mean.copy_(torch.from_numpy(mean))
    layer.norm.running_var.copy_(torch.from_numpy(variance))
    gate = numpy_gate(numpy_styles(case.a, case.q), mean, variance, case.alpha, case.omega)
    got = layer.to(dtype)(torch.from_numpy(case.a).to(dtype)).detach().numpy()
    expected = case.a * gate[:, :, None, None]
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9 if dtype == torch.float64 else 1e-5)


def test_the_gate_starts_at_one_half() -> None:
    torch.manual_seed(0)
    a = torch.randn(3, 5, 4, 4)
    layer = StyleRecalibration(5)
    torch.testing.assert_close(layer.gate(a), torch.full((3, 5), 0.5))
    torch.testing.assert_close(layer(a), a / 2)


def test_adds_four_parameters_a_channel() -> None:
    assert sum(p.numel() for p in StyleRecalibration(24).parameters()) == 4 * 24


def test_only_style_counts_not_where_it_is() -> None:
    torch.manual_seed(1)
    layer = StyleRecalibration(3)
    torch.nn.init.normal_(layer.q)
    a = torch.randn(4, 3, 5, 5)
    shuffled = a.flatten(2)[:, :, torch.randperm(25)].reshape(a.shape)
    torch.testing.assert_close(layer.gate(a), layer.gate(shuffled), rtol=0, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_gradients_are_those_of_finite_differences(training: bool) -> None:
    torch.manual_seed(2)
    layer = StyleRecalibration(3).double().train(training)
    names = ["q", "norm.weight", "norm.bias"]
    start = dict(layer.named_parameters())
    values = [torch.randn_like(start[name]).requires_grad_() for name in names]
    a = torch.randn(4, 3, 3, 2, dtype=torch.float64, requires_grad=True)

    def call(a: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = functional_call(layer, dict(zip(names, values, strict=True)), (a,))
        return result

    assert torch.autograd.gradcheck(call, (a, *values))


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 1e4])
@pytest.mark.parametrize("size", [(4, 4), (1, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("training", [True, False])
def test_a_constant_map_gives_finite_values_and_gradients(
    value: float, size: tuple[int, int], dtype: torch.dtype, training: bool
) -> None:
    layer = StyleRecalibration(4).to(dtype).train(training)
    torch.nn.init.ones_(layer.q)
    a = torch.full((3, 4, *size), value, dtype=dtype, requires_grad=True)
    out = layer(a)
    assert out.dtype == dtype
    out.sum().backward()
    for tensor in (out, a.grad, *(parameter.grad for parameter in layer.parameters())):
        assert tensor is not None
        assert torch.isfinite(tensor).all()


@pytest.mark.parametrize("autocast", [False, True])
def test_bfloat16_stays_near_float64(autocast: bool) -> None:
    torch.manual_seed(3)
    layer = StyleRecalibration(8)
    torch.nn.init.normal_(layer.q)
    a = torch.randn(6, 8, 5, 5).bfloat16()
    exact = StyleRecalibration(8).double()
    exact.load_state_dict({name: value.double() for name, value in layer.state_dict().items()})
    if autocast:
        with torch.autocast("cpu", torch.bfloat16):
            got = layer(a)
            assert layer.gate(a).dtype == torch.float32
    else:
        got = layer.bfloat16()(a)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.double(), exact(a.double()), rtol=0.03, atol=0.03)
