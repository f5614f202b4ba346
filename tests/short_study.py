"""A study of seconds for the tests: two scenarios, every kind of page, recording as asked; and a deployment for it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from classmood.experiment.registration import preregister
from classmood.server.gate import Deployment, protocol_hash
from classmood.server.interview import write_toml

HEAD = """
[protocol]
name = "seconds"
title = "A study of seconds"
course = "tests"
seed = 7
limit_min = 20
order = "latin-square"
recording = "{recording}"
"""
PAGES = """
[[pages]]
id = "felt"
kind = "sam"
ask = "How did you feel?"
duration_s = {page_s}

[[pages]]
id = "which"
kind = "emotion"
ask = "Which word comes nearest?"
duration_s = {page_s}

[[pages]]
id = "learning"
kind = "aspects"
ask = "How would lessons like this affect your learning?"
duration_s = {page_s}

[[pages]]
id = "task"
kind = "score"
ask = "One question."
duration_s = {page_s}

[[pages]]
id = "again"
kind = "sam-again"
ask = "Once more: how did you feel?"
duration_s = {page_s}
"""
SCENARIO = """
[[stimuli]]
id = "{name}-text"
kind = "text"
text = "A situation that is meant to evoke {name}."

[[scenarios]]
id = "{name}"
evokes = "{name}"
stimulus = "{name}-text"
duration_s = {stimulus_s}
pages = ["felt", "which", "learning", "task", "again"]
rest_s = 1
task = {{ ask = "How many?", answers = ["one", "two", "three"], right = 2 }}
"""
END = """
[[stimuli]]
id = "over"
kind = "text"
text = "Thank you. This was a test."

[[stimuli]]
id = "light"
kind = "text"
text = "Think of the first sun on your face."

[[phases]]
id = "resting"
kind = "baseline"
duration_s = {stimulus_s}

[[phases]]
id = "situations"
kind = "scenarios"
scenarios = ["joy", "fury"]

[[phases]]
id = "calm"
kind = "repair"
duration_s = {calm_s}
stimulus = "light"

[[phases]]
id = "after"
kind = "debrief"
duration_s = {calm_s}
stimulus = "over"
"""


def write_study(
    folder: Path,
    *,
    recording: str = "video",
    minors: bool = False,
    stimulus_s: float = 2,
    page_s: float = 1,
    calm_s: float = 1,
    more: str = "",
) -> Path:
    """A frozen protocol and the deployment that allows it; the protocol's file."""
    path = folder / "study.toml"
    times = {"stimulus_s": stimulus_s, "page_s": page_s, "calm_s": calm_s}
    text = HEAD.format(recording=recording) + PAGES.format(**times)
    text += "".join(SCENARIO.format(name=name, **times) for name in ("joy", "fury")) + END.format(**times) + more
    path.write_text(text, encoding="utf-8")
    preregister(path)
    write_deployment(folder, protocol_hash(path), minors=minors)
    return path


def write_deployment(folder: Path, sha256: str, *, minors: bool = False, **changes: object) -> Path:
    """A deployment under which the protocol of that hash may run."""
    stated = {
        "profile": "research",
        "place": "elsewhere",
        "operator": "A university",
        "contact": "office@example.org",
        "school": "a course",
        "approval_id": "2026-7",
        "protocol_sha256": sha256,
        "expires": dt.date(2999, 1, 1),
        "retention_days": 3650,
        "minors": minors,
    }
    file = folder / "deployment.toml"
    file.write_text(write_toml(Deployment.model_validate(stated | changes)), encoding="utf-8")
    return file
