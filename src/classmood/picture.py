"""What the drawn figures share: size of type, colours of ink, and how a file is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from classmood.errors import MissingExtra, OutputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK: Final = "#222222"
FAINT: Final = "#666666"
PALE: Final = "#DDDDDD"
_STYLE: Final[dict[Any, Any]] = {
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    # The same figure gives the same bytes, so that a change in a picture is a change in what it shows.
    "svg.hashsalt": "classmood",
}


@contextmanager
def saved_figure(path: Path, inches: tuple[float, float], *, extra: str = "experiment") -> Iterator[Figure]:
    """A figure to draw into, written to ``path`` at the end.

    Args:
        path: a name that ends in .png, .svg or .pdf.
        inches: width and height.
        extra: what to install where matplotlib is missing.

    Raises:
        MissingExtra: matplotlib is not installed.
        OutputError: the file cannot be written, or its ending is unknown.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("drawing figures", extra) from error
    with mpl.rc_context(_STYLE):
        figure = Figure(inches, layout="constrained")
        yield figure
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=160, metadata={"Date": None} if path.suffix == ".svg" else None)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error
        except ValueError as error:
            raise OutputError(f"{path}: expected a name ending in .svg, .pdf or .png ({error})") from error
