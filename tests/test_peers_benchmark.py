"""The merging, scoring and writing of benchmarks/peers on answers that are made up; no peer is installed or run."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks" / "peers"
MODULES = ("environment", "peer", "photos", "predictions", "scoring", "timing", "writeup")
SEVEN = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear")


@pytest.fixture(scope="module")
def benchmark() -> Iterator[dict[str, ModuleType]]:
    """The benchmark's modules, which import each other by their bare names."""
    pytest.importorskip("pyarrow", reason="the extra [train] is not installed")
    hidden = {name: sys.modules.pop(name) for name in MODULES if name in sys.modules}
    sys.path.insert(0, str(FOLDER))
    yield {name: __import__(name) for name in MODULES}
    sys.path.remove(str(FOLDER))
    for name in MODULES:
        del sys.modules[name]
    sys.modules.update(hidden)


def surely(*places: int | None) -> np.ndarray:
    """Probabilities that put all on a class; NaN where there is none."""
    rows = np.full((len(places), 7), np.nan)
    for row, place in zip(rows, places, strict=True):
        if place is not None:
            row[:] = np.eye(7)[place]
    return rows


def alone(n: int) -> list[str]:
    return [str(i) for i in range(n)]


def write_answers(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["path", *SEVEN], *rows])
    return path


def test_answers_are_read_in_order_and_an_empty_row_is_no_face(
    benchmark: dict[str, ModuleType], tmp_path: Path
) -> None:
    cells = ["0.1", "0.5", "0.1", "0.1", "0.1", "0.05", "0.05"]
    path = write_answers(tmp_path / "a.csv", [["x.png", *cells], ["y.png", *[""] * 7]])
    answers = benchmark["predictions"].read(path, ["x.png", "y.png"])
    assert answers[0].tolist() == [float(cell) for cell in cells]
    assert np.isnan(answers[1]).all()
    assert benchmark["scoring"].arg_max(answers).tolist() == [1, -1]


@pytest.mark.parametrize("paths", [["y.png", "x.png"], ["x.png"], ["x.png", "y.png", "z.png"]])
def test_answers_of_other_images_are_refused(
    benchmark: dict[str, ModuleType], tmp_path: Path, paths: list[str]
) -> None:
    path = write_answers(tmp_path / "a.csv", [["x.png", *["0.1"] * 7], ["y.png", *["0.1"] * 7]])
    with pytest.raises(benchmark["predictions"].PredictionError, match="manifest's order"):
        benchmark["predictions"].read(path, paths)


@pytest.mark.parametrize("cell", ["", "much", "nan", "inf"])
def test_a_broken_row_is_named(benchmark: dict[str, ModuleType], tmp_path: Path, cell: str) -> None:
    path = write_answers(tmp_path / "a.csv", [["x.png", *["0.1"] * 7], ["y.png", *["0.1"] * 6, cell]])
    with pytest.raises(benchmark["predictions"].PredictionError, match="row 3"):
        benchmark["predictions"].read(path, ["x.png", "y.png"])


def test_the_key_follows_package_and_images(benchmark: dict[str, ModuleType], tmp_path: Path) -> None:
    key, systems = benchmark["predictions"].key, benchmark["peer"].SYSTEMS
    image = tmp_path / "x.png"
    image.write_bytes(b"one")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(f"path,label\n{image},neutral\n", encoding="utf-8")
    photo_set = benchmark["photos"].PhotoSet("a set", manifest, "crops")
    keys = [key(system, photo_set) for system in systems]
    assert len(set(keys)) == len(systems)
    assert key(systems[1], photo_set) == keys[1]
    image.write_bytes(b"two")
    assert key(systems[1], photo_set) != keys[1]


def test_a_face_not_found_is_wrong_and_counts_for_no_class(benchmark: dict[str, ModuleType]) -> None:
    labels = np.array([0, 0, 1, 1])
    scores = benchmark["scoring"].score_system(labels, surely(0, None, 1, 0), alone(4), SEVEN)
    assert (scores.n, scores.found) == (4, 3)
    assert scores.accuracy == 0.5
    assert scores.accuracy_found == pytest.approx(2 / 3)
    # F1 of neutral: 2 * 1 / (2 labelled + 2 said); of happiness: 2 * 1 / (2 + 1).
    assert scores.macro_f1 == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert scores.recall == {"neutral": 0.5, "happiness": 0.5}


def test_a_system_that_finds_nothing_scores_nothing(benchmark: dict[str, ModuleType]) -> None:
    scores = benchmark["scoring"].score_system(np.array([0, 1]), surely(None, None), alone(2), SEVEN)
    assert (scores.accuracy, scores.low, scores.high, scores.accuracy_found, scores.macro_f1) == (0, 0, 0, 0, 0)


def test_the_interval_is_near_the_normal_one(benchmark: dict[str, ModuleType]) -> None:
    right = np.arange(400) % 4 != 0
    low, high = benchmark["scoring"].interval(right.astype(float), alone(400))
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert (low, high) == (pytest.approx(0.75 - half, abs=0.006), pytest.approx(0.75 + half, abs=0.006))


