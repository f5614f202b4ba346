"""The figures of benchmarks/corruptions.py for models whose figures are known."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from classmood.training.corruptions import CORRUPTIONS
from loaded_benchmark import load


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    pytest.importorskip("pyarrow", reason="the extra [train] is not installed")
    return load("corruptions")


@pytest.fixture(scope="module")
def faces() -> tuple[np.ndarray, np.ndarray]:
    crops = np.random.default_rng(0).integers(0, 256, (16, 48, 48), np.uint8)
    return crops, np.arange(16) % 8


def test_a_model_that_changes_nothing_loses_nothing(
    benchmark: ModuleType, faces: tuple[np.ndarray, np.ndarray]
) -> None:
    crops, truth = faces
    result = benchmark.measure("oracle", lambda _: truth, crops, truth)
    assert (result.accuracy, result.mean_drop, result.neutral) == (1, 0, 1 / 8)
    assert set(result.by_change) == {corruption.name for corruption in CORRUPTIONS}


def test_a_model_that_knows_only_clean_crops_loses_all(
    benchmark: ModuleType, faces: tuple[np.ndarray, np.ndarray]
) -> None:
    crops, truth = faces
    truth = np.maximum(truth, 1)

    def brittle(images: np.ndarray) -> np.ndarray:
        same = (images == crops).all((1, 2))
        return np.where(same, truth, 0)

    result = benchmark.measure("brittle", brittle, crops, truth)
    assert (result.accuracy, result.mean_drop) == (1, 1)
    assert all(values == [1] * 5 for values in result.neutral_by_change.values())
    oracle = benchmark.measure("oracle", lambda _: truth, crops, truth)
    text = benchmark.markdown([oracle], "held", result)
    assert "The mean drop of oracle is 0.00 of that of brittle." in text
    assert "| tighter crop | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 100.0 | 100.0 |" in text


def test_held_out_crops_are_no_test_crops(benchmark: ModuleType, ferplus: Path) -> None:
    held, _ = benchmark.read_crops(ferplus, "held", 200)
    test, truth = benchmark.read_crops(ferplus, "private_test")
    assert (len(held), len(test)) == (200, 3573)
    assert truth.min() >= 0
    assert not {crop.tobytes() for crop in held} & {crop.tobytes() for crop in test}
