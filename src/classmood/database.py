"""The database behind the store: SQLite in a file by default, or a school's PostgreSQL.

SQLite is in WAL mode with ``synchronous=FULL``: what was committed survives a kill and a loss of power. The schema is
made and brought up to date by Alembic's steps (``classmood.migrations``). Errors of the database come as one line,
without the password that a URL may hold.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import time
from pathlib import Path
from typing import Any, Final, TypeVar

from classmood.errors import InputError, MissingExtra, OutputError
from classmood.store_tables import Base

try:
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError
    from sqlalchemy import event
    from sqlalchemy.exc import ArgumentError, DBAPIError
    from sqlalchemy.orm import Session
except ImportError as error:
    raise MissingExtra("keeping class sessions", "server") from error

_BUSY_S: Final = 30.0
# Of the advisory lock by which one server keeps others out of a PostgreSQL database; any number of ours would do.
_CLAIM: Final = int.from_bytes(b"classmoo")
_CLAIM_WITHIN_S: Final = 2.0
_Row = TypeVar("_Row", bound=Base)


class Database:
    """One database, open and of the newest schema."""

    def __init__(self, database: Path | str) -> None:
        """Open it, or make it.

        Args:
            database: a file of SQLite, or an SQLAlchemy URL.

        Raises:
            OutputError: it cannot be opened, is not a database, or a newer classmood made it.
        """
        if isinstance(database, Path):
            _make_private(database)
            url = sa.URL.create("sqlite", database=str(database))
        else:
            url = _url(database)
        # It stands in errors and logs, where a school's password must not.
        self.name = str(database) if isinstance(database, Path) else url.render_as_string(hide_password=True)
        try:
            # A school's server may be started anew within a lesson: a connection is tried before it is used.
            self.engine = sa.create_engine(url, pool_pre_ping=True)
        except (ArgumentError, ModuleNotFoundError) as error:
            raise OutputError(
                f"{self.name}: cannot be used as a database ({_reason(error)}); for PostgreSQL give "
                "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE and install classmood[postgresql]"
            ) from error
        self._sqlite = self.engine.dialect.name == "sqlite"
        self._claim: sa.Connection | None = None
        if self._sqlite:
            event.listen(self.engine, "connect", _prepare)
        try:
            self._migrate()
        except (DBAPIError, CommandError) as error:
            self.engine.dispose()
            raise OutputError(f"{self.name}: cannot be used as a database ({_reason(error)})") from error

    def claim(self) -> None:
        """Be the one server that writes here, until ``close`` or until the connection ends; SQLite's has a lock file.

        Raises:
            InputError: another one is.
        """
        if self._sqlite or self._claim is not None:
            return
        held = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        # The connection of one that was just killed takes a moment to be noticed.
        deadline = time.monotonic() + _CLAIM_WITHIN_S
        while not held.exec_driver_sql(f"SELECT pg_try_advisory_lock({_CLAIM})").scalar_one():
            if time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            held.close()
            raise InputError(
                f"{self.name}: another classmood serve uses this database; stop it, or name another with --database"
            )
        self._claim = held

    def close(self) -> None:
        """Close all connections; SQLite then folds its write-ahead log into the file."""
        if self._claim is not None:
            with contextlib.suppress(DBAPIError):
                self._claim.exec_driver_sql(f"SELECT pg_advisory_unlock({_CLAIM})")
            self._claim.close()
            self._claim = None
        self.engine.dispose()

    def reading(self) -> Session:
        """A unit of reading whose database errors come as one-line errors of ours."""
        return _Unit(self.engine, f"{self.name}: the database cannot be read")

    def writing(self) -> Session:
        """A unit of writing whose database errors come as one-line errors of ours."""
        return _Unit(self.engine, f"{self.name}: the database cannot be written")

    def scrub(self) -> None:
        """Take what was deleted out of a SQLite file's bytes, and out of the write-ahead log's.

        Raises:
            OutputError: the file cannot be written anew, or another process reads, so that old bytes stay.
        """
        if not self._sqlite:
            return
        try:
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM")
                read = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
        except DBAPIError as error:
            raise OutputError(
                f"{self.name}: erased, but old bytes stay in the file ({_reason(error)}); they go at the next opening"
            ) from error
        if read:
            raise OutputError(
                f"{self.name}: erased, but a reader keeps old bytes in the log; they go at the next opening"
            )

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", "classmood:migrations")
        config.set_main_option("path_separator", "os")
        with self.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


class _Unit(Session):
    """A unit of work whose database errors come as one-line errors of ours, which begin with ``failed``."""

    def __init__(self, engine: sa.Engine, failed: str) -> None:
        super().__init__(engine)
        self._failed = failed

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        super().__exit__(kind, error, traceback)
        if isinstance(error, DBAPIError):
            raise OutputError(f"{self._failed} ({_reason(error)})") from error


def known(db: Session, table: type[_Row], identity: Any) -> _Row:
    """A row by its key.

    Raises:
        InputError: there is none.
    """
    row = db.get(table, identity)
    if row is None:
        raise InputError(f"expected a {table.__tablename__} that is kept; it may have been erased")
    return row


def utc(time: dt.datetime) -> dt.datetime:
    """UTC without a zone, to the second, as the tables hold it."""
    if time.tzinfo is None:
        raise InputError("expected a time with its zone, got one without")
    return time.astimezone(dt.UTC).replace(tzinfo=None, microsecond=0)


def _url(database: str) -> sa.URL:
    try:
        return sa.make_url(database)
    except ArgumentError as error:
        # What was given may hold a password: it is not repeated.
        raise OutputError(
            "expected a database's URL such as postgresql+psycopg://USER:PASSWORD@HOST/DATABASE, got one that cannot "
            "be read; special characters in a password are written as %-codes"
        ) from error


def _make_private(path: Path) -> None:
    """Nobody else on the machine reads the file; SQLite gives its side files the same mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    for pragma in (
        f"busy_timeout={int(_BUSY_S * 1000)}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        # What VACUUM copies must not pass through a file of its own.
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]
