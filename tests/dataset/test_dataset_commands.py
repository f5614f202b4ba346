"""classmood dataset: check, export, manipulation, scores and erase by the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from studies import small_study
from typer.testing import CliRunner

from classmood import cli
from classmood.errors import InputError
from classmood.selfreport import read_self_reports
from classmood.timeline import COLUMNS


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, ["dataset", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_check_export_manipulation_and_erase(tmp_path: Path) -> None:
    dataset = small_study(tmp_path, 3)
    assert run("check", str(dataset)) == (0, f"{dataset}: right; 3 participants\n")
    run("export", str(dataset), "--out", str(tmp_path / "reports.csv"))
    assert len(read_self_reports([tmp_path / "reports.csv"])) == 12
    assert "| joy | joy | 3 |" in run("manipulation", str(dataset))[1]
    assert run("erase", str(dataset), "sub-001")[0] == 0
    assert "2 participants" in run("check", str(dataset))[1]
    events = dataset / "sub-002" / "sub-002_events.tsv"
    events.write_text(events.read_text(encoding="utf-8").replace("baseline", "base", 1), encoding="utf-8")
    code, out = run("check", str(dataset))
    assert code == 1
    assert f"{events}:2: trial_type: expected one of" in out


def test_scores_are_aligned_by_moments(tmp_path: Path) -> None:
    timeline = tmp_path / "timeline.csv"
    cells = ["0.5", "1", "0", "0", "9", "9", "0.9", "1", *["0"] * (len(COLUMNS) - 9), "false"]
    timeline.write_text(",".join(COLUMNS) + "\n" + ",".join(cells) + "\n", encoding="utf-8")
    (tmp_path / "watch.csv").write_text("time_s,pulse\n10,60\n11,70\n", encoding="utf-8")
    out = str(tmp_path / "both.csv")
    words = ("scores", str(timeline), str(tmp_path / "watch.csv"), "--out", out)
    assert run(*words, "--moment", "10=0") == (0, out + "\n")
    assert Path(out).read_text(encoding="utf-8").splitlines()[1].endswith(",65")
    with pytest.raises(InputError, match="expected DEVICE_S=SESSION_S"):
        run(*words, "--moment", "ten")
