"""Calibration finds the temperatures that made the data, each by its own criterion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.errors import TrainingError
from classmood.scores import calibration_error
from classmood.training.calibrate import calibrate


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    result: np.ndarray = shifted / shifted.sum(1, keepdims=True)
    return result


@settings(max_examples=15, deadline=None)
@given(st.floats(0.2, 8), st.integers(0, 2**32 - 1))
def test_the_votes_temperature_is_the_one_that_made_the_votes(temperature: float, seed: int) -> None:
    logits = np.random.default_rng(seed).normal(0, 3, (200, 8)).astype(np.float32)
    votes = softmax(logits.astype(np.float64) / temperature)
    assert calibrate(logits, votes).votes_temperature == pytest.approx(temperature, rel=1e-3)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_confidence_temperature_is_the_one_that_drew_the_labels(temperature: float) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, (20_000, 8))
    chances = softmax(logits / temperature)
    drawn = (random.random((20_000, 1)) > chances.cumsum(1)).sum(1)
    found = calibrate(logits, np.eye(8)[np.minimum(drawn, 7)])
    assert found.confidence_temperature == pytest.approx(temperature, rel=0.05)
    # And that makes the confidence honest, where the raw logits' is not.
    confidence = softmax(logits / found.confidence_temperature)
    assert calibration_error(confidence.max(1), confidence.argmax(1) == drawn) < 0.02


def test_the_two_are_fitted_to_different_targets() -> None:
    logits = np.random.default_rng(1).normal(0, 4, (500, 8)).astype(np.float32)
    votes = softmax(logits.astype(np.float64) / 3)
    found = calibrate(logits, votes)
    # The arg-max of these votes is always the arg-max of the logits, so confidence may be as high as it goes.
    assert found.confidence_temperature < 0.2 < 2.9 < found.votes_temperature


def test_logits_far_from_zero_do_no_harm() -> None:
    logits = np.random.default_rng(2).normal(1e4, 3, (100, 8))
    assert calibrate(logits, softmax(logits / 2)).votes_temperature == pytest.approx(2, rel=1e-3)


def test_an_empty_fold_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"data\.holdout"):
        calibrate(np.zeros((0, 8)), np.zeros((0, 8)))
