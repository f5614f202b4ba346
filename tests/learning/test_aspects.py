"""Emotions and aspects: differences within participants, Student's intervals widened for 48 cells, Holm's p."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from classmood.learning.aspects import relate
from classmood.learning.simulation import simulate_study
from classmood.learning.surface import Surface
from classmood.selfreport import ASPECT_COLUMNS, SelfReports, gather


def by_hand(reports: SelfReports, emotion: str, column: str) -> np.ndarray:
    chosen = np.array(reports.emotion) == emotion
    rated = reports.of(column)
    return np.array(
        [
            rated[mine & chosen].mean() - rated[mine & ~chosen].mean()
            for mine in (reports.people == i for i in range(reports.people.max() + 1))
            if (mine & chosen).any() and (mine & ~chosen).any()
        ]
    )


def test_a_cell_is_the_paired_t_of_its_participants() -> None:
    reports = simulate_study(30, seed=5)
    (cell,) = [one for one in relate(reports) if (one.emotion, one.aspect) == ("joy", "duration")]
    differences = by_hand(reports, "joy", "aspect_duration")
    expected = stats.ttest_1samp(differences, 0)
    low, high = expected.confidence_interval(1 - 0.05 / 48)
    assert cell.people == len(differences)
    assert (cell.difference, cell.low, cell.high) == pytest.approx((differences.mean(), low, high))
    assert cell.p_corrected >= expected.pvalue


def test_all_cells_are_there_and_the_signs_are_those_of_the_simulated_surface() -> None:
    found = {(one.emotion, one.aspect): one for one in relate(simulate_study(60, seed=6), "evokes")}
    assert len(found) == 48
    assert all(found["appreciation", a[7:]].low > 0 for a in ASPECT_COLUMNS)
    assert all(found["terror", a[7:]].high < 0 for a in ASPECT_COLUMNS)


def test_without_any_relation_false_findings_are_rare() -> None:
    flat = Surface("logistic", (0.5, 0.5, 0.5, 0.2, 8.0, 0.4))
    alarms = [
        any(
            one.p_corrected is not None and one.p_corrected < 0.05
            for one in relate(simulate_study(25, seed=s, truth=flat))
        )
        for s in range(60)
    ]
    assert np.mean(alarms) <= 0.12


def test_who_rates_everything_high_weighs_nothing() -> None:
    rows = []
    for i in range(12):
        for emotion, points in (("joy", 6 + i % 2), ("fury", 5)):
            high = 2 if i < 6 else 0
            rows.append(
                {"participant": f"p{i}", "scenario": emotion, "emotion": emotion}
                | {column: str(points + high) for column in ASPECT_COLUMNS}
            )
    cells = {one.emotion: one for one in relate(gather(rows)) if one.aspect == "duration"}
    assert cells["joy"].difference == pytest.approx(1.5)
    assert cells["fury"].difference == pytest.approx(-1.5)
    assert (cells["grief"].difference, cells["grief"].people) == (None, 0)
