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


def rising(shares: np.ndarray) -> np.ndarray:
    """Six frames that go from nothing to what is said of the clip."""
    return np.linspace(0, 1, 6)[:, None] * shares


@pytest.fixture
def reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    crops = make_set(6, said=True)
    shares = np.eye(9)[[CLASSROOM_CLASSES.index(clip.label) for clip in crops.clips]]
    vad = np.array([clip.ratings for clip in crops.clips])
    worse = shares.copy()
    worse[:2] = np.eye(9)[1]
    nothing = np.full_like(shares, np.nan)
    said = [
        LeftOut(NETWORK, shares, vad, courses=tuple(rising(share) for share in shares)),
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
    assert "no difference can be claimed" in text


def test_agreement_with_self_report_is_shown_overall_and_by_emotion(reported: Path) -> None:
    shown = (reported / "report.md").read_text(encoding="utf-8").split("## Agreement with self-report")[1]
    assert "| all emotions | kappa | 1.00 | 1.00 to 1.00 | 12 | 6 |" in shown
    assert "| caution | kappa | 1.00 |" in shown
    assert "| valence | CCC | 1.00 |" in shown
    # Nobody rated it.
    assert "| dominance | CCC | not defined |" in shown
    first = json.loads((reported / "report.json").read_text())["models"][0]
    assert first["agreement"]["measures"][0]["value"] == 1


def test_where_nobody_was_asked_the_report_says_that_agreement_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops = make_set(6, rated=False)
    shares = np.eye(9)[[CLASSROOM_CLASSES.index(clip.label) for clip in crops.clips]]
    said = LeftOut(NETWORK, shares, np.full((18, 3), np.nan), courses=tuple(rising(share) for share in shares))
    monkeypatch.setattr(subject_report, "leave_subjects_out", lambda *_, **__: [said])
    evaluate_subjects(crops, RECIPE, tmp_path, rounds=50)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "not known from this: expected at least 5 participants" in text
    assert "got 0" in text
    assert "To know it, ask participants after each scenario" in text


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
