"""Drawings for the report, as HTML with inline SVG: charts over time, planes, tables.

Convention: shapes live in an SVG of 1000 x 1000 that stretches to whatever width the page gives it; every word is HTML,
laid over it in percent, so that text keeps its size on a phone, can be selected and follows the reader's colours.
Strokes do not stretch (``vector-effect`` in the style sheet). Colours are classes (``c-joy``): the style sheet holds
them for light, dark and print. What comes from outside is escaped here, where it enters the HTML.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

import numpy as np
from jaxtyping import Float64

SIDE: Final = 1000
_TIME_STEPS_S: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
# Besides colour, lines differ by dash; the order is that of the emotions. Pixels on, pixels off.
DASHES: Final = ("", "9 3", "2 2", "12 3 2 3", "5 2", "14 4", "7 2 2 2", "4 3")


class Html(str):
    """Text that is HTML already and must not be escaped."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Axis:
    """The windows along a chart.

    Attributes:
        start: where each begins.
        end: where each ends.
        ticks: labelled places.
        joined: whether neighbours join into a curve, as in time; bars if not.
    """

    start: Float64[np.ndarray, " m"]
    end: Float64[np.ndarray, " m"]
    ticks: tuple[tuple[float, str], ...]
    joined: bool

    def place(self, value: float) -> float:
        """A value as a share of the width, 0 to 1."""
        first, last = float(self.start[0]), float(self.end[-1])
        return (value - first) / max(last - first, 1e-9)


@dataclass(frozen=True, slots=True)
class Scale:
    """The upright axis: its ends and its labelled places."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def place(self, value: float) -> float:
        """A value as a share of the height from below, kept within 0 to 1."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


def percent(value: float, *, digits: int = 0) -> str:
    """A share as a reader writes it; a dash where there is none."""
    if not math.isfinite(value):
        return "–"
    text = f"{100 * value:.{digits}f}"
    return "under 1\u00a0%" if text == "0" and value > 0 else f"{text}\u00a0%"


def number(value: float, digits: int = 2, *, signed: bool = False) -> str:
    """A number with a real minus sign, none for zero; a dash where there is no number."""
    if not math.isfinite(value):
        return "–"
    rounded = round(value, digits) + 0.0
    return f"{rounded:{'+' if signed and rounded else ''}.{digits}f}".replace("-", "−")


def clock(time_s: float, *, tenths: bool = False) -> str:
    """A time in a recording as players show it."""
    if tenths:
        return f"{time_s:.1f} s"
    whole = round(time_s)
    hours, minutes, seconds = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def time_axis(start: Float64[np.ndarray, " m"], end: Float64[np.ndarray, " m"], most: int = 7) -> Axis:
    """An axis of time with round labels."""
    first, last = float(start[0]), float(end[-1])
    step = next((s for s in _TIME_STEPS_S if (last - first) / s <= most), (last - first) / most)
    places = np.arange(math.ceil(first / step - 1e-9), math.floor(last / step + 1e-9) + 1) * step
    return Axis(start, end, tuple((float(p), clock(float(p), tenths=step < 1)) for p in places), joined=True)


def source_axis(start: Float64[np.ndarray, " m"], end: Float64[np.ndarray, " m"], most: int = 12) -> Axis:
    """An axis of numbered sources."""
    count = len(start)
    step = max(math.ceil(count / most), 1)
    return Axis(start, end, tuple((k + 0.5, str(k + 1)) for k in range(0, count, step)), joined=False)


def chart(
    key: str,
    title: str,
    description: str,
    axis: Axis,
    scale: Scale,
    shapes: Sequence[str],
    *,
    over: str = "",
    kind: str = "",
) -> str:
    """A chart: grid, shapes, labels beside and below it.

    Args:
        key: unique in the page.
        title: for who cannot see it.
        description: what it shows, in a sentence or two, for the same.
        axis: along.
        scale: upright.
        shapes: SVG, drawn in order.
        over: HTML laid over the shapes.
        kind: further style classes.
    """
    grid = "".join(f'<path class="grid" d="M0 {_down(scale.place(v))}H{SIDE}"/>' for v, _ in scale.ticks)
    beside = "".join(f'<span style="bottom:{100 * scale.place(v):.4g}%">{escape(t)}</span>' for v, t in scale.ticks)
    below = "".join(_below(axis.place(v), t) for v, t in axis.ticks)
    return (
        f'<div class="chart {kind}"><div class="y" aria-hidden="true">{beside}</div><div class="plot">'
        f'<svg viewBox="0 0 {SIDE} {SIDE}" preserveAspectRatio="none" role="img" aria-labelledby="{key}-t {key}-d">'
        f'<title id="{key}-t">{escape(title)}</title><desc id="{key}-d">{escape(description)}</desc>'
        f'{grid}{"".join(shapes)}</svg>{over}</div><div class="x" aria-hidden="true">{below}</div></div>'
    )


def area(axis: Axis, scale: Scale, low: np.ndarray, high: np.ndarray, style: str) -> str:
    """The area between two curves; a gap where either has no value."""
    parts = []
    for run in _runs(axis, np.isfinite(low) & np.isfinite(high)):
        x = _across(axis, run)
        upper, lower = _points(x, scale, high, run), _points(x, scale, low, run)
        parts.append(_path(upper) + "L" + _path(lower[::-1])[1:] + "z")
    return f'<path class="area {style}" d="{"".join(parts)}"/>' if parts else ""


