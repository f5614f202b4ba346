"""The data-fraction table and its picture."""

from __future__ import annotations

import re
from pathlib import Path

from rows_of_runs import a_run

from classmood.training.reproduction.fractions import describe, draw_fractions, fraction_tables
from classmood.training.reproduction.variants import ALL, PLAIN


def runs() -> list:  # type: ignore[type-arg]
    return [
        a_run(name, seed, base + gain + 0.01 * seed, fraction=fraction)
        for name, gain in ((PLAIN, 0.0), (ALL, 0.02))
        for fraction, base in ((0.25, 0.6), (0.5, 0.7), (1.0, 0.8))
        for seed in (0, 1)
    ]


def test_every_fraction_and_network_has_its_row() -> None:
    (table,) = fraction_tables([*runs(), a_run("+ SRM", 0, 0.9)])
    text = describe(table)
    lines = [line for line in text.splitlines() if line.startswith("| ") and "%" in line]
    assert [line.split("|")[1].strip() for line in lines] == ["25 %"] * 2 + ["50 %"] * 2 + ["100 %"] * 2
    assert "| 25 % | plain ResNet-18 | 5,000 | 2 | 60.5 ± 0.7 / 50.5 ± 0.7 |" in text
    assert "| 100 % | all modules | 20,000 | 2 | 82.5 ± 0.7 / 72.5 ± 0.7 |" in text
    assert "Not run yet: 10 % plain ResNet-18, 10 % all." in text


def test_without_a_part_of_the_data_there_is_no_table() -> None:
    assert fraction_tables([a_run(PLAIN, 0, 0.8), a_run(ALL, 0, 0.8)]) == []
    assert fraction_tables([a_run(PLAIN, 0, 0.8, fraction=0.5, failure="no")]) == []


def test_both_networks_are_drawn_against_the_faces(tmp_path: Path) -> None:
    (table,) = fraction_tables(runs())
    draw_fractions(table, tmp_path / "fractions.svg")
    text = " ".join(re.findall(r"<!-- (.*?) -->", (tmp_path / "fractions.svg").read_text()))
    for word in ("5,000", "10,000", "20,000", "plain ResNet-18", "with the paper's modules", "FER+ PrivateTest"):
        assert word in text
