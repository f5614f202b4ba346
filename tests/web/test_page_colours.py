"""The pages show the emotions in the report's colours, on light and on dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from classmood.report import palette

SHEET = Path(__file__).parents[2] / "web" / "src" / "style" / "emotions.css"
pytestmark = pytest.mark.skipif(not SHEET.is_file(), reason="web/ is not beside the tests")


def colours(css: str) -> dict[str, str]:
    return {name: value.lower() for name, value in re.findall(r"--([\w-]+): ([^;]+);", css)}


@pytest.mark.parametrize(("scheme", "place"), [("light", 1), ("dark", 2)])
def test_colours_are_those_of_the_report(scheme: str, place: int) -> None:
    css = re.sub(
        r"light-dark\((#\w+), (#\w+)\)", lambda both: both[place], SHEET.read_text(encoding="utf-8").split("}")[0]
    )
    expected = {
        name: value
        for name, value in colours(palette.variables(palette.SHEETS[scheme])).items()
        if not name.startswith("plain")
    }
    assert colours(css) == expected
