"""The figures of the report that show emotions: climate, intensities, planes; each with its numbers as text.

Curves where there is time, bars side by side for several sources, plain bars for a single instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from classmood.climate import persons
from classmood.emotions import CLASSROOM_CLASSES, DIMENSIONS, EMOTIONS, NEUTRAL
from classmood.report import figures
from classmood.report.figures import Axis, Scale, clock, number, percent
from classmood.report.planes import FEWEST_FOR_A_CLOUD, FEWEST_FOR_AN_ELLIPSE, SHARES, plane
from classmood.report.view import TOO_FEW, View, full_name, named, section

AS_NUMBERS: Final = "The same as numbers"
_CEILINGS: Final = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
_SHARES: Final = Scale(0.0, 1.0, tuple((k / 4, percent(k / 4)) for k in range(5)))
_BOTH_WAYS: Final = Scale(-1.0, 1.0, ((-1.0, "−1"), (0.0, "0"), (1.0, "+1")))


def climate_section(view: View) -> str:
    """Shares of the measured emotions: stacked over time or by source, plain bars for a single instant."""
    if view.still:
        return _climate_bars(view)
    windows, axis = view.windows, view.axis
    marks = [axis.place(change.time_s) for change in view.moments]
    top = np.zeros(len(windows))
    shapes, words = [], []
    for name in view.measured:
        low, top = top, top + windows.of(name)
        shapes.append(figures.area(axis, _SHARES, low, top, f"c-{name}"))
        size = (0.012 * len(name) + 0.02, 0.075)
        if axis.joined and (at := figures.widest(axis, low, top, _SHARES, size=size, avoid=marks)):
            words.append(figures.label(*at, name, f"tag c-{name}"))
    shapes += [figures.upright(axis, change.time_s, "moment") for change in view.moments]
    words += [figures.label(place, 1.065, str(n), "pin") for n, place in enumerate(marks, 1)]
    averages = {name: percent(view.overall(name)) for name in view.measured}
    heading = "Class climate over time" if axis.joined else "Class climate by source"
    chart = figures.chart(
        "climate-chart",
        heading,
        "Stacked shares. On average " + ", ".join(f"{full_name(name)} {text}" for name, text in averages.items()) + ".",
        axis,
        _SHARES,
        shapes,
        over=figures.hatching(axis, windows.coverage < TOO_FEW) + "".join(words),
        kind="pinned" if marks else "",
    )
    key = "".join(
        f'<li><span class="swatch c-{name}"></span>{named(name)} <span class="term">{averages[name]}</span></li>'
        for name in reversed(view.measured)
    )
    caption = (
        "How the expressions of the readable faces divide, each person counted once. Read “joy 20\u00a0%” as: a viewer "
        "would see an expression resembling joy with a chance of 20\u00a0%, on average over the class."
    )
    if not axis.joined:
        caption += " Sources have the numbers of the table below."
    if (windows.coverage < TOO_FEW).any():
        caption += " Hatched: fewer than half of the faces could be read."
    header = [view.along, *(full_name(name) for name in view.measured), "persons"]
    rows = [
        [view.where(k), *(percent(view.rows.of(name)[k]) for name in view.measured), str(view.rows.people[k])]
        for k in view.listed()
    ]
    body = f'<ul class="key" aria-label="colours">{key}</ul>{chart}{figures.table(AS_NUMBERS, header, rows)}'
    return section("climate", heading, caption, body)


def intensities(view: View) -> str:
    """A curve an emotion with its 95% interval, the derived ones marked, then the three dimensions."""
    if view.still:
        return ""
    axis = view.axis
    names = (*(n for n in EMOTIONS if n not in view.derived), *view.derived, "intensity", *DIMENSIONS)
    highest = max(_highest(view, name) for name in names if name not in DIMENSIONS)
    ceiling = next((c for c in _CEILINGS if c >= highest), 1.0)
    scale = Scale(0.0, ceiling, tuple((v, f"{v:g}") for v in (0.0, ceiling / 2, ceiling)))
    panels = [_panel(view, axis, name, _BOTH_WAYS if name in DIMENSIONS else scale) for name in names]
    header = [view.along, *(full_name(name) + _star(name, view) for name in names)]
    rows = [
        [view.where(k), *(_give(view.rows.of(n)[k], view.rows.error_of(n)[k], signed=n in DIMENSIONS) for n in names)]
        for k in view.listed()
    ]
    caption = "The class mean of each emotion and of their overall intensity, 0 to 1, and of the dimensions, −1 to 1."
    if axis.joined:
        caption += (
            " The band is the 95\u00a0% interval over persons: how far the mean would move with other persons like "
            "these. It does not hold the model’s own errors."
        )
    if view.derived:
        caption += (
            f" {listed(view.derived).capitalize()} are not measured: they are derived from the dimensions and "
            "unvalidated. No accuracy is claimed for arousal."
        )
    body = f'<div class="panels">{"".join(panels)}</div>{figures.table(AS_NUMBERS, header, rows)}'
    return section("intensities", "Intensity of each emotion", caption, body)


def planes_section(view: View) -> str:
    """The paper's two planes."""
    timeline, windows = view.timeline, view.windows
    people = len(np.unique(persons(timeline)[~timeline.not_sure]))
    reachable = bool(view.derived)
    drawn = "".join(
        f"<div>{plane(timeline, windows, upward, f'plane-{upward}', reachable=reachable)}</div>"
        for upward in ("arousal", "dominance")
    )
    caption = ["Where the class was between unpleasant and pleasant, calm and excited, led and in control."]
    if people >= FEWEST_FOR_A_CLOUD:
        half, most = (percent(share) for share in SHARES)
        caption.append(
            f"The darker cloud holds {half} of the readings, the lighter {most}, every person with the same weight."
        )
    else:
        caption.append(f"No cloud is drawn for fewer than {FEWEST_FOR_A_CLOUD} persons: it would show each of them.")
    caption.append(
        "The cross is the mean"
        + (", the dashed ellipse one standard deviation." if people >= FEWEST_FOR_AN_ELLIPSE else ".")
    )
    if windows.over_time and not view.still:
        caption.append("The line is the way of the class mean, from the open dot on, with times where there is room.")
    caption.append("Named points are where Russell and Mehrabian (1977) placed these words.")
    if reachable:
        caption.append("This model’s readings lie inside the dotted outline, as they are averages of points on it.")
    names = ("valence", "arousal", "dominance")
    header = [view.along, *(f"{full_name(n)}: mean" for n in names), *(f"{n}: deviation" for n in names)]
    rows = [
        [
            view.where(k),
            *(number(view.rows.of(n)[k], signed=True) for n in names),
            *(number(view.rows.spread_of(n)[k]) for n in names),
        ]
        for k in view.listed()
    ]
    body = f'<div class="planes">{drawn}</div>{figures.table(AS_NUMBERS, header, rows)}'
    return section("planes", "Where the class was: two planes", " ".join(caption), body)


