"""Counts of a class under noise of one width, and the release that is made of them.

A class has two: what it tells, and, narrower, what nudges are decided on (``ReleaseSettings.for_nudges``). All that is
made here is made of noised counts.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64

from classmood.emotions import CLASSROOM_CLASSES, CLASSROOM_VAD, NEUTRAL
from classmood.server.noise import WanderingNoise
from classmood.server.release import CELLS, PRESSES, UNSURE, Release, ReleaseSettings, one_cell
from classmood.server.rises import Rises
from classmood.server.suppression import suppress

_COORDINATES: Final = np.array([CLASSROOM_VAD[name] for name in CLASSROOM_CLASSES])
_TWO_SIDED_95: Final = 1.96


class Channel:
    """Noise, what rises against it, and the last shares that were shown.

    Attributes:
        public: the last shares of ``CELLS`` that were shown, the hidden ones evenly.
    """

    def __init__(self, settings: ReleaseSettings, class_size: int | None, randomness: random.Random) -> None:
        """Begin a class.

        Args:
            settings: of the noise, and of what is hidden and rounded.
            class_size: how many the teacher expects.
            randomness: where the noise comes from.
        """
        self._settings = settings
        self._class_size = class_size
        deviations = [settings.noise_students] * len(CELLS) + [settings.press_noise_students] * len(PRESSES)
        self._deviations = np.asarray(deviations)
        self._noise = WanderingNoise(deviations, settings.interval_s, randomness)
        self._drawn = np.zeros(len(deviations))
        self._rises = Rises(deviations, settings.interval_s, settings.smallest_cell)
        self.public = one_cell(UNSURE)

    def renew(self) -> None:
        """Others count from now on: the noise is drawn anew, and nothing is compared with what was."""
        self._noise.renew()
        self._rises.clear()

    def step(self) -> None:
        """Draw the noise of the next release, also for a silence, which else would betray where it stands."""
        self._drawn = self._noise.step()

    def silence(self, number: int, time_s: float) -> Release:
        """The release of too few."""
        self._rises.clear()
        return Release(number=number, time_s=time_s, class_size=self._class_size)

    def tell(
        self,
        counts: Float64[np.ndarray, " c"],
        offsets: Float64[np.ndarray, " c"],
        *,
        sharing: int,
        number: int,
        time_s: float,
    ) -> Release:
        """The release of exact counts, under the noise that was drawn.

        Args:
            counts: of ``CELLS`` and ``PRESSES``, in students.
            offsets: what phantoms add, in deviations of the noise.
            sharing: how many count. It is public and changes with a batch only, so the noise may hang on it.
            number: of the release.
            time_s: when it is.
        """
        noise = (self._drawn + offsets * self._deviations) * self._settings.widening(sharing)
        return self._publish(counts + noise, sharing, number, time_s)

    def _publish(self, counts: Float64[np.ndarray, " c"], sharing: int, number: int, time_s: float) -> Release:
        """A release from noised counts; nothing else of the students is known here."""
        settings = self._settings
        shown = suppress(counts[: len(CELLS)], sharing, settings.smallest_cell, settings.share_step)
        self.public = shown.filled()
        confused, slower, faster = (_shown_press(count, sharing, settings) for count in counts[len(CELLS) :])
        climate = _climate(self.public)
        return Release(
            number=number,
            time_s=time_s,
            sharing=sharing,
            class_size=self._class_size,
            shares={name: float(share) for name, share in zip(CELLS, shown.shares, strict=True) if share == share},
            others=shown.others,
            half_width=round(_TWO_SIDED_95 * settings.noise_students * settings.widening(sharing) / sharing, 3),
            valence=climate.mean[0] if climate else None,
            arousal=climate.mean[1] if climate else None,
            dominance=climate.mean[2] if climate else None,
            covariance=climate.covariance if climate else None,
            intensity=climate.intensity if climate else None,
            confused=confused,
            slower=slower,
            faster=faster,
            rises=self._risen(counts, sharing),
        )

    def _risen(self, counts: Float64[np.ndarray, " c"], sharing: int) -> dict[str, float]:
        step, risen = self._settings.share_step, self._rises.take(counts, self._settings.widening(sharing))
        return {
            name: round(round(min(float(students) / sharing, 1.0) / step) * step, 6)
            for name, students in zip((*CELLS, *PRESSES), risen, strict=True)
            if students and name != UNSURE
        }


def _shown_press(count: float, sharing: int, settings: ReleaseSettings) -> float | None:
    """A press's share, or None where it is a small cell or noise alone could well be all of it.

    In a class below that limit the count must be above all who are there: "all of six" is more often noise than not.
    """
    if count < settings.smallest_press(sharing):
        return None
    return round(round(min(count / sharing, 1.0) / settings.share_step) * settings.share_step, 6)


@dataclass(frozen=True, slots=True)
class _Climate:
    mean: tuple[float, float, float]
    covariance: tuple[float, float, float]
    intensity: float


def _climate(shares: Float64[np.ndarray, " c"]) -> _Climate | None:
    """Means, ellipse and intensity from shares of ``CELLS``; nothing where no expression has a share."""
    readable = shares[:-1].sum()
    if readable <= 1e-9:
        return None
    weights = shares[:-1] / readable
    mean = weights @ _COORDINATES
    apart = (_COORDINATES - mean)[:, :2]
    spread = (weights[:, None] * apart).T @ apart
    return _Climate(
        mean=(round(float(mean[0]), 2), round(float(mean[1]), 2), round(float(mean[2]), 2)),
        covariance=(round(float(spread[0, 0]), 3), round(float(spread[1, 1]), 3), round(float(spread[0, 1]), 3)),
        intensity=round(float(1 - weights[CLASSROOM_CLASSES.index(NEUTRAL)]), 2),
    )
