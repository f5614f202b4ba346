"""YuNet from a user's file, through OpenCV. The files here have YuNet's outputs and see red squares as faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classmood.detectors import SizingDetector, YuNet
from classmood.errors import ModelError
from classmood.models import weights
from classmood.yunet import YuNetNetwork

onnx = pytest.importorskip("onnx", reason="onnx (extra [train]) is not installed")
STRIDE_PX = 8
# A face is 24 px wide, 32 high and centred in the square's upper left corner; its landmarks lie, in cells, at:
POINTS = [[-1.0, -1.0], [1.0, -1.0], [0.0, 0.25], [-0.75, 1.0], [0.75, 1.0]]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A network of YuNet's form that takes the third channel, red in BGR, for the score."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, kept, outputs = [], [], []
    shape = numpy_helper.from_array(np.array([1, -1, 1], np.int64), "flat")
    kept.append(shape)
    heads = {
        "cls": [0.0],
        "obj": [1.0],
        "bbox": [0, 0, np.log(24 / STRIDE_PX), np.log(32 / STRIDE_PX)],
        "kps": np.ravel(POINTS),
    }
    for stride in (8, 16, 32):
        for head, bias in heads.items():
            weight = np.zeros((len(bias), 3, stride, stride), np.float32)
            if head == "cls" and stride == STRIDE_PX:
                weight[0, 2] = 1 / 255 / stride**2
            name = f"{head}_{stride}"
            kept.append(numpy_helper.from_array(weight, f"{name}_w"))
            kept.append(numpy_helper.from_array(np.array(bias, np.float32), f"{name}_b"))
            kept.append(numpy_helper.from_array(np.array([1, -1, len(bias)], np.int64), f"{name}_s"))
            inputs = ["input", f"{name}_w", f"{name}_b"]
            nodes.append(
                helper.make_node("Conv", inputs, [f"{name}_m"], kernel_shape=[stride] * 2, strides=[stride] * 2)
            )
            nodes.append(helper.make_node("Transpose", [f"{name}_m"], [f"{name}_t"], perm=[0, 2, 3, 1]))
            nodes.append(helper.make_node("Reshape", [f"{name}_t", f"{name}_s"], [name]))
    for head, bias in heads.items():
        for stride in (8, 16, 32):
            values = [1, f"cells{stride}", len(bias)]
            outputs.append(helper.make_tensor_value_info(f"{head}_{stride}", TensorProto.FLOAT, values))
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "height", "width"])
    graph = helper.make_graph(nodes, "yunet", [image], outputs, kept)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path / "gesichtserkennung-äöü.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def drawn(colour: tuple[int, int, int], *, height: int = 96, width: int = 128) -> np.ndarray:
    """An RGB picture with a square of one cell at (40, 48)."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[48:56, 40:48] = colour
    return picture


def test_rows_are_box_landmarks_and_score(model: Path) -> None:
    (row,) = YuNetNetwork(model)(drawn((255, 0, 0)), threshold=0.5)
    assert row[:4] == pytest.approx([40 - 12, 48 - 16, 24, 32], abs=1e-3)
    assert row[4:14].reshape(5, 2) == pytest.approx(np.array([40, 48]) + STRIDE_PX * np.array(POINTS), abs=1e-3)
    assert row[14] == pytest.approx(1, abs=1e-3)


def test_red_is_red(model: Path) -> None:
    network = YuNetNetwork(model)
    assert len(network(drawn((255, 0, 0)), threshold=0.5)) == 1
    assert network(drawn((0, 255, 255)), threshold=0.5).shape == (0, 15)


def test_the_threshold_and_the_size_are_those_of_each_call(model: Path) -> None:
    network = YuNetNetwork(model)
    faint = (92, 0, 0)  # scores the root of 0.36
    assert len(network(drawn(faint), threshold=0.65)) == 0
    (row,) = network(drawn(faint, height=160, width=64), threshold=0.55)
    assert row[14] == pytest.approx(0.6, abs=0.01)
    assert row[:2] == pytest.approx([28, 32], abs=1e-3)


def test_nothing_found_is_no_rows(model: Path) -> None:
    rows = YuNetNetwork(model)(np.zeros((64, 64, 3), np.uint8), threshold=0.5)
    assert rows.shape == (0, 15)
    assert rows.dtype == np.float32


def test_faces_come_in_the_coordinates_of_the_image(model: Path) -> None:
    detector = YuNet(model)
    assert isinstance(detector, SizingDetector)
    image = np.zeros((300, 500, 3), np.uint8)
    image[100:132, 240:272] = (255, 0, 0)
    faces = detector.detect(image)
    assert len(faces) >= 1
    # The stand-in's boxes sit a cell or two about the square, whatever the working size.
    middle = faces.boxes_px[0, :2] + faces.boxes_px[0, 2:] / 2
    assert np.abs(middle - [256, 116]).max() < 40
    # Its landmarks are placed about that centre in cells, so their shape tells whether each axis was mapped back.
    centred = (faces.landmarks_px[0] - middle) / faces.boxes_px[0, 2:]
    assert centred == pytest.approx(np.array(POINTS) * STRIDE_PX / [24, 32], abs=0.02)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.onnx: no such file; expected a YuNet model"):
        YuNet(tmp_path / "absent.onnx")


@pytest.mark.parametrize("content", [b"", b"this is no model", bytes(range(256)) * 40])
def test_what_is_no_model_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "own.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="expected a YuNet face detector, OpenCV cannot run it") as caught:
        YuNet(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("other", [weights.SHIPPED_DETECTOR, weights.SHIPPED_EMOTION])
def test_another_network_is_refused(other: str) -> None:
    with pytest.raises(ModelError, match="expected a YuNet face detector"):
        YuNet(weights.find(other))
