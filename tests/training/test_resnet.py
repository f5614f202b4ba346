"""The network of Figure 4: shapes, order of its parts, parameters and cost counted independently, gradients."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from torch import nn

from classmood.training import resnet
from classmood.training.contrast import ContrastNormalisation
from classmood.training.lip import LocalImportancePool
from classmood.training.recipe import read_recipe
from classmood.training.resnet import BasicBlock, EmotionNetwork, NetworkSettings
from classmood.training.srm import StyleRecalibration

RECIPES = Path(__file__).parents[2] / "recipes"
SHIPPED = NetworkSettings(stem="deep")
FUSIONS = [(4,), (2, 3, 4), (1, 2, 3, 4)]
# Every stem with every order of pooling, and every combination of the other modules.
VARIANTS = [
    *(
        NetworkSettings(stem=stem, lip_order=order)
        for stem, order in itertools.product(("half", "narrow", "quarter", "deep"), ("A", "B", ""))
    ),
    *(
        replace(SHIPPED, sge_groups=groups, srm=srm, fusion=fusion)
        for groups, srm, fusion in itertools.product((0, 8, 64), (True, False), FUSIONS)
    ),
    *(replace(SHIPPED, fusion_form="lateral", fusion=fusion) for fusion in FUSIONS),
    *(replace(SHIPPED, sge_at="taps", fusion=fusion) for fusion in FUSIONS),
]


def name(settings: NetworkSettings) -> str:
    s = settings
    parts = (s.stem, s.sge_groups, s.lip_order or "plain", s.srm, s.fusion, s.fusion_form, s.sge_at)
    return "-".join(map(str, parts))


def blank(settings: NetworkSettings) -> EmotionNetwork:
    """A network whose weights were never drawn: quick to build, enough to count and to trace."""
    with patch.object(nn.init, "kaiming_normal_"), patch.object(nn.init, "kaiming_uniform_"):
        return EmotionNetwork(settings).eval()


@pytest.fixture
def slim(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of the same form and a hundredth of the weight."""
    monkeypatch.setattr(resnet, "WIDTHS", (16, 16, 32, 48))


@torch.no_grad()
def traced_shapes(network: EmotionNetwork) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> object:
        return lambda _module, _inputs, output: shapes.__setitem__(name, tuple(output.shape))

    for child in ("stem", "layer1", "layer2", "layer3", "layer4"):
        network.get_submodule(child).register_forward_hook(note(child))  # type: ignore[arg-type]
    logits = network(torch.zeros(3, 1, 48, 48))
    return {**shapes, "logits": tuple(logits.shape)}


