"""classmood experiment: from template to frozen protocol by the command line alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from protocols import changed
from typer.testing import CliRunner

from classmood import cli
from classmood.errors import OutputError
from classmood.experiment.protocol import ProtocolError


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, ["experiment", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_template_check_schedule_and_freeze(tmp_path: Path) -> None:
    file = str(tmp_path / "study.toml")
    assert run("template", "short", file) == (0, f"{file}\n")
    with pytest.raises(OutputError, match="is there already"):
        run("template", "full", file)
    code, out = run("check", file)
    assert (code, "10.0 of 10 min" in out) == (0, True)
    code, out = run("schedule", file, "2", "--json")
    assert json.loads(out)["participant"] == 2
    assert run("schedule", file, "2")[1].count("\n") == len(json.loads(out)["steps"])
    code, sha256 = run("preregister", file)
    assert len(sha256.strip()) == 64
    assert "unchanged since" in run("check", file)[1]
    Path(file).write_text(Path(file).read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(ProtocolError, match="was frozen"):
        run("check", file)


def test_mistakes_are_printed_as_editors_read_them(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    run("template", "short", str(file))
    text = changed(
        file.read_text(encoding="utf-8"), ('evokes = "joy"', 'evokes = "glee"'), ("limit_min = 10", "limit_min = 5")
    )
    file.write_text(text, encoding="utf-8")
    code, out = run("check", str(file))
    assert code == 1
    assert len(out.splitlines()) == 2
    assert all(line.startswith(f"{file}:") for line in out.splitlines())


def test_draw_writes_the_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra [experiment] is not installed")
    file = str(tmp_path / "study.toml")
    run("template", "short", file)
    assert run("draw", file, "--out", str(tmp_path / "scheme.png"))[0] == 0
    assert (tmp_path / "scheme.png").read_bytes().startswith(b"\x89PNG")
