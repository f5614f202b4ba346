"""Smoothing is in seconds, per track, and knows a resting face."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classmood.classifier import Emotions, read_out, read_out_own
from classmood.smoothing import FORGET_S, GAP_S, RESTING, Smoother

CALM = np.array([0.9, 0.04, 0.01, 0.02, 0.01, 0.005, 0.01, 0.005])
SMILE = np.array([0.1, 0.85, 0.01, 0.01, 0.01, 0.005, 0.01, 0.005])
distributions = st.lists(st.floats(0.01, 1), min_size=8, max_size=8).map(lambda v: np.array(v) / sum(v))


def emotions(*rows: np.ndarray, confidence: float = 0.9) -> Emotions:
    return read_out(np.stack(rows).astype(np.float32), np.full(len(rows), confidence, np.float32))


def smoother(time_constant_s: float = 0.4, baseline_s: float | None = None) -> Smoother:
    return Smoother(
        time_constant_s=time_constant_s, baseline_s=baseline_s, read_out=lambda shares, _, sure: read_out(shares, sure)
    )


def step_response(rate_hz: float, until_s: float) -> float:
    """Joy so long after a calm face has begun to smile."""
    one = smoother()
    one.update(np.array([1]), emotions(CALM), 0.0)
    for k in range(1, round(until_s * rate_hz) + 1):
        joy = one.update(np.array([1]), emotions(SMILE), k / rate_hz).ferplus[0, 1]
    return float(joy)


@pytest.mark.parametrize("rate_hz", [2.5, 5.0, 15.0, 30.0])
def test_the_step_response_is_the_formula_at_any_rate(rate_hz: float) -> None:
    expected = SMILE[1] + (CALM[1] - SMILE[1]) * np.exp(-0.8 / 0.4)
    assert step_response(rate_hz, 0.8) == pytest.approx(expected, abs=1e-5)


@given(distributions, distributions)
def test_smoothed_faces_are_distributions_between_their_samples(first: np.ndarray, second: np.ndarray) -> None:
    one = smoother()
    one.update(np.array([4]), emotions(first), 0.0)
    out = one.update(np.array([4]), emotions(second), 0.2).ferplus[0]
    assert out.sum() == pytest.approx(1, abs=1e-5)
    assert np.all(out >= np.minimum(first, second) - 1e-5)
    assert np.all(out <= np.maximum(first, second) + 1e-5)


def test_tracks_do_not_mix_and_order_is_kept() -> None:
    one = smoother()
    one.update(np.array([1, 2]), emotions(CALM, SMILE), 0.0)
    out = one.update(np.array([2, 1]), emotions(SMILE, CALM), 0.2)
    assert out.ferplus == pytest.approx(np.stack([SMILE, CALM]), abs=1e-5)


def test_an_unsure_glance_moves_less() -> None:
    sure, unsure = smoother(), smoother()
    for one, confidence in ((sure, 0.9), (unsure, 0.2)):
        one.update(np.array([1]), emotions(CALM), 0.0)
        moved = one.update(np.array([1]), emotions(SMILE, confidence=confidence), 0.2).ferplus[0, 1]
        if one is sure:
            clear = moved
    assert CALM[1] < moved < clear


def test_after_a_gap_the_past_is_gone() -> None:
    one = smoother()
    one.update(np.array([1]), emotions(CALM), 0.0)
    out = one.update(np.array([1]), emotions(SMILE), GAP_S + 0.1)
    assert out.ferplus[0] == pytest.approx(SMILE, abs=1e-6)


def test_no_time_constant_no_smoothing() -> None:
    one = smoother(time_constant_s=0.0)
    one.update(np.array([1]), emotions(CALM), 0.0)
    assert one.update(np.array([1]), emotions(SMILE), 0.1).ferplus[0] == pytest.approx(SMILE, abs=1e-6)


def test_a_face_that_rests_in_grief_reads_as_resting() -> None:
    """Someone whose resting face looks sad is neutral at rest, and a smile is still a smile."""
    gloomy = np.array([0.4, 0.02, 0.02, 0.5, 0.02, 0.01, 0.02, 0.01])
    one = smoother(baseline_s=3.0)
    for k in range(20):
        rest = one.update(np.array([1]), emotions(gloomy), k * 0.2)
    assert rest.ferplus[0] == pytest.approx(RESTING, abs=0.02)
    for k in range(20, 30):
        smiling = one.update(np.array([1]), emotions(SMILE), k * 0.2)
    assert smiling.ferplus[0].argmax() == 1


def test_tracks_long_gone_are_forgotten() -> None:
    one = smoother()
    for track_id in range(50):
        one.update(np.array([track_id]), emotions(CALM), track_id * FORGET_S / 10)
    assert len(one._tracks) <= 12


def test_an_instant_without_faces_is_fine() -> None:
    empty = read_out(np.zeros((0, 8), np.float32), np.zeros(0, np.float32))
    assert len(smoother().update(np.zeros(0, np.int64), empty, 0.0)) == 0


def test_nine_classes_and_their_own_dimensions_are_smoothed_and_set_against_rest() -> None:
    rest = np.array([[0.5, 0.1, 0.1, 0.0, 0.1, 0.1, 0.0, 0.05, 0.05]], np.float32)
    smile = np.array([[0.2, 0.6, 0.05, 0.0, 0.05, 0.05, 0.0, 0.025, 0.025]], np.float32)

    def seen(shares: np.ndarray, valence: float) -> Emotions:
        vad = np.array([[valence, 0.1, 0.0]], np.float32)
        return read_out_own(shares, vad, np.array([0.9], np.float32))

    plain = Smoother(time_constant_s=0.4, read_out=read_out_own)
    plain.update(np.array([1]), seen(rest, -0.3), 0.0)
    between = plain.update(np.array([1]), seen(smile, 0.5), 0.4)
    assert between.vad[0, 0] == pytest.approx(0.5 + (-0.3 - 0.5) * np.exp(-1), abs=1e-5)
    assert between.classroom[0].sum() == pytest.approx(1, abs=1e-5)
    own = Smoother(time_constant_s=0.0, baseline_s=1.0, read_out=read_out_own)
    calm = own.update(np.array([1]), seen(rest, -0.3), 0.0)
    assert calm.vad[0] == pytest.approx([0, 0, 0], abs=1e-6)
    assert calm.classroom[0, 0] > 0.8
    later = own.update(np.array([1]), seen(smile, 0.5), 3.0)
    assert later.vad[0, 0] == pytest.approx(0.8, abs=1e-5)
    # What the model has never learned does not appear by the correction.
    assert later.classroom[0, [3, 6]].tolist() == [0, 0]
