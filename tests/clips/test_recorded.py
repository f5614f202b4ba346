"""Clips of a dataset: which stretch of whose video, and what was said after it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from classmood.clips.recorded import RESTING, read_recordings
from classmood.dataset.folder import Event, Participant, add_participant, create_dataset
from classmood.errors import InputError
from classmood.markdown import write_text
from classmood.study.forms import protocol_text
from simulated_study import TWO


@pytest.fixture
def study(tmp_path: Path) -> Path:
    create_dataset(tmp_path / "study", write_text(tmp_path / "protocol.toml", protocol_text(TWO)))
    return tmp_path / "study"


def add(study: Path, number: int, tmp_path: Path, *events: Event, film: bool = True) -> None:
    (tmp_path / "film.webm").write_bytes(b"not looked at here")
    media = {"video": tmp_path / "film.webm"} if film else {}
    who = Participant(
        f"sub-{number:03d}", number, "c", "video", "yes", dt.date(2000, 1, 1), False, tuple(events), media
    )
    add_participant(study, who)


def test_stimuli_and_the_resting_face_are_clips_with_the_answers_that_follow(study: Path, tmp_path: Path) -> None:
    add(
        study,
        1,
        tmp_path,
        Event(0, 3, "baseline", "rest-first"),
        Event(4, 3, "stimulus", "situations", "fury", "fury", "words"),
        Event(7, 1, "page", "situations", "fury", "fury", page="felt", answers={"valence": "1", "dominance": "6"}),
        Event(8, 1, "page", "situations", "fury", "fury", page="which", answers={"emotion": "grief"}),
        Event(9, 3, "stimulus", "situations", "joy", "joy", "words"),
    )
    (recording,) = read_recordings(study)
    assert recording.video == study / "sub-001" / "sub-001_video.webm"
    rest, fury, joy = recording.clips
    assert (rest.scenario, rest.evokes, rest.emotion, rest.start_s, rest.end_s) == (RESTING, "neutral", "", 0, 3)
    assert (fury.scenario, fury.evokes, fury.emotion, fury.start_s, fury.end_s) == ("fury", "fury", "grief", 4, 7)
    # Point 1 of nine is -1, 6 a quarter above the middle; arousal was not rated.
    np.testing.assert_array_equal(fury.ratings, [-1, np.nan, 0.25])
    assert np.isnan(joy.ratings).all()
    assert joy.emotion == ""


def test_who_has_no_video_has_no_clips(study: Path, tmp_path: Path) -> None:
    add(study, 1, tmp_path, Event(0, 3, "baseline", "rest-first"), film=False)
    with pytest.raises(InputError, match="expected participants with a video, got 1 without"):
        read_recordings(study)
    add(study, 2, tmp_path, Event(0, 3, "baseline", "rest-first"))
    assert [one.participant for one in read_recordings(study)] == ["sub-002"]
