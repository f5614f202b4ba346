"""The whole report: says what is so, asks nothing of the network, shows nobody, is text for whoever cannot see it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from html_page import Page
from hypothesis import HealthCheck, given, settings

from classmood.emotions import EMOTIONS, STANDARD_TERM
from classmood.errors import OutputError
from classmood.report import compose_report, write_report
from classmood.sidecar import LEGAL_NOTICE, Provenance, Sidecar, SourceStatus, make_sidecar
from classmood.timeline import Instant, Timeline
from synthetic_class import PROVENANCE, make_class, make_instant
from test_timeline import instants

BLANK, JOY = np.eye(8)[[0]], np.eye(8)[[1]]


def sidecar_of(timeline: Timeline, **changes: object) -> Sidecar:
    sources = timeline.sources or PROVENANCE.sources
    return make_sidecar(PROVENANCE.model_copy(update={"sources": sources} | changes), ())


def report(taken: list[Instant], **kwargs: object) -> Page:
    timeline = Timeline.of(taken)
    return Page(compose_report(timeline, sidecar_of(timeline), **kwargs))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lesson() -> Timeline:
    return Timeline.of(make_class(8, 12))


@pytest.fixture(scope="module")
def html(lesson: Timeline) -> str:
    return compose_report(lesson, sidecar_of(lesson))


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


KINDS: dict[str, list[Instant]] = {
    "lesson": make_class(8, 12),
    "one face": make_class(1, 6),
    "photo": make_class(20, 0.2),
    "one face in a photo": make_class(1, 0.2),
    "photos": [make_class(4, 0.2, source=f"{k}.jpg", seed=k)[0] for k in range(5)],
    "nothing": [],
    "no face": [make_instant(0.2 * k, [], BLANK[:0]) for k in range(9)],
    "nobody sure": [make_instant(0.2 * k, [1, 2], np.full((2, 8), 0.125)) for k in range(9)],
    "gap": [make_instant(t, [1, 2], np.concatenate([BLANK, JOY])) for t in (0.0, 1.0, 9.0)],
}


@pytest.mark.parametrize("per_person", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_whole_page(kind: str, per_person: bool) -> None:
    page = report(KINDS[kind], per_person=per_person)
    text = page.root.text()
    assert not re.search(r"\b(nan|inf|None)\b", text, re.IGNORECASE)
    assert LEGAL_NOTICE in text
    assert page.has("glance")
    assert page.has("people") == (per_person and bool(len(Timeline.of(KINDS[kind]))))
    for path in page.root.every("path"):
        assert re.fullmatch(r"[MLHVlhmvz\d\s.-]+", path.attributes["d"]), path.attributes["d"][:80]


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=15)
@given(taken=instants())
def test_whatever_comes_makes_a_page_without_nan(taken: list[Instant]) -> None:
    timeline = Timeline.of([dataclasses.replace(i, time_s=i.time_s / 100) for i in taken])
    html = compose_report(timeline, sidecar_of(timeline), per_person=True)
    assert not re.search(r"\bnan\b|\binf\b", html, re.IGNORECASE)
    Page(html)


def test_it_loads_nothing_and_runs_nothing(html: str, page: Page) -> None:
    assert not re.search(r"https?:|//[\w.-]+\.\w", html)
    assert "@import" not in html
    assert "url(" not in html
    for tag in ("script", "link", "iframe", "img", "image", "object", "embed", "use", "a", "form"):
        assert not page.root.every(tag), tag
    policy = next(m for m in page.root.every("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.attributes["content"].startswith("default-src 'none'")


def test_the_glance_tells_what_was_put_in() -> None:
    faces = np.concatenate([JOY, JOY, JOY, BLANK])
    unclear = np.concatenate([JOY, JOY, np.full((1, 8), 0.125), BLANK])
    taken = [make_instant(0.2 * k, [1, 2, 3, 4], faces if k < 50 else unclear) for k in range(100)]
    text = report(taken).section("glance").text()
    assert "All the time mainly expressions resembling joy." in text
    assert "4 of 4 faces readable" in text
    assert "With 4 faces this says more about single persons" in text
    assert "not sure, of the visible 12 %" in text
    taken = [make_instant(0.2 * k, [1], JOY if k < 30 else BLANK) for k in range(100)]
    text = report(taken).section("glance").text()
    assert "For most of the time (70 %) mainly neutral expressions. Expressions resembling joy came next: 30 %" in text
    assert "A single face is a person, not a class." in text


def test_what_cannot_be_told_is_said() -> None:
    assert "No face was found in 9 sampled instants" in report(KINDS["no face"]).section("glance").text()
    assert "Nothing was sampled" in report([]).section("glance").text()
    assert "no expression could be read with enough confidence" in report(KINDS["nobody sure"]).section("glance").text()
    assert not report(KINDS["no face"]).has("climate")


def test_class_size_can_be_given() -> None:
    text = report(KINDS["lesson"], class_size=24).section("glance").text()
    assert "of 24 faces readable" in text


@pytest.mark.parametrize("kind", ["lesson", "photo", "photos"])
def test_persons_are_not_told_apart_unless_asked_for(kind: str) -> None:
    timeline = Timeline.of(KINDS[kind])
    sidecar = sidecar_of(timeline)
    other = np.random.default_rng(0).permutation(1000)[timeline.track_id] + 5000
    renamed = dataclasses.replace(timeline, track_id=other)
    plain = compose_report(timeline, sidecar)
    # Sums in another order may differ in the last bit, so compare what is printed.
    assert compose_report(renamed, sidecar) == plain
    assert compose_report(renamed, sidecar, per_person=True) != compose_report(timeline, sidecar, per_person=True)
    assert not Page(plain).has("people")
    assert "track" not in Page(plain).root.text()


def test_per_person_has_a_row_a_track_with_its_means() -> None:
    taken = [make_instant(0.2 * k, [3, 7], np.concatenate([JOY, BLANK])) for k in range(10)]
    rows = [row.text().split() for row in report(taken, per_person=True).section("people").every("tr")]
    assert [row[0] for row in rows] == ["track", "3", "7"]
    header = [cell.text() for cell in report(taken, per_person=True).section("people").every("th")]
    cells = report(taken, per_person=True).section("people").every("tr")[1].every("td")
    values = dict(zip(header[1:], [cell.text() for cell in cells], strict=False))
    assert values["joy"] == "100 %"
    assert values["neutral"] == "0 %"
    assert values["valence"] == "+0.76"


def test_every_drawing_has_words_and_numbers(page: Page) -> None:
    ids = [
        e.attributes["id"]
        for tag in ("section", "title", "desc", "h2")
        for e in page.root.every(tag)
        if "id" in e.attributes
    ]
    assert len(ids) == len(set(ids))
    drawn = [svg for svg in page.root.every("svg") if svg.attributes.get("role") == "img"]
    assert len(drawn) >= 15
    for svg in drawn:
        for key in svg.attributes["aria-labelledby"].split():
            assert key in ids
        assert len(svg.every("title")[0].text()) > 3
        assert len(svg.every("desc")[0].text()) > 10
    assert all(svg.attributes.get("aria-hidden") == "true" for svg in page.root.every("svg") if svg not in drawn)
    for key in ("climate", "intensities", "planes", "coverage"):
        (table,) = page.section(key).every("table")
        assert len(table.every("tr")) > 5


def test_both_words_are_shown_together(page: Page) -> None:
    for key in ("climate", "intensities", "planes"):
        text = page.section(key).text()
        for name in EMOTIONS:
            if key == "climate" and name in ("appreciation", "caution"):
                continue
            term = STANDARD_TERM[name]
            assert name if term == name else re.search(rf"{name} \( ?{term} ?\)|{name} \({term}\)", text), (key, name)
    assert "valence (response efficacy)" in page.section("intensities").every("table")[0].text()


def test_what_is_derived_is_marked_and_what_is_measured_is_not(lesson: Timeline, page: Page) -> None:
    marked = [m.text() for m in page.section("intensities").every("span") if m.attributes.get("class") == "mark"]
    assert marked == ["derived, unvalidated"] * 2
    assert "They are unvalidated, and no accuracy is claimed" in page.section("meaning").text()
    assert "No accuracy is claimed for arousal" in page.section("meaning").text()
    # Derived scores take no mass: they are not in the stack.
    assert not [p for p in page.section("climate").every("path") if "c-caution" in p.attributes.get("class", "")]
    measured = Page(compose_report(lesson, sidecar_of(lesson, derived=())))
    assert "unvalidated" not in measured.root.text()
    assert [p for p in measured.section("climate").every("path") if "c-caution" in p.attributes.get("class", "")]


def test_too_few_readable_faces_are_hatched() -> None:
    four = np.repeat(BLANK, 4, 0)
    seen = [4] * 10 + [1] * 10 + [4] * 30
    taken = [make_instant(float(k), list(range(1, n + 1)), four[:n]) for k, n in enumerate(seen)]
    hatched = [d for d in report(taken).section("climate").every("div") if d.attributes.get("class") == "hatch"]
    assert [d.attributes["style"] for d in hatched] == ["left:20%;width:20%"]
    assert "Hatched: fewer than half" in report(taken).section("climate").text()
    assert "Hatched" not in report(taken[:10]).section("climate").text()


def test_moments_are_named_with_their_time_and_marked_in_the_chart() -> None:
    six = list(range(1, 7))
    taken = [make_instant(0.2 * k, six, np.repeat(JOY if k >= 150 else BLANK, 6, 0)) for k in range(300)]
    page = report(taken)
    (moment,) = page.section("moments").every("li")
    text = moment.text()
    assert moment.every("time")[0].text() == "0:30"
    assert "expressions resembling joy rose from 0 % to 100 %" in text
    (line,) = [p for p in page.section("climate").every("path") if p.attributes.get("class") == "moment"]
    assert line.attributes["d"].startswith("M500 ")


EVIL = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>&amp;{}$version.mp4"


def test_names_cannot_inject_anything() -> None:
    taken = [make_class(3, 0.2, source=EVIL + str(k))[0] for k in range(3)]
    timeline = Timeline.of(taken)
    made = Provenance(
        sources=timeline.sources, model=EVIL, model_sha256=EVIL, detector=EVIL, profile=EVIL, settings={EVIL: EVIL}
    )
    sidecar = make_sidecar(made, tuple(SourceStatus(name=n, status="failed", note=EVIL) for n in timeline.sources))
    sidecar = sidecar.model_copy(update={"classmood_version": EVIL, "legal_notice": EVIL, "written": EVIL})
    page = Page(compose_report(timeline, sidecar, per_person=True))
    assert not page.root.every("script")
    assert not page.root.every("img")
    attributes = {
        key
        for tag in ("div", "svg", "p", "dd", "td", "th", "span")
        for e in page.root.every(tag)
        for key in e.attributes
    }
    assert not {key for key in attributes if key.startswith("on")}
    single = Page(
        compose_report(
            Timeline.of(make_class(2, 1, source=EVIL)), make_sidecar(made.model_copy(update={"sources": (EVIL,)}), ())
        )
    )
    # What follows the last slash is the file's name.
    assert EVIL.rsplit("/", 1)[1] in single.root.every("h1")[0].text()


def test_where_it_comes_from_is_recorded(page: Page) -> None:
    text = page.section("about").text()
    for part in (PROVENANCE.model, PROVENANCE.model_sha256, PROVENANCE.detector, "own recordings", "5 times a second"):
        assert part in text
    assert "time_constant_s = 0.35" in text


@pytest.mark.parametrize("name", ["/home/ann/class 7b/lesson.mp4", r"C:\Users\ann\7b\lesson.mp4"])
def test_trouble_names_no_folder(lesson: Timeline, name: str) -> None:
    sources = (SourceStatus(name=name, status="truncated", note=f"{name}: the video breaks off after 3.20 s"),)
    text = Page(compose_report(lesson, make_sidecar(PROVENANCE, sources))).root.every("header")[0].text()
    assert "lesson.mp4: the video breaks off" in text
    assert "ann" not in text


def test_trouble_is_told_at_the_top(lesson: Timeline) -> None:
    sources = (
        SourceStatus(name="lesson.mp4", status="truncated", note="lesson.mp4: the video breaks off after 3.20 s"),
    )
    page = Page(compose_report(lesson, make_sidecar(PROVENANCE, sources)))
    assert "breaks off after 3.20 s" in page.root.every("header")[0].text()
    many = tuple(SourceStatus(name=f"{k}.jpg", status="failed", note=f"{k}.jpg: not an image") for k in range(30))
    text = Page(compose_report(lesson, make_sidecar(PROVENANCE, many))).root.every("header")[0].text()
    assert "9.jpg: not an image" in text
    assert "12.jpg" not in text
    assert "20 more" in text
    stopped = (SourceStatus(name="lesson.mp4", status="interrupted"),)
    assert (
        "was interrupted"
        in Page(compose_report(lesson, make_sidecar(PROVENANCE, stopped))).root.every("header")[0].text()
    )


def test_a_long_lesson_stays_small() -> None:
    rng = np.random.default_rng(0)
    taken = []
    for k in range(300):
        ferplus = rng.dirichlet(np.array([4, 1, 0.3, 0.5, 0.3, 0.2, 0.2, 0.2]), 49)
        taken.append(make_instant(4.0 * k, list(range(1, 50)), ferplus))
    timeline = Timeline.of(taken)
    assert len(compose_report(timeline, sidecar_of(timeline), per_person=True)) < 400_000


def test_photos_are_merged_to_what_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classmood.report.view.MOST_WINDOWS", 10)
    taken = [make_instant(0.0, [1], JOY if k < 10 else BLANK, source=f"photo{k}.jpg") for k in range(40)]
    page = report(taken)
    assert "40 faces in 40 instants" in page.section("about").text()
    glance = page.section("glance").text()
    assert "On average mainly neutral expressions (75 %), then expressions resembling joy (25 %)" in glance
    assert "1 photo0.jpg to photo3.jpg 100 %" in page.section("climate").text()
    assert "3 photo8.jpg to photo11.jpg 50 %" in page.section("climate").text()


@pytest.mark.parametrize("people", [2, 9])
def test_the_stack_reaches_the_top(people: int) -> None:
    (top,) = (
        path.attributes["d"]
        for path in report(make_class(people, 3, seed=people)).section("climate").every("path")
        if path.attributes.get("class") == "area c-neutral"
    )
    assert int(re.findall(r"^M\d+ (-?\d+)", top)[0]) <= 1


def test_it_is_written_or_an_error_says_why(tmp_path: Path, lesson: Timeline) -> None:
    write_report(lesson, sidecar_of(lesson), tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(lesson, sidecar_of(lesson), tmp_path / "none" / "report.html")
