"""Scores against scikit-learn's, with faces that were not found counted as wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.scores import NOT_FOUND, calibration_error, score

metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn (extra [train]) is the reference here")

CLASSES = ("neutral", "happiness", "surprise", "sadness")


@dataclass
class Case:
    labels: np.ndarray
    predictions: np.ndarray
    confidence: np.ndarray


@st.composite
def cases(draw: st.DrawFn) -> Case:
    n = draw(st.integers(1, 40))
    places = st.integers(0, 3)
    labels = draw(st.lists(places, min_size=n, max_size=n))
    predictions = draw(st.lists(st.one_of(places, st.just(NOT_FOUND)), min_size=n, max_size=n))
    confidence = draw(st.lists(st.floats(0, 1), min_size=n, max_size=n))
    return Case(np.array(labels), np.array(predictions), np.array(confidence))


@settings(max_examples=60, deadline=None)
@given(cases())
def test_are_scikit_learn_s(case: Case) -> None:
    got = score(case.labels, case.predictions, case.confidence, CLASSES)
    present = sorted(set(case.labels.tolist()))
    # To scikit-learn a face that was not found is a prediction of a class that no label has.
    options = {"labels": present, "zero_division": 0}
    truth, said = case.labels, case.predictions
    assert got.n == len(truth)
    assert got.accuracy == pytest.approx(metrics.accuracy_score(truth, said))
    assert got.macro_f1 == pytest.approx(metrics.f1_score(truth, said, average="macro", **options))
    assert got.weighted_f1 == pytest.approx(metrics.f1_score(truth, said, average="weighted", **options))
    recall = metrics.recall_score(truth, said, average=None, **options)
    assert got.recall == pytest.approx({CLASSES[i]: value for i, value in zip(present, recall, strict=True)})
    confusion = metrics.confusion_matrix(truth, said, labels=range(4))
    assert got.confusion == {CLASSES[i]: {CLASSES[j]: int(confusion[i, j]) for j in range(4)} for i in present}
    assert got.faces_not_found == int((said == NOT_FOUND).sum())


@settings(max_examples=40, deadline=None)
@given(cases())
def test_a_row_of_the_confusion_lacks_the_faces_not_found(case: Case) -> None:
    got = score(case.labels, case.predictions, case.confidence, CLASSES)
    missing = sum((case.labels == CLASSES.index(name)).sum() - sum(row.values()) for name, row in got.confusion.items())
    assert missing == got.faces_not_found


def test_a_face_that_is_not_found_counts_as_wrong() -> None:
    found = score(np.array([1, 1, 3]), np.array([1, 1, 3]), np.ones(3), CLASSES)
    assert (found.accuracy, found.macro_f1, found.faces_not_found) == (1, 1, 0)
    lost = score(np.array([1, 1, 3]), np.array([1, NOT_FOUND, 3]), np.ones(3), CLASSES)
    assert lost.accuracy == pytest.approx(2 / 3)
    assert lost.recall == {"happiness": 0.5, "sadness": 1}
    assert lost.macro_f1 == pytest.approx((2 / 3 + 1) / 2)
    assert lost.faces_not_found == 1


def test_a_class_that_no_label_has_is_no_part_of_the_mean() -> None:
    got = score(np.array([0, 0, 1]), np.array([0, 2, 1]), np.ones(3), CLASSES)
    assert got.recall.keys() == got.confusion.keys() == {"neutral", "happiness"}
    # F1 of neutral is 2/3 and of happiness 1; surprise was said once and never meant.
    assert got.macro_f1 == pytest.approx((2 / 3 + 1) / 2)


def test_no_face_found_at_all() -> None:
    got = score(np.array([0, 1]), np.array([NOT_FOUND, NOT_FOUND]), np.zeros(2), CLASSES)
    assert (got.accuracy, got.macro_f1, got.weighted_f1, got.ece, got.faces_not_found) == (0, 0, 0, 0, 2)


def test_no_faces_at_all() -> None:
    empty = np.array([], int)
    got = score(empty, empty, np.array([], float), CLASSES)
    assert (got.n, got.accuracy, got.macro_f1, got.recall) == (0, 0, 0, {})


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(1, 20))
def test_the_calibration_error_is_the_weighted_gap_of_each_bin(case: Case, bins: int) -> None:
    right = case.labels == case.predictions
    gaps = 0.0
    for i in range(bins):
        inside = (case.confidence * bins >= i) & ((case.confidence * bins < i + 1) | (i == bins - 1))
        if inside.any():
            gaps += inside.sum() * abs(right[inside].mean() - case.confidence[inside].mean())
    assert calibration_error(case.confidence, right, bins=bins) == pytest.approx(gaps / len(right), abs=1e-9)


def test_faces_not_found_have_no_confidence_to_judge() -> None:
    with_lost = score(np.array([0, 0, 0]), np.array([0, 0, NOT_FOUND]), np.array([0.8, 0.8, 0.0]), CLASSES)
    assert with_lost.ece == pytest.approx(0.2)


def test_an_honest_confidence_has_a_small_error_and_a_boastful_one_a_large_one() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0, 1, 20_000)
    right = random.uniform(0, 1, 20_000) < confidence
    assert calibration_error(confidence, right) < 0.02
    assert calibration_error(np.sqrt(confidence), right) > 0.1
