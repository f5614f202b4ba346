"""Colours: they can be seen on both sheets and stay those of the emotions."""

from __future__ import annotations

import colorsys
import re

import pytest

from classmood.emotions import COLOURS
from classmood.report import palette


@pytest.mark.parametrize(
    ("a", "b", "ratio"), [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#123456", "#123456", 1.0)]
)
def test_contrast_is_that_of_the_guidelines(a: str, b: str, ratio: float) -> None:
    assert palette.contrast(a, b) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("sheet", palette.SHEETS.values(), ids=palette.SHEETS.keys())
@pytest.mark.parametrize("name", COLOURS)
def test_lines_can_be_seen_and_keep_their_hue(sheet: str, name: str) -> None:
    seen = palette.contrasting(COLOURS[name], sheet)
    assert palette.contrast(seen, sheet) >= palette.LEAST_CONTRAST
    if palette.contrast(COLOURS[name], sheet) >= palette.LEAST_CONTRAST:
        assert seen.lower() == COLOURS[name].lower()
    before, after = (
        colorsys.rgb_to_hls(*(int(c[k : k + 2], 16) / 255 for k in (1, 3, 5))) for c in (COLOURS[name], seen)
    )
    assert abs((before[0] - after[0] + 0.5) % 1 - 0.5) < 0.02


@pytest.mark.parametrize("sheet", palette.SHEETS.values(), ids=palette.SHEETS.keys())
def test_every_emotion_has_its_colours_and_words_on_them_can_be_read(sheet: str) -> None:
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-fA-F]{6});", palette.variables(sheet)))
    for name in COLOURS:
        assert name in found
        assert f".c-{name} " in palette.classes()
        if name != "neutral":
            assert palette.contrast(found[f"{name}-on"], found[name]) >= 4.5


def test_on_a_light_sheet_shapes_have_the_emotions_own_colours() -> None:
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-fA-F]{6});", palette.variables("#ffffff")))
    assert {name: found[name] for name in COLOURS} == COLOURS
