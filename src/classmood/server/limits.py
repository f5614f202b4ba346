"""How much one address, and all together, may ask for. Addresses stay in memory for a minute and are never logged."""

from __future__ import annotations

import ipaddress
from collections import Counter, deque
from typing import Final

from classmood.server.messages import RateLimit

MINUTE_S: Final = 60.0
MOST_REFUSED: Final = 10


def neighbourhood(address: str) -> str:
    """What counts as one address: an IPv6 network gives each of its machines millions of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(found)


class Tries:
    """At most so many in a minute from one address, and in all. Memory is bounded by the second."""

    def __init__(self, per_address: int, in_all: int) -> None:
        self._per_address = per_address
        self._in_all = in_all
        self._seen: deque[tuple[float, str]] = deque()
        self._counts: Counter[str] = Counter()

    def allow(self, address: str, time_s: float) -> bool:
        """Whether another try may be made now."""
        while self._seen and time_s - self._seen[0][0] >= MINUTE_S:
            _, gone = self._seen.popleft()
            self._counts[gone] -= 1
            if not self._counts[gone]:
                del self._counts[gone]
        return len(self._seen) < self._in_all and self._counts[neighbourhood(address)] < self._per_address

    def note(self, address: str, time_s: float) -> None:
        """Count one."""
        place = neighbourhood(address)
        self._seen.append((time_s, place))
        self._counts[place] += 1


class Sockets:
    """How many connections stand."""

    def __init__(self, per_address: int, in_all: int) -> None:
        self._per_address = per_address
        self._in_all = in_all
        self._counts: Counter[str] = Counter()

    def take(self, address: str) -> bool:
        """Count one more, if there is room for it."""
        place = neighbourhood(address)
        if self._counts[place] >= self._per_address or self._counts.total() >= self._in_all:
            return False
        self._counts[place] += 1
        return True

    def give(self, address: str) -> None:
        """One less."""
        place = neighbourhood(address)
        self._counts[place] -= 1
        if self._counts[place] <= 0:
            del self._counts[place]


class StudentLimits:
    """One student's messages: a reading or press a second, a pause a second, and ten refused in a row at most.

    A pause has a limit of its own, since whoever wants to stop must not have to wait.
    """

    def __init__(self) -> None:
        self._showing = RateLimit()
        self._pausing = RateLimit()
        self._refused = 0

    def allows(self, kind: str, time_s: float) -> bool:
        """Whether a message of this type may be taken now."""
        return kind == "leave" or (self._pausing if kind == "pause" else self._showing).allows(time_s)

    def taken(self) -> None:
        """A message was good."""
        self._refused = 0

    def refused(self) -> bool:
        """A message was refused; whether it was one too many."""
        self._refused += 1
        return self._refused >= MOST_REFUSED
