"""The charts of the report after class, each with its numbers as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from classmood.climate import MEASURES as CLIMATE_MEASURES
from classmood.climate import Climate
from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS, EMOTIONS, NEUTRAL
from classmood.report import figures
from classmood.report.figures import Axis, Scale, clock, number, percent
from classmood.report.planes import class_plane
from classmood.report.view import full_name, named, section, several
from classmood.server.aftermath import AFTER_S, BEFORE_S, FEWEST_FOR_AN_INTERVAL, Aftermath, aftermath
from classmood.server.lesson import Course, Lesson
from classmood.server.release import PRESSES, UNSURE

_AS_NUMBERS: Final = "The same as numbers"
_SHARES: Final = Scale(0.0, 1.0, tuple((k / 4, percent(k / 4)) for k in range(5)))
_BOTH_WAYS: Final = Scale(-1.0, 1.0, ((-1.0, "−1"), (0.0, "0"), (1.0, "+1")))
_CHANGE: Final = Scale(-0.5, 0.5, ((-0.5, "−0.5"), (0.0, "0"), (0.5, "+0.5")))
_CEILINGS: Final = (0.2, 0.4, 0.6, 0.8, 1.0)
MARK_WORDS: Final = {"slide": "slide", "question": "question", "break": "break", "text": "mark"}
_PRESS_WORDS: Final = {"confused": "confused", "slower": "slower, please", "faster": "faster, please"}
# What is followed after a mark or a nudge.
_FOLLOWED: Final = ("valence", "intensity", "joy", "confused")


def _pins(lesson: Lesson, axis: Axis) -> tuple[list[str], str]:
    """Lines for all events, and their numbers above the chart."""
    times_s = sorted([mark.time_s for mark in lesson.marks] + [nudge.time_s for nudge in lesson.suggestions])
    inside = [(n, t) for n, t in enumerate(times_s, 1) if 0 <= axis.place(t) <= 1]
    lines = [figures.upright(axis, t, "moment") for _, t in inside]
    return lines, "".join(figures.label(axis.place(t), 1.065, str(n), "pin") for n, t in inside)


def climate_section(lesson: Lesson, whole: Course, rows: Course, axis: Axis) -> str:
    """Shares of the expressions, stacked over time, with marks and nudges."""
    shown = [name for name in (*EMOTIONS, NEUTRAL) if (whole.of(name) > 0).any()]
    layers = [*((name, f"c-{name}") for name in shown), ("others", "c-plain"), (UNSURE, "unsure")]
    shapes, words = [], []
    top = np.where(np.isfinite(whole.sharing), 0.0, np.nan)
    lines, pins = _pins(lesson, axis)
    for name, style in layers:
        low, top = top, top + whole.of(name)
        shapes.append(figures.area(axis, _SHARES, low, top, style))
        size = (0.012 * len(name) + 0.02, 0.075)
        if name in shown and (at := figures.widest(axis, low, top, _SHARES, size=size, avoid=())):
            words.append(figures.label(*at, name, f"tag {style}"))
    averages = {name: percent(whole.overall(name)) for name, _ in layers}
    chart = figures.chart(
        "climate-chart",
        "Class climate over time",
        "Stacked shares. On average " + ", ".join(f"{_full(name)} {text}" for name, text in averages.items()) + ".",
        axis,
        _SHARES,
        [*shapes, *lines],
        over=figures.hatching(axis, whole.uncertain) + "".join(words) + pins,
        kind="pinned" if pins else "",
    )
    key = "".join(
        f'<li><span class="swatch {style}"></span>{_named(name)} <span class="term">{averages[name]}</span></li>'
        for name, style in reversed(layers)
    )
    caption = (
        "How the students who shared divide, each counting once. “Unsure” are unread faces, paused cameras and "
        "students who pressed nothing. “Others” are expressions of fewer than "
        f"{lesson.settings.smallest_cell:g} students each, which are not told apart. Blank: too few shared. Hatched: "
        "the noise that protects students is larger than 30\u00a0%; do not read much into those parts."
    )
    header = ["time", *(_full(name) for name, _ in layers), "sharing"]
    body = f'<ul class="key" aria-label="colours">{key}</ul>{chart}'
    lines_of_text = [
        [_when(rows, k), *(percent(float(rows.of(name)[k])) for name, _ in layers), number(float(rows.sharing[k]), 0)]
        for k in range(len(rows))
    ]
    return section(
        "climate", "Class climate over time", caption, body + figures.table(_AS_NUMBERS, header, lines_of_text)
    )


def panels_section(whole: Course, rows: Course, axis: Axis) -> str:
    """A curve for each emotion, press and dimension, with the band of the noise."""
    names = [name for name in (*EMOTIONS, *PRESSES) if (whole.of(name) > 0).any()]
    highest = max([float(np.nanmax(whole.of(name))) for name in [*names, "intensity"]], default=1.0)
    ceiling = next((c for c in _CEILINGS if c >= highest - 1e-9), 1.0)
    scale = Scale(0.0, ceiling, tuple((v, f"{v:g}") for v in (0.0, ceiling / 2, ceiling)))
    names = [*names, "intensity", *DIMENSIONS]
    panels = [_panel(whole, axis, name, _BOTH_WAYS if name in DIMENSIONS else scale) for name in names]
    header = ["time", *(_full(name) for name in names)]
    text = [[_when(rows, k), *(_give(rows, name, k) for name in names)] for k in range(len(rows))]
    caption = (
        "Shares, 0 to 1, and the dimensions, −1 to 1. The band is the 95\u00a0% interval of the noise that was added "
        "before anything was released; it holds neither the model’s errors nor who did not share. A share of 0 means "
        "that it was too small to be told. No accuracy is claimed for arousal."
    )
    body = f'<div class="panels">{"".join(panels)}</div>{figures.table(_AS_NUMBERS, header, text)}'
    return section("intensities", "Each emotion, and what was pressed", caption, body)


def _panel(whole: Course, axis: Axis, name: str, scale: Scale) -> str:
    mean, noise = whole.of(name), whole.noise_of(name)
    style = f"c-{name}" if name in CLASSROOM_CLASSES else "c-plain"
    dash = figures.DASHES[EMOTIONS.index(name)] if name in EMOTIONS else ""
    shapes = [] if scale.low == 0 else [figures.across(scale, 0.0, "zero")]
    shapes.append(figures.area(axis, scale, mean - noise, mean + noise, f"band {style}"))
    shapes.append(figures.line(axis, scale, mean, style, dash))
    signed, overall = name in DIMENSIONS, whole.overall(name)
    chart = figures.chart(
        f"curve-{name}",
        f"{_full(name)} over time",
        f"Mean {number(overall, signed=signed)}."
        + (f" Highest at {clock(float(whole.start_s[int(np.nanargmax(mean))]))}." if np.isfinite(mean).any() else ""),
        Axis(axis.start, axis.end, axis.ticks[:: max(len(axis.ticks) // 3, 1)], axis.joined),
        scale,
        shapes,
        over=figures.hatching(axis, whole.uncertain),
        kind="small",
    )
    sample = figures.dash_sample(style, dash) if name in EMOTIONS else ""
    return (
        f'<div class="panel"><header>{sample}<h3>{_named(name)}</h3>'
        f'<span class="now">mean {number(overall, signed=signed)}</span></header>{chart}</div>'
    )


def planes_section(lesson: Lesson, whole: Course) -> str:
    """The paper's two planes, of class means alone."""
    means = _as_climate(whole)
    drawn = "".join(
        f"<div>{class_plane(means, upward, f'plane-{upward}', spread)}</div>"
        for upward, spread in (("arousal", _covariance(lesson)), ("dominance", None))
    )
    caption = (
        "Where the class was between unpleasant and pleasant, calm and excited, led and in control. The cross is the "
        "mean, the dashed ellipse one standard deviation of the expressions that were released, the line the way of "
        "the class mean from the open dot on. Named points are where Russell and Mehrabian (1977) placed these words."
    )
    return section("planes", "Where the class was: two planes", caption, f'<div class="planes">{drawn}</div>')


