"""The scheme of an experiment as a picture (the paper's Figure 6): the session, one scenario, the orders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from classmood.emotions import COLOURS, STANDARD_TERM
from classmood.experiment.order import latin_square
from classmood.experiment.protocol import Protocol
from classmood.experiment.schedule import Schedule, schedule
from classmood.picture import FAINT, INK, PALE, saved_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FILL: Final = {
    "baseline": "#BBBBBB",
    "class": "#CFE3EE",
    "rest": "#F4F4F4",
    "page": "#FFF3C9",
    "debrief": "#DDE8D5",
    "repair": "#B9D8A4",
}
_SHORT: Final = {
    "sam": "valence, arousal,\ndominance",
    "sam-again": "valence, arousal\nagain",
    "emotion": "which emotion,\nhow strong",
    "aspects": "six aspects of\nlearning",
    "score": "task",
}
# More orders than these are told in words.
_MOST_ROWS: Final = 16
# Narrower blocks have their name outside, seconds as a share of the session.
_NARROW: Final = 0.045


def draw_protocol(protocol: Protocol, path: Path) -> None:
    """Draw a protocol.

    Raises:
        MissingExtra: matplotlib is not installed.
        OutputError: the file cannot be written, or its ending is unknown.
    """
    first = schedule(protocol, 1)
    orders = _orders(protocol)
    tall = 3.6 + 0.2 * len(orders)
    with saved_figure(path, (8.4, tall)) as figure:
        session, scenario, square = figure.subplots(
            3, 1, gridspec_kw={"height_ratios": [1.5, 1.0, 0.35 + 0.2 * len(orders)]}
        )
        _session(session, protocol, first)
        _scenario(scenario, protocol)
        _square(square, protocol, orders)


def _session(axes: Axes, protocol: Protocol, first: Schedule) -> None:
    total_min = first.total_s / 60
    above = 0
    for phase in protocol.phases:
        steps = [step for step in first.steps if step.phase == phase.id]
        start, end = steps[0].start_s / 60, steps[-1].end_s / 60
        for step in steps:
            fill = COLOURS[step.evokes] if step.kind == "stimulus" else _FILL.get(step.kind, "white")
            axes.barh(
                0, step.duration_s / 60, left=step.start_s / 60, height=0.8, color=fill, edgecolor="white", lw=0.4
            )
            if step.kind == "stimulus" and step.duration_s / 60 > 0.03 * total_min:
                axes.text(
                    (step.start_s + step.duration_s / 2) / 60,
                    0,
                    step.evokes,
                    rotation=90,
                    ha="center",
                    va="center",
                    fontsize=6,
                    color=_ink_on(fill),
                )
        words = f"{phase.kind}\n{_duration(steps[-1].end_s - steps[0].start_s)}"
        if end - start > _NARROW * total_min and phase.kind != "scenarios":
            axes.text((start + end) / 2, 0, words, ha="center", va="center", color=INK, fontsize=7)
            continue
        if phase.kind == "scenarios":
            words = f"{len(phase.scenarios)} scenarios, {_duration(steps[-1].end_s - steps[0].start_s)}"
        # Two heights in turn, so that neighbours do not write over one another.
        height = 0.75 + (0.62 * (above % 2) if phase.kind != "scenarios" else 0)
        above += phase.kind != "scenarios"
        middle = (start + end) / 2
        side = "left" if middle < 0.03 * total_min else "right" if middle > 0.9 * total_min else "center"
        axes.annotate(
            words.replace("\n", ", "),
            (middle, 0.4),
            (start if side == "left" else middle, height),
            ha=side,
            va="center",
            fontsize=7,
            color=INK,
            arrowprops={
                "arrowstyle": "-",
                "color": FAINT,
                "lw": 0.6,
                "relpos": ({"left": 0, "right": 1}.get(side, 0.5), 0),
            },
        )
    axes.set(xlim=(0, total_min), ylim=(-0.45, 1.7), yticks=[], xlabel="minutes")
    axes.spines[["left"]].set_visible(False)
    axes.set_title(
        f"{protocol.protocol.title}: {_duration(first.total_s)}, as the first participant meets it", loc="left"
    )


def _scenario(axes: Axes, protocol: Protocol) -> None:
    longest = max(protocol.scenarios, key=protocol.scenario_s)
    pages = [protocol.page(name) for name in longest.pages]
    parts: list[tuple[float, str, str]] = [
        (longest.duration_s, COLOURS[longest.evokes], f"stimulus\n{_duration(longest.duration_s)}")
    ]
    parts += [(page.duration_s, _FILL["page"], f"{_SHORT[page.kind]}\n{_duration(page.duration_s)}") for page in pages]
    if longest.rest_s:
        parts.append((longest.rest_s, _FILL["rest"], f"rest\n{_duration(longest.rest_s)}"))
    # Not to scale: a page of ten seconds would have no room for its name.
    left = 0.0
    for place, (_, fill, words) in enumerate(parts):
        width = 1.5 if place == 0 else 1.0
        axes.barh(0, width, left=left, height=0.8, color=fill, edgecolor=PALE, lw=0.8)
        colour = _ink_on(fill)
        axes.text(left + width / 2, 0, words, ha="center", va="center", fontsize=7, color=colour)
        left += width
    axes.set(xlim=(0, left), ylim=(-0.45, 0.45), xticks=[], yticks=[])
    axes.spines[["left", "bottom"]].set_visible(False)
    others = {protocol.scenario_s(one) for one in protocol.scenarios}
    same = "each scenario" if len(others) == 1 else f"the longest scenario ({longest.id})"
    axes.set_title(f"{same}: {_duration(protocol.scenario_s(longest))} (widths not to scale)", loc="left")


def _square(axes: Axes, protocol: Protocol, orders: list[tuple[str, ...]]) -> None:
    evokes = {one.id: one.evokes for one in protocol.scenarios}
    for row, names in enumerate(orders):
        for place, name in enumerate(names):
            axes.barh(row, 1, left=place, height=0.92, color=COLOURS[evokes[name]], edgecolor="white", lw=0.6)
            word = name if name == evokes[name] else f"{name} ({evokes[name]})"
            axes.text(
                place + 0.5, row, word, ha="center", va="center", fontsize=6.5, color=_ink_on(COLOURS[evokes[name]])
            )
    count = max((len(names) for names in orders), default=1)
    axes.set(xlim=(0, count), ylim=(len(orders) - 0.5, -0.5), xticks=[])
    axes.set_yticks(range(len(orders)), [str(row + 1) for row in range(len(orders))])
    axes.set_ylabel("participant")
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    kind = protocol.protocol.order
    whole = len(latin_square(count))
    words = {
        "fixed": "all participants meet the scenarios in this order",
        "random": f"each participant meets a drawn order; the first {len(orders)}",
        "latin-square": f"balanced Latin square of {whole} orders, then from the first again"
        + (f"; the first {len(orders)}" if len(orders) < whole else ""),
    }[kind]
    terms = sorted({f"{e} = {STANDARD_TERM[e]}" for e in evokes.values() if STANDARD_TERM[e] != e})
    axes.set_title(words, loc="left")
    axes.set_xlabel("meant to evoke; " + ", ".join(terms) if terms else "meant to evoke", fontsize=7, color=FAINT)


def _orders(protocol: Protocol) -> list[tuple[str, ...]]:
    """The first participants' orders: all different ones of a square, a few drawn ones, the fixed one."""
    kind = protocol.protocol.order
    count = max(len(phase.scenarios) for phase in protocol.phases)
    several = {"fixed": 1, "random": 4, "latin-square": len(latin_square(max(count, 1)))}[kind]
    return [schedule(protocol, number).order for number in range(1, min(several, _MOST_ROWS) + 1)]


def _ink_on(fill: str) -> str:
    """White or ink, whichever is read better on a colour (relative luminance as in WCAG 2)."""
    channels = [int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5)] if fill.startswith("#") else [1.0] * 3
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.3 else "white"


def _duration(seconds: float) -> str:
    """``15 min``, ``3 min 30 s``, ``10 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return " ".join(([f"{minutes} min"] if minutes else []) + ([f"{rest} s"] if rest or not minutes else []))
