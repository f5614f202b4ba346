"""Several models on the same faces: scores with intervals, margins with intervals, and McNemar's test.

- Intervals are bootstrapped over faces (Efron 1987, bias-corrected and accelerated, 95 %). A face that is drawn is
  drawn for every model and its label at once, so that margins are paired: what makes a face hard for all drops out.
- McNemar's exact test asks whether one model is right more often than another on the faces where just one of them is
  right (McNemar 1947, doi:10.1007/BF02295996): a binomial test of one half. It is about accuracy.
- Several tests are corrected by Holm's method (``classmood.disparity.holm``).

Faces are taken for independent. In FER+ some are pixel duplicates or the same person, which makes the true intervals
somewhat wider.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64, Int, Int64
from scipy import stats

METRICS: Final = ("accuracy", "macro F1", "weighted F1")
ROUNDS: Final = 9999
_CONFIDENCE: Final = 0.95
# Resamples held at a time: bounds the memory.
_BATCH: Final = 250

Statistic = Callable[[Int64[np.ndarray, "rounds n"]], Float64[np.ndarray, "values rounds"]]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Discordance:
    """Faces that just one of two models has right, and the exact test of whether that is even.

    Attributes:
        first_only: faces that the first model alone has right.
        second_only: faces that the second model alone has right.
        p_value: two-sided; 1 where the two never differ.
    """

    first_only: int
    second_only: int
    p_value: float


def scores_of(confusion: Int[np.ndarray, "*m k k"]) -> Float64[np.ndarray, metrics * m]:
    """Each of ``METRICS`` for confusion matrices (rows are labels), defined as in ``classmood.scores``."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    occurs, predicted = confusion.sum(-1), confusion.sum(-2)
    f1 = 2 * right / np.maximum(occurs + predicted, 1)
    n = np.maximum(occurs.sum(-1), 1)
    macro = f1.sum(-1, where=occurs > 0) / np.maximum((occurs > 0).sum(-1), 1)
    return np.stack([right.sum(-1) / n, macro, (f1 * occurs).sum(-1) / n])


def bootstrap_scores(
    labels: Int[np.ndarray, " n"],
    predictions: Sequence[Int[np.ndarray, " n"]],
    *,
    classes: int,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> tuple[list[list[Interval]], list[list[Interval]]]:
    """Scores of every model, and the margins of the last model over each of the others.

    Args:
        labels: of the faces, as places among the classes.
        predictions: one array a model; the last is the one that is compared with the others.
        classes: how many there are.
        rounds: resamples.
        seed: of the resampling.

    Returns:
        For each model, and then for each model but the last, an interval for each of ``METRICS``.
    """
    codes = [labels.astype(np.int64) * classes + said for said in predictions]

    def statistic(drawn: Int64[np.ndarray, "rounds n"]) -> Float64[np.ndarray, "values rounds"]:
        offsets = np.arange(len(drawn))[:, None] * classes**2
        scores = []
        for code in codes:
            counts = np.bincount((code[drawn] + offsets).ravel(), minlength=len(drawn) * classes**2)
            scores.append(scores_of(counts.reshape(-1, classes, classes)))
        margins = [scores[-1] - other for other in scores[:-1]]
        return np.concatenate([*scores, *margins])

    found = bootstrap(statistic, len(labels), rounds=rounds, seed=seed)
    rows = [found[i : i + len(METRICS)] for i in range(0, len(found), len(METRICS))]
    return rows[: len(codes)], rows[len(codes) :]


def bootstrap(statistic: Statistic, n: int, *, rounds: int = ROUNDS, seed: int = 0) -> list[Interval]:
    """Intervals for several values that are computed from the same ``n`` units.

    Args:
        statistic: from places of drawn units, a row a resample, to a row a value.
        n: units, two at least.
        rounds: resamples.
        seed: of the drawing.
    """

    def along_last_axis(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        drawn = np.moveaxis(drawn, axis, -1)
        return statistic(drawn) if drawn.ndim > 1 else statistic(drawn[None])[:, 0]

    values = along_last_axis(np.arange(n))
    with warnings.catch_warnings():
        # A value that no resample moves has no acceleration; what is not a number then is replaced below.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        found = stats.bootstrap(
            (np.arange(n),),
            along_last_axis,
            n_resamples=rounds,
            batch=_BATCH,
            vectorized=True,
            method="BCa",
            confidence_level=_CONFIDENCE,
            rng=np.random.default_rng(seed),
        )
    tail = (1 - _CONFIDENCE) / 2
    plain = np.quantile(found.bootstrap_distribution, [tail, 1 - tail], axis=-1)
    low = np.where(np.isnan(found.confidence_interval.low), plain[0], found.confidence_interval.low)
    high = np.where(np.isnan(found.confidence_interval.high), plain[1], found.confidence_interval.high)
    return [Interval(float(v), float(a), float(b)) for v, a, b in zip(values, low, high, strict=True)]


def mcnemar(labels: Int[np.ndarray, " n"], first: Int[np.ndarray, " n"], second: Int[np.ndarray, " n"]) -> Discordance:
    """McNemar's exact test of two models' predictions for the same faces."""
    first_right, second_right = first == labels, second == labels
    first_only, second_only = int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum())
    differ = first_only + second_only
    p_value = float(stats.binomtest(first_only, differ, 0.5).pvalue) if differ else 1.0
    return Discordance(first_only, second_only, p_value)