def _climate_bars(view: View) -> str:
    bars, rows = [], []
    for name in (NEUTRAL, *EMOTIONS):
        share, error = (float(values[0]) for values in (view.windows.of(name), view.windows.error_of(name)))
        text = number(share) if name in view.derived else percent(share)
        interval, given = "", "–"
        if error >= 0:
            low, high = max(share - error, 0.0), min(share + error, 1.0)
            interval = f'<span class="range" style="left:{100 * low:.4g}%;width:{100 * (high - low):.4g}%"></span>'
            given = f"{number(low)} to {number(high)}"
        bars.append(
            f'<span>{named(name)} {_mark(name, view)}</span><span class="track c-{name}"><span class="fill" '
            f'style="width:{100 * share:.4g}%"></span>{interval}</span><span class="value">{text}</span>'
        )
        rows.append([full_name(name) + _star(name, view), text, given])
    caption = "How the expressions of the readable faces divide; the measured ones sum to 100\u00a0%."
    if int(view.windows.people[0]) > 1:
        caption += " The thin line is the 95\u00a0% interval of the mean over these persons."
    header = ["emotion", "mean", "95\u00a0% interval"]
    body = f'<div class="bars" aria-hidden="true">{"".join(bars)}</div>{figures.table(AS_NUMBERS, header, rows)}'
    return section("climate", "Class climate", caption, body)


def _panel(view: View, axis: Axis, name: str, scale: Scale) -> str:
    windows = view.windows
    mean, error = windows.of(name), windows.error_of(name)
    style = f"c-{name}" if name in CLASSROOM_CLASSES else "c-plain"
    dash = figures.DASHES[EMOTIONS.index(name)] if name in EMOTIONS else ""
    shapes = [] if scale.low == 0 else [figures.across(scale, 0.0, "zero")]
    if axis.joined:
        shapes.append(figures.area(axis, scale, mean - error, mean + error, f"band {style}"))
        shapes.append(figures.line(axis, scale, mean, style, dash))
    else:
        shapes.append(figures.area(axis, scale, np.zeros(len(mean)), mean, style))
    signed = name in DIMENSIONS
    overall, best = number(view.overall(name), signed=signed), int(np.nanargmax(mean))
    at = clock(float(windows.start_s[best])) if windows.over_time else f"source {best + 1}"
    heading = "overall intensity" if name == "intensity" else named(name)
    chart = figures.chart(
        f"curve-{name}",
        full_name(name) + (" over time" if axis.joined else " by source"),
        f"Mean {overall}; highest {number(float(mean[best]), signed=signed)} at {at}.",
        Axis(axis.start, axis.end, axis.ticks[:: max(len(axis.ticks) // 3, 1)], axis.joined),
        scale,
        shapes,
        over=figures.hatching(axis, windows.coverage < TOO_FEW),
        kind="small",
    )
    sample = figures.dash_sample(style, dash) if name in EMOTIONS and axis.joined else ""
    return (
        f'<div class="panel"><header>{sample}<h3>{heading}</h3>{_mark(name, view)}'
        f'<span class="now">mean {overall}</span></header>{chart}</div>'
    )


def _highest(view: View, name: str) -> float:
    """How high a panel must reach: for the bands too, but for those over so few persons that they fill everything."""
    mean, error = view.windows.of(name), view.windows.error_of(name)
    tops = np.where(view.windows.people >= FEWEST_FOR_A_CLOUD, np.minimum(mean + error, 1), mean)
    return float(np.nanmax(tops))


def _mark(name: str, view: View) -> str:
    return '<span class="mark">derived, unvalidated</span>' if name in view.derived else ""


def _star(name: str, view: View) -> str:
    return ", derived, unvalidated" if name in view.derived else ""


def _give(value: float, error: float, *, signed: bool) -> str:
    text = number(float(value), signed=signed)
    return f"{text} ± {number(float(error))}" if np.isfinite(error) else text


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))
