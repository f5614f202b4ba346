"""The emotions' colours on a light and on a dark sheet.

Hues are those of ``emotions.COLOURS`` everywhere. Lines, and on a dark sheet shapes too, are made darker or lighter
until their contrast with the sheet is 3 : 1 (WCAG 2.2, success criterion 1.4.11).
"""

from __future__ import annotations

from typing import Final

from classmood.emotions import COLOURS, NEUTRAL

SHEETS: Final = {"light": "#ffffff", "dark": "#1d2026"}
LEAST_CONTRAST: Final = 3.0
# Neutral is the ground that the others stand on: drawn pale, so words on it take the colour of the page's ink.
_PALE: Final = NEUTRAL
_OWN: Final = (*COLOURS, "plain")


def variables(sheet: str) -> str:
    """CSS variables of every colour on a sheet: for shapes, for lines, for words on the shapes."""
    lines = []
    for name, colour in COLOURS.items():
        seen = contrasting(colour, sheet)
        shape = seen if luminance(sheet) < 0.2 else colour
        inks = {contrast(ink, shape): ink for ink in ("#000000", "#ffffff")}
        word = "var(--ink)" if name == _PALE else inks[max(inks)]
        lines.append(f"  --{name}: {shape}; --{name}-line: {seen}; --{name}-on: {word};")
    return "\n".join([*lines, "  --plain: var(--accent); --plain-line: var(--accent); --plain-on: var(--sheet);"])


def classes() -> str:
    """CSS classes that give an element its colours: ``c-joy`` and so on; ``c-plain`` for what is no emotion."""
    rule = ".c-{0} {{ --c: var(--{0}); --l: var(--{0}-line); --on: var(--{0}-on); }}"
    return "\n".join(rule.format(name) for name in _OWN)


def contrasting(colour: str, sheet: str) -> str:
    """The colour itself, or a darker or lighter one of the same hue that can be seen on the sheet."""
    end = 255 if luminance(sheet) < 0.2 else 0
    channels = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    mixed = colour
    for percent in range(0, 101, 2):
        mixed = "#" + "".join(f"{round(c + (end - c) * percent / 100):02x}" for c in channels)
        if contrast(mixed, sheet) >= LEAST_CONTRAST:
            break
    return mixed


def contrast(a: str, b: str) -> float:
    """Contrast ratio of two sRGB colours, from 1 to 21."""
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2)."""
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
