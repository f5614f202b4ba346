"""The chain against an independent forward algorithm, hmmlearn's own scores, and sequences from known chains."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hmmlearn.hmm import GMMHMM
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from classmood.errors import InputError
from classmood.training.baselines.left_right_chain import LeftRightChain


def drawn_chain(seed: int, states: int, mixtures: int, size: int) -> LeftRightChain:
    random = np.random.default_rng(seed)
    chain = LeftRightChain(states, mixtures)
    stay = random.uniform(0.3, 0.9, states)
    stay[-1] = 1
    chain.n_features = size
    chain.startprob_ = np.eye(states)[0]
    chain.transmat_ = np.diag(stay) + np.diag(1 - stay[:-1], 1)
    chain.weights_ = random.dirichlet(np.ones(mixtures), states)
    chain.means_ = random.normal(0, 2, (states, mixtures, size))
    chain.covars_ = random.uniform(0.2, 2, (states, mixtures, size))
    return chain


def density(chain: LeftRightChain, state: int, frame: np.ndarray) -> float:
    parts = zip(chain.weights_[state], chain.means_[state], chain.covars_[state], strict=True)
    return float(sum(weight * norm.pdf(frame, mean, np.sqrt(variance)).prod() for weight, mean, variance in parts))


def sum_over_paths(chain: LeftRightChain, frames: np.ndarray) -> float:
    """log p by adding up every path of states, allowed or not: what the forward algorithm must come to."""
    total = 0.0
    emitted = [[density(chain, state, frame) for state in range(chain.n_components)] for frame in frames]
    for path in itertools.product(range(chain.n_components), repeat=len(frames)):
        p = chain.startprob_[path[0]]
        for before, after in itertools.pairwise(path):
            p *= chain.transmat_[before, after]
        if p:
            total += p * np.prod([emitted[t][state] for t, state in enumerate(path)])
    return float(np.log(total))


def draw(chain: LeftRightChain, count: int, length: int, seed: int) -> list[np.ndarray]:
    return [chain.sample(length, random_state=seed * 10_000 + i)[0] for i in range(count)]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 2), st.integers(1, 3))
def test_the_likelihood_is_the_sum_over_all_paths(seed: int, states: int, mixtures: int, size: int) -> None:
    chain = drawn_chain(seed, states, mixtures, size)
    random = np.random.default_rng(seed)
    # Of unequal length, so that padding would show.
    sequences = [random.normal(0, 2, (length, size)) for length in (4, 1, 3)]
    expected = [sum_over_paths(chain, frames) for frames in sequences]
    np.testing.assert_allclose(chain.log_likelihoods(sequences), expected, rtol=1e-8)


def test_the_likelihood_is_hmmlearn_s_also_over_long_sequences() -> None:
    chain = drawn_chain(1, 5, 3, 8)
    plain = GMMHMM(5, 3)
    for name in ("n_features", "startprob_", "transmat_", "weights_", "means_", "covars_"):
        setattr(plain, name, getattr(chain, name))
    sequences = draw(chain, 4, 300, 1)
    np.testing.assert_allclose(chain.log_likelihoods(sequences), [plain.score(each) for each in sequences], rtol=1e-9)


def test_one_round_of_em_has_hmmlearn_s_expected_counts() -> None:
    """The batched E-step against hmmlearn's, sequence by sequence."""
    chain = drawn_chain(2, 4, 2, 3)
    plain = GMMHMM(4, 2, params="tmcw")
    plain._init_covar_priors()
    for model in (chain, plain):
        for name in ("n_features", "startprob_", "transmat_", "weights_", "means_", "covars_"):
            setattr(model, name, getattr(chain, name))
        model._init_covar_priors()
        model._fix_priors_shape()
    sequences = [frames[:length] for frames, length in zip(draw(chain, 6, 20, 2), (20, 7, 3, 1, 15, 12), strict=True)]
    x, lengths = np.concatenate(sequences), np.array([len(each) for each in sequences])
    own, likelihood = chain._do_estep(x, lengths)
    theirs, expected = plain._do_estep(x, lengths)
    np.testing.assert_allclose(likelihood, expected, rtol=1e-9)
    np.testing.assert_allclose(own["trans"], theirs["trans"], atol=1e-8)
    np.testing.assert_allclose(own["post_mix_sum"], theirs["post_mix_sum"], atol=1e-8)
    np.testing.assert_allclose(own["first"], theirs["m_n"], atol=1e-7)
    # hmmlearn's second moments are about the means; these are about zero.
    about_means = own["second"] - 2 * own["first"] * chain.means_ + own["post_mix_sum"][..., None] * chain.means_**2
    np.testing.assert_allclose(about_means, theirs["c_n"], atol=1e-7)


def test_em_recovers_the_chain_that_made_the_sequences() -> None:
    chain = drawn_chain(4, 3, 1, 2)
    chain.means_ = np.array([[[-4.0, 0.0]], [[0.0, 4.0]], [[4.0, 0.0]]])
    chain.transmat_ = np.array([[0.8, 0.2, 0.0], [0.0, 0.6, 0.4], [0.0, 0.0, 1.0]])
    found = LeftRightChain(3, 1, n_iter=25, random_state=0).fit_sequences(draw(chain, 200, 12, 4))
    np.testing.assert_allclose(found.transmat_, chain.transmat_, atol=0.05)
    np.testing.assert_allclose(found.means_, chain.means_, atol=0.15)
    np.testing.assert_allclose(found.covars_, chain.covars_, rtol=0.15)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 3))
def test_zeros_survive_em_the_floor_holds_and_each_round_is_likelier(seed: int, states: int, mixtures: int) -> None:
    random = np.random.default_rng(seed)
    sequences = [random.normal(0, 1, (int(random.integers(1, 9)), 2)) for _ in range(15)]
    # A number that never changes would have no spread.
    sequences = [np.concatenate([each, np.full((len(each), 1), 0.5)], 1) for each in sequences]
    chain = LeftRightChain(states, mixtures, n_iter=15, tol=-np.inf, random_state=0).fit_sequences(sequences)
    allowed = np.eye(states) + np.eye(states, k=1)
    assert (chain.transmat_[allowed == 0] == 0).all()
    np.testing.assert_array_equal(chain.startprob_, np.eye(states)[0])
    np.testing.assert_allclose(chain.transmat_.sum(1), 1)
    np.testing.assert_allclose(chain.weights_.sum(1), 1)
    assert chain.covars_.min() >= 1e-3
    np.testing.assert_allclose(chain.covars_[..., 2][chain.weights_ > 1e-6], 1e-3)
    assert np.isfinite(chain.log_likelihoods(sequences)).all()
    history = list(chain.monitor_.history)
    assert len(history) == 15 or chain.monitor_.converged
    assert all(after >= before - 1e-6 * abs(before) for before, after in itertools.pairwise(history))


def test_states_that_no_sequence_reaches_do_no_harm() -> None:
    """One-frame sequences only ever see state 0; hmmlearn alone would refuse the chain's own transitions."""
    sequences = [np.array([[float(i % 3)]]) for i in range(9)]
    chain = LeftRightChain(3, 1, n_iter=3, random_state=0).fit_sequences(sequences)
    np.testing.assert_allclose(chain.transmat_.sum(1), 1)
    np.testing.assert_allclose(chain.means_[0, 0], 1.0)
    assert np.isfinite(chain.log_likelihoods([np.zeros((4, 1))])).all()


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(InputError, match=r"at least 6 frames for 3 states of 2 mixture\(s\), got 5"):
        LeftRightChain(3, 2).fit_sequences([np.zeros((5, 2))])
