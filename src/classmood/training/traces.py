"""What a network and a module do when they run, noted as they do it: the matter of the drawings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from classmood.crops import SIDE_PX
from classmood.training.contrast import ContrastNormalisation
from classmood.training.lip import LocalImportancePool
from classmood.training.resnet import EmotionNetwork, NetworkSettings
from classmood.training.sge import SpatialGroupEnhance
from classmood.training.srm import StyleRecalibration

Kind = Literal["convolution", "plain", "lip", "sge", "srm"]


@dataclass(frozen=True, slots=True)
class Step:
    """One module as it was called: where it stands, what it is, and the channels, height and width it gives."""

    name: str
    lines: tuple[str, ...]
    kind: Kind
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the network between two pictures of its features."""

    name: str
    blocks: int
    shape: tuple[int, ...]
    parameters: int


@dataclass(frozen=True, slots=True)
class NetworkTrace:
    """What one run of a network showed."""

    stages: tuple[Stage, ...]
    steps: tuple[Step, ...]
    fused: tuple[int, ...]
    features: int
    classes: int
    parameters: int
    gmac: float

    def under(self, prefix: str) -> tuple[Step, ...]:
        """The steps of one part, in the order of their calls."""
        return tuple(step for step in self.steps if step.name.startswith(prefix))


def _what(module: nn.Module) -> tuple[tuple[str, ...], Kind] | None:
    """What a box says of a module; None for modules that only hold others or do nothing."""
    match module:
        case ContrastNormalisation():
            return ("contrast", f"to the power {1 - module.exponent:g}"), "plain"
        case LocalImportancePool():
            return ("LIP", f"{module.window}\N{MULTIPLICATION SIGN}{module.window} /{module.stride}"), "lip"
        case SpatialGroupEnhance():
            return ("SGE", f"H = {module.groups}"), "sge"
        case StyleRecalibration():
            return ("SRM",), "srm"
        case nn.Conv2d():
            kernel, stride = module.kernel_size[0], module.stride[0]
            size = f"{kernel}\N{MULTIPLICATION SIGN}{kernel}" + (f" /{stride}" if stride > 1 else "")
            return ("conv", size), "convolution"
        case nn.MaxPool2d():
            return ("max", f"{module.kernel_size}\N{MULTIPLICATION SIGN}{module.kernel_size} /{module.stride}"), "plain"
        case nn.BatchNorm2d():
            return ("BN",), "plain"
        case nn.ReLU():
            return ("ReLU",), "plain"
    return None


@torch.no_grad()
def trace_network(settings: NetworkSettings) -> NetworkTrace:
    """Build a network, run one blank crop through it, and note what was called."""
    network = EmotionNetwork(settings).eval()
    steps: list[Step] = []
    shapes: dict[str, tuple[int, ...]] = {}
    macs = 0

    def watch(name: str, module: nn.Module, shown: bool) -> None:
        def note(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            nonlocal macs
            shapes[name] = tuple(output.shape[1:])
            if isinstance(module, nn.Conv2d | nn.Linear):
                macs += output.numel() * module.weight[0].numel()
            if shown and (what := _what(module)):
                steps.append(Step(name, *what, shapes[name]))

        module.register_forward_hook(note)

    whole: list[str] = []
    for name, module in network.named_modules():
        # What the paper's modules are made of is not shown again beside them.
        inside = any(name.startswith(f"{other}.") for other in whole)
        if isinstance(module, LocalImportancePool | SpatialGroupEnhance | StyleRecalibration):
            whole.append(name)
        watch(name, module, shown=not inside)
    network(torch.zeros(1, 1, SIDE_PX, SIDE_PX))
    stages = []
    for name in ("stem", "layer1", "layer2", "layer3", "layer4"):
        part = network.get_submodule(name)
        blocks = 0 if name == "stem" else len(list(part.children()))
        stages.append(Stage(name, blocks, shapes[name], _count(part.parameters())))
    return NetworkTrace(
        tuple(stages),
        tuple(steps),
        tuple(sorted(settings.fusion)),
        network.classifier.in_features,
        network.classifier.out_features,
        _count(network.parameters()),
        macs / 1e9,
    )


def _count(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


@dataclass(frozen=True, slots=True)
class Operation:
    """A tensor operation as it was called, and the shape it gave, in numbers or letters."""

    name: str
    shape: tuple[int | str, ...]


class _Recorder(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Operation] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and func.__name__ != "__get__":
            self.operations.append(Operation(func.__name__.strip("_"), tuple(result.shape)))
        return result


@torch.no_grad()
def trace_recalibration(channels: int) -> tuple[Operation, ...]:
    """Run SRM on a batch and note its operations; their shapes are in the paper's letters M, D, F and Q."""
    layer = StyleRecalibration(channels).eval()
    sizes = [size for size in (3, 5, 7, 11) if size != channels][:3]
    a = torch.zeros(sizes[0], channels, sizes[1], sizes[2])
    letters = dict(zip((channels, *sizes), "DMFQ", strict=True))
    with _Recorder() as recorder:
        layer(a)
    return tuple(
        Operation(operation.name, tuple(letters.get(size, size) for size in operation.shape))
        for operation in recorder.operations
    )
