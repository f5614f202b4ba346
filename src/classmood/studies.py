"""What is kept of a study: its protocol, participants, events, recordings' parts, and where it was exported to.

Tables beside those of ``classmood.store``, whose promises hold here too: what a writing method acknowledges is on the
disk, and what is erased is gone from the bytes. A study is a session of the profile ``research`` that is closed as a
class from its beginning: nobody joins it by a class's code. Nothing is taken without a consent that stands.

Events are only ever added. One is known by its attempt and its number in it, so that sending it again changes nothing;
an attempt begins whenever a participant starts or comes back.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import sqlalchemy as sa
from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from classmood.database import known, utc
from classmood.errors import InputError
from classmood.store import RESEARCH, Receipt, Store, receipt_of
from classmood.store_tables import Base, ParticipantRow, ReceiptRow
from classmood.store_tables import SessionRow as _Class

# Who is stopping has the calm end of the session still to see.
State = Literal["invited", "consented", "running", "stopping", "stopped", "finished", "erasing"]
# Who is in one of these may still send what they have; who is in another has nothing to send, or nothing to say.
SENDING: Final = ("running", "stopping", "stopped", "finished")
LONGEST_NAME: Final = 20


class _StudyRow(Base):
    __tablename__ = "study"
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True)
    protocol_sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(40))
    protocol: Mapped[str] = mapped_column(Text)
    next_number: Mapped[int]


class _StudyParticipantRow(Base):
    __tablename__ = "study_participant"
    participant_id: Mapped[str] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"))
    number: Mapped[int]
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    state: Mapped[str] = mapped_column(String(16))
    records: Mapped[bool]
    attempt: Mapped[int]
    __table_args__ = (UniqueConstraint("session_id", "name"), UniqueConstraint("session_id", "number"))


class _StudyEventRow(Base):
    __tablename__ = "study_event"
    participant_id: Mapped[str] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16))
    step: Mapped[int]
    browser_ms: Mapped[float]
    received_s: Mapped[float]
    body: Mapped[str] = mapped_column(Text)


class _StudyChunkRow(Base):
    __tablename__ = "study_chunk"
    participant_id: Mapped[str] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sha256: Mapped[str] = mapped_column(String(64))
    length: Mapped[int]
    received_s: Mapped[float]


class _StudyExportRow(Base):
    __tablename__ = "study_export"
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True)
    folder: Mapped[str] = mapped_column(String(1000), primary_key=True)
    made: Mapped[dt.datetime]


@dataclass(frozen=True, slots=True)
class StoredStudy:
    """A study.

    Attributes:
        session: its id.
        protocol_sha256: of the protocol's file.
        name: the protocol's.
        protocol: the file's text as it was run.
        next_number: of the next participant; a number is never given twice, also not that of an erased one.
    """

    session: str
    protocol_sha256: str
    name: str
    protocol: str
    next_number: int


@dataclass(frozen=True, slots=True)
class StoredParticipant:
    """One participant.

    Attributes:
        id: the random id under which everything is kept.
        number: from 1; it decides the order of scenarios.
        name: what stands in the dataset: a pseudonym of letters and digits.
        state: see ``State``.
        records: whether they agreed to be recorded.
        attempt: how often they have started or come back.
    """

    id: str
    session: str
    number: int
    name: str
    state: State
    records: bool
    attempt: int


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """Something that happened in a participant's page.

    Attributes:
        attempt, sequence: by which it is known.
        kind: what happened; ``body`` holds its details as JSON.
        step: of the schedule, 0 where none was shown.
        browser_ms: by the page's own clock (``performance.now``, from when the page was loaded).
        received_s: by the server's clock, Unix time, when it came in; later than it happened.
    """

    attempt: int
    sequence: int
    kind: str
    step: int
    browser_ms: float
    body: str
    received_s: float = 0.0


@dataclass(frozen=True, slots=True, order=True)
class StoredChunk:
    """A part of a recording: parts of one attempt and step, put together in order, are one video file."""

    attempt: int
    step: int
    part: int
    sha256: str
    length: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far somebody is: events kept, the last step that came up, when something came in last, bytes recorded."""

    events: int
    step: int
    received_s: float
    recorded_bytes: int


