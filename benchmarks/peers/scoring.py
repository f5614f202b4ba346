"""Scores of each system and its difference from ours, on the same images.

- The prediction is the arg-max over the seven classes that all systems have; a face not found is wrong.
- Intervals: 95 % by the bootstrap (``classmood.training.reproduction.comparison``), over people where a person is on
  several images, over images otherwise.
- McNemar: the exact two-sided test on the images that just one of two systems got right (McNemar 1947); images of one
  person count as independent, and the p-values are not corrected for the number of comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from classmood.scores import NOT_FOUND, score
from classmood.training.reproduction.comparison import bootstrap, mcnemar


@dataclass(frozen=True, slots=True)
class SystemScores:
    """One system on one set.

    Attributes:
        n: images.
        found: images on which it found a face.
        accuracy: share of all images that it got right.
        low: lower end of the accuracy's interval.
        high: upper end.
        accuracy_found: share right of those with a face found.
        macro_f1: mean F1 of the classes that occur among the labels.
        recall: by class.
    """

    n: int
    found: int
    accuracy: float
    low: float
    high: float
    accuracy_found: float
    macro_f1: float
    recall: dict[str, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours against a peer on one set.

    Attributes:
        difference: our accuracy less the peer's.
        low: lower end of its interval, on the same resamples for both.
        high: upper end.
        only_ours: images that only ours got right.
        only_peer: images that only the peer got right.
        p: of McNemar's exact test.
    """

    difference: float
    low: float
    high: float
    only_ours: int
    only_peer: int
    p: float


def arg_max(probabilities: Float[np.ndarray, "n k"]) -> Int[np.ndarray, " n"]:
    """The most probable class of each; ``NOT_FOUND`` where the row is not a number."""
    found = ~np.isnan(probabilities).any(1)
    places = np.full(len(probabilities), NOT_FOUND)
    places[found] = probabilities[found].argmax(1)
    return places


def score_system(
    labels: Int[np.ndarray, " n"],
    probabilities: Float[np.ndarray, "n k"],
    people: list[str],
    classes: tuple[str, ...],
) -> SystemScores:
    """Scores of one system."""
    predicted = arg_max(probabilities)
    right = predicted == labels
    found = predicted != NOT_FOUND
    whole = score(labels, predicted, np.nan_to_num(probabilities.max(1)), classes)
    low, high = interval(right.astype(float), people)
    return SystemScores(
        n=len(labels),
        found=int(found.sum()),
        accuracy=whole.accuracy,
        low=low,
        high=high,
        accuracy_found=float(right[found].mean()) if found.any() else 0.0,
        macro_f1=whole.macro_f1,
        recall=whole.recall,
    )


def compare(ours: Bool[np.ndarray, " n"], peer: Bool[np.ndarray, " n"], people: list[str]) -> Comparison:
    """Ours against a peer, by which images each got right."""
    differ = mcnemar(np.ones(len(ours), int), ours.astype(int), peer.astype(int))
    low, high = interval(ours.astype(float) - peer, people)
    return Comparison(
        difference=float(ours.mean() - peer.mean()),
        low=low,
        high=high,
        only_ours=differ.first_only,
        only_peer=differ.second_only,
        p=differ.p_value,
    )


def interval(values: Float[np.ndarray, " n"], people: list[str]) -> tuple[float, float]:
    """95 % interval of the mean of values, by drawing people (with all their images) again and again."""
    person = np.unique(people, return_inverse=True)[1]
    sums, sizes = np.bincount(person, values), np.bincount(person)
    (found,) = bootstrap(lambda drawn: (sums[drawn].sum(1) / sizes[drawn].sum(1))[None], len(sums))
    return found.low, found.high
