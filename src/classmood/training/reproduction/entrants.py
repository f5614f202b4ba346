"""The models of Table 1: what each is, how it learns, and what it says of faces.

The reference models learn from the very faces that the shipped network learned from: FER+'s training split less the
fold that was held out to choose and calibrate by.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int, UInt8

from classmood.classifier import Classifier
from classmood.training.reproduction.machine import describe_machine
from classmood.training.reproduction.predictions import Said, SampleSet, as_digits
from classmood.training.samples import Samples

# The held-out share of the shipped model's recipes.
HOLDOUT: Final = 0.06
OURS: Final = "classmood"


@runtime_checkable
class Estimator(Protocol):
    """What is asked of a reference model: scikit-learn's way."""

    def fit(self, crops: UInt8[np.ndarray, "n 48 48"], labels: Any) -> Any: ...

    def predict(self, crops: UInt8[np.ndarray, "n 48 48"]) -> Int[np.ndarray, " n"]: ...


@dataclass(frozen=True, slots=True)
class Entrant:
    """One model of the comparison.

    Attributes:
        name: in files.
        short: in the picture.
        title: in tables; says what its numbers must not be shown without.
        make: a new estimator that has learned nothing; None for the shipped network.
        soft: whether it learns from the raters' votes as shares; else from the class with most of them.
    """

    name: str
    short: str
    title: str
    make: Callable[[], Estimator] | None
    soft: bool = False


def _optical_flow() -> Estimator:
    from classmood.training.baselines.optical_flow import OpticalFlowClassifier

    return OpticalFlowClassifier()


def _hidden_markov() -> Estimator:
    from classmood.training.baselines.hidden_markov import HiddenMarkovClassifier

    return HiddenMarkovClassifier()


def _vision_transformer() -> Estimator:
    from classmood.training.baselines.vision_transformer import VisionTransformerClassifier

    return VisionTransformerClassifier()


ENTRANTS: Final = (
    Entrant(
        "optical_flow",
        "OF",
        "OF: optical flow from the mean neutral face (stills hold no motion)",
        _optical_flow,
    ),
    Entrant("hidden_markov", "HMM", "HMM: strips of a still face, read from forehead to chin", _hidden_markov),
    Entrant("vision_transformer", "ViT", "ViT: a small vision transformer", _vision_transformer, soft=True),
    Entrant(OURS, "ours", "ours: the shipped int8 network", None),
)


class _ShippedNetwork:
    """The int8 file as it is shipped, asked for its arg-max."""

    def __init__(self) -> None:
        self._classifier = Classifier()

    def predict(self, crops: UInt8[np.ndarray, "n 48 48"]) -> Int[np.ndarray, " n"]:
        places: Int[np.ndarray, " n"] = self._classifier.logits(crops).argmax(1)
        return places


def made_of(entrant: Entrant) -> str:
    """What the entrant's answers hang on besides the faces: its settings, or the checksum of its weights."""
    if entrant.make is None:
        return Classifier(threads=1).card.sha256
    return " ".join(repr(entrant.make()).split())


def run(entrant: Entrant, training: Samples, sets: tuple[SampleSet, ...]) -> Said:
    """Let an entrant learn, where it has not yet, and answer for every face of the sets."""
    began = time.monotonic()
    if entrant.make is None:
        answer = _ShippedNetwork().predict
    else:
        estimator = entrant.make()
        estimator.fit(training.images, training.targets if entrant.soft else training.targets.argmax(1))
        answer = estimator.predict
    answers = {one.number: as_digits(np.asarray(answer(one.crops))) for one in sets}
    return Said(
        title=entrant.title,
        made_of=made_of(entrant),
        training_faces=None if entrant.make is None else len(training),
        wall_s=round(time.monotonic() - began, 1),
        machine=describe_machine(),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        answers=answers,
    )
