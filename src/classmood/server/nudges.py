"""At most one suggestion in an interval, from what was released and from marks alone.

A nudge compares the mean of the last releases with that of the releases before them, and is given only where the change
is greater than the noise of the releases explains and than the teacher cares about. It names the moment (the last mark
before the change began, or its time) and offers an action between people, teacher and student or student and student,
since that is what the paper argues emotions are for in a class. Good news are nudges too.

Derived emotions (appreciation, caution) never drive one, whoever measured them. Nothing here knows a student. Given the
same releases, marks and answers, the nudges are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from classmood.emotions import DERIVED
from classmood.server.noise import SPECTRUM
from classmood.server.release import PRESSES, Release, ReleaseSettings

Usefulness = Literal["useful", "not useful"]
MarkKind = Literal["slide", "question", "break", "text"]
KindName = Literal["confusion", "wants slower", "wants faster", "low", "tense", "surprise", "joy", "unread"]

# Longer ones are cut: a nudge is read at a glance.
_LONGEST_LABEL: Final = 60
LONGEST_MOMENT: Final = _LONGEST_LABEL + 40
_LOUDER: Final = 1.25
_LOUDEST: Final = 3.0
_QUIETEST: Final = 0.8


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that the teacher marked: when, what kind, and a label of theirs (may be empty)."""

    time_s: float
    kind: MarkKind
    label: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of nudge.

    Attributes:
        value: what it watches in a release: the least and the most that the shown values allow.
        least_change: rise that a teacher would care about, as a share.
        presses: whether it watches presses, whose noise is another.
        text: what is said, with {moment}, {before} and {after}.
        action: what is offered.
    """

    name: KindName
    value: Callable[[Release, ReleaseSettings], tuple[float, float]]
    least_change: float
    presses: bool
    text: str
    action: str


@dataclass(frozen=True, slots=True)
class Nudge:
    """One suggestion.

    Attributes:
        number: from 0 within the session.
        time_s: when it was given.
        since_s: when the change began.
        mark: the mark that came before the change; None where there is none near.
        text, action: what is shown.
    """

    number: int
    time_s: float
    kind: KindName
    since_s: float
    mark: Mark | None
    text: str
    action: str


class NudgeSettings(BaseModel):
    """How often, and how much has to happen.

    Attributes:
        interval_s: at most one nudge in this time.
        window: releases on either side that are compared.
        deviations: of the noise of that comparison, which a change must exceed.
        cause_s: a mark this long before the change still counts as its moment.
        quiet: nothing is shown, and nothing is saved up for later.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    interval_s: float = Field(default=300.0, ge=60, allow_inf_nan=False)
    window: int = Field(default=3, ge=1, le=30)
    deviations: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    cause_s: float = Field(default=90.0, ge=0, allow_inf_nan=False)
    quiet: bool = False


def _sum_of(*names: str) -> Callable[[Release, ReleaseSettings], tuple[float, float]]:
    """The shares of some expressions. A hidden one is a small cell: between none and the limit of what is shown."""
    assert not set(names) & set(DERIVED)

    def value(release: Release, settings: ReleaseSettings) -> tuple[float, float]:
        assert release.sharing is not None
        least = sum(release.shares.get(name, 0.0) for name in names)
        hidden = sum(name not in release.shares for name in names)
        return least, least + hidden * settings.smallest_cell / release.sharing

    return value


def _press(name: str) -> Callable[[Release, ReleaseSettings], tuple[float, float]]:
    assert name in PRESSES

    def value(release: Release, settings: ReleaseSettings) -> tuple[float, float]:
        assert release.sharing is not None
        found: float | None = getattr(release, name)
        return (0.0, settings.smallest_press(release.sharing) / release.sharing) if found is None else (found, found)

    return value


# In order of weight where several would be due at once; what hinders learning comes before what pleases.
KINDS: Final = (
    Kind(
        "confusion",
        _press("confused"),
        0.2,
        True,
        "More press that they are confused since {moment} ({before} to {after}).",
        "Ask each to explain the last step to a neighbour, then take the questions that are left.",
    ),
    Kind(
        "wants faster",
        _press("faster"),
        0.2,
        True,
        "More ask for a faster pace since {moment} ({before} to {after}).",
        "Offer a harder question, and let those who are done help the others.",
    ),
    Kind(
        "wants slower",
        _press("slower"),
        0.2,
        True,
        "More ask for a slower pace since {moment} ({before} to {after}).",
        "Stop here and let somebody sum up the last minutes in their own words.",
    ),
    Kind(
        "tense",
        _sum_of("fury", "terror", "disdain"),
        0.15,
        False,
        "More expressions resembling anger, fear or disgust since {moment} ({before} to {after}).",
        "Ask openly what makes this hard, and let pairs collect what would help.",
    ),
    Kind(
        "low",
        _sum_of("grief"),
        0.15,
        False,
        "More expressions resembling sadness since {moment} ({before} to {after}).",
        "Ask how they are, and give a task that small groups can solve together.",
    ),
    Kind(
        "surprise",
        _sum_of("surprise"),
        0.2,
        False,
        "More expressions resembling surprise since {moment} ({before} to {after}).",
        "Ask what was unexpected, and let pairs compare their explanations.",
    ),
    Kind(
        "joy",
        _sum_of("joy"),
        0.2,
        False,
        "More expressions resembling joy since {moment} ({before} to {after}). Whatever it was, it was liked.",
        "Take it up: let students add their own example.",
    ),
    Kind(
        "unread",
        _sum_of("unsure"),
        0.3,
        False,
        "Fewer faces can be read since {moment} ({before} to {after} unsure); this says nothing of how they feel.",
        "Ask a question by name-free vote, so that everybody has something to do.",
    ),
)


