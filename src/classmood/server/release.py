"""What a class shows, released at a fixed interval; what a student shows stays in this file's memory.

    each student's last seconds -> one unit in a count -> + noise -> small cells hidden, rounded -> Release

- Each counted student is one unit, spread over nine expressions and "unsure" (an unread or stale face, a paused camera,
  no mood pressed): readings of an interval are averaged first, a pressed mood is one whole. Nobody weighs more.
- Confusion and pace are presses beside it, counted in cells of their own.
- Fewer than ``k`` who share: silence. Joins and leaves wait for a batch (``membership``). Until then the seat of
  someone who left goes on as a phantom: it keeps the last unit for a random time of a minute on the mean, and then,
  or at once if the person erases, shows expressions drawn from the last release. Were the seat emptied, or filled with
  a known value, the step would tell what it held.
- The noise (``noise``) does not depend on who is there, and on how many only as of the last batch: it is wider in small
  classes. It is drawn anew with each batch, of which there is at most one in ``batch_gap_s``. A phantom adds some of
  its own, so that nothing cancels between before and after a leave.
- All that is released is computed from the noised counts, and means, ellipse and intensity from the shares that are
  shown (``suppression``), with the coordinates of ``classmood.emotions``; what has just risen (``rises``) likewise.

Appreciation and caution have a share here only where students press them or a model measures them; the scores that the
shipped model's readout derives are not on the wire.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

import numpy as np
from jaxtyping import Float64
from pydantic import BaseModel, ConfigDict, Field

from classmood.emotions import CLASSROOM_CLASSES, CLASSROOM_VAD, NEUTRAL
from classmood.server.membership import Membership
from classmood.server.noise import WanderingNoise
from classmood.server.rises import Rises
from classmood.server.suppression import suppress

UNSURE: Final = "unsure"
CELLS: Final = (*CLASSROOM_CLASSES, UNSURE)
PRESSES: Final = ("confused", "slower", "faster")
_COORDINATES: Final = np.array([CLASSROOM_VAD[name] for name in CLASSROOM_CLASSES])
_TWO_SIDED_95: Final = 1.96


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
        batch_gap_s: least time between batches, so that nobody can have noise drawn anew at will.
        phantom_s: mean time for which a phantom seat shows the same.
        longest_hold_s: how long the last unit of someone who left may stay at most.
        phantom_noise: deviation of what a phantom adds besides, as a share of the noise's own. It stays the same until
            the next batch: without it the slow parts of the noise would cancel between before and after a leave.
        small_class: below this size the noise is wider, by their ratio.
        widest: at most so much wider.
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
    phantom_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    longest_hold_s: float = Field(default=180.0, ge=0, allow_inf_nan=False)
    phantom_noise: float = Field(default=0.6, ge=0, allow_inf_nan=False)
    small_class: float = Field(default=12.0, ge=0, allow_inf_nan=False)
    widest: float = Field(default=1.4, ge=1, allow_inf_nan=False)

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


@dataclass
class _Voice:
    """One student's last seconds. It has no name, and no history beyond what the next release needs."""

    sums: np.ndarray = field(default_factory=lambda: np.zeros(len(CELLS)))
    readings: int = 0
    last: np.ndarray | None = None
    last_s: float = -np.inf
    mood: np.ndarray | None = None
    mood_s: float = -np.inf
    pressed_s: dict[str, float] = field(default_factory=dict)
    left_s: float | None = None

    def unit(self, time_s: float, settings: ReleaseSettings) -> Float64[np.ndarray, " c"]:
        """How this student's one unit is spread over ``CELLS``."""
        if self.readings:
            return self.sums / self.readings
        if self.last is not None and time_s - self.last_s <= settings.stale_s:
            return self.last
        if self.mood is not None and time_s - self.mood_s <= settings.mood_s:
            return self.mood
        return _one(UNSURE)

    def presses(self, time_s: float, settings: ReleaseSettings) -> Float64[np.ndarray, " p"]:
        """1 for each press that stands."""
        return np.array([float(time_s - self.pressed_s.get(name, -np.inf) <= settings.press_s) for name in PRESSES])


