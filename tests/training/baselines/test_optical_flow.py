"""The optical-flow model on drawn faces and drawn motion, and a small check on FER+."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_motion import patch_motion
from sklearn.base import clone
from sklearn.svm import SVC

from classmood.errors import InputError
from classmood.training.baselines.optical_flow import OpticalFlowSequences, OpticalFlowStills
from classmood.training.datasets import load_training

# The way the mouth goes in each class, in pixels.
MOTIONS = [(0.0, 2.5), (0.0, -2.5), (2.5, 0.0)]
QUICK: dict[str, Any] = {"costs": (4.0,), "gammas": (0.5, 1.0), "folds": 3}


def sequences(count: int, seed: int) -> tuple[list[np.ndarray], np.ndarray, list[str]]:
    """Drawn people, each with her own texture and head motion, who show every class once."""
    random = np.random.default_rng(seed)
    drawn, labels, subjects = [], [], []
    for person in range(count):
        for label, vector in enumerate(MOTIONS):
            head = tuple(random.uniform(-2.5, 2.5, 2))
            drawn.append(patch_motion(seed * 1000 + person, vector, row=35, head_px=(head[0], head[1])))
            labels.append(label)
            subjects.append(f"person{person}")
    return drawn, np.array(labels), subjects


@pytest.fixture(scope="module")
def fitted() -> OpticalFlowSequences:
    return OpticalFlowSequences(**QUICK).fit(*sequences(10, 1))


def test_sequences_are_told_apart_by_motion_whatever_the_face_and_head(fitted: OpticalFlowSequences) -> None:
    drawn, labels, _ = sequences(6, 2)
    assert (fitted.predict(drawn) == labels).mean() > 0.85
    probabilities = fitted.predict_proba(drawn)
    assert probabilities.shape == (18, 3)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    np.testing.assert_array_equal(probabilities.argmax(1), fitted.predict(drawn))


def test_the_chosen_pair_is_the_best_that_was_tried(fitted: OpticalFlowSequences) -> None:
    assert set(fitted.search_) == {(4.0, 0.5), (4.0, 1.0)}
    assert fitted.search_[fitted.cost_, fitted.gamma_] == max(fitted.search_.values())


def test_no_person_is_on_both_sides_of_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    model = OpticalFlowSequences(**QUICK)
    groups = np.repeat(np.arange(8), 3)
    features = np.arange(24, dtype=float)[:, None] * np.ones((1, 2))
    seen: list[tuple[set[int], set[int]]] = []

    class Spy(SVC):  # type: ignore[misc]
        classes_ = np.arange(3)

        def fit(self, projected: np.ndarray, labels: np.ndarray) -> SVC:
            self.persons = set(groups[projected[:, 0].astype(int)].tolist())
            return self

        def decision_function(self, projected: np.ndarray) -> np.ndarray:
            seen.append((self.persons, set(groups[projected[:, 0].astype(int)].tolist())))
            return np.zeros((len(projected), 3))

    monkeypatch.setattr(model, "_machine", lambda cost, gamma: Spy())
    model.classes_ = np.arange(3)
    model._search(features, np.tile(np.arange(3), 8), groups)
    assert len(seen) == 6
    assert all(not trained & left_out for trained, left_out in seen)


def smile(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Last frames of drawn motion on one texture: neutral, and the mouth down or up."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    crops = []
    for label in labels:
        vector = [(0.0, 0.0), (0.0, 2.5), (0.0, -2.5)][label]
        frame = patch_motion(7, vector, row=35, head_px=(0.0, 0.0))[-1]
        crops.append(np.clip(frame + random.normal(0, 4, (48, 48)), 0, 255).astype(np.uint8))
    return np.stack(crops), labels


def test_stills_are_told_apart_by_their_displacement_from_the_neutral_face() -> None:
    model = OpticalFlowStills(**QUICK).fit(*smile(36, 0))
    crops, labels = smile(18, 1)
    assert (model.predict(crops) == labels).mean() > 0.9
    # The mean face is made of neutral faces alone.
    neutral = OpticalFlowStills(**QUICK).fit(*smile(36, 0)).neutral_face_.face
    np.testing.assert_array_equal(model.neutral_face_.face, neutral)


def test_two_classes_and_labels_with_a_gap_keep_their_names() -> None:
    crops, labels = smile(36, 0)
    chosen = labels != 1
    with pytest.warns(UserWarning, match="no training samples of class 1"):
        model = OpticalFlowStills(**QUICK).fit(crops[chosen], labels[chosen])
    assert model.classes_.tolist() == [0, 2]
    assert model.predict_proba(crops).shape == (36, 2)
    assert (model.predict(crops[chosen]) == labels[chosen]).mean() > 0.9
    with pytest.raises(InputError, match="got none of class 1"):
        OpticalFlowStills(classes=3).fit(crops[chosen], labels[chosen])


def test_what_cannot_be_learned_from_is_refused() -> None:
    crops, labels = smile(12, 0)
    with pytest.raises(InputError, match=r"neutral faces \(label 5\)"):
        OpticalFlowStills(neutral=5).fit(crops, labels)
    with pytest.raises(InputError, match="at least 3 groups, got 2"):
        OpticalFlowStills().fit(crops, labels, [0, 1] * 6)
    with pytest.raises(InputError, match="uint8 crops"):
        OpticalFlowStills().fit(crops / 255, labels)


def test_is_a_scikit_learn_estimator() -> None:
    for model in (OpticalFlowStills(components=9, costs=(2.0,)), OpticalFlowSequences(components=9, costs=(2.0,))):
        copied = clone(model)
        assert copied is not model
        assert copied.get_params() == model.get_params()


def test_learns_something_of_ferplus(ferplus: Path) -> None:
    training, held = load_training("ferplus", ferplus).split(0.06, fraction=0.05)
    rows, unseen = training.take(np.arange(700)), held.take(np.arange(300))
    model = OpticalFlowStills(costs=(4.0,), gammas=(1.0,), neutral_samples=60, classes=8)
    model.fit(rows.images, rows.targets.argmax(1), rows.groups)
    truth = unseen.targets.argmax(1)
    found = model.predict(unseen.images)
    recall = [(found[truth == k] == k).mean() for k in (0, 1, 2)]
    # Neutral, happiness and surprise have samples enough; a guess by shares has a mean recall of 1 / 8 over eight.
    assert np.mean(recall) > 0.33
