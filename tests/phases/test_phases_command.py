"""classmood phases: from a timeline and events to the figures and the table."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from classmood import cli
from classmood.errors import InputError
from classmood.phases.responses import MEASURES
from classmood.timeline import Timeline, write_csv
from synthetic_class import make_class

pytest.importorskip("matplotlib", reason="the extra [experiment] is not installed")


def run(*words: str) -> int:
    result = CliRunner().invoke(cli.app, ["phases", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code


def test_a_lesson_is_read_along_the_phases(tmp_path: Path) -> None:
    write_csv(Timeline.of(make_class(12, 60)), tmp_path / "timeline.csv")
    events = tmp_path / "events.csv"
    events.write_text(
        "time_s,kind,label,duration_s,value\n5,slide,a,10,\n30,question,b,,\n33,answer,b,,1\n50,reported,,,0.4\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    assert run(str(tmp_path), "--events", str(events), "--out", str(out)) == 0
    assert "<svg" in (out / "phases.svg").read_text(encoding="utf-8")
    assert "<svg" in (out / "locked.svg").read_text(encoding="utf-8")
    with (out / "locked.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["measure"] for row in rows} == set(MEASURES)
    assert len(rows) == 25 * len(MEASURES)
    # A class's own timeline: there is no self-report to compare with.
    assert not (out / "agreement.md").exists()
    with pytest.raises(InputError, match="no stimulus of kind mark"):
        run(str(tmp_path), "--events", str(events), "--out", str(out), "--kind", "mark")


def test_answers_follow_the_stimuli_that_the_curves_are_locked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(Timeline.of(make_class(8, 60)), tmp_path / "timeline.csv")
    events = tmp_path / "events.csv"
    events.write_text(
        "time_s,kind,label,duration_s,value\n10,slide,a,,\n20,question,b,,\n23,answer,b,,1\n", encoding="utf-8"
    )
    drawn = {}
    monkeypatch.setattr(
        "classmood.phases.picture.draw_locked", lambda _, answers, *__, label: drawn.setdefault(label, answers)
    )
    for kind in ("slide", "question"):
        assert run(str(tmp_path), "--events", str(events), "--out", str(tmp_path / kind), "--kind", kind) == 0
    assert {label: answers.median_lag_s for label, answers in drawn.items()} == {"slide": 13.0, "question": 3.0}


def test_of_a_study_s_participant_it_is_said_whether_faces_match_reports(tmp_path: Path) -> None:
    own = tmp_path / "study" / "sub-001"
    own.mkdir(parents=True)
    (own.parent / "dataset_description.json").write_text("{}")
    (own.parent / "participants.tsv").write_text("participant_id\tcourse\n")
    write_csv(Timeline.of(make_class(1, 60)), own / "sub-001_features.csv")
    events = tmp_path / "events.csv"
    events.write_text("time_s,kind,label,duration_s,value\n5,slide,a,10,\n", encoding="utf-8")
    assert run(str(own / "sub-001_features.csv"), "--events", str(events), "--out", str(tmp_path / "out")) == 0
    assert "not known from this" in (tmp_path / "out" / "agreement.md").read_text(encoding="utf-8")
