"""Clocks that are off and drift: both are found and taken out, whatever the network does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.errors import InputError
from classmood.server.study.clocks import HOUR_S, Exchange, fit_clock


def exchanges(
    offset_s: float, drift: float, *, seed: int, span_s: float = 600, every_s: float = 5, slow: float = 0.3
) -> list[Exchange]:
    """Exchanges over a network that is quick at times and slow at others, more on the way back."""
    random = np.random.default_rng(seed)
    found = []
    for page_s in np.arange(0.0, span_s, every_s).tolist():
        out_s, back_s = (0.001 + random.exponential(0.001, 2)).tolist()
        if random.random() < slow:
            back_s += float(random.exponential(0.2))
        serve_s = float(random.exponential(0.002))
        received_s = page_s + out_s + offset_s + drift * (page_s - span_s / 2)
        heard_s = page_s + out_s + serve_s + back_s
        found.append(Exchange(1000 * page_s, received_s, received_s + serve_s, 1000 * heard_s))
    return found


@settings(max_examples=40, deadline=None)
@given(
    offset_s=st.floats(-1e5, 2e9),
    drift=st.floats(-2e-4, 2e-4),
    seed=st.integers(0, 10**6),
)
def test_offset_and_drift_are_found_and_taken_out(offset_s: float, drift: float, seed: int) -> None:
    fit = fit_clock(exchanges(offset_s, drift, seed=seed))
    for page_s in (0, 300, 600):
        truth_s = page_s + offset_s + drift * (page_s - 300)
        assert fit.server_s(1000 * page_s) == pytest.approx(truth_s, abs=0.004)
    # 2e-4 are 720 ms an hour; after correction less than 50 are left.
    assert abs(fit.left_ms_per_hour) < 50
    assert fit.left_ms < 4
    assert fit.drift == pytest.approx(drift, abs=0.02 / HOUR_S * 1.5)


def test_the_interval_of_the_drift_holds_the_truth_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(200):
        fit = fit_clock(exchanges(1e9, 5e-5, seed=seed))
        inside += abs(fit.drift - 5e-5) <= fit.drift_half_width
    assert 180 <= inside <= 198


def test_a_clock_that_jumps_shows_in_what_is_left() -> None:
    steady = exchanges(0, 0, seed=1)
    jumped = [
        Exchange(one.sent_ms, one.received_s + 0.5, one.replied_s + 0.5, one.heard_ms) if k > 60 else one
        for k, one in enumerate(steady)
    ]
    assert fit_clock(jumped).left_ms > 50 > 10 > fit_clock(steady).left_ms


def test_from_little_no_drift_is_made_up() -> None:
    few = exchanges(100, 2e-4, seed=3)[:4]
    fit = fit_clock(few)
    assert fit.drift == 0
    assert math.isnan(fit.left_ms_per_hour)
    assert fit.server_s(0) == pytest.approx(100 - 2e-4 * 300, abs=0.01)
    with pytest.raises(InputError, match="at least one"):
        fit_clock([])
