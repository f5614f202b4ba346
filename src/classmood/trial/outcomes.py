"""What was measured in each unit of a trial: a CSV with ``unit`` and ``outcome``, one row or many a unit.

Several rows of a unit (one a pupil) are averaged: the move was dealt to units, so a unit is what counts.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from classmood.errors import InputError
from classmood.selfreport import number
from classmood.trial.plan import Plan


def read_outcomes(path: Path, plan: Plan) -> Float64[np.ndarray, " units"]:
    """The mean outcome of each unit of a plan, in its order; NaN where none was measured.

    Raises:
        InputError: the file cannot be read, lacks a column, or a row is wrong; the row is named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = list(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected a CSV with unit and outcome") from error
    if missing := [name for name in ("unit", "outcome") if name not in header]:
        raise InputError(f"{path}: row 1: the column {missing[0]} is missing; expected unit,outcome")
    known = {str(unit.number): place for place, unit in enumerate(plan.units)}
    values: list[list[float]] = [[] for _ in plan.units]
    for line, row in enumerate(rows, 2):
        unit, text = (row["unit"] or "").strip(), (row["outcome"] or "").strip()
        if unit not in known:
            raise InputError(f"{path}: row {line}: unit: expected a number from 1 to {len(known)}, got {unit!r}")
        value = number(text)
        if not math.isfinite(value):
            raise InputError(f"{path}: row {line}: outcome: expected a number, got {text!r}; leave out what is missing")
        values[known[unit]].append(value)
    return np.array([float(np.mean(of)) if of else math.nan for of in values], np.float64)