class Nudges:
    """Decides on nudges, release by release."""

    def __init__(
        self,
        settings: NudgeSettings | None = None,
        release: ReleaseSettings | None = None,
        *,
        given: Sequence[Nudge] = (),
    ) -> None:
        """Begin a class, or go on after a kill with what was given before it."""
        self.settings = settings or NudgeSettings()
        self._release = release or ReleaseSettings()
        self._seen: list[Release] = []
        self._marks: list[Mark] = []
        self._given: list[Nudge] = list(given)
        self._factors: dict[KindName, float] = {}

    @property
    def given(self) -> tuple[Nudge, ...]:
        """All that were given."""
        return tuple(self._given)

    def quiet(self, on: bool) -> None:
        """Turn quiet mode on or off."""
        self.settings = self.settings.model_copy(update={"quiet": on})

    def mark(self, mark: Mark) -> None:
        """The teacher marked a moment."""
        self._marks.append(mark)

    def answer(self, number: int, usefulness: Usefulness) -> None:
        """What the teacher thinks of a nudge: of its kind, more or less is needed from now on."""
        kind = next(nudge.kind for nudge in self._given if nudge.number == number)
        factor = self.threshold_factor(kind) * (_LOUDER if usefulness == "not useful" else 1 / _LOUDER)
        self._factors[kind] = min(max(factor, _QUIETEST), _LOUDEST)

    def threshold_factor(self, kind: KindName) -> float:
        """By what the answers so far multiply a kind's least change."""
        return self._factors.get(kind, 1.0)

    def take(self, release: Release) -> Nudge | None:
        """Take a release; the nudge that is due now, if any."""
        window = self.settings.window
        self._seen = [*self._seen, release][-2 * window :]
        due = not self._given or release.time_s - self._given[-1].time_s >= self.settings.interval_s
        # A silence or a batch between the two would be compared with the class.
        same = len({seen.sharing for seen in self._seen}) == 1 and not release.silent
        if self.settings.quiet or not due or not same or len(self._seen) < 2 * window:
            return None
        earlier, later = self._seen[:window], self._seen[window:]
        for kind in KINDS:
            before = sum(kind.value(seen, self._release)[1] for seen in earlier) / window
            values = [kind.value(seen, self._release)[0] for seen in later]
            after = sum(values) / window
            if after - before < self._least(kind, release):
                continue
            # A great change is told before all of the later window shows it.
            first = next(seen for seen, value in zip(later, values, strict=True) if value >= (before + after) / 2)
            return self._give(kind, release.time_s, first.time_s, before, after)
        return None

    def _least(self, kind: Kind, release: Release) -> float:
        assert release.sharing is not None
        settings = self._release
        students = settings.press_noise_students if kind.presses else settings.noise_students
        students *= settings.widening(release.sharing)
        # A sum of cells has the noise of each; the shown shares are rounded besides, which the noise dwarfs.
        cells = 3 if kind.name == "tense" else 1
        noise = (
            students * math.sqrt(cells) / release.sharing * _change_deviation(self.settings.window, settings.interval_s)
        )
        return max(kind.least_change * self.threshold_factor(kind.name), self.settings.deviations * noise)

    def _give(self, kind: Kind, time_s: float, since_s: float, before: float, after: float) -> Nudge:
        start_s = since_s - self._release.interval_s
        near = [mark for mark in self._marks if start_s - self.settings.cause_s <= mark.time_s <= since_s]
        cause = max(near, key=lambda mark: mark.time_s, default=None)
        text = kind.text.format(moment=_moment(cause, start_s), before=f"{before:.0%}", after=f"{after:.0%}")
        number = self._given[-1].number + 1 if self._given else 0
        nudge = Nudge(number, time_s, kind.name, since_s, cause, text, kind.action)
        self._given.append(nudge)
        return nudge


def _moment(mark: Mark | None, start_s: float) -> str:
    if mark is None:
        return _clock(start_s)
    words = {"slide": "the slide", "question": "the question", "break": "the break", "text": "your mark"}[mark.kind]
    label = "".join(c if c.isprintable() else " " for c in mark.label).strip()
    if len(label) > _LONGEST_LABEL:
        label = label[: _LONGEST_LABEL - 1] + "…"
    return f"{words} “{label}” at {_clock(mark.time_s)}" if label else f"{words} at {_clock(mark.time_s)}"


def _clock(time_s: float) -> str:
    return f"{int(time_s) // 60}:{int(time_s) % 60:02d}"


def _change_deviation(window: int, interval_s: float) -> float:
    """Standard deviation of later mean minus earlier mean under unit noise of the releases' spectrum."""
    signs = [-1 / window] * window + [1 / window] * window
    variance = sum(
        share * a * b * (math.exp(-abs(i - j) * interval_s / tau_s) if tau_s else float(i == j))
        for tau_s, share in SPECTRUM
        for i, a in enumerate(signs)
        for j, b in enumerate(signs)
    )
    return math.sqrt(variance)