class Studies:
    """The studies of one database. Methods raise as those of ``Store`` do."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, protocol_sha256: str, name: str, protocol: str, now: dt.datetime, *, keep_days: int) -> StoredStudy:
        """The study of a protocol; it is begun where there is none yet."""
        with self._store.database.writing() as db:
            row = db.scalar(sa.select(_StudyRow).where(_StudyRow.protocol_sha256 == protocol_sha256))
            if row is None:
                time = utc(now)
                session = _Class(
                    id=secrets.token_hex(16),
                    profile=RESEARCH,
                    opened=time,
                    closed=time,
                    keep_until=time.date() + dt.timedelta(days=keep_days),
                    class_size=None,
                    salt=secrets.token_bytes(32),
                )
                db.add(session)
                db.flush()
                row = _StudyRow(
                    session_id=session.id, protocol_sha256=protocol_sha256, name=name, protocol=protocol, next_number=1
                )
                db.add(row)
            found = _study(row)
            db.commit()
        return found

    def studies(self) -> list[StoredStudy]:
        """All studies, oldest first."""
        with self._store.database.reading() as db:
            rows = sa.select(_StudyRow).join(_Class, _Class.id == _StudyRow.session_id)
            return [_study(row) for row in db.scalars(rows.order_by(_Class.opened, _Class.id))]

    def add_participant(self, session: str, name: str | None = None) -> StoredParticipant:
        """Invite someone under a pseudonym, or under their number where none is given.

        Raises:
            InputError: the pseudonym was used before, or is not of letters and digits.
        """
        with self._store.database.writing() as db:
            study = known(db, _StudyRow, session)
            number = study.next_number
            chosen = f"{number:03d}" if name is None else name
            if not (chosen.isascii() and chosen.isalnum() and len(chosen) <= LONGEST_NAME):
                raise InputError(f"expected a participant id of at most {LONGEST_NAME} letters and digits")
            of_study = sa.select(_StudyParticipantRow).where(_StudyParticipantRow.session_id == session)
            if any(row.name.lower() == chosen.lower() for row in db.scalars(of_study)):
                raise InputError(f"the participant id {chosen!r} is used already; give this participant another")
            study.next_number = number + 1
            identity = secrets.token_hex(16)
            db.add(ParticipantRow(id=identity, session_id=session, salt=secrets.token_bytes(32)))
            db.flush()
            row = _StudyParticipantRow(
                participant_id=identity,
                session_id=session,
                number=number,
                name=chosen,
                state="invited",
                records=False,
                attempt=0,
            )
            db.add(row)
            db.flush()
            found = _participant(row)
            db.commit()
        return found

    def participants(self, session: str) -> list[StoredParticipant]:
        """A study's participants, by their numbers."""
        with self._store.database.reading() as db:
            found = sa.select(_StudyParticipantRow).where(_StudyParticipantRow.session_id == session)
            return [_participant(row) for row in db.scalars(found.order_by(_StudyParticipantRow.number))]

    def participant(self, identity: str) -> StoredParticipant:
        """One participant."""
        with self._store.database.reading() as db:
            return _participant(known(db, _StudyParticipantRow, identity))

    def consent(
        self, participant: str, texts: Sequence[tuple[str, str]], now: dt.datetime, *, records: bool
    ) -> list[Receipt]:
        """Keep what someone agreed to, all or nothing; their receipts.

        Args:
            participant: who.
            texts: name and version of each.
            now: when.
            records: whether recording is among it.
        """
        with self._store.database.writing() as db:
            who = known(db, _StudyParticipantRow, participant)
            if who.state != "invited":
                raise InputError("expected a participant who has not decided yet; a decision is made once")
            receipts = [
                ReceiptRow(
                    id=secrets.token_hex(16),
                    participant_id=participant,
                    document=name,
                    version=version,
                    given=utc(now),
                )
                for name, version in texts
            ]
            db.add_all(receipts)
            who.state, who.records = "consented", records
            db.flush()
            given = [receipt_of(row) for row in receipts]
            db.commit()
        return given

    def begin(self, participant: str) -> StoredParticipant:
        """Start, or come back to, a session; the participant with a new attempt's number.

        Raises:
            InputError: they have not agreed, have finished, or have stopped.
        """
        with self._store.database.writing() as db:
            who = known(db, _StudyParticipantRow, participant)
            if who.state not in ("consented", "running", "stopping") or not _stands(db, participant):
                raise InputError(f"expected a participant who agreed and has not ended, got one who is {who.state}")
            who.attempt += 1
            if who.state == "consented":
                who.state = "running"
            found = _participant(who)
            db.commit()
        return found

    def set_state(self, participant: str, state: State) -> StoredParticipant:
        """Move someone on."""
        with self._store.database.writing() as db:
            who = known(db, _StudyParticipantRow, participant)
            who.state = state
            found = _participant(who)
            db.commit()
        return found

    def add_events(self, participant: str, events: Sequence[StoredEvent], received_s: float) -> int:
        """Keep events; how many were new. What is there already stays as it came first.

        Raises:
            InputError: no consent stands, the participant has not started, or an event's number was another's.
        """
        with self._store.database.writing() as db:
            who = self._sender(db, participant, [event.attempt for event in events])
            new = 0
            for event in events:
                row = db.get(_StudyEventRow, (participant, event.attempt, event.sequence))
                if row is not None:
                    same = (row.kind, row.step, row.browser_ms, row.body)
                    if same != (event.kind, event.step, event.browser_ms, event.body):
                        raise InputError(
                            f"event {event.sequence} of attempt {event.attempt} is kept with other words; events are "
                            "only added, never changed"
                        )
                    continue
                new += 1
                db.add(
                    _StudyEventRow(
                        participant_id=who.participant_id,
                        attempt=event.attempt,
                        sequence=event.sequence,
                        kind=event.kind,
                        step=event.step,
                        browser_ms=event.browser_ms,
                        received_s=received_s,
                        body=event.body,
                    )
                )
            db.commit()
        return new

    def events(self, participant: str) -> list[StoredEvent]:
        """Someone's events in order."""
        with self._store.database.reading() as db:
            found = sa.select(_StudyEventRow).where(_StudyEventRow.participant_id == participant)
            rows = db.scalars(found.order_by(_StudyEventRow.attempt, _StudyEventRow.sequence))
            return [
                StoredEvent(row.attempt, row.sequence, row.kind, row.step, row.browser_ms, row.body, row.received_s)
                for row in rows
            ]

    def progress(self, participant: str) -> Progress:
        """How far somebody is."""
        theirs = _StudyEventRow.participant_id == participant
        onsets = theirs & (_StudyEventRow.kind == "onset")
        last = (_StudyEventRow.attempt.desc(), _StudyEventRow.sequence.desc())
        with self._store.database.reading() as db:
            count, received_s = db.execute(
                sa.select(sa.func.count(), sa.func.max(_StudyEventRow.received_s)).where(theirs)
            ).one()
            step = db.scalar(sa.select(_StudyEventRow.step).where(onsets).order_by(*last).limit(1))
            recorded = db.scalar(
                sa.select(sa.func.sum(_StudyChunkRow.length)).where(_StudyChunkRow.participant_id == participant)
            )
        return Progress(count, step or 0, received_s or 0.0, recorded or 0)

    def check_recording(self, participant: str, attempt: int) -> StoredParticipant:
        """Whether someone may send a part of a recording.

        Raises:
            InputError: no consent to recording is on file, or the participant has not started.
        """
        with self._store.database.reading() as db:
            who = self._sender(db, participant, [attempt])
            if not who.records:
                raise InputError("expected a participant who agreed to be recorded; no such consent is on file")
            return _participant(who)

    def add_chunk(self, participant: str, chunk: StoredChunk, received_s: float) -> None:
        """Keep that a part of a recording is on the disk."""
        self.check_recording(participant, chunk.attempt)
        with self._store.database.writing() as db:
            db.add(
                _StudyChunkRow(
                    participant_id=participant,
                    attempt=chunk.attempt,
                    step=chunk.step,
                    part=chunk.part,
                    sha256=chunk.sha256,
                    length=chunk.length,
                    received_s=received_s,
                )
            )
            db.commit()

    def chunks(self, participant: str) -> list[StoredChunk]:
        """The parts of someone's recordings, in order."""
        with self._store.database.reading() as db:
            found = sa.select(_StudyChunkRow).where(_StudyChunkRow.participant_id == participant)
            return sorted(StoredChunk(r.attempt, r.step, r.part, r.sha256, r.length) for r in db.scalars(found))

    def add_export(self, session: str, folder: str, now: dt.datetime) -> None:
        """Keep where a study was exported to, so that an erasure finds it."""
        with self._store.database.writing() as db:
            known(db, _StudyRow, session)
            db.merge(_StudyExportRow(session_id=session, folder=folder, made=utc(now)))
            db.commit()

    def exports(self, session: str) -> list[str]:
        """The folders to which a study was exported."""
        with self._store.database.reading() as db:
            found = sa.select(_StudyExportRow.folder).where(_StudyExportRow.session_id == session)
            return list(db.scalars(found.order_by(_StudyExportRow.folder)))

    def _sender(self, db: Session, participant: str, attempts: Sequence[int]) -> _StudyParticipantRow:
        who = known(db, _StudyParticipantRow, participant)
        if not _stands(db, participant):
            raise InputError("expected a consent that stands, and there is none on file")
        if who.state not in SENDING or any(not 1 <= attempt <= who.attempt for attempt in attempts):
            raise InputError("expected a participant who has started; start the session first")
        return who


def _stands(db: Session, participant: str) -> bool:
    standing = (ReceiptRow.participant_id == participant) & ReceiptRow.withdrawn.is_(None)
    agreed = standing & (ReceiptRow.document == "consent")
    return db.scalar(sa.select(ReceiptRow.id).where(agreed).limit(1)) is not None


def _study(row: _StudyRow) -> StoredStudy:
    return StoredStudy(row.session_id, row.protocol_sha256, row.name, row.protocol, row.next_number)


def _participant(row: _StudyParticipantRow) -> StoredParticipant:
    state: State = row.state  # type: ignore[assignment]  # written from State alone
    return StoredParticipant(row.participant_id, row.session_id, row.number, row.name, state, row.records, row.attempt)
