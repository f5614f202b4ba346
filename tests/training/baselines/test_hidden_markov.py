"""The hidden Markov model on drawn sequences and faces, its decision, and a small check on FER+."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_motion import patch_motion
from sklearn.base import clone

from classmood.errors import InputError
from classmood.training.baselines.hidden_markov import HiddenMarkovSequences, HiddenMarkovStills, _fit_decision
from classmood.training.baselines.strips import Strips
from classmood.training.datasets import load_training

MOTIONS = [(0.0, 2.5), (0.0, -2.5), (2.5, 0.0)]
QUICK: dict[str, Any] = {"shapes": ((3, 1),), "restarts": 1, "iterations": 8, "components": 6}


def sequences(count: int, seed: int) -> tuple[list[np.ndarray], np.ndarray, list[str]]:
    """Drawn people of unequal speed: rest, then each class's motion."""
    random = np.random.default_rng(seed)
    drawn, labels, subjects = [], [], []
    for person in range(count):
        for label, vector in enumerate(MOTIONS):
            x, y = random.uniform(-2, 2, 2)
            frames = patch_motion(seed * 1000 + person, vector, row=35, head_px=(x, y))
            rest = np.repeat(frames[:1], int(random.integers(0, 4)), 0)
            drawn.append(np.concatenate([rest, frames]))
            labels.append(label)
            subjects.append(f"person{person}")
    return drawn, np.array(labels), subjects


@pytest.mark.parametrize("source", ["flow", "pixels"])
def test_sequences_are_told_apart(source: str) -> None:
    drawn, labels, subjects = sequences(10, 1)
    if source == "pixels":
        # Pixels tell motion only on a face that is known.
        drawn = [patch_motion(5, MOTIONS[label], row=35, head_px=(0.0, 0.0)) for label in labels]
        random = np.random.default_rng(0)
        drawn = [np.clip(each + random.normal(0, 4, each.shape), 0, 255).astype(np.uint8) for each in drawn]
    model = HiddenMarkovSequences(source=source, **QUICK).fit(drawn[:21], labels[:21], subjects[:21])  # type: ignore[arg-type]
    found = model.predict_proba(drawn[21:])
    assert (model.predict(drawn[21:]) == labels[21:]).mean() > 0.85
    np.testing.assert_allclose(found.sum(1), 1)
    np.testing.assert_array_equal(model.classes_[found.argmax(1)], model.predict(drawn[21:]))
    for chain in model.chains_:
        assert chain.startprob_.tolist() == [1, 0, 0]
        assert (np.tril(chain.transmat_, -1) == 0).all()
        assert chain.transmat_[0, 2] == 0


def test_the_shape_is_chosen_on_persons_left_out() -> None:
    shapes = ((1, 1), (3, 1))
    model = HiddenMarkovSequences(**{**QUICK, "shapes": shapes}).fit(*sequences(8, 3))
    assert model.shape_ in shapes
    assert all((chain.n_components, chain.n_mix) == model.shape_ for chain in model.chains_)


def test_without_tuning_the_decision_is_the_textbook_s() -> None:
    drawn, labels, _ = sequences(5, 4)
    labels[:3] = 0
    model = HiddenMarkovSequences(tune=False, **QUICK).fit(drawn, labels)
    share = np.bincount(labels) / len(labels)
    heard = np.stack([chain.log_likelihoods(model._vectors(drawn)) for chain in model.chains_], 1)
    np.testing.assert_array_equal(model.predict(drawn), (heard + np.log(share)).argmax(1))


def test_the_likeliest_of_the_restarts_is_kept() -> None:
    drawn, labels, _ = sequences(6, 5)
    one, many = (
        HiddenMarkovSequences(tune=False, shapes=((3, 2),), restarts=restarts, iterations=8).fit(drawn, labels)
        for restarts in (1, 4)
    )
    for single, best in zip(one.chains_, many.chains_, strict=True):
        assert best.monitor_.history[-1] >= single.monitor_.history[-1] - 1e-9
    assert any(b.monitor_.history[-1] > s.monitor_.history[-1] for s, b in zip(one.chains_, many.chains_, strict=True))


