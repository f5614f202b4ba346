"""Rows of a study that wait to be written: what consenting participants sent since the last release.

They wait by participant, and those of somebody who left meanwhile wait with the others. A disk that cannot be written
keeps them waiting, up to a bound; whoever withdraws takes theirs out.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from classmood.errors import InputError, OutputError
from classmood.server.records import Records

# That wait in one class while the disk cannot be written, shared out evenly: some 60 MB, an hour of 55 students.
_MOST_ROWS: Final = 200_000
log = logging.getLogger(__name__)


class WaitingRows:
    """The rows of one class; of the event loop alone."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._rows: dict[str, list[tuple[float, str]]] = {}
        self._writing = asyncio.Lock()

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def add(self, who: str, time_s: float, row: str) -> None:
        """Let one more wait."""
        self._rows.setdefault(who, []).append((time_s, row))

    def drop(self, who: str) -> None:
        """A participant withdrew or erased: nothing of theirs is written any more."""
        self._rows.pop(who, None)

    async def keep(self) -> None:
        """Write what waits; what cannot be written goes on waiting."""
        # Shielded: a stop breaks the release loop off, and what is just being written is to be written once.
        await asyncio.shield(self._write())

    async def keep_last(self) -> None:
        """Write what is left when no release follows; what cannot be written now is lost, and said to be."""
        await self.keep()
        if len(self):
            log.error("the last rows of a study could not be kept and are lost", extra={"rows": len(self)})

    async def _write(self) -> None:
        kind, dropped = "", 0
        async with self._writing:
            for who, rows in list(self._rows.items()):
                if self._rows.get(who) is not rows:
                    # Dropped while another's rows were written.
                    continue
                # While these are written more may come, or they may be dropped.
                taken = list(rows)
                try:
                    await self._records.do(self._records.store.add_research_rows, who, taken)
                except InputError:
                    # Withdrawn or erased in between: the rows are dropped, as asked.
                    self.drop(who)
                    continue
                except OutputError as error:
                    kind = type(error).__name__
                    over = max(len(rows) - _MOST_ROWS // max(len(self._rows), 1), 0)
                    del rows[:over]
                    dropped += over
                    continue
                del rows[: len(taken)]
                if not rows and self._rows.get(who) is rows:
                    del self._rows[who]
        if kind:
            log.error(
                "rows of a study could not be kept; they wait for the next release",
                extra={"kind": kind, "rows": len(self)},
            )
        if dropped:
            log.error("too many rows of a study wait; the oldest are lost", extra={"rows": dropped})
