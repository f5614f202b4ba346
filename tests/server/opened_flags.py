"""With which flags files are opened, as on a system that knows text from binary."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

_BINARY = 1 << 30


@contextlib.contextmanager
def all_as_binary() -> Iterator[None]:
    """Whatever is opened by descriptor within must be opened as binary, and something must be."""
    real, seen = os.open, []

    def recorded(path: str, flags: int, mode: int = 0o777) -> int:
        seen.append(flags)
        return real(path, flags & ~_BINARY, mode)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "O_BINARY", _BINARY, raising=False)
        patched.setattr(os, "open", recorded)
        yield
    assert seen
    assert all(flags & _BINARY for flags in seen)
