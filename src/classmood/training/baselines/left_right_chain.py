"""A left-right hidden Markov chain with Gaussian-mixture emissions: one class of the hidden Markov reference model.

Rabiner, "A Tutorial on Hidden Markov Models", Proc. IEEE 1989, sections IV-VI. States are passed in order: the chain
starts in state 0, stays or goes one state on, and its zeros in start and transitions survive EM, since EM only
re-divides probability that is there.

hmmlearn's ``GMMHMM`` gives the parameters, the loop, the M-step of the transitions, and the checks. What is changed:

- the start: each sequence is cut into equal parts, one a state, and k-means runs within a part. hmmlearn clusters
  without regard to time, and for minutes where this takes a second;
- the E-step runs over all sequences at once, and not one at a time in Python;
- covariances are taken about the new means, which makes the M-step exact (hmmlearn: about the old ones), and their
  floor holds after every step (hmmlearn's ``min_covar`` enters its first guess alone);
- a state that no sequence reaches keeps its transitions; hmmlearn would leave a row of zeros and refuse it later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hmmlearn.hmm import GMMHMM
from jaxtyping import Bool, Float, Int
from scipy.special import logsumexp
from sklearn.cluster import KMeans

from classmood.errors import InputError

_CHUNK = 512
# Expected counts below this are none: a mean would be divided by nothing.
_UNREACHED = 1e-8


class LeftRightChain(GMMHMM):  # type: ignore[misc]
    """A left-right GMM-HMM with diagonal covariances. ``fit(X, lengths)`` and ``score`` are hmmlearn's.

    Sequences shorter than ``n_components`` frames are allowed: they end before the last state.
    """

    def __init__(
        self,
        n_components: int = 3,
        n_mix: int = 1,
        *,
        min_covar: float = 1e-3,
        n_iter: int = 20,
        tol: float = 1e-2,
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            n_components,
            n_mix,
            min_covar=min_covar,
            covariance_type="diag",
            n_iter=n_iter,
            tol=tol,
            # Of hmmlearn's M-step only the transitions' part runs.
            params="t",
            init_params="",
            random_state=random_state,
        )

    def fit_sequences(self, sequences: Sequence[Float[np.ndarray, "_ d"]]) -> LeftRightChain:
        """Run EM from the segmented start.

        Raises:
            InputError: there are fewer frames than Gaussians.
        """
        lengths = np.array([len(sequence) for sequence in sequences])
        if lengths.sum() < self.n_components * self.n_mix:
            raise InputError(
                f"expected at least {self.n_components * self.n_mix} frames for {self.n_components} states of "
                f"{self.n_mix} mixture(s), got {int(lengths.sum())}; give more sequences or ask for fewer states"
            )
        self.fit(np.concatenate(list(sequences)).astype(np.float64), lengths)
        return self

    def log_likelihoods(self, sequences: Sequence[Float[np.ndarray, "_ d"]]) -> Float[np.ndarray, " n"]:
        """log p(sequence) for each, natural logarithm."""
        self._check()
        found = np.empty(len(sequences))
        for first in range(0, len(sequences), _CHUNK):
            chunk = sequences[first : first + _CHUNK]
            emissions, real = self._emissions(*_pad(chunk))
            found[first : first + len(chunk)] = logsumexp(self._forward(emissions, real)[:, -1], 1)
        return found

    def _init(self, X: Float[np.ndarray, "frames d"], lengths: Int[np.ndarray, " n"] | None = None) -> None:  # noqa: N803
        states, mixtures = self.n_components, self.n_mix
        lengths = np.array([len(X)]) if lengths is None else np.asarray(lengths)
        self.n_features = X.shape[1]
        self._init_covar_priors()
        self._fix_priors_shape()
        self.startprob_ = np.eye(states)[0]
        # A stay in each state of the mean sequence's share.
        leave = float(np.clip(states / lengths.mean(), 0.05, 0.5))
        self.transmat_ = np.eye(states) * (1 - leave) + np.eye(states, k=1) * leave
        self.transmat_[-1, -1] = 1.0
        part = np.concatenate([np.arange(length) * states // length for length in lengths])
        whole = X.var(0)
        random = np.random.RandomState(self.random_state)
        self.weights_ = np.full((states, mixtures), 1 / mixtures)
        self.means_ = np.empty((states, mixtures, X.shape[1]))
        self.covars_ = np.empty_like(self.means_)
        for state in range(states):
            inside = X[part == state]
            if len(inside) < mixtures:
                inside = X
            clusters = KMeans(mixtures, n_init=1, random_state=random.randint(2**31 - 1)).fit(inside)
            for mixture in range(mixtures):
                members = inside[clusters.labels_ == mixture]
                self.means_[state, mixture] = clusters.cluster_centers_[mixture]
                # A cluster of one has no spread of its own.
                spread = members.var(0) if len(members) > X.shape[1] else whole
                self.covars_[state, mixture] = np.maximum(spread, self.min_covar)
                self.weights_[state, mixture] = max(len(members), 1) / len(inside)
        self.weights_ /= self.weights_.sum(1, keepdims=True)

    def _do_estep(
        self,
        X: Float[np.ndarray, "frames d"],  # noqa: N803
        lengths: Int[np.ndarray, " n"],
    ) -> tuple[dict[str, Any], float]:
        stats = self._initialize_sufficient_statistics()
        stats["first"], stats["second"] = np.zeros_like(self.means_), np.zeros_like(self.means_)
        sequences = np.split(X, np.cumsum(lengths)[:-1])
        total = 0.0
        for first in range(0, len(sequences), _CHUNK):
            total += self._accumulate(stats, *_pad(sequences[first : first + _CHUNK]))
        return stats, total

    def _accumulate(self, stats: dict[str, Any], x: Float[np.ndarray, "n t d"], real: Bool[np.ndarray, "n t"]) -> float:
        """Add one chunk's expected counts (Rabiner, equations 37, 40 and 52-54) and return its log-likelihood."""
        parts = self._mixture_densities(x[real])
        emissions = np.zeros((*real.shape, self.n_components))
        emissions[real] = logsumexp(parts, 2)
        alpha = self._forward(emissions, real)
        beta = self._backward(emissions)
        likelihood = logsumexp(alpha[:, -1], 1)
        occupancy = np.exp(alpha + beta - likelihood[:, None, None])[real]
        # Steps are counted where the frame that is stepped to is a real one.
        stay, go = self._log_steps()
        after = emissions[:, 1:] + beta[:, 1:] - likelihood[:, None, None]
        real_step = real[:, 1:, None]
        stays = (np.exp(alpha[:, :-1] + stay + after) * real_step).sum((0, 1))
        goes = (np.exp(alpha[:, :-1, :-1] + go + after[:, :, 1:]) * real_step).sum((0, 1))
        stats["trans"] += np.diag(stays) + np.diag(goes, 1)
        shares = occupancy[:, :, None] * np.exp(parts - logsumexp(parts, 2, keepdims=True))
        frames = x[real]
        stats["post_mix_sum"] += shares.sum(0)
        flat = shares.reshape(len(frames), -1)
        stats["first"] += (flat.T @ frames).reshape(self.means_.shape)
        stats["second"] += (flat.T @ frames**2).reshape(self.means_.shape)
        return float(likelihood.sum())

    def _do_mstep(self, stats: dict[str, Any]) -> None:
        before = self.transmat_.copy()
        super()._do_mstep(stats)
        unreached = stats["trans"].sum(1) < _UNREACHED
        self.transmat_[unreached] = before[unreached]
        count = stats["post_mix_sum"]
        held = count > _UNREACHED
        # A Gaussian that no frame chose stays where it is; its weight is zero unless its whole state was not reached.
        self.means_[held] = stats["first"][held] / count[held][:, None]
        spread = stats["second"][held] / count[held][:, None] - self.means_[held] ** 2
        self.covars_[held] = np.maximum(spread, self.min_covar)
        reached = held.any(1)
        self.weights_[reached] = count[reached] / count[reached].sum(1, keepdims=True)

    def _mixture_densities(self, frames: Float[np.ndarray, "frames d"]) -> Float[np.ndarray, "frames s m"]:
        """Log of weight times density of every state's every Gaussian."""
        precision = (1 / self.covars_).reshape(-1, frames.shape[1])
        means = self.means_.reshape(precision.shape)
        square = frames**2 @ precision.T - 2 * frames @ (means * precision).T + (means**2 * precision).sum(1)
        constant = np.log(2 * np.pi * self.covars_).sum(2)
        with np.errstate(divide="ignore"):
            weight = np.log(self.weights_)
        densities: Float[np.ndarray, "frames s m"] = weight - 0.5 * (square.reshape(-1, *weight.shape) + constant)
        return densities

    def _emissions(
        self, x: Float[np.ndarray, "n t d"], real: Bool[np.ndarray, "n t"]
    ) -> tuple[Float[np.ndarray, "n t s"], Bool[np.ndarray, "n t"]]:
        emissions = np.zeros((*real.shape, self.n_components))
        emissions[real] = logsumexp(self._mixture_densities(x[real]), 2)
        return emissions, real

    def _log_steps(self) -> tuple[Float[np.ndarray, " s"], Float[np.ndarray, " s1"]]:
        with np.errstate(divide="ignore"):
            return np.log(np.diag(self.transmat_)), np.log(np.diag(self.transmat_, 1))

    def _forward(
        self, emissions: Float[np.ndarray, "n t s"], real: Bool[np.ndarray, "n t"]
    ) -> Float[np.ndarray, "n t s"]:
        """Log alpha; what comes after a sequence's end repeats its last row."""
        stay, go = self._log_steps()
        alpha = np.full(emissions.shape, -np.inf)
        alpha[:, 0, 0] = emissions[:, 0, 0]
        for t in range(1, emissions.shape[1]):
            step = alpha[:, t - 1] + stay
            step[:, 1:] = np.logaddexp(step[:, 1:], alpha[:, t - 1, :-1] + go)
            alpha[:, t] = np.where(real[:, t, None], step + emissions[:, t], alpha[:, t - 1])
        return alpha

    def _backward(self, emissions: Float[np.ndarray, "n t s"]) -> Float[np.ndarray, "n t s"]:
        """Log beta; 0 from each sequence's last frame on, since padding emits 1 and transitions sum to 1."""
        stay, go = self._log_steps()
        beta = np.zeros(emissions.shape)
        for t in range(emissions.shape[1] - 2, -1, -1):
            after = emissions[:, t + 1] + beta[:, t + 1]
            beta[:, t] = after + stay
            beta[:, t, :-1] = np.logaddexp(beta[:, t, :-1], after[:, 1:] + go)
        return beta


def _pad(
    sequences: Sequence[Float[np.ndarray, "_ d"]],
) -> tuple[Float[np.ndarray, "n longest d"], Bool[np.ndarray, "n longest"]]:
    """Sequences side by side, zeros after their ends, and which frames are real."""
    lengths = np.array([len(sequence) for sequence in sequences])
    real = np.arange(lengths.max())[None, :] < lengths[:, None]
    x = np.zeros((*real.shape, sequences[0].shape[1]))
    x[real] = np.concatenate(list(sequences))
    return x, real
