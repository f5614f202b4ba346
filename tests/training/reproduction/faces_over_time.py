"""A timeline made of intensities: what a video of faces would have given."""

from __future__ import annotations

import numpy as np

from classmood.classifier import read_out
from classmood.emotions import FERPLUS_CLASSES
from classmood.faces import Faces
from classmood.timeline import Instant, Timeline


def timeline_of(
    happiness: dict[int, np.ndarray], *, rate_hz: float = 5.0, unsure: dict[int, np.ndarray] | None = None
) -> Timeline:
    """A face a track, each with a course of p(happiness), the rest neutral; NaN where the face is not seen."""
    instants = []
    length = max(map(len, happiness.values()))
    for frame in range(length):
        seen = [t for t, x in happiness.items() if frame < len(x) and not np.isnan(x[frame])]
        ferplus = np.zeros((len(seen), 8), np.float32)
        for row, track in enumerate(seen):
            p = happiness[track][frame]
            ferplus[row, FERPLUS_CLASSES.index("happiness")] = p
            ferplus[row, FERPLUS_CLASSES.index("neutral")] = 1 - p
        sure = [not (unsure or {}).get(track, np.zeros(length))[frame] for track in seen]
        emotions = read_out(ferplus, np.where(sure, 0.9, 0.1).astype(np.float32))
        n = len(seen)
        faces = Faces(np.zeros((n, 4), np.float32), np.ones(n, np.float32), np.zeros((n, 5, 2), np.float32))
        instants.append(Instant(frame / rate_hz, "folder/lesson.mp4", np.array(seen, np.int64), faces, emotions))
    return Timeline.of(instants)
