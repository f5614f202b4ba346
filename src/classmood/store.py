"""What is kept of a class: sessions, marks, what was released, nudges, consent receipts; research rows with consent.

SQLite in WAL mode by default, with ``synchronous=FULL``: when a method that writes returns, its row survives a kill and
a loss of power. The schema is made and brought up to date by Alembic's steps (``classmood.migrations``).

Individual rows are taken only in a session that was opened under the profile ``research``, from a participant whose
consent stands. What is erased is gone from the file's bytes, not only from the tables: freed content is overwritten
(``secure_delete``), the file is rebuilt (VACUUM) and the write-ahead log emptied. A kill between these is made up for
at the next opening. Copies that others made, and what a disk keeps below its files, are out of reach.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from classmood.errors import InputError, MissingExtra, OutputError

try:
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError
    from sqlalchemy import ForeignKey, LargeBinary, String, Text, event
    from sqlalchemy.exc import ArgumentError, DBAPIError
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
except ImportError as error:
    raise MissingExtra("keeping class sessions", "server") from error

RESEARCH: Final = "research"
LONGEST_LABEL: Final = 200
MARK_KINDS: Final = ("slide", "question", "break", "text")
_SCRUB: Final = "scrub"
_BUSY_S: Final = 30.0
# Of the advisory lock by which one server keeps others out of a PostgreSQL database; any number of ours would do.
_CLAIM: Final = int.from_bytes(b"classmoo")
_CLAIM_WITHIN_S: Final = 2.0
_Row = TypeVar("_Row", bound="Base")


class Base(DeclarativeBase):
    """Root of the tables; tests hold it against what the migrations make."""


class _SessionRow(Base):
    __tablename__ = "session"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    profile: Mapped[str] = mapped_column(String(32))
    opened: Mapped[dt.datetime]
    closed: Mapped[dt.datetime | None]
    keep_until: Mapped[dt.date]
    class_size: Mapped[int | None]
    salt: Mapped[bytes] = mapped_column(LargeBinary)


class _MarkRow(Base):
    __tablename__ = "mark"
    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"), index=True)
    time_s: Mapped[float]
    kind: Mapped[str] = mapped_column(String(16))
    label: Mapped[str] = mapped_column(String(LONGEST_LABEL))


class _ReleasedRow(Base):
    __tablename__ = "released"
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time_s: Mapped[float]
    body: Mapped[str] = mapped_column(Text)


class _NudgeRow(Base):
    __tablename__ = "nudge"
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time_s: Mapped[float]
    body: Mapped[str] = mapped_column(Text)
    usefulness: Mapped[str | None] = mapped_column(String(16))


class _ParticipantRow(Base):
    __tablename__ = "participant"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"), index=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary)


class _ReceiptRow(Base):
    __tablename__ = "receipt"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"), index=True)
    document: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(64))
    given: Mapped[dt.datetime]
    withdrawn: Mapped[dt.datetime | None]


class _ResearchRow(Base):
    __tablename__ = "research_row"
    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"), index=True)
    time_s: Mapped[float]
    body: Mapped[str] = mapped_column(Text)


class _ChoreRow(Base):
    """Work that must be done even if the process dies before it is."""

    __tablename__ = "chore"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)


@dataclass(frozen=True, slots=True)
class StoredMark:
    """A moment that the teacher marked."""

    number: int
    time_s: float
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as listed. Times are UTC."""

    id: str
    profile: str
    opened: dt.datetime
    closed: dt.datetime | None
    keep_until: dt.date
    class_size: int | None


@dataclass(frozen=True, slots=True)
class StoredNudge:
    """A nudge as JSON, and what the teacher thought of it."""

    number: int
    time_s: float
    body: str
    usefulness: str | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """That someone agreed to a version of a text, and until when. No name."""

    id: str
    document: str
    version: str
    given: dt.datetime
    withdrawn: dt.datetime | None


