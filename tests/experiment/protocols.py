"""The shipped protocols as texts to change, and files to write them to."""

from __future__ import annotations

from pathlib import Path

import classmood.experiment

FOLDER = Path(classmood.experiment.__file__).parent / "templates"


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def changed(text: str, *pairs: tuple[str, str]) -> str:
    """The text with each first string replaced once by the second; it must be there."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def line_with(text: str, part: str, nth: int = 1) -> int:
    """The number of the nth line that holds a string."""
    return [i for i, line in enumerate(text.splitlines(), 1) if part in line][nth - 1]