def _covariance(lesson: Lesson) -> np.ndarray | None:
    """The mean of the released ellipses, plus how their centres moved: the spread over the whole lesson."""
    found = [
        (release.covariance, release.valence, release.arousal)
        for release in lesson.spoken
        if release.covariance is not None
    ]
    if not found:
        return None
    vv, aa, va = np.mean([one[0] for one in found], 0)
    centres = np.array([[one[1], one[2]] for one in found], np.float64)
    moved = np.cov(centres.T, ddof=0) if len(found) > 1 else np.zeros((2, 2))
    return np.array([[vv, va], [va, aa]]) + moved


def _as_climate(whole: Course) -> Climate:
    """The course of class means in the form that the planes are drawn from."""
    people = np.nan_to_num(whole.sharing).round().astype(np.int64)
    mean = np.stack([whole.of(name) for name in CLIMATE_MEASURES], 1)
    unknown = np.full_like(mean, np.nan)
    ones = np.ones(len(whole), np.int64)
    visible = np.nan_to_num(whole.sharing)
    return Climate(
        whole.start_s, whole.end_s, ones, people, visible, visible, 0, mean, unknown, unknown, over_time=True
    )


def coverage_section(lesson: Lesson, whole: Course, rows: Course, axis: Axis) -> str:
    """How many shared."""
    most = float(np.nanmax(whole.sharing))
    top = float(max(lesson.class_size or 0, most, 1.0))
    scale = Scale(0.0, top, tuple((v, f"{v:.0f}") for v in (0.0, round(top / 2), top)))
    shapes = [figures.area(axis, scale, np.zeros(len(whole)), np.nan_to_num(whole.sharing), "readable")]
    of = f" of {lesson.class_size}" if lesson.class_size else ""
    if lesson.class_size:
        shapes.append(figures.across(scale, float(lesson.class_size), "all"))
    chart = figures.chart(
        "coverage-chart",
        "How many shared",
        f"On average {number(finite_mean(whole.sharing), 1)}{of} shared.",
        axis,
        scale,
        shapes,
        kind="medium",
    )
    caption = (
        f"How many shared{of}, as of the last batch of joins and leaves. A refusal looks like an absence: nobody can "
        "see who did not share, or why."
    )
    text = [[_when(rows, k), number(float(rows.sharing[k]), 0)] for k in range(len(rows))]
    return section(
        "coverage", "How many shared", caption, chart + figures.table(_AS_NUMBERS, ["time", "sharing"], text)
    )


