"""The optical-flow reference model (the paper's OF in Table 1): flow, three histograms of it, and an RBF-SVM.

The paper gives no detail of its OF; this is a strong form of what the name stands for. For sequences it measures
motion: flow from onset to apex, and the mean flow between consecutive frames. **Stills hold no motion**: there, "flow"
is the displacement from the mean neutral face of the training samples to each face, which also carries who the person
is and how the camera saw them. Say so wherever a number of ``OpticalFlowStills`` is shown.

The machine: standardised features, PCA, an exact RBF-SVM (libsvm, one against one) with balanced class weights. PCA is
there for cost: a kernel value takes time in proportion to its numbers, and FER+ needs some hundred million of them.
C and gamma come from cross-validation grouped by subject, on at most ``search_samples`` of the training samples, by
macro-F1; the machine is then fitted on all of them. A search on fewer samples leans to a smoother kernel than all would
bear; that is the price of not fitting the whole set a few dozen times.

Cost on 26,192 crops of FER+, defaults, one thread: 328 s of processor time to fit, and 4.4 ms a face to predict, since
25,151 of the samples became support vectors.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Float64, Int
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted

from classmood.emotions import FERPLUS_CLASSES, NEUTRAL
from classmood.errors import InputError
from classmood.training.baselines.flow import flows_from, sequence_flows
from classmood.training.baselines.flow_features import flow_features
from classmood.training.baselines.inputs import check_crops, check_groups, check_labels, check_sequences
from classmood.training.baselines.registration import NeutralFace
from classmood.training.calibrate import calibrate

# Of a class with fewer samples than this the search takes all.
_LEAST_OF_A_CLASS = 40


class _FlowMachine(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What both forms share: from features to probabilities."""

    def __init__(
        self,
        *,
        components: int = 150,
        costs: Sequence[float] = (1.0, 4.0, 16.0),
        gammas: Sequence[float] = (0.5, 1.0, 2.0),
        folds: int = 3,
        search_samples: int = 8000,
        classes: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.components = components
        self.costs = costs
        self.gammas = gammas
        self.folds = folds
        self.search_samples = search_samples
        self.classes = classes
        self.random_state = random_state

    def _fit_features(
        self, features: Float32[np.ndarray, "n d"], labels: Int[np.ndarray, " n"], groups: Int[np.ndarray, " n"]
    ) -> None:
        self.classes_ = np.unique(labels)
        components = min(self.components, len(features) - 1, features.shape[1])
        self.projection_: Pipeline = make_pipeline(
            StandardScaler(), PCA(components, svd_solver="covariance_eigh", random_state=self.random_state)
        )
        projected = self.projection_.fit_transform(features.astype(np.float64))
        # One over the mean squared distance's half: gamma = 1 then falls off where typical samples lie.
        self.gamma_unit_ = 1 / max(float(projected.var(0).sum()), 1e-12)
        chosen = self._search_places(labels)
        self._search(projected[chosen], labels[chosen], groups[chosen])
        self.machine_ = self._machine(self.cost_, self.gamma_).fit(projected, labels)

    def _machine(self, cost: float, gamma: float) -> SVC:
        return SVC(C=cost, gamma=gamma * self.gamma_unit_, class_weight="balanced", cache_size=500)

    def _search_places(self, labels: Int[np.ndarray, " n"]) -> Int[np.ndarray, " chosen"]:
        """Samples to search with: the classes' shares as they are, but of rare ones at least some dozens."""
        random = np.random.default_rng(self.random_state)
        share = min(1.0, self.search_samples / len(labels))
        chosen = []
        for label in self.classes_:
            places = random.permutation(np.flatnonzero(labels == label))
            chosen.append(places[: max(round(share * len(places)), _LEAST_OF_A_CLASS)])
        return np.sort(np.concatenate(chosen))

    def _search(
        self, projected: Float64[np.ndarray, "n d"], labels: Int[np.ndarray, " n"], groups: Int[np.ndarray, " n"]
    ) -> None:
        """Set ``cost_``, ``gamma_``, and the probabilities' temperature from the left-out decisions of that pair."""
        found = len(np.unique(groups))
        if found < self.folds:
            raise InputError(
                f"expected samples of at least {self.folds} groups, got {found}; C and gamma are chosen on persons "
                "that were left out, so give more subjects or lower folds"
            )
        folds = StratifiedGroupKFold(self.folds, shuffle=True, random_state=self.random_state)
        splits = [split for split in folds.split(projected, labels, groups) if len(np.unique(labels[split[0]])) > 1]
        if not splits:
            raise InputError(
                "expected two or more classes in some fold's training part, got one in each; a subject should show "
                "several classes, or a class have several subjects"
            )
        best = -1.0
        self.search_: dict[tuple[float, float], float] = {}
        for cost in self.costs:
            for gamma in self.gammas:
                decisions = np.full((len(labels), len(self.classes_)), np.nan)
                for training, left_out in splits:
                    machine = self._machine(cost, gamma).fit(projected[training], labels[training])
                    decisions[left_out] = _decisions(machine, projected[left_out], self.classes_)
                scored = np.isfinite(decisions).all(1)
                predicted = self.classes_[decisions[scored].argmax(1)]
                macro_f1 = float(f1_score(labels[scored], predicted, average="macro", zero_division=0))
                self.search_[cost, gamma] = macro_f1
                if macro_f1 > best:
                    best, self.cost_, self.gamma_ = macro_f1, cost, gamma
                    shown = (labels[scored][:, None] == self.classes_).astype(np.float64)
                    self.temperature_ = calibrate(decisions[scored], shown).confidence_temperature

    def predict_proba(self, samples: Any) -> Float64[np.ndarray, "n k"]:
        """Probabilities of ``classes_``: a softmax of the machine's decisions, its temperature from left-out groups."""
        check_is_fitted(self)
        projected = self.projection_.transform(self._features(samples).astype(np.float64))
        probabilities: Float64[np.ndarray, "n k"] = softmax(
            _decisions(self.machine_, projected, self.classes_) / self.temperature_, axis=1
        )
        return probabilities

    def predict(self, samples: Any) -> Int[np.ndarray, " n"]:
        """The most likely label."""
        found: Int[np.ndarray, " n"] = self.classes_[self.predict_proba(samples).argmax(1)]
        return found

    @abstractmethod
    def _features(self, samples: Any) -> Float32[np.ndarray, "n d"]:
        """Check samples and describe them, a row each."""


class OpticalFlowStills(_FlowMachine):
    """Stills: the displacement from the mean neutral face to each face. No motion is measured, see the module.

    Args:
        components: of the PCA; at most one less than the samples.
        costs: values of C to try.
        gammas: values of gamma to try, in units of 1 / (total variance after PCA).
        folds: of the search.
        search_samples: how many samples the search takes; rare classes are thinned less.
        neutral: the label of neutral faces.
        neutral_samples: how many of them the mean face is made of, at most.
        classes: how many classes there are; samples of all of them are then demanded. Unset, only those that occur are
            learned, with a warning where a number between them is missing: such a class has no column and is never
            predicted.
        random_state: seed of what is drawn.

    Attributes:
        classes_: the labels that occurred, ascending: the columns of ``predict_proba``.
        neutral_face_: the mean neutral face.
        cost_: the chosen C.
        gamma_: the chosen gamma, in the same units as ``gammas``.
        search_: macro-F1 of each (C, gamma) on left-out groups.
    """

    def __init__(
        self,
        *,
        components: int = 150,
        costs: Sequence[float] = (1.0, 4.0, 16.0),
        gammas: Sequence[float] = (0.5, 1.0, 2.0),
        folds: int = 3,
        search_samples: int = 8000,
        neutral: int = FERPLUS_CLASSES.index(NEUTRAL),
        neutral_samples: int = 600,
        classes: int | None = None,
        random_state: int = 0,
    ) -> None:
        super().__init__(
            components=components,
            costs=costs,
            gammas=gammas,
            folds=folds,
            search_samples=search_samples,
            classes=classes,
            random_state=random_state,
        )
        self.neutral = neutral
        self.neutral_samples = neutral_samples

    def fit(self, crops: Any, labels: Any, groups: Any = None) -> OpticalFlowStills:
        """Learn from stills.

        Args:
            crops: uint8, n x 48 x 48.
            labels: n whole numbers.
            groups: the subject (or set of duplicates) of each; its own where unset.

        Raises:
            InputError: something else was given, or none of the samples is neutral.
        """
        crops = check_crops(crops)
        labels = check_labels(labels, len(crops), self.classes)
        groups = check_groups(groups, len(crops))
        self.neutral_face_ = NeutralFace.among(crops, labels, self.neutral, self.neutral_samples, self.random_state)
        self._fit_features(self._features(crops), labels, groups)
        return self

    def _features(self, samples: Any) -> Float32[np.ndarray, "n d"]:
        registered = self.neutral_face_.register(check_crops(samples))
        return flow_features(flows_from(self.neutral_face_.face, registered))


class OpticalFlowSequences(_FlowMachine):
    """Sequences: flow from onset to apex, and the mean flow of consecutive frames; head motion is subtracted.

    Takes the arguments and has the attributes of ``OpticalFlowStills``, but for those of the neutral face.
    """

    def fit(self, sequences: Any, labels: Any, groups: Any = None) -> OpticalFlowSequences:
        """Learn from sequences.

        Args:
            sequences: a list of uint8 arrays, t x 48 x 48 with t of at least 2, from onset to apex.
            labels: a whole number for each.
            groups: the subject of each; its own where unset.

        Raises:
            InputError: something else was given.
        """
        checked = check_sequences(sequences)
        labels = check_labels(labels, len(checked), self.classes)
        self._fit_features(self._features(checked), labels, check_groups(groups, len(checked)))
        return self

    def _features(self, samples: Any) -> Float32[np.ndarray, "n d"]:
        flows = sequence_flows(check_sequences(samples))
        return np.concatenate([flow_features(flows[:, 0]), flow_features(flows[:, 1])], 1)


def _decisions(
    machine: SVC, projected: Float64[np.ndarray, "n d"], classes: Int[np.ndarray, " k"]
) -> Float[np.ndarray, "n k"]:
    """One against the rest, a column a class of ``classes``; a class the machine has not seen is below all others."""
    found = machine.decision_function(projected)
    if found.ndim == 1:
        found = np.stack([-found, found], 1)
    decisions = np.repeat(found.min(1, keepdims=True) - 1, len(classes), axis=1)
    decisions[:, np.searchsorted(classes, machine.classes_)] = found
    return decisions
