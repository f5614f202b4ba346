"""Each participant scored by a model that has never seen them: one training a fold, on the same clips for all models.

- ``shipped model``: as it is, not trained on the study; it knows neutral and six of the emotions.
- ``network``: fine-tuned as the recipe says. A clip's probabilities are the mean over its faces after ``settle_s``.
- ``network without SRM``: the same without style recalibration, whose gates are replaced by their means beforehand
  (``classmood.training.transfer``). The paper adds SRM against differences between students.
- ``OF`` and ``HMM``: the sequence forms of the reference models, on each clip's faces from its beginning.

Nothing is chosen by the scores: the schedule runs to its end, and no fold's result changes another.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float64
from threadpoolctl import threadpool_limits

from classmood.classifier import Classifier
from classmood.clips.crop_set import CropClip, CropSet
from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS, MEASURED
from classmood.errors import ClassmoodError, InputError
from classmood.training.baselines.hidden_markov import HiddenMarkovSequences
from classmood.training.baselines.optical_flow import OpticalFlowSequences
from classmood.training.datasets import samples_of, settled
from classmood.training.export import read_checkpoint
from classmood.training.heads import CLASSES
from classmood.training.recipe import Recipe
from classmood.training.train import is_of_other_data, predict, train

SHIPPED: Final = "shipped model"
NETWORK: Final = "network"
WITHOUT_SRM: Final = "network without SRM"
OF: Final = "OF, sequences"
HMM: Final = "HMM, sequences"
# Frames of a sequence, spread evenly from onset to the clip's end: enough for a course, few enough to be quick.
_SEQUENCE: Final = 12


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """What one kind of model said of all clips, each by a training without its participant.

    Attributes:
        shares: probabilities of ``CLASSROOM_CLASSES``; NaN where there is no prediction.
        vad: valence, arousal, dominance; NaN from models without them.
        problem: why there are no predictions, "" where there are.
        courses: of the networks, probabilities of every face of every clip from its beginning.
    """

    model: str
    shares: Float64[np.ndarray, "n 9"]
    vad: Float64[np.ndarray, "n 3"]
    problem: str = ""
    courses: tuple[Float64[np.ndarray, "t 9"], ...] = ()


def leave_subjects_out(
    crops: CropSet,
    recipe: Recipe,
    folder: Path,
    *,
    without_srm: bool = True,
    sequences: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> list[LeftOut]:
    """Train on all folds but one, in turn, and predict the one.

    Args:
        crops: the set; its folds are taken as they are.
        recipe: how the network is trained; its ``held_fold`` is of no account here.
        folder: for the runs; one that was stopped goes on.
        without_srm: train the network without SRM as well.
        sequences: fit the reference models as well.
        progress: called with a line a step.

    Raises:
        InputError: there are fewer than two folds or two classes.
    """
    if len(crops.folds) < 2 or len(crops.labels) < 2:
        raise InputError(
            f"{crops.path}: expected two or more folds and classes, got {len(crops.folds)} and {len(crops.labels)}; "
            "record more participants or scenarios"
        )
    found = [_shipped(crops, recipe), _network(crops, recipe, folder / "network", NETWORK, progress)]
    if without_srm and recipe.network.srm:
        network = recipe.network.model_copy(update={"srm": False})
        schedule = recipe.schedule.model_copy(update={"start_partly": True})
        plain = recipe.model_copy(update={"network": network, "schedule": schedule})
        found.append(_network(crops, plain, folder / "without-srm", WITHOUT_SRM, progress))
    if sequences:
        for name, make in ((OF, _optical_flow), (HMM, _hidden_markov)):
            progress(f"{name}: {len(crops.folds)} folds")
            found.append(_sequences(crops, name, make))
    return found


def _shipped(crops: CropSet, recipe: Recipe) -> LeftOut:
    """The model that comes with classmood: what it measures, on the same faces; what it derives counts for nothing."""
    classifier = Classifier()
    shares, vad = np.zeros((len(crops.clips), CLASSES)), np.zeros((len(crops.clips), len(DIMENSIONS)))
    measured = [CLASSROOM_CLASSES.index(name) for name in MEASURED]
    for place, clip in enumerate(crops.clips):
        emotions = classifier(clip.crops[settled(clip, recipe.data.settle_s)])
        shares[place, measured] = emotions.classroom[:, measured].mean(0)
        vad[place] = emotions.vad.mean(0)
    return LeftOut(SHIPPED, shares, vad)


def _network(crops: CropSet, recipe: Recipe, folder: Path, name: str, progress: Callable[[str], None]) -> LeftOut:
    n = len(crops.clips)
    shares, vad = np.full((n, CLASSES), np.nan), np.full((n, len(DIMENSIONS)), np.nan)
    courses = [np.zeros((0, CLASSES))] * n
    nobody = samples_of((), recipe.data)
    for fold in crops.folds:
        training = samples_of([clip for clip in crops.clips if clip.fold != fold], recipe.data)
        progress(f"{name}: fold {fold} of {len(crops.folds)}, {len(training)} faces")
        run = folder / f"fold-{fold}"
        if is_of_other_data(run, training, nobody):
            # People were added, removed or dealt anew: what was trained then may know who is left out now.
            shutil.rmtree(run)
        checkpoint = train(recipe, training, nobody, run)
        network = read_checkpoint(checkpoint).network
        rated = ~np.isnan(training.ratings if training.ratings is not None else np.full((1, 3), np.nan)).all(0)
        for place, clip in enumerate(crops.clips):
            if clip.fold == fold:
                outputs = predict(network, clip.crops, torch.device("cpu"))
                late = settled(clip, recipe.data.settle_s)
                courses[place] = outputs[:, :CLASSES].double().softmax(1).numpy()
                shares[place] = courses[place][late].mean(0)
                vad[place] = np.where(rated, outputs[late, CLASSES:].numpy().mean(0), np.nan)
    return LeftOut(name, shares, vad, courses=tuple(courses))


def _optical_flow() -> Any:
    return OpticalFlowSequences()


def _hidden_markov() -> Any:
    return HiddenMarkovSequences(shapes=((3, 1), (4, 1)), restarts=1)


def sequence_of(clip: CropClip) -> np.ndarray:
    """A clip's faces from onset to end, thinned evenly."""
    places = np.arange(len(clip.crops))
    if len(places) > _SEQUENCE:
        places = np.linspace(0, len(places) - 1, _SEQUENCE).round().astype(int)
    return clip.crops[places]


