"""classmood learning: from a CSV to JSON, Markdown and Figure 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from classmood import cli
from classmood.agreement import Agreement
from classmood.errors import InputError
from classmood.learning.simulation import simulate_study
from classmood.selfreport import write_self_reports
from classmood.timeline import Timeline, write_csv
from synthetic_class import make_class

pytest.importorskip("matplotlib", reason="the extra [experiment] is not installed")


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, ["learning", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_fit_writes_the_figure_json_and_words(tmp_path: Path) -> None:
    reports = simulate_study(40, seed=1)
    half = [reports.where((reports.people < 20) == first) for first in (True, False)]
    files = [str(write_self_reports(one, tmp_path / f"{i}.csv")) for i, one in enumerate(half)]
    place = str(write_self_reports(simulate_study(10, seed=2), tmp_path / "9b.csv"))
    code, out = run("fit", *files, "--out", str(tmp_path / "out"), "--place", place, "--rounds", "99")
    assert (code, out.strip()) == (0, str(tmp_path / "out" / "learning.md"))
    content = json.loads((tmp_path / "out" / "learning.json").read_text(encoding="utf-8"))
    assert content["people"] == 40
    assert set(content["parameters"]) == set(content["at_bound"])
    assert (content["placed"][0]["name"], content["placed"][0]["exploratory"]) == ("9b", False)
    assert len(content["aspects"]) == 48
    text = (tmp_path / "out" / "learning.md").read_text(encoding="utf-8")
    for words in (
        "A*: arousal at which it is best",
        "does not show that changing an emotion",
        "knowledge expansion",
        "9b",
    ):
        assert words in text
    assert "<svg" in (tmp_path / "out" / "figure2.svg").read_text(encoding="utf-8")


def test_of_a_class_placed_by_a_study_s_recordings_it_is_said_whether_faces_match_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = str(write_self_reports(simulate_study(20, seed=1), tmp_path / "reports.csv"))
    write_csv(Timeline.of(make_class(6, 30)), tmp_path / "timeline.csv")
    words = "How well it matches is not known."
    for found, shown in ((Agreement(unknown=words), True), (None, False)):
        monkeypatch.setattr("classmood.agreement.agreement_of_timeline", lambda *_, found=found: found)
        run("fit", reports, "--out", str(tmp_path / "out"), "--place", str(tmp_path / "timeline.csv"), "--rounds", "99")
        text = (tmp_path / "out" / "learning.md").read_text(encoding="utf-8")
        assert "exploratory" in text
        assert (words in text) is shown


def test_too_few_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    file = str(write_self_reports(simulate_study(6, seed=1), tmp_path / "few.csv"))
    with pytest.raises(InputError, match="14 more are needed"):
        run("fit", file, "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_defaults_are_drawn(tmp_path: Path) -> None:
    assert run("defaults", str(tmp_path / "surface.png"), "--difficulty", "0.8")[0] == 0
    assert (tmp_path / "surface.png").read_bytes().startswith(b"\x89PNG")
