"""The picture of an audit: each group's rate, its interval, and the rate from which the sample shows a difference."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Final

from classmood.audit import Audit, Comparison
from classmood.errors import InputError, MissingExtra, OutputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _FAINT, _POINT, _EDGE = "#222222", "#666666", "#0072B2", "#D55E00"
_ROW_INCHES: Final = 0.3
_MORE: Final = {"higher": "higher is worse", "lower": "lower is worse"}


def require_matplotlib() -> None:
    """Ask for matplotlib before long work is done that would be lost without it.

    Raises:
        MissingExtra: it is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtra("drawing an audit", "train")


def draw_audit(result: Audit, path: Path) -> None:
    """Draw a panel for each measure and column.

    Raises:
        InputError: no comparison has a group to draw.
        OutputError: the file cannot be written, or its ending is unknown.
        MissingExtra: matplotlib is not installed.
    """
    require_matplotlib()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    drawn = [comparison for comparison in result.comparisons if comparison.groups]
    if not drawn:
        raise InputError("the audit has no group with enough persons to draw")
    measures = list(dict.fromkeys(comparison.measure for comparison in drawn))
    columns = list(dict.fromkeys(comparison.column for comparison in drawn))
    rows = [max(len(c.groups) for c in drawn if c.column == column) for column in columns]
    with mpl.rc_context({"font.size": 8, "svg.hashsalt": "classmood"}):
        figure = Figure(
            (1.2 + 3.6 * len(measures), 0.9 + sum(0.75 + _ROW_INCHES * n for n in rows)), layout="constrained"
        )
        grid = figure.subplots(
            len(columns),
            len(measures),
            squeeze=False,
            sharex="col",
            gridspec_kw={"height_ratios": [n + 2 for n in rows]},
        )
        for axes in grid.flat:
            axes.set_axis_off()
        for comparison in drawn:
            axes = grid[columns.index(comparison.column), measures.index(comparison.measure)]
            _panel(axes, comparison, result.level)
        figure.supxlabel(
            "Lines: 95 % intervals. Dotted: all groups. Triangles: where a group's rate would have had to be, to show "
            f"with a chance of {100 * result.power:.0f} %.",
            fontsize=7,
            color=_FAINT,
        )
        try:
            figure.savefig(path, dpi=150)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
        except ValueError as error:
            raise OutputError(f"{path}: expected a name ending in .svg, .pdf or .png ({error})") from error


def _panel(axes: Axes, comparison: Comparison, level: float) -> None:
    axes.set_axis_on()
    groups = comparison.groups
    side = 1 if comparison.worse == "higher" else -1
    axes.axvline(100 * comparison.rate, color=_FAINT, lw=0.9, ls=":")
    for place, group in enumerate(groups):
        axes.plot([100 * group.low, 100 * group.high], [place, place], color=_POINT, lw=1.6, solid_capstyle="round")
        axes.plot(100 * group.rate, place, "o", color=_POINT, ms=5, clip_on=False)
        if group.smallest_difference is not None:
            edge = 100 * (comparison.rate + side * group.smallest_difference)
            axes.plot(edge, place, "<" if side < 0 else ">", color=_EDGE, ms=5, mfc="none", clip_on=False)
    axes.set_yticks(range(len(groups)), [f"{group.name} ({group.persons})" for group in groups])
    axes.set(xlim=(0, 100), ylim=(len(groups) - 0.4, -0.6))
    axes.tick_params(length=0, labelbottom=True, labelcolor=_INK)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title(f"{comparison.measure}, by {comparison.column}", fontsize=8, loc="left", color=_INK)
    if len(groups) < 2:
        found = "not compared"
    elif comparison.p_corrected is None:
        found = "nothing to test"
    elif comparison.p_corrected < level:
        found = f"differs by more than chance, p = {comparison.p_corrected:.3f}"
    else:
        found = f"cannot be told from chance, p = {comparison.p_corrected:.2f}"
    axes.set_xlabel(f"% ({_MORE[comparison.worse]}); {found}", fontsize=7, color=_FAINT)
