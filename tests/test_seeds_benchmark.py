"""benchmarks/seeds.py trains, exports and scores each seed of a recipe, and tells their mean from one of them."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from loaded_benchmark import load

TINY = """
[network]
stem = "quarter"
[data]
source = "ferplus"
holdout = 0.06
fraction = 0.003
[schedule]
epochs = 1
batch_size = 16
seed = 4
"""


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    pytest.importorskip("pyarrow", reason="the extra [train] is not installed")
    return load("seeds")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


def test_seeds_count_from_the_recipe_s_and_teachers_may_be_others(benchmark: ModuleType, recipe: Path) -> None:
    plan = benchmark.plan(benchmark.read_recipe(recipe), 3)
    assert [one.schedule.seed for one in plan] == [4, 5, 6]
    assert {one.distill.teacher for one in plan} == {()}
    taught = benchmark.plan(benchmark.read_recipe(recipe), 2, ["a.pt", "b.pt"])
    assert {one.distill.teacher for one in taught} == {("a.pt", "b.pt")}
    assert len({one.model_copy(update={"schedule": plan[0].schedule}) for one in taught}) == 1


def test_mean_and_deviation_stand_below_the_seeds(benchmark: ModuleType) -> None:
    def seed(number: int, held: float) -> object:
        return benchmark.Seed(number, {"held_out": held}, {"held_out": 0.5}, 60.4, "a machine")

    one = benchmark.markdown("tiny", [seed(4, 0.8)])
    assert "| 4 | 80.00 (0.500) | 60 |" in one
    assert "mean" not in one
    assert "PrivateTest" not in one
    three = benchmark.markdown("tiny", [seed(6, 0.84), seed(4, 0.8), seed(5, 0.82)])
    assert three.index("| 4 |") < three.index("| 5 |") < three.index("| 6 |")
    assert "| mean ± deviation | 82.0 ± 2.0 | |" in three


def test_a_seed_is_trained_exported_and_scored_as_it_would_ship(
    benchmark: ModuleType, recipe: Path, ferplus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classmood.training.resnet.WIDTHS", (16, 16, 32, 48))
    benchmark.main([str(recipe), "--data", str(ferplus), "--seeds", "1", "--held-only", "--out", str(tmp_path / "out")])
    (found,) = json.loads((tmp_path / "out" / "seeds.json").read_text(encoding="utf-8"))
    card = json.loads((tmp_path / "out" / "4" / "emotion-resnet18-int8.json").read_text(encoding="utf-8"))
    assert card["precision"] == "int8"
    assert found["seed"] == card["training"]["seed"] == 4
    assert found["accuracy"] == {"held_out": pytest.approx(card["training"]["held_accuracy"], abs=1e-4)}
    assert (tmp_path / "out" / "seeds.md").read_text(encoding="utf-8").startswith("## tiny\n")
