"""The drawn scheme: it names what it shows, is the same bytes each time, and refuses what it cannot write."""

from __future__ import annotations

from pathlib import Path

import pytest
from protocols import changed, text_of

from classmood.errors import OutputError
from classmood.experiment.check import open_protocol
from classmood.experiment.drawing import draw_protocol

pytest.importorskip("matplotlib", reason="the extra [experiment] is not installed")


def drawn(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    import matplotlib as mpl

    (folder / "study.toml").write_text(text, encoding="utf-8")
    # Words as words, so that they can be read back.
    monkeypatch.setattr("classmood.picture._STYLE", {"svg.fonttype": "none", "svg.hashsalt": "classmood"})
    with mpl.rc_context():
        draw_protocol(open_protocol(folder / "study.toml"), folder / "scheme.svg")
    return (folder / "scheme.svg").read_text(encoding="utf-8")


def test_the_hour_shows_its_phases_scenarios_pages_and_orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    svg = drawn(tmp_path, text_of("full"), monkeypatch)
    for words in ("class", "15 min", "rest, 2 min", "8 scenarios, 40 min", "3 min 30 s", "repair", "six aspects"):
        assert words in svg
    assert "balanced Latin square of 8 orders" in svg
    assert svg.count("appreciation") >= 9
    assert drawn(tmp_path, text_of("full"), monkeypatch) == svg


@pytest.mark.parametrize(("order", "words"), [("fixed", "in this order"), ("random", "a drawn order; the first 4")])
def test_other_orders_are_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str, words: str) -> None:
    text = changed(text_of("short"), ('order = "latin-square"', f'order = "{order}"'))
    assert words in drawn(tmp_path, text, monkeypatch)


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(text_of("short"), encoding="utf-8")
    with pytest.raises(OutputError, match=r"\.svg, \.pdf or \.png"):
        draw_protocol(open_protocol(tmp_path / "study.toml"), tmp_path / "scheme.txt")
