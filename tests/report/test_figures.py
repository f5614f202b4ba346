"""Charts: what is drawn is what was given, at the right place, with gaps where nothing is known."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classmood.report import figures
from classmood.report.figures import Axis, Scale

UNIT = Scale(0.0, 1.0, ((0.0, "0"), (1.0, "1")))


def axis(count: int, *, joined: bool = True) -> Axis:
    edges = np.arange(count + 1, dtype=np.float64)
    return Axis(edges[:-1], edges[1:], (), joined)


def subpaths(svg: str) -> list[list[tuple[int, int]]]:
    """The points of each part of a path, relative steps added up."""
    (d,) = re.findall(r' d="([^"]*)"', svg)
    parts: list[list[tuple[int, int]]] = []
    for letter, numbers in re.findall(r"([MLlz])([-\d ]*)", d):
        if letter == "z":
            continue
        x, y = map(int, numbers.split())
        if letter == "M":
            parts.append([(x, y)])
        elif letter == "L":
            parts[-1].append((x, y))
        else:
            parts[-1].append((parts[-1][-1][0] + x, parts[-1][-1][1] + y))
    return parts


def height_at(points: list[tuple[int, int]], x: float) -> float:
    """Where a polyline passes, as a share of the height from below."""
    for (a, b), (c, d) in itertools.pairwise(points):
        if a <= x <= c and a < c:
            return 1 - (b + (d - b) * (x - a) / (c - a)) / figures.SIDE
    raise AssertionError(f"nothing drawn at {x}")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_a_line_passes_through_its_values(values: list[float]) -> None:
    (points,) = subpaths(figures.line(axis(len(values)), UNIT, np.array(values), "c-joy"))
    assert points[0][0] == 0
    assert points[-1][0] == figures.SIDE
    for k, value in enumerate(values):
        x = round((k + 0.5) / len(values) * figures.SIDE)
        assert height_at(points, x) == pytest.approx(value, abs=0.002)


def test_a_line_has_a_gap_where_nothing_is_known() -> None:
    values = np.array([0.2, 0.4, math.nan, 0.6, math.nan])
    first, second = subpaths(figures.line(axis(5), UNIT, values, "c-joy"))
    assert (first[0][0], first[-1][0]) == (0, 400)
    assert (second[0][0], second[-1][0]) == (600, 800)
    assert figures.line(axis(2), UNIT, np.array([math.nan, math.nan]), "c-joy") == ""


def test_an_area_lies_between_its_edges_and_is_closed() -> None:
    low, high = np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.9, 0.7])
    svg = figures.area(axis(3), UNIT, low, high, "c-joy")
    assert svg.count("z") == 1
    (points,) = subpaths(svg)
    assert {(167, 500), (500, 100), (833, 300)} <= set(points)
    assert {(167, 900), (500, 800), (833, 700)} <= set(points)


def test_bars_stand_apart() -> None:
    parts = subpaths(figures.area(axis(4, joined=False), UNIT, np.zeros(4), np.full(4, 0.5), "c-joy"))
    assert len(parts) == 4
    for k, points in enumerate(parts):
        xs = [x for x, _ in points]
        assert 250 * k < min(xs) < max(xs) < 250 * (k + 1)


def test_values_beyond_the_scale_stay_inside() -> None:
    (points,) = subpaths(figures.line(axis(2), UNIT, np.array([-3.0, 7.0]), "c-joy"))
    assert {y for _, y in points} == {0, figures.SIDE}


def test_hatching_covers_what_it_should() -> None:
    html = figures.hatching(axis(10), np.array([0, 1, 1, 0, 0, 0, 0, 0, 0, 1], bool))
    assert re.findall(r"left:([\d.]+)%;width:([\d.]+)%", html) == [("10", "20"), ("90", "10")]


def test_a_label_finds_the_roomiest_place() -> None:
    low, high = np.zeros(100), np.full(100, 0.02)
    high[60:80] = 0.8
    at = figures.widest(axis(100), low, high, UNIT, size=(0.1, 0.1), avoid=())
    assert at is not None
    assert 0.64 <= at[0] <= 0.76
    assert at[1] == pytest.approx(0.4)
    assert figures.widest(axis(100), low, high, UNIT, size=(0.1, 0.9), avoid=()) is None
    away = figures.widest(axis(100), low, high, UNIT, size=(0.08, 0.1), avoid=(0.655,))
    assert away is not None
    assert abs(away[0] - 0.655) > 0.04


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (1.0, ["0.0 s", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1.0 s"]),
        (60.0, ["0:00", "0:10", "0:20", "0:30", "0:40", "0:50", "1:00"]),
        (1200.0, ["0:00", "5:00", "10:00", "15:00", "20:00"]),
        (5400.0, ["0:00", "15:00", "30:00", "45:00", "1:00:00", "1:15:00", "1:30:00"]),
    ],
)
def test_times_on_the_axis_are_round_and_few(seconds: float, labels: list[str]) -> None:
    made = figures.time_axis(np.array([0.0]), np.array([seconds]))
    assert [text for _, text in made.ticks] == labels


@given(st.floats(0, 1e5), st.floats(0.3, 1e6))
def test_every_axis_has_few_labels_inside_it(start: float, length: float) -> None:
    made = figures.time_axis(np.array([start]), np.array([start + length]))
    assert len(made.ticks) <= 8
    assert all(-1e-6 <= made.place(value) <= 1 + 1e-6 for value, _ in made.ticks)


def test_sources_are_numbered_and_not_all_when_many() -> None:
    few, many = (np.arange(n, dtype=np.float64) for n in (3, 300))
    assert [t for _, t in figures.source_axis(few, few + 1).ticks] == ["1", "2", "3"]
    assert len(figures.source_axis(many, many + 1).ticks) <= 12


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0 %"), (0.004, "under 1 %"), (0.126, "13 %"), (1.0, "100 %"), (math.nan, "–")],
)
def test_percent(value: float, text: str) -> None:
    assert figures.percent(value).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [(0.5, True, "+0.50"), (-0.5, False, "−0.50"), (-0.001, True, "0.00"), (0.0, True, "0.00"), (math.nan, True, "–")],
)
def test_number(value: float, signed: bool, text: str) -> None:
    assert figures.number(value, signed=signed) == text


@pytest.mark.parametrize(("time_s", "text"), [(0.0, "0:00"), (59.6, "1:00"), (605.0, "10:05"), (3725.0, "1:02:05")])
def test_clock(time_s: float, text: str) -> None:
    assert figures.clock(time_s) == text


def test_a_table_escapes_all_but_html() -> None:
    html = figures.table("a & b", ["<i>"], [["<b>", figures.Html("<u>kept</u>")]])
    assert "<b>" not in html
    assert "<i>" not in html
    assert "a &amp; b" in html
    assert "<u>kept</u>" in html
