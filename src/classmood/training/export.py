"""From a training run to files: a half-precision master, and ONNX in float32 or int8 with its card.

The int8 file is statically quantised, QDQ, weights per channel as signed 7-bit values (``reduce_range``) and
activations unsigned 8-bit. Seven bits, because on processors without VNNI (AVX2 alone) the 8-bit product sums of two
neighbours saturate at 16 bits and silently change the result; with seven they cannot.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Literal

import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from classmood.crops import SIDE_PX, normalise
from classmood.emotions import FERPLUS_CLASSES
from classmood.errors import ModelError
from classmood.models.weights import SHIPPED_MASTER, EmotionCard, open_session, sha256
from classmood.training.calibrate import NOT_SURE_BELOW, Calibration, calibrate
from classmood.training.datasets import load_training
from classmood.training.recipe import Recipe
from classmood.training.resnet import EmotionNetwork

LICENCE = "Apache-2.0"
SOURCE = "trained by classmood on FER2013 images with FER+ votes; see docs/model-cards/emotion-resnet18.md"
OPSET = 17
# Samples that set the int8 ranges: more changes nothing that could be measured.
CALIBRATION_SAMPLES = 512


@dataclass(frozen=True, slots=True)
class Master:
    """Averaged weights and the recipe they come from."""

    network: EmotionNetwork
    recipe: Recipe


def read_checkpoint(path: Path) -> Master:
    """The averaged weights of a training run's checkpoint.

    Raises:
        ModelError: the file is missing or no checkpoint.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        recipe = Recipe.model_validate_json(state["recipe"])
        network = EmotionNetwork(recipe.settings())
        network.load_state_dict(state["average"])
    except (OSError, EOFError, KeyError, TypeError, RuntimeError, ValueError, UnpicklingError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(f"{path}: expected a checkpoint of classmood train ({reason})") from error
    return Master(network.eval(), recipe)


def write_master(master: Master, path: Path) -> None:
    """Write the weights in half precision, the recipe in the header."""
    tensors = {
        name: (value.half() if value.dtype.is_floating_point else value).contiguous()
        for name, value in master.network.state_dict().items()
    }
    save_file(tensors, path, metadata={"recipe": master.recipe.model_dump_json()})


def read_master(path: Path) -> Master:
    """Read a half-precision master as float32.

    Raises:
        ModelError: the file is missing or no master.
    """
    try:
        with safe_open(path, framework="pt") as file:
            recipe = Recipe.model_validate_json(file.metadata()["recipe"])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{path}: expected a master written by classmood export ({reason})") from error
    network = EmotionNetwork(recipe.settings())
    network.load_state_dict({name: v.float() if v.dtype.is_floating_point else v for name, v in state.items()})
    return Master(network.eval(), recipe)


def read_weights(path: Path) -> Master:
    """A master where the name ends in .safetensors, the shipped one for ``shipped``, else a checkpoint.

    Raises:
        ModelError: the file is missing or is neither.
    """
    if str(path) == "shipped":
        path = SHIPPED_MASTER
    return read_master(path) if path.suffix == ".safetensors" else read_checkpoint(path)


def export_onnx(
    master: Master,
    path: Path,
    *,
    precision: Literal["int8", "float32"],
    calibration_crops: np.ndarray | None = None,
) -> None:
    """Write the network as ONNX, any batch size.

    Args:
        master: the weights.
        path: where to.
        precision: of the file.
        calibration_crops: training crops (n x 48 x 48, uint8) that set the ranges of int8; needed for that alone.

    Raises:
        ModelError: int8 without calibration crops.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain, prepared = Path(folder, "plain.onnx"), Path(folder, "prepared.onnx")
        with warnings.catch_warnings():
            # torch calls this exporter its old one; the new one needs onnxscript as well, for the same file. It also
            # warns that sizes become constants: they are the crop's, and the batch, which is not, is none of them.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                master.network,
                (torch.zeros(2, 1, SIDE_PX, SIDE_PX),),
                str(plain),
                input_names=["crops"],
                output_names=["logits"],
                dynamic_axes={"crops": {0: "n"}, "logits": {0: "n"}},
                opset_version=OPSET,
                dynamo=False,
            )
        quant_pre_process(str(plain), str(prepared))
        if precision == "float32":
            onnx.save(onnx.load(str(prepared)), str(path))
            return
        if calibration_crops is None or not len(calibration_crops):
            raise ModelError("int8 needs training crops to set its ranges; pass the training data or export float32")
        quantize_static(
            str(prepared),
            str(path),
            _CropReader(calibration_crops),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Gemm"],
            nodes_to_exclude=_reads_the_crop(prepared),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )


def _reads_the_crop(path: Path) -> list[str]:
    """The convolution over the crop itself: one channel is too little for the int8 kernels, and float32 is exact."""
    return [node.name for node in onnx.load(str(path)).graph.node if node.op_type == "Conv" and "crops" in node.input]


class _CropReader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, crops: np.ndarray) -> None:
        self._batches: Iterator[np.ndarray] = iter(np.array_split(crops, max(1, len(crops) // 32)))

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"crops": normalise(batch)}


def write_card(
    path: Path, precision: Literal["int8", "float32"], calibration: Calibration, training: dict[str, str | float | int]
) -> EmotionCard:
    """Write the card of an exported file beside it."""
    card = EmotionCard(
        name=path.stem,
        file=path.name,
        sha256=sha256(path),
        licence=LICENCE,
        source=SOURCE,
        classes=FERPLUS_CLASSES,
        votes_temperature=calibration.votes_temperature,
        confidence_temperature=calibration.confidence_temperature,
        not_sure_below=NOT_SURE_BELOW,
        precision=precision,
        training=training,
    )
    path.with_suffix(".json").write_text(json.dumps(card.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    return card


def export_file(source: Path, out: Path, data: Path, *, precision: Literal["int8", "float32"]) -> Path:
    """Export a checkpoint or a master: a master when ``out`` ends in .safetensors, else ONNX with its card.

    The very file that was written is calibrated, on the held-out fold of the data that its recipe names.

    Raises:
        ModelError: the source is neither, or the ending of ``out`` is unknown.
    """
    master = read_weights(source)
    if out.suffix == ".safetensors":
        write_master(master, out)
        return out
    if out.suffix != ".onnx":
        raise ModelError(f"{out}: expected a name ending in .onnx or .safetensors")
    section = master.recipe.data
    training, held = load_training(section.source, data).split(section.holdout, fraction=section.fraction)
    spread = np.linspace(0, len(training) - 1, min(CALIBRATION_SAMPLES, len(training))).astype(int)
    export_onnx(master, out, precision=precision, calibration_crops=training.images[spread])
    session = open_session(out, threads=1)
    parts = [held.images[i : i + 64] for i in range(0, len(held), 64)]
    logits = np.concatenate([session.run(None, {"crops": normalise(part)})[0] for part in parts])
    accuracy = float((logits.argmax(1) == held.targets.argmax(1)).mean())
    measured: dict[str, str | float | int] = {
        "seed": master.recipe.schedule.seed,
        "held_out": len(held),
        "held_accuracy": round(accuracy, 4),
    }
    write_card(out, precision, calibrate(logits, held.targets), measured)
    return out
