"""Lines of TOML keys: every key that Python's reader finds has the line on which it stands."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import classmood.experiment
from classmood.experiment.positions import Place, line_of, positions

TEMPLATES = sorted((Path(classmood.experiment.__file__).parent / "templates").glob("*.toml"))


def places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    yield place, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*place, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for i, inner in enumerate(value):
            yield from places(inner, (*place, i))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_key_of_the_templates_stands_on_its_line(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines, rows = positions(text), text.splitlines()
    for place, value in places(tomllib.loads(text)):
        line = rows[line_of(lines, place) - 1]
        if len(place) == 3 and isinstance(place[1], int):
            assert line.split("=")[0].strip() == place[2]
            if isinstance(value, str) and "\n" not in value:
                assert value in line
        elif len(place) == 2 and isinstance(place[1], int):
            assert line == f"[[{place[0]}]]"


VALUES = st.sampled_from(
    [
        "1",
        '"a # b"',
        "'x = ['",
        '"""\nfake = 1\n[[phases]]\n"""',
        "[\n  1, # [[\n  2,\n]",
        "'''\na = 2\n'''",
        "{ b = 1 }",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(VALUES, min_size=1, max_size=4), min_size=1, max_size=4))
def test_strings_comments_and_arrays_that_look_like_keys_do_not_mislead(tables: list[list[str]]) -> None:
    text, expected, line = "", {}, 1
    for i, values in enumerate(tables):
        text += f"[[t]] # number {i}\n"
        line += 1
        for k, value in enumerate(values):
            expected["t", i, f"k{k}"] = line
            text += f"k{k} = {value}\n"
            line += value.count("\n") + 1
    tomllib.loads(text)
    found = positions(text)
    assert {place: number for place, number in found.items() if len(place) == 3} == expected


def test_dotted_quoted_and_nested_names() -> None:
    text = 'a.b = 1\n["c d".e]\n"f" = 2\n[[g]]\n[g.h]\ni = 3\n[[g.j]]\nk = 4\n'
    found = positions(text)
    assert found["a", "b"] == 1
    assert found["c d", "e", "f"] == 3
    assert found["g", 0, "h", "i"] == 6
    assert found["g", 0, "j", 0, "k"] == 8
    assert line_of(found, ("g", 0, "j", 0, "unheard of", 3)) == 7
    assert line_of(found, ("nothing",)) == 1
