"""At most one suggestion in an interval, from noised counts of the class and from marks alone.

What it is decided on has the shape of a release and less noise (``ReleaseSettings.for_nudges``): a nudge tells one kind
and one moment, so it can rest on more than the teacher sees. For the same reason it tells no share.

A nudge is given only where the last counts speak for a rise much more than for their own noise (``evidence``), more
than for any other pattern, and where the rise is one that a teacher cares about. It names the moment (the last mark
before the change began, or its time) and offers an action between people, teacher and student or student and student,
since that is what the paper argues emotions are for in a class. Good news are nudges too.

Derived emotions (appreciation, caution) never drive one, whoever measured them. Nothing here knows a student. Given the
same releases, marks and answers, the nudges are the same. How often they are right is measured on simulated classes:
docs/guides/simulate.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from classmood.emotions import DERIVED, NEUTRAL
from classmood.server.evidence import WINDOW, Finding, comparable, weigh
from classmood.server.release import PRESSES, UNSURE, Release, ReleaseSettings

Usefulness = Literal["useful", "not useful"]
MarkKind = Literal["slide", "question", "break", "text"]
KindName = Literal["confusion", "wants slower", "wants faster", "low", "tense", "surprise", "joy", "unread"]

# Longer ones are cut: a nudge is read at a glance.
_LONGEST_LABEL: Final = 60
LONGEST_MOMENT: Final = _LONGEST_LABEL + 40
_LOUDER: Final = 1.25
_LOUDEST: Final = 3.0
_QUIETEST: Final = 0.8
# What began longer ago than this is no news.
_NEWS: Final = 6
# Of patterns that explain the releases about as well as the best one, the first in the order of weight is told.
_ABOUT_AS_WELL: Final = 0.8
# Half-width of a share's noise from which on more evidence is needed, in proportion.
_LARGE_NOISE: Final = 0.17
# While the teacher's break lasts, nobody needs to be told that faces are gone.
_BREAK_S: Final = 360.0


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
        pattern: how the shares of cells move where all of a class turns to it; see ``evidence``.
        least_change: rise of what is watched that a teacher would care about, as a share.
        text: what is said, with {moment}.
        action: what is offered.
    """

    name: KindName
    value: Callable[[Release, ReleaseSettings], tuple[float, float]]
    pattern: Mapping[str, float]
    least_change: float
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


@dataclass(frozen=True, slots=True)
class _Rise:
    since_s: float
    change: float


