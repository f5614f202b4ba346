"""`classmood explain`: what the network weighs on one face, stage by stage, drawn over that face.

- LIP: how much of each place is kept where features are pooled, against plain averaging: the place's share in every
  window that it is in, by equation 12, summed, over the same with equal importance; the mean of all channels.
- SGE: the gate of equation 7 at each place, the mean of the block's groups, and the group that tells places apart most.
- SRM: the weight of equation 20 of each channel.

These scale features. None says which expression a place speaks for, or that it decided anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn
from torch.nn import functional

from classmood.crops import SIDE_PX, make_crops, normalise
from classmood.detectors import CenterFace
from classmood.emotions import FERPLUS_CLASSES
from classmood.errors import InputError, MissingExtra, ModelError, OutputError
from classmood.faces import FaceDetector
from classmood.images import read_image
from classmood.models.weights import SHIPPED_MASTER
from classmood.training.export import Master, read_master
from classmood.training.lip import LocalImportancePool
from classmood.training.resnet import EmotionNetwork
from classmood.training.sge import SpatialGroupEnhance
from classmood.training.srm import StyleRecalibration

STAGES: Final = ("stem", "layer1", "layer2", "layer3", "layer4")


@dataclass(frozen=True, slots=True)
class StageView:
    """What the paper's modules did in one stage, in the order of its blocks.

    Attributes:
        name: of the stage.
        kept: for each LIP, how much of a place is kept; 1 is what plain averaging keeps.
        gates: for each SGE, the gate of every group at every place.
        weights: for each SRM, the weight of every channel.
    """

    name: str
    kept: tuple[Float32[np.ndarray, "f q"], ...]
    gates: tuple[Float32[np.ndarray, "h f2 q2"], ...]
    weights: tuple[Float32[np.ndarray, " d"], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One face, how the network reads it, and what it weighed.

    Attributes:
        crop: the face as the network sees it.
        ranking: the FER+ classes, the likeliest first.
        stages: from the first to the last.
    """

    crop: UInt8[np.ndarray, "48 48"]
    ranking: tuple[str, ...]
    stages: tuple[StageView, ...]


@torch.no_grad()
def kept_shares(pool: LocalImportancePool, en: Float[Tensor, "m d f q"]) -> Float[Tensor, "m d f q"]:
    """How much of each place LIP keeps, over what plain averaging keeps of it."""
    importance = pool.logits(en).to(torch.promote_types(en.dtype, torch.float32)).exp()
    return _share(importance, pool) / _share(torch.ones_like(importance), pool)


def _share(importance: Tensor, pool: LocalImportancePool) -> Tensor:
    """A place's importance over the whole of a window's, summed over the windows that it is in."""
    window, stride, padding = pool.window, pool.stride, pool.window // 2
    d, f, q = importance.shape[1:]
    kernel = importance.new_ones(d, 1, window, window)
    whole = functional.conv2d(importance, kernel, stride=stride, padding=padding, groups=d)
    rest = tuple(
        full - ((few - 1) * stride - 2 * padding + window) for full, few in zip((f, q), whole.shape[2:], strict=True)
    )
    back = functional.conv_transpose2d(1 / whole, kernel, stride=stride, padding=padding, output_padding=rest, groups=d)
    return importance * back


