"""Figure 9: growth measured against what the selection alone gives, stored, told and drawn."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from faces_over_time import timeline_of
from test_courses import slow_noise

from classmood.errors import InputError
from classmood.training.reproduction.figure9 import (
    Growth,
    describe,
    draw_figure9,
    measure_figure9,
    read_figure9,
    write_figure9,
)


def growth_of(figure: object, emotion: str) -> Growth:
    return next(growth for growth in figure.growths if growth.emotion == emotion)  # type: ignore[attr-defined]


def slow_smiles(people: int) -> dict[int, np.ndarray]:
    """Rises as even as can be, and sudden falls."""
    course = np.tile(np.concatenate([np.full(15, 0.02), np.linspace(0.02, 0.95, 30), np.full(15, 0.02)]), 3)
    return {person: np.roll(course, 3 * person) for person in range(1, people + 1)}


@pytest.mark.many_calls
def test_an_even_rise_exceeds_the_selection_and_noise_does_not() -> None:
    even = growth_of(measure_figure9(timeline_of(slow_smiles(6)), rounds=29), "joy")
    assert even.persons == 6
    assert even.spearman is not None
    assert even.spearman.value > 0.98
    assert even.p_value == pytest.approx(1 / 30)
    noise = growth_of(measure_figure9(timeline_of({p: slow_noise(240, p) for p in range(1, 7)}), rounds=29), "joy")
    assert noise.spearman is not None
    assert noise.p_value is not None
    # The correlation is large all the same: that is the point of the null.
    assert noise.spearman.value > 0.75
    assert noise.p_value > 0.05


def test_no_interval_and_no_test_of_few_persons() -> None:
    growth = growth_of(measure_figure9(timeline_of(slow_smiles(4)), rounds=5), "joy")
    assert len(growth.rises) >= 8
    assert growth.null == ()
    assert growth.spearman is None
    assert growth.p_value is None


def test_it_survives_the_file_and_is_told(tmp_path: Path) -> None:
    figure = measure_figure9(timeline_of(slow_smiles(5)), rounds=9, model="a model (12)")
    write_figure9(figure, tmp_path / "figure9.json")
    again = read_figure9(tmp_path / "figure9.json")
    joy = growth_of(again, "joy")
    assert len(joy.rises) == len(growth_of(figure, "joy").rises)
    text = describe(again)
    assert "lesson.mp4 at 5 frames a second, by a model (12)." in text
    assert joy.spearman is not None
    row = next(line for line in text.splitlines() if line.startswith("| joy"))
    assert f"| {len(joy.rises)} | 5 |" in row
    assert f"{joy.spearman.value:.2f} ({joy.spearman.low:.2f} to {joy.spearman.high:.2f})" in row
    assert "| fury | 0 | 0 |" in text
    assert "appreciation (derived)" in text


def test_rises_and_what_selection_gives_are_drawn(tmp_path: Path) -> None:
    draw_figure9(measure_figure9(timeline_of(slow_smiles(5)), rounds=9), tmp_path / "figure9.svg")
    text = " ".join(re.findall(r"<!-- (.*?) -->", (tmp_path / "figure9.svg").read_text()))
    assert re.search(r"joy: \d+ rises, 5 persons", text)
    assert "selection from onset to apex alone" in text
    assert "No rise found: terror, surprise, grief, disdain, fury." in text
    draw_figure9(measure_figure9(timeline_of(slow_smiles(2)), rounds=2), tmp_path / "few.svg")
    assert "no correlation is given" in (tmp_path / "few.svg").read_text()


def test_where_nothing_rises_it_says_so() -> None:
    with pytest.raises(InputError, match=r"no emotion rises by 0\.2 over 5 frames"):
        measure_figure9(timeline_of({1: np.full(60, 0.3)}))


@pytest.mark.parametrize("content", [None, "", "[]", '{"growths": [{"emotion": "hunger"}]}'])
def test_a_file_that_holds_no_rises_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "figure9.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"figure9\.json: expected rises .* run it anew"):
        read_figure9(path)
