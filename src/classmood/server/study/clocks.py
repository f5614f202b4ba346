"""The page's clock against the server's, from exchanges as NTP makes them (Mills 1991, doi:10.1109/26.103043).

The page sends at t0 (its clock, ms), the server receives at t1 and replies at t2 (its clock, s), the page hears at t3:

    offset = ((t1 - t0) + (t2 - t3)) / 2        delay = (t3 - t0) - (t2 - t1)

An offset is wrong by half the delay at most, so exchanges that took long are left out. Over the rest a line is fitted:
its height is the offset, its slope the drift of one clock against the other. Both are taken out of every event's time.
What is left is measured on exchanges that the line has not seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64
from scipy import stats

from classmood.errors import InputError

HOUR_S: Final = 3600.0
# Below this many exchanges, or this much time, a slope would be made up of their noise.
_FEWEST: Final = 6
_SHORTEST_S: Final = 20.0
# The share of exchanges that are believed: the quicker, the less they can be wrong.
_QUICKEST: Final = 0.25


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange; ``sent_ms`` and ``heard_ms`` by the page's clock, the others by the server's."""

    sent_ms: float
    received_s: float
    replied_s: float
    heard_ms: float

    @property
    def middle_s(self) -> float:
        """By the page's clock."""
        return (self.sent_ms + self.heard_ms) / 2000

    @property
    def offset_s(self) -> float:
        """Server's clock minus the page's."""
        return ((self.received_s - self.sent_ms / 1000) + (self.replied_s - self.heard_ms / 1000)) / 2

    @property
    def delay_s(self) -> float:
        """On the way, there and back."""
        return (self.heard_ms - self.sent_ms) / 1000 - (self.replied_s - self.received_s)


@dataclass(frozen=True, slots=True)
class ClockFit:
    """How to tell the server's time from the page's.

    Attributes:
        exchanges: how many there were; used: of how many the line is.
        span_s: from the first to the last.
        offset_s: server's clock minus the page's, in the middle of the session.
        middle_s: that middle, by the page's clock.
        drift: seconds a second; 0 where too little is known.
        drift_half_width: of its 95% interval, NaN where too little is known.
        delay_ms: median of the used.
        left_ms_per_hour: slope of what is left after correction, on exchanges that the line has not seen; NaN likewise.
        left_half_width_ms_per_hour: of its 95% interval.
        left_ms: root mean square of the same.
    """

    exchanges: int
    used: int
    span_s: float
    offset_s: float
    middle_s: float
    drift: float
    drift_half_width: float
    delay_ms: float
    left_ms_per_hour: float
    left_half_width_ms_per_hour: float
    left_ms: float

    def server_s(self, browser_ms: float) -> float:
        """Unix time by the server's clock."""
        page_s = browser_ms / 1000
        return page_s + self.offset_s + self.drift * (page_s - self.middle_s)


def fit_clock(exchanges: Sequence[Exchange]) -> ClockFit:
    """Fit offset and drift.

    Raises:
        InputError: there is no exchange.
    """
    if not exchanges:
        raise InputError("expected at least one exchange of clocks, got none; the page never reached the server")
    ordered = sorted(exchanges, key=lambda one: one.middle_s)
    delays = np.array([one.delay_s for one in ordered], np.float64)
    quickest = float(np.quantile(delays, min(1.0, max(_QUICKEST, 2 * _FEWEST / len(ordered)))))
    used = [one for one in ordered if one.delay_s <= quickest]
    times = np.array([one.middle_s for one in used], np.float64)
    offsets = np.array([one.offset_s for one in used], np.float64)
    span_s = float(times[-1] - times[0])
    middle_s = float(times.mean())
    delay_ms = 1000 * float(np.median([one.delay_s for one in used]))
    if len(used) < _FEWEST or span_s < _SHORTEST_S:
        best = min(used, key=lambda one: one.delay_s).offset_s
        nan = math.nan
        return ClockFit(len(ordered), len(used), span_s, best, middle_s, 0.0, nan, delay_ms, nan, nan, nan)
    drift, offset_s, half_width = _line(times, offsets, middle_s)
    slope, _, slope_half = _line(times[1::2], left := _unseen(times, offsets), middle_s)
    return ClockFit(
        exchanges=len(ordered),
        used=len(used),
        span_s=span_s,
        offset_s=offset_s,
        middle_s=middle_s,
        drift=drift,
        drift_half_width=half_width,
        delay_ms=delay_ms,
        left_ms_per_hour=1000 * HOUR_S * slope,
        left_half_width_ms_per_hour=1000 * HOUR_S * slope_half,
        left_ms=1000 * float(np.sqrt(np.mean(left**2))),
    )


def _unseen(times: Float64[np.ndarray, " n"], offsets: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " m"]:
    """Every second offset minus the line through the others."""
    middle_s = float(times[::2].mean())
    drift, offset_s, _ = _line(times[::2], offsets[::2], middle_s)
    return np.asarray(offsets[1::2] - (offset_s + drift * (times[1::2] - middle_s)))


def _line(
    times: Float64[np.ndarray, " n"], values: Float64[np.ndarray, " n"], middle_s: float
) -> tuple[float, float, float]:
    """Slope, height at a time, and half the width of the slope's 95% interval."""
    found = stats.linregress(times - middle_s, values)
    degrees = len(times) - 2
    half = float(stats.t.ppf(0.975, degrees)) * float(found.stderr) if degrees > 0 else math.nan
    return float(found.slope), float(found.intercept), half