@torch.no_grad()
def look(master: Master, crop: UInt8[np.ndarray, "48 48"]) -> Explanation:
    """Run a crop through the network and note what its modules weigh."""
    network = master.network.eval()
    kept: dict[str, list[np.ndarray]] = {name: [] for name in STAGES}
    gates: dict[str, list[np.ndarray]] = {name: [] for name in STAGES}
    weights: dict[str, list[np.ndarray]] = {name: [] for name in STAGES}

    def watch(stage: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def note(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            (a,) = inputs
            match module:
                case LocalImportancePool():
                    kept[stage].append(kept_shares(module, a)[0].mean(0).numpy())
                case SpatialGroupEnhance():
                    gates[stage].append(module.gate(a)[0].numpy())
                case StyleRecalibration():
                    weights[stage].append(module.gate(a)[0].numpy())

        return module.register_forward_pre_hook(note)

    watched = (LocalImportancePool, SpatialGroupEnhance, StyleRecalibration)
    handles = [watch(_stage_of(name, network), m) for name, m in network.named_modules() if isinstance(m, watched)]
    try:
        logits = network(torch.from_numpy(normalise(crop[None])))[0]
    finally:
        for handle in handles:
            handle.remove()
    ranking = tuple(FERPLUS_CLASSES[i] for i in logits.argsort(descending=True).tolist())
    stages = tuple(StageView(n, tuple(kept[n]), tuple(gates[n]), tuple(weights[n])) for n in STAGES)
    return Explanation(crop, ranking, stages)


def _stage_of(module: str, network: EmotionNetwork) -> str:
    """The stage that a module is in; attention within the fusion is that of a fused layer, or of the finest for all."""
    part, *rest = module.split(".")
    return part if part != "fusion" else f"layer{network.fused[int(rest[1]) if rest[1:] else 0]}"


def explain_photo(
    photo: Path, out: Path, *, master: Path | None = None, detector: FaceDetector | None = None
) -> Explanation:
    """Find the largest face of a photo as ``analyze`` would, and draw what the network weighs on it.

    Args:
        photo: an image file.
        out: the picture to write.
        master: half-precision weights; those of the shipped model by default.
        detector: finds the face; the shipped one by default.

    Raises:
        InputError: the photo cannot be read, or no face is found on it.
        ModelError: the weights are missing or of another kind.
        OutputError: the picture cannot be written.
        MissingExtra: matplotlib is not installed.
    """
    weights = master or SHIPPED_MASTER
    if not weights.is_file():
        hint = "pass a master written by classmood export"
        if master is None:
            hint = f"the wheel leaves it out, {hint} or run from a checkout"
        raise ModelError(f"{weights}: the half-precision weights are not there; {hint}")
    image = read_image(photo)
    faces = (detector or CenterFace()).detect(image)
    if not len(faces):
        raise InputError(f"{photo}: no face was found; expected a photo with a face of 20 pixels or more")
    largest = int((faces.boxes_px[:, 2] * faces.boxes_px[:, 3]).argmax())
    crop = make_crops(image, faces.take(np.array([largest])))[0]
    explanation = look(read_master(weights), crop)
    draw_explanation(explanation, out)
    return explanation


def stride_px(places: int) -> int:
    """Pixels of the crop between two neighbouring places of a map: maps are halved, rounded up."""
    stride = 1
    while -(-SIDE_PX // stride) > places:
        stride *= 2
    return stride


def _extent(shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """Where a map lies on the crop: place (i, j) is centred on pixel (i, j) times the stride."""
    f, q = (stride_px(places) for places in shape)
    return (-q / 2, (shape[1] - 0.5) * q, (shape[0] - 0.5) * f, -f / 2)


_SHOWN: Final = ("LIP: kept, against averaging", "SGE: mean gate", "SGE: most selective group", "SRM: channel weights")
_CAPTION: Final = (
    "Where features are scaled up (red, bright) or down (blue, dark), each column on one scale: not which expression a "
    "place speaks for, nor what decided.\nSGE and SRM are those of the stage's last block (thin line: of the one "
    "before). The network sees the grey face, 48 x 48 pixels."
)


@dataclass(frozen=True, slots=True)
class _Scales:
    """The ends of each column's colours, alike for all stages, so that a flat map looks flat."""

    change: float
    mean: tuple[float, float]
    group: tuple[float, float]


def _scales(stages: tuple[StageView, ...]) -> _Scales:
    changes = [float(np.abs(_change(stage.kept[0])).max()) for stage in stages if stage.kept]
    means = [stage.gates[-1].mean(0) for stage in stages if stage.gates]
    groups = [most_selective(stage.gates[-1])[1] for stage in stages if stage.gates]
    return _Scales(max([0.05, *changes]), _ends(means), _ends(groups))


def _ends(maps: list[np.ndarray]) -> tuple[float, float]:
    low, high = min((float(a.min()) for a in maps), default=0.0), max((float(a.max()) for a in maps), default=1.0)
    return low, max(high, low + 0.01)


def _change(kept: np.ndarray) -> np.ndarray:
    """As a logarithm: doubled and halved are as far from averaging."""
    return np.asarray(np.log2(np.maximum(kept, 1e-6)))


def most_selective(gate: Float32[np.ndarray, "h f q"]) -> tuple[int, Float32[np.ndarray, "f q"]]:
    """The group whose gate tells places apart most, by its deviation over the map, and its gate."""
    most = int(gate.std((1, 2)).argmax())
    return most, gate[most]


def draw_explanation(explanation: Explanation, path: Path) -> None:
    """Draw the face, and a row for each stage.

    Raises:
        OutputError: the file cannot be written, or its ending is unknown.
        MissingExtra: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("drawing an explanation", "train") from error
    with mpl.rc_context({"font.size": 8, "svg.hashsalt": "classmood"}):
        figure = Figure((11.5, 2.15 * len(explanation.stages) + 0.9), layout="constrained")
        grid = figure.subplots(len(explanation.stages), 1 + len(_SHOWN), squeeze=False)
        scales = _scales(explanation.stages)
        for row, stage in zip(grid, explanation.stages, strict=True):
            _row(figure, row, explanation.crop, stage, scales)
        for axes, title in zip(grid[0], ("the face, as seen", *_SHOWN), strict=True):
            axes.set_title(title, fontsize=9)
        first, second = explanation.ranking[:2]
        figure.suptitle(f"Read as an expression resembling {first}; the next in line is {second}", fontsize=11)
        figure.supxlabel(_CAPTION, fontsize=8, color="#666666")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=120)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
        except ValueError as error:
            raise OutputError(f"{path}: expected a name ending in .png, .svg or .pdf ({error})") from error


def _row(figure: Any, row: Any, crop: np.ndarray, stage: StageView, scales: _Scales) -> None:
    face, lip, sge, group, srm = row
    face.imshow(crop, cmap="gray", vmin=0, vmax=255)
    face.set(xticks=[], yticks=[])
    sizes = [a.shape[-2:] for a in (*stage.kept, *stage.gates)]
    size = " and ".join(dict.fromkeys(f"{f} x {q}" for f, q in sizes))
    face.set_ylabel(f"{stage.name}\n{size}" if size else stage.name, fontsize=9)
    for axes in (lip, sge, group):
        axes.set_axis_off()
    if stage.kept:
        # Order A pools twice, the main path first.
        ends = (-scales.change, scales.change)
        drawn = _over(lip, crop, _change(stage.kept[0]), "coolwarm", ends)
        bar = figure.colorbar(drawn, ax=lip, shrink=0.8)
        bar.set_ticks([ends[0], 0, ends[1]], labels=[f"{2.0**v:.2f}" for v in (ends[0], 0, ends[1])])
    if stage.gates:
        last = stage.gates[-1]
        most, selective = most_selective(last)
        note = f"group {most + 1} of {len(last)}"
        for axes, gate, ends, name in ((sge, last.mean(0), scales.mean, ""), (group, selective, scales.group, note)):
            drawn = _over(axes, crop, gate, "viridis", ends)
            figure.colorbar(drawn, ax=axes, shrink=0.8, format="%.2f")
            axes.text(0.5, -0.04, name, transform=axes.transAxes, ha="center", va="top", fontsize=7, color="#666666")
    if stage.weights:
        *before, last_weights = stage.weights
        for weights in before:
            srm.plot(_percent_ranks(weights), heaviest_first(weights), color="#E69F00", lw=0.8)
        srm.plot(_percent_ranks(last_weights), heaviest_first(last_weights), color="#0072B2", lw=1.8)
        srm.set(ylim=(0, 1), xlim=(0, 100))
        srm.set_xlabel(f"% of {len(last_weights)} channels, heaviest first", fontsize=7, color="#666666")
        srm.spines[["top", "right"]].set_visible(False)
    else:
        srm.set_axis_off()


def heaviest_first(weights: Float32[np.ndarray, " d"]) -> Float32[np.ndarray, " d"]:
    """Channel weights in falling order, as they are drawn."""
    return np.sort(weights)[::-1]


def _percent_ranks(values: np.ndarray) -> np.ndarray:
    return (np.arange(len(values)) + 0.5) * (100 / len(values))


def _over(axes: Any, crop: np.ndarray, values: np.ndarray, colours: str, ends: tuple[float, float]) -> Any:
    axes.imshow(crop, cmap="gray", vmin=0, vmax=255)
    drawn = axes.imshow(values, cmap=colours, vmin=ends[0], vmax=ends[1], alpha=0.55, extent=_extent(values.shape))
    axes.set(xlim=(-0.5, SIDE_PX - 0.5), ylim=(SIDE_PX - 0.5, -0.5))
    return drawn
