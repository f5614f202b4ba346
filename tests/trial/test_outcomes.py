"""Outcomes of a trial: rows of a unit are averaged, missing units stay missing, wrong rows are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classmood.errors import InputError
from classmood.trial.outcomes import read_outcomes
from classmood.trial.plan import Frame, make_plan

PLAN = make_plan(Frame(("a",), 12, 2, "within classes"), move="m", outcome="o", seed=0)


def test_a_unit_is_the_mean_of_its_rows(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("pupil,unit,outcome\nx,1,2\ny,1,4\nx,3,5\n", encoding="utf-8")
    found = read_outcomes(tmp_path / "o.csv", PLAN)
    np.testing.assert_array_equal(found, [3, np.nan, 5] + [np.nan] * 9)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("unit,score\n", "row 1: the column outcome is missing"),
        ("unit,outcome\n13,1\n", "row 2: unit: expected a number from 1 to 12, got '13'"),
        ("unit,outcome\n1,1\n2,good\n", "row 3: outcome: expected a number, got 'good'"),
        ("unit,outcome\n1,\n", "row 2: outcome: expected a number"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "o.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_outcomes(tmp_path / "o.csv", PLAN)
    assert said in str(caught.value)
