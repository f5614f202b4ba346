"""The simulated recogniser has the measured confusions, and what it says is what a page could send."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np
import pytest

from classmood.emotions import FERPLUS_CLASSES, FERPLUS_VAD
from classmood.models import weights
from classmood.simulation.recogniser import measured


@pytest.mark.parametrize("shown", ["neutral", "happiness", "sadness", "fear"])
def test_looks_are_confused_as_measured(shown: str) -> None:
    recogniser = measured()
    looks = recogniser.looks(shown, 4000, np.random.default_rng(1))
    assert looks.sum(1) == pytest.approx(np.ones(4000))
    first = np.bincount(looks.argmax(1), minlength=8) / 4000
    # A drawn look may have another first choice than it was drawn for: the Dirichlet tails.
    assert first == pytest.approx(recogniser.confusion[FERPLUS_CLASSES.index(shown)], abs=0.1)
    assert FERPLUS_CLASSES[first.argmax()] == shown


def test_readings_jitter_about_their_look() -> None:
    recogniser, rng = measured(), np.random.default_rng(2)
    look = recogniser.looks("surprise", 1, rng)
    read = recogniser.read(np.repeat(look, 5000, axis=0), 40.0, rng)
    assert read.p.mean(0) == pytest.approx(look[0], abs=0.01)
    assert np.abs(read.p.sum(1) - 1).max() <= 0.04
    assert read.vad[7] == pytest.approx(read.p[7] @ np.array([FERPLUS_VAD[c] for c in FERPLUS_CLASSES]), abs=0.006)


def test_it_abstains_where_the_card_says() -> None:
    recogniser = measured()
    flat = recogniser.read(np.full((200, 8), 0.125), 1e4, np.random.default_rng(3))
    sharp = recogniser.read(np.eye(8), 1e4, np.random.default_rng(3))
    assert flat.not_sure.all()
    assert not sharp.not_sure.any()
    assert (sharp.confidence > 0.95).all()


def test_the_numbers_are_those_of_the_shipped_model() -> None:
    """A new model makes them stale: run benchmarks/simulated_recogniser.py again."""
    found = json.loads((resources.files("classmood.simulation") / "recogniser.json").read_text(encoding="utf-8"))
    card = weights.read_card(weights.find(weights.SHIPPED_EMOTION), weights.EmotionCard)
    assert found["model"] == f"{card.name} ({card.sha256[:8]})"
    assert found["not_sure_below"] == card.not_sure_below
    assert found["confidence_sharpening"] == pytest.approx(
        card.votes_temperature / card.confidence_temperature, abs=1e-4
    )
