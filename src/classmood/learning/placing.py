"""Where a class sits on a fitted surface: its mean arousal and valence, the learning effect there, and how sure.

The interval holds both what is not known of the surface (its drawn samples) and of the class (persons drawn with
replacement). From self-report the place is as good as the ratings. From recognised expressions it is exploratory:
recognised arousal spans only -.27 to .82, a blank face sits near the optimum whoever wears it, and an expression is not
a feeling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from jaxtyping import Float64

from classmood.climate import persons
from classmood.emotions import DIMENSIONS
from classmood.errors import InputError
from classmood.learning.intervals import Interval
from classmood.learning.study import StudyFit
from classmood.learning.surface import predict
from classmood.selfreport import SelfReports
from classmood.timeline import Timeline

LEAST_PERSONS: Final = 5
_BATCH: Final = 100
EXPLORATORY: Final = (
    "exploratory: arousal and valence are recognised from faces, not reported; a blank face sits near the optimum "
    "whoever wears it"
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A class on the surface.

    Attributes:
        name: of the class.
        people: whose means are taken.
        arousal, valence: of the class, 0 to 1, with intervals over persons.
        effect: mean over persons of the learning effect at their own mean.
        agreement: of a study's timeline, how well it matches self-report, as Markdown; "" of anything else.
        exploratory: whether the place is recognised and not reported.
    """

    name: str
    source: Literal["self-report", "recognised"]
    people: int
    arousal: Interval
    valence: Interval
    effect: Interval
    agreement: str = ""

    @property
    def exploratory(self) -> bool:
        """Whether the place is recognised and not reported."""
        return self.source == "recognised"


def place_reports(fit: StudyFit, reports: SelfReports, name: str, *, seed: int = 0) -> Placed:
    """Place a class by what its members rated.

    Raises:
        InputError: fewer than ``LEAST_PERSONS`` have rated.
    """
    rated = np.stack([reports.share("arousal"), reports.share("valence")], 1)
    keep = np.isfinite(rated).all(1)
    return _place(fit, _means(rated[keep], reports.people[keep]), name, "self-report", seed)


def place_timeline(fit: StudyFit, timeline: Timeline, name: str, *, seed: int = 0) -> Placed:
    """Place a class by its recognised expressions, those that are sure; exploratory.

    Raises:
        InputError: fewer than ``LEAST_PERSONS`` could be read.
    """
    sure = ~timeline.not_sure
    columns = [DIMENSIONS.index("arousal"), DIMENSIONS.index("valence")]
    recognised = (timeline.vad[sure][:, columns].astype(np.float64) + 1) / 2
    return _place(fit, _means(recognised, persons(timeline)[sure]), name, "recognised", seed)


def _means(values: np.ndarray, person: np.ndarray) -> Float64[np.ndarray, "p 2"]:
    """Each person's own mean."""
    _, of = np.unique(person, return_inverse=True)
    count = np.bincount(of)
    return np.stack([np.bincount(of, column) / np.maximum(count, 1) for column in values.T], 1)


def _place(
    fit: StudyFit, means: np.ndarray, name: str, source: Literal["self-report", "recognised"], seed: int
) -> Placed:
    people = len(means)
    if people < LEAST_PERSONS:
        raise InputError(
            f"{name}: expected at least {LEAST_PERSONS} persons to place a class, got {people}; "
            f"{LEAST_PERSONS - people} more are needed"
        )
    random = np.random.default_rng(seed)
    drawn = random.integers(people, size=(len(fit.draws), people))
    form = fit.surface.form
    effects = []
    for first in range(0, len(drawn), _BATCH):
        here = means[drawn[first : first + _BATCH]]
        draws = fit.draws[first : first + _BATCH]
        effects.append(predict(form, draws, here, np.zeros_like(here))[0].mean(1))
    centres = means[drawn].mean(1)
    value = fit.surface.at(means[:, 0], means[:, 1]).mean()
    return Placed(
        name,
        source,
        people,
        _interval(means[:, 0].mean(), centres[:, 0]),
        _interval(means[:, 1].mean(), centres[:, 1]),
        _interval(value, np.concatenate(effects)),
    )


def _interval(value: float, draws: np.ndarray) -> Interval:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(value), float(low), float(high))
