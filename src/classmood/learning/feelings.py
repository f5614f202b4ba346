"""What was felt, given what was rated.

A rating is a feeling plus an error: asked twice, people do not choose the same point. An ordinary fit on ratings takes
the error for feeling, which flattens and widens the surface (regression dilution). How large the error is can be told
from ratings that were given twice, as half the variance of their differences. What was felt then is, by Bayes' rule
with the scenario's distribution of feelings as the prior, normal with

    mean      mu + r (rating - mu)           mu: the scenario's mean,  r = F / (F + E)
    variance  r E                            F: variance of feelings within scenarios, E: of the error

and the surface is fitted to its mean over that distribution (regression calibration with the full posterior: Carroll
et al. 2006, Measurement Error in Nonlinear Models, ch. 4). The mean of two ratings has half the error's variance.

Not seen by this: an error that a participant makes both times alike (remembering the first answer, or a scale that is
used in a way of their own). It is a part of the feeling here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64, Int64

# Feelings vary at least this much of what ratings do, or the prior would leave nothing of the rating.
_LEAST_SHARE: Final = 0.05
# From fewer answers given twice the error of a rating is not told.
LEAST_TWICE: Final = 30
# Three to seven of the nine points.
_FROM_MIDDLE: Final = 0.25 + 1e-9


@dataclass(frozen=True, slots=True)
class Ratings:
    """Complete answers of P participants, sorted by participant; all scales from 0 to 1.

    Attributes:
        person: a number from 0 for each row.
        scenario: a number from 0 for each row.
        first: arousal and valence as rated.
        second: the same, asked again; NaN where it was not.
        effect: the learning effect.
        items: the single ratings whose mean it is; None where it is no rating and so has no ends to be cut at.
    """

    person: Int64[np.ndarray, " n"]
    scenario: Int64[np.ndarray, " n"]
    first: Float64[np.ndarray, "n 2"]
    second: Float64[np.ndarray, "n 2"]
    effect: Float64[np.ndarray, " n"]
    items: Float64[np.ndarray, "n m"] | None = None

    def __len__(self) -> int:
        return len(self.person)

    @property
    def people(self) -> int:
        """How many participants there are."""
        return int(self.person.max(initial=-1)) + 1

    @property
    def twice(self) -> Bool[np.ndarray, " n"]:
        """Which rows were rated twice."""
        return np.asarray(np.isfinite(self.second).all(1))

    @property
    def starts(self) -> Int64[np.ndarray, " p"]:
        """The first row of each participant."""
        return np.searchsorted(self.person, np.arange(self.people)).astype(np.int64)

    @property
    def mean(self) -> Float64[np.ndarray, "n 2"]:
        """The mean of both ratings, or the only one."""
        return np.where(self.twice[:, None], (self.first + np.nan_to_num(self.second)) / 2, self.first)


@dataclass(frozen=True, slots=True)
class Feelings:
    """What was felt, for each of C samples of participants: normal, with means and variances of arousal and valence.

    Attributes:
        error: variance of a single rating's error, arousal and valence.
        reliability: share of the variance within scenarios that is feeling, of a single rating.
    """

    means: Float64[np.ndarray, "c n 2"]
    variances: Float64[np.ndarray, "c n 2"]
    error: Float64[np.ndarray, "c 2"]
    reliability: Float64[np.ndarray, "c 2"]

    def of(self, samples: slice) -> Feelings:
        """Those of some of the samples."""
        return Feelings(self.means[samples], self.variances[samples], self.error[samples], self.reliability[samples])


def feelings(
    ratings: Ratings, weights: Float64[np.ndarray, "c p"], *, error: Float64[np.ndarray, " 2"] | None = None
) -> Feelings:
    """What was felt, for samples in which participants count ``weights`` times.

    Args:
        ratings: see there.
        weights: of each participant in each sample.
        error: variance of a rating's error where it is known from elsewhere (scales from 0 to 1); by default that of
            the ratings given twice, and none at all where there are none.
    """
    count = weights[:, ratings.person]
    twice = ratings.twice
    if error is None:
        told = _tell_error(ratings)
        difference = np.where(told, ratings.first - np.nan_to_num(ratings.second), 0.0)
        # The mean difference is no error of reading but a drift: who is asked later is calmer.
        total = np.maximum(count @ told, 1)
        drift = count @ difference / total
        found = np.maximum(count @ difference**2 / total - drift**2, 0) / 2
    else:
        found = np.broadcast_to(error, (len(weights), 2)).astype(np.float64)
    of_row = found[:, None] / np.where(twice, 2.0, 1.0)[None, :, None]
    rated = ratings.mean
    middle = _scenario_means(ratings, count, rated)
    n = count.sum(1)[:, None]
    spread = (count[..., None] * (rated - middle) ** 2).sum(1) / n
    noise = (count[..., None] * of_row).sum(1) / n
    felt = np.maximum(spread - noise, _LEAST_SHARE * spread)[:, None]
    share = felt / np.maximum(felt + of_row, 1e-12)
    single = felt[:, 0] / np.maximum(felt[:, 0] + found, 1e-12)
    return Feelings(middle + share * (rated - middle), share * of_row, found, single)


def _tell_error(ratings: Ratings) -> Bool[np.ndarray, "n 2"]:
    """Whose two ratings tell the error: those about the middle of the scale, as its ends cut errors off.

    To choose by the mean of both is fair, since for normal errors it says nothing of their difference.
    """
    twice = np.repeat(ratings.twice[:, None], 2, axis=1)
    middle = twice & (np.abs(ratings.mean - 0.5) <= _FROM_MIDDLE)
    return np.where(middle.sum(0) >= LEAST_TWICE, middle, twice)


def _scenario_means(ratings: Ratings, count: np.ndarray, rated: np.ndarray) -> Float64[np.ndarray, "c n 2"]:
    several = int(ratings.scenario.max()) + 1
    of = np.eye(several)[ratings.scenario]
    n = np.maximum(count @ of, 1e-12)
    means = np.einsum("cn,ns,nd->csd", count, of, rated, optimize=True) / n[..., None]
    return np.asarray(means[:, ratings.scenario])
