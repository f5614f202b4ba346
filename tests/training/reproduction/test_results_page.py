"""The page: generated parts are made of stored results, and what is missing is said with how to make it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from faces_over_time import timeline_of
from rows_of_runs import a_run
from test_figure9 import slow_smiles

from classmood.errors import InputError
from classmood.training.reproduction.entrants import shipped_name
from classmood.training.reproduction.figure8 import measure_figure8, write_figure8
from classmood.training.reproduction.page import COMMANDS, fill, write_parts
from classmood.training.reproduction.runs import append_run
from classmood.training.reproduction.variants import ALL, PLAIN

PAGE = Path(__file__).parents[3] / "docs" / "reproduction" / "README.md"


def test_parts_are_replaced_and_the_rest_is_left() -> None:
    page = "above\n<!-- generated: a -->\nold\n<!-- end: a -->\nbelow\n"
    once = fill(page, {"a": "new \\1 text\n"}, "page")
    assert once == "above\n<!-- generated: a -->\n\nnew \\1 text\n\n<!-- end: a -->\nbelow\n"
    assert fill(once, {"a": "new \\1 text\n"}, "page") == once


@pytest.mark.parametrize("page", ["", "<!-- generated: a -->\n", "<!-- generated: a -->\n<!-- end: a -->\n" * 2])
def test_markers_that_are_not_one_pair_are_refused(page: str) -> None:
    with pytest.raises(InputError, match=r"page\.md: expected one pair of markers for a, found [02]; restore them"):
        fill(page, {"a": ""}, "page.md")


def test_the_shipped_page_takes_every_part_and_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    assert write_parts(tmp_path) == dict.fromkeys(COMMANDS, False)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    for command in COMMANDS.values():
        assert f"*Not measured yet.* Make it with `{command}`" in text
    # The paper's own numbers need no measurement.
    assert "| HMM | 82.6 | 89.1 | 84.7 | 80.6 |" in text
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_what_is_stored_is_made_and_a_second_time_alike(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    write_figure8(measure_figure8(timeline_of({1: np.repeat([0.1, 0.9], 50)})), tmp_path / "figure8.json")
    for name in (PLAIN, ALL):
        append_run(tmp_path / "runs.jsonl", a_run(name, 0, 0.8))
        append_run(tmp_path / "runs.jsonl", a_run(name, 0, 0.7, fraction=0.5))
    made = write_parts(tmp_path)
    assert [name for name, there in made.items() if there] == ["figure8", "ablation", "fractions"]
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {"figure8.svg", "fractions.svg", "runs.csv"} <= set(files)
    # What stands on the page does not stand beside it once more.
    assert [name for name in files if name.endswith(".md")] == ["README.md"]
    page = files["README.md"].decode()
    assert "![Clips in valence-arousal and valence-dominance](figure8.svg)" in page
    assert "4 clips of 5 s" in page
    write_parts(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_runs_of_networks_that_are_no_more_are_left_out(tmp_path: Path) -> None:
    run = a_run(PLAIN, 0, 0.8)
    old = type(run)(**{f: getattr(run, f) for f in run.__slots__} | {"parameters": run.parameters + 1})
    append_run(tmp_path / "runs.jsonl", old)
    append_run(tmp_path / "runs.jsonl", a_run(ALL, 0, 0.8))
    write_parts(tmp_path)
    text = (tmp_path / "ablation.md").read_text()
    assert "1 stored runs are of networks that the code no longer makes" in text
    assert "| plain ResNet-18 |" not in text


def test_a_figure_of_another_model_is_out_of_date(tmp_path: Path) -> None:
    timeline = timeline_of({1: np.repeat([0.1, 0.9], 50)})
    for model, old in (("an older one (0123abcd)", True), (shipped_name(), False)):
        write_figure8(measure_figure8(timeline, model=model), tmp_path / "figure8.json")
        write_parts(tmp_path)
        text = (tmp_path / "figure8.md").read_text()
        assert f"at 5 Hz, by {model};" in text
        assert ("**Out of date**" in text) is old


def test_rises_of_smiles_make_figure9(tmp_path: Path) -> None:
    from classmood.training.reproduction.figure9 import measure_figure9, write_figure9

    write_figure9(measure_figure9(timeline_of(slow_smiles(2)), rounds=2), tmp_path / "figure9.json")
    assert write_parts(tmp_path)["figure9"]
    assert "![Intensity from onset to apex](figure9.svg)" in (tmp_path / "figure9.md").read_text()
