"""The models of Table 1: what each is, how it learns, and what it says of faces.

The reference models learn from the very faces that the shipped network learned from: FER+'s training split less the
fold that was held out to choose and calibrate by.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
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

    def fit(self, crops: UInt8[np.ndarray, "n 48 48"], labels: Any, **more: Any) -> Any: ...

    def predict(self, crops: UInt8[np.ndarray, "n 48 48"]) -> Int[np.ndarray, " n"]: ...

    def get_params(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Entrant:
    """One model of the comparison.

    Attributes:
        name: in files.
        short: in the picture.
        title: in tables; says what its numbers must not be shown without.
        make: a new estimator that has learned nothing; None for the shipped network.
        soft: whether it learns from the raters' votes as shares; else from the class with most of them.
        grouped: whether it is told which faces are duplicates, to keep them together when it chooses its settings.
        resumable: whether its learning takes hours and is carried on from a checkpoint.
    """

    name: str
    short: str
    title: str
    make: Callable[[], Estimator] | None
    soft: bool = False
    grouped: bool = False
    resumable: bool = False


def _reference(module: str, name: str) -> Callable[[], Estimator]:
    """What makes a reference model; its module is imported no sooner than it is wanted."""

    def make() -> Estimator:
        estimator: Estimator = getattr(import_module(f"classmood.training.baselines.{module}"), name)()
        return estimator

    return make


ENTRANTS: Final = (
    Entrant(
        "optical_flow",
        "OF",
        "OF: optical flow from the mean neutral face (stills hold no motion)",
        _reference("optical_flow", "OpticalFlowStills"),
        grouped=True,
    ),
    Entrant(
        "hidden_markov",
        "HMM",
        "HMM: strips of a still face, read from forehead to chin",
        _reference("hidden_markov", "HiddenMarkovStills"),
        grouped=True,
    ),
    Entrant(
        "vision_transformer",
        "ViT",
        "ViT: a small vision transformer",
        _reference("vision_transformer", "VisionTransformerClassifier"),
        soft=True,
        resumable=True,
    ),
    Entrant(OURS, "ours", "ours: the shipped int8 network", None),
)


def model_name(name: str, sha256: str) -> str:
    """A model as results name it: a name stays when weights change, a checksum does not."""
    return f"{name} ({sha256[:8]})"


def shipped_name() -> str:
    """The name of the shipped model."""
    card = Classifier(threads=1).card
    return model_name(card.name, card.sha256)


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
    estimator = entrant.make()
    return f"{type(estimator).__name__} {dict(sorted(estimator.get_params().items()))}"


def run(entrant: Entrant, training: Samples, sets: tuple[SampleSet, ...], work: Path) -> Said:
    """Let an entrant learn, where it has not yet, and answer for every face of the sets.

    Args:
        entrant: see there.
        training: what it learns from.
        sets: what it answers for.
        work: folder for the checkpoint of a model that takes hours; gone once it has answered.
    """
    began = time.monotonic()
    checkpoint = None
    if entrant.make is None:
        answer = _ShippedNetwork().predict
    else:
        estimator = entrant.make()
        more: dict[str, Any] = {}
        if entrant.grouped:
            more["groups"] = np.unique(training.groups, return_inverse=True)[1]
        if entrant.resumable:
            # A quick look at a part of the faces leaves the long run's file alone; other settings are refused by it.
            checkpoint = more["checkpoint"] = work / f"{entrant.name}-{len(training)}.pt"
        estimator.fit(training.images, training.targets if entrant.soft else training.targets.argmax(1), **more)
        answer = estimator.predict
        # What a run that was carried on had spent before counts too.
        began = min(began, time.monotonic() - getattr(estimator, "spent_s_", 0.0))
    answers = {one.number: as_digits(np.asarray(answer(one.crops))) for one in sets}
    if checkpoint:
        checkpoint.unlink(missing_ok=True)
    return Said(
        title=entrant.title,
        made_of=made_of(entrant),
        training_faces=None if entrant.make is None else len(training),
        wall_s=round(time.monotonic() - began, 1),
        machine=describe_machine(),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        answers=answers,
    )
