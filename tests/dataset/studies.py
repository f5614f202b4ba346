"""A small study as a runner would leave it: the ten-minute protocol, its schedules, answers from a simulation."""

from __future__ import annotations

import datetime as dt
from importlib.resources import files
from pathlib import Path

import numpy as np

from classmood.dataset.folder import Event, Participant, add_participant, create_dataset
from classmood.experiment.check import open_protocol
from classmood.experiment.schedule import schedule
from classmood.learning.simulation import simulate_study
from classmood.selfreport import ASPECT_COLUMNS, RATED, SelfReports

ASKED = {
    "felt": ("valence", "arousal", "dominance"),
    "which": ("emotion", "intensity"),
    "learning": ASPECT_COLUMNS,
    "task": ("score",),
    "felt-again": ("valence_again", "arousal_again"),
}


def protocol_file(folder: Path, *, recording: str = "none") -> Path:
    text = (files("classmood.experiment") / "templates" / "short.toml").read_text(encoding="utf-8")
    path = folder / "study.toml"
    path.write_text(text.replace('recording = "none"', f'recording = "{recording}"'), encoding="utf-8")
    return path


def participant_of(protocol: Path, number: int, reports: SelfReports, **changes: object) -> Participant:
    """Number's session, with the answers that a simulated participant gave to the same scenarios."""
    planned = schedule(open_protocol(protocol), number)
    events = []
    for step in planned.steps:
        answers = {}
        if step.page:
            mine = (np.array(reports.participant) == f"p{number:03d}") & (np.array(reports.scenario) == step.scenario)
            row = int(np.flatnonzero(mine)[0])
            for column in ASKED[step.page]:
                if column == "emotion":
                    answers[column] = reports.emotion[row]
                else:
                    value = reports.of(column)[row] if column in RATED else reports.score[row]
                    answers[column] = f"{value:g}"
        events.append(
            Event(
                step.start_s,
                step.duration_s,
                step.kind,
                step.phase,
                step.scenario,
                step.evokes,
                step.stimulus,
                step.page,
                browser_onset_s=step.start_s + 0.004,
                answers=answers,
            )
        )
    values = {
        "id": f"sub-{number:03d}",
        "number": number,
        "course": planned.course,
        "recording": "none",
        "consent": f"receipt-{number}",
        "session_date": dt.date(2026, 11, 25),
        "completed": True,
        "events": tuple(events),
    }
    return Participant(**(values | changes))  # type: ignore[arg-type]


def small_study(folder: Path, people: int = 3, *, recording: str = "none") -> Path:
    """A dataset of a few participants."""
    protocol = protocol_file(folder, recording=recording)
    dataset = folder / "study"
    create_dataset(dataset, protocol)
    reports = simulate_study(people, seed=1)
    for number in range(1, people + 1):
        add_participant(dataset, participant_of(protocol, number, reports))
    return dataset
