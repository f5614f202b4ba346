"""Figures 8 and 9 of a study's own clips: clusters are labels, onsets are the scenarios', places the model's own."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from crop_sets import make_set

from classmood.clips.crop_set import CropSet
from classmood.emotions import CLASSROOM_CLASSES, CLASSROOM_VAD
from classmood.training.leave_subjects_out import NETWORK, LeftOut
from classmood.training.subject_figures import clouds_of, courses_of, draw_figures


def said_of(crops: CropSet, *, rated: bool, frames: int = 12) -> LeftOut:
    """Right of every clip, rising evenly from neutral; its dimensions are what was rated, or none."""
    place = [CLASSROOM_CLASSES.index(clip.label) for clip in crops.clips]
    vad = np.full((len(place), 3), np.nan)
    if rated:
        vad[:] = np.random.default_rng(1).uniform(-1, 1, vad.shape)
    courses = []
    for k in place:
        shares = np.zeros((frames, 9))
        shares[:, 0] = np.linspace(1, 0, frames)
        shares[:, k] += np.linspace(0, 1, frames)
        courses.append(shares)
    return LeftOut(NETWORK, np.eye(9)[place], vad, courses=tuple(courses))


def test_clusters_are_labels_and_places_the_model_s_own_where_it_has_them() -> None:
    crops = make_set(6, said=True)
    said = said_of(crops, rated=True)
    clouds = clouds_of(crops, said)
    assert not clouds.computed
    assert clouds.labelled.vad.tolist() == said.vad.tolist()
    assert [CLASSROOM_CLASSES[k] for k in clouds.labelled.cluster] == [clip.label for clip in crops.clips]
    # Six of the eighteen are the resting face's, of which nobody was asked.
    assert len(clouds.chosen.cluster) == 12
    # Dominance was not rated, so no clip has a place by self-report.
    assert len(clouds.reported.cluster) == 0


def test_where_nothing_was_rated_places_are_computed_from_the_classes() -> None:
    crops = make_set(6, rated=False)
    clouds = clouds_of(crops, said_of(crops, rated=False))
    assert clouds.computed
    for place, clip in zip(clouds.labelled.vad, crops.clips, strict=True):
        assert place.tolist() == pytest.approx(CLASSROOM_VAD[clip.label])
    assert clouds.labelled.silhouettes(neutral=True)["all three"] == pytest.approx(1)


def test_a_course_is_of_the_label_s_own_emotion_from_the_scenario_s_beginning() -> None:
    crops = make_set(5, frames=12)
    courses = courses_of(crops, said_of(crops, rated=False))
    # Neutral is no emotion that grows.
    assert set(courses) == {"joy", "caution"}
    for course in courses["joy"]:
        assert course.intensity.tolist() == pytest.approx(np.linspace(0, 1, 12).tolist())
    assert [course.person for course in courses["joy"]] == [0, 1, 2, 3, 4]


def test_a_face_that_comes_late_has_no_onset_and_one_that_goes_ends_its_course() -> None:
    crops = make_set(2, ("joy",), frames=12)
    late = replace(crops.clips[0], time_s=crops.clips[0].time_s + 1.5)
    time_s = crops.clips[1].time_s.copy()
    time_s[8:] += 2.0
    away = replace(crops.clips[1], time_s=time_s)
    courses = courses_of(replace(crops, clips=(late, away)), said_of(crops, rated=False))["joy"]
    assert [(one.person, len(one.intensity)) for one in courses] == [(1, 8)]


def test_both_figures_are_drawn_and_told(tmp_path: Path) -> None:
    crops = make_set(6, frames=12, said=True)
    text = draw_figures(crops, said_of(crops, rated=True), tmp_path)
    assert "18 clips by label: what the scenario was meant to evoke." in text
    assert "learned from the other participants' ratings" in text
    assert "| recognised place, by the emotion chosen | " in text
    # Dominance was not rated, so no clip has a place by self-report.
    assert "reported place" not in text
    assert "12 clips of an emotion begin with the scenario; in 12 " in text
    row = next(line for line in text.splitlines() if line.startswith("| joy"))
    assert row.startswith("| joy | 6 | 6 | 11 | 10 | 1.00 (1.00 to 1.00) |")
    assert "derived" not in text
    assert "Not comparable with the paper" in text
    drawn = {name: " ".join(re.findall(r"<!-- (.*?) -->", (tmp_path / name).read_text())) for name in SVGS}
    assert "caution: 6 clips of 6 persons" in drawn["figure8.svg"]
    assert "Circular" not in drawn["figure8.svg"]
    assert "Onset: the scenario's beginning" in drawn["figure9.svg"]
    for name in SVGS:
        # What a study is good for stands on the pictures too, which travel without the report.
        assert "Clips of “bars”" in drawn[name]
        assert (tmp_path / name).with_suffix(".png").read_bytes().startswith(b"\x89PNG")


SVGS = ("figure8.svg", "figure9.svg")


def test_where_nothing_rises_no_figure_9_is_drawn_and_it_says_so(tmp_path: Path) -> None:
    crops = make_set(5, frames=12)
    said = said_of(crops, rated=False)
    still = replace(said, courses=tuple(np.full((12, 9), 1 / 9) for _ in crops.clips))
    text = draw_figures(crops, still, tmp_path)
    assert "in 0 its own intensity rises" in text
    assert "No figure is drawn: nothing rises." in text
    assert not (tmp_path / "figure9.svg").exists()