@pytest.mark.parametrize("settings", VARIANTS, ids=name)
def test_shapes(settings: NetworkSettings) -> None:
    side = 24 if settings.stem in ("half", "narrow") else 12
    sides = [side, side, -(-side // 2), -(-side // 4), -(-side // 8)]
    widths = [64, 64, 128, 256, 512]
    expected = {
        layer: (3, width, side, side)
        for layer, width, side in zip(("stem", "layer1", "layer2", "layer3", "layer4"), widths, sides, strict=True)
    }
    assert traced_shapes(blank(settings)) == {**expected, "logits": (3, 8)}


def test_the_docstring_lists_the_shapes_of_the_shipped_network() -> None:
    shapes = traced_shapes(blank(SHIPPED))
    for layer in ("stem", "layer1", "layer2", "layer3", "layer4"):
        row = re.search(rf"^ +{layer} +M x +(\d+) x +(\d+) x +(\d+)", resnet.__doc__ or "", re.MULTILINE)
        assert row
        assert tuple(map(int, row.groups())) == shapes[layer][1:]


@pytest.mark.parametrize("order", ["A", "B", ""])
@pytest.mark.parametrize("stem", ["half", "narrow", "quarter", "deep"])
@pytest.mark.usefixtures("slim")
def test_smaller_crops_pass_too(stem: str, order: str) -> None:
    network = EmotionNetwork(NetworkSettings(stem=stem, lip_order=order))  # type: ignore[arg-type]
    for side in (20, 24, 32, 47):
        assert network(torch.zeros(2, 1, side, side)).shape == (2, 8)


def parameters_by_formula(s: NetworkSettings) -> int:
    """Counted from the paper's text and He et al.'s table, not from the modules."""
    widths = (64, 128, 256, 512)

    def lip(channels: int) -> int:
        return channels**2 + 2 * channels

    stem = {
        "half": 9 * 64 + 2 * 64,
        "narrow": 9 * 16 + 2 * 16 + 9 * 16 * 64 + 2 * 64,
        "quarter": 49 * 64 + 2 * 64,
        "deep": 9 * 32 + 2 * 32 + 9 * 32 * 32 + 2 * 32 + 9 * 32 * 64 + 2 * 64,
    }[s.stem]
    total = stem + (lip(16 if s.stem == "narrow" else 64) if s.lip_order else 0)
    for number, outputs in enumerate(widths):
        inputs = widths[max(0, number - 1)]
        total += 9 * inputs * outputs + 3 * 9 * outputs * outputs + 4 * 2 * outputs
        total += 2 * ((2 * s.sge_groups if s.sge_at == "blocks" else 0) + (4 * outputs if s.srm else 0))
        if number:
            total += inputs * outputs + 2 * outputs
            total += {"A": lip(outputs) + lip(inputs), "B": lip(inputs), "": 0}[s.lip_order]
    taps = [widths[i - 1] for i in s.fusion]
    if s.fusion_form == "lateral":
        return total + sum(taps) * 256 + len(taps) * 256 + 2 * s.sge_groups + 256 * s.classes + s.classes
    if s.sge_at == "taps":
        total += len(taps) * 2 * s.sge_groups
    return total + sum(taps) * s.classes + s.classes


@pytest.mark.parametrize("settings", VARIANTS, ids=name)
def test_parameter_count(settings: NetworkSettings) -> None:
    assert sum(p.numel() for p in blank(settings).parameters()) == parameters_by_formula(settings)


def test_the_paper_s_modules_add_what_they_should() -> None:
    def count(**changes: object) -> int:
        return sum(p.numel() for p in blank(replace(SHIPPED, **changes)).parameters())  # type: ignore[arg-type]

    assert count() - count(srm=False) == 4 * 2 * (64 + 128 + 256 + 512)
    assert count() - count(sge_groups=0) == 8 * 2 * 16
    assert count(sge_groups=64) - count(sge_groups=8) == 8 * 2 * (64 - 8)


@torch.no_grad()
def gmac(network: EmotionNetwork, side: int = 48) -> float:
    """Multiply-accumulates of convolutions and the classifier for one crop, in thousand millions."""
    total = 0

    def count(module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += output.numel() * module.in_channels * module.kernel_size[0] * module.kernel_size[1]
        elif isinstance(module, nn.Linear):
            total += output.numel() * module.in_features

    handles = [module.register_forward_hook(count) for module in network.modules()]
    network(torch.zeros(1, 1, side, side))
    for handle in handles:
        handle.remove()
    return total / 1e9


def test_cost_of_a_plain_resnet18_is_the_known_one() -> None:
    # He et al. give 1.8 GMAC at 224x224 with three colours and 1000 classes; grey saves two thirds of the first layer.
    plain = blank(NetworkSettings(sge_groups=0, lip_order="", srm=False, fusion=(4,)))
    colours_and_classes = 2 * 49 * 64 * 112 * 112 / 1e9 + 512 * 992 / 1e9
    assert gmac(plain, 224) + colours_and_classes == pytest.approx(1.8141, abs=2e-4)


def test_the_shipped_network_costs_at_most_0_4_gmac_and_the_docstring_says_what() -> None:
    for stem in ("deep", "quarter", "half", "narrow"):
        cost = gmac(blank(replace(SHIPPED, stem=stem)))
        assert cost <= 0.4
        assert f'{cost:.3f} GMAC with ``stem="{stem}"``' in " ".join((resnet.__doc__ or "").split())


def test_every_recipe_s_network_costs_at_most_0_4_gmac() -> None:
    files = sorted(RECIPES.glob("*.toml"))
    assert files
    for file in files:
        assert gmac(blank(read_recipe(file).settings())) <= 0.4, file.name


def test_pooling_before_the_convolution_is_far_cheaper_than_after_it() -> None:
    a, b, plain = (gmac(blank(replace(SHIPPED, lip_order=order))) for order in ("A", "B", ""))
    assert plain < b < 0.8 * a


@pytest.mark.parametrize("order", ["A", "B", ""])
def test_a_block_runs_in_figure_4_s_order(order: str) -> None:
    settings = NetworkSettings(lip_order=order)  # type: ignore[arg-type]
    block = BasicBlock(16, 32, 2, settings).eval()
    calls: list[str] = []
    for name, module in block.named_modules():
        leaf = name and not isinstance(module, nn.Identity) and not list(module.children())
        if leaf or isinstance(module, StyleRecalibration | LocalImportancePool):
            module.register_forward_hook(lambda _m, _i, _o, name=name: calls.append(name))
    block(torch.randn(2, 16, 8, 8))
    before = {"A": ["conv1.0", "conv1.1.projection", "conv1.1.norm", "conv1.1"], "B": [], "": ["conv1"]}[order]
    if order == "B":
        before = ["pool.projection", "pool.norm", "pool", "conv1"]
    shortcut = {
        "A": ["shortcut.0.projection", "shortcut.0.norm", "shortcut.0", "shortcut.1", "shortcut.2"],
        "B": ["shortcut.0", "shortcut.1"],
        "": ["shortcut.0", "shortcut.1"],
    }[order]
    main = ["bn1", "relu", "conv2", "bn2", "sge", "srm.norm", "srm"]
    assert calls == [*before, *main, *shortcut, "relu"]


def test_a_block_adds_its_shortcut() -> None:
    block = BasicBlock(16, 16, 1, NetworkSettings()).eval()
    nn.init.zeros_(block.bn2.weight)
    x = torch.randn(2, 16, 5, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(block(x), x.relu())


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.usefixtures("slim")
def test_features_are_the_pooled_layers_side_by_side(fusion: tuple[int, ...]) -> None:
    network = EmotionNetwork(NetworkSettings(fusion=fusion)).eval()
    maps: dict[int, torch.Tensor] = {}
    for number in (1, 2, 3, 4):
        layer = network.get_submodule(f"layer{number}")
        layer.register_forward_hook(lambda _m, _i, output, number=number: maps.__setitem__(number, output))
    features = network.features(torch.randn(3, 1, 48, 48))
    torch.testing.assert_close(features, torch.cat([maps[i].flatten(2).mean(2) for i in fusion], 1))


def test_the_default_fusion_is_896_wide() -> None:
    assert blank(SHIPPED).features(torch.zeros(2, 1, 48, 48)).shape == (2, 896)


@pytest.mark.parametrize("order", ["A", "B", ""])
@pytest.mark.parametrize("stem", ["half", "narrow", "quarter", "deep"])
@pytest.mark.usefixtures("slim")
def test_every_parameter_gets_a_finite_gradient(stem: str, order: str) -> None:
    torch.manual_seed(0)
    network = EmotionNetwork(NetworkSettings(stem=stem, lip_order=order))  # type: ignore[arg-type]
    image = torch.randn(4, 1, 48, 48)
    network(image).logsumexp(1).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
    # Away from the start, where zeros hide some behind others, each must be moved as well; but LIP's shift, which
    # is the same for a whole channel, cancels in its ratio.
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    network.zero_grad(set_to_none=True)
    network(image).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        cancels = order and re.search(r"(stem\.\d+|pool|conv1\.1|shortcut\.0)\.norm\.bias$", name)
        assert cancels or parameter.grad.abs().max() > 1e-6, name


@pytest.mark.parametrize("stem", ["half", "deep"])
@pytest.mark.usefixtures("slim")
def test_bfloat16_gives_no_nan(stem: str) -> None:
    torch.manual_seed(1)
    network = EmotionNetwork(NetworkSettings(stem=stem))  # type: ignore[arg-type]
    image = torch.randn(4, 1, 48, 48)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(image)
    logits.float().logsumexp(1).sum().backward()
    assert torch.isfinite(logits).all()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
    assert torch.isfinite(network.bfloat16()(image.bfloat16())).all()


@pytest.mark.usefixtures("slim")
def test_a_black_and_a_white_crop_give_finite_logits_and_gradients() -> None:
    network = EmotionNetwork(NetworkSettings(stem="deep"))
    image = torch.stack([torch.full((1, 48, 48), -2.0), torch.full((1, 48, 48), 1.92)]).requires_grad_()
    logits = network(image)
    logits.logsumexp(1).sum().backward()
    assert image.grad is not None
    for tensor in (logits, image.grad, *(p.grad for p in network.parameters())):
        assert tensor is not None
        assert torch.isfinite(tensor).all()


@pytest.mark.usefixtures("slim")
def test_contrast_is_normalised_before_all_else_and_weighs_nothing() -> None:
    torch.manual_seed(0)
    network = EmotionNetwork(NetworkSettings(contrast_exponent=1.0)).eval()
    without = EmotionNetwork(NetworkSettings()).eval()
    without.load_state_dict(network.state_dict())
    image = torch.randn(2, 1, 48, 48)
    flat = 0.3 * image
    torch.testing.assert_close(network(image), without(ContrastNormalisation(1.0)(image)))
    torch.testing.assert_close(network(flat), network(image), rtol=0, atol=0.02)
    assert not torch.allclose(without(flat), without(image), rtol=0, atol=0.02)


def test_dropout_acts_in_training_alone() -> None:
    network = EmotionNetwork(replace(SHIPPED, dropout=0.5))
    image = torch.randn(2, 1, 48, 48)
    network.eval()
    torch.testing.assert_close(network(image), network(image))
    # Freeze the norms' statistics: what differs between two calls is then dropout.
    network.dropout.train()
    assert not torch.allclose(network(image), network(image))
