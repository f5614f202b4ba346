"""Figure 3 with data: a session read along the four phases, and the averages about its stimuli."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import stats

from classmood.emotions import COLOURS, DERIVED, EMOTIONS
from classmood.phases.events import PAPER_TERM, PHASES, Event
from classmood.phases.locked import Answers, Locked
from classmood.phases.responses import MEASURES, PHYSICAL, Responses
from classmood.picture import FAINT, INK, PALE, saved_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHADES: Final = ("#CFE3EE", "#E4D6EA", "#DDE8D5", "#FFF3C9")
_UNITS: Final = {
    "movement": "face widths a second",
    "nearness": "height over own median, less 1",
    "missing": "share of instants",
}
_LINES: Final = {"movement": "#117733", "nearness": "#88CCEE", "missing": "#882255"}
_FEW: Final = 5


def draw_session(found: Responses, events: Sequence[Event], path: Path, *, name: str = "") -> None:
    """Draw a session: stimuli, answers, what the faces did, what they resembled.

    Raises:
        MissingExtra: matplotlib is not installed.
        OutputError: the file cannot be written, or its ending is unknown.
    """
    with saved_figure(path, (8.4, 6.6)) as figure:
        panels = figure.subplots(4, 1, sharex=True, gridspec_kw={"height_ratios": [0.8, 1, 1.1, 1.6]})
        _stimuli(panels[0], [event for event in events if event.phase == "stimulus"])
        _cognition(panels[1], [event for event in events if event.phase == "cognition"])
        _physical(panels[2], found)
        _emotion(panels[3], found, [event for event in events if event.phase == "emotion"])
        for axes, phase in zip(panels, PHASES, strict=True):
            axes.set_title(f"{PAPER_TERM[phase]} ({phase})", loc="left", color=INK, fontweight="bold")
            for event in events:
                if event.phase == "stimulus":
                    axes.axvline(event.time_s / 60, color=PALE, lw=0.7, zorder=0)
        half = found.step_s / 120
        panels[3].set(xlim=(found.time_s[0] / 60 - half, found.time_s[-1] / 60 + half), xlabel="minutes")
        figure.suptitle(
            f"{name + ': ' if name else ''}mean over the persons in view, band: 95 % interval; grey: stimuli. "
            "What comes after need not come from it.",
            fontsize=7,
            color=FAINT,
            x=0.01,
            ha="left",
        )


def draw_locked(locked: Locked, answers: Answers, path: Path, *, label: str = "stimulus") -> None:
    """Draw the averages about the onsets: physical response, dimensions, emotions, answers.

    Raises:
        MissingExtra: matplotlib is not installed.
        OutputError: the file cannot be written, or its ending is unknown.
    """
    with saved_figure(path, (8.4, 5.2)) as figure:
        panels = figure.subplots(2, 3, sharex=True)
        for axes, measure in zip(panels.flat, ("movement", "missing", "valence", "arousal"), strict=False):
            _course(axes, locked, measure, _LINES.get(measure, "#0072B2"))
            axes.set_title(f"{measure}{_star(locked, measure)}", loc="left", color=INK)
        emotions = panels[1, 1]
        shown = [m for m in EMOTIONS if m not in DERIVED]
        rows = [locked.mean[MEASURES.index(m)] for m in shown]
        greatest = sorted(range(len(shown)), key=lambda i: -_size(rows[i]))[:3]
        for i in greatest:
            _course(emotions, locked, shown[i], COLOURS[shown[i]], label=shown[i] + _star(locked, shown[i]))
        emotions.legend(frameon=False, fontsize=6.5)
        emotions.set_title("the three expressions that change most", loc="left", color=INK)
        last = panels[1, 2]
        width = answers.lags_s[1] - answers.lags_s[0] if len(answers.lags_s) > 1 else 1.0
        last.bar(answers.lags_s, answers.count, width=0.9 * width, color="#E4D6EA", label="answers")
        last.bar(
            answers.lags_s,
            np.nan_to_num(answers.right) * answers.count,
            width=0.9 * width,
            color="#7B5A8C",
            label="right",
        )
        last.legend(frameon=False, fontsize=6.5)
        last.set_title("answers and scores", loc="left", color=INK)
        for axes in panels[1]:
            axes.set_xlabel(f"seconds from the {label}")
        people = locked.people.max()
        figure.supxlabel(
            f"{locked.events} times, up to {people} persons; change from before the onset, 95 % intervals over "
            "persons.\n*: something happened after it (p < 0.05 over all steps, corrected over measures).",
            fontsize=7,
            color=FAINT,
            x=0.01,
            ha="left",
        )


def _stimuli(axes: Axes, events: Sequence[Event]) -> None:
    rows: list[float] = []
    for event in events:
        start, end = event.time_s / 60, (event.time_s + event.duration_s) / 60
        row = next((i for i, free in enumerate(rows) if free <= start), len(rows))
        rows[row : row + 1] = [max(end, start + 1e-9)]
        if event.duration_s:
            axes.barh(row, end - start, left=start, height=0.8, color=_SHADES[0], edgecolor="white")
        else:
            axes.plot(start, row, "v", color="#0072B2", ms=4)
        axes.annotate(
            event.label or event.kind,
            (start, row),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=6.5,
            clip_on=True,
        )
    axes.set(ylim=(max(len(rows), 1) - 0.5, -0.5), yticks=[])
    axes.spines[["left"]].set_visible(False)
    if not events:
        _nothing(axes)


def _cognition(axes: Axes, events: Sequence[Event]) -> None:
    valued = [(event.time_s / 60, event.value) for event in events if event.value is not None]
    if not events:
        _nothing(axes)
    jitter = np.random.default_rng(0).uniform(-0.06, 0.06, len(valued))
    heights = [value + j for (_, value), j in zip(valued, jitter, strict=True)]
    axes.plot([at for at, _ in valued], heights, "o", color="#7B5A8C", ms=3.5, alpha=0.6, mew=0)
    for event in events:
        if event.value is None:
            axes.axvline(event.time_s / 60, color="#7B5A8C", lw=0.8, ls=":")
    axes.set(ylim=(-0.15, 1.15), yticks=[0, 1])
    axes.set_yticklabels(["wrong", "right"])


def _physical(axes: Axes, found: Responses) -> None:
    for measure in PHYSICAL:
        _line(axes, found, measure, _LINES[measure], f"{measure} ({_UNITS[measure]})")
    axes.axhline(0, color=PALE, lw=0.7, zorder=0)
    axes.legend(frameon=False, fontsize=6.5, ncols=3, loc="upper left")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.25 * (high - low))


def _emotion(axes: Axes, found: Responses, reported: Sequence[Event]) -> None:
    for measure, colour in (("valence", "#0072B2"), ("arousal", "#D55E00")):
        _line(axes, found, measure, colour, f"{measure}, recognised")
    for event in reported:
        axes.plot([event.time_s / 60], [event.value or 0.0], "D", color="#0072B2", ms=4.5, mfc="white", zorder=4)
    if reported:
        axes.plot([], [], "D", color="#0072B2", ms=4.5, mfc="white", label="valence, reported")
    leading = [e for e in EMOTIONS if e not in DERIVED]
    courses = [_class_mean(found.of(name))[0] for name in leading]
    greatest = sorted(range(len(leading)), key=lambda i: -float(np.nanstd(courses[i])))[:2]
    for i in greatest:
        axes.plot(
            found.time_s / 60, courses[i], color=COLOURS[leading[i]], lw=1, ls="--", label=f"resembling {leading[i]}"
        )
    axes.axhline(0, color=PALE, lw=0.7, zorder=0)
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, -1), high + 0.2 * (high - low))
    axes.legend(frameon=False, fontsize=6.5, ncols=5, loc="upper left")


def _line(axes: Axes, found: Responses, measure: str, colour: str, label: str) -> None:
    mean, half, people = _class_mean(found.of(measure))
    axes.plot(found.time_s / 60, mean, color=colour, lw=1.2, label=label)
    band = np.where(people >= _FEW, half, np.nan)
    axes.fill_between(found.time_s / 60, mean - band, mean + band, color=colour, alpha=0.15, lw=0)


def _class_mean(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over persons, half its interval, and how many there are, in each step."""
    people = np.isfinite(values).sum(0)
    total = np.nansum(values, 0)
    mean = np.divide(total, people, out=np.full(people.shape, np.nan), where=people > 0)
    freedom = np.where(people > 1, people - 1, np.nan)
    spread = np.sqrt(np.nansum(np.square(values - mean), 0) / freedom)
    return mean, stats.t.isf(0.025, freedom) * spread / np.sqrt(np.maximum(people, 1)), people


def _course(axes: Axes, locked: Locked, measure: str, colour: str, label: str | None = None) -> None:
    i = MEASURES.index(measure)
    axes.axvline(0, color=FAINT, lw=0.8, ls=":")
    axes.axhline(0, color=PALE, lw=0.7, zorder=0)
    axes.plot(locked.lags_s, locked.mean[i], color=colour, lw=1.3, label=label)
    axes.fill_between(locked.lags_s, locked.low[i], locked.high[i], color=colour, alpha=0.18, lw=0)


def _star(locked: Locked, measure: str) -> str:
    return " *" if locked.p_values[MEASURES.index(measure)] < 0.05 else ""


def _size(course: np.ndarray) -> float:
    return float(np.nanmax(np.abs(course))) if np.isfinite(course).any() else 0.0


def _nothing(axes: Axes) -> None:
    axes.text(
        0.5, 0.5, "none in the events file", transform=axes.transAxes, ha="center", va="center", color=FAINT, fontsize=7
    )
