"""What a participant's page read of their face, as a timeline on the session's clock.

The page sends FER+ probabilities and no box, so boxes are 0 here; everything else is read out as ``classmood analyze``
does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from classmood.classifier import read_out
from classmood.faces import Faces
from classmood.markdown import write_text
from classmood.table import header_text, rows_text
from classmood.timeline import Instant, Timeline

_SOURCE = "the participant's page"


def write_readings(readings: Sequence[tuple[float, dict[str, Any]]], path: Path) -> Path:
    """Write readings as CSV.

    Args:
        readings: time on the session's clock in seconds, and what was read (``happenings.Reading``).
        path: of the file.

    Raises:
        OutputError: it cannot be written.
    """
    timeline = Timeline.of(
        (_instant(time_s, body) for time_s, body in sorted(readings, key=lambda one: one[0])), raw=True
    )
    return write_text(path, header_text(raw=True, several=False) + rows_text(timeline.columns()))


def _instant(time_s: float, body: dict[str, Any]) -> Instant:
    shares = np.array([body["p"]], np.float32)
    # Two decimals each, as they came.
    shares /= max(float(shares.sum()), 1e-6)
    confidence = np.array([body["confidence"]], np.float32)
    # What the page was not sure of stays so, whatever the threshold is here.
    emotions = read_out(shares, confidence, not_sure_below=2.0 if body["not_sure"] else -1.0)
    faces = Faces(np.zeros((1, 4), np.float32), np.ones(1, np.float32), np.zeros((1, 5, 2), np.float32))
    return Instant(time_s, _SOURCE, np.ones(1, np.int64), faces, emotions)