def test_people_who_are_right_or_wrong_as_a_whole_widen_the_interval(benchmark: dict[str, ModuleType]) -> None:
    right = np.repeat(np.arange(50) % 2, 8).astype(float)
    images = benchmark["scoring"].interval(right, alone(400))
    people = benchmark["scoring"].interval(right, [str(i // 8) for i in range(400)])
    assert (people[1] - people[0]) / (images[1] - images[0]) == pytest.approx(np.sqrt(8), rel=0.1)


def test_mcnemar_counts_the_images_that_one_alone_got_right(benchmark: dict[str, ModuleType]) -> None:
    ours = np.array([True] * 10 + [False] * 2 + [True] * 8)
    peer = np.array([False] * 10 + [True] * 2 + [True] * 8)
    found = benchmark["scoring"].compare(ours, peer, alone(20))
    assert (found.only_ours, found.only_peer) == (10, 2)
    assert found.difference == pytest.approx(0.4)
    # Two sides of a binomial of 12 tosses: 2 * (1 + 12 + 66) / 2^12.
    assert found.p == pytest.approx(2 * 79 / 4096)
    same = benchmark["scoring"].compare(ours, ours, alone(20))
    assert (same.p, same.difference, same.low, same.high) == (1, 0, 0, 0)


def test_a_ratio_is_that_of_requests_of_one_round(benchmark: dict[str, ModuleType]) -> None:
    # The machine slows down by ten between rounds: the ratio stays.
    spent = np.array([[1, 2], [10, 20], [100, 200]], float)
    found = benchmark["timing"].summarise(spent, [20, 12])
    assert (found.ratio, found.ratio_low, found.ratio_high) == (2, 2, 2)
    assert (found.ours_ms, found.peer_ms, found.faces, found.ours_faces) == (10, 20, 12, 20)


@pytest.fixture
def accuracy(benchmark: dict[str, ModuleType]) -> dict:
    from dataclasses import asdict

    scoring, labels = benchmark["scoring"], np.array([0, 0, 1, 1])
    answers = {"classmood": surely(0, 0, 1, 1), "fer": surely(0, None, 1, 0)}
    right = {name: scoring.arg_max(given) == labels for name, given in answers.items()}
    found = {
        "systems": {n: asdict(scoring.score_system(labels, given, alone(4), SEVEN)) for n, given in answers.items()},
        "comparisons": {"fer": asdict(scoring.compare(right["classmood"], right["fer"], alone(4)))},
    }
    model = {"name": "a-model", "sha256": "0123456789abcdef"}
    return {"command": "run it", "machine": "a machine", "date": "2026-01-02", "model": model, "sets": {"A set": found}}


def test_the_page_is_filled_between_its_markers_again_and_again(
    benchmark: dict[str, ModuleType], accuracy: dict, tmp_path: Path
) -> None:
    writeup, page = benchmark["writeup"], tmp_path / "page.md"
    page.write_text(f"before\n{writeup.BEGIN}\nold\n{writeup.END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        writeup.write_into(page, writeup.markdown(writeup.rounded(accuracy), None))
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert text.count("| fer | 50.0 % | ") == 1
    assert "| classmood | **100.0 %** | 100.0 to 100.0 | 1.000 | 4 | 100.0 % |" in text
    assert "2 / 0 | 0.5000 |" in text
    assert "(n = 4)" in text
    page.write_text("no marker", encoding="utf-8")
    with pytest.raises(ValueError, match="expected the lines"):
        writeup.write_into(page, "")


def test_timing_says_who_is_faster_and_who_has_no_detector(benchmark: dict[str, ModuleType]) -> None:
    from dataclasses import asdict

    measured = asdict(benchmark["timing"].summarise(np.array([[2.0, 5.0]] * 3), [20, 14]))
    timing = {"command": "run it", "machine": "m", "date": "d", "rounds": 3, "load_before": 9.0, "load_after": 9.0}
    timing["systems"] = {"fer": {"faces": measured, "frame": measured}, "facemood": {"faces": measured, "frame": None}}
    lines = benchmark["writeup"].markdown(None, timing).splitlines()
    ratio = "5 | 2 | 2.5 (2.5 to 2.5)"
    assert f"| fer | {ratio} | {ratio} | 14 (classmood 20) |" in lines
    assert f"| facemood | {ratio} | no detector |  |  | - |" in lines


def test_csv_holds_a_row_a_system(benchmark: dict[str, ModuleType], accuracy: dict, tmp_path: Path) -> None:
    benchmark["writeup"].write_csv(accuracy, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        ours, peer = csv.DictReader(file)
    assert (ours["system"], ours["accuracy"], ours["p"]) == ("classmood", "1.0", "")
    assert (peer["system"], peer["found"], peer["only_ours"]) == ("fer", "3", "2")


def test_every_version_is_pinned_and_every_adapter_there(benchmark: dict[str, ModuleType]) -> None:
    for system in benchmark["peer"].SYSTEMS:
        assert (FOLDER / "adapters" / system.adapter).is_file()
        joint = "==" if system.registry == "PyPI" else "@"
        assert all(need.rpartition(joint)[2][:1].isdigit() for need in system.needs)
        assert bool(system.version) == bool(system.registry)
