"""What may be told of a class at one time, and how much: the settings and the released message.

How it is made of what students show is ``class_releases``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float64
from pydantic import BaseModel, ConfigDict, Field

from classmood.emotions import CLASSROOM_CLASSES

UNSURE: Final = "unsure"
CELLS: Final = (*CLASSROOM_CLASSES, UNSURE)
PRESSES: Final = ("confused", "slower", "faster")


class ReleaseSettings(BaseModel):
    """How much is told, how often. The defaults are those that docs/privacy/releases.md gives figures for.

    Attributes:
        k: fewest students who share for anything to be released.
        batch: fewest people whose join or leave begins to count together.
        interval_s: from one release to the next.
        noise_students: standard deviation of the noise in each expression's count.
        press_noise_students: the same for confusion and pace.
        smallest_cell: students that a shown cell must have.
        share_step: shares are released in multiples of it.
        stale_s: how long a camera's last reading stands.
        mood_s: how long a pressed mood stands.
        press_s: how long a press of confusion or pace stands.
        batch_gap_s: least time between the first two batches, so that nobody can have noise drawn anew at will.
        batch_gap_growth: each further gap is so many times the one before. What devices that come and go all lesson
            long can have drawn is then a number that grows with the logarithm of the lesson's length.
        phantom_s: mean time for which a phantom seat shows the same.
        longest_hold_s: how long the last unit of someone who left may stay at most.
        phantom_noise: deviation of what a phantom adds besides, as a share of the noise's own. It stays the same until
            the next batch: without it the slow parts of the noise would cancel between before and after a leave.
        small_class: below this size the noise is wider, by their ratio.
        widest: at most so much wider.
        nudge_noise_students: the noise of what nudges are decided on, in each expression's count.
        nudge_press_noise_students: the same for confusion and pace.
        nudge_small_class: below this size that noise is wider, by their ratio, up to what releases have.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    k: int = Field(default=5, ge=5)
    batch: int = Field(default=5, ge=5)
    interval_s: float = Field(default=10.0, ge=1, allow_inf_nan=False)
    noise_students: float = Field(default=3.5, ge=0, allow_inf_nan=False)
    press_noise_students: float = Field(default=5.0, ge=0, allow_inf_nan=False)
    smallest_cell: float = Field(default=3.0, ge=1, allow_inf_nan=False)
    share_step: float = Field(default=0.05, ge=0.01, le=0.2)
    stale_s: float = Field(default=15.0, gt=0, allow_inf_nan=False)
    mood_s: float = Field(default=300.0, gt=0, allow_inf_nan=False)
    press_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    batch_gap_s: float = Field(default=120.0, ge=0, allow_inf_nan=False)
    batch_gap_growth: float = Field(default=2.0, ge=1, le=10, allow_inf_nan=False)
    phantom_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    longest_hold_s: float = Field(default=180.0, ge=0, allow_inf_nan=False)
    phantom_noise: float = Field(default=0.6, ge=0, allow_inf_nan=False)
    small_class: float = Field(default=12.0, ge=0, allow_inf_nan=False)
    widest: float = Field(default=1.4, ge=1, allow_inf_nan=False)
    nudge_noise_students: float = Field(default=1.2, ge=0, allow_inf_nan=False)
    nudge_press_noise_students: float = Field(default=1.5, ge=0, allow_inf_nan=False)
    nudge_small_class: float = Field(default=20.0, ge=0, allow_inf_nan=False)

    def for_nudges(self) -> ReleaseSettings:
        """What nudges are decided on: less noise, and nothing hidden or rounded, since nobody sees it."""
        noise = min(self.nudge_noise_students, self.noise_students)
        press = min(self.nudge_press_noise_students, self.press_noise_students)
        pairs = ((self.noise_students, noise), (self.press_noise_students, press))
        wider = [told / own for told, own in pairs if own]
        return self.model_copy(
            update={
                "noise_students": noise,
                "press_noise_students": press,
                "small_class": self.nudge_small_class,
                "widest": self.widest * min(wider, default=1.0),
                "smallest_cell": 1.0,
                "share_step": 0.01,
            }
        )

    def widening(self, sharing: int) -> float:
        """By how much the noise is wider in a small class: its shares say little anyway, and its students stand out."""
        return min(max(self.small_class / max(sharing, 1), 1.0), self.widest)

    def smallest_press(self, sharing: int) -> float:
        """Students that a shown count of presses must have: more than noise alone is, nineteen times in twenty."""
        return max(self.smallest_cell, 1.645 * self.press_noise_students * self.widening(sharing))


class Release(BaseModel):
    """What everybody may know of the class at one time. The only thing about a class that leaves memory.

    Attributes:
        number: from 0, one more each interval, silent ones too.
        time_s: since the session began.
        sharing: how many count, as of the last batch; None in silence.
        class_size: how many the teacher expects; None where not stated.
        shares: of the shown expressions and "unsure", of all who count; what is missing is hidden in ``others``.
        others: the hidden cells together; 0 where they would themselves be a small cell.
        half_width: of the noise's 95% interval around a share, before rounding. Above 0.3 read nothing into shares.
        valence, arousal, dominance: means over the readable; each in [-1, 1]; None where nothing is shown of them.
        covariance: of valence and arousal over the readable expressions: (VV, AA, VA). It holds both how students
            differ and how undecided each reading is.
        intensity: share of the readable that is not neutral.
        confused, slower, faster: share of who presses these; None where they are a small cell.
        rises: by how much expressions and presses have just risen against the half minute before, as shares; only
            what is far beyond the noise of that difference. It is smaller than that of a share, since the noise is
            slow: in a small class a rise can be seen where a share cannot be read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    number: int = Field(ge=0)
    time_s: float = Field(ge=0)
    sharing: int | None = None
    class_size: int | None = None
    shares: dict[str, float] = {}
    others: float | None = None
    half_width: float | None = None
    valence: float | None = None
    arousal: float | None = None
    dominance: float | None = None
    covariance: tuple[float, float, float] | None = None
    intensity: float | None = None
    confused: float | None = None
    slower: float | None = None
    faster: float | None = None
    rises: dict[str, float] = {}

    @property
    def silent(self) -> bool:
        """Whether too few share for anything to be said."""
        return self.sharing is None


def one_cell(cell: str) -> Float64[np.ndarray, " c"]:
    """One student's unit that is wholly one of ``CELLS``."""
    return np.array([float(name == cell) for name in CELLS])
