"""Scores from elsewhere: clocks that drift are aligned, gaps are not filled, and wrong files are told by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.dataset.scores import Clock, Scores, add_to_timeline, align, fit_clock, read_scores
from classmood.errors import InputError
from classmood.table import Table
from classmood.timeline import COLUMNS, read_timeline


@settings(max_examples=50, deadline=None)
@given(
    st.floats(-5000, 5000), st.floats(-0.005, 0.005), st.lists(st.floats(0, 3600), min_size=2, max_size=6, unique=True)
)
def test_the_clock_is_found_from_shared_moments(offset: float, drift: float, seen: list[float]) -> None:
    if np.ptp(seen) < 60:
        return
    clock = fit_clock([(t, offset + (1 + drift) * t) for t in seen])
    at = np.array([0.0, 1800.0, 3600.0])
    np.testing.assert_allclose(clock.session_s(at), offset + (1 + drift) * at, atol=1e-3)
    assert clock.residual_s < 1e-3


def test_one_moment_gives_the_offset_and_noise_is_told() -> None:
    assert fit_clock([(10.0, 3.5)]) == Clock(-6.5)
    noisy = fit_clock([(0.0, 0.0), (1000.0, 1000.2), (2000.0, 2000.0)])
    assert noisy.residual_s == pytest.approx(0.2 * 2 / 3, abs=1e-6)


@pytest.mark.parametrize(
    ("moments", "said"),
    [
        ([], "at least one moment"),
        ([(1.0, 2.0), (1.0, 3.0)], "different times of the device"),
        ([(0.0, 0.0), (10.0, 12.0)], "no clock is that far off"),
        ([(float("nan"), 0.0)], "no number"),
    ],
)
def test_moments_that_cannot_be_are_refused(moments: list[tuple[float, float]], said: str) -> None:
    with pytest.raises(InputError, match=said):
        fit_clock(moments)


def test_scores_are_interpolated_between_neighbours_only() -> None:
    scores = Scores(np.array([0.0, 1.0, 5.0, 6.0]), ("focus",), np.array([[0.0], [10.0], [50.0], [60.0]]))
    at = np.array([-0.5, 0.0, 0.25, 1.0, 3.0, 5.5, 6.0, 6.5])
    (found,) = align(scores, at, Clock(), gap_s=1.5).values()
    np.testing.assert_allclose(found, [np.nan, 0, 2.5, 10, np.nan, 55, 60, np.nan])
    late = align(scores, at + 100, Clock(offset_s=100.0), gap_s=1.5)["external_focus"]
    np.testing.assert_allclose(late, found)


def test_a_missing_score_does_not_pass_for_one() -> None:
    values = np.array([[0.0, 1.0], [np.nan, 2.0], [2.0, 3.0]])
    found = align(Scores(np.array([0.0, 1.0, 2.0]), ("a", "b"), values), np.array([1.0]), Clock(), gap_s=1.0)
    assert np.isnan(found["external_a"][0])
    assert found["external_b"][0] == 2


def test_a_timeline_gets_columns_and_stays_one(tmp_path: Path) -> None:
    header = ",".join(COLUMNS)
    row = "1,0.0,0.0,9.0,9.0,0.9,1,0,0,0,0,0,0,0,0,0,0,0,0,0.9,false"
    names = COLUMNS[1:]
    assert len(row.split(",")) == len(names)
    timeline = tmp_path / "timeline.csv"
    timeline.write_text(header + "\n" + "".join(f"{t},{row}\n" for t in (0.0, 0.2, 9.0)), encoding="utf-8")
    (tmp_path / "eeg.csv").write_text("time_s,alpha,beta\n100,1,\n101,2,4\n", encoding="utf-8")
    out = add_to_timeline(timeline, read_scores(tmp_path / "eeg.csv"), Clock(-100.0), tmp_path / "both.csv")
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[0] == header + ",external_alpha,external_beta"
    assert [line.split(",")[-2:] for line in lines[1:]] == [["1", ""], ["1.2", ""], ["", ""]]
    assert len(read_timeline(out)) == 3
    assert len(Table(out, COLUMNS)) == 3
    with pytest.raises(InputError, match="has a column external_alpha already"):
        add_to_timeline(out, read_scores(tmp_path / "eeg.csv"), Clock(), tmp_path / "more.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seconds,a\n0,1\n", "expected time_s and scores"),
        ("time_s\n0\n", "expected time_s and scores"),
        ("time_s,a\n0,1\n1\n", "row 3: expected 2 fields, got 1"),
        ("time_s,a\n0,high\n", "row 2: expected a number, got 'high'"),
        ("time_s,a\n1,1\n1,2\n", "row 3: time_s: expected seconds that go up"),
        ("time_s,a\n,1\n", "row 2: time_s: expected seconds"),
    ],
)
def test_a_wrong_file_is_told_by_row(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "scores.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_scores(tmp_path / "scores.csv")
