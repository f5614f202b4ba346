"""Tables as Markdown and CSV, and numbers as a reader wants them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from classmood.errors import OutputError
from classmood.training.reproduction.comparison import Interval


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """A Markdown table; the first ``left`` columns are words, the rest numbers."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * left + "--:|" * (len(header) - left)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


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


def p_value(p: float) -> str:
    """Three decimals, and no number too small to be believed."""
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV lines; floats to six digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row])
    return out.getvalue()


def write_text(path: Path, text: str) -> Path:
    """Write a text file, its folder with it.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error
    return path
