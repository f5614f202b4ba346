"""What a class left on the disk before the server was killed, for it to go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from pydantic import TypeAdapter

from classmood.server.nudges import Mark, MarkKind, Nudge, Usefulness
from classmood.server.release import Release
from classmood.store import Store

_NUDGE: Final = TypeAdapter(Nudge)


@dataclass(frozen=True, slots=True)
class Past:
    """Where a class goes on; nothing has been for a new one.

    Attributes:
        elapsed_s: since the session was opened.
        first: number of the next release.
        marks, nudges: in order.
        answers: to nudges, by number.
    """

    elapsed_s: float = 0.0
    first: int = 0
    marks: Sequence[Mark] = ()
    nudges: Sequence[Nudge] = ()
    answers: Sequence[tuple[int, Usefulness]] = ()


def read_past(store: Store, session: str, elapsed_s: float) -> Past:
    """Read it.

    Args:
        store: where it is.
        session: whose.
        elapsed_s: by the wall clock; a clock that was set back does not take the class before its last release.
    """
    bodies = store.releases(session)
    last = Release.model_validate_json(bodies[-1]) if bodies else None
    nudges = store.nudges(session)
    return Past(
        elapsed_s=max(elapsed_s, last.time_s if last else 0.0),
        first=last.number + 1 if last else 0,
        marks=[Mark(mark.time_s, cast("MarkKind", mark.kind), mark.label) for mark in store.marks(session)],
        nudges=[read_nudge(nudge.body) for nudge in nudges],
        answers=[(nudge.number, cast("Usefulness", nudge.usefulness)) for nudge in nudges if nudge.usefulness],
    )


def write_nudge(nudge: Nudge) -> str:
    """A nudge as it is kept."""
    return _NUDGE.dump_json(nudge).decode()


def read_nudge(body: str) -> Nudge:
    """A nudge that was kept."""
    return _NUDGE.validate_json(body)
