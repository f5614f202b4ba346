"""How strongly the last releases speak for a rise, given the noise that they carry.

A *pattern* says how the shares of cells move if a part of the class turns to something: joy up, neutral down. The last
releases between two batches are compared with "the pattern began u releases ago, in a share a of the class" and with
"nothing changed", for each u. Both are Gaussian with the same covariance, which is known: that of the noise
(``noise.SPECTRUM``), of a class's own unrest, and of what rounding and hiding leave open. So the logarithm of their
ratio of likelihoods is a matched filter,

    a h'Py - a^2/2 h'Ph,    P = C^-1 - C^-1 1 1'C^-1 / 1'C^-1 1,

summed over cells: y the counts of one cell, C their covariance, h the pattern's course in that cell (a step that needs
two releases), and P free of the unknown level from which it rises. Slow noise is subtracted by its own past, which is
why a sudden rise is seen at once where a mean of before and after would still have waited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64

from classmood.server.noise import SPECTRUM
from classmood.server.release import CELLS, PRESSES, Release, ReleaseSettings

ALL: Final = (*CELLS, *PRESSES)
# Releases that are looked at, and how many of them must be before the rise.
WINDOW: Final = 12
_LEAST_BEFORE: Final = 3
_RISING: Final = 2
# A class's own unrest: variance per student of a cell's count, and how long it lasts.
_UNREST: Final = 0.12
_PRESS_UNREST: Final = 0.05
_UNREST_S: Final = 30.0
# What part of the class the pattern is supposed to have taken.
_PART: Final = 0.35


@dataclass(frozen=True, slots=True)
class Finding:
    """What speaks for one pattern.

    Attributes:
        log_odds: of the pattern against nothing, by the releases alone.
        after: for how many releases it has been going on, most likely.
    """

    log_odds: float
    after: int


def weigh(
    releases: Sequence[Release], patterns: Sequence[Mapping[str, float]], settings: ReleaseSettings
) -> list[Finding] | None:
    """What the last releases say for each pattern; None where too few are comparable.

    Args:
        releases: in order, the last one now.
        patterns: change of the share of each cell, if all of the class turned to it.
        settings: of the releases.
    """
    seen = comparable(releases)
    if len(seen) <= _LEAST_BEFORE:
        return None
    sharing = seen[-1].sharing
    assert sharing is not None
    after = range(1, len(seen) - _LEAST_BEFORE + 1)
    courses = np.array([[min(max(i - len(seen) + u + 1, 0) / _RISING, 1.0) for i in range(len(seen))] for u in after])
    shapes = np.array([[pattern.get(cell, 0.0) for cell in ALL] for pattern in patterns]) * _PART * sharing
    odds = np.zeros((len(patterns), len(after)))
    for place in np.flatnonzero(shapes.any(axis=0)):
        counts, covariance = _cell(seen, ALL[place], settings)
        inverse = np.linalg.inv(covariance)
        ones = inverse.sum(1)
        free = inverse - np.outer(ones, ones) / ones.sum()
        shape = shapes[:, place, None]
        odds += shape * (courses @ free @ counts) - shape**2 / 2 * np.einsum("ui,ij,uj->u", courses, free, courses)
    return [Finding(float(row.max()), int(row.argmax()) + 1) for row in odds]


def comparable(releases: Sequence[Release]) -> list[Release]:
    """The last releases of one batch without a silence between: only they share their slow noise."""
    seen: list[Release] = []
    for release in reversed(releases[-WINDOW:]):
        if release.silent or release.sharing != releases[-1].sharing:
            break
        seen.append(release)
    return seen[::-1]


def _cell(
    seen: Sequence[Release], cell: str, settings: ReleaseSettings
) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, "m m"]]:
    """Counts of one cell in M releases, in students, and their covariance were nothing to change."""
    sharing = seen[-1].sharing
    assert sharing is not None
    pressed = cell in PRESSES
    noise = (settings.press_noise_students if pressed else settings.noise_students) * settings.widening(sharing)
    limit = settings.smallest_press(sharing) if pressed else settings.smallest_cell
    counts, open_ = np.zeros(len(seen)), np.full(len(seen), (settings.share_step * sharing) ** 2 / 12)
    for i, release in enumerate(seen):
        share = getattr(release, cell) if pressed else release.shares.get(cell)
        if share is not None:
            counts[i] = share * sharing
            continue
        # It could be anything up to the limit, and its noise is not told either.
        hidden = max(len(CELLS) - len(release.shares), 1)
        counts[i] = limit / 4 if pressed else (release.others or 0.0) * sharing / hidden
        open_[i] += limit**2 / 12 + noise**2
    apart_s = np.abs(np.subtract.outer([r.time_s for r in seen], [r.time_s for r in seen]))
    wandering = sum(
        share * (np.exp(-apart_s / tau_s) if tau_s else (apart_s == 0).astype(float)) for tau_s, share in SPECTRUM
    )
    unrest = (_PRESS_UNREST if pressed else _UNREST) * sharing * np.exp(-apart_s / _UNREST_S)
    return counts, noise**2 * wandering + unrest + np.diag(open_ + 1e-3)
