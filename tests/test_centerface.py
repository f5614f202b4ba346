"""The read-out against its formulas cell by cell, and the network as it is fed."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood import centerface
from classmood.centerface import OUTPUTS, CenterFaceNetwork, decode
from classmood.errors import ChecksumError, ModelError
from classmood.models import weights

ROWS, COLUMNS = 9, 12
cells = st.tuples(st.integers(0, ROWS - 1), st.integers(0, COLUMNS - 1))
log_sides = st.floats(-1, 2, width=32)
small = st.floats(-0.5, 0.5, width=32)
Maps = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def blank() -> Maps:
    """Maps of a picture without faces."""
    heatmap, size, offset, points = (np.zeros((n, ROWS, COLUMNS), np.float32) for n in (1, 2, 2, 10))
    return heatmap, size, offset, points


def put(maps: Maps, cell: tuple[int, int], score: float, height: float, width: float, dy: float = 0) -> None:
    """What a cell says of a face whose centre is its own middle, but for ``dy`` cells."""
    for field, values in zip(maps, ([score], np.log([height / 4, width / 4]), [dy, 0], np.zeros(10)), strict=True):
        field[:, *cell] = values


@settings(max_examples=30, deadline=None)
@given(cells, log_sides, log_sides, small, small, st.lists(small, min_size=10, max_size=10))
def test_one_cell_is_read_by_the_formulas(
    cell: tuple[int, int], log_h: float, log_w: float, dy: float, dx: float, points: list[float]
) -> None:
    maps = blank()
    for field, values in zip(maps, ([0.5], [log_h, log_w], [dy, dx], points), strict=True):
        field[:, *cell] = values
    rows = decode(*maps, threshold=0.4)
    h, w = 4 * math.exp(log_h), 4 * math.exp(log_w)
    y, x = 4 * (cell[0] + dy + 0.5), 4 * (cell[1] + dx + 0.5)
    expected = [x - w / 2, y - h / 2, w, h]
    for k in range(5):
        expected += [x - w / 2 + w * points[2 * k + 1], y - h / 2 + h * points[2 * k]]
    assert rows.shape == (1, 15)
    assert rows[0] == pytest.approx([*expected, 0.5], abs=1e-4)


def test_cells_around_vote_by_their_score() -> None:
    maps = blank()
    put(maps, (4, 5), 1.0, height=20, width=24)
    put(maps, (4, 6), 0.8, height=30, width=24)  # its centre lies a cell of 4 px further, near enough
    (row,) = decode(*maps, threshold=0.4)
    assert row[3] == pytest.approx((20 + 0.8 * 30) / 1.8, rel=1e-5)
    assert row[0] + row[2] / 2 == pytest.approx((22 + 0.8 * 26) / 1.8, rel=1e-5)
    assert row[14] == 1


@pytest.mark.parametrize(
    ("score", "cell", "dy"),
    [(0.6, (4, 6), 0.0), (0.9, (4, 8), 0.0), (0.9, (5, 5), 4.0)],
    ids=["unsure", "far", "sees another centre"],
)
def test_cells_that_do_not_agree_have_no_vote(score: float, cell: tuple[int, int], dy: float) -> None:
    maps = blank()
    put(maps, (4, 5), 1.0, height=80, width=80)
    put(maps, cell, score, height=60, width=60, dy=dy)
    assert decode(*maps, threshold=0.4)[0, :4] == pytest.approx([-18, -22, 80, 80], abs=1e-4)


def test_the_surest_face_comes_first_and_what_overlaps_it_goes() -> None:
    maps = blank()
    put(maps, (1, 1), 0.5, height=8, width=8)
    put(maps, (4, 5), 0.6, height=24, width=24)
    put(maps, (4, 8), 0.9, height=24, width=24)  # overlaps the one before by a third
    put(maps, (8, 11), 0.3, height=8, width=8)
    rows = decode(*maps, threshold=0.3)
    assert rows[:, 14] == pytest.approx([0.9, 0.5, 0.3])
    assert rows[0, :4] == pytest.approx([22, 6, 24, 24], abs=1e-4)
    assert len(decode(*maps, threshold=0.31)) == 2
    assert decode(*maps, threshold=0.95).shape == (0, 15)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_any_maps_give_finite_rows_above_the_threshold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps = [rng.normal(0, 1, (n, ROWS, COLUMNS)).astype(np.float32) for n in (1, 2, 2, 10)]
    rows = decode(1 / (1 + np.exp(-maps[0])), *maps[1:], threshold=0.25)
    assert np.isfinite(rows).all()
    assert (rows[:, 14] >= 0.25).all()
    assert (rows[:, 2:4] > 0).all()
    assert (np.diff(rows[:, 14]) <= 0).all()


@pytest.fixture(scope="module")
def network() -> CenterFaceNetwork:
    return CenterFaceNetwork(threads=1)


def test_the_network_is_fed_red_first_and_unscaled(network: CenterFaceNetwork, portrait: np.ndarray) -> None:
    picture = portrait[:256, 96:352]
    session = onnxruntime.InferenceSession(weights.find(weights.SHIPPED_DETECTOR), providers=["CPUExecutionProvider"])
    maps = {}
    for order in ("rgb", "bgr"):
        planes = np.stack([picture[:, :, "rgb".index(channel)] for channel in order]).astype(np.float32)
        fields = session.run(list(OUTPUTS), {"image": planes[None]})
        maps[order] = decode(*(field[0] for field in fields), threshold=0.25)
    found = network(picture, threshold=0.25)
    assert np.allclose(found, maps["rgb"], atol=1e-3)
    assert not np.allclose(found[0], maps["bgr"][0], atol=0.1)


def test_the_same_picture_gives_the_same_rows(network: CenterFaceNetwork, portrait: np.ndarray) -> None:
    picture = portrait[:256, 96:352]
    first = network(picture, threshold=0.25)
    assert len(first) == 1
    network(np.ascontiguousarray(portrait[:128, :160]), threshold=0.25)  # a size in between, as in a survey
    assert np.array_equal(network(picture, threshold=0.25), first)
    assert np.array_equal(CenterFaceNetwork(threads=1)(picture, threshold=0.25), first)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The shipped detector and its card, to be tampered with."""
    for ending in (".onnx", ".json"):
        shutil.copy(weights.FOLDER / f"{weights.SHIPPED_DETECTOR}{ending}", tmp_path / f"own{ending}")
    return tmp_path / "own.onnx"


