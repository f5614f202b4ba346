"""The README: its commands exist with the options shown, its links lead somewhere, its example runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args, get_type_hints

import cv2
import numpy as np
import pytest
import typer.main

from classmood import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]


def shown() -> list[str]:
    """Every `classmood ...` in code: inline, in indented blocks and in fenced ones other than Python."""
    code = re.findall(r"`([^`\n]+)`", README)
    code += re.findall(r"^ {4}(.+)$", README, re.M)
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", README, re.M | re.S):
        code += [] if language == "python" else block.splitlines()
    lines = [re.search(r"(?:^|[\s/])classmood ([a-z]\w*.*)", line.split("#")[0]) for line in code]
    return [found[1].strip() for found in lines if found]


@pytest.mark.parametrize("line", sorted(set(shown())))
def test_a_command_exists_with_its_options(line: str) -> None:
    name, *rest = line.split()
    assert name in COMMANDS
    known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    used = {word.strip("[]").split("=")[0] for word in rest if word.strip("[]").startswith("--")}
    assert used <= known


def test_every_command_is_shown() -> None:
    assert {line.split()[0] for line in shown()} == set(COMMANDS) - {"version"}


def test_choices_are_those_of_the_command() -> None:
    (line,) = [line for line in shown() if line.startswith("draw")]
    choices = get_args(get_type_hints(cli.draw)["figure"])
    assert tuple(line.split()[1].replace("\\|", "|").split("|")) == choices


def test_make_s_targets_exist() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    used = re.findall(r"(?:`|^ {4})make (\w+)", README, re.M)
    assert used
    assert set(used) <= set(targets)


def test_extras_exist() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = re.findall(r"`\[(\w+)\]`", README)
    assert extras
    assert all(re.search(rf"^{name} = \[", project, re.M) for name in extras)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)", README))))
def test_a_link_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


def test_the_python_example_runs(
    portrait: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
    lines = [line for line in example.splitlines() if line.strip()]
    assert len(lines) <= 5
    (name,) = re.findall(r'"([\w.]+\.jpg)"', example)
    cv2.imwrite(str(tmp_path / name), cv2.cvtColor(portrait, cv2.COLOR_RGB2BGR))
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    (row,) = capsys.readouterr().out.splitlines()
    track, joy, valence, not_sure = row.split()
    assert track == "1"
    assert 0 <= float(joy) <= 1
    assert -1 <= float(valence) <= 1
    assert not_sure in ("True", "False")
