"""Limits: so many a minute, so many at a time, and what counts as one address."""

from __future__ import annotations

import pytest

from classmood.server.limits import MOST_REFUSED, Sockets, StudentLimits, Tries, neighbourhood


def tried(tries: Tries, address: str, time_s: float) -> bool:
    allowed = tries.allow(address, time_s)
    if allowed:
        tries.note(address, time_s)
    return allowed


def test_an_address_has_so_many_tries_a_minute() -> None:
    tries = Tries(3, 100)
    assert [tried(tries, "10.0.0.1", s) for s in (0, 1, 2, 3, 59.9, 60, 60.5, 61)] == [
        *(True, True, True, False, False, True, False, True)
    ]
    assert tried(tries, "10.0.0.2", 2.5), "others have their own"


def test_all_together_have_so_many() -> None:
    tries = Tries(3, 5)
    assert [tried(tries, f"10.0.0.{n}", 1.0) for n in range(7)] == [True] * 5 + [False] * 2
    assert tried(tries, "10.0.0.9", 61.0)


def test_what_is_over_is_forgotten() -> None:
    tries = Tries(3, 50)
    for n in range(50):
        tried(tries, f"10.0.0.{n}", 0.0)
    tries.allow("10.0.1.1", 60.0)
    assert not tries._seen
    assert not tries._counts


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("testclient", "testclient", True),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, same: bool) -> None:
    assert (neighbourhood(one) == neighbourhood(other)) is same


def test_connections_are_counted_by_address_and_in_all() -> None:
    sockets = Sockets(2, 3)
    assert [sockets.take(a) for a in ("a", "a", "a", "b", "c")] == [True, True, False, True, False]
    sockets.give("a")
    assert sockets.take("c")
    for place in ("a", "b", "c"):
        sockets.give(place)
    assert not sockets._counts


def test_readings_and_presses_share_a_second_and_pauses_do_not_wait() -> None:
    limits = StudentLimits()
    assert limits.allows("reading", 0.0)
    assert not limits.allows("press", 0.5)
    assert limits.allows("pause", 0.5)
    assert not limits.allows("pause", 0.6)
    assert limits.allows("leave", 0.6)
    assert limits.allows("press", 1.0)


def test_ten_refused_in_a_row_are_too_many_and_a_good_one_begins_anew() -> None:
    limits = StudentLimits()
    assert not any(limits.refused() for _ in range(MOST_REFUSED - 1))
    limits.taken()
    assert [limits.refused() for _ in range(MOST_REFUSED)] == [False] * (MOST_REFUSED - 1) + [True]
