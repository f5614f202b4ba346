"""The picture shows every comparison, in the formats asked for."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import pytest

from classmood.audit import Audit, Comparison, Group
from classmood.errors import InputError, MissingExtra, OutputError
from classmood.training.audit_picture import draw_audit


def an_audit(*comparisons: Comparison) -> Audit:
    return Audit(comparisons, 80, 40, 0, 0, 0.05, 0.8)


def compared(measure: str, p: float | None) -> Comparison:
    groups = (Group("tall", 20, 20, 0.1, 0.03, 0.3, 0.4), Group("short", 20, 20, 0.5, 0.3, 0.7, None))
    return Comparison("height", measure, "higher", 0.3, groups, {}, p, p)


def words(path: Path) -> str:
    return " ".join(re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8")))


def test_every_group_and_finding_is_on_it(tmp_path: Path) -> None:
    draw_audit(an_audit(compared("errors", 0.001), compared("misses", 0.4), compared("gaps", None)), tmp_path / "a.svg")
    text = words(tmp_path / "a.svg")
    assert text.count("tall (20)") == 3
    assert "differs by more than chance, p = 0.001" in text
    assert "cannot be told from chance, p = 0.40" in text
    assert "nothing to test" in text
    assert "errors, by height" in text


def test_png_by_the_ending(tmp_path: Path) -> None:
    draw_audit(an_audit(compared("errors", 0.2)), tmp_path / "a.png")
    picture = cv2.imread(str(tmp_path / "a.png"))
    assert picture is not None
    assert (picture < 128).any()


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"classmood\[train\]"):
        draw_audit(an_audit(compared("errors", 0.2)), tmp_path / "a.png")


def test_what_cannot_be_drawn_or_written_is_said(tmp_path: Path) -> None:
    empty = Comparison("height", "errors", "higher", 0.0, (), {"tall": 2}, None, None)
    with pytest.raises(InputError, match="no group with enough persons"):
        draw_audit(an_audit(empty), tmp_path / "a.png")
    with pytest.raises(OutputError, match="cannot be written"):
        draw_audit(an_audit(compared("errors", 0.2)), tmp_path / "nowhere" / "a.png")
    with pytest.raises(OutputError, match=r"expected a name ending in"):
        draw_audit(an_audit(compared("errors", 0.2)), tmp_path / "a.bmpx")
