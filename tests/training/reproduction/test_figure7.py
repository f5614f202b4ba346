"""Figure 7 shows every score with its interval, in the formats asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from classmood.errors import OutputError
from classmood.training.reproduction.comparison import Interval
from classmood.training.reproduction.entrants import ENTRANTS
from classmood.training.reproduction.figure7 import draw_figure7
from classmood.training.reproduction.table1 import Row, Table1


def a_table() -> Table1:
    rows = [
        Row(
            entrant,
            number,
            [Interval(v, v - 0.02, v + 0.02) for v in (0.1 * i + 0.4, 0.1 * i + 0.35, 0.5)],
            [],
            None,
            None,
        )
        for i, entrant in enumerate(ENTRANTS)
        for number in ("1", "2")
    ]
    return Table1(tuple(rows), {"1": 3579, "2": 3573}, {"1": ("neutral", 0.36), "2": ("neutral", 0.35)})


def words(path: Path) -> str:
    return " ".join(re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8")))


def test_models_sets_and_scores_are_on_it(tmp_path: Path) -> None:
    draw_figure7(a_table(), tmp_path / "figure7.svg")
    text = words(tmp_path / "figure7.svg")
    for word in (
        "OF",
        "HMM",
        "ViT",
        "ours",
        "(a) accuracy",
        "(b) macro F1",
        "set 1, 3,579 faces",
        "set 2, 3,573 faces",
    ):
        assert word in text
    # Accuracy of the second model and macro F1 of the last, once for each set.
    assert text.split().count("50.0") == 2
    assert text.split().count("65.0") == 2


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        draw_figure7(a_table(), tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_name_without_a_known_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"expected a name ending in \.svg"):
        draw_figure7(a_table(), tmp_path / "figure7.bmpx")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        draw_figure7(a_table(), tmp_path / "file" / "figure7.svg")