def _sequences(crops: CropSet, name: str, make: Callable[[], Any]) -> LeftOut:
    """A reference model on the clips that have a class; it says why where the data are too few for it."""
    shares = np.full((len(crops.clips), CLASSES), np.nan)
    nothing = np.full((len(crops.clips), len(DIMENSIONS)), np.nan)
    for fold in crops.folds:
        known = [clip for clip in crops.clips if clip.fold != fold and clip.label]
        asked = [place for place, clip in enumerate(crops.clips) if clip.fold == fold]
        try:
            model = _fitted(make(), known)
        except (ClassmoodError, ValueError) as error:
            return LeftOut(name, np.full_like(shares, np.nan), nothing, str(error).splitlines()[0])
        said = model.predict_proba([sequence_of(crops.clips[place]) for place in asked])
        for place, row in zip(asked, said, strict=True):
            shares[place] = 0
            shares[place, model.classes_] = row
    return LeftOut(name, shares, nothing)


def _fitted(model: Any, clips: Sequence[CropClip]) -> Any:
    labels = np.array([CLASSROOM_CLASSES.index(clip.label) for clip in clips])
    people = np.array([clip.participant for clip in clips])
    # On so few numbers threads cost far more than they bring.
    with warnings.catch_warnings(), threadpool_limits(1):
        # That a class of the nine does not occur is known here, and said in the report.
        warnings.simplefilter("ignore")
        return model.fit([sequence_of(clip) for clip in clips], labels, people)
