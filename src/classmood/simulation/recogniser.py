"""How the shipped recogniser would read a simulated face: with its measured confusions.

``recogniser.json`` is made by ``benchmarks/simulated_recogniser.py`` from the shipped model's answers on FER+
PrivateTest. A *look* is one way of one student to show one thing: its first choice is drawn from the measured confusion
of that class, its probabilities from the measured scatter of that choice. A student keeps a few looks for the whole
lesson, so whoever is misread is misread again, as real faces are. Within a look readings jitter around it; by how much
is an assumption (``Students.steadiness``), since FER+ has one picture a person.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources

import numpy as np
from jaxtyping import Bool, Float64

from classmood.emotions import FERPLUS_CLASSES, FERPLUS_VAD

_VAD = np.array([FERPLUS_VAD[name] for name in FERPLUS_CLASSES])


@dataclass(frozen=True, slots=True)
class Read:
    """N readings as a page would send them.

    Attributes:
        p: probabilities of ``FERPLUS_CLASSES``, to two decimals.
        vad: valence, arousal, dominance.
        confidence: chance that the greatest is right.
        not_sure: whether the model abstains.
    """

    p: Float64[np.ndarray, "n 8"]
    vad: Float64[np.ndarray, "n 3"]
    confidence: Float64[np.ndarray, " n"]
    not_sure: Bool[np.ndarray, " n"]


@dataclass(frozen=True, slots=True)
class Recogniser:
    """The measured numbers.

    Attributes:
        confusion: row: what raters saw; column: share of the model's first choices.
        scatter: Dirichlet parameters of the probabilities behind each first choice.
        sharpening: power that turns probabilities of votes into confidence (the card's two temperatures).
        not_sure_below: confidence under which the model abstains.
    """

    confusion: Float64[np.ndarray, "8 8"]
    scatter: Float64[np.ndarray, "8 8"]
    sharpening: float
    not_sure_below: float

    def looks(self, shown: str, count: int, rng: np.random.Generator) -> Float64[np.ndarray, "n 8"]:
        """N ways in which one student's face that shows a FER+ class is read."""
        firsts = rng.choice(len(FERPLUS_CLASSES), count, p=self.confusion[FERPLUS_CLASSES.index(shown)])
        return np.array([rng.dirichlet(self.scatter[first]) for first in firsts])

    def read(self, looks: Float64[np.ndarray, "n 8"], steadiness: float, rng: np.random.Generator) -> Read:
        """One reading of each of N moments of a look."""
        parts = rng.standard_gamma(np.maximum(looks * steadiness, 1e-3))
        exact = parts / np.maximum(parts.sum(1, keepdims=True), 1e-12)
        p: np.ndarray = np.round(exact, 2) + 0.0
        sharp = np.maximum(p, 1e-6) ** self.sharpening
        confidence: np.ndarray = np.round(sharp.max(1) / sharp.sum(1), 2)
        return Read(p, np.round(p @ _VAD, 2) + 0.0, confidence, confidence < self.not_sure_below)


def measured() -> Recogniser:
    """The shipped recogniser."""
    found = json.loads((resources.files(__package__) / "recogniser.json").read_text(encoding="utf-8"))
    assert tuple(found["classes"]) == FERPLUS_CLASSES
    counts = np.array(found["counts"], np.float64)
    return Recogniser(
        counts / counts.sum(1, keepdims=True),
        np.array(found["scatter"]),
        found["confidence_sharpening"],
        found["not_sure_below"],
    )
