"""classmood trial: plan, show, analyse by the command line."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from classmood import cli


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, ["trial", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_from_plan_to_result(tmp_path: Path) -> None:
    file = str(tmp_path / "trial.json")
    words = ("plan", file, "--classes", "9a, 9b", "--lessons", "12", "--outcome", "quiz", "--seed", "5")
    assert run(*words) == (0, file + "\n")
    lines = run("show", file)[1].splitlines()
    assert len(lines) == 24
    assert sum(line.endswith("on") for line in lines) == 12
    rows = [f"{line.split()[0]},{3 + 2 * line.endswith('on') + int(line.split()[0]) % 3 / 10}" for line in lines]
    (tmp_path / "outcomes.csv").write_text("\n".join(["unit,outcome", *rows]) + "\n", encoding="utf-8")
    code, out = run("analyse", file, str(tmp_path / "outcomes.csv"), "--json", str(tmp_path / "found.json"))
    assert code == 0
    assert "more than chance" in out
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert 1.8 < found["effect"] < 2.2
    assert found["plan_sha256"] == json.loads(Path(file).read_text(encoding="utf-8"))["sha256"]
