"""Pairs: a table told by row, a dataset's features and a timeline of its videos averaged while a scenario is shown."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from classmood.agreement import agreement_of_timeline
from classmood.dataset.folder import add_participant, create_dataset
from classmood.dataset.trained import note_model
from classmood.emotions import CLASSROOM_CLASSES
from classmood.errors import InputError
from classmood.learning.simulation import simulate_study
from classmood.pairs import pairs_of, pairs_of_timeline, read_pairs
from classmood.timeline import Instants, Timeline, write_csv
from synthetic_class import make_timeline
from videos import make_video

JOY = CLASSROOM_CLASSES.index("joy")


@pytest.fixture
def studies() -> ModuleType:
    sys.path.insert(0, str(Path(__file__).parent / "dataset"))
    return importlib.import_module("studies")


def joyful(events: tuple) -> np.ndarray:  # type: ignore[type-arg]
    """Readings every two seconds: joy while joy is meant, neutral at all other times."""
    shown = next(e for e in events if (e.trial_type, e.scenario) == ("stimulus", "joy"))
    times = np.arange(0, 600, 2.0)
    return ((times >= shown.onset_s) & (times < shown.onset_s + shown.duration_s)).astype(float)


def write_features(studies: ModuleType, folder: Path, people: int = 5) -> Path:
    protocol = studies.protocol_file(folder, recording="features")
    create_dataset(folder / "study", protocol)
    reports = simulate_study(people, seed=1)
    for number in range(1, people + 1):
        person = studies.participant_of(protocol, number, reports, recording="features")
        write_csv(make_timeline(np.arange(0, 600, 2.0), joyful(person.events)[:, None]), folder / "features.csv")
        add_participant(folder / "study", replace(person, media={"features": folder / "features.csv"}))
    return folder / "study"


def test_a_dataset_s_features_are_averaged_while_the_scenario_is_shown(studies: ModuleType, tmp_path: Path) -> None:
    pairs = pairs_of(write_features(studies, tmp_path))
    assert len(pairs.reported) == 20
    named = [CLASSROOM_CLASSES[i] for i in pairs.recognised]
    assert (named.count("joy"), named.count("neutral")) == (5, 15)
    joy_rows = pairs.recognised == JOY
    np.testing.assert_allclose(pairs.recognised_vad[joy_rows], np.tile([0.76, 0.48, 0.35], (5, 1)), atol=1e-3)
    (tmp_path / "other").mkdir()
    without = studies.small_study(tmp_path / "other", 1)
    with pytest.raises(InputError, match="nobody has features"):
        pairs_of(without)


def several(timelines: list[Timeline], sources: list[Path], began_s: float) -> Timeline:
    """One timeline of several videos, which count from their first pictures."""
    n = sum(map(len, timelines))

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(one, name) for one in timelines])

    source = np.repeat(np.arange(len(sources), dtype=np.int32), [len(one) for one in timelines])
    time_s = joined("time_s") - began_s
    fields = ("track_id", "boxes_px", "face_score", "classroom", "vad", "intensity", "confidence", "not_sure")
    return Timeline(
        time_s=time_s,
        **{name: joined(name) for name in fields},
        ferplus=None,
        source=source,
        sources=tuple(map(str, sources)),
        instants=Instants(time_s, np.ones(n, np.int64), source),
    )


def test_a_timeline_of_a_study_s_videos_is_paired_by_the_session_s_clock(studies: ModuleType, tmp_path: Path) -> None:
    protocol = studies.protocol_file(tmp_path, recording="video")
    folder = tmp_path / "study"
    create_dataset(folder, protocol)
    reports = simulate_study(6, seed=1)
    made, sources = [], []
    for number in range(1, 7):
        person = studies.participant_of(protocol, number, reports, recording="video")
        film = make_video(tmp_path / "film.mp4", 3, times_s=(40.0, 40.1, 40.2))
        add_participant(folder, replace(person, media={"video": film}))
        made.append(make_timeline(np.arange(0, 600, 2.0), joyful(person.events)[:, None]))
        sources.append(folder / person.id / f"{person.id}_video.mp4")
    timeline = several(made, sources, 40.0)
    pairs = pairs_of_timeline(timeline, tmp_path / "out" / "timeline.csv")
    assert pairs is not None
    assert (len(pairs.reported), len(np.unique(pairs.person))) == (24, 6)
    assert sorted(pairs.recognised.tolist()) == [0] * 18 + [JOY] * 6
    agreement = agreement_of_timeline(timeline, tmp_path / "out" / "timeline.csv")
    assert agreement is not None
    assert agreement.measures[0].people == 6
    # A model that was trained on two of them knows their answers, and another one does not.
    note_model(folder, tmp_path / "own.onnx", "5" * 64, ("sub-001", "sub-004"))
    for sha256, people in (("5" * 64, 4), ("6" * 64, 6)):
        found = pairs_of_timeline(timeline, tmp_path / "out" / "timeline.csv", sha256)
        assert found is not None
        assert len(np.unique(found.person[found.recognised >= 0])) == people
    # A dataset that was damaged does not cost the report.
    (folder / "sub-003" / "sub-003_events.tsv").unlink()
    damaged = agreement_of_timeline(timeline, tmp_path / "out" / "timeline.csv")
    assert damaged is not None
    assert "sub-003_events.tsv" in damaged.unknown


def test_one_participant_s_own_features_are_paired_and_too_few_to_tell(studies: ModuleType, tmp_path: Path) -> None:
    folder = write_features(studies, tmp_path)
    path = folder / "sub-002" / "sub-002_features.csv"
    timeline = make_timeline(np.arange(0, 600, 2.0), np.zeros((300, 1)))
    pairs = pairs_of_timeline(timeline, path)
    assert pairs is not None
    assert len(pairs.reported) == 4
    agreement = agreement_of_timeline(timeline, path)
    assert agreement is not None
    assert "got 1; 4 more are needed. To know it, analyse the recordings of five or more" in agreement.unknown


def test_a_timeline_of_anything_else_has_no_pairs(tmp_path: Path) -> None:
    (tmp_path / "lesson.mp4").touch()
    timeline = several([make_timeline(np.arange(3.0), np.zeros((3, 1)))], [tmp_path / "lesson.mp4"], 0.0)
    assert pairs_of_timeline(timeline, tmp_path / "timeline.csv") is None
    assert agreement_of_timeline(timeline, tmp_path / "timeline.csv") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("participant,reported\n", "row 1: the column recognised is missing"),
        ("participant,reported,recognised\na,joy,glee\n", "row 2: recognised: expected one of neutral"),
        ("participant,reported,recognised,valence\na,joy,joy,0\n", "row 2: valence: expected a rating"),
        ("participant,reported,recognised,recognised_valence\na,joy,joy,3\n", "row 2: recognised_valence: expected"),
        ("participant,reported,recognised\n,joy,joy\n", "row 2: participant: expected a name"),
    ],
)
def test_a_wrong_table_is_told_by_row(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_pairs(path)
    assert said in str(caught.value)
