"""Planes: contours are where the field says, clouds hold what they claim, nobody stands alone in them."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from classmood.climate import climate
from classmood.emotions import CLASSROOM_VAD, FERPLUS_VAD
from classmood.report import planes
from classmood.timeline import Timeline
from synthetic_class import make_class, make_instant


def inside(point: tuple[float, float], loops: list[np.ndarray]) -> bool:
    """The even-odd rule, as an SVG fills."""
    x, y = point
    odd = False
    for loop in loops:
        for (a, b), (c, d) in zip(loop, np.roll(loop, -1, 0), strict=True):
            if (b > y) != (d > y) and x < a + (y - b) * (c - a) / (d - b):
                odd = not odd
    return odd


@settings(deadline=None, max_examples=60)
@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 9).map(float)))
def test_contours_part_what_is_above_from_what_is_below(field: np.ndarray) -> None:
    loops = planes.contours(field, 4.5)
    for i in range(field.shape[0]):
        for j in range(field.shape[1]):
            # A hair off the grid's lines, on which the rule is undecided; crossings are halfway or nearer the higher.
            assert inside((i + 1e-7, j + 1.3e-7), loops) == (field[i, j] > 4.5), (i, j)


def test_a_round_hill_has_a_round_contour() -> None:
    x = np.linspace(-3, 3, 121)
    hill = np.exp(-(x[:, None] ** 2 + x[None] ** 2) / 2)
    (loop,) = planes.contours(hill, math.exp(-0.5))
    radius = np.hypot(*(loop * 0.05 - 3).T)
    np.testing.assert_allclose(radius, 1, atol=0.002)


@pytest.mark.parametrize("seed", [0, 1])
def test_clouds_hold_their_shares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    who = rng.integers(0, 20, 8000)
    place = rng.normal([0.1, -0.2], [0.3, 0.2], (8000, 2)) + 0.02 * who[:, None] / 20
    weights = 1 / np.bincount(who)[who]
    for share, loops in zip(planes.SHARES, planes.cloud(place, who), strict=True):
        chosen = rng.choice(8000, 600, replace=False)
        held = [inside(tuple(place[k]), loops) for k in chosen]
        # Blurring makes a cloud a little wider than the readings alone.
        assert np.average(held, weights=weights[chosen]) == pytest.approx(share, abs=0.09)


def test_nobody_is_an_island() -> None:
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(10), 100)
    place = rng.normal([-0.4, 0.0], 0.05, (1000, 2))
    place[who >= 6] += [1.0, 0.0]
    most = planes.cloud(place, who)[1]
    assert inside((-0.4, 0.0), most)
    assert not inside((0.6, 0.0), most)
    place[who == 5] += [1.0, 0.0]
    assert inside((0.6, 0.0), planes.cloud(place, who)[1])


def test_weight_is_a_persons_not_a_readings() -> None:
    rng = np.random.default_rng(0)
    # Nine persons with ten readings each on the left, one on the right with a thousand.
    who = np.concatenate([np.repeat(np.arange(9), 10), np.full(1000, 9)])
    place = rng.normal(0, 0.03, (1090, 2)) + np.where(who == 9, 0.6, -0.4)[:, None] * [1, 0]
    for loops in planes.cloud(place, who):
        assert inside((-0.4, 0.0), loops)
        assert not inside((0.6, 0.0), loops)


@pytest.mark.parametrize(("upward", "k"), [("arousal", 1), ("dominance", 2)])
def test_named_points_stand_where_they_were_published(upward: str, k: int) -> None:
    timeline = Timeline.of(make_class(6, 4))
    svg = planes.plane(timeline, climate(timeline, 1.0), upward, "p", reachable=True)
    for name, place in CLASSROOM_VAD.items():
        (found,) = re.findall(rf'class="anchor c-{name}" cx="([-\d]+)" cy="([-\d]+)"', svg)
        assert [int(v) for v in found] == [round(200 * place[0]), round(-200 * place[k])]


def test_all_readings_lie_inside_the_outline() -> None:
    timeline = Timeline.of(make_class(6, 8))
    for k in (1, 2):
        hull = planes._hull([(c[0], c[k]) for c in FERPLUS_VAD.values()])
        middle = hull.mean(0)
        grown = middle + (hull - middle) * 1.001
        assert all(inside((float(v[0]), float(v[k])), [grown]) for v in timeline.vad[::7])


def test_the_ellipse_has_the_deviations_of_the_readings() -> None:
    taken = [make_instant(0.0, list(range(1, 9)), np.random.default_rng(0).dirichlet(np.ones(8) * 0.3, 8))]
    timeline = Timeline.of([taken[0]])
    place = timeline.vad[~timeline.not_sure][:, :2].astype(np.float64)
    svg = planes.plane(timeline, climate(timeline), "arousal", "p", reachable=False)
    rx, ry = (float(v) / 200 for v in re.findall(r'rx="([\d.]+)" ry="([\d.]+)" transform', svg)[0])
    values = np.linalg.eigvalsh(np.cov(place.T, ddof=0))
    assert [rx, ry] == pytest.approx(np.sqrt(values[::-1]), abs=0.001)


@pytest.mark.parametrize(("people", "clouds"), [(2, 0), (4, 0), (5, 2)])
def test_few_persons_get_no_cloud(people: int, clouds: int) -> None:
    timeline = Timeline.of(make_class(people, 4, seed=4))
    svg = planes.plane(timeline, climate(timeline, 1.0), "arousal", "p", reachable=True)
    assert svg.count('class="cloud') == clouds
    assert svg.count("<ellipse") == (people >= 3)


def test_the_walk_goes_from_start_to_end() -> None:
    joy, blank = np.eye(8)[[1]], np.eye(8)[[0]]
    taken = [make_instant(float(t), [1], (1 - t / 99) * blank + t / 99 * joy) for t in range(100)]
    taken = [i for i in taken if not i.emotions.not_sure[0]]
    timeline = Timeline.of(taken)
    svg = planes.plane(timeline, climate(timeline, 1.0), "arousal", "p", reachable=True)
    (walk,) = re.findall(r'class="walk" d="M([^"]*)"', svg)
    xs = [float(point.split()[0]) / 200 for point in walk.split("L")]
    assert xs[0] == pytest.approx(0, abs=0.03)
    assert xs[-1] == pytest.approx(0.76, abs=0.03)
    assert re.findall(r'class="when"[^>]*>([^<]+)<', svg)[:2] == ["0:00", "1:40"]


@pytest.mark.parametrize(("level", "loops"), [(4.0, 1), (5.0, 2)])
def test_a_saddle_is_joined_if_its_middle_is_above(level: float, loops: int) -> None:
    assert len(planes.contours(np.array([[9.0, 0.0], [0.0, 9.0]]), level)) == loops
    assert len(planes.contours(np.array([[0.0, 9.0], [9.0, 0.0]]), level)) == loops


def test_a_plane_of_class_means_has_the_released_ellipse_and_no_cloud() -> None:
    windows = climate(Timeline.of(make_class(6, 4)), 1.0)
    spread = np.array([[0.04, 0.0], [0.0, 0.01]])
    drawn = planes.class_plane(windows, "arousal", "p", spread)
    found = re.search(r'<ellipse class="spread" rx="([\d.]+)" ry="([\d.]+)"', drawn)
    assert found is not None
    assert [float(v) for v in found.groups()] == pytest.approx([40.0, 20.0])
    assert "cloud" not in drawn
    assert "<ellipse" not in planes.class_plane(windows, "dominance", "p", None)
