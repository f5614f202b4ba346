"""Crops to emotions: a batch through ONNX Runtime and the readout of the classroom's emotions.

The shipped model measures FER+ classes, so (docs/decisions/0003-readout.md):

- measured, summing to 1: neutral, joy = happiness, surprise, grief = sadness, fury = anger, terror = fear,
  disdain = disgust + contempt;
- valence, arousal and dominance = sum_k p_k c_k over the FER+ classes, with Russell and Mehrabian's coordinates c_k;
  intensity = 1 - p(neutral);
- derived, each a score in [0, 1] that takes no mass from the others: appreciation and caution =
  exp(-|VAD - c|^2 / (2 * 0.25^2)). They are unvalidated and marked so wherever they are shown.

A model of one's own data (its card says ``labels: classroom``) measures all nine itself: its probabilities sum to 1,
nothing is derived, and the dimensions that were rated come from its own outputs; one that nobody rated is again
sum_k p_k c_k, over the nine. A class that its data did not hold has probability 0.

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
    CLASSES_OF,
    CLASSROOM_CLASSES,
    CLASSROOM_VAD,
    DERIVED,
    DIMENSIONS,
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
_OWN_VAD: Final = np.array([CLASSROOM_VAD[name] for name in CLASSROOM_CLASSES], np.float32)


@dataclass(frozen=True, slots=True)
class Emotions:
    """What N faces show.

    Attributes:
        shares: probabilities of the model's own classes, true to raters' votes; rows sum to 1. They are the eight of
            ``FERPLUS_CLASSES``, or the nine of ``CLASSROOM_CLASSES`` where the model measures these.
        classroom: neutral and the eight emotions in the order of ``CLASSROOM_CLASSES``; the measured ones sum to 1,
            appreciation and caution of a FER+ model are derived scores in [0, 1].
        vad: valence, arousal and dominance, each in [-1, 1].
        intensity: 1 - p(neutral).
        confidence: chance that the arg-max class is the one most raters chose.
        not_sure: whether the confidence is too low to name a class.
    """

    shares: Float32[np.ndarray, "n k"]
    classroom: Float32[np.ndarray, "n 9"]
    vad: Float32[np.ndarray, "n 3"]
    intensity: Float32[np.ndarray, " n"]
    confidence: Float32[np.ndarray, " n"]
    not_sure: Bool[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.confidence)

    @property
    def ferplus(self) -> Float32[np.ndarray, "n 8"]:
        """Probabilities of the FER+ classes.

        Raises:
            ModelError: the model measures the classroom's classes.
        """
        if self.shares.shape[1] != len(FERPLUS_CLASSES):
            raise ModelError(
                "expected a model of the FER+ classes, got one that measures the classroom's nine; ask for classroom "
                "labels, or use another model"
            )
        return self.shares


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


def read_out_own(
    shares: Float32[np.ndarray, "n 9"],
    vad: Float32[np.ndarray, "n 3"],
    confidence: Float32[np.ndarray, " n"],
    *,
    not_sure_below: float = 0.5,
) -> Emotions:
    """The classroom's emotions from a model that measures all of them.

    Args:
        shares: probabilities in the order of ``CLASSROOM_CLASSES``; rows sum to 1.
        vad: valence, arousal and dominance; NaN where the model does not measure one.
        confidence: chance that the arg-max is right.
        not_sure_below: confidence under which a face is "not sure".
    """
    by_class = shares @ _OWN_VAD
    intensity = 1 - shares[:, CLASSROOM_CLASSES.index(NEUTRAL)]
    vad = np.where(np.isnan(vad), by_class, vad).clip(-1, 1)
    return Emotions(shares, shares, vad, intensity, confidence, confidence < not_sure_below)


def softmax(logits: Float32[np.ndarray, "n k"], temperature: float) -> Float32[np.ndarray, "n k"]:
    """Probabilities of logits divided by a temperature."""
    shifted = (logits - logits.max(1, keepdims=True)) / temperature
    exponentials = np.exp(shifted)
    result: Float32[np.ndarray, "n k"] = (exponentials / exponentials.sum(1, keepdims=True)).astype(np.float32)
    return result


class Classifier:
    """The emotion model. Give it crops, get emotions; any number of faces at once, none included."""

    def __init__(
        self, model: str | Path = weights.SHIPPED_EMOTION, *, threads: int | None = None, batch: int = 10
    ) -> None:
        """Open a model and check it against its card.

        Args:
            model: a shipped model's name or the path of a file with its card beside it.
            threads: how many cores to use, each for faces of its own; all that there are by default, four at most.
            batch: faces that go through the network at once, at most; bounds the memory. 20 faces on one core take a
                hundredth longer ten at a time than all at once, and two thirds of the working memory.

        Raises:
            ModelError: the file is missing, has no card, or its output does not fit the card.
            ChecksumError: the file was changed.
        """
        path = weights.find(model)
        self.card = weights.read_card(path, weights.EmotionCard)
        expected = CLASSES_OF[self.card.labels]
        if self.card.classes != expected:
            raise ModelError(f"{path}: expected the classes {expected}, its card names {self.card.classes}")
        # The network's maps are small: two cores that share every operation are a quarter faster than one, two that
        # each take half of the faces nearly twice as fast.
        self._session = weights.open_session(path, threads=1)
        self._threads = threads or min(4, os.cpu_count() or 1)
        self._workers = ThreadPoolExecutor(self._threads, "classmood-faces") if self._threads > 1 else None
        self._input = self._session.get_inputs()[0].name
        self._outputs = ["logits", "dimensions"] if self.card.labels == "classroom" else None
        given = [each.name for each in self._session.get_outputs()]
        if self._outputs and given != self._outputs:
            raise ModelError(
                f"{path}: expected the outputs {self._outputs}, got {given}; export it with classmood export"
            )
        self._batch = batch

    def __call__(self, crops: UInt8[np.ndarray, "n 48 48"]) -> Emotions:
        logits, dimensions = self._all(crops)
        votes = softmax(logits, self.card.votes_temperature)
        confidence = softmax(logits, self.card.confidence_temperature).max(1, initial=0)
        return self.read_out(votes, dimensions, confidence)

    def read_out(
        self,
        shares: Float32[np.ndarray, "n k"],
        vad: Float32[np.ndarray, "n 3"],
        confidence: Float32[np.ndarray, " n"],
    ) -> Emotions:
        """Emotions from probabilities of the model's classes, its dimensions (FER+ models have none) and confidence."""
        threshold = self.card.not_sure_below
        if self.card.labels == "classroom":
            return read_out_own(shares, vad, confidence, not_sure_below=threshold)
        return read_out(shares, confidence, not_sure_below=threshold)

    def logits(self, crops: UInt8[np.ndarray, "n 48 48"]) -> Float32[np.ndarray, "n k"]:
        """The network's raw output for each class, for evaluation and calibration."""
        return self._all(crops)[0]

    def _all(
        self, crops: UInt8[np.ndarray, "n 48 48"]
    ) -> tuple[Float32[np.ndarray, "n k"], Float32[np.ndarray, "n 3"]]:
        """Logits and dimensions; NaN for dimensions that the model does not measure."""
        if not len(crops):
            return np.zeros((0, len(self.card.classes)), np.float32), np.zeros((0, 3), np.float32)
        # As many for each core, and as even as can be: a piece of one face would cost as much as one of three.
        rounds = -(-len(crops) // (self._batch * self._threads))
        pieces = np.array_split(crops, min(rounds * self._threads, len(crops)))
        work = self._workers.map if self._workers and len(pieces) > 1 else map
        parts = list(work(self._run, pieces))
        logits = np.concatenate([part[0] for part in parts])
        if logits.shape[1] != len(self.card.classes):
            raise ModelError(
                f"{self.card.file}: its card names {len(self.card.classes)} classes, it gives {logits.shape[1]}"
            )
        dimensions = np.full((len(crops), len(DIMENSIONS)), np.nan, np.float32)
        if self._outputs:
            measured = [DIMENSIONS.index(name) for name in self.card.dimensions]
            dimensions[:, measured] = np.concatenate([part[1] for part in parts])[:, measured]
        return logits, dimensions

    def _run(self, crops: UInt8[np.ndarray, "n 48 48"]) -> list[Float32[np.ndarray, "n _"]]:
        found: list[Float32[np.ndarray, "n _"]] = self._session.run(self._outputs, {self._input: normalise(crops)})
        return found
