"""The hidden Markov reference model (the paper's HMM in Table 1): one left-right chain a class.

The paper gives no detail of its HMM; this is a strong form of what the name stands for. A sequence passes through rest,
onset and apex; a still is scanned from forehead to chin (``classmood.training.baselines.strips``), and its chain passes
through five parts of a face. **Stills hold no motion**: the order there is one of place, not of time.

The decision is the class of greatest ``scale * log-likelihood + offset``. Textbook values are a scale of 1 and the log
of the class's share as offset. Overlapping strips and neighbouring frames repeat one another, though, so the plain
sum of their log-likelihoods is far too sure. Scale and offsets are hence fitted on a part of the training samples that
the chains have not seen (least cross-entropy, classes weighted against their imbalance), and with them the numbers of
states and mixtures are chosen (greatest macro-F1); the chains are then fitted again to all. ``tune=False`` keeps to the
textbook.

Cost on 26,192 crops of FER+, stills with defaults, one thread: 90 s of processor time to fit, 0.8 ms a face to predict.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int, UInt8
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from classmood.emotions import FERPLUS_CLASSES, NEUTRAL
from classmood.errors import InputError
from classmood.training.baselines.flow import DenseFlow, subtract_median
from classmood.training.baselines.inputs import check_crops, check_groups, check_labels, check_sequences
from classmood.training.baselines.left_right_chain import LeftRightChain
from classmood.training.baselines.registration import NeutralFace, normalise_locally
from classmood.training.baselines.strips import Strips

# Frames are described by their flow or grey at 12x12 places.
_COARSE_PX = 12
_FOLDS = 5


class _Chains(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What both forms share: from sequences of vectors to probabilities."""

    shapes: Sequence[tuple[int, int]]
    restarts: int
    iterations: int
    floor: float
    tune: bool
    imbalance: float
    random_state: int

    def _fit_vectors(
        self, vectors: list[Float64[np.ndarray, "_ d"]], labels: Int[np.ndarray, " n"], groups: Int[np.ndarray, " n"]
    ) -> None:
        self.classes_ = np.unique(labels)
        self.shape_ = self.shapes[0]
        self.scale_ = 1.0
        self.offsets_ = np.log((labels[:, None] == self.classes_).mean(0))
        if self.tune or len(self.shapes) > 1:
            self._choose(vectors, labels, groups)
        self.chains_ = self._chains(vectors, labels, self.shape_)

    def _chains(
        self, vectors: list[Float64[np.ndarray, "_ d"]], labels: Int[np.ndarray, " n"], shape: tuple[int, int]
    ) -> list[LeftRightChain]:
        """For each class the likeliest of ``restarts`` chains."""
        chains = []
        for label in self.classes_:
            own = [vectors[place] for place in np.flatnonzero(labels == label)]
            tried = []
            for restart in range(self.restarts):
                chain = LeftRightChain(
                    *shape, min_covar=self.floor, n_iter=self.iterations, random_state=self.random_state + restart
                )
                # EM ends where a round gains less than a thousandth of a natural unit a sequence.
                chain.tol = 1e-3 * len(own)
                tried.append(chain.fit_sequences(own))
            chains.append(max(tried, key=lambda chain: float(chain.monitor_.history[-1])))
        return chains

    def _choose(
        self, vectors: list[Float64[np.ndarray, "_ d"]], labels: Int[np.ndarray, " n"], groups: Int[np.ndarray, " n"]
    ) -> None:
        """Set shape, scale and offsets by samples whose groups the chains have not seen."""
        folds = min(_FOLDS, len(np.unique(groups)))
        problem = "scale, offsets and shape are fitted on persons that were left out"
        if folds < 2:
            raise InputError(f"expected samples of two or more groups, got one; {problem}: give more, or tune=False")
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=self.random_state)
        seen, left_out = next(iter(splitter.split(np.zeros(len(labels)), labels, groups)))
        if len(np.unique(labels[seen])) < len(self.classes_) or len(np.unique(labels[left_out])) < len(self.classes_):
            raise InputError(
                f"expected each class in two or more of the {folds} folds, got one with a class in a single fold; "
                f"{problem}: give more subjects of each class, or set tune=False and one shape"
            )
        best = -1.0
        for shape in self.shapes:
            chains = self._chains([vectors[place] for place in seen], labels[seen], shape)
            heard = _log_likelihoods(chains, [vectors[place] for place in left_out])
            scale, offsets = self.scale_, self.offsets_
            if self.tune:
                scale, offsets = _fit_decision(heard, np.searchsorted(self.classes_, labels[left_out]), self.imbalance)
            predicted = self.classes_[(scale * heard + offsets).argmax(1)]
            found = float(f1_score(labels[left_out], predicted, average="macro", zero_division=0))
            if found > best:
                best, chosen = found, (shape, scale, offsets)
        self.shape_, self.scale_, self.offsets_ = chosen

    def predict_proba(self, samples: Any) -> Float64[np.ndarray, "n k"]:
        """Probabilities of ``classes_``."""
        check_is_fitted(self)
        heard = _log_likelihoods(self.chains_, self._vectors(samples))
        probabilities: Float64[np.ndarray, "n k"] = softmax(self.scale_ * heard + self.offsets_, axis=1)
        return probabilities

    def predict(self, samples: Any) -> Int[np.ndarray, " n"]:
        """The most likely label."""
        found: Int[np.ndarray, " n"] = self.classes_[self.predict_proba(samples).argmax(1)]
        return found

    @abstractmethod
    def _vectors(self, samples: Any) -> list[Float64[np.ndarray, "_ d"]]:
        """Check samples and describe them, a sequence of vectors each."""


