"""The database: what is committed is on the disk, one server has it, its schema is as migrated, it keeps a password."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from classmood.database import Database
from classmood.errors import InputError, OutputError
from classmood.store_tables import ChoreRow
from classmood.studies import Base
from postgresql import Cluster

SECRET = "QXJkaHNlY3JldA"


def add(database: Database, name: str) -> None:
    with database.writing() as db:
        db.add(ChoreRow(name=name))
        db.commit()


def test_every_connection_writes_through_and_overwrites_what_it_frees(path: Path) -> None:
    with Database(path).engine.connect() as connection:
        held = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "secure_delete", "temp_store", "foreign_keys")
        }
    # 2 is FULL for synchronous, and memory for temp_store.
    assert held == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "temp_store": 2, "foreign_keys": 1}


def test_the_migrations_make_the_tables_that_the_code_means(database: Path | str) -> None:
    with Database(database).engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        tables = set(sa.inspect(connection).get_table_names())
        assert tables == {*Base.metadata.tables, "alembic_version"}


def test_opening_again_changes_nothing(path: Path) -> None:
    found = Database(path)
    add(found, "work")
    found.close()
    before = path.read_bytes()
    Database(path).close()
    assert path.read_bytes() == before


def test_a_newer_database_and_what_is_none_are_refused(path: Path, tmp_path: Path) -> None:
    Database(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(OutputError, match="9999"):
        Database(path)
    (tmp_path / "not.db").write_text("not a database, but long enough to look at" * 40)
    with pytest.raises(OutputError, match="not a database"):
        Database(tmp_path / "not.db")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        Database(tmp_path / "file" / "classes.db")


def test_only_the_owner_reads_the_files(path: Path) -> None:
    found = Database(path)
    add(found, "work")
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    found.close()


def test_what_was_deleted_is_scrubbed_from_the_bytes(path: Path) -> None:
    found = Database(path)
    add(found, SECRET)
    with found.writing() as db:
        db.execute(sa.delete(ChoreRow))
        db.commit()
    found.scrub()
    assert not any(SECRET.encode() in file.read_bytes() for file in path.parent.iterdir())
    found.close()


def test_a_url_that_is_none_or_leads_nowhere_is_one_line_without_its_password(tmp_path: Path) -> None:
    nowhere = f"postgresql+psycopg://me:{SECRET}@/class?host={tmp_path}"
    for url in (
        f"me:{SECRET}@host",
        nowhere,
        nowhere.replace("psycopg", "unheard_of"),
        f"unheard://me:{SECRET}@host/x",
    ):
        with pytest.raises(OutputError, match=r"USER|cannot be used as a database") as caught:
            Database(url)
        assert SECRET not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_one_server_at_a_time_has_a_school_s_database(postgresql: Cluster) -> None:
    url = postgresql.database()
    first, second = Database(url), Database(url)
    first.claim()
    first.claim()
    with pytest.raises(InputError, match="another classmood serve"):
        second.claim()
    first.close()
    second.claim()
    second.close()
    third = Database(url)
    third.claim()
    third.close()


def test_a_database_server_that_was_started_anew_is_found_again(postgresql: Cluster) -> None:
    url = postgresql.database()
    found, other = Database(url), Database(url)
    add(found, "before")
    with other.engine.connect() as connection:
        connection.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid()")
        )
    add(found, "after")
    with found.reading() as db:
        assert sorted(db.scalars(sa.select(ChoreRow.name))) == ["after", "before"]
    for one in (found, other):
        one.close()


def test_what_cannot_be_read_is_one_line(database: Path | str) -> None:
    found = Database(database)
    with pytest.raises(OutputError, match="the database cannot be read") as caught, found.reading() as db:
        db.execute(sa.text("SELECT name FROM nowhere"))
    assert "\n" not in str(caught.value)
    found.close()


def test_a_file_that_cannot_be_rebuilt_is_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Else it would wait half a minute for the other writer.
    monkeypatch.setattr("classmood.database._BUSY_S", 0.0)
    found = Database(path)
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OutputError, match="erased, but old bytes stay") as caught:
        found.scrub()
    assert "\n" not in str(caught.value)
    other.close()
    found.scrub()
    found.close()