def followed_section(lesson: Lesson) -> str:
    """Averages around the marks of each kind, and around the nudges."""
    groups: list[tuple[str, Sequence[float]]] = [
        (f"{word}s", [m.time_s for m in lesson.marks if m.kind == kind]) for kind, word in MARK_WORDS.items()
    ]
    groups.append(("nudges", [nudge.time_s for nudge in lesson.suggestions]))
    parts, rows = [], []
    for heading, times_s in groups:
        found = [aftermath(lesson, times_s, measure) for measure in _FOLLOWED]
        for one in found:
            if one.events:
                rows.append([f"{heading}: {_full(one.measure)}", str(one.events), *_told(one)])
        # One event is not drawn: its curve would be the charts above, again.
        panels = [_aftermath_panel(heading, one) for one in found if one.events > 1 and np.isfinite(one.change).any()]
        if panels:
            title = f'<h3 class="group">After {several(found[0].events, heading[:-1])}</h3>'
            parts.append(f'{title}<div class="panels">{"".join(panels)}</div>')
    if not rows:
        return ""
    caption = (
        f"The mean change from the {BEFORE_S:.0f} s before, over the {AFTER_S:.0f} s after, of all events of a kind. "
        f"The band is the 95\u00a0% interval over events, from {FEWEST_FOR_AN_INTERVAL} on. With so few events, and "
        "with so many curves, one that stands out may do so by chance; and what follows an event need not come from it."
    )
    header = ["after", "events", "mean change", "95\u00a0% interval"]
    body = "".join(parts) + figures.table(_AS_NUMBERS, header, rows, unfolded=not parts)
    return section("aftermath", "What followed", caption, body)


def _aftermath_panel(heading: str, one: Aftermath) -> str:
    step = float(one.offset_s[1] - one.offset_s[0])
    ticks = tuple((t, "event" if t == 0 else f"{t:+.0f} s".replace("-", "−")) for t in (-BEFORE_S, 0.0, AFTER_S))
    axis = Axis(one.offset_s - step / 2, one.offset_s + step / 2, ticks, joined=True)
    style = f"c-{one.measure}" if one.measure in CLASSROOM_CLASSES else "c-plain"
    shapes = [
        figures.across(_CHANGE, 0.0, "zero"),
        figures.upright(axis, 0.0, "moment"),
        figures.area(axis, _CHANGE, one.change - one.half_width, one.change + one.half_width, f"band {style}"),
        figures.line(axis, _CHANGE, one.change, style),
    ]
    mean, interval = _told(one)
    words = f"{_full(one.measure)} around {several(one.events, heading.removesuffix('s'))}"
    chart = figures.chart(
        f"after-{heading}-{one.measure}",
        words,
        f"Mean change {mean}, interval {interval}.",
        axis,
        _CHANGE,
        shapes,
        kind="small",
    )
    return (
        f'<div class="panel"><header><h3>{_named(one.measure)}</h3><span class="now">'
        f"mean {mean}</span></header>{chart}</div>"
    )


def _told(one: Aftermath) -> tuple[str, str]:
    mean, half = one.after
    interval = f"{number(mean - half, signed=True)} to {number(mean + half, signed=True)}" if np.isfinite(half) else "–"
    return number(mean, signed=True), interval


def finite_mean(values: np.ndarray) -> float:
    """The mean of what was said; NaN where nothing was."""
    good = values[np.isfinite(values)]
    return float(good.mean()) if len(good) else float("nan")


def _when(rows: Course, k: int) -> str:
    return f"{clock(float(rows.start_s[k]))}–{clock(float(rows.end_s[k]))}"


def _give(rows: Course, name: str, k: int) -> str:
    value, noise = float(rows.of(name)[k]), float(rows.noise_of(name)[k])
    text = number(value, signed=name in DIMENSIONS)
    return f"{text} ± {number(noise)}" if np.isfinite(value) else text


def _full(name: str) -> str:
    return {"intensity": "overall intensity", **_PRESS_WORDS}.get(name) or full_name(name)


def _named(name: str) -> str:
    return {"intensity": "overall intensity", **_PRESS_WORDS}.get(name) or named(name)
