"""Where an emotion model's time goes, operator by operator, and how far its convolutions are from the processor's peak.

    python benchmarks/operators.py --markdown out/operators.md --json out/operators.json
    python benchmarks/operators.py --model NEW.onnx --batch 8

One thread, since the classifier gives each core faces of its own. The model runs under ONNX Runtime's profiler; its
convolutions are credited with the multiply-accumulates that their shapes ask for. The peak is what the same library
reaches on this processor, in the same precision, in the best case for it: a 3x3 convolution of 256 channels over a map
large enough to keep the multipliers busy. Three rounds by turns, the fastest of each counts, so that the noise of a
neighbour does not pass for the network's cost.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from classmood.crops import SIDE_PX, normalise
from classmood.machine import machine
from classmood.models import weights

ROUNDS, RUNS = 3, 20
PEAK_CHANNELS, PEAK_SIDE = 256, 32
CONVOLUTIONS = ("QLinearConv", "Conv", "FusedConv", "NhwcFusedConv")


@dataclass(frozen=True)
class Profile:
    """One model on one thread.

    Attributes:
        us_a_face: microseconds a face by operator, the profiler's own cost included.
        gmac_a_second: of the convolutions.
        peak_gmac_a_second: of the library's best case on this processor, in the same precision.
        ms_a_face: of the whole, without the profiler.
    """

    machine: str
    date: str
    model: str
    precision: str
    batch: int
    us_a_face: dict[str, float]
    gmac_a_face: float
    gmac_a_second: float
    peak_gmac_a_second: float
    ms_a_face: float


def profile(path: Path, batch: int) -> Profile:
    """Profile a model that has a card."""
    card = weights.read_card(path, weights.EmotionCard)
    crops = np.random.default_rng(0).integers(0, 256, (batch, SIDE_PX, SIDE_PX), dtype=np.uint8)
    given = {"crops": normalise(crops)}
    macs = convolution_macs(path, given)
    by_operator: dict[str, float] = {}
    fastest, whole_s, peak = float("inf"), float("inf"), 0.0
    for _ in range(ROUNDS):
        spent = operator_seconds(path, given)
        if sum(spent.values()) < fastest:
            fastest, by_operator = sum(spent.values()), spent
        whole_s = min(whole_s, seconds(weights.open_session(path, threads=1), given))
        peak = max(peak, peak_macs_a_second(card.precision))
    convolving_s = sum(spent for operator, spent in by_operator.items() if operator in CONVOLUTIONS)
    shares = sorted(by_operator.items(), key=lambda pair: -pair[1])
    return Profile(
        machine=machine(1),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        model=card.name,
        precision=card.precision,
        batch=batch,
        us_a_face={operator: round(spent / batch * 1e6, 1) for operator, spent in shares},
        gmac_a_face=round(macs / batch / 1e9, 4),
        gmac_a_second=round(macs / convolving_s / 1e9, 1),
        peak_gmac_a_second=round(peak / 1e9, 1),
        ms_a_face=round(whole_s / batch * 1e3, 3),
    )


def operator_seconds(path: Path, given: dict[str, np.ndarray]) -> dict[str, float]:
    """Seconds that each kind of operator takes in one run, the median of each node over the runs."""
    with tempfile.TemporaryDirectory() as folder:
        options = _one_thread()
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder, "profile"))
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        for _ in range(RUNS):
            session.run(None, given)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    nodes: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("kernel_time"):
            nodes[event["args"]["op_name"], event["name"]].append(event["dur"] / 1e6)
    total: dict[str, float] = defaultdict(float)
    for (operator, _), spent in nodes.items():
        total[operator] += float(np.median(spent))
    return dict(total)


def convolution_macs(path: Path, given: dict[str, np.ndarray]) -> float:
    """Multiply-accumulates of all convolutions in one run, from the shapes that really occur."""
    model = onnx.load(str(path))
    kernels = {each.name: tuple(each.dims) for each in model.graph.initializer}
    # Quantised weights stand behind a DequantizeLinear.
    behind = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    for node in convolutions:
        model.graph.output.append(helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), _one_thread(), providers=["CPUExecutionProvider"])
    outputs = session.run([node.output[0] for node in convolutions], given)
    macs = 0.0
    for node, output in zip(convolutions, outputs, strict=True):
        kernel = kernels[behind.get(node.input[1], node.input[1])]
        macs += output.size * float(np.prod(kernel[1:]))
    return macs


def peak_macs_a_second(precision: str) -> float:
    """What the library reaches in its best case: one large 3x3 convolution."""
    shape = [1, PEAK_CHANNELS, PEAK_SIDE, PEAK_SIDE]
    random = np.random.default_rng(0)
    kernel = random.normal(0, 0.02, (PEAK_CHANNELS, PEAK_CHANNELS, 3, 3)).astype(np.float32)
    model = _one_convolution(kernel, shape) if precision == "float32" else _one_int8_convolution(kernel, shape)
    session = onnxruntime.InferenceSession(model.SerializeToString(), _one_thread(), providers=["CPUExecutionProvider"])
    x = random.normal(size=shape).astype(np.float32)
    if precision == "int8":
        x = np.clip(x * 32 + 128, 0, 255).astype(np.uint8)
    return float(PEAK_SIDE**2 * kernel.size) / seconds(session, {"x": x})


def _one_convolution(kernel: np.ndarray, shape: list[int]) -> onnx.ModelProto:
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    return _model([node], [_constant("w", kernel)], shape, TensorProto.FLOAT)


def _one_int8_convolution(kernel: np.ndarray, shape: list[int]) -> onnx.ModelProto:
    names = ["x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero"]
    node = helper.make_node("QLinearConv", names, ["y"], pads=[1, 1, 1, 1])
    scale = float(np.abs(kernel).max()) / 63
    constants = [
        _constant("x_scale", np.float32(1 / 32)),
        _constant("x_zero", np.uint8(128)),
        _constant("w", np.round(kernel / scale).astype(np.int8)),
        _constant("w_scale", np.float32(scale)),
        _constant("w_zero", np.int8(0)),
        _constant("y_scale", np.float32(0.05)),
        _constant("y_zero", np.uint8(128)),
    ]
    return _model([node], constants, shape, TensorProto.UINT8)


def _constant(name: str, value: np.ndarray | np.generic) -> onnx.TensorProto:
    return onnx.numpy_helper.from_array(np.asarray(value), name)


def _model(
    nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto], shape: list[int], kind: int
) -> onnx.ModelProto:
    ends = [[helper.make_tensor_value_info(name, kind, shape)] for name in ("x", "y")]
    graph = helper.make_graph(nodes, "peak", *ends, initializer=constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def seconds(session: onnxruntime.InferenceSession, given: dict[str, np.ndarray]) -> float:
    """The fastest of several runs."""
    best = float("inf")
    for _ in range(RUNS):
        started = time.perf_counter()
        session.run(None, given)
        best = min(best, time.perf_counter() - started)
    return best


def _one_thread() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options


def describe(measured: Profile, most: int = 12) -> list[str]:
    """The profile as a Markdown table and a sentence."""
    total = sum(measured.us_a_face.values())
    lines = ["| operator | microseconds a face | share |", "|---|--:|--:|"]
    shown = list(measured.us_a_face.items())
    lines += [f"| {operator} | {us:.0f} | {us / total:.0%} |" for operator, us in shown[:most]]
    if rest := sum(us for _, us in shown[most:]):
        lines.append(f"| {len(shown) - most} others | {rest:.0f} | {rest / total:.0%} |")
    share = measured.gmac_a_second / measured.peak_gmac_a_second
    lines += [
        "",
        f"{measured.model} ({measured.precision}), batch {measured.batch}, one thread: {measured.ms_a_face:.2f} ms a "
        f"face (by the profiler {total / 1e3:.2f}). Its convolutions ({measured.gmac_a_face:.3f} GMAC a face) run at "
        f"{measured.gmac_a_second:.0f} GMAC a second, {share:.0%} of the {measured.peak_gmac_a_second:.0f} that ONNX "
        f"Runtime reaches here on one large convolution.",
        "",
        f"{measured.machine}, {measured.date}.",
    ]
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", default=weights.SHIPPED_EMOTION, help="a shipped model's name or a file with its card"
    )
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--json", type=Path)
    given_arguments = parser.parse_args()
    result = profile(weights.find(given_arguments.model), given_arguments.batch)
    text = "\n".join(describe(result)) + "\n"
    print(text)
    for file, content in (
        (given_arguments.markdown, text),
        (given_arguments.json, json.dumps(asdict(result), indent=2) + "\n"),
    ):
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