def line(axis: Axis, scale: Scale, values: np.ndarray, style: str, dash: str = "") -> str:
    """A curve; a gap where it has no value."""
    parts = [_path(_points(_across(axis, run), scale, values, run)) for run in _runs(axis, np.isfinite(values))]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path class="line {style}"{dashes} d="{"".join(parts)}"/>' if parts else ""


def upright(axis: Axis, value: float, style: str) -> str:
    """A line from top to bottom."""
    return f'<path class="{style}" d="M{SIDE * axis.place(value):.0f} 0V{SIDE}"/>'


def across(scale: Scale, value: float, style: str) -> str:
    """A line from left to right."""
    return f'<path class="{style}" d="M0 {_down(scale.place(value))}H{SIDE}"/>'


def dash_sample(style: str, dash: str) -> str:
    """A short piece of a line, for a key."""
    path = f'<path d="M0 5H30" stroke-dasharray="{dash}"/>'
    return f'<svg class="dash {style}" viewBox="0 0 30 10" aria-hidden="true">{path}</svg>'


def hatching(axis: Axis, where: np.ndarray) -> str:
    """Hatched strips over the windows where too little was seen."""
    strips = []
    for run in _runs(axis, where):
        left, right = axis.place(float(axis.start[run[0]])), axis.place(float(axis.end[run[-1]]))
        strips.append(f'<div class="hatch" style="left:{100 * left:.4g}%;width:{100 * (right - left):.4g}%"></div>')
    return "".join(strips)


def widest(
    axis: Axis, low: np.ndarray, high: np.ndarray, scale: Scale, *, size: tuple[float, float], avoid: Sequence[float]
) -> tuple[float, float] | None:
    """The roomiest place inside a band for a label: (along, up) as shares, or None where the band is too narrow.

    Args:
        axis: along.
        low: the band's lower edge.
        high: its upper edge.
        scale: upright.
        size: of the label, along and up, as shares.
        avoid: places along that the label should not cover.
    """
    best: tuple[float, float, float] | None = None
    reach = size[0] / 2
    middle = np.array([axis.place(float(m)) for m in (axis.start + axis.end) / 2])
    for k in np.flatnonzero((middle >= reach) & (middle <= 1 - reach)):
        near = np.abs(middle - middle[k]) <= reach
        covers = any(abs(place - middle[k]) <= reach for place in avoid)
        if covers or not (np.isfinite(low[near]) & np.isfinite(high[near])).all():
            continue
        bottom, top = scale.place(float(low[near].max())), scale.place(float(high[near].min()))
        if top - bottom >= size[1] and (best is None or top - bottom > best[0]):
            best = (top - bottom, float(middle[k]), (top + bottom) / 2)
    return None if best is None else best[1:]


def label(along: float, up: float, text: str, style: str) -> str:
    """A word laid over a chart at shares of its width and height."""
    place = f"left:{100 * along:.4g}%;bottom:{100 * up:.4g}%"
    return f'<span class="{style}" style="{place}" aria-hidden="true">{escape(text)}</span>'


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, unfolded: bool = False) -> str:
    """A figure's numbers as text, folded away until asked for."""
    head = "".join(f'<th scope="col">{_cell(text)}</th>' for text in header)
    body = "".join(
        f'<tr><th scope="row">{_cell(row[0])}</th>' + "".join(f"<td>{_cell(text)}</td>" for text in row[1:]) + "</tr>"
        for row in rows
    )
    inside = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return (
        f"<details{' open' if unfolded else ''}><summary>{escape(caption)}</summary>"
        f'<div class="scroll" tabindex="0">{inside}</div></details>'
    )


def _cell(text: str) -> str:
    return text if isinstance(text, Html) else escape(text)


def _below(place: float, text: str) -> str:
    # The last label ends at the chart's edge, so that it does not reach beyond the page on a phone.
    last = ' class="last"' if place > 0.97 else ""
    return f'<span{last} style="left:{100 * place:.4g}%">{escape(text)}</span>'


def _down(up: float) -> str:
    return f"{SIDE * (1 - up):.0f}"


def _runs(axis: Axis, good: np.ndarray) -> list[np.ndarray]:
    """Unbroken stretches of windows; each for itself where windows do not join."""
    places = np.flatnonzero(good)
    if not len(places):
        return []
    if not axis.joined:
        return [places[k : k + 1] for k in range(len(places))]
    return np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)


def _across(axis: Axis, run: np.ndarray) -> list[int]:
    """Where a run's points lie: at its outer edges and in the middle of its windows; bars leave a little air."""
    first, last = axis.place(float(axis.start[run[0]])), axis.place(float(axis.end[run[-1]]))
    air = 0.0 if axis.joined else 0.12 * (last - first)
    middle = [axis.place(float(m)) for m in (axis.start[run] + axis.end[run]) / 2]
    return [round(SIDE * share) for share in (first + air, *middle, last - air)]


def _points(x: list[int], scale: Scale, values: np.ndarray, run: np.ndarray) -> list[tuple[int, int]]:
    up = [scale.place(float(v)) for v in values[run]]
    return [(a, round(SIDE * (1 - b))) for a, b in zip(x, (up[0], *up, up[-1]), strict=True)]


def _path(points: list[tuple[int, int]]) -> str:
    """Points as an SVG path; steps are relative, which is shorter."""
    text = f"M{points[0][0]} {points[0][1]}"
    for (a, b), (c, d) in pairwise(points):
        if (a, b) != (c, d):
            text += f"l{c - a} {d - b}"
    return text
