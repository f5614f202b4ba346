"""Scores of left-out participants against what can be counted by hand; intervals are over participants."""

from __future__ import annotations

import numpy as np
import pytest
from crop_sets import make_clip, make_set
from sklearn.metrics import f1_score

from classmood.clips.crop_set import CropSet
from classmood.emotions import CLASSROOM_CLASSES
from classmood.training.leave_subjects_out import LeftOut
from classmood.training.subject_scores import Bootstrap, score_subjects, spread_difference


def said(crops: CropSet, names: list[str], vad: np.ndarray | None = None) -> LeftOut:
    shares = np.eye(9)[[CLASSROOM_CLASSES.index(name) for name in names]]
    return LeftOut("a model", shares, np.full((len(names), 3), np.nan) if vad is None else vad)


def named(crops: CropSet, wrong: set[tuple[int, str]]) -> list[str]:
    """Everything right but the clips of ``wrong``, which are called fury."""
    return ["fury" if (int(c.participant[-3:]), c.label) in wrong else c.label for c in crops.clips]


def test_accuracy_f1_and_spread_are_those_of_the_counts() -> None:
    crops = make_set(4)
    names = named(crops, {(0, "joy"), (0, "neutral"), (3, "joy")})
    found = score_subjects(crops, said(crops, names), Bootstrap(crops, rounds=300))
    labels = [clip.label for clip in crops.clips]
    assert found.clips == 12
    assert found.accuracy.value == pytest.approx(9 / 12)
    expected = f1_score(labels, names, average="macro", labels=sorted(set(labels)))
    assert found.macro_f1.value == pytest.approx(expected)
    assert found.by_participant == {
        "sub-000": (pytest.approx(1 / 3), 3),
        "sub-001": (1, 3),
        "sub-002": (1, 3),
        "sub-003": (pytest.approx(2 / 3), 3),
    }
    assert found.spread.value == pytest.approx(np.std([1 / 3, 1, 1, 2 / 3], ddof=1))
    assert found.by_course["course-a"].value == pytest.approx(5 / 6)
    assert found.recall == {"neutral": 0.75, "joy": 0.5, "caution": 1.0}
    assert found.accuracy.low < found.accuracy.value < found.accuracy.high


def test_intervals_are_over_participants_and_not_over_clips() -> None:
    # Half of the people all right, half all wrong: a hundred clips each say no more than one.
    few, many = make_set(12, ("joy",)), make_set(12, ("joy", "neutral", "caution", "grief", "terror"))
    widths = []
    for crops in (few, many):
        wrong = {(person, label) for person in range(6) for label in crops.labels}
        found = score_subjects(crops, said(crops, named(crops, wrong)), Bootstrap(crops, rounds=1000))
        widths.append(found.accuracy.high - found.accuracy.low)
    assert widths[0] == pytest.approx(widths[1], abs=0.01)
    # Binomial over twelve people: about 2 * 1.96 * sqrt(.25 / 12).
    assert widths[1] == pytest.approx(0.57, abs=0.08)


def test_where_all_are_right_the_interval_is_wilson_s_over_people() -> None:
    crops = make_set(9)
    found = score_subjects(crops, said(crops, named(crops, set())), Bootstrap(crops, rounds=100))
    assert found.accuracy.value == found.accuracy.high == 1
    # Wilson's lower end for 9 of 9: n / (n + z^2).
    assert found.accuracy.low == pytest.approx(9 / (9 + 1.96**2), abs=1e-3)


def test_dimensions_are_scored_where_they_were_rated() -> None:
    crops = make_set(6)
    ratings = np.array([clip.ratings for clip in crops.clips])
    vad = np.stack([ratings[:, 0], -ratings[:, 1], np.zeros(len(ratings))], 1)
    found = score_subjects(crops, said(crops, named(crops, set()), vad), Bootstrap(crops, rounds=200)).agreement
    ccc = {one.what: one.value for one in found.measures if one.kind == "CCC"}
    assert ccc["valence"] == pytest.approx(1)
    assert ccc["arousal"] < 0
    assert ccc["dominance"] is None
    assert {one.value for one in found.measures if one.kind == "kappa"} == {None}


def test_clips_without_a_class_count_for_nothing_here() -> None:
    crops = make_set(3)
    more = CropSet(crops.path, (*crops.clips, make_clip(1, "")), crops.made)
    names = [*named(crops, set()), "fury"]
    found = score_subjects(more, said(more, names), Bootstrap(more, rounds=50))
    assert (found.clips, found.accuracy.value) == (9, 1)


def test_the_difference_of_spreads_is_of_the_same_draws() -> None:
    crops = make_set(10)
    even = named(crops, {(person, "joy") for person in range(10)})
    uneven = named(crops, {(person, label) for person in range(3) for label in crops.labels})
    bootstrap = Bootstrap(crops, rounds=500)
    found = spread_difference(crops, said(crops, uneven), said(crops, even), bootstrap)
    assert found.value == pytest.approx(np.std([0] * 3 + [1] * 7, ddof=1))
    assert 0 <= found.low < found.value
    same = spread_difference(crops, said(crops, even), said(crops, even), bootstrap)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_a_model_without_predictions_has_no_scores() -> None:
    crops = make_set(3)
    nothing = np.full((9, 9), np.nan)
    found = score_subjects(crops, LeftOut("HMM", nothing, nothing[:, :3], "too few"), Bootstrap(crops, rounds=10))
    assert (found.problem, found.clips) == ("too few", 0)
    assert np.isnan(found.accuracy.value)
