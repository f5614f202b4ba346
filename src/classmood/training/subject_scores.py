"""How well left-out participants were read: overall, a participant, a course, with intervals over participants.

Clips of one participant resemble one another, so participants are what is drawn again in the bootstrap (2,000 rounds,
percentile intervals of 95 %); where all clips are right, or all wrong, no draw differs, and the interval of the
accuracy is Wilson's with the participants as its sample. The *spread* is the standard deviation of the participants'
accuracies: how unequally a model serves people. Part of it is chance, since each has few clips; it is there for every
model alike, which is why only the difference of two spreads on the same clips is of interest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64, Int64

from classmood.agreement import Agreement, assess
from classmood.clips.crop_set import CropSet
from classmood.disparity import wilson
from classmood.emotions import CLASSROOM_CLASSES
from classmood.pairs import Pairs, places_of
from classmood.training.leave_subjects_out import LeftOut

ROUNDS: Final = 2000
_HOW: Final = "To know it, ask participants after each scenario: pages of the kinds emotion and sam do."


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and its 95 % interval over participants; NaN where it is not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SubjectScores:
    """Scores of one model.

    Attributes:
        problem: why there are none, "" where there are.
        clips: with a class, on which the scores are.
        by_participant: accuracy and number of clips of each.
        by_course: accuracy of each.
        spread: standard deviation of the participants' accuracies.
        agreement: of what the model named, and of the dimensions that it measures, with self-report.
        recall: of each class that occurs.
    """

    model: str
    problem: str
    clips: int
    accuracy: Interval
    macro_f1: Interval
    by_participant: dict[str, tuple[float, int]]
    by_course: dict[str, Interval]
    spread: Interval
    agreement: Agreement
    recall: dict[str, float]


class Bootstrap:
    """The same draws of participants for every model, so that differences are of the models."""

    def __init__(self, crops: CropSet, *, rounds: int = ROUNDS, seed: int = 0) -> None:
        self.crops = crops
        self.people = np.array(crops.participants)
        self.person = np.searchsorted(np.sort(self.people), [clip.participant for clip in crops.clips])
        self.people = np.sort(self.people)
        n = len(self.people)
        drawn = np.random.default_rng(seed).integers(0, n, (rounds, n))
        self.draws: list[Int64[np.ndarray, " _"]] = []
        members = [np.flatnonzero(self.person == k) for k in range(n)]
        for row in drawn:
            self.draws.append(np.concatenate([members[k] for k in row]))
        self.drawn = drawn

    def interval(self, statistic: Callable[[Int64[np.ndarray, " m"]], float]) -> Interval:
        """A statistic of clips, given as places, over all of them and over the draws."""
        value = statistic(np.arange(len(self.person)))
        if np.isnan(value):
            return Interval(value, value, value)
        again = [found for draw in self.draws if not np.isnan(found := statistic(draw))]
        low, high = np.percentile(again, [2.5, 97.5]) if len(again) > 1 else (np.nan, np.nan)
        return Interval(float(value), float(low), float(high))

    def spread(self, accuracy: Float64[np.ndarray, " p"]) -> Interval:
        """Standard deviation over participants, by draws of them."""
        again = np.array([_deviation(accuracy[row]) for row in self.drawn])
        again = again[~np.isnan(again)]
        low, high = np.percentile(again, [2.5, 97.5]) if len(again) else (np.nan, np.nan)
        return Interval(_deviation(accuracy), float(low), float(high))

    def difference(self, one: Float64[np.ndarray, " p"], other: Float64[np.ndarray, " p"]) -> Interval:
        """Spread of one less spread of the other."""
        again = np.array([_deviation(one[row]) - _deviation(other[row]) for row in self.drawn])
        # Equal spreads may differ in the last digit, which is no difference.
        again = again[~np.isnan(again)].round(12)
        low, high = np.percentile(again, [2.5, 97.5]) if len(again) else (np.nan, np.nan)
        return Interval(_deviation(one) - _deviation(other), float(low), float(high))

    def accuracies(self, right: Bool[np.ndarray, " n"], scored: Bool[np.ndarray, " n"]) -> Float64[np.ndarray, " p"]:
        """Each participant's accuracy; NaN for whoever has no clip with a class."""
        n = len(self.people)
        hits = np.bincount(self.person[scored], right[scored].astype(float), n)
        count = np.bincount(self.person[scored], minlength=n)
        found: Float64[np.ndarray, " p"] = np.divide(hits, count, out=np.full(n, np.nan), where=count > 0)
        return found


