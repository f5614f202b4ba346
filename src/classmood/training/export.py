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
from contextlib import contextmanager
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
from torch import Tensor, nn

from classmood.clips.crop_set import note_model, read_crop_set
from classmood.crops import SIDE_PX, normalise
from classmood.emotions import CLASSROOM_CLASSES, FERPLUS_CLASSES
from classmood.errors import InputError, ModelError, OutputError, TrainingError
from classmood.models.weights import SHIPPED_MASTER, EmotionCard, open_session, sha256
from classmood.training.calibrate import NO_FOLD, NOT_SURE_BELOW, Calibration, calibrate
from classmood.training.datasets import load_parts
from classmood.training.heads import CLASSES, ClassroomHead
from classmood.training.inference_form import inference_form
from classmood.training.recipe import Recipe
from classmood.training.resnet import EmotionNetwork
from classmood.training.samples import Samples

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
    network = inference_form(master.network)
    with tempfile.TemporaryDirectory() as folder:
        plain, prepared = Path(folder, "plain.onnx"), Path(folder, "prepared.onnx")
        with warnings.catch_warnings():
            # torch calls this exporter its old one; the new one needs onnxscript as well, for the same file. It also
            # warns that sizes become constants: they are the crop's, and the batch, which is not, is none of them.
            warnings.simplefilter("ignore")
            own = master.recipe.network.labels == "classroom"
            outputs = ["logits", "dimensions"] if own else ["logits"]
            torch.onnx.export(
                _Apart(network).eval() if own else network,
                (torch.zeros(2, 1, SIDE_PX, SIDE_PX),),
                str(plain),
                input_names=["crops"],
                output_names=outputs,
                dynamic_axes={name: {0: "n"} for name in ("crops", *outputs)},
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
            # With ReLU among them it becomes the lower end of its convolution's range and costs nothing.
            op_types_to_quantize=["Conv", "Gemm", "Relu"],
            nodes_to_exclude=_reads_the_crop(prepared),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )


class _Apart(nn.Module):
    """A network on the classroom's classes with its two outputs apart."""

    def __init__(self, network: EmotionNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        outputs = self.network(image)
        return outputs[:, :CLASSES], outputs[:, CLASSES:]


def _reads_the_crop(path: Path) -> list[str]:
    """The convolution over the crop itself: one channel is too little for the int8 kernels, and float32 is exact."""
    # A graph lists its nodes in the order in which they can run.
    return [node.name for node in onnx.load(str(path)).graph.node if node.op_type == "Conv"][:1]


class _CropReader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, crops: np.ndarray) -> None:
        self._batches: Iterator[np.ndarray] = iter(np.array_split(crops, max(1, len(crops) // 32)))

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"crops": normalise(batch)}


def write_card(
    path: Path,
    precision: Literal["int8", "float32"],
    calibration: Calibration,
    training: dict[str, str | float | int],
    own: OwnClasses | None = None,
) -> EmotionCard:
    """Write the card of an exported file beside it; ``own`` is what is said of a model of one's own data."""
    card = EmotionCard(
        name=path.stem,
        file=path.name,
        sha256=sha256(path),
        licence=own.licence if own else LICENCE,
        source=own.source if own else SOURCE,
        classes=CLASSROOM_CLASSES if own else FERPLUS_CLASSES,
        labels="classroom" if own else "ferplus",
        unlearned=own.unlearned if own else (),
        dimensions=own.dimensions if own else (),
        votes_temperature=calibration.votes_temperature,
        confidence_temperature=calibration.confidence_temperature,
        not_sure_below=NOT_SURE_BELOW,
        precision=precision,
        training=training,
    )
    path.with_suffix(".json").write_text(json.dumps(card.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    return card


@dataclass(frozen=True, slots=True)
class OwnClasses:
    """What a card says of a model of the classroom's nine classes.

    Attributes:
        unlearned: classes that the training data did not hold.
        dimensions: those that enough faces were rated in to be learned.
        source: of the model.
        licence: that of the data's owner, whatever it is.
    """

    unlearned: tuple[str, ...]
    dimensions: tuple[Literal["valence", "arousal", "dominance"], ...]
    source: str
    licence: str = "as the owner of the training data decides"


def own_classes(master: Master, training: Samples, study: str) -> OwnClasses:
    """What a card is to say of a network on the classroom's classes and the faces it was trained on."""
    head = master.network.classifier
    assert isinstance(head, ClassroomHead)
    learned = head.learned.tolist()
    unlearned = tuple(name for name, known in zip(CLASSROOM_CLASSES, learned, strict=True) if not known)
    ratings = np.full((len(training), 3), np.nan) if training.ratings is None else training.ratings
    spread = np.array([np.ptp(each[~np.isnan(each)]) if (~np.isnan(each)).any() else 0.0 for each in ratings.T])
    rated: list[Literal["valence", "arousal", "dominance"]] = ["valence", "arousal", "dominance"]
    people = len(set(training.groups))
    return OwnClasses(
        unlearned,
        tuple(name for name, width in zip(rated, spread, strict=True) if width > 0),
        f"fine-tuned by classmood on {len(training)} faces of {people} participants of a study: {study}",
    )


def export_file(source: Path, out: Path, data: Path | None, *, precision: Literal["int8", "float32"]) -> Path:
    """Export a checkpoint or a master: a master when ``out`` ends in .safetensors, else ONNX with its card.

    The very file that was written is calibrated, on the held-out fold of the data that its recipe names. A model of
    one's own crops is listed in their folder and in their dataset's, so that it is named when a participant withdraws.

    Args:
        source: a checkpoint or a master.
        out: where to; its folder is made where there is none.
        data: what the recipe's ``[data]`` names; needed for ONNX.
        precision: of ONNX.

    Raises:
        ModelError: the source is neither, or the ending of ``out`` is unknown.
        InputError: the data is not named or not there.
        OutputError: the file cannot be written; that is found out before the data is read.
        TrainingError: there is no held-out fold to calibrate on.
    """
    if out.suffix not in (".onnx", ".safetensors"):
        raise ModelError(f"{out}: expected a name ending in .onnx or .safetensors")
    master = read_weights(source)
    with _writing(out):
        _try_to_write(out)
        if out.suffix == ".safetensors":
            return _export_master(master, out, data)
        if data is None:
            raise InputError(f"{out}: an ONNX file is calibrated on the training data; name it with --data")
        return _export_calibrated(master, out, data, precision)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or error}); choose another folder") from error


def _try_to_write(out: Path) -> None:
    """Find out at once what would otherwise come out after minutes."""
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = not out.exists()
    with out.open("ab"):
        pass
    if fresh:
        out.unlink()


def _export_master(master: Master, out: Path, data: Path | None) -> Path:
    if master.recipe.network.labels != "classroom":
        write_master(master, out)
        return out
    if data is None:
        raise InputError(
            f"{out}: a model of people who may withdraw is listed in the set of crops that it was trained on; "
            "name that with --data"
        )
    crops = read_crop_set(data)
    write_master(master, out)
    note_model(crops, out, sha256(out))
    return out


def _export_calibrated(master: Master, out: Path, data: Path, precision: Literal["int8", "float32"]) -> Path:
    section = master.recipe.data
    training, held = load_parts(section, data)
    if not len(held):
        raise TrainingError(f"{out}: {NO_FOLD}")
    spread = np.linspace(0, len(training) - 1, min(CALIBRATION_SAMPLES, len(training))).astype(int)
    export_onnx(master, out, precision=precision, calibration_crops=training.images[spread])
    session = open_session(out, threads=1)
    parts = [held.images[i : i + 64] for i in range(0, len(held), 64)]
    logits = np.concatenate(
        [np.zeros((0, training.targets.shape[1]), np.float32)]
        + [session.run(["logits"], {"crops": normalise(part)})[0] for part in parts]
    )
    crops = read_crop_set(data) if section.source == "crops" else None
    own = own_classes(master, training, str(crops.made.get("study", ""))) if crops else None
    # Faces without a class, or of one that was not learned, say nothing of how sure to be.
    known = np.array([name not in own.unlearned for name in CLASSROOM_CLASSES]) if own else np.ones(8, bool)
    usable = held.targets[:, known].sum(1) > 0
    logits, targets = logits[usable], held.targets[usable]
    accuracy = float((logits.argmax(1) == targets.argmax(1)).mean()) if len(logits) else float("nan")
    measured: dict[str, str | float | int] = {
        "seed": master.recipe.schedule.seed,
        "held_out": len(targets),
        "held_accuracy": round(accuracy, 4),
    }
    card = write_card(out, precision, calibrate(logits, targets), measured, own)
    if crops:
        note_model(crops, out, card.sha256)
    return out
