"""Motion is exact for any step, learns velocity, and measures surprise in the right unit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.kalman import BOX_NOISE, SPEED, VELOCITY_TIME_S, Motion, overlap

BOX = np.array([[100.0, 50.0, 40.0, 60.0]], np.float32)


def moving() -> Motion:
    """A face that has been seen moving to the right."""
    motion = Motion.start(BOX)
    for k in range(1, 6):
        motion = motion.predict(0.1).update(BOX + np.array([[6.0 * k, 0, 0, 0]], np.float32))
    return motion


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 3), st.floats(0, 3))
def test_two_steps_are_one(first_s: float, second_s: float) -> None:
    once = moving().predict(first_s + second_s)
    twice = moving().predict(first_s).predict(second_s)
    assert twice.mean == pytest.approx(once.mean, rel=1e-6)
    assert twice.covariance == pytest.approx(once.covariance, rel=1e-3, abs=1e-9)


def test_spread_agrees_with_simulated_heads() -> None:
    """The velocity's Ornstein-Uhlenbeck process, simulated in small steps, spreads as the closed form says."""
    rng, dt_s, steps, heads = np.random.default_rng(1), 0.002, 500, 4000
    size = np.sqrt(40 * 60)
    x, v = np.zeros(heads), rng.normal(0, SPEED[0] * size, heads)
    for _ in range(steps):
        x += v * dt_s
        kick = SPEED[0] * size * np.sqrt(2 * dt_s / VELOCITY_TIME_S)
        v += -v * dt_s / VELOCITY_TIME_S + kick * rng.normal(size=heads)
    spread = Motion.start(BOX).predict(dt_s * steps).covariance[0, 0]
    assert np.sqrt(spread[0, 0]) == pytest.approx(np.hypot(x.std(), BOX_NOISE[0] * size), rel=0.06)
    assert np.sqrt(spread[1, 1]) == pytest.approx(v.std(), rel=0.06)


def test_velocity_is_learned_and_then_forgotten() -> None:
    motion = moving()
    x = motion.mean[0, 0, 0]
    soon, late = motion.predict(0.1).mean[0, 0, 0] - x, motion.predict(60.0).mean[0, 0, 0] - x
    speed = motion.mean[0, 0, 1]
    assert 30 < speed < 70
    assert 0.8 * speed * 0.1 < soon < speed * 0.1
    assert late == pytest.approx(speed * VELOCITY_TIME_S, rel=1e-6)


def test_boxes_come_back_as_they_were_given() -> None:
    assert Motion.start(BOX).boxes_px() == pytest.approx(BOX, rel=1e-5)


@settings(deadline=None, max_examples=50)
@given(st.floats(4, 400), st.floats(0.1, 10))
def test_surprise_does_not_depend_on_how_near_the_face_is(scale: float, seconds: float) -> None:
    """The same scene, filmed larger, surprises as much."""
    small = np.array([[0.0, 0.0, 10.0, 12.0]], np.float32)
    moved = small + np.array([[3.0, -1.0, 1.0, 0.5]], np.float32)
    factor = np.float32(scale / 4)
    expected = Motion.start(small).predict(seconds).surprise(moved)
    assert Motion.start(small * factor).predict(seconds).surprise(moved * factor) == pytest.approx(expected, rel=1e-3)


def test_surprise_falls_with_time_and_rises_with_distance() -> None:
    motion = Motion.start(BOX)
    away = np.concatenate([BOX, BOX + np.float32([[20, 0, 0, 0]]), BOX + np.float32([[60, 0, 0, 0]])])
    soon, later = motion.predict(0.1).surprise(away)[:, 0], motion.predict(1.0).surprise(away)[:, 0]
    assert soon[0] < soon[1] < soon[2]
    assert later[2] < soon[2]


def test_a_box_without_area_is_survived() -> None:
    flat = np.array([[5.0, 5.0, 0.0, 0.0]], np.float32)
    assert np.isfinite(Motion.start(flat).predict(1.0).surprise(BOX)).all()


def test_overlap_of_known_boxes() -> None:
    a = np.array([[0, 0, 10, 10], [20, 20, 4, 4]], np.float32)
    b = np.array([[5, 0, 10, 10], [0, 0, 10, 10]], np.float32)
    assert overlap(a, b) == pytest.approx(np.array([[1 / 3, 1.0], [0.0, 0.0]]), abs=1e-6)


def test_no_tracks_are_fine() -> None:
    nobody = Motion.start(np.zeros((0, 4), np.float32))
    assert nobody.predict(1.0).update(np.zeros((0, 4), np.float32)).surprise(BOX).shape == (1, 0)
    assert len(nobody.join(Motion.start(BOX))) == 1
