"""The report after class: complete, escaped, self-contained, and silent about what was silent."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from classmood.agreement import Agreement, Measure
from classmood.server.lesson import Lesson
from classmood.server.lesson_report import compose_lesson_report
from classmood.server.nudges import Mark
from simulated_lesson import lesson


class _Page(HTMLParser):
    """Ids, links, and whether tags close in order."""

    VOID = ("meta", "path", "rect", "circle", "ellipse", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.tags.append(tag)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.loads += [value or "" for key, value in attributes if key in ("src", "href", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def sections_of(page: str) -> list[str]:
    return re.findall(r'<section (?:class="glance" )?id="(\w+)"', page)


def test_the_whole_page() -> None:
    page = compose_lesson_report(lesson())
    found = _Page(page)
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert found.loads == []
    assert "script" not in found.tags
    assert sections_of(page) == [
        *("glance", "events", "climate", "intensities", "planes", "coverage", "aftermath", "meaning", "about"),
    ]


def test_labels_are_text_and_never_markup() -> None:
    page = compose_lesson_report(lesson())
    assert "a joke &lt;b&gt;&amp;" in page
    assert "a joke <b>" not in page
    hostile = Mark(300.0, "text", "</li><script>alert(1)</script>")
    page = compose_lesson_report(dataclasses.replace(lesson(), marks=(hostile,)))
    assert "<script" not in page


def test_a_class_that_was_never_told_of_says_so_and_draws_nothing() -> None:
    silent = tuple(release for release in lesson(students=4).releases)
    assert all(release.silent for release in silent)
    page = compose_lesson_report(dataclasses.replace(lesson(students=4), marks=(), suggestions=()))
    assert "Fewer than 5 students shared at any time" in page
    assert sections_of(page) == ["glance", "meaning", "about"]


def test_a_class_without_any_release() -> None:
    empty: Lesson = dataclasses.replace(lesson(), releases=(), marks=(), suggestions=())
    page = compose_lesson_report(empty)
    assert "Nothing was released." in page


def test_a_class_that_goes_on_says_so() -> None:
    assert "not over" in compose_lesson_report(dataclasses.replace(lesson(), closed=None))
    assert "not over" not in compose_lesson_report(lesson())


def test_hidden_and_silent_are_hatched_and_named() -> None:
    page = compose_lesson_report(lesson())
    assert 'class="hatch"' in page
    assert "which are not told apart" in page


@pytest.mark.parametrize("usefulness", ["useful", "not useful"])
def test_nudges_stand_with_their_answer(usefulness: str) -> None:
    told = dataclasses.replace(lesson().suggestions[0], usefulness=usefulness)
    page = compose_lesson_report(dataclasses.replace(lesson(), suggestions=(told,)))
    assert f"({usefulness})" in page
    assert told.action.split(":")[0] in page


def test_under_research_alone_it_says_how_well_faces_match_presses() -> None:
    assert "agreement" not in sections_of(compose_lesson_report(lesson()))
    research = dataclasses.replace(lesson(), profile="research")
    # Who may not see single rows is told where it is known.
    page = compose_lesson_report(research)
    assert "agreement" in sections_of(page)
    assert "single students&#x27; rows" in page
    measure = Measure("all emotions", "kappa", 40, 12, 0.31, 0.2, 0.42)
    page = compose_lesson_report(research, Agreement((measure,)))
    assert _Page(page).open == []
    assert "<td>0.31</td><td>0.20 to 0.42</td><td>40</td><td>12</td>" in page