class HiddenMarkovStills(_Chains):
    """Stills: strips from forehead to chin, five states. No motion is measured, see the module.

    Faces are registered to the mean neutral face of the training samples first, as ``OpticalFlowStills`` does.

    Args:
        shapes: pairs of (states, mixtures) to choose among.
        strips: how faces are cut.
        projection: ``"pca"`` keeps the directions of a strip with the greatest variance, whitened, ``"lda"`` those that
            tell classes and parts of the face apart.
        components: how many of them.
        restarts: chains fitted for each class, from other starts; the likeliest is kept.
        iterations: of EM, at most.
        floor: the least variance, where all strips have variance 1.
        tune: whether scale and offsets are fitted, see the module.
        imbalance: classes weigh their number of samples to the power of minus this in that fit: 0 for the greatest
            accuracy, 1 for equal classes.
        neutral: the label of neutral faces.
        neutral_samples: how many of them the mean face is made of, at most.
        classes: how many classes there are; samples of all of them are then demanded. Unset, only those that occur are
            learned, with a warning where a number between them is missing: such a class has no column and is never
            predicted.
        random_state: seed of what is drawn.

    Attributes:
        classes_: the labels that occurred, ascending: the columns of ``predict_proba``.
        chains_: the chain of each.
        shape_: the chosen states and mixtures.
        scale_: of the log-likelihoods, in the decision.
        offsets_: of the classes, in the decision.
    """

    def __init__(
        self,
        *,
        shapes: Sequence[tuple[int, int]] = ((5, 3), (5, 8), (5, 16)),
        strips: Strips | None = None,
        projection: Literal["lda", "pca"] = "pca",
        components: int = 60,
        restarts: int = 1,
        iterations: int = 20,
        floor: float = 1e-3,
        tune: bool = True,
        imbalance: float = 0.25,
        neutral: int = FERPLUS_CLASSES.index(NEUTRAL),
        neutral_samples: int = 600,
        classes: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.shapes = shapes
        self.strips = strips
        self.projection = projection
        self.components = components
        self.restarts = restarts
        self.iterations = iterations
        self.floor = floor
        self.tune = tune
        self.imbalance = imbalance
        self.neutral = neutral
        self.neutral_samples = neutral_samples
        self.classes = classes
        self.random_state = random_state

    def fit(self, crops: Any, labels: Any, groups: Any = None) -> HiddenMarkovStills:
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
        scanned = self._scan(crops)
        count, size = scanned.shape[1:]
        flat = scanned.reshape(-1, size)
        if self.projection == "pca":
            self.projection_ = PCA(min(self.components, size, len(flat) - 1), whiten=True, svd_solver="covariance_eigh")
            self.projection_.fit(flat)
        else:
            # A class of the projection is an emotion at a place of the face: which part of it is not known yet.
            states = max(shape[0] for shape in self.shapes)
            parts = np.unique(labels, return_inverse=True)[1][:, None] * states + np.arange(count) * states // count
            known = min(self.components, size, len(np.unique(parts)) - 1)
            self.projection_ = LinearDiscriminantAnalysis(n_components=known).fit(flat, parts.ravel())
        self.scaler_ = StandardScaler().fit(self.projection_.transform(flat))
        self._fit_vectors(self._project(scanned), labels, groups)
        return self

    def _scan(self, crops: UInt8[np.ndarray, "n 48 48"]) -> Float32[np.ndarray, "n t d"]:
        return (self.strips or Strips()).scan(self.neutral_face_.register(crops))

    def _vectors(self, samples: Any) -> list[Float64[np.ndarray, "_ c"]]:
        return self._project(self._scan(check_crops(samples)))

    def _project(self, scanned: Float32[np.ndarray, "n t d"]) -> list[Float64[np.ndarray, "_ c"]]:
        flat = self.scaler_.transform(self.projection_.transform(scanned.reshape(-1, scanned.shape[2])))
        return list(flat.reshape(*scanned.shape[:2], -1).astype(np.float64))


class HiddenMarkovSequences(_Chains):
    """Sequences: where the face is since onset and how it moves on, frame by frame.

    Args:
        source: ``"flow"`` describes a frame by the flow from the first frame to it, less its median; ``"pixels"`` by
            its grey, locally normalised, less the first frame's. Both at 12x12 places.
        components: principal components kept of that, whitened; their changes from frame to frame (deltas) are added.
        shapes: pairs of (states, mixtures) to choose among.

    The other arguments and attributes are those of ``HiddenMarkovStills``.
    """

    def __init__(
        self,
        *,
        source: Literal["flow", "pixels"] = "flow",
        components: int = 16,
        shapes: Sequence[tuple[int, int]] = ((3, 1), (4, 1), (5, 1), (3, 2), (4, 2), (3, 3)),
        restarts: int = 3,
        iterations: int = 30,
        floor: float = 1e-3,
        tune: bool = True,
        imbalance: float = 0.25,
        classes: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.source = source
        self.components = components
        self.shapes = shapes
        self.restarts = restarts
        self.iterations = iterations
        self.floor = floor
        self.tune = tune
        self.imbalance = imbalance
        self.classes = classes
        self.random_state = random_state

    def fit(self, sequences: Any, labels: Any, groups: Any = None) -> HiddenMarkovSequences:
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
        groups = check_groups(groups, len(checked))
        described = self._describe(checked)
        flat = np.concatenate(described)
        known = min(self.components, len(flat) - 1, flat.shape[1])
        self.projection_ = PCA(known, whiten=True, svd_solver="covariance_eigh").fit(flat)
        self.scaler_ = StandardScaler().fit(np.concatenate([self._with_deltas(each) for each in described]))
        self._fit_vectors(self._scaled(described), labels, groups)
        return self

    def _describe(self, sequences: list[UInt8[np.ndarray, "_ 48 48"]]) -> list[Float32[np.ndarray, "_ d"]]:
        """A vector for each frame but the first."""
        dense = DenseFlow()
        described = []
        for frames in sequences:
            if self.source == "flow":
                maps = subtract_median(np.stack([dense(frames[0], frame) for frame in frames[1:]]))
            else:
                grey = np.stack([normalise_locally(frame) for frame in frames]).astype(np.float32)
                maps = grey[1:] - grey[0]
            coarse = [cv2.resize(each, (_COARSE_PX, _COARSE_PX), interpolation=cv2.INTER_AREA).ravel() for each in maps]
            described.append(np.stack(coarse))
        return described

    def _with_deltas(self, described: Float32[np.ndarray, "t d"]) -> Float64[np.ndarray, "t c"]:
        static = self.projection_.transform(described).astype(np.float64)
        # The face was at rest before the first described frame: its vector is that of no flow.
        rest = self.projection_.transform(np.zeros((1, described.shape[1]), np.float32))
        return np.concatenate([static, np.diff(static, axis=0, prepend=rest)], 1)

    def _vectors(self, samples: Any) -> list[Float64[np.ndarray, "_ c"]]:
        return self._scaled(self._describe(check_sequences(samples)))

    def _scaled(self, described: list[Float32[np.ndarray, "_ d"]]) -> list[Float64[np.ndarray, "_ c"]]:
        return [self.scaler_.transform(self._with_deltas(each)) for each in described]


def _log_likelihoods(
    chains: list[LeftRightChain], vectors: list[Float64[np.ndarray, "_ d"]]
) -> Float64[np.ndarray, "n k"]:
    return np.stack([chain.log_likelihoods(vectors) for chain in chains], 1)


def _fit_decision(
    heard: Float64[np.ndarray, "n k"], places: Int[np.ndarray, " n"], imbalance: float
) -> tuple[float, Float64[np.ndarray, " k"]]:
    """The scale and offsets of least weighted cross-entropy; offsets are lightly held to zero mean, which is free."""
    k = heard.shape[1]
    weight = np.bincount(places, minlength=k).astype(np.float64)[places] ** -imbalance
    weight /= weight.sum()
    # Only differences between classes matter; without the common part the numbers are small.
    centred = heard - heard.mean(1, keepdims=True)

    def cross_entropy(parameters: Float64[np.ndarray, " p"]) -> float:
        log_share = log_softmax(np.exp(parameters[0]) * centred + parameters[1:], axis=1)
        return float(-(weight * log_share[np.arange(len(places)), places]).sum() + 1e-4 * (parameters[1:] ** 2).sum())

    found = minimize(
        cross_entropy, np.r_[np.log(0.1), np.zeros(k)], method="L-BFGS-B", bounds=[(-9, 3)] + [(-9, 9)] * k
    )
    return float(np.exp(found.x[0])), np.asarray(found.x[1:], np.float64)
