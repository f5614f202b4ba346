"""Figure 7: accuracy and F1 of the models on both sample sets, each with its 95 % interval."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from classmood.training.reproduction.comparison import METRICS
from classmood.training.reproduction.entrants import OURS
from classmood.training.reproduction.picture import FAINT, INK, saved_figure
from classmood.training.reproduction.table1 import Table1

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's blue and vermilion; the marks differ too.
_SETS: Final = {"1": ("#0072B2", "o", -0.14), "2": ("#D55E00", "s", 0.14)}
_PANELS: Final = (("(a) accuracy", "accuracy"), ("(b) macro F1", "macro F1"))


def draw_figure7(found: Table1, path: Path) -> None:
    """Draw both panels.

    Raises:
        OutputError: the file cannot be written, or its ending is unknown.
    """
    entrants = found.entrants
    with saved_figure(path, (7.2, 1.3 + 0.42 * len(entrants))) as figure:
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (title, metric) in zip(panels, _PANELS, strict=True):
            _panel(axes, found, METRICS.index(metric))
            axes.set_title(title, loc="left", color=INK)
            axes.set_xlabel("%", color=FAINT)
        panels[0].set_yticks(range(len(entrants)), [entrant.short for entrant in entrants])
        for label, entrant in zip(panels[0].get_yticklabels(), entrants, strict=True):
            label.set_fontweight("bold" if entrant.name == OURS else "normal")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)


def _panel(axes: Axes, found: Table1, metric: int) -> None:
    for number, faces in found.faces.items():
        colour, mark, shift = _SETS[number]
        for place, entrant in enumerate(found.entrants):
            score = found.of(entrant.name, number).scores[metric]
            y = place + shift
            axes.plot([100 * score.low, 100 * score.high], [y, y], color=colour, lw=2, solid_capstyle="butt")
            axes.plot(
                100 * score.value,
                y,
                mark,
                color=colour,
                ms=5,
                label=f"set {number}, {faces:,} faces" if place == 0 else None,
            )
            axes.annotate(
                f"{100 * score.value:.1f}",
                (100 * score.high, y),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=7,
                color=INK,
            )
    if METRICS[metric] == "accuracy":
        # One line for both sets: their commonest classes are within a point of each other.
        guess = sum(share for _, share in found.commonest.values()) / len(found.commonest)
        axes.axvline(100 * guess, color=FAINT, ls=":", lw=1, label="always the commonest class")
    axes.set(xlim=(0, 100), ylim=(len(found.entrants) - 0.45, -0.55))
    axes.grid(axis="x", alpha=0.25)