def score_subjects(crops: CropSet, said: LeftOut, bootstrap: Bootstrap) -> SubjectScores:
    """Score one model."""
    labels = np.array([CLASSROOM_CLASSES.index(clip.label) if clip.label else -1 for clip in crops.clips])
    scored = (labels >= 0) & ~np.isnan(said.shares).any(1)
    named = np.where(np.isnan(said.shares), -1, said.shares).argmax(1)
    right = named == labels
    nothing = Interval(np.nan, np.nan, np.nan)
    if said.problem or not scored.any():
        return SubjectScores(said.model, said.problem, 0, nothing, nothing, {}, {}, nothing, Agreement(), {})
    own = bootstrap.accuracies(right, scored)
    count = np.bincount(bootstrap.person[scored], minlength=len(own))
    courses = np.array([clip.course for clip in crops.clips])

    def accuracy(places: np.ndarray, course: str | None = None) -> float:
        kept = places[scored[places] & ((courses[places] == course) if course is not None else True)]
        return float(right[kept].mean()) if len(kept) else np.nan

    pairs = Pairs(
        bootstrap.person,
        places_of([clip.emotion for clip in crops.clips]),
        np.where(np.isnan(said.shares).any(1), -1, named),
        np.array([clip.ratings for clip in crops.clips]),
        said.vad,
    )
    present = [k for k in range(len(CLASSROOM_CLASSES)) if (labels[scored] == k).any()]
    return SubjectScores(
        said.model,
        "",
        int(scored.sum()),
        _widened(bootstrap.interval(accuracy), int((count > 0).sum())),
        bootstrap.interval(lambda places: _macro_f1(labels, named, places[scored[places]])),
        {str(who): (float(value), int(n)) for who, value, n in zip(bootstrap.people, own, count, strict=True) if n},
        {
            course: bootstrap.interval(lambda places, course=course: accuracy(places, course))  # type: ignore[misc]
            for course in sorted(set(courses.tolist()))
        },
        bootstrap.spread(own),
        assess(pairs, _HOW),
        {CLASSROOM_CLASSES[k]: float(right[scored & (labels == k)].mean()) for k in present},
    )


def spread_difference(crops: CropSet, one: LeftOut, other: LeftOut, bootstrap: Bootstrap) -> Interval:
    """By how much participants differ more in one model's eyes than in the other's."""
    labels = np.array([CLASSROOM_CLASSES.index(clip.label) if clip.label else -1 for clip in crops.clips])
    scored = labels >= 0
    return bootstrap.difference(
        *(bootstrap.accuracies(said.shares.argmax(1) == labels, scored) for said in (one, other))
    )


def _widened(one: Interval, people: int) -> Interval:
    """Wilson's interval over participants where the bootstrap has none."""
    if one.value not in (0.0, 1.0):
        return one
    low, high = wilson(one.value * people, float(people))
    return Interval(one.value, low, high)


def _macro_f1(labels: np.ndarray, named: np.ndarray, places: np.ndarray) -> float:
    """Mean F1 over the classes that occur among the labels."""
    if not len(places):
        return np.nan
    k = len(CLASSROOM_CLASSES)
    confusion = np.bincount(labels[places] * k + named[places], minlength=k * k).reshape(k, k)
    occurs, said, hits = confusion.sum(1), confusion.sum(0), confusion.diagonal()
    f1 = 2 * hits[occurs > 0] / (occurs + said)[occurs > 0]
    return float(f1.mean())


def _deviation(values: Float64[np.ndarray, " p"]) -> float:
    known = values[~np.isnan(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else np.nan
