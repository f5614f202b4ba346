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
  classes. It is drawn anew with each batch; from batch to batch the least gap grows (``batch_gap_growth``), so that
  devices that come and go do not have it drawn often. A phantom adds some of its own, so that nothing cancels between
  before and after a leave.
- All that is released is computed from the noised counts, and means, ellipse and intensity from the shares that are
  shown (``suppression``), with the coordinates of ``classmood.emotions``; what has just risen (``rises``) likewise.
- What nudges are decided on is made of the same counts under narrower noise of its own
  (``ReleaseSettings.for_nudges``), since a nudge says so much less than a release: one kind of eight, and when, at most
  once in minutes. It is told to nobody, and kept nowhere.

Appreciation and caution have a share here only where students press them or a model measures them; the scores that the
shipped model's readout derives are not on the wire.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
from jaxtyping import Float64

from classmood.server.channel import Channel
from classmood.server.membership import Membership
from classmood.server.release import CELLS, PRESSES, UNSURE, Release, ReleaseSettings, one_cell


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
        return one_cell(UNSURE)

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
        nudge_randomness: random.Random | None = None,
    ) -> None:
        """Begin a class, or go on after a kill: all seats begin anew, the numbers go on with ``first``.

        Args:
            settings: how much is told, how often.
            class_size: how many the teacher expects.
            first: number of the first release.
            randomness: of releases; the system's in service.
            nudge_randomness: of what nudges are decided on, apart from it.
        """
        self.settings = settings or ReleaseSettings()
        self._membership = Membership(max(self.settings.batch, self.settings.k))
        self._voices: dict[str, _Voice] = {}
        self._randomness = randomness or random.SystemRandom()
        self._told = Channel(self.settings, class_size, self._randomness)
        self._for_nudges = Channel(self.settings.for_nudges(), class_size, nudge_randomness or random.SystemRandom())
        self._phantoms: dict[str, np.ndarray] = {}
        self._offsets: dict[str, np.ndarray] = {}
        self._next_batch_s = -np.inf
        self._batch_gap_s = self.settings.batch_gap_s
        self._number = first

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
        cells = np.append(np.asarray(classroom) / whole, 0.0) if whole > 0 and not not_sure else one_cell(UNSURE)
        voice.sums = voice.sums + cells
        voice.readings += 1
        voice.last, voice.last_s = cells, time_s

    def press_mood(self, student: str, mood: str, time_s: float) -> None:
        """Take a pressed mood: one of ``CLASSROOM_CLASSES``."""
        if voice := self._voice(student):
            voice.mood, voice.mood_s = one_cell(mood), time_s

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
        if time_s >= self._next_batch_s and self._membership.settle():
            self._next_batch_s = time_s + self._batch_gap_s
            self._batch_gap_s *= self.settings.batch_gap_growth
            for gone in set(self._voices) - self._membership.present:
                del self._voices[gone]
            self._phantoms, self._offsets = {}, {}
            for channel in (self._told, self._for_nudges):
                channel.renew()
        for channel in (self._told, self._for_nudges):
            channel.step()
        number, self._number = self._number, self._number + 1
        if self._membership.sharing < self.settings.k:
            # A silence may be long, and nobody's last unit waits through it.
            self._voices = {name: voice for name, voice in self._voices.items() if voice.left_s is None}
            self._begin_interval()
            self._inner = self._for_nudges.silence(number, time_s)
            return self._told.silence(number, time_s)
        seats = sorted(self._membership.counted)
        counts = np.sum([self._unit(seat, time_s) for seat in seats], axis=0)
        offsets = np.sum([self._offsets.get(seat, np.zeros(len(counts))) for seat in seats], axis=0)
        self._begin_interval()
        made = [
            channel.tell(counts, offsets, sharing=len(seats), number=number, time_s=time_s)
            for channel in (self._told, self._for_nudges)
        ]
        told, self._inner = made
        return told

    @property
    def for_nudges(self) -> Release:
        """What nudges are decided on, as of the last interval. It never leaves memory.

        Raises:
            AttributeError: no interval has ended yet.
        """
        return self._inner

    def _unit(self, seat: str, time_s: float) -> Float64[np.ndarray, " u"]:
        """What a seat adds to the counts: of ``CELLS``, then of ``PRESSES``. A phantom draws its offset beside it."""
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
            self._phantoms[seat] = one_cell(self._randomness.choices(CELLS, self._told.public.tolist())[0])
        if seat not in self._offsets:
            drawn = [self._randomness.gauss(0.0, self.settings.phantom_noise) for _ in (*CELLS, *PRESSES)]
            self._offsets[seat] = np.asarray(drawn)
        return np.append(self._phantoms[seat], np.zeros(len(PRESSES)))

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
