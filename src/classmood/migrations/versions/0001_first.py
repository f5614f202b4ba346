"""The first schema: sessions, marks, releases, nudges, participants, receipts and research rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _of(
    table: str, column: str, kind: sa.types.TypeEngine[str] | None = None, *, index: bool = False
) -> sa.Column[str]:
    target = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(column, kind or sa.String(32), target, nullable=False, index=index)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "session",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("profile", sa.String(32), nullable=False),
        sa.Column("opened", sa.DateTime(), nullable=False),
        sa.Column("closed", sa.DateTime()),
        sa.Column("keep_until", sa.Date(), nullable=False),
        sa.Column("class_size", sa.Integer()),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "mark",
        sa.Column("id", sa.Integer(), primary_key=True),
        _of("session", "session_id", index=True),
        sa.Column("time_s", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
    )
    op.create_table(
        "released",
        _of("session", "session_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("time_s", sa.Double(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "number"),
    )
    op.create_table(
        "nudge",
        _of("session", "session_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("time_s", sa.Double(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("usefulness", sa.String(16)),
        sa.PrimaryKeyConstraint("session_id", "number"),
    )
    op.create_table(
        "participant",
        sa.Column("id", sa.String(32), primary_key=True),
        _of("session", "session_id", index=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "receipt",
        sa.Column("id", sa.String(32), primary_key=True),
        _of("participant", "participant_id", index=True),
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("given", sa.DateTime(), nullable=False),
        sa.Column("withdrawn", sa.DateTime()),
    )
    op.create_table(
        "research_row",
        sa.Column("id", sa.Integer(), primary_key=True),
        _of("participant", "participant_id", index=True),
        sa.Column("time_s", sa.Double(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_table("chore", sa.Column("name", sa.String(32), primary_key=True))
