"""classmood research export, as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from served import READING, RESEARCH, in_process, joined, let_teacher_in, opened, run, settings_in
from typer.testing import CliRunner

from classmood.cli import app
from classmood.errors import InputError
from classmood.server.records import Records


class Page:
    """A student's connection that takes whatever it is sent."""

    def send(self, text: str) -> None:
        pass

    def end(self, code: int) -> None:
        pass


def typed(*arguments: object) -> str:
    found = CliRunner().invoke(app, ["research", "export", *map(str, arguments)], catch_exceptions=False)
    assert found.exit_code == 0
    return found.stdout


@pytest.fixture
def held(tmp_path: Path) -> tuple[Path, str]:
    """A class under the profile research, held by the server itself, with one reading of one student."""
    session = {}

    async def hold() -> None:
        async with in_process(tmp_path, RESEARCH) as (web, client):
            await let_teacher_in(web, client)
            session.update(await opened(client))
            token = await joined(client, session["code"], mode="camera")
            rooms = web.state.classrooms
            who = rooms.keyring.read(token, "student", 0).who
            room, page = rooms.room(session["id"]), Page()
            room.enter(who, "camera", page)
            room.take(who, page, json.dumps(READING))
            await room.close_interval()

    run(hold)
    return tmp_path / "class.db", session["id"]


def test_a_class_s_rows_from_the_server_to_the_file(
    held: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database, session = held
    assert session in typed("--database", database)
    written = typed(session[:8], "--database", database, "--parquet").split()
    assert written == [f"research-{session[:8]}{ending}" for ending in (".csv", ".json", ".parquet")]
    header, row = Path(written[0]).read_text(encoding="utf-8").splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["ferplus_happiness"] == "1"


def test_an_unknown_class_is_named_with_those_that_are_there(held: tuple[Path, str]) -> None:
    database, session = held
    with pytest.raises(InputError, match=f"got 'zzz', which fits 0; there are: {session[:8]}"):
        typed("zzz", "--database", database)


def test_a_running_server_keeps_its_rows(held: tuple[Path, str], tmp_path: Path) -> None:
    database, session = held
    records = Records(settings_in(tmp_path))
    try:
        with pytest.raises(InputError, match="another classmood serve uses this database"):
            typed(session, "--database", database, "--out", tmp_path / "rows.csv")
        assert session in typed("--database", database)
    finally:
        records.close()
    assert not (tmp_path / "rows.csv").exists()


def test_a_missing_database_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no database of classes"):
        typed("abc", "--database", tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_the_audit_log_may_be_elsewhere(held: tuple[Path, str], tmp_path: Path) -> None:
    database, session = held
    elsewhere = tmp_path / "elsewhere.jsonl"
    typed(session, "--database", database, "--audit-log", elsewhere, "--out", tmp_path / "rows.csv")
    assert json.loads(elsewhere.read_text())["action"] == "exported"
