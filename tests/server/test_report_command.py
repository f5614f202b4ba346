"""classmood report, as typed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from typer.testing import CliRunner

from classmood.cli import app
from classmood.store import Store
from simulated_lesson import lesson


@pytest.fixture
def database(tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "classmood.sqlite3"
    whole = lesson()
    with Store(path) as store:
        session = store.open_session("class", dt.datetime(2026, 11, 25, 9, tzinfo=dt.UTC), keep_days=30)
        for release in whole.releases:
            store.add_release(session, release.number, release.time_s, release.model_dump_json())
    return path, session


def run(*arguments: str) -> str:
    found = CliRunner().invoke(app, ["report", *arguments], catch_exceptions=False)
    assert found.exit_code == 0
    return found.stdout


def test_classes_are_listed_and_one_is_reported(
    database: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path, session = database
    assert session in run("--database", str(path))
    written = run(session[:8], "--database", str(path)).strip()
    assert written == f"report-{session[:8]}.html"
    assert "Class of 2026-11-25" in Path(written).read_text(encoding="utf-8")


def test_a_missing_database_is_named_and_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "none.sqlite3"
    found = CliRunner().invoke(app, ["report", "abc", "--database", str(missing)])
    assert found.exit_code != 0
    assert "no database of classes" in f"{found.exception}{found.output}"
    assert not missing.exists()
