"""The reproduction's pictures: ``classmood.picture``, which here comes with the extra [train]."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from classmood import picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK: Final = picture.INK
FAINT: Final = picture.FAINT


def saved_figure(path: Path, inches: tuple[float, float]) -> AbstractContextManager[Figure]:
    """A figure to draw into, written to ``path`` at the end; errors as in ``classmood.picture``."""
    return picture.saved_figure(path, inches, extra="train")
