"""`classmood reproduce` as a user gives it: results, one-line errors, what is missing and how to make it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from faces_over_time import timeline_of
from test_figure9 import slow_smiles

from classmood import cli
from classmood.timeline import write_csv
from classmood.training import resnet
from classmood.training.reproduction import ablation as ablation_table
from classmood.training.reproduction import commands, cost, variants
from classmood.training.reproduction.runs import read_runs
from classmood.training.reproduction.variants import PLAIN, variant_named


class Given:
    """The command line in this process, with what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capsys, self.monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: object) -> tuple[int, list[str], str]:
        self.monkeypatch.setattr("sys.argv", ["classmood", *map(str, arguments)])
        try:
            cli.main()
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
        out, err = self.capsys.readouterr()
        return status, out.splitlines(), err

    def error(self, *arguments: object) -> str:
        """The one line of a command that fails."""
        status, out, err = self(*arguments)
        lines = [line for line in err.splitlines() if line.startswith("error:")]
        assert status == 1
        assert out == []
        assert len(lines) == 1, err
        return lines[0]


@pytest.fixture
def given(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Given:
    # Consoles hold the stream that they were made with; tests have one of their own.
    from rich.console import Console

    for module in (cli, commands):
        monkeypatch.setattr(module, "console", Console(stderr=True, highlight=False, soft_wrap=True))
    return Given(capsys, monkeypatch)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two rows of networks that train in a second."""
    monkeypatch.setattr(resnet, "WIDTHS", (8, 8, 12, 16))
    rows = (variant_named(PLAIN), variant_named("+ SRM"))
    for module in (variants, ablation_table):
        monkeypatch.setattr(module, "VARIANTS", rows)
    monkeypatch.setattr(cost, "ROUNDS", 2)
    cost.count_cost.cache_clear()
    yield
    cost.count_cost.cache_clear()


def schedule(folder: Path) -> Path:
    path = folder / "schedule.toml"
    path.write_text("[data]\nholdout = 0.2\n[schedule]\nepochs = 1\nbatch_size = 16\nwarmup_epochs = 0.5\n")
    return path


def test_figures_from_a_timeline(given: Given, tmp_path: Path) -> None:
    write_csv(timeline_of(slow_smiles(2)), tmp_path / "timeline.csv")
    for name in ("figure8", "figure9"):
        status, out, _ = given("reproduce", name, "--timeline", tmp_path / "timeline.csv", "--out", tmp_path / "out")
        assert status == 0
        assert out == [str(tmp_path / "out" / f"{name}.md")]
        assert (tmp_path / "out" / f"{name}.svg").is_file()


def test_what_is_no_video_is_refused_in_one_line(given: Given, tmp_path: Path) -> None:
    assert "nowhere.mp4" in given.error("reproduce", "figure8", tmp_path / "nowhere.mp4", "--out", tmp_path)
    assert "expected videos or --timeline" in given.error("reproduce", "figure9", "--out", tmp_path)
    both = given.error("reproduce", "figure9", "a.mp4", "--timeline", "b.csv", "--out", tmp_path)
    assert "one of the two" in both
    assert "none.csv" in given.error("reproduce", "figure8", "--timeline", tmp_path / "none.csv", "--out", tmp_path)
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((240, 320, 3), 127, np.uint8))
    assert "no face was found" in given.error("reproduce", "figure8", tmp_path / "wall.png", "--out", tmp_path)
    assert not (tmp_path / "figure8.json").exists()


def test_missing_data_is_named(given: Given, tmp_path: Path) -> None:
    for name in ("table1", "ablation", "fractions"):
        arguments = ("--data", tmp_path / "none", "--out", tmp_path / "out")
        if name != "table1":
            arguments += ("--schedule", schedule(tmp_path))
        assert "none/public_test.parquet: not found" in given.error("reproduce", name, *arguments)
    missing = given.error("reproduce", "ablation", "--data", tmp_path, "--out", tmp_path, "--schedule", "none.toml")
    assert "none.toml: cannot read the recipe" in missing


def test_an_unknown_model_is_refused(given: Given, drawn_ferplus: Path, tmp_path: Path) -> None:
    said = given.error("reproduce", "table1", "--data", drawn_ferplus, "--out", tmp_path, "--only", "magic")
    assert "only: expected optical_flow" in said


def test_the_shipped_network_alone_makes_a_table(given: Given, drawn_ferplus: Path, tmp_path: Path) -> None:
    status, out, _ = given("reproduce", "table1", "--data", drawn_ferplus, "--out", tmp_path, "--only", "classmood")
    assert status == 0
    assert out == [str(tmp_path / "table1.md")]
    assert "ours: the shipped int8 network" in (tmp_path / "table1.md").read_text()
    assert {"table1.json", "table1.csv", "figure7.svg"} <= {path.name for path in tmp_path.iterdir()}


def test_ablation_and_fractions_go_on_where_they_were(
    given: Given, drawn_ferplus: Path, tmp_path: Path, tiny: None
) -> None:
    common = ("--data", drawn_ferplus, "--schedule", schedule(tmp_path), "--work", tmp_path / "work", "--seeds", 1)
    status, out, err = given("reproduce", "ablation", *common, "--out", tmp_path)
    assert status == 0, err
    assert out[-1] == str(tmp_path / "ablation.md")
    text = (tmp_path / "ablation.md").read_text()
    assert "| plain ResNet-18 | 1 |" in text
    assert "ms a face: ONNX Runtime, batches of 8, 1 thread(s)" in text
    _, _, err = given("reproduce", "ablation", *common, "--out", tmp_path)
    assert "2 of 2 runs are stored" in err
    assert "exporting" not in err
    _, _, err = given("reproduce", "ablation", *common, "--out", tmp_path, "--fresh")
    assert "0 of 2 runs are stored" in err
    assert len(read_runs(tmp_path / "runs.jsonl")) == 2


def test_one_row_of_the_ablation_can_be_run_alone(
    given: Given, drawn_ferplus: Path, tmp_path: Path, tiny: None
) -> None:
    common = ("--data", drawn_ferplus, "--schedule", schedule(tmp_path), "--work", tmp_path / "work", "--seeds", 1)
    said = given.error("reproduce", "ablation", *common, "--out", tmp_path, "--only", "magic")
    assert "expected the name of a row, got 'magic'; choose from: plain ResNet-18" in said
    status, _, err = given("reproduce", "ablation", *common, "--out", tmp_path, "--only", "+ SRM")
    assert status == 0, err
    assert [run.recipe.network.srm for run in read_runs(tmp_path / "runs.jsonl").values()] == [True]
    assert "Not run yet: plain ResNet-18" in (tmp_path / "ablation.md").read_text()


def test_all_says_what_is_missing_and_how_to_make_it(given: Given, tmp_path: Path) -> None:
    status, out, err = given("reproduce", "all", "--out", tmp_path)
    assert (status, out) == (0, [])
    for name in ("table1", "figure8", "figure9", "ablation", "fractions"):
        assert f"{name}: no stored results in {tmp_path}; make them with classmood reproduce {name}" in err
    assert "--fresh: expected --data and --video" in given.error("reproduce", "all", "--out", tmp_path, "--fresh")


def test_a_stop_says_what_is_kept(
    given: Given, drawn_ferplus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("classmood.training.reproduction.runs.finish_plan", stopped)
    arguments = ("--data", drawn_ferplus, "--schedule", schedule(tmp_path), "--out", tmp_path)
    status, _, err = given("reproduce", "fractions", *arguments)
    assert status == 130
    assert "finished runs are kept in" in err
    assert "run the same command to go on" in err


def test_without_the_extra_it_is_named(given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "classmood[train]" in given.error("reproduce", "all", "--out", tmp_path)
