"""What tests of a study in Chromium share: a server of the real command, and somebody who was invited."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import Watched, built_pages
from playwright.sync_api import Browser

from loaded_benchmark import load
from short_study import write_study

run = load("experiment_run")


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A server of the real command for a study of seconds."""
    built_pages()
    times = getattr(request, "param", {})
    server = run.StudyServer(tmp_path, write_study(tmp_path, **times))
    server.start()
    yield server
    server.stop()


def participant(browser: Browser, server: Any, name: str, *, records: bool = True, **options: Any) -> Any:
    """Somebody who was invited and has started."""
    watched = Watched(browser, permissions=["camera"], **options)
    who = run.AutomatedParticipant(watched.page(), run.invite(browser, server, name), records)
    who.watched = watched
    return who
