"""The report is made in a process of its own: the same page, and this process stays without the classifier."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest
from served import run

from classmood.errors import OutputError
from classmood.server import lesson_page
from classmood.server.lesson import Lesson, Suggestion
from classmood.server.nudges import Mark
from classmood.server.release import Release

LESSON = Lesson(
    "class",
    dt.datetime(2026, 11, 25, 10),
    None,
    20,
    (
        Release(
            number=0,
            time_s=10.0,
            sharing=12,
            shares={"joy": 0.5, "neutral": 0.5},
            others=0.0,
            half_width=0.57,
            valence=0.4,
            arousal=0.1,
            dominance=0.1,
            covariance=(0.1, 0.1, 0.0),
            intensity=0.5,
        ),
    ),
    (Mark(3.0, "slide", "two < three"),),
    (Suggestion(0, 10.0, "More joy.", "Take it up.", "useful"),),
)


def test_the_page_is_the_one_that_is_made_here() -> None:
    from classmood.server.lesson_report import compose_lesson_report

    async def test() -> None:
        pages.append(await lesson_page.compose_apart(LESSON))

    pages: list[str] = []
    run(test)
    assert pages == [compose_lesson_report(LESSON)]
    assert "two &lt; three" in pages[0]


def test_who_asks_for_it_does_not_load_the_classifier() -> None:
    code = (
        "import asyncio, sys; sys.path.insert(0, '.'); from test_lesson_page import LESSON, lesson_page;"
        "assert 'joy' in asyncio.run(lesson_page.compose_apart(LESSON));"
        "print(*({'classmood.classifier', 'onnxruntime', 'cv2'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_a_failure_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        monkeypatch.setattr(lesson_page.sys, "executable", "/bin/false")
        with pytest.raises(OutputError, match="classmood report"):
            await lesson_page.compose_apart(LESSON)
        monkeypatch.setattr(lesson_page.sys, "executable", "/nowhere/python")
        with pytest.raises(OutputError):
            await lesson_page.compose_apart(LESSON)

    run(test)
