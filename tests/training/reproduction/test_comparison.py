"""Intervals against an independent computation and their coverage, McNemar against sums by hand."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from classmood.scores import score
from classmood.training.reproduction.comparison import bootstrap, bootstrap_scores, mcnemar, scores_of


def noisy(labels: np.ndarray, right: float, seed: int) -> np.ndarray:
    """Answers that are right with a chance, and else any class."""
    random = np.random.default_rng(seed)
    return np.where(random.random(len(labels)) < right, labels, random.integers(0, 8, len(labels)))


def confusion(labels: np.ndarray, said: np.ndarray, classes: int = 8) -> np.ndarray:
    matrix = np.zeros((classes, classes), int)
    np.add.at(matrix, (labels, said), 1)
    return matrix


def plain_macro_f1(labels: np.ndarray, said: np.ndarray) -> float:
    """From precision and recall, class by class."""
    each = []
    for name in np.unique(labels):
        hits = ((labels == name) & (said == name)).sum()
        precision, recall = hits / max((said == name).sum(), 1), hits / (labels == name).sum()
        each.append(2 * precision * recall / max(precision + recall, 1e-12))
    return float(np.mean(each))


def test_scores_are_scikit_learn_s_and_those_of_evaluate() -> None:
    # Class 6 does not occur among the labels, yet is said: it lowers others' F1 and has none of its own.
    labels = np.random.default_rng(0).choice([0, 1, 2, 3, 4, 5, 7], 300)
    said = noisy(labels, 0.6, 1)
    accuracy, macro, weighted = scores_of(confusion(labels, said))
    assert accuracy == pytest.approx(accuracy_score(labels, said))
    assert macro == pytest.approx(f1_score(labels, said, average="macro", labels=np.unique(labels)))
    assert weighted == pytest.approx(f1_score(labels, said, average="weighted", labels=np.unique(labels)))
    ours = score(labels, said, np.ones(300), tuple("abcdefgh"))
    assert (accuracy, macro, weighted) == pytest.approx((ours.accuracy, ours.macro_f1, ours.weighted_f1))


def test_intervals_are_those_of_a_plain_loop() -> None:
    labels = np.random.default_rng(2).integers(0, 8, 600)
    first, second = noisy(labels, 0.6, 3), noisy(labels, 0.8, 4)
    (of_first, of_second), (margin,) = bootstrap_scores(labels, [first, second], classes=8, rounds=2000)
    random = np.random.default_rng(99)
    loop = []
    for _ in range(500):
        drawn = random.integers(0, 600, 600)
        a, b = (plain_macro_f1(labels[drawn], said[drawn]) for said in (first, second))
        loop.append(((labels[drawn] == first[drawn]).mean(), a, b, b - a))
    low, high = np.quantile(loop, [0.025, 0.975], axis=0)
    found = [of_first[0], of_first[1], of_second[1], margin[1]]
    # Other random numbers, and BCa in place of percentiles: alike to a fifth of the width.
    assert [i.low for i in found] == pytest.approx(low, abs=0.015)
    assert [i.high for i in found] == pytest.approx(high, abs=0.015)
    assert margin[1].value == pytest.approx(of_second[1].value - of_first[1].value)


def test_margins_are_paired() -> None:
    labels = np.random.default_rng(5).integers(0, 8, 500)
    first = noisy(labels, 0.7, 6)
    second = first.copy()
    wrong = np.flatnonzero(first != labels)[:10]
    second[wrong] = labels[wrong]
    (of_first, _), (margin,) = bootstrap_scores(labels, [first, second], classes=8, rounds=1000)
    assert margin[0].value == pytest.approx(10 / 500)
    # Faces that both have wrong or right drop out; unpaired, the margin would be wider than either score's interval.
    assert margin[0].low > 0
    assert margin[0].high - margin[0].low < 0.5 * (of_first[0].high - of_first[0].low)


def test_nineteen_intervals_in_twenty_hold_the_truth() -> None:
    random = np.random.default_rng(7)
    held = 0
    for seed in range(200):
        sample = random.exponential(1.0, 60)
        (found,) = bootstrap(lambda drawn, s=sample: s[drawn].mean(-1)[None], 60, rounds=400, seed=seed)
        held += found.low <= 1.0 <= found.high
    # Binomial: fewer than 176 of 200 would happen once in ten thousand at 95 %, more than 199 as seldom.
    assert 176 <= held <= 199


def test_a_score_that_cannot_vary_has_no_width() -> None:
    labels = np.arange(40) % 8
    ((perfect,), margins) = bootstrap_scores(labels, [labels], classes=8, rounds=200)
    assert [(i.low, i.value, i.high) for i in perfect] == [(1.0, 1.0, 1.0)] * 3
    assert margins == []


def test_the_same_seed_draws_the_same_faces() -> None:
    labels = np.random.default_rng(8).integers(0, 8, 100)
    said = [noisy(labels, 0.5, 9)]
    once, again, other = (bootstrap_scores(labels, said, classes=8, rounds=200, seed=s)[0] for s in (1, 1, 2))
    assert once == again
    assert once != other


@pytest.mark.parametrize(("first_only", "second_only"), [(0, 6), (9, 3), (5, 5), (40, 21), (1, 0)])
def test_mcnemar_is_the_binomial_sum(first_only: int, second_only: int) -> None:
    labels = np.zeros(first_only + second_only + 20, int)
    first, second = labels.copy(), labels.copy()
    second[:first_only] = 1
    first[first_only : first_only + second_only] = 1
    first[-5:] = second[-5:] = 2  # both wrong: of no account
    found = mcnemar(labels, first, second)
    n, k = first_only + second_only, max(first_only, second_only)
    tail = sum(comb(n, i) for i in range(k, n + 1)) / 2**n
    assert (found.first_only, found.second_only) == (first_only, second_only)
    assert found.p_value == pytest.approx(min(1.0, 2 * tail))


def test_models_that_never_differ_cannot_be_told_apart() -> None:
    labels = np.arange(8)
    assert mcnemar(labels, labels, labels).p_value == 1.0
