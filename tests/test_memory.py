"""Freed memory goes back to the system where the C library can be told to."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import pytest

from classmood import memory

# Small blocks with a few kept at the end, so that the heap cannot shrink by itself.
PROGRAM = """
import psutil
from classmood import memory
blocks = [bytes(4000) for _ in range(25_000)]
kept = blocks[::50]
full = psutil.Process().memory_info().rss
del blocks
freed = psutil.Process().memory_info().rss
memory.give_back()
print(full - freed, freed - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(memory._trim() is None, reason="this C library has no malloc_trim")
def test_what_lies_free_between_kept_blocks_goes_back() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    by_itself, given_back = map(int, ran.stdout.split())
    assert given_back > 60e6 > by_itself


@pytest.mark.parametrize("problem", [OSError, TypeError, None])
def test_without_such_a_call_nothing_happens(monkeypatch: pytest.MonkeyPatch, problem: type[Exception] | None) -> None:
    def load(name: str | None) -> SimpleNamespace:
        if problem:
            raise problem
        return SimpleNamespace()

    memory._trim.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", load)
    memory.give_back()
    memory._trim.cache_clear()
