"""Figure 2: the learning effect over arousal (stimulus) and valence (response efficacy), fitted on ratings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from classmood.learning.placing import EXPLORATORY, Placed
from classmood.learning.study import StudyFit
from classmood.learning.surface import SYMBOLS, Surface, default_surface, predict
from classmood.picture import FAINT, INK, PALE, saved_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.contour import QuadContourSet

_GRID = np.linspace(0, 1, 101)
_LEVELS = np.linspace(0, 1, 11)
_POINT, _BAND, _GUESS = "#D55E00", "#0072B2", "#882255"


def draw_fit(fit: StudyFit, path: Path, placed: Sequence[Placed] = ()) -> None:
    """Draw a fitted surface from above, with a cut over arousal.

    Raises:
        MissingExtra: matplotlib is not installed.
        OutputError: the file cannot be written, or its ending is unknown.
    """
    with saved_figure(path, (8.2, 4.1)) as figure:
        above, cut = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1.15, 1]})
        image = _contours(above, fit.surface)
        bar = figure.colorbar(image, ax=above, shrink=0.85, ticks=_LEVELS[::2])
        bar.set_label("learning effect")
        jitter = np.random.default_rng(0).uniform(-0.015, 0.015, (len(fit.points), 2))
        above.plot(*(fit.points[:, 1::-1] + jitter).T, ".", color="white", ms=2.2, alpha=0.7, mew=0)
        _outside(above, fit)
        for one in placed:
            _class(above, one)
        above.set_title(f"fitted on {fit.rows} ratings of {fit.people} participants", loc="left", color=INK)
        _cut(cut, fit)
        figure.supxlabel(_caption(fit, placed), fontsize=6.5, color=FAINT, x=0.01, ha="left")


def draw_defaults(path: Path, *, difficulty: float = 0.5) -> None:
    """Draw the default surface: an assumption, not a result.

    Raises:
        MissingExtra: matplotlib is not installed.
        OutputError: the file cannot be written, or its ending is unknown.
    """
    surface = default_surface(difficulty=difficulty)
    with saved_figure(path, (4.6, 4.0)) as figure:
        axes = figure.subplots()
        image = _contours(axes, surface)
        figure.colorbar(image, ax=axes, shrink=0.85, ticks=_LEVELS[::2]).set_label("learning effect")
        axes.set_title(f"defaults, ours and not fitted (difficulty {difficulty:g})", loc="left", color=INK)


def _contours(axes: Axes, surface: Surface) -> QuadContourSet:
    valence, arousal = np.meshgrid(_GRID, _GRID)
    effect = surface.at(arousal.ravel(), valence.ravel()).reshape(valence.shape)
    image = axes.contourf(valence, arousal, np.clip(effect, 0, 1), _LEVELS, cmap="viridis")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xlabel("valence (response efficacy), rated from 0 to 1")
    axes.set_ylabel("arousal (stimulus), rated from 0 to 1")
    return image


def _outside(axes: Axes, fit: StudyFit) -> None:
    """A frame about where the data lies: beyond it the surface is a guess."""
    (left, right), (low, high) = fit.valence_inside, fit.arousal_inside
    axes.plot([left, right, right, left, left], [low, low, high, high, low], "--", color="white", lw=0.9)


def _class(axes: Axes, one: Placed) -> None:
    colour = _GUESS if one.exploratory else _POINT
    axes.plot([one.valence.low, one.valence.high], [one.arousal.value] * 2, color=colour, lw=1.4)
    axes.plot([one.valence.value] * 2, [one.arousal.low, one.arousal.high], color=colour, lw=1.4)
    axes.plot(
        one.valence.value,
        one.arousal.value,
        "o",
        color=colour,
        ms=5,
        mec="white",
        mfc="none" if one.exploratory else colour,
    )
    words = f"{one.name}: {one.effect.value:.2f} ({one.effect.low:.2f} to {one.effect.high:.2f})"
    right = one.valence.value > 0.5
    axes.annotate(
        words + ("\nexploratory" if one.exploratory else ""),
        (one.valence.value, one.arousal.value),
        (-7 if right else 7, 7),
        textcoords="offset points",
        ha="right" if right else "left",
        fontsize=7,
        color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.2},
    )


def _cut(axes: Axes, fit: StudyFit) -> None:
    """The surface over arousal at the middle and at a high observed valence, with bands."""
    middle = float(np.median(fit.points[:, 1]))
    for valence, colour, word in ((fit.valence_inside[1], _POINT, "high"), (middle, _BAND, "median")):
        means = np.stack([_GRID, np.full_like(_GRID, valence)], -1)[None]
        drawn = predict(fit.surface.form, fit.draws, means, np.zeros_like(means))[0]
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        axes.fill_between(_GRID, low, high, color=colour, alpha=0.18, lw=0)
        axes.plot(_GRID, fit.surface.at(*means[0].T), color=colour, label=f"{word} valence ({valence:.2f})")
    best = fit.parameters["best_arousal"]
    axes.axvspan(best.low, best.high, color=PALE, zorder=0)
    axes.axvline(best.value, color=FAINT, lw=0.9, ls=":")
    for edge in fit.arousal_inside:
        axes.axvline(edge, color=FAINT, lw=0.7, ls="--")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="arousal (stimulus), rated from 0 to 1", ylabel="learning effect")
    axes.legend(frameon=False, fontsize=7, loc="upper left")
    axes.set_title(
        f"{SYMBOLS['best_arousal']} = {best.value:.2f} ({best.low:.2f} to {best.high:.2f}); inverted U "
        f"{'claimed' if fit.inverted_u else 'not claimed'}",
        loc="left",
        color=INK,
    )


def _caption(fit: StudyFit, placed: Sequence[Placed]) -> str:
    error = {
        "second ratings": "The error of ratings, known from second ones, is taken out.",
        "stated": "A stated error of ratings is taken out.",
        "not corrected": "The error of ratings is not taken out: a surface of ratings, wider than that of feelings.",
    }[fit.error_from]
    lines = [
        "Dots: ratings, spread a little. Dashed: where the data lies (5 to 95 %). Bands and grey: 95 % intervals over "
        "participants.",
        error + (" Open mark: " + EXPLORATORY + "." if any(one.exploratory for one in placed) else ""),
    ]
    return "\n".join(lines)
