"""Who was seen: coverage of the class, and, only where it is asked for, a row a person."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np

from classmood.climate import persons
from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS
from classmood.report import figures
from classmood.report.figures import Html, Scale, clock, number, percent
from classmood.report.sections import AS_NUMBERS
from classmood.report.view import MOST_LISTED, View, full_name, section, several, short_name
from classmood.timeline import Timeline

_STEPS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 100_000)


def coverage_section(view: View) -> str:
    """How many faces were visible and readable, of those expected."""
    windows, expected = view.windows, view.windows.expected
    if expected:
        caption = f"How many of {several(expected, 'face')} were visible, and how many of these could be read."
    else:
        caption = "How many faces were visible, and how many of these could be read."
    caption += " A face is “not sure” where the model’s confidence is too low; it is left out of the means above."
    if expected and not view.still:
        caption += f" {expected} is the most that were seen at once, lone instants aside." if view.estimated else ""
    if not view.timeline.instants.all_known:
        caption += " Instants without a face are not in the file, so this overstates how much was seen."
    header = [view.along, "readable", "visible", *(["expected"] if expected else []), "not sure"]
    rows = [
        [
            view.where(k),
            number(view.rows.readable[k], 1),
            number(view.rows.visible[k], 1),
            *([str(expected)] if expected else []),
            percent(view.rows.not_sure[k]),
        ]
        for k in view.listed()
    ]
    table = figures.table(AS_NUMBERS, header, rows)
    if view.still:
        visible, readable = round(float(windows.visible[0])), round(float(windows.readable[0]))
        words = f"{several(visible, 'face')} found: {readable} readable, {visible - readable} not sure."
        return section("coverage", "How much was seen", caption, f"<p>{escape(words)}</p>{table}")
    return section("coverage", "How much was seen", caption, _chart(view) + table)


def people_section(timeline: Timeline, derived: Sequence[str]) -> str:
    """A row a track: only where persons are asked for."""
    who = persons(timeline)
    names = (*(name for name in CLASSROOM_CLASSES if name not in derived), *derived)
    count = int(who.max()) + 1
    rows = [
        _person(timeline, np.flatnonzero(who == person), names[: -len(derived) or None], derived)
        for person in range(min(count, MOST_LISTED))
    ]
    marked = [full_name(name) + (", derived, unvalidated" if name in derived else "") for name in names]
    header = ["track", "seen", "readable", "shares", *marked, *DIMENSIONS]
    caption = (
        "One row a track: the same face while it can be followed; whoever left and came back may have two. Means over "
        "the readable instants. One face says far less than a class: resting faces differ, and the model errs more on "
        "some people than on others. Do not grade, rank or discipline anyone by this table."
    )
    if count > MOST_LISTED:
        caption += f" The first {MOST_LISTED} of {count} are listed; all are in timeline.csv."
    return section("people", "Persons", caption, figures.table(several(count, "track"), header, rows, unfolded=True))


def _chart(view: View) -> str:
    windows, axis, expected = view.windows, view.axis, view.windows.expected
    visible, readable = windows.visible, windows.readable
    top = max(expected, int(np.ceil(np.nanmax(visible))))
    step = next(step for step in _STEPS if top / step <= 5)
    ticks = [(float(n), str(n)) for n in range(0, top + 1, step) if not expected or abs(expected - n) > 0.4 * step]
    if expected:
        ticks.append((float(expected), str(expected)))
    scale = Scale(0.0, top * 1.04, tuple(ticks))
    ground = np.where(np.isfinite(visible), 0.0, np.nan)
    shapes = [
        figures.area(axis, scale, ground, readable, "readable"),
        figures.area(axis, scale, readable, visible, "unsure"),
    ]
    key = (
        '<li><span class="swatch readable"></span>readable</li>'
        '<li><span class="swatch unsure"></span>visible, not sure</li>'
    )
    words = f"On average {number(view.average(readable), 1)} readable and {number(view.average(visible), 1)} visible"
    if expected:
        shapes.append(figures.across(scale, float(expected), "all"))
        key += f"<li>{figures.dash_sample('c-ink', '6 4')}everyone in view: {expected}</li>"
        words += f" of {expected}"
    chart = figures.chart(
        "coverage-chart", "Faces readable and visible", f"{words}.", axis, scale, shapes, kind="medium"
    )
    return f'<ul class="key" aria-label="colours">{key}</ul>{chart}'


def _person(timeline: Timeline, mine: np.ndarray, measured: Sequence[str], derived: Sequence[str]) -> list[str]:
    sure = mine[~timeline.not_sure[mine]]
    columns = timeline.numbers()

    def mean(measure: str) -> float:
        return float(columns[measure][sure].mean(dtype=np.float64)) if len(sure) else math.nan

    shares = {name: mean(name) for name in measured}
    first_s, last_s = float(timeline.time_s[mine].min()), float(timeline.time_s[mine].max())
    name = str(int(timeline.track_id[mine[0]]))
    if len(timeline.sources) > 1:
        name += f" in {short_name(timeline.sources[int(timeline.source[mine[0]])])}"
    return [
        name,
        clock(first_s) if first_s == last_s else f"{clock(first_s)}–{clock(last_s)}",
        percent(len(sure) / len(mine)),
        _bar(shares) if len(sure) else "–",
        *(percent(share) for share in shares.values()),
        *(number(mean(score)) for score in derived),
        *(number(mean(dimension), signed=True) for dimension in DIMENSIONS),
    ]


def _bar(shares: dict[str, float]) -> Html:
    """A person's measured shares side by side; the numbers follow in the row."""
    total, left, parts = sum(shares.values()), 0.0, []
    for name, share in shares.items():
        width = 100 * share / total
        parts.append(f'<rect class="c-{name}" x="{left:.1f}" width="{width:.1f}" height="10"/>')
        left += width
    return Html(
        f'<svg class="mini" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'
    )
