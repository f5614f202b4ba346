"""The paper's Figures 1, 4 and 5, drawn from the code itself, so that a picture cannot say other than the code does.

- ``draw_wheel``: the eight emotions, from the tables of ``classmood.emotions``.
- ``draw_network``: a live ``EmotionNetwork`` is walked and run once; boxes, order and sizes are what was called.
- ``draw_recalibration``: the tensor operations of ``StyleRecalibration`` are recorded as it runs.

Output is the same to the byte for the same versions: no date, fixed ids, text that stays text. Lengths are in points.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Wedge
from matplotlib.path import Path as Outline

from classmood.crops import SIDE_PX
from classmood.emotions import CLASSROOM_VAD, COLOURS, DERIVED, EMOTIONS, NEUTRAL, STANDARD_TERM
from classmood.errors import OutputError
from classmood.training.resnet import NetworkSettings
from classmood.training.srm import StyleRecalibration
from classmood.training.traces import Kind, NetworkTrace, Operation, Stage, Step, trace_network, trace_recalibration

Points = float | int

INK, FAINT, PAPER = "#222222", "#666666", "#FFFFFF"

# Tints that keep black text readable and stay apart for colour-blind readers; every box says in words what it is.
TINTS: Final[dict[Kind, str]] = {
    "convolution": "#D6E4F2",
    "plain": "#F1F1F1",
    "lip": "#FAD9A0",
    "sge": "#B7E2D2",
    "srm": "#E9C5DB",
}
LEGEND: Final[dict[Kind, str]] = {
    "lip": "LIP  local importance pooling, eq. 9-12",
    "sge": "SGE  spatial group-wise enhance, eq. 1-8",
    "srm": "SRM  style-based recalibration, eq. 13-21",
}
_STYLE: Final[Any] = {
    "font.family": "sans-serif",
    # The first comes with matplotlib and decides where text goes; the others have about its widths.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Helvetica", "Arial"],
    "svg.fonttype": "none",
    "svg.hashsalt": "classmood",
}
_METADATA: Final[dict[str, dict[str, None]]] = {
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


class _Canvas:
    """A page measured in points, origin at the bottom left, with boxes and arrows."""

    def __init__(self, width: Points, height: Points) -> None:
        self.figure = Figure(figsize=(width / 72, height / 72), facecolor=PAPER)
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(0, height))
        self.axes.set_axis_off()

    def text(self, x: Points, y: Points, text: str, **style: Any) -> None:
        self.axes.text(x, y, text, **{"ha": "center", "va": "center", "fontsize": 8, "color": INK, **style})

    def box(self, x: Points, y: Points, w: Points, h: Points, lines: Sequence[str], fill: str = "#F1F1F1") -> None:
        """A box by its left and middle height; its first line is what it is, the others say more of it."""
        shape = FancyBboxPatch(
            (x + 3, y - h / 2 + 3), w - 6, h - 6, boxstyle="round,pad=3,rounding_size=3", fc=fill, ec="#555555", lw=0.8
        )
        self.axes.add_patch(shape)
        for i, line in enumerate(lines):
            below = (len(lines) - 1) / 2 - i
            style = {"fontsize": 8, "weight": "bold"} if i == 0 else {"fontsize": 7, "color": "#444444"}
            self.text(x + w / 2, y + 10 * below, line, **style)

    def sign(self, x: Points, y: Points, symbol: str) -> None:
        """A circle with an operation in it, by its centre."""
        self.axes.add_patch(Circle((x, y), 8, fc=PAPER, ec="#555555", lw=0.8, zorder=3))
        self.text(x, y, symbol, fontsize=11, zorder=4)

    def line(self, *points: tuple[Points, Points]) -> None:
        x, y = zip(*points, strict=True)
        self.axes.plot(x, y, color="#555555", lw=0.9, solid_capstyle="butt", zorder=1)

    def arrow(self, *points: tuple[Points, Points]) -> None:
        """A line through points, with a head at the last."""
        self.axes.add_patch(
            FancyArrowPatch(path=Outline(points), arrowstyle="-|>", mutation_scale=7, lw=0.9, color="#555555", zorder=2)
        )

    def save(self, path: Path) -> None:
        metadata = _METADATA.get(path.suffix.lower(), {})
        try:
            with mpl.rc_context(_STYLE):
                self.figure.savefig(path, metadata=metadata, dpi=200)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
        except ValueError as error:
            raise OutputError(f"{path}: expected a name ending in .svg, .pdf or .png ({error})") from error


def _on(fill: str) -> str:
    """Black or white, whichever reads better on a colour (WCAG's relative luminance)."""
    srgb = np.array([int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ np.array([0.2126, 0.7152, 0.0722]))
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#FFFFFF"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


# ---------------------------------------------------------------------------------------------------- Figure 1


def draw_wheel(path: Path) -> None:
    """Draw the wheel of emotions (Figure 1) and where each lies in valence, arousal and dominance.

    Raises:
        OutputError: the file cannot be written, or its ending is unknown.
    """
    with mpl.rc_context(_STYLE):
        page = _Canvas(760, 400)
        _petals(page, 200, 200)
        _plane(page)
        page.save(path)


def _petals(page: _Canvas, x: Points, y: Points) -> None:
    inner, outer = 42, 150
    step = 360 / len(EMOTIONS)
    for i, name in enumerate(EMOTIONS):
        # The first stands on top and the others follow clockwise.
        middle = 90 - i * step
        petal = Wedge(
            (x, y), outer, middle - step / 2, middle + step / 2, width=outer - inner, fc=COLOURS[name], ec=PAPER, lw=2.5
        )
        page.axes.add_patch(petal)
        direction = np.array([np.cos(np.radians(middle)), np.sin(np.radians(middle))])
        word_x, word_y = np.array([x, y]) + 106 * direction
        ink = _on(COLOURS[name])
        mark = " *" if name in DERIVED else ""
        # The paper's word, and under it the field's where that is another.
        other = STANDARD_TERM[name] != name
        page.text(word_x, word_y + 6 * other, name + mark, fontsize=9, weight="bold", color=ink)
        if other:
            page.text(word_x, word_y - 6, STANDARD_TERM[name], fontsize=8, color=ink)
        vad_x, vad_y = np.array([x, y]) + np.array([176, 168]) * direction
        valence, arousal, dominance = (_signed(value) for value in CLASSROOM_VAD[name])
        for line, text in enumerate((f"V {valence}", f"A {arousal}", f"D {dominance}")):
            page.text(vad_x, vad_y + 9 - 9 * line, text, fontsize=6.5, color=FAINT)
    page.axes.add_patch(Circle((x, y), inner - 5, fc=COLOURS[NEUTRAL], ec=PAPER, lw=2))
    page.text(x, y, NEUTRAL, fontsize=9, weight="bold", color=_on(COLOURS[NEUTRAL]))
    page.text(x, 9, "* derived from V, A, D; the others are measured", fontsize=7, color=FAINT)


# Where a name would cover another point or name, it moves: (right, up) in points and its alignment.
_ASIDE: Final[dict[str, tuple[float, float, str]]] = {
    "caution": (0, -13, "center"),
    "fury": (0, -13, "center"),
    "joy": (0, -13, "center"),
    "terror": (0, 12, "center"),
    "surprise": (0, 12, "center"),
    NEUTRAL: (0, -12, "center"),
}


def _plane(page: _Canvas) -> None:
    left, bottom, side = 430, 50, 308
    axes = page.figure.add_axes((left / 760, bottom / 400, side / 760, side / 400))
    axes.set(xlim=(-1, 1), ylim=(-1, 1), xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    axes.set_xlabel(f"valence ({STANDARD_TERM['valence']})", fontsize=8, color=INK, labelpad=4)
    axes.set_ylabel(f"arousal ({STANDARD_TERM['arousal']})", fontsize=8, color=INK, labelpad=2)
    axes.tick_params(labelsize=7, colors=FAINT, length=0)
    axes.axhline(0, color="#CCCCCC", lw=0.8, zorder=0)
    axes.axvline(0, color="#CCCCCC", lw=0.8, zorder=0)
    for spine in axes.spines.values():
        spine.set_color("#CCCCCC")
    for name, (valence, arousal, dominance) in CLASSROOM_VAD.items():
        marker = "o" if dominance == 0 else ("^" if dominance > 0 else "v")
        axes.plot(valence, arousal, marker, ms=9, color=COLOURS[name], mec=INK, mew=0.6)
        right, up, alignment = _ASIDE.get(name, (9, 0, "left"))
        axes.annotate(
            name, (valence, arousal), (right, up), textcoords="offset points", ha=alignment, va="center", fontsize=8
        )
    marks = "\N{BLACK UP-POINTING TRIANGLE} dominance above 0, \N{BLACK DOWN-POINTING TRIANGLE} below"
    page.text(left + side / 2, 372, marks, fontsize=7.5, color=FAINT)
    page.text(left + side / 2, 9, "V, A, D by Russell and Mehrabian 1977", fontsize=7, color=FAINT)


# ---------------------------------------------------------------------------------------------------- Figure 4


def _size(shape: Sequence[int | str]) -> str:
    return " \N{MULTIPLICATION SIGN} ".join(map(str, shape))


def draw_network(path: Path, settings: NetworkSettings | None = None) -> None:
    """Draw the network (Figure 4) as it is with these settings; those of the shipped model by default.

    Raises:
        OutputError: the file cannot be written, or its ending is unknown.
    """
    trace = trace_network(settings or NetworkSettings(stem="deep"))
    with mpl.rc_context(_STYLE):
        page = _Canvas(800, 556)
        _overview(page, trace)
        _heading(page, 304, "stem")
        _chain(page, 24, 270, trace.under("contrast") + trace.under("stem."))
        _heading(page, 226, "first block of layer2: halves height and width")
        _block(page, 146, trace.under("layer2.0."))
        _heading(page, 100, "second block of layer2: keeps them")
        _block(page, 42, trace.under("layer2.1."))
        page.save(path)


def _heading(page: _Canvas, y: Points, text: str) -> None:
    page.text(24, y, text, ha="left", fontsize=8.5, color=FAINT, style="italic")


def _overview(page: _Canvas, trace: NetworkTrace) -> None:
    """The stages from left to right, and under them what is pooled, joined and classified."""
    _heading(page, 538, f"{trace.parameters / 1e6:.2f} million parameters, {trace.gmac:.3f} GMAC a face")
    page.text(
        24,
        523,
        "sizes are channels \N{MULTIPLICATION SIGN} height \N{MULTIPLICATION SIGN} width",
        ha="left",
        fontsize=7,
        color=FAINT,
    )
    shown = [kind for kind in LEGEND if any(step.kind == kind for step in trace.steps)]
    for place, kind in enumerate(reversed(shown)):
        x = 792 - 172 * (place + 1)
        page.axes.add_patch(
            FancyBboxPatch((x, 535), 9, 6, boxstyle="round,pad=1", fc=TINTS[kind], ec="#555555", lw=0.6)
        )
        page.text(x + 14, 538, LEGEND[kind], ha="left", fontsize=7)
    y, w, h, gap = 474, 104, 58, 24
    page.box(24, y, 80, h, ["face", _size((1, SIDE_PX, SIDE_PX))], PAPER)
    x = 104
    pooled = []
    for number, stage in enumerate(trace.stages):
        page.arrow((x, y), (x + gap, y))
        x += gap
        holds = f"{stage.blocks} blocks" if stage.blocks else "convolutions"
        size = f"{stage.parameters:,} parameters"
        page.box(x, y, w, h, [stage.name, holds, _size(stage.shape), size], TINTS["convolution"])
        if number in trace.fused:
            middle = x + w / 2
            page.arrow((middle, y - h / 2), (middle, 418))
            page.box(middle - 32, 404, 64, 28, _tap(trace, stage))
            page.arrow((middle, 390), (middle, 363))
            pooled.append(middle)
        x += w
    left, right = min(pooled) - 32, max(pooled) + 32
    page.box(left, 350, right - left, 26, [_joined(trace)])
    page.arrow((left, 350), (left - gap, 350))
    page.box(left - gap - w, 350, w, 40, ["classifier", f"{trace.classes} logits"], TINTS["convolution"])


def _tap(trace: NetworkTrace, stage: Stage) -> list[str]:
    """What a layer's map goes through before it meets the others."""
    if trace.under("fusion.lateral"):
        return ["1\N{MULTIPLICATION SIGN}1 conv", str(trace.features)]
    return ["SGE, mean" if trace.under("fusion.sge") else "mean", str(stage.shape[0])]


def _joined(trace: NetworkTrace) -> str:
    if trace.under("fusion.lateral"):
        return f"sum, {'SGE, ' if trace.under('fusion.sge') else ''}mean: {trace.features}"
    return ("side by side: " if len(trace.fused) > 1 else "") + str(trace.features)


_WIDTHS: Final[dict[str, int]] = {"conv": 56, "BN": 34, "ReLU": 42, "contrast": 78}
_GAP: Final = 20


def _chain(
    page: _Canvas, x: Points, y: Points, steps: Sequence[Step], *, led_to: bool = False, sizes_above: bool = False
) -> Points:
    """Boxes from left to right, with the size beside each that changes it; returns where the last one ends."""
    before: tuple[int, ...] = ()
    for i, step in enumerate(steps):
        if i or led_to:
            page.arrow((x, y), (x + _GAP, y))
            x += _GAP
        w = _WIDTHS.get(step.lines[0], 52)
        page.box(x, y, w, 34, step.lines, TINTS[step.kind])
        if step.shape != before:
            page.text(x + w / 2, y + (24 if sizes_above else -24), _size(step.shape), fontsize=6.5, color=FAINT)
        before = step.shape
        x += w
    return x


def _block(page: _Canvas, y: Points, steps: Sequence[Step]) -> None:
    """A residual block: what precedes the fork, the main path, the shortcut over it, their sum, what follows."""
    local = {step.name: step.name.split(".", 2)[2] for step in steps}
    before = [step for step in steps if local[step.name].startswith("pool")]
    shortcut = [step for step in steps if local[step.name].startswith("shortcut")]
    *main, last = (step for step in steps if step not in before and step not in shortcut)
    x = _chain(page, 24, y, before) if before else 24
    fork, over = x + 12, y + (42 if shortcut else 30)
    page.line((x, y), (fork, y), (fork, over))
    end = _chain(page, fork, y, main, led_to=True)
    plus = end + _GAP + 8
    page.arrow((end, y), (plus - 8, y))
    right = _chain(page, fork, over, shortcut, led_to=True, sizes_above=True) if shortcut else fork
    page.arrow((right, over), (plus, over), (plus, y + 8))
    page.sign(plus, y, "+")
    _chain(page, plus + 8, y, [last], led_to=True)


# ---------------------------------------------------------------------------------------------------- Figure 5


# What to look for among the operations, in the order of the equations: its name, what a box says, and whether it is the
# first or the last of that name after the one before.
_MEANINGS: Final[tuple[tuple[str, tuple[str, ...], Literal["first", "last"]], ...]] = (
    ("mean", ("mean \N{GREEK SMALL LETTER LAMDA}", "eq. 13"), "first"),
    ("sqrt", ("deviation \N{GREEK SMALL LETTER EPSILON}", "eq. 14"), "first"),
    ("add", ("q \N{DOT OPERATOR} e", "eq. 16"), "first"),
    ("batch_norm", ("batch norm", "eq. 17-19"), "first"),
    ("sigmoid", ("sigmoid", "eq. 20"), "first"),
    ("mul", ("\N{MULTIPLICATION SIGN}", "eq. 21"), "last"),
)


def _read_equations(operations: Sequence[Operation]) -> dict[str, tuple[tuple[str, ...], Operation]]:
    """Which operation is which equation; one that did not happen is left out."""
    found: dict[str, tuple[tuple[str, ...], Operation]] = {}
    place = 0
    for name, lines, which in _MEANINGS:
        places = [i for i in range(place, len(operations)) if operations[i].name == name]
        if places:
            place = places[0 if which == "first" else -1]
            found[name] = (lines, operations[place])
    return found


def draw_recalibration(path: Path, channels: int = 64) -> None:
    """Draw the recalibration module (Figure 5) for a number of channels.

    Raises:
        OutputError: the file cannot be written, or its ending is unknown.
    """
    operations = trace_recalibration(channels)
    found = _read_equations(operations)
    layer = StyleRecalibration(channels)
    with mpl.rc_context(_STYLE):
        page = _Canvas(786, 236)
        _recalibration(page, operations, found, layer)
        page.save(path)


def _recalibration(
    page: _Canvas,
    operations: Sequence[Operation],
    found: dict[str, tuple[tuple[str, ...], Operation]],
    layer: StyleRecalibration,
) -> None:
    channels, styles = layer.q.shape
    whole = _size(operations[-1].shape)
    high, low, fork = 142, 46, 116
    _frame(page, 128, 86, 128, 122, "style pooling")
    _frame(page, 352, 86, 292, 122, "style integration")
    page.box(16, low, 80, 36, ["A", whole], TINTS["convolution"])
    page.line((96, low), (fork, low))
    for name, y, into in (("mean", high + 30, high + 8), ("sqrt", high - 26, high - 8)):
        if name in found:
            lines, operation = found[name]
            page.arrow((fork, low), (fork, y), (144, y))
            page.box(144, y, 96, 46, [*lines, _size(operation.shape)], TINTS["srm"])
            page.arrow((240, y), (268, y), (268, into), (282, into))
    page.box(282, high, 58, 46, ["e", "eq. 15", _size((*found["mean"][1].shape, styles))], PAPER)
    x = 340
    for name in ("add", "batch_norm", "sigmoid"):
        if name in found:
            lines, operation = found[name]
            page.arrow((x, high), (x + 24, high))
            page.box(x + 24, high, 72, 46, [*lines, _size(operation.shape)], TINTS["srm"])
            x += 96
    page.arrow((x, high), (664, high), (664, low + 8))
    page.text(669, high - 30, "gate h", ha="left", fontsize=7.5)
    page.arrow((fork, low), (656, low))
    page.sign(664, low, found["mul"][0][0])
    page.text(664, low - 16, found["mul"][0][1], fontsize=7, color="#444444")
    page.arrow((672, low), (690, low))
    page.box(690, low, 80, 36, ["A*", whole], TINTS["convolution"])
    of_norm = sum(parameter.numel() for parameter in layer.norm.parameters())
    numbers = f"{layer.q.numel() + of_norm} parameters for D = {channels}"
    page.text(390, 14, f"{numbers}: {styles} in q and {of_norm // channels} in the norm for each channel", color=FAINT)


def _frame(page: _Canvas, x: Points, y: Points, w: Points, h: Points, title: str) -> None:
    outline = FancyBboxPatch(
        (x, y), w, h, boxstyle="round,pad=0,rounding_size=5", fc="none", ec="#888888", lw=0.8, ls=(0, (4, 3))
    )
    page.axes.add_patch(outline)
    page.text(x + w / 2, y + h + 9, title, fontsize=8.5, color=FAINT, style="italic")