class NudgeSettings(BaseModel):
    """How often, and how much has to happen.

    Attributes:
        interval_s: at most one nudge in this time.
        evidence: natural logarithm of how much likelier the counts must be with a rise than without, in a class whose
            noise is small; where it is large, moments are seldom seen and noise is as frequent, so more is needed.
        cause_s: a mark this long before the change still counts as its moment.
        quiet: nothing is shown, and nothing is saved up for later.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    interval_s: float = Field(default=300.0, ge=60, allow_inf_nan=False)
    evidence: float = Field(default=2.5, ge=0, allow_inf_nan=False)
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
        {"confused": 0.6, "slower": 0.2},
        0.12,
        "More press that they are confused since {moment}.",
        "Ask each to explain the last step to a neighbour, then take the questions that are left.",
    ),
    Kind(
        "wants faster",
        _press("faster"),
        {"faster": 0.55},
        0.12,
        "More ask for a faster pace since {moment}.",
        "Offer a harder question, and let those who are done help the others.",
    ),
    Kind(
        "wants slower",
        _press("slower"),
        {"slower": 0.6, "confused": 0.3},
        0.12,
        "More ask for a slower pace since {moment}.",
        "Stop here and let somebody sum up the last minutes in their own words.",
    ),
    Kind(
        "tense",
        _sum_of("fury", "terror", "disdain"),
        {"fury": 0.3, "terror": 0.15, "disdain": 0.1, "neutral": -0.5},
        0.12,
        "More expressions resembling anger, fear or disgust since {moment}.",
        "Ask openly what makes this hard, and let pairs collect what would help.",
    ),
    Kind(
        "low",
        _sum_of("grief"),
        {"grief": 0.55, "neutral": -0.45},
        0.12,
        "More expressions resembling sadness since {moment}.",
        "Ask how they are, and give a task that small groups can solve together.",
    ),
    Kind(
        "surprise",
        _sum_of("surprise"),
        {"surprise": 0.6, "neutral": -0.45, "grief": -0.05, "joy": -0.05},
        0.15,
        "More expressions resembling surprise since {moment}.",
        "Ask what was unexpected, and let pairs compare their explanations.",
    ),
    Kind(
        "joy",
        _sum_of("joy"),
        {"joy": 0.65, "neutral": -0.45, "grief": -0.08, "surprise": -0.03},
        0.15,
        "More expressions resembling joy since {moment}. Whatever it was, it was liked.",
        "Take it up: let students add their own example.",
    ),
    Kind(
        "unread",
        _sum_of("unsure"),
        {UNSURE: 0.8, "neutral": -0.5, "joy": -0.1, "grief": -0.1},
        0.2,
        "Fewer faces can be read since {moment}; this says nothing of how they feel.",
        "Ask a question by name-free vote, so that everybody has something to do.",
    ),
)

# What explains a change and is no news: faces that can be read again, a feeling that goes, a derived emotion.
_NO_NEWS: Final = (
    {UNSURE: -0.8, "neutral": 0.5, "joy": 0.1, "grief": 0.1},
    {"joy": -0.6, "neutral": 0.5},
    {"grief": -0.5, "neutral": 0.45},
    *({name: 0.6, "neutral": -0.5} for name in DERIVED),
)

# Where nobody has a camera, an expression is pressed by somebody who showed nothing before, and ends in nothing.
_PRESSED_NO_NEWS: Final = ({"joy": -0.6, UNSURE: 0.5}, {"grief": -0.5, UNSURE: 0.45})


class Nudges:
    """Decides on nudges, release by release."""

    def __init__(
        self,
        settings: NudgeSettings | None = None,
        release: ReleaseSettings | None = None,
        *,
        given: Sequence[Nudge] = (),
        cameras: bool = True,
    ) -> None:
        """Begin a class, or go on after a kill with what was given before it.

        Args:
            settings: how often, and how much has to happen.
            release: the settings of what it is decided on.
            given: before a kill, in order.
            cameras: whether faces are read in this class at all; else none of them can be unread.
        """
        self.settings = settings or NudgeSettings()
        self._release = release or ReleaseSettings()
        self._seen: list[Release] = []
        self._marks: list[Mark] = []
        self._given: list[Nudge] = list(given)
        self._factors: dict[KindName, float] = {}
        self._cameras = cameras
        patterns = [kind.pattern if cameras else _pressed(kind.pattern) for kind in KINDS]
        self._patterns = [*patterns, *(_NO_NEWS if cameras else _PRESSED_NO_NEWS)]
        self._releases = 0
        self._unsure = 0.0

    @property
    def given(self) -> tuple[Nudge, ...]:
        """All that were given."""
        return tuple(self._given)

    def quiet(self, on: bool) -> None:
        """Turn quiet mode on or off; what rose while it was on is not told after."""
        if self.settings.quiet and not on:
            self._seen = []
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
        """By what the answers so far multiply what a kind needs: evidence and change."""
        return self._factors.get(kind, 1.0)

    def take(self, release: Release) -> Nudge | None:
        """Take a release; the nudge that is due now, if any."""
        self._seen = [*self._seen, release][-WINDOW:]
        if not release.silent:
            self._releases += 1
            self._unsure += release.shares.get(UNSURE, 0.0)
        due = not self._given or release.time_s - self._given[-1].time_s >= self.settings.interval_s
        if self.settings.quiet or not due:
            return None
        findings = weigh(self._seen, self._patterns, self._release)
        if findings is None:
            return None
        best = max(findings, key=lambda finding: finding.log_odds)
        if best in findings[len(KINDS) :]:
            return None
        for kind, finding in zip(KINDS, findings, strict=False):
            if finding.log_odds < _ABOUT_AS_WELL * best.log_odds or not self._worth(kind, finding, release.time_s):
                continue
            rise = self._rise(kind, finding)
            if rise.change >= kind.least_change * self.threshold_factor(kind.name):
                return self._give(kind, release.time_s, rise)
        return None

    def _worth(self, kind: Kind, finding: Finding, time_s: float) -> bool:
        """Whether there is enough evidence, it is news, and the teacher does not know anyway."""
        wide = max((self._seen[-1].half_width or 0.0) / _LARGE_NOISE, 1.0)
        needed = self.settings.evidence * wide * self.threshold_factor(kind.name)
        if finding.after > _NEWS or finding.log_odds < needed:
            return False
        if kind.name != "unread":
            return True
        # Where students press, most are unsure most of the time, and again when what they pressed is over.
        mostly_read = self._cameras and self._unsure <= self._releases / 2
        return mostly_read and not any(
            mark.kind == "break" and mark.time_s <= time_s < mark.time_s + _BREAK_S for mark in self._marks
        )

    def _rise(self, kind: Kind, finding: Finding) -> _Rise:
        seen = comparable(self._seen)
        before = [kind.value(one, self._release) for one in seen[: -finding.after]]
        # A hidden cell counts as three quarters of what it could be: few students who become one more are no rise.
        level = sum(0.25 * least + 0.75 * most for least, most in before) / len(before)
        later = [(one.time_s, kind.value(one, self._release)[0]) for one in seen[-finding.after :]]
        half = (level + max(share for _, share in later)) / 2
        later = later[next(i for i, (_, share) in enumerate(later) if share >= min(half, later[-1][1])) :]
        after = sum(share for _, share in later) / len(later)
        return _Rise(later[0][0], after - level)

    def _give(self, kind: Kind, time_s: float, rise: _Rise) -> Nudge:
        since_s = rise.since_s
        start_s = since_s - self._release.interval_s
        near = [mark for mark in self._marks if start_s - self.settings.cause_s <= mark.time_s <= since_s]
        cause = max(near, key=lambda mark: mark.time_s, default=None)
        text = kind.text.format(moment=_moment(cause, start_s))
        number = self._given[-1].number + 1 if self._given else 0
        nudge = Nudge(number, time_s, kind.name, since_s, cause, text, kind.action)
        self._given.append(nudge)
        return nudge


def _pressed(pattern: Mapping[str, float]) -> dict[str, float]:
    return {UNSURE if name == NEUTRAL and UNSURE not in pattern else name: part for name, part in pattern.items()}


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
