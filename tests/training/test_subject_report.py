"""The report says what was found, what cannot be claimed, and what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from crop_sets import make_set

from classmood.emotions import CLASSROOM_CLASSES
from classmood.training import subject_report
from classmood.training.leave_subjects_out import HMM, NETWORK, WITHOUT_SRM, LeftOut
from classmood.training.recipe import Recipe
from classmood.training.subject_report import describe, evaluate_subjects
from classmood.training.subject_scores import Interval

RECIPE = Recipe.model_validate({"network": {"labels": "classroom"}, "data": {"source": "crops"}})


@pytest.fixture
def reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    crops = make_set(6)
    shares = np.eye(9)[[CLASSROOM_CLASSES.index(clip.label) for clip in crops.clips]]
    vad = np.array([clip.ratings for clip in crops.clips])
    worse = shares.copy()
    worse[:2] = np.eye(9)[1]
    nothing = np.full_like(shares, np.nan)
    said = [
        LeftOut(NETWORK, shares, vad),
        LeftOut(WITHOUT_SRM, worse, vad),
        LeftOut(HMM, nothing, nothing[:, :3], "expected more"),
    ]
    monkeypatch.setattr(subject_report, "leave_subjects_out", lambda *_, **__: said)
    evaluate_subjects(crops, RECIPE, tmp_path, rounds=200)
    return tmp_path


def test_the_page_has_every_model_participant_and_course(reported: Path) -> None:
    text = (reported / "report.md").read_text(encoding="utf-8")
    assert "| network | 18 | 100.0 % (61.0 to 100.0)" in text
    assert "HMM, sequences: not scored; expected more" in text
    for number in range(6):
        assert f"| sub-00{number} | 3 | 100 % |" in text
    assert "| course-a | " in text
    assert "The commonest class (neutral) has 33.3 %" in text
    assert "never named: appreciation, terror, surprise, grief, disdain, fury." in text
    assert "meant to evoke, whether or not they did" in text
    assert "| valence | +1.00" in text
    assert "dominance" not in text.split("## Dimensions")[1]
    assert "no difference can be claimed" in text


def test_the_json_is_json_and_holds_what_was_said_of_each_clip(reported: Path) -> None:
    content = json.loads((reported / "report.json").read_text(), parse_constant=pytest.fail)
    assert content["study"] == "bars"
    first = content["clips"][0]
    assert first["said"] == {NETWORK: "neutral", WITHOUT_SRM: "joy", HMM: None}
    assert [one["model"] for one in content["models"]] == [NETWORK, WITHOUT_SRM, HMM]
    assert content["models"][2]["accuracy"]["value"] is None
    assert content["recipe"]["network"]["labels"] == "classroom"


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (0.01, 0.2, "participants differ less with SRM"),
        (-0.2, -0.01, "participants differ more with SRM, against"),
        (-0.1, 0.1, "no difference can be claimed"),
        (np.nan, np.nan, "cannot be told"),
    ],
)
def test_what_srm_did_is_said_by_its_interval(low: float, high: float, says: str) -> None:
    text = describe(make_set(2), RECIPE, (), Interval(0.05, low, high))
    assert says in text