class ClassReleases:
    """One class session's students in memory, and its releases.

    It cannot be pickled or printed with its contents; there is no way out but ``close``.
    """

    def __init__(
        self,
        settings: ReleaseSettings | None = None,
        *,
        class_size: int | None = None,
        first: int = 0,
        randomness: random.Random | None = None,
    ) -> None:
        """Begin a class, or go on after a kill: all seats begin anew, the numbers go on with ``first``."""
        self.settings = settings or ReleaseSettings()
        self._class_size = class_size
        self._membership = Membership(max(self.settings.batch, self.settings.k))
        self._voices: dict[str, _Voice] = {}
        deviations = [self.settings.noise_students] * len(CELLS) + [self.settings.press_noise_students] * len(PRESSES)
        self._randomness = randomness or random.SystemRandom()
        self._noise = WanderingNoise(deviations, self.settings.interval_s, self._randomness)
        self._deviations = np.asarray(deviations)
        self._phantoms: dict[str, np.ndarray] = {}
        self._offsets: dict[str, np.ndarray] = {}
        self._rises = Rises(deviations, self.settings.interval_s, self.settings.smallest_cell)
        self._last_batch_s = -np.inf
        self._number = first
        self._public = _one(UNSURE)

    def __reduce__(self) -> NoReturn:
        raise TypeError("what students show stays in memory; it cannot be pickled")

    def counts(self, student: str) -> bool:
        """Whether a student's seat counts yet, or waits for a batch."""
        return student in self._membership.counted

    def join(self, student: str) -> None:
        """A student begins to share, or comes back."""
        self._membership.join(student)
        self._voices.setdefault(student, _Voice()).left_s = None
        self._phantoms.pop(student, None)
        self._offsets.pop(student, None)

    def leave(self, student: str, time_s: float) -> None:
        """A student stops sharing. The seat counts on until the next batch."""
        self._membership.leave(student)
        if student in self._membership.counted and student in self._voices:
            self._freeze(student, time_s)
        else:
            self._voices.pop(student, None)

    def erase(self, student: str) -> None:
        """A student leaves and nothing of what they showed stays, not even for the rest of the interval."""
        self._membership.leave(student)
        self._voices.pop(student, None)

    def read(self, student: str, classroom: Sequence[float], *, not_sure: bool, time_s: float) -> None:
        """Take a camera's reading: probabilities of ``CLASSROOM_CLASSES``, which are set to sum to 1."""
        voice = self._voice(student)
        if voice is None:
            return
        whole = sum(classroom)
        cells = np.append(np.asarray(classroom) / whole, 0.0) if whole > 0 and not not_sure else _one(UNSURE)
        voice.sums = voice.sums + cells
        voice.readings += 1
        voice.last, voice.last_s = cells, time_s

    def press_mood(self, student: str, mood: str, time_s: float) -> None:
        """Take a pressed mood: one of ``CLASSROOM_CLASSES``."""
        if voice := self._voice(student):
            voice.mood, voice.mood_s = _one(mood), time_s

    def press(self, student: str, pressed: Sequence[str], time_s: float) -> None:
        """Take which of ``PRESSES`` stand from now on; those not named are taken back."""
        if voice := self._voice(student):
            voice.pressed_s = dict.fromkeys(pressed, time_s)

    def pause(self, student: str) -> None:
        """A student stops showing anything: counted as unsure, which does not tell a pause from an unread face."""
        if self._voice(student):
            self._voices[student] = _Voice()

    def close(self, time_s: float) -> Release:
        """End an interval: the release that everybody may know."""
        if time_s - self._last_batch_s >= self.settings.batch_gap_s and self._membership.settle():
            self._last_batch_s = time_s
            self._noise.renew()
            for gone in set(self._voices) - self._membership.present:
                del self._voices[gone]
            self._phantoms, self._offsets = {}, {}
            self._rises.clear()
        seats = self._membership.counted
        # The size is public and changes with a batch only, which draws the noise anew: it tells nothing.
        noise = self._noise.step() * self.settings.widening(len(seats))
        number, self._number = self._number, self._number + 1
        if self._membership.sharing < self.settings.k:
            # A silence may be long, and nobody's last unit waits through it.
            self._voices = {name: voice for name, voice in self._voices.items() if voice.left_s is None}
            self._begin_interval()
            self._rises.clear()
            return Release(number=number, time_s=time_s, class_size=self._class_size)
        counts = np.sum([self._unit(seat, time_s) for seat in sorted(seats)], axis=0) + noise
        self._begin_interval()
        return self._publish(counts, len(seats), number, time_s)

    def _publish(self, counts: Float64[np.ndarray, " c"], sharing: int, number: int, time_s: float) -> Release:
        """A release from noised counts; nothing else of the students is known here."""
        settings = self.settings
        shown = suppress(counts[: len(CELLS)], sharing, settings.smallest_cell, settings.share_step)
        self._public = shown.filled()
        confused, slower, faster = (_shown_press(count, sharing, settings) for count in counts[len(CELLS) :])
        climate = _climate(self._public)
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
        step, risen = self.settings.share_step, self._rises.take(counts, self.settings.widening(sharing))
        return {
            name: round(round(min(float(students) / sharing, 1.0) / step) * step, 6)
            for name, students in zip((*CELLS, *PRESSES), risen, strict=True)
            if students and name != UNSURE
        }

    def _unit(self, seat: str, time_s: float) -> Float64[np.ndarray, " u"]:
        """What a seat adds to the counts: of ``CELLS``, then of ``PRESSES``."""
        voice = self._voices.get(seat)
        changes = self._randomness.random() > math.exp(-self.settings.interval_s / self.settings.phantom_s)
        left_s = None if voice is None else voice.left_s
        if left_s is not None and (changes or time_s - left_s > self.settings.longest_hold_s):
            del self._voices[seat]
            voice = None
        if voice is not None:
            at_s = time_s if left_s is None else left_s
            return np.append(voice.unit(at_s, self.settings), voice.presses(at_s, self.settings))
        if changes or seat not in self._phantoms:
            self._phantoms[seat] = _one(self._randomness.choices(CELLS, self._public.tolist())[0])
        if seat not in self._offsets:
            wide = self.settings.phantom_noise * self.settings.widening(len(self._membership.counted))
            drawn = [self._randomness.gauss(0.0, wide) for _ in self._deviations]
            self._offsets[seat] = np.asarray(drawn) * self._deviations
        unit: Float64[np.ndarray, " u"] = np.append(self._phantoms[seat], np.zeros(len(PRESSES))) + self._offsets[seat]
        return unit

    def _voice(self, student: str) -> _Voice | None:
        return self._voices.get(student) if student in self._membership.present else None

    def _freeze(self, student: str, time_s: float) -> None:
        """Keep one unit of someone who left, and not how it came about."""
        voice = self._voices[student]
        if voice.left_s is None:
            standing = {
                name: time_s for name, on in zip(PRESSES, voice.presses(time_s, self.settings), strict=True) if on
            }
            self._voices[student] = _Voice(
                last=voice.unit(time_s, self.settings), last_s=time_s, pressed_s=standing, left_s=time_s
            )

    def _begin_interval(self) -> None:
        for voice in self._voices.values():
            voice.sums, voice.readings = np.zeros(len(CELLS)), 0


def _one(cell: str) -> Float64[np.ndarray, " c"]:
    return np.array([float(name == cell) for name in CELLS])


def _shown_press(count: float, sharing: int, settings: ReleaseSettings) -> float | None:
    """A press's share, or None where it is a small cell or noise alone could well be all of it."""
    if count < min(settings.smallest_press(sharing), sharing):
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
