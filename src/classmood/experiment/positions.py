"""On which line of a TOML file each key stands, since Python's own reader does not tell.

A light scan of headers and keys: it need not understand values, only where they end. A key that it misses (in an inline
table, say) has the line of the table or array that it stands in, so that a message is never without one.
"""

from __future__ import annotations

import re
from typing import Final

Place = tuple[str | int, ...]

_HEADER: Final = re.compile(r"^\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY: Final = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART: Final = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
# Long strings before short ones, so that three quotes are not an empty string and a beginning.
_TOKEN: Final = re.compile(r"\"\"\"|'''|\"(?:\\.|[^\"\\])*\"|'[^']*'|#.*|[\[\]]")


def positions(text: str) -> dict[Place, int]:
    """The line, from 1, of every table and key by its place: ``("scenarios", 2, "duration_s")``."""
    lines: dict[Place, int] = {(): 1}
    counts: dict[Place, int] = {}
    table: Place = ()
    until, depth = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        rest = line
        if not until and not depth:
            if header := _HEADER.match(line):
                table = _table(_parts(header[2]), header[1] == "[[", counts)
                lines.setdefault(table, number)
                lines.setdefault(table[:-1], number)
                continue
            if key := _KEY.match(line):
                place = table + _parts(key[1])
                for end in range(len(table) + 1, len(place) + 1):
                    lines.setdefault(place[:end], number)
                rest = line[key.end() :]
        until, depth = _open_after(rest, until, depth)
    return lines


def line_of(lines: dict[Place, int], place: Place) -> int:
    """The line of a place, or of the nearest that holds it."""
    while place not in lines:
        place = place[:-1]
    return lines[place]


def _parts(dotted: str) -> Place:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _table(names: Place, is_array: bool, counts: dict[Place, int]) -> Place:
    """A header's place; the last of an array of tables is meant where its name is a part of another's."""
    place: Place = ()
    for i, name in enumerate(names):
        place = (*place, name)
        if is_array and i == len(names) - 1:
            counts[place] = counts.get(place, -1) + 1
        if place in counts:
            place = (*place, counts[place])
    return place


def _open_after(line: str, until: str, depth: int) -> tuple[str, int]:
    """What is still open at the end of a line: a long string's quotes, and how many arrays."""
    at = 0
    while at < len(line):
        if until:
            end = line.find(until, at)
            if end < 0:
                return until, depth
            at, until = end + 3, ""
            continue
        token = _TOKEN.search(line, at)
        if not token:
            break
        at = token.end()
        if token[0] in ('"""', "'''"):
            until = token[0]
        elif token[0] in "[]":
            depth += 1 if token[0] == "[" else -1
    return until, max(depth, 0)
