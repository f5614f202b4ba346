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


def test_a_class_under_research_is_reported_with_the_agreement_of_presses_and_faces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    now, path = dt.datetime(2026, 11, 28, 9, tzinfo=dt.UTC), tmp_path / "classmood.sqlite3"
    reading = '{"type":"reading","classes":"ferplus","p":[%s],"vad":[0,0,0],"confidence":0.9,"not_sure":false}'
    faces = {"joy": "0,1,0,0,0,0,0,0", "neutral": "1,0,0,0,0,0,0,0"}
    with Store(path) as store:
        session = store.open_session("research", now, keep_days=30)
        for person in range(6):
            who, _ = store.give_consent(session, "consent", "1", now)
            for k in range(8):
                # Half of the smiles are pressed as neutral.
                shown, said = ("joy", "joy") if k % 4 == 0 else ("neutral", "neutral")
                said = "neutral" if person % 2 else said
                press = f'{{"type":"press","mood":"{said}","confused":false,"pace":null}}'
                store.add_research_rows(who, [(400.0 * k, reading % faces[shown]), (400.0 * k + 1, press)])
    written = run(session[:8], "--database", str(path)).strip()
    page = Path(written).read_text(encoding="utf-8")
    # By hand: 42 of 48 agree; 12 of 48 faces and 6 of 48 presses are joy.
    chance = (12 * 6 + 36 * 42) / 48**2
    assert f"<td>kappa</td><td>{(42 / 48 - chance) / (1 - chance):.2f}</td>" in page
    assert "<td>48</td><td>6</td>" in page


def test_a_missing_database_is_named_and_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "none.sqlite3"
    found = CliRunner().invoke(app, ["report", "abc", "--database", str(missing)])
    assert found.exit_code != 0
    assert "no database of classes" in f"{found.exception}{found.output}"
    assert not missing.exists()
