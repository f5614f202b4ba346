"""How strongly the last releases speak for a rise, given the noise that they carry.

A *pattern* says how the shares of cells move if a part of the class turns to something: joy up, neutral down. The last
releases between two batches are compared with "the pattern began u releases ago, in a share a of the class" and with
"nothing changed", for each u. Both are Gaussian with the same covariance, which is known: that of the noise
(``noise.SPECTRUM``), of a class's own unrest, and of what rounding and hiding leave open. So the logarithm of their
ratio of likelihoods is a matched filter,

    a h'Py - a^2/2 h'Ph,    P = C^-1 - C^-1 1 1'C^-1 / 1'C^-1 1,

summed over cells: y the counts of one cell, C their covariance, h the pattern's course in that cell (a rise within two
releases, or within six), and P free of the unknown level from which it rises. Slow noise is subtracted by its own past,
which is why a sudden rise is seen at once where a mean of before and after would still have waited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64

from classmood.server.noise import SPECTRUM
from classmood.server.release import CELLS, PRESSES, Release, ReleaseSettings
from classmood.server.rises import AGAINST

ALL: Final = (*CELLS, *PRESSES)
# Releases that are looked at, and how many of them must be before the rise.
WINDOW: Final = 12
_LEAST_BEFORE: Final = 3
# Over how many releases it may rise: at once (one of them holds a part of it), or within a minute as a mood does. The
# slow one is tried only where there has been time for half of it.
_RISING: Final = (2, 6)
# A class's own unrest: variance per student of a cell's count, and how long it lasts.
UNREST: Final = 0.12
PRESS_UNREST: Final = 0.05
UNREST_S: Final = 30.0
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
    tried = [
        (after, rising)
        for after in range(1, len(seen) - _LEAST_BEFORE + 1)
        for rising in _RISING
        if rising == _RISING[0] or after >= rising / 2
    ]
    courses = np.array([[min(max(i - len(seen) + u + 1, 0) / r, 1.0) for i in range(len(seen))] for u, r in tried])
    shapes = np.array([[pattern.get(cell, 0.0) for cell in ALL] for pattern in patterns]) * _PART * sharing
    counts, covariance = _cells(seen, settings)
    inverse = np.linalg.inv(covariance)
    ones = inverse.sum(2)
    free = inverse - ones[:, :, None] * ones[:, None, :] / ones.sum(1)[:, None, None]
    along = np.einsum("ui,cij,cj->cu", courses, free, counts)
    power = np.einsum("ui,cij,uj->cu", courses, free, courses)
    odds = shapes @ along - shapes**2 / 2 @ power
    return [Finding(float(row.max()), tried[int(row.argmax())][0]) for row in odds]


def comparable(releases: Sequence[Release]) -> list[Release]:
    """The last releases of one batch without a silence between: only they share their slow noise."""
    seen: list[Release] = []
    for release in reversed(releases[-WINDOW:]):
        if release.silent or release.sharing != releases[-1].sharing:
            break
        seen.append(release)
    return seen[::-1]


def _cells(
    seen: Sequence[Release], settings: ReleaseSettings
) -> tuple[Float64[np.ndarray, "c m"], Float64[np.ndarray, "c m m"]]:
    """Counts of ``ALL`` in M releases, in students, and their covariance were nothing to change."""
    sharing = seen[-1].sharing
    assert sharing is not None
    apart_s = np.abs(np.subtract.outer([r.time_s for r in seen], [r.time_s for r in seen]))
    wandering = sum(
        share * (np.exp(-apart_s / tau_s) if tau_s else (apart_s == 0).astype(float)) for tau_s, share in SPECTRUM
    )
    lasting = np.exp(-apart_s / UNREST_S)
    counts, covariances = [], []
    for cell in ALL:
        pressed = cell in PRESSES
        noise = (settings.press_noise_students if pressed else settings.noise_students) * settings.widening(sharing)
        found, open_ = _counts(seen, cell, sharing, noise, settings)
        unrest = (PRESS_UNREST if pressed else UNREST) * sharing * lasting
        counts.append(found)
        covariances.append(noise**2 * wandering + unrest + np.diag(open_ + 1e-3))
    return np.array(counts), np.array(covariances)


def _counts(
    seen: Sequence[Release], cell: str, sharing: int, noise: float, settings: ReleaseSettings
) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
    """Counts of one cell, and the variance of what rounding and hiding leave open."""
    pressed = cell in PRESSES
    limit = settings.smallest_press(sharing) if pressed else settings.smallest_cell
    rounding = (settings.share_step * sharing) ** 2 / 12
    counts, open_ = np.zeros(len(seen)), np.full(len(seen), rounding)
    hidden = np.zeros(len(seen), bool)
    for i, release in enumerate(seen):
        share = getattr(release, cell) if pressed else release.shares.get(cell)
        if share is not None:
            counts[i] = share * sharing
            continue
        # It could be anything up to the limit, and its noise is not told either.
        cells = max(len(CELLS) - len(release.shares), 1)
        counts[i] = limit / 4 if pressed else (release.others or 0.0) * sharing / cells
        open_[i] += limit**2 / 12 + noise**2
        hidden[i] = True
    for i, release in enumerate(seen):
        if i < AGAINST or cell not in release.rises:
            continue
        # Where a rise is told, the hidden counts around it are known, but for a level that makes no difference.
        before, rise = slice(i - AGAINST, i), release.rises[cell] * sharing
        if hidden[i]:
            counts[i] = counts[before].mean() + rise
        elif hidden[before].all():
            counts[before] = counts[i] - rise
        open_[i - AGAINST : i + 1] = rounding
        hidden[i - AGAINST : i + 1] = False
    return counts, open_
