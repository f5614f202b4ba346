"""What the sections share: names, means over the recording, merged sources."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from classmood.report.view import MOST_ROWS, MOST_WINDOWS, View, full_name, named, several, short_name
from classmood.sidecar import make_sidecar
from classmood.timeline import Timeline
from synthetic_class import PROVENANCE, make_class, make_instant

SIDECAR = make_sidecar(PROVENANCE, ())


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("lesson.mp4", "lesson.mp4"),
        ("/home/me/lessons/lesson.mp4", "lesson.mp4"),
        ("C:\\Users\\me\\lesson.mp4", "lesson.mp4"),
        ("camera:0", "camera:0"),
        ("/", "/"),
    ],
)
def test_folders_are_not_shown(source: str, name: str) -> None:
    assert short_name(source) == name


def test_both_words() -> None:
    assert full_name("grief") == "grief (sadness)"
    assert full_name("joy") == "joy"
    assert named("fury") == 'fury <span class="term">(anger)</span>'
    assert several(1, "face") == "1 face"
    assert several(1200, "face") == "1,200 faces"


def test_the_mean_over_a_recording_weighs_faces_by_the_time_they_could_be_read() -> None:
    joy, blank = np.eye(8)[[1]], np.eye(8)[[0]]
    # One second with three smiles, three seconds with one blank face: 3 of 6 face-seconds are smiles.
    taken = [make_instant(0.5, [1, 2, 3], np.repeat(joy, 3, 0))]
    taken += [make_instant(k + 0.5, [1], blank) for k in (1, 2, 3)]
    view = View(Timeline.of(taken), SIDECAR, None)
    assert view.overall("joy") == pytest.approx(0.5)
    assert view.average(view.windows.visible) == pytest.approx(1.5)


def test_windows_and_rows_are_few() -> None:
    blank = np.eye(8)[[0]]
    view = View(Timeline.of([make_instant(10.0 * k, [1], blank) for k in range(360)]), SIDECAR, None)
    assert 100 <= len(view.windows) <= MOST_WINDOWS
    assert 10 <= len(view.rows) <= MOST_ROWS
    assert view.where(0) == "0:00–5:00"


def test_merged_sources_keep_their_persons_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classmood.report.view.MOST_WINDOWS", 20)
    joy, blank = np.eye(8)[[1]], np.eye(8)[[0]]
    taken = [make_instant(0.0, [1], joy if k % 2 else blank, source=f"{k}.jpg") for k in range(40)]
    view = View(Timeline.of(taken), SIDECAR, None)
    assert len(view.windows) == 20
    assert set(view.windows.people.tolist()) == {2}
    np.testing.assert_allclose(view.windows.of("joy"), 0.5)
    assert view.where(0) == "1 0.jpg to 1.jpg"


def test_what_the_model_derives_is_not_stacked() -> None:
    timeline = Timeline.of(make_class(3, 2))
    assert "caution" not in View(timeline, SIDECAR, None).measured
    everything = SIDECAR.model_copy(update={"provenance": PROVENANCE.model_copy(update={"derived": ()})})
    view = View(timeline, everything, None)
    assert view.derived == ()
    assert set(view.measured) >= {"caution", "appreciation", "joy", "neutral"}


def test_a_given_class_size_is_not_an_estimate() -> None:
    timeline = Timeline.of(make_class(3, 2))
    assert View(timeline, SIDECAR, None).estimated
    view = View(timeline, SIDECAR, 9)
    assert not view.estimated
    assert view.windows.expected == 9
    unknown = dataclasses.replace(timeline, instants=dataclasses.replace(timeline.instants, all_known=False))
    assert not View(unknown, SIDECAR, None).timeline.instants.all_known
