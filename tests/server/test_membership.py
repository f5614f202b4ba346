"""Membership: nobody's coming or going shows alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from classmood.server.membership import Membership

BATCH = 5


def test_the_first_count_together() -> None:
    membership = Membership(BATCH)
    for i in range(4):
        membership.join(str(i))
        membership.settle()
        assert not membership.counted
    membership.join("4")
    membership.settle()
    assert len(membership.counted) == 5


def test_a_latecomer_waits_and_a_leaver_s_seat_stays() -> None:
    membership = full(8)
    membership.join("late")
    membership.leave("0")
    assert not membership.settle()
    assert "late" not in membership.counted
    assert "0" in membership.counted
    assert (membership.sharing, membership.pending) == (7, 2)
    for i in range(1, 4):
        membership.leave(str(i))
    assert membership.settle()
    assert membership.counted == {"4", "5", "6", "7", "late"}


def test_going_and_coming_back_is_no_change() -> None:
    membership = full(8)
    for _ in range(10):
        membership.leave("0")
        membership.join("0")
    assert membership.pending == 0


def full(people: int) -> Membership:
    membership = Membership(BATCH)
    for i in range(people):
        membership.join(str(i))
    membership.settle()
    return membership


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 14), st.booleans())))
def test_counted_sets_differ_by_a_batch_or_not_at_all(moves: list[tuple[bool, int, bool]]) -> None:
    membership = Membership(BATCH)
    for joins, who, settles in moves:
        (membership.join if joins else membership.leave)(str(who))
        before = membership.counted
        if settles:
            membership.settle()
        changed = len(before ^ membership.counted)
        assert changed == 0 or changed >= BATCH
        assert membership.pending < BATCH or not settles