class Store:
    """One database. Methods that write return when the row is on the disk.

    Every method may raise InputError (no such session or participant, a value out of range) and OutputError (the
    database cannot be written).
    """

    def __init__(self, database: Path | str) -> None:
        """Open a database, make it where there is none, and bring its schema up to date.

        Args:
            database: a file of SQLite, or an SQLAlchemy URL (``postgresql+psycopg://...``) for a school's server.

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
            self._engine = sa.create_engine(url, pool_pre_ping=True)
        except (ArgumentError, ModuleNotFoundError) as error:
            raise OutputError(
                f"{self.name}: cannot be used as a database ({_reason(error)}); for PostgreSQL give "
                "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE and install classmood[postgresql]"
            ) from error
        self._sqlite = self._engine.dialect.name == "sqlite"
        self._claim: sa.Connection | None = None
        if self._sqlite:
            event.listen(self._engine, "connect", _prepare)
        try:
            self._migrate()
            with Session(self._engine) as db:
                pending = db.get(_ChoreRow, _SCRUB) is not None
            if pending:
                self._scrub()
        except (DBAPIError, CommandError) as error:
            self._engine.dispose()
            raise OutputError(f"{self.name}: cannot be used as a database ({_reason(error)})") from error

    def claim(self) -> None:
        """Be the one server that writes here, until ``close`` or until the connection ends; SQLite's has a lock file.

        Raises:
            InputError: another one is.
        """
        if self._sqlite or self._claim is not None:
            return
        held = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
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
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open_session(self, profile: str, now: dt.datetime, *, keep_days: int, class_size: int | None = None) -> str:
        """Begin a session; its throwaway id."""
        row = _SessionRow(
            id=secrets.token_hex(16),
            profile=profile,
            opened=_utc(now),
            keep_until=_utc(now).date() + dt.timedelta(days=keep_days),
            class_size=class_size,
            salt=secrets.token_bytes(32),
        )
        identity = row.id
        self._add(row)
        return identity

    def close_session(self, session: str, now: dt.datetime) -> None:
        """End a session. What was released stays until its time is over."""
        with self._writing() as db:
            _known(db, _SessionRow, session).closed = _utc(now)
            db.commit()

    def sessions(self) -> list[StoredSession]:
        """All sessions, oldest first."""
        with Session(self._engine) as db:
            rows = db.scalars(sa.select(_SessionRow).order_by(_SessionRow.opened, _SessionRow.id))
            return [_stored_session(row) for row in rows]

    def session(self, identity: str) -> StoredSession:
        """One session."""
        with Session(self._engine) as db:
            return _stored_session(_known(db, _SessionRow, identity))

    def find_session(self, beginning: str) -> StoredSession:
        """The one session whose id begins so.

        Raises:
            InputError: none does, or more than one; those that are kept are named.
        """
        kept = self.sessions()
        found = [one for one in kept if one.id.startswith(beginning)]
        if len(found) != 1:
            told = ", ".join(f"{one.id[:8]} ({one.opened:%Y-%m-%d %H:%M})" for one in (found or kept)[-10:])
            raise InputError(
                f"expected the id of one session, or its beginning, got {beginning!r}, which fits {len(found)}; "
                f"there are: {told or 'none'}"
            )
        return found[0]

    def add_mark(self, session: str, time_s: float, kind: str, label: str = "") -> int:
        """Keep a mark; its number. Labels are text of at most 200 characters and are never read as anything else."""
        if kind not in MARK_KINDS:
            raise InputError(f"expected a mark of {', '.join(MARK_KINDS)}, got {kind!r}")
        if len(label) > LONGEST_LABEL:
            raise InputError(f"expected a label of at most {LONGEST_LABEL} characters, got {len(label)}")
        if "\x00" in label:
            # PostgreSQL cannot hold it; what one database takes the other must take too.
            raise InputError("expected a label without the character NUL, got one with it")
        with self._writing() as db:
            _known(db, _SessionRow, session)
            row = _MarkRow(session_id=session, time_s=time_s, kind=kind, label=label)
            db.add(row)
            db.flush()
            number = row.id
            db.commit()
        return number

    def marks(self, session: str) -> list[StoredMark]:
        """A session's marks in order of time."""
        with Session(self._engine) as db:
            found = sa.select(_MarkRow).where(_MarkRow.session_id == session).order_by(_MarkRow.time_s, _MarkRow.id)
            return [StoredMark(row.id, row.time_s, row.kind, row.label) for row in db.scalars(found)]

    def add_release(self, session: str, number: int, time_s: float, body: str) -> None:
        """Keep what was released, as JSON."""
        self._add(_ReleasedRow(session_id=session, number=number, time_s=time_s, body=body), session)

    def releases(self, session: str) -> list[str]:
        """A session's releases as JSON, in order."""
        with Session(self._engine) as db:
            found = sa.select(_ReleasedRow.body).where(_ReleasedRow.session_id == session)
            return list(db.scalars(found.order_by(_ReleasedRow.number)))

    def add_nudge(self, session: str, number: int, time_s: float, body: str) -> None:
        """Keep a nudge, as JSON."""
        self._add(_NudgeRow(session_id=session, number=number, time_s=time_s, body=body), session)

    def answer_nudge(self, session: str, number: int, usefulness: str) -> None:
        """Keep what the teacher thought of a nudge."""
        with self._writing() as db:
            _known(db, _NudgeRow, (session, number)).usefulness = usefulness
            db.commit()

    def nudges(self, session: str) -> list[StoredNudge]:
        """A session's nudges in order."""
        with Session(self._engine) as db:
            found = sa.select(_NudgeRow).where(_NudgeRow.session_id == session).order_by(_NudgeRow.number)
            return [StoredNudge(row.number, row.time_s, row.body, row.usefulness) for row in db.scalars(found)]

    def give_consent(
        self, session: str, document: str, version: str, now: dt.datetime, *, participant: str | None = None
    ) -> tuple[str, Receipt]:
        """Keep that someone agreed; their pseudonym in this session, and the receipt."""
        receipt = _ReceiptRow(id=secrets.token_hex(16), document=document, version=version, given=_utc(now))
        with self._writing() as db:
            _known(db, _SessionRow, session)
            if participant is None:
                participant = secrets.token_hex(16)
                db.add(_ParticipantRow(id=participant, session_id=session, salt=secrets.token_bytes(32)))
                db.flush()
            elif _known(db, _ParticipantRow, participant).session_id != session:
                raise InputError("expected a participant of this session; a pseudonym is for one session only")
            receipt.participant_id = participant
            db.add(receipt)
            db.flush()
            given = _receipt(receipt)
            db.commit()
        return participant, given

    def participants(self, session: str) -> list[str]:
        """Pseudonyms of those of whom anything is kept in a session, in an order that tells nothing."""
        with Session(self._engine) as db:
            _known(db, _SessionRow, session)
            found = sa.select(_ParticipantRow.id).where(_ParticipantRow.session_id == session)
            return list(db.scalars(found.order_by(_ParticipantRow.id)))

    def withdraw_consent(self, participant: str, now: dt.datetime) -> None:
        """End all consents of someone: no row is taken from now on. What was taken stays until it is erased."""
        with self._writing() as db:
            _known(db, _ParticipantRow, participant)
            standing = (_ReceiptRow.participant_id == participant) & _ReceiptRow.withdrawn.is_(None)
            db.execute(sa.update(_ReceiptRow).where(standing).values(withdrawn=_utc(now)))
            db.commit()

    def receipts(self, participant: str) -> list[Receipt]:
        """Someone's receipts in order."""
        with Session(self._engine) as db:
            found = sa.select(_ReceiptRow).where(_ReceiptRow.participant_id == participant)
            return [_receipt(row) for row in db.scalars(found.order_by(_ReceiptRow.given, _ReceiptRow.id))]

    def add_research_rows(self, participant: str, rows: Sequence[tuple[float, str]]) -> None:
        """Keep (time in seconds, JSON) rows of one participant.

        Raises:
            InputError: the session is not a research session, or no consent stands.
        """
        with self._writing() as db:
            who = _known(db, _ParticipantRow, participant)
            profile = _known(db, _SessionRow, who.session_id).profile
            if profile != RESEARCH:
                raise InputError(f"expected a session under {RESEARCH!r} for rows of one person, got {profile!r}")
            standing = (_ReceiptRow.participant_id == participant) & _ReceiptRow.withdrawn.is_(None)
            if db.scalar(sa.select(_ReceiptRow.id).where(standing).limit(1)) is None:
                raise InputError("expected a consent that stands; it was withdrawn")
            db.add_all(_ResearchRow(participant_id=participant, time_s=time_s, body=body) for time_s, body in rows)
            db.commit()

    def research_rows(self, participant: str) -> list[tuple[float, str]]:
        """One participant's rows in order of time; also what they download."""
        with Session(self._engine) as db:
            found = sa.select(_ResearchRow).where(_ResearchRow.participant_id == participant)
            return [(row.time_s, row.body) for row in db.scalars(found.order_by(_ResearchRow.time_s, _ResearchRow.id))]

    def consenting(self, session: str) -> list[str]:
        """Those of a session whose consent stands."""
        standing = sa.select(_ReceiptRow.participant_id).where(_ReceiptRow.withdrawn.is_(None))
        with Session(self._engine) as db:
            found = sa.select(_ParticipantRow.id).where(_ParticipantRow.session_id == session)
            return list(db.scalars(found.where(_ParticipantRow.id.in_(standing)).order_by(_ParticipantRow.id)))

    def salt(self, identity: str) -> bytes:
        """The salt under which the audit log refers to a session or a participant."""
        with Session(self._engine) as db:
            row = db.get(_ParticipantRow, identity) or db.get(_SessionRow, identity)
            if row is not None:
                return bytes(row.salt)
        raise InputError("expected a session or participant that is kept; it may have been erased")

    def erase_student(self, participant: str) -> None:
        """Erase all that is kept of one participant: rows, receipts, pseudonym, salt."""
        self._erase(sa.delete(_ParticipantRow).where(_ParticipantRow.id == participant), participant)

    def erase_session(self, session: str) -> None:
        """Erase a session with all that belongs to it."""
        self._erase(sa.delete(_SessionRow).where(_SessionRow.id == session), session)

    def apply_retention(self, today: dt.date) -> list[str]:
        """Erase the sessions whose time is over; their ids."""
        with Session(self._engine) as db:
            over = list(db.scalars(sa.select(_SessionRow.id).where(_SessionRow.keep_until < today)))
        if over:
            self._erase(sa.delete(_SessionRow).where(_SessionRow.id.in_(over)), "retention")
        return over

    def _erase(self, deletion: sa.Delete, what: str) -> None:
        with self._writing() as db:
            found: Any = db.execute(deletion)
            if not found.rowcount:
                raise InputError(f"nothing is kept under {what[:8]}...; it may have been erased already")
            db.merge(_ChoreRow(name=_SCRUB))
            db.commit()
        self._scrub()

    def _scrub(self) -> None:
        """Take what was deleted out of the file's bytes, and out of the write-ahead log's."""
        if self._sqlite:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM")
                if connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one():
                    raise OutputError(
                        f"{self.name}: erased, but a reader keeps old bytes in the log; they go at the next opening"
                    )
        with self._writing() as db:
            db.execute(sa.delete(_ChoreRow).where(_ChoreRow.name == _SCRUB))
            db.commit()

    def _add(self, row: Base, session: str | None = None) -> None:
        with self._writing() as db:
            if session is not None:
                _known(db, _SessionRow, session)
            db.add(row)
            db.commit()

    def _writing(self) -> _Writing:
        return _Writing(self._engine, self.name)

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", "classmood:migrations")
        config.set_main_option("path_separator", "os")
        with self._engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


class _Writing(Session):
    """A unit of writing whose database errors come as one-line errors of ours."""

    def __init__(self, engine: sa.Engine, name: str) -> None:
        super().__init__(engine)
        self._name = name

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        super().__exit__(kind, error, traceback)
        if isinstance(error, DBAPIError):
            raise OutputError(f"{self._name}: the database cannot be written ({_reason(error)})") from error


def _known(db: Session, table: type[_Row], identity: Any) -> _Row:
    row = db.get(table, identity)
    if row is None:
        raise InputError(f"expected a {table.__tablename__} that is kept; it may have been erased")
    return row


def _stored_session(row: _SessionRow) -> StoredSession:
    return StoredSession(row.id, row.profile, row.opened, row.closed, row.keep_until, row.class_size)


def _receipt(row: _ReceiptRow) -> Receipt:
    return Receipt(row.id, row.document, row.version, row.given, row.withdrawn)


def _utc(time: dt.datetime) -> dt.datetime:
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
