"""The exported arrangement against the layers that it stands for, which are tested against NumPy themselves."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from classmood.training.inference_form import ChannelsLastEnhance, ChannelsLastRecalibration, inference_form
from classmood.training.resnet import EmotionNetwork, NetworkSettings
from classmood.training.sge import SpatialGroupEnhance
from classmood.training.srm import StyleRecalibration


def randomise(module: nn.Module, seed: int) -> None:
    """Weights and running statistics as after training, so that no gate stands at its start."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        if value.dtype.is_floating_point:
            drawn = torch.randn(value.shape, generator=generator, dtype=torch.float64)
            value.copy_(drawn.abs() + 0.5 if "running_var" in name else drawn)


@st.composite
def maps(draw: st.DrawFn, channels: int) -> torch.Tensor:
    shape = (draw(st.integers(1, 3)), channels, draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    return draw(st.floats(-1, 1)) + draw(st.floats(0.1, 2)) * torch.randn(
        shape, generator=generator, dtype=torch.float64
    )


def last(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    gated: torch.Tensor = layer(x.permute(0, 2, 3, 1))
    return gated.permute(0, 3, 1, 2)


@given(data=st.data(), groups=st.integers(1, 5), size=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_sge_is_the_same_with_channels_last(data: st.DataObject, groups: int, size: int, seed: int) -> None:
    sge = SpatialGroupEnhance(groups * size, groups, unbiased=data.draw(st.booleans())).double()
    randomise(sge, seed)
    x = data.draw(maps(groups * size))
    torch.testing.assert_close(last(ChannelsLastEnhance(sge).double(), x), sge(x), rtol=1e-9, atol=1e-9)


@given(data=st.data(), channels=st.integers(1, 12), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_srm_is_the_same_with_channels_last(data: st.DataObject, channels: int, seed: int) -> None:
    srm = StyleRecalibration(channels).double().eval()
    randomise(srm, seed)
    x = data.draw(maps(channels))
    torch.testing.assert_close(last(ChannelsLastRecalibration(srm).double(), x), srm(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 1.0, -50.0])
def test_a_constant_map_gives_finite_values(value: float) -> None:
    sge, srm = SpatialGroupEnhance(8, 4), StyleRecalibration(8).eval()
    randomise(sge, 1)
    randomise(srm, 2)
    x = torch.full((2, 3, 3, 8), value)
    assert ChannelsLastEnhance(sge)(x).isfinite().all()
    assert ChannelsLastRecalibration(srm)(x).isfinite().all()


@pytest.mark.parametrize(
    "chosen",
    [
        NetworkSettings(stem="deep"),
        NetworkSettings(sge_groups=0),
        NetworkSettings(srm=False, lip_order="A"),
        NetworkSettings(sge_groups=0, srm=False, lip_order="", fusion=(4,)),
        NetworkSettings(labels="classroom"),
    ],
)
def test_a_network_says_the_same_and_is_left_as_it_is(chosen: NetworkSettings) -> None:
    torch.manual_seed(3)
    network = EmotionNetwork(chosen).eval()
    for layer in network.modules():
        if isinstance(layer, SpatialGroupEnhance | StyleRecalibration):
            randomise(layer, 4)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    x = torch.randn(3, 1, 48, 48)
    arranged = inference_form(network)
    with torch.no_grad():
        torch.testing.assert_close(arranged(x), network(x), rtol=1e-4, atol=1e-4)
    assert not any(isinstance(layer, SpatialGroupEnhance | StyleRecalibration) for layer in arranged.modules())
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
