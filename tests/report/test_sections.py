"""The drawings of emotions show the class means, with their intervals, against a direct computation."""

from __future__ import annotations

import re

import numpy as np
import pytest
from html_page import Page
from test_figures import height_at, subpaths

from classmood.climate import climate
from classmood.report.sections import climate_section, intensities, planes_section
from classmood.report.view import View
from classmood.sidecar import make_sidecar
from classmood.timeline import Timeline
from synthetic_class import PROVENANCE, make_class, make_instant


def view_of(timeline: Timeline) -> View:
    return View(timeline, make_sidecar(PROVENANCE.model_copy(update={"sources": timeline.sources}), ()), None)


def drawn(html: str, style: str) -> str:
    (path,) = re.findall(rf'<path class="{style}"[^>]*/>', html)
    return str(path)


@pytest.fixture(scope="module")
def lesson() -> Timeline:
    return Timeline.of(make_class(8, 20))


def test_the_lowest_layer_of_the_stack_is_joy_and_the_next_lies_on_it(lesson: Timeline) -> None:
    html = climate_section(view_of(lesson))
    means = climate(lesson, 1.0)
    for k in (3, 7, 15):
        x = round((k + 0.5) * 50)
        (joy,) = subpaths(drawn(html, "area c-joy"))
        upper = joy[: len(joy) // 2]
        assert height_at(upper, x) == pytest.approx(means.of("joy")[k], abs=0.003)
        (terror,) = subpaths(drawn(html, "area c-terror"))
        assert height_at(terror[: len(terror) // 2], x) == pytest.approx(
            means.of("joy")[k] + means.of("terror")[k], abs=0.003
        )


def test_a_panel_draws_mean_and_interval(lesson: Timeline) -> None:
    html = intensities(view_of(lesson))
    means = climate(lesson, 1.0)
    panel = next(part for part in html.split('<div class="panel">') if 'id="curve-joy-t"' in part)
    ceiling = float(re.findall(r'bottom:100%">([\d.]+)<', panel)[0])
    (points,) = subpaths(drawn(panel, "line c-joy"))
    (band,) = subpaths(drawn(panel, "area band c-joy"))
    upper = band[: len(band) // 2]
    for k in (2, 9, 18):
        x = round((k + 0.5) * 50)
        mean, error = means.of("joy")[k], means.error_of("joy")[k]
        assert height_at(points, x) * ceiling == pytest.approx(mean, abs=0.003)
        assert height_at(upper, x) * ceiling == pytest.approx(min(mean + error, ceiling), abs=0.003)


def test_lines_differ_by_dash_too(lesson: Timeline) -> None:
    html = intensities(view_of(lesson))
    lines = re.findall(r'<path class="line c-(\w+)"(?: stroke-dasharray="([^"]*)")?', html)
    dashes = [dash for name, dash in lines if name != "plain"]
    assert len(dashes) == len(set(dashes)) == 8


def test_tables_hold_the_means(lesson: Timeline) -> None:
    view = view_of(lesson)
    rows = Page(climate_section(view)).root.every("tr")
    assert len(rows) == 1 + len(view.rows)
    header = [cell.text() for cell in rows[0].every("th")]
    third = [cell.text() for cell in rows[3].every("td")]
    expected = 100 * view.rows.of("joy")[2]
    assert third[header.index("joy") - 1] == (f"{expected:.0f} %" if expected >= 0.5 else "under 1 %")
    assert third[-1] == str(view.rows.people[2])


def test_a_photo_gets_bars_with_intervals() -> None:
    timeline = Timeline.of(make_class(9, 0.2))
    html = climate_section(view_of(timeline))
    means = climate(timeline)
    widths = [float(w) for w in re.findall(r'class="fill" style="width:([\d.e-]+)%', html)]
    np.testing.assert_allclose(widths, 100 * means.mean[0, :9], atol=0.01)
    assert html.count('class="range"') == 9
    assert intensities(view_of(timeline)) == ""


def test_photos_get_a_bar_each() -> None:
    timeline = Timeline.of([make_class(3, 0.2, source=f"{k}.jpg", seed=k)[0] for k in range(4)])
    html = climate_section(view_of(timeline))
    assert len(subpaths(drawn(html, "area c-joy"))) == 4
    assert "by source" in html
    assert "4 3.jpg" in Page(html).root.text()


def test_captions_fit_what_is_drawn() -> None:
    few = Timeline.of(make_class(2, 4, seed=4))
    text = Page(planes_section(view_of(few))).root.text()
    assert "No cloud is drawn for fewer than 5 persons" in text
    assert "ellipse" not in text
    assert "The line is the way of the class mean" in text
    photo = Timeline.of([make_instant(0.0, [1, 2, 3], np.eye(8)[[0, 1, 1]])])
    text = Page(planes_section(view_of(photo))).root.text()
    assert "ellipse" in text
    assert "The line is the way" not in text
