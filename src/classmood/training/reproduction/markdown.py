"""Numbers as a reader of the reproduction wants them; tables and files are ``classmood.markdown``'s."""

from __future__ import annotations

from classmood.markdown import csv_text, p_value, table, write_text
from classmood.training.reproduction.comparison import Interval

__all__ = [
    "csv_text",
    "p_value",
    "percent",
    "percent_interval",
    "plain_interval",
    "points_interval",
    "table",
    "write_text",
]


def percent(share: float) -> str:
    """A share as a percentage to one decimal, without the sign."""
    return f"{100 * share:.1f}"


def percent_interval(interval: Interval) -> str:
    """``82.8 (81.5 to 84.0)``."""
    return f"{percent(interval.value)} ({percent(interval.low)} to {percent(interval.high)})"


def points_interval(interval: Interval) -> str:
    """``+1.2 (-0.3 to +2.7)``, in percentage points."""
    return f"{100 * interval.value:+.1f} ({100 * interval.low:+.1f} to {100 * interval.high:+.1f})"


def plain_interval(interval: Interval) -> str:
    """``0.88 (0.83 to 0.92)``."""
    return f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"
