"""Crops to emotions: a batch through ONNX Runtime and the readout of the classroom's emotions.

The shipped model measures FER+ classes, so (docs/decisions/0003-readout.md):

- measured, summing to 1: neutral, joy = happiness, surprise, grief = sadness, fury = anger, terror = fear,
  disdain = disgust + contempt;
- valence, arousal and dominance = sum_k p_k c_k over the FER+ classes, with Russell and Mehrabian's coordinates c_k;
  intensity = 1 - p(neutral);
- derived, each a score in [0, 1] that takes no mass from the others: appreciation and caution =
  exp(-|VAD - c|^2 / (2 * 0.25^2)). They are unvalidated and marked so wherever they are shown.

Two calibrations: probabilities are faithful to the raters' votes; ``confidence`` is the chance that the arg-max is
right.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from classmood.crops import normalise
from classmood.emotions import (
    CLASSROOM_CLASSES,
    CLASSROOM_VAD,
    DERIVED,
    FERPLUS_CLASSES,
    FERPLUS_TO_CLASSROOM,
    FERPLUS_VAD,
    NEUTRAL,
)
from classmood.errors import ModelError
from classmood.models import weights

# Width of the derived scores' bell in valence-arousal-dominance; ours, not published.
DERIVED_WIDTH: Final = 0.25

_TO_CLASSROOM: Final = np.array(
    [[FERPLUS_TO_CLASSROOM[f] == c for c in CLASSROOM_CLASSES] for f in FERPLUS_CLASSES], np.float32
)
_VAD: Final = np.array([FERPLUS_VAD[name] for name in FERPLUS_CLASSES], np.float32)


@dataclass(frozen=True, slots=True)
class Emotions:
    """What N faces show.

    Attributes:
        ferplus: probabilities of the FER+ classes, in the order of ``FERPLUS_CLASSES``, faithful to raters' votes.
        classroom: neutral and the eight emotions in the order of ``CLASSROOM_CLASSES``; the measured ones sum to 1,
            appreciation and caution are derived scores in [0, 1].
        vad: valence, arousal and dominance, each in [-1, 1].
        intensity: 1 - p(neutral).
        confidence: chance that the arg-max class is the one most raters chose.
        not_sure: whether the confidence is too low to name a class.
    """

    ferplus: Float32[np.ndarray, "n 8"]
    classroom: Float32[np.ndarray, "n 9"]
    vad: Float32[np.ndarray, "n 3"]
    intensity: Float32[np.ndarray, " n"]
    confidence: Float32[np.ndarray, " n"]
    not_sure: Bool[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.confidence)


def read_out(
    ferplus: Float32[np.ndarray, "n 8"], confidence: Float32[np.ndarray, " n"], *, not_sure_below: float = 0.5
) -> Emotions:
    """The classroom's emotions from FER+ probabilities (rows sum to 1)."""
    classroom = ferplus @ _TO_CLASSROOM
    vad = ferplus @ _VAD
    for name in DERIVED:
        squared = np.square(vad - np.array(CLASSROOM_VAD[name], np.float32)).sum(1)
        classroom[:, CLASSROOM_CLASSES.index(name)] = np.exp(-squared / (2 * DERIVED_WIDTH**2))
    intensity = 1 - ferplus[:, FERPLUS_CLASSES.index(NEUTRAL)]
    return Emotions(ferplus, classroom, vad, intensity, confidence, confidence < not_sure_below)


def softmax(logits: Float32[np.ndarray, "n k"], temperature: float) -> Float32[np.ndarray, "n k"]:
    """Probabilities of logits divided by a temperature."""
    shifted = (logits - logits.max(1, keepdims=True)) / temperature
    exponentials = np.exp(shifted)
    result: Float32[np.ndarray, "n k"] = (exponentials / exponentials.sum(1, keepdims=True)).astype(np.float32)
    return result


class Classifier:
    """The emotion model. Give it crops, get emotions; any number of faces at once, none included."""

    def __init__(
        self, model: str | Path = weights.SHIPPED_EMOTION, *, threads: int | None = None, batch: int = 32
    ) -> None:
        """Open a model and check it against its card.

        Args:
            model: a shipped model's name or the path of a file with its card beside it.
            threads: how many cores to use, each for faces of its own; all that there are by default, four at most.
            batch: faces that go through the network at once; bounds the memory.

        Raises:
            ModelError: the file is missing, has no card, or its output does not fit the card.
            ChecksumError: the file was changed.
        """
        path = weights.find(model)
        self.card = weights.read_card(path, weights.EmotionCard)
        if self.card.classes != FERPLUS_CLASSES:
            raise ModelError(f"{path}: expected the classes {FERPLUS_CLASSES}, its card names {self.card.classes}")
        # The network's maps are small: two cores that share every operation are a quarter faster than one, two that
        # each take half of the faces nearly twice as fast.
        self._session = weights.open_session(path, threads=1)
        self._threads = threads or min(4, os.cpu_count() or 1)
        self._workers = ThreadPoolExecutor(self._threads, "classmood-faces") if self._threads > 1 else None
        self._input = self._session.get_inputs()[0].name
        self._batch = batch

    def __call__(self, crops: UInt8[np.ndarray, "n 48 48"]) -> Emotions:
        logits = self.logits(crops)
        votes = softmax(logits, self.card.votes_temperature)
        confidence = softmax(logits, self.card.confidence_temperature).max(1, initial=0)
        return read_out(votes, confidence, not_sure_below=self.card.not_sure_below)

    def logits(self, crops: UInt8[np.ndarray, "n 48 48"]) -> Float32[np.ndarray, "n 8"]:
        """The network's raw output, for evaluation and calibration."""
        if not len(crops):
            return np.zeros((0, len(self.card.classes)), np.float32)
        size = min(self._batch, -(-len(crops) // self._threads))
        pieces = [crops[i : i + size] for i in range(0, len(crops), size)]
        work = self._workers.map if self._workers and len(pieces) > 1 else map
        logits = np.concatenate(list(work(self._run, pieces)))
        if logits.shape[1] != len(self.card.classes):
            raise ModelError(
                f"{self.card.file}: its card names {len(self.card.classes)} classes, it gives {logits.shape[1]}"
            )
        return logits

    def _run(self, crops: UInt8[np.ndarray, "n 48 48"]) -> Float32[np.ndarray, "n k"]:
        logits: Float32[np.ndarray, "n k"] = self._session.run(None, {self._input: normalise(crops)})[0]
        return logits