def test_the_decision_undoes_doubled_evidence_and_shifted_classes() -> None:
    """Log-likelihoods that are four times too sure and favour class 2: the fit finds the quarter and the shift."""
    random = np.random.default_rng(0)
    truth = random.choice(3, 6000, p=[0.5, 0.3, 0.2])
    features = random.normal(np.eye(3)[truth] * 1.5, 1)
    heard = 4 * 1.5 * features + np.array([0.0, 0.0, 5.0])
    scale, offsets = _fit_decision(heard, truth, 0.0)
    assert scale == pytest.approx(0.25, rel=0.1)
    expected = np.log([0.5, 0.3, 0.2]) - scale * np.array([0.0, 0.0, 5.0])
    np.testing.assert_allclose(offsets - offsets.mean(), expected - expected.mean(), atol=0.15)
    # Weighted to equal classes, the shares' part goes.
    _, balanced = _fit_decision(heard, truth, 1.0)
    even = -scale * np.array([0.0, 0.0, 5.0])
    np.testing.assert_allclose(balanced - balanced.mean(), even - even.mean(), atol=0.15)


def faces(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy drawn faces: neutral, and the mouth part moved down or up."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    vectors = [(0.0, 0.0), (0.0, 2.5), (0.0, -2.5)]
    drawn = [patch_motion(7, vectors[label], row=35, head_px=(0.0, 0.0))[-1] for label in labels]
    noisy = np.clip(np.stack(drawn) + random.normal(0, 6, (count, 48, 48)), 0, 255)
    return noisy.astype(np.uint8), labels


@pytest.mark.parametrize("projection", ["lda", "pca"])
def test_stills_are_told_apart_by_their_strips(projection: str) -> None:
    model = HiddenMarkovStills(
        projection=projection,  # type: ignore[arg-type]
        components=12,
        shapes=((5, 1),),
        iterations=5,
    ).fit(*faces(60, 0))
    crops, labels = faces(18, 1)
    assert (model.predict(crops) == labels).mean() > 0.9
    assert [chain.n_components for chain in model.chains_] == [5, 5, 5]


def test_two_classes_and_labels_with_a_gap_keep_their_names() -> None:
    crops, labels = faces(45, 0)
    chosen = labels != 1
    settings: dict[str, Any] = {"components": 8, "shapes": ((5, 1),), "iterations": 3, "tune": False}
    with pytest.warns(UserWarning, match="no training samples of class 1"):
        model = HiddenMarkovStills(**settings).fit(crops[chosen], labels[chosen])
    assert model.classes_.tolist() == [0, 2]
    assert set(model.predict(crops)) <= {0, 2}
    with pytest.raises(InputError, match="got none of class 1"):
        HiddenMarkovStills(classes=3).fit(crops[chosen], labels[chosen])


def test_what_cannot_be_learned_from_is_refused() -> None:
    crops, labels = faces(12, 0)
    with pytest.raises(InputError, match=r"neutral faces \(label 6\)"):
        HiddenMarkovStills(neutral=6).fit(crops, labels)
    small: dict[str, Any] = {"components": 4, "shapes": ((5, 1),)}
    with pytest.raises(InputError, match="two or more groups, got one"):
        HiddenMarkovStills(**small).fit(crops, labels, ["a"] * 12)
    with pytest.raises(InputError, match="a class in a single fold"):
        HiddenMarkovStills(**small).fit(crops, labels, labels)
    with pytest.raises(InputError, match="sequence 0"):
        HiddenMarkovSequences().fit([crops[:1]], [0])


def test_is_a_scikit_learn_estimator() -> None:
    for model in (HiddenMarkovStills(strips=Strips(12, 3)), HiddenMarkovSequences(components=5)):
        assert clone(model).get_params() == model.get_params()


def test_learns_something_of_ferplus(ferplus: Path) -> None:
    training, held = load_training("ferplus", ferplus).split(0.06, fraction=0.05)
    rows, unseen = training.take(np.arange(700)), held.take(np.arange(300))
    model = HiddenMarkovStills(shapes=((5, 1),), neutral_samples=60, iterations=4, classes=8)
    model.fit(rows.images, rows.targets.argmax(1), rows.groups)
    truth = unseen.targets.argmax(1)
    found = model.predict(unseen.images)
    recall = [(found[truth == k] == k).mean() for k in (0, 1, 2)]
    # Neutral, happiness and surprise have samples enough; a guess by shares has a mean recall of 1 / 8 over eight.
    assert np.mean(recall) > 0.3
