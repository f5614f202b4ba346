"""Who counts in a release: people come and go when they like, the releases notice in batches.

Two releases, one with a student and one without, would give the student away by their difference. So a join or a leave
waits until at least ``batch`` different people have changed, and then all of them count at once. Who comes back before
that has not changed. There is no timer: a batch is never forced by waiting.
"""

from __future__ import annotations


class Membership:
    """Seats of one class session. Ids are throwaway tokens; a person who comes back with the same one is the same."""

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._present: set[str] = set()
        self._counted: set[str] = set()

    @property
    def counted(self) -> frozenset[str]:
        """Whose seats count in releases, present or not."""
        return frozenset(self._counted)

    @property
    def present(self) -> frozenset[str]:
        """Who is here now, counted or not yet."""
        return frozenset(self._present)

    @property
    def sharing(self) -> int:
        """How many of the counted are still here: what decides on silence."""
        return len(self._counted & self._present)

    @property
    def pending(self) -> int:
        """How many people have changed since the last batch."""
        return len(self._counted ^ self._present)

    def join(self, student: str) -> None:
        """Someone is here."""
        self._present.add(student)

    def leave(self, student: str) -> None:
        """Someone is gone."""
        self._present.discard(student)

    def settle(self) -> bool:
        """Let the waiting changes count if there are enough; whether they do."""
        if self.pending < self._batch:
            return False
        self._counted = set(self._present)
        return True
