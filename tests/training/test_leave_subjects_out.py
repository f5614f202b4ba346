"""Leave-subjects-out: nobody is scored by a model that has seen them, and what cannot be fitted says why."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from crop_sets import make_clip, make_set

from classmood.emotions import CLASSROOM_CLASSES
from classmood.errors import InputError
from classmood.training import leave_subjects_out as subjects
from classmood.training import resnet
from classmood.training.leave_subjects_out import HMM, NETWORK, OF, SHIPPED, WITHOUT_SRM, leave_subjects_out
from classmood.training.recipe import Recipe
from classmood.training.samples import Samples

RECIPE = Recipe.model_validate(
    {
        "network": {"sge_groups": 4, "labels": "classroom"},
        "data": {"source": "crops", "settle_s": 0.5},
        "augment": {"flip": False, "rotation_degrees": 0, "scale": 0, "shift": 0, "shear": 0, "erase_probability": 0},
        "schedule": {"epochs": 12, "batch_size": 12, "learning_rate": 0.05, "warmup_epochs": 1, "ema_decay": 0.8},
    }
)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resnet, "WIDTHS", (8, 8, 12, 16))


def test_each_participant_is_said_of_by_models_that_never_saw_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops = make_set()
    seen: list[tuple[str, set[str], int]] = []
    really_train = subjects.train

    def train(recipe: Recipe, training: Samples, held: Samples, folder: Path) -> Path:
        seen.append((f"{folder.parent.name}/{folder.name}", set(training.groups), len(held)))
        assert recipe.network.srm == (folder.parent.name == "network")
        return really_train(recipe, training, held, folder)

    monkeypatch.setattr(subjects, "train", train)
    shipped, network, without, flow, markov = leave_subjects_out(crops, RECIPE, tmp_path)
    assert [one.model for one in (shipped, network, without, flow, markov)] == [SHIPPED, NETWORK, WITHOUT_SRM, OF, HMM]
    assert len(seen) == 6
    for place, who, held in seen:
        fold = int(place[-1])
        assert who == {clip.participant for clip in crops.clips if clip.fold != fold}
        # Nothing is held out to choose by: the schedule decides.
        assert held == 0
    labels = [CLASSROOM_CLASSES.index(clip.label) for clip in crops.clips]
    assert (network.shares.argmax(1) == labels).mean() > 0.7
    assert network.shares.sum(1) == pytest.approx(np.ones(len(labels)), abs=1e-5)
    unlearned = [k for k, name in enumerate(CLASSROOM_CLASSES) if name not in crops.labels]
    for one in (network, without, flow, markov):
        assert (one.shares[:, unlearned] == 0).all(), one.model
        assert not one.problem
    # Dominance was not rated; the reference models have no dimensions; the shipped one derives two emotions.
    assert np.isnan(network.vad[:, 2]).all()
    assert not np.isnan(network.vad[:, :2]).any()
    assert np.isnan(flow.vad).all()
    assert (shipped.shares[:, [CLASSROOM_CLASSES.index(name) for name in ("appreciation", "caution")]] == 0).all()


def test_runs_on_people_who_were_dealt_anew_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = RECIPE.schedule.model_copy(update={"epochs": 1, "batch_size": 4})
    recipe = RECIPE.model_copy(update={"schedule": schedule})
    crops = make_set(4, ("neutral", "joy"), folds=2)
    leave_subjects_out(crops, recipe, tmp_path, without_srm=False, sequences=False)
    first = (tmp_path / "network" / "fold-1" / "checkpoint.pt").read_bytes()
    leave_subjects_out(crops, recipe, tmp_path, without_srm=False, sequences=False)
    assert (tmp_path / "network" / "fold-1" / "checkpoint.pt").read_bytes() == first
    # The folds change places: whom the first one's network was trained on is now left out of it.
    dealt = tuple(dataclasses.replace(clip, fold=3 - clip.fold) for clip in crops.clips)
    really_train, anew = subjects.train, []

    def train(recipe: Recipe, training: Samples, held: Samples, folder: Path) -> Path:
        anew.append(not (folder / "checkpoint.pt").exists())
        return really_train(recipe, training, held, folder)

    monkeypatch.setattr(subjects, "train", train)
    leave_subjects_out(dataclasses.replace(crops, clips=dealt), recipe, tmp_path, without_srm=False, sequences=False)
    assert anew == [True, True]


def test_reference_models_that_cannot_be_fitted_say_why(tmp_path: Path) -> None:
    crops = make_set(2, ("neutral", "joy"), folds=2)
    recipe = RECIPE.model_copy(update={"schedule": RECIPE.schedule.model_copy(update={"epochs": 1, "batch_size": 4})})
    flow, markov = leave_subjects_out(crops, recipe, tmp_path, without_srm=False)[-2:]
    assert "at least 3 groups, got 1" in flow.problem
    assert markov.problem
    assert np.isnan(flow.shares).all()


def test_clips_without_a_class_are_no_sequences_to_learn_from() -> None:
    crops = make_set()
    extra = make_clip(0, "")
    more = dataclasses.replace(crops, clips=(*crops.clips, extra))
    found = subjects._sequences(more, OF, subjects._optical_flow)
    assert not found.problem
    assert set(np.flatnonzero(found.shares[-1])) <= {0, 1, 8}


@pytest.mark.parametrize(("people", "labels", "got"), [(1, ("neutral", "joy"), "1 and 2"), (4, ("joy",), "3 and 1")])
def test_too_few_folds_or_classes_are_refused(tmp_path: Path, people: int, labels: tuple[str, ...], got: str) -> None:
    with pytest.raises(InputError, match=f"two or more folds and classes, got {got}"):
        leave_subjects_out(make_set(people, labels), RECIPE, tmp_path)


def test_a_sequence_keeps_its_beginning_and_its_end() -> None:
    clip = make_clip(1, "joy", frames=40)
    frames = subjects.sequence_of(clip)
    assert len(frames) == 12
    np.testing.assert_array_equal(frames[[0, -1]], clip.crops[[0, -1]])
    assert len(subjects.sequence_of(make_clip(1, "joy", frames=5))) == 5