def test_a_file_of_ones_own_is_taken_unless_a_byte_of_it_changed(copy: Path) -> None:
    CenterFaceNetwork(copy, threads=1)
    recorded = json.loads(copy.with_suffix(".json").read_text(encoding="utf-8"))["sha256"]
    data = bytearray(copy.read_bytes())
    data[-100] ^= 1
    copy.write_bytes(data)
    with pytest.raises(ChecksumError) as caught:
        CenterFaceNetwork(copy, threads=1)
    assert str(copy) in str(caught.value)
    assert recorded[:16] in str(caught.value)
    assert weights.sha256(copy)[:16] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_model_is_refused() -> None:
    with pytest.raises(ModelError, match="expected CenterFace with input image and outputs heatmap, size"):
        CenterFaceNetwork(weights.find(weights.SHIPPED_EMOTION), threads=1)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.onnx: no such model file"):
        CenterFaceNetwork(tmp_path / "absent.onnx", threads=1)


def test_freed_memory_goes_back_before_a_picture_of_a_new_size_and_not_before_one_that_keeps_coming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_back: list[int] = []
    monkeypatch.setattr(centerface, "give_back", lambda: given_back.append(1))
    network = CenterFaceNetwork(threads=1)
    counts = []
    for height in (64, 64, 96, 64, 96, 128, 64):
        network(np.zeros((height, 64, 3), np.uint8), threshold=0.5)
        counts.append(len(given_back))
    assert counts == [1, 1, 2, 2, 2, 3, 4]


class Recorder:
    """An ONNX Runtime session that notes the sides it was run at, and whether it was to give its memory back."""

    def __init__(self, network: CenterFaceNetwork, events: list[tuple[int, bool] | str]) -> None:
        self._session, self._give_back, self._events = network._session, network._give_back, events

    def run(self, names: list[str], feed: dict[str, np.ndarray], options: object = None) -> list[np.ndarray]:
        self._events.append((feed["image"].shape[2], options is self._give_back))
        return self._session.run(names, feed, options)


def test_a_picture_of_a_new_size_comes_after_the_session_and_the_c_library_gave_back_what_they_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[tuple[int, bool] | str] = []
    network = CenterFaceNetwork(threads=1)
    monkeypatch.setattr(network, "_session", Recorder(network, events))
    monkeypatch.setattr(centerface, "give_back", lambda: events.append("trim"))
    for height in (128, 128, 96):
        network(np.zeros((height, 64, 3), np.uint8), threshold=0.5)
    assert events == [(32, True), "trim", (128, True), (128, False), (32, True), "trim", (96, True)]
