"""What is noted of a network and of SRM is what they are: order, sizes, numbers, and it follows the settings."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from classmood.training import resnet
from classmood.training.resnet import EmotionNetwork, NetworkSettings
from classmood.training.traces import NetworkTrace, trace_network, trace_recalibration

SHIPPED = NetworkSettings(stem="deep")


@pytest.fixture(scope="module")
def shipped() -> NetworkTrace:
    return trace_network(SHIPPED)


def test_stages_are_those_of_the_network_s_docstring(shipped: NetworkTrace) -> None:
    assert [(stage.name, stage.shape) for stage in shipped.stages] == [
        ("stem", (64, 12, 12)),
        ("layer1", (64, 12, 12)),
        ("layer2", (128, 6, 6)),
        ("layer3", (256, 3, 3)),
        ("layer4", (512, 2, 2)),
    ]
    assert [stage.blocks for stage in shipped.stages] == [0, 2, 2, 2, 2]
    assert (shipped.fused, shipped.features, shipped.classes) == ((2, 3, 4), 896, 8)


def test_numbers_are_the_network_s(shipped: NetworkTrace) -> None:
    network = EmotionNetwork(SHIPPED)
    assert shipped.parameters == sum(p.numel() for p in network.parameters())
    outside = sum(p.numel() for p in network.classifier.parameters())
    assert sum(stage.parameters for stage in shipped.stages) + outside == shipped.parameters
    assert f"{shipped.gmac:.3f} GMAC" in (resnet.__doc__ or "")


def test_a_block_is_noted_in_the_order_of_its_calls(shipped: NetworkTrace) -> None:
    assert [(step.name.removeprefix("layer2.0."), step.lines[0]) for step in shipped.under("layer2.0.")] == [
        ("pool", "LIP"),
        ("conv1", "conv"),
        ("bn1", "BN"),
        ("relu", "ReLU"),
        ("conv2", "conv"),
        ("bn2", "BN"),
        ("sge", "SGE"),
        ("srm", "SRM"),
        ("shortcut.0", "conv"),
        ("shortcut.1", "BN"),
        ("relu", "ReLU"),
    ]
    assert shipped.under("layer2.0.")[0].shape == (64, 6, 6)
    assert shipped.under("layer2.0.")[-1].shape == (128, 6, 6)


@pytest.mark.parametrize(
    ("changes", "gone", "there"),
    [
        ({"sge_groups": 0}, {"SGE"}, {"LIP", "SRM"}),
        ({"srm": False}, {"SRM"}, {"LIP", "SGE"}),
        ({"lip_order": ""}, {"LIP"}, {"max", "SGE", "SRM"}),
        ({"lip_order": "A"}, {"max"}, {"LIP", "SGE", "SRM"}),
        ({}, {"contrast"}, {"LIP"}),
        ({"contrast_exponent": 0.5}, {"max"}, {"contrast"}),
    ],
)
def test_the_trace_follows_the_settings(
    changes: dict[str, object], gone: set[str], there: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resnet, "WIDTHS", (16, 16, 32, 48))
    labels = {step.lines[0] for step in trace_network(replace(SHIPPED, **changes)).steps}  # type: ignore[arg-type]
    assert not labels & gone
    assert there <= labels


def test_strides_groups_and_fusion_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resnet, "WIDTHS", (16, 16, 32, 48))
    trace = trace_network(NetworkSettings(stem="quarter", lip_order="", sge_groups=8, fusion=(4, 1)))
    lines = {step.name: step.lines for step in trace.steps}
    assert lines["stem.0"] == ("conv", "7×7 /2")
    assert lines["stem.3"] == ("max", "3×3 /2")
    assert lines["layer1.0.sge"] == ("SGE", "H = 8")
    assert (trace.fused, trace.features) == ((1, 4), 64)


def test_recalibration_is_noted_operation_by_operation_in_the_paper_s_letters() -> None:
    operations = trace_recalibration(64)
    calculating = [step.name for step in operations if step.name not in ("to", "getitem")]
    assert calculating == [
        "mean",
        *("sub", "square", "mean", "add", "sqrt"),
        *("mul", "mul", "add"),
        "batch_norm",
        "sigmoid",
        "mul",
    ]
    assert operations[-1].shape == ("M", "D", "F", "Q")
    assert next(step.shape for step in operations if step.name == "sigmoid") == ("M", "D")


@pytest.mark.parametrize("channels", [3, 5, 7, 11])
def test_letters_stay_apart_for_any_number_of_channels(channels: int) -> None:
    assert trace_recalibration(channels)[-1].shape == ("M", "D", "F", "Q")


def test_tracing_leaves_torch_as_it_was() -> None:
    before = torch.random.get_rng_state()
    trace_recalibration(8)
    assert torch.is_grad_enabled()
    assert torch.equal(before, torch.random.get_rng_state())
