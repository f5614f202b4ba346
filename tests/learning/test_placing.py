"""Where a class sits: near its members' ratings, less sure for fewer, and marked where it was recognised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from classmood.errors import InputError
from classmood.learning.placing import place_reports, place_timeline
from classmood.learning.simulation import simulate_study
from classmood.learning.study import StudyFit, fit_study
from classmood.timeline import Instants, Timeline


@pytest.fixture(scope="module")
def fit() -> StudyFit:
    return fit_study(simulate_study(60, seed=3), rounds=199)


def timeline_of(vad: np.ndarray, track: np.ndarray, not_sure: np.ndarray) -> Timeline:
    n = len(vad)
    one = np.zeros(n, np.float32)
    return Timeline(
        time_s=np.arange(n, dtype=float),
        track_id=track.astype(np.int64),
        boxes_px=np.zeros((n, 4), np.float32),
        face_score=one,
        classroom=np.zeros((n, 9), np.float32),
        vad=vad.astype(np.float32),
        intensity=one,
        confidence=one,
        not_sure=not_sure,
        ferplus=None,
        source=np.zeros(n, np.int32),
        sources=("lesson.mp4",),
        instants=Instants(np.arange(n, dtype=float), np.ones(n, np.int64), np.zeros(n, np.int32)),
    )


def test_a_class_lies_at_its_members_mean_and_each_counts_once(fit: StudyFit) -> None:
    reports = simulate_study(20, seed=9)
    placed = place_reports(fit, reports, "9b")
    assert placed.valence.value == pytest.approx(reports.share("valence").mean())
    assert placed.arousal.low < placed.arousal.value < placed.arousal.high
    assert (placed.source, placed.exploratory, placed.people) == ("self-report", False, 20)
    # Someone who answers more often does not weigh more.
    more = reports.where((reports.people > 0) | (np.array(reports.scenario) == "joy"))
    own = [reports.share("valence")[reports.people == i].mean() for i in range(1, 20)]
    joy = reports.share("valence")[(reports.people == 0) & (np.array(reports.scenario) == "joy")]
    assert place_reports(fit, more, "9b").valence.value == pytest.approx(np.mean([*own, *joy]))


def test_fewer_members_are_less_sure_and_too_few_are_refused(fit: StudyFit) -> None:
    reports = simulate_study(60, seed=8)
    many, few = (place_reports(fit, reports.where(reports.people < n), "c").arousal for n in (60, 8))
    assert few.high - few.low > 1.5 * (many.high - many.low)
    with pytest.raises(InputError, match="at least 5 persons to place a class, got 4; 1 more are needed"):
        place_reports(fit, reports.where(reports.people < 4), "c")


def test_the_interval_holds_the_surface_s_own_doubt_too(fit: StudyFit) -> None:
    reports = simulate_study(60, seed=7)
    sure = replace(fit, draws=np.tile(fit.surface.values, (199, 1)))
    wide, narrow = (place_reports(one, reports, "c").effect for one in (fit, sure))
    assert wide.value == pytest.approx(narrow.value)
    assert wide.high - wide.low > narrow.high - narrow.low > 0


def test_a_recognised_class_is_exploratory_and_counts_only_what_is_sure(fit: StudyFit) -> None:
    random = np.random.default_rng(0)
    track = np.repeat(np.arange(8), 10)
    vad = random.normal([0.4, 0.1, 0.0], 0.05, (80, 3))
    not_sure = np.zeros(80, bool)
    not_sure[::3] = True
    vad[not_sure] = -1
    placed = place_timeline(fit, timeline_of(vad, track, not_sure), "lesson")
    assert placed.exploratory
    assert placed.people == 8
    assert placed.valence.value == pytest.approx(0.7, abs=0.02)
    assert placed.arousal.value == pytest.approx(0.55, abs=0.02)
