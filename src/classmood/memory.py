"""Memory that was freed, given back to the system.

What a large picture took is freed when it was looked at, but glibc keeps most of it for later: after a minute of a
class a hundred megabytes lay free in the process (docs/decisions/0018), and the next large picture came on top.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any


def give_back() -> None:
    """Hand back what the C library holds free, some 20 ms for 180 MB. Where it has no such call, nothing happens."""
    if trim := _trim():
        trim(0)


@cache
def _trim() -> Callable[[int], Any] | None:
    """glibc's ``malloc_trim``; other systems' libraries give memory back by themselves, or not at all."""
    try:
        found: Callable[[int], Any] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # TypeError: Windows wants a name
        return None
    return found
