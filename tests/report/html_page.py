"""A report taken apart: its elements, their text, and whether it is well made."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def every(self, tag: str) -> list[Element]:
        """All elements of a kind inside this one."""
        found = [child for child in self.children if child.tag == tag]
        return found + [inner for child in self.children for inner in child.every(tag)]

    def text(self) -> str:
        """All words inside this element that a reader sees."""
        inner = [child.text() for child in self.children if child.tag not in ("style", "script")]
        return re.sub(r"\s+", " ", " ".join([*self.words, *inner])).strip()


class Page(HTMLParser):
    """Parses a page and fails where tags do not pair."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = Element("root", {})
        self._open = [self.root]
        self.feed(html)
        self.close()
        assert len(self._open) == 1, f"never closed: {[e.tag for e in self._open[1:]]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {key: value or "" for key, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].words.append(data)

    def section(self, key: str) -> Element:
        """A part of the page by its id."""
        return next(e for e in self.root.every("section") if e.attributes.get("id") == key)

    def has(self, key: str) -> bool:
        """Whether the page has a part."""
        return any(e.attributes.get("id") == key for e in self.root.every("section"))
