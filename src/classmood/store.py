"""What is kept of a class: sessions, marks, what was released, nudges, consent receipts; research rows with consent.

When a method that writes returns, its row survives a kill and a loss of power (``classmood.database``).

Individual rows are taken only in a session that was opened under the profile ``research``, from a participant whose
consent stands. What is erased is gone from the file's bytes, not only from the tables: freed content is overwritten
(``secure_delete``), the file is rebuilt (VACUUM) and the write-ahead log emptied. A kill between these is made up for
at the next opening. Copies that others made, and what a disk keeps below its files, are out of reach.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from classmood.database import Database, known, utc
from classmood.errors import InputError, MissingExtra
from classmood.store_tables import (
    LONGEST_LABEL,
    Base,
    ChoreRow,
    MarkRow,
    NudgeRow,
    ParticipantRow,
    ReceiptRow,
    ReleasedRow,
    ResearchRow,
    SessionRow,
)

try:
    import sqlalchemy as sa
except ImportError as error:
    raise MissingExtra("keeping class sessions", "server") from error

RESEARCH: Final = "research"
MARK_KINDS: Final = ("slide", "question", "break", "text")
_SCRUB: Final = "scrub"


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
        self.database = Database(database)
        try:
            # As a unit of writing, so that a fault of the database is one line.
            with self.database.writing() as db:
                pending = db.get(ChoreRow, _SCRUB) is not None
            if pending:
                self._scrub()
        except BaseException:
            self.database.close()
            raise

    def close(self) -> None:
        """Close all connections; SQLite then folds its write-ahead log into the file."""
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open_session(self, profile: str, now: dt.datetime, *, keep_days: int, class_size: int | None = None) -> str:
        """Begin a session; its throwaway id."""
        row = SessionRow(
            id=secrets.token_hex(16),
            profile=profile,
            opened=utc(now),
            keep_until=utc(now).date() + dt.timedelta(days=keep_days),
            class_size=class_size,
            salt=secrets.token_bytes(32),
        )
        identity = row.id
        self._add(row)
        return identity

    def close_session(self, session: str, now: dt.datetime) -> None:
        """End a session. What was released stays until its time is over."""
        with self.database.writing() as db:
            known(db, SessionRow, session).closed = utc(now)
            db.commit()

    def sessions(self) -> list[StoredSession]:
        """All sessions, oldest first."""
        with self.database.reading() as db:
            rows = db.scalars(sa.select(SessionRow).order_by(SessionRow.opened, SessionRow.id))
            return [_stored_session(row) for row in rows]

    def session(self, identity: str) -> StoredSession:
        """One session."""
        with self.database.reading() as db:
            return _stored_session(known(db, SessionRow, identity))

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
        with self.database.writing() as db:
            known(db, SessionRow, session)
            row = MarkRow(session_id=session, time_s=time_s, kind=kind, label=label)
            db.add(row)
            db.flush()
            number = row.id
            db.commit()
        return number

    def marks(self, session: str) -> list[StoredMark]:
        """A session's marks in order of time."""
        with self.database.reading() as db:
            found = sa.select(MarkRow).where(MarkRow.session_id == session).order_by(MarkRow.time_s, MarkRow.id)
            return [StoredMark(row.id, row.time_s, row.kind, row.label) for row in db.scalars(found)]

    def add_release(self, session: str, number: int, time_s: float, body: str) -> None:
        """Keep what was released, as JSON."""
        self._add(ReleasedRow(session_id=session, number=number, time_s=time_s, body=body), session)

    def releases(self, session: str) -> list[str]:
        """A session's releases as JSON, in order."""
        with self.database.reading() as db:
            found = sa.select(ReleasedRow.body).where(ReleasedRow.session_id == session)
            return list(db.scalars(found.order_by(ReleasedRow.number)))

    def add_nudge(self, session: str, number: int, time_s: float, body: str) -> None:
        """Keep a nudge, as JSON."""
        self._add(NudgeRow(session_id=session, number=number, time_s=time_s, body=body), session)

    def answer_nudge(self, session: str, number: int, usefulness: str) -> None:
        """Keep what the teacher thought of a nudge."""
        with self.database.writing() as db:
            known(db, NudgeRow, (session, number)).usefulness = usefulness
            db.commit()

    def nudges(self, session: str) -> list[StoredNudge]:
        """A session's nudges in order."""
        with self.database.reading() as db:
            found = sa.select(NudgeRow).where(NudgeRow.session_id == session).order_by(NudgeRow.number)
            return [StoredNudge(row.number, row.time_s, row.body, row.usefulness) for row in db.scalars(found)]

    def give_consent(
        self, session: str, document: str, version: str, now: dt.datetime, *, participant: str | None = None
    ) -> tuple[str, Receipt]:
        """Keep that someone agreed; their pseudonym in this session, and the receipt."""
        receipt = ReceiptRow(id=secrets.token_hex(16), document=document, version=version, given=utc(now))
        with self.database.writing() as db:
            known(db, SessionRow, session)
            if participant is None:
                participant = secrets.token_hex(16)
                db.add(ParticipantRow(id=participant, session_id=session, salt=secrets.token_bytes(32)))
                db.flush()
            elif known(db, ParticipantRow, participant).session_id != session:
                raise InputError("expected a participant of this session; a pseudonym is for one session only")
            receipt.participant_id = participant
            db.add(receipt)
            db.flush()
            given = receipt_of(receipt)
            db.commit()
        return participant, given

    def participants(self, session: str) -> list[str]:
        """Pseudonyms of those of whom anything is kept in a session, in an order that tells nothing."""
        with self.database.reading() as db:
            known(db, SessionRow, session)
            found = sa.select(ParticipantRow.id).where(ParticipantRow.session_id == session)
            return list(db.scalars(found.order_by(ParticipantRow.id)))

    def withdraw_consent(self, participant: str, now: dt.datetime) -> None:
        """End all consents of someone: no row is taken from now on. What was taken stays until it is erased."""
        with self.database.writing() as db:
            known(db, ParticipantRow, participant)
            standing = (ReceiptRow.participant_id == participant) & ReceiptRow.withdrawn.is_(None)
            db.execute(sa.update(ReceiptRow).where(standing).values(withdrawn=utc(now)))
            db.commit()

    def receipts(self, participant: str) -> list[Receipt]:
        """Someone's receipts in order."""
        with self.database.reading() as db:
            found = sa.select(ReceiptRow).where(ReceiptRow.participant_id == participant)
            return [receipt_of(row) for row in db.scalars(found.order_by(ReceiptRow.given, ReceiptRow.id))]

    def add_research_rows(self, participant: str, rows: Sequence[tuple[float, str]]) -> None:
        """Keep (time in seconds, JSON) rows of one participant.

        Raises:
            InputError: the session is not a research session, or no consent stands.
        """
        with self.database.writing() as db:
            who = known(db, ParticipantRow, participant)
            profile = known(db, SessionRow, who.session_id).profile
            if profile != RESEARCH:
                raise InputError(f"expected a session under {RESEARCH!r} for rows of one person, got {profile!r}")
            standing = (ReceiptRow.participant_id == participant) & ReceiptRow.withdrawn.is_(None)
            if db.scalar(sa.select(ReceiptRow.id).where(standing).limit(1)) is None:
                raise InputError("expected a consent that stands; it was withdrawn")
            db.add_all(ResearchRow(participant_id=participant, time_s=time_s, body=body) for time_s, body in rows)
            db.commit()

    def research_rows(self, participant: str) -> list[tuple[float, str]]:
        """One participant's rows in order of time; also what they download."""
        with self.database.reading() as db:
            found = sa.select(ResearchRow).where(ResearchRow.participant_id == participant)
            return [(row.time_s, row.body) for row in db.scalars(found.order_by(ResearchRow.time_s, ResearchRow.id))]

    def consenting(self, session: str) -> list[str]:
        """Those of a session whose consent stands."""
        standing = sa.select(ReceiptRow.participant_id).where(ReceiptRow.withdrawn.is_(None))
        with self.database.reading() as db:
            found = sa.select(ParticipantRow.id).where(ParticipantRow.session_id == session)
            return list(db.scalars(found.where(ParticipantRow.id.in_(standing)).order_by(ParticipantRow.id)))

    def salt(self, identity: str) -> bytes:
        """The salt under which the audit log refers to a session or a participant."""
        with self.database.reading() as db:
            row = db.get(ParticipantRow, identity) or db.get(SessionRow, identity)
            if row is not None:
                return bytes(row.salt)
        raise InputError("expected a session or participant that is kept; it may have been erased")

    def erase_student(self, participant: str) -> None:
        """Erase all that is kept of one participant: rows, receipts, pseudonym, salt."""
        self._erase(sa.delete(ParticipantRow).where(ParticipantRow.id == participant), participant)

    def erase_session(self, session: str) -> None:
        """Erase a session with all that belongs to it."""
        self._erase(sa.delete(SessionRow).where(SessionRow.id == session), session)

    def apply_retention(self, today: dt.date) -> list[str]:
        """Erase the sessions whose time is over; their ids."""
        with self.database.reading() as db:
            over = list(db.scalars(sa.select(SessionRow.id).where(SessionRow.keep_until < today)))
        if over:
            self._erase(sa.delete(SessionRow).where(SessionRow.id.in_(over)), "retention")
        return over

    def _erase(self, deletion: sa.Delete, what: str) -> None:
        with self.database.writing() as db:
            found: Any = db.execute(deletion)
            if not found.rowcount:
                raise InputError(f"nothing is kept under {what[:8]}...; it may have been erased already")
            db.merge(ChoreRow(name=_SCRUB))
            db.commit()
        self._scrub()

    def _scrub(self) -> None:
        """Take what was deleted out of the database's bytes."""
        self.database.scrub()
        with self.database.writing() as db:
            db.execute(sa.delete(ChoreRow).where(ChoreRow.name == _SCRUB))
            db.commit()

    def _add(self, row: Base, session: str | None = None) -> None:
        with self.database.writing() as db:
            if session is not None:
                known(db, SessionRow, session)
            db.add(row)
            db.commit()


def _stored_session(row: SessionRow) -> StoredSession:
    return StoredSession(row.id, row.profile, row.opened, row.closed, row.keep_until, row.class_size)


def receipt_of(row: ReceiptRow) -> Receipt:
    """A receipt as it is handed out."""
    return Receipt(row.id, row.document, row.version, row.given, row.withdrawn)
