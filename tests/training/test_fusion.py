"""The readings of the paper's fusion against plain float64 NumPy of what each says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.training.fusion import LATERAL_CHANNELS, LateralFusion, PooledFusion
from classmood.training.sge import SpatialGroupEnhance

CHANNELS = (4, 8, 12)


def maps_of(seed: int, sides: tuple[int, ...] = (6, 3, 2)) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.normal(0.3, 1, (2, c, side, side)) for c, side in zip(CHANNELS, sides, strict=True)]


def torch_maps(maps: list[np.ndarray]) -> list[torch.Tensor]:
    return [torch.from_numpy(each) for each in maps]


def numpy_gated(a: np.ndarray, sge: SpatialGroupEnhance) -> np.ndarray:
    """SGE by the layer that test_sge.py compares with the equations."""
    return sge(torch.from_numpy(a)).detach().numpy()


def test_pooled_is_the_means_side_by_side() -> None:
    maps = maps_of(0)
    fusion = PooledFusion(CHANNELS)
    assert fusion.features == 24
    assert not list(fusion.parameters())
    expected = np.concatenate([each.mean((2, 3)) for each in maps], 1)
    np.testing.assert_allclose(fusion(torch_maps(maps)).numpy(), expected, rtol=0, atol=1e-12)


def test_attention_may_look_at_each_map_first() -> None:
    maps = maps_of(1)
    fusion = PooledFusion(CHANNELS, groups=4).double()
    for sge in fusion.sge:
        torch.nn.init.normal_(sge.alpha)
    found = fusion(torch_maps(maps)).detach().numpy()
    expected = np.concatenate([numpy_gated(a, sge).mean((2, 3)) for a, sge in zip(maps, fusion.sge, strict=True)], 1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    ungated = PooledFusion(CHANNELS)(torch_maps(maps)).numpy()
    assert np.abs(found - ungated).max() > 0.01


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([(6, 3, 2), (12, 6, 3), (5, 3, 2), (4, 4, 4)]), st.sampled_from([0, 16]))
def test_lateral_is_the_sum_at_the_finest_resolution(seed: int, sides: tuple[int, ...], groups: int) -> None:
    maps = maps_of(seed, sides)
    torch.manual_seed(seed)
    fusion = LateralFusion(CHANNELS, groups=groups).double()
    assert fusion.features == LATERAL_CHANNELS
    total = np.zeros((2, LATERAL_CHANNELS, sides[0], sides[0]))
    for a, convolution in zip(maps, fusion.lateral, strict=True):
        weight = convolution.weight.detach().numpy()[:, :, 0, 0]
        one = np.einsum("oc,mcfq->mofq", weight, a) + convolution.bias.detach().numpy()[:, None, None]
        # The nearest place of the coarser map.
        place = np.arange(sides[0]) * a.shape[2] // sides[0]
        total += one[:, :, place][:, :, :, place]
    if groups:
        torch.nn.init.normal_(fusion.sge.alpha)
        total = numpy_gated(total, fusion.sge)
    found = fusion(torch_maps(maps)).detach().numpy()
    np.testing.assert_allclose(found, total.mean((2, 3)), rtol=0, atol=1e-10)


@pytest.mark.parametrize("form", [PooledFusion, LateralFusion])
def test_gradients_reach_every_map_and_parameter(form: type) -> None:
    fusion = form(CHANNELS, groups=4)
    for gate in fusion.modules():
        if isinstance(gate, SpatialGroupEnhance):
            torch.nn.init.normal_(gate.alpha)
    maps = [each.float().requires_grad_() for each in torch_maps(maps_of(2))]
    fusion(maps).square().sum().backward()
    for tensor in (*maps, *fusion.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()
        assert tensor.grad.abs().sum() > 0
