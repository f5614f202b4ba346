"""How well predictions match labels: accuracy, F1, recall, confusion and calibration error.

A face that was not found has no prediction and counts as wrong: it lowers accuracy and its class's recall.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int

# Stands for "no face found" among predictions.
NOT_FOUND: Final = -1


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of N labelled faces over K classes.

    Attributes:
        n: labelled faces, found or not.
        accuracy: share that was predicted right.
        macro_f1: mean F1 over the classes that occur among the labels.
        weighted_f1: the same mean, weighted by how often each occurs.
        recall: for each class that occurs, the share of it that was predicted right.
        confusion: rows are labels, columns predictions; faces not found are in no column.
        ece: expected calibration error of the confidence, in 15 bins of equal width, over the faces found.
        faces_not_found: faces without a prediction.
    """

    n: int
    accuracy: float
    macro_f1: float
    weighted_f1: float
    recall: dict[str, float]
    confusion: dict[str, dict[str, int]]
    ece: float
    faces_not_found: int


def score(
    labels: Int[np.ndarray, " n"],
    predictions: Int[np.ndarray, " n"],
    confidence: Float[np.ndarray, " n"],
    classes: tuple[str, ...],
) -> Scores:
    """Compare predictions (``NOT_FOUND`` where there is none) with labels, both as places in ``classes``."""
    k = len(classes)
    found = predictions != NOT_FOUND
    confusion = np.zeros((k, k), np.int64)
    np.add.at(confusion, (labels[found], predictions[found]), 1)
    right = confusion.diagonal()
    occurs = np.bincount(labels, minlength=k)
    predicted = confusion.sum(0)
    f1 = np.divide(2 * right, occurs + predicted, out=np.zeros(k), where=occurs + predicted > 0)
    present = occurs > 0
    n = len(labels)
    return Scores(
        n=n,
        accuracy=float(right.sum() / n) if n else 0.0,
        macro_f1=float(f1[present].mean()) if n else 0.0,
        weighted_f1=float((f1 * occurs).sum() / n) if n else 0.0,
        recall={classes[i]: float(right[i] / occurs[i]) for i in np.flatnonzero(present)},
        confusion={classes[i]: {classes[j]: int(confusion[i, j]) for j in range(k)} for i in np.flatnonzero(present)},
        ece=calibration_error(confidence[found], (labels == predictions)[found]),
        faces_not_found=int((~found).sum()),
    )


def concordance(said: Float[np.ndarray, " n"], rated: Float[np.ndarray, " n"]) -> float:
    """Concordance correlation coefficient (Lin 1989, doi:10.2307/2532051): 1 for the same numbers, 0 for none of it.

    Unlike a correlation it falls with a shift or another spread. NaN for fewer than two values, or without any spread
    in what was rated.
    """
    if len(said) < 2 or rated.std() < 1e-9:
        return float("nan")
    x, y = said.astype(np.float64), rated.astype(np.float64)
    covariance = ((x - x.mean()) * (y - y.mean())).mean()
    return float(2 * covariance / (x.var() + y.var() + (x.mean() - y.mean()) ** 2))


def calibration_error(confidence: Float[np.ndarray, " n"], right: np.ndarray, *, bins: int = 15) -> float:
    """Expected calibration error (Guo et al. 2017): mean gap of confidence and accuracy over bins of equal width."""
    if not len(confidence):
        return 0.0
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(place, weights=confidence - right, minlength=bins)
    return float(np.abs(gap).sum() / len(confidence))
