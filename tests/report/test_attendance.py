"""Coverage against counts that were put in."""

from __future__ import annotations

import numpy as np
import pytest
from html_page import Page
from test_figures import height_at, subpaths
from test_sections import drawn, view_of

from classmood.report.attendance import coverage_section, people_section
from classmood.report.view import MOST_LISTED
from classmood.timeline import Timeline
from synthetic_class import make_class, make_instant

FOUR = np.repeat(np.eye(8)[[0]], 4, 0)


@pytest.fixture(scope="module")
def leaving() -> Timeline:
    """Four faces for ten seconds, then two that can be read and one that cannot, then none."""
    taken = [make_instant(float(k), [1, 2, 3, 4], FOUR) for k in range(10)]
    unclear = np.concatenate([FOUR[:2], np.full((1, 8), 0.125)])
    taken += [make_instant(float(k), [1, 2, 3], unclear) for k in range(10, 20)]
    return Timeline.of([*taken, *(make_instant(float(k), [], FOUR[:0]) for k in range(20, 40))])


def test_readable_and_visible_are_drawn_to_scale(leaving: Timeline) -> None:
    html = coverage_section(view_of(leaving))
    (readable,) = subpaths(drawn(html, "area readable"))
    (visible,) = subpaths(drawn(html, "area unsure"))
    (everyone,) = (int(d.split("H")[0].split()[1]) for d in [drawn(html, "all").split(' d="')[1]])
    full = 1 - everyone / 1000
    for time_s, can_read, seen in ((5.5, 4, 4), (15.5, 2, 3), (30.5, 0, 0)):
        x = round(time_s * 25)
        assert height_at(readable[: len(readable) // 2], x) / full == pytest.approx(can_read / 4, abs=0.01)
        assert height_at(visible[: len(visible) // 2], x) / full == pytest.approx(seen / 4, abs=0.01)


def test_the_table_counts(leaving: Timeline) -> None:
    rows = [row.text() for row in Page(coverage_section(view_of(leaving))).root.every("tr")]
    assert rows[0] == "time readable visible expected not sure"
    assert rows[1] == "0:00–0:02 4.0 4.0 4 0 %"
    assert rows[6] == "0:10–0:12 2.0 3.0 4 33 %"
    assert rows[-1] == "0:38–0:40 0.0 0.0 4 –"


def test_unknown_empty_instants_are_confessed(leaving: Timeline) -> None:
    import dataclasses

    unknown = dataclasses.replace(leaving, instants=dataclasses.replace(leaving.instants, all_known=False))
    assert "overstates" in coverage_section(view_of(unknown))
    assert "overstates" not in coverage_section(view_of(leaving))


def test_photos_expect_nobody() -> None:
    timeline = Timeline.of([make_instant(0.0, [1, 2][: k + 1], FOUR[: k + 1], source=f"{k}.jpg") for k in range(2)])
    html = coverage_section(view_of(timeline))
    assert "expected" not in html
    assert "everyone in view" not in html


def test_one_photo_is_told_in_words() -> None:
    taken = [make_instant(0.0, [1, 2], np.concatenate([FOUR[:1], np.full((1, 8), 0.125)]))]
    assert "2 faces found: 1 readable, 1 not sure." in Page(coverage_section(view_of(Timeline.of(taken)))).root.text()


def test_persons_have_a_limit() -> None:
    faces = np.repeat(FOUR[:1], MOST_LISTED + 5, 0)
    timeline = Timeline.of([make_instant(0.0, list(range(1, MOST_LISTED + 6)), faces)])
    section = Page(people_section(timeline, ("appreciation", "caution"))).root
    assert len(section.every("tr")) == MOST_LISTED + 1
    assert f"The first {MOST_LISTED} of {MOST_LISTED + 5}" in section.text()


def test_derived_scores_are_marked_and_not_in_the_bar() -> None:
    section = Page(people_section(Timeline.of(make_class(2, 2)), ("appreciation", "caution"))).root
    assert "caution (anticipation), derived, unvalidated" in section.text()
    bar = section.every("svg")[0]
    assert sum(float(r.attributes["width"]) for r in bar.every("rect")) == pytest.approx(100, abs=0.5)
    assert not [r for r in bar.every("rect") if r.attributes["class"] == "c-caution"]
    whole = Page(people_section(Timeline.of(make_class(2, 2)), ())).root
    assert [r for r in whole.every("svg")[0].every("rect") if r.attributes["class"] == "c-caution"]
