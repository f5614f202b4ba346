"""The tables of class sessions, as the code means them; ``classmood.migrations`` makes them, and a test compares.

Ids are random and say nothing; times of day are UTC without a zone, to the second.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from classmood.errors import MissingExtra

try:
    from sqlalchemy import ForeignKey, LargeBinary, String, Text
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
except ImportError as error:
    raise MissingExtra("keeping class sessions", "server") from error

LONGEST_LABEL: Final = 200


class Base(DeclarativeBase):
    """Root of the tables; tests hold it against what the migrations make."""


class SessionRow(Base):
    """A class session."""

    __tablename__ = "session"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    profile: Mapped[str] = mapped_column(String(32))
    opened: Mapped[dt.datetime]
    closed: Mapped[dt.datetime | None]
    keep_until: Mapped[dt.date]
    class_size: Mapped[int | None]
    salt: Mapped[bytes] = mapped_column(LargeBinary)


class MarkRow(Base):
    """A moment that the teacher marked."""

    __tablename__ = "mark"
    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"), index=True)
    time_s: Mapped[float]
    kind: Mapped[str] = mapped_column(String(16))
    label: Mapped[str] = mapped_column(String(LONGEST_LABEL))


class ReleasedRow(Base):
    """What was released."""

    __tablename__ = "released"
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time_s: Mapped[float]
    body: Mapped[str] = mapped_column(Text)


class NudgeRow(Base):
    """What the teacher was told."""

    __tablename__ = "nudge"
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time_s: Mapped[float]
    body: Mapped[str] = mapped_column(Text)
    usefulness: Mapped[str | None] = mapped_column(String(16))


class ParticipantRow(Base):
    """A pseudonym in one session."""

    __tablename__ = "participant"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"), index=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary)


class ReceiptRow(Base):
    """That someone agreed to a text."""

    __tablename__ = "receipt"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"), index=True)
    document: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(64))
    given: Mapped[dt.datetime]
    withdrawn: Mapped[dt.datetime | None]


class ResearchRow(Base):
    """One message of a consenting participant, under ``research``."""

    __tablename__ = "research_row"
    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"), index=True)
    time_s: Mapped[float]
    body: Mapped[str] = mapped_column(Text)


class ChoreRow(Base):
    """Work that must be done even if the process dies before it is."""

    __tablename__ = "chore"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
