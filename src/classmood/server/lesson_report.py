"""The report after class: what was released, with the teacher's marks, the nudges, and what followed them.

It is the page of ``classmood.report`` with other sections: it knows releases, not faces. Every chart has its numbers
as text, every uncertain stretch is hatched, and what the numbers do not mean is said on the page.
"""

from __future__ import annotations

import string
from html import escape
from importlib import resources
from importlib.metadata import version
from typing import Final

import numpy as np

from classmood.agreement import Agreement
from classmood.emotions import CLASSROOM_CLASSES, NEUTRAL
from classmood.report import figures, palette
from classmood.report.figures import clock, number, percent
from classmood.report.view import named, section
from classmood.server.gate import PROHIBITION
from classmood.server.lesson import Course, Lesson, course
from classmood.server.lesson_charts import (
    MARK_WORDS,
    climate_section,
    coverage_section,
    finite_mean,
    followed_section,
    panels_section,
    planes_section,
)
from classmood.store import RESEARCH

_MOST_ROWS: Final = 24
_NOTICE: Final = (
    f"{PROHIBITION}, forbids AI that infers people's emotions in education, medical and safety uses aside. What "
    "faces showed is in here only where the deployment profile allowed it. This is engineering, not legal advice."
)
_RESEARCHER_S: Final = Agreement(
    unknown="How well recognised emotion matches what students pressed is not told here: it is made of single "
    "students' rows, which the researcher alone sees. 'classmood report' with the server's database tells it."
)


def compose_lesson_report(lesson: Lesson, agreement: Agreement = _RESEARCHER_S) -> str:
    """The report as one HTML page that loads nothing.

    Args:
        lesson: see there.
        agreement: of recognised and pressed emotion, for a class under ``research``; other classes keep no rows to
            make it of.
    """
    whole, rows = course(lesson), course(lesson, _MOST_ROWS)
    sections = [_glance(lesson, whole), _events(lesson)]
    if np.isfinite(whole.sharing).any():
        axis = figures.time_axis(whole.start_s, whole.end_s)
        sections += [
            climate_section(lesson, whole, rows, axis),
            panels_section(whole, rows, axis),
            planes_section(lesson, whole),
            coverage_section(lesson, whole, rows, axis),
            followed_section(lesson),
        ]
    if lesson.profile == RESEARCH:
        sections.append(agreement.html())
    sections += [_meaning(lesson), _about(lesson)]
    folder = resources.files("classmood.report")
    page, style = (string.Template((folder / name).read_text(encoding="utf-8")) for name in ("page.html", "style.css"))
    colours = {name: palette.variables(sheet) for name, sheet in palette.SHEETS.items()}
    return page.substitute(
        version=escape(version("classmood")),
        title=escape(f"Class of {lesson.opened:%Y-%m-%d}"),
        style=style.substitute(colours, classes=palette.classes()),
        under=escape(_under(lesson)),
        warnings=""
        if lesson.closed
        else '<p class="warning">The class is not over: this is what there was until now.</p>',
        sections="\n".join(part for part in sections if part),
        notice=escape(_NOTICE),
    )


def _under(lesson: Lesson) -> str:
    length_s = lesson.releases[-1].time_s if lesson.releases else 0.0
    every = f"a release every {lesson.settings.interval_s:g} s"
    return f"opened {lesson.opened:%H:%M} UTC, {clock(length_s)} long, {every}"


def _glance(lesson: Lesson, whole: Course) -> str:
    spoken = len(lesson.spoken)
    if not lesson.releases:
        say, sure = "Nothing was released.", ""
    elif not spoken:
        say = f"Fewer than {lesson.settings.k} students shared at any time, so nothing was released."
        sure = ""
    else:
        overall = {name: whole.overall(name) for name in CLASSROOM_CLASSES}
        first, *others = sorted(overall, key=lambda name: -overall[name])
        second = next(name for name in others if name != NEUTRAL)
        say = (
            f"On average mainly {_resembling(first)} ({percent(overall[first])})"
            + (f", then {_resembling(second)} ({percent(overall[second])})" if overall[second] else "")
            + "."
        )
        unclear = float(whole.uncertain[np.isfinite(whole.sharing)].mean())
        sure = (
            f'How sure: a share is off by up to <span class="level">± {percent(_typical_noise(lesson))}</span> from '
            "the noise that protects single students"
            + (f"; {percent(unclear)} of the time it was more than 30\u00a0%, and hatched." if unclear else ".")
        )
    facts = [
        *([("in class", str(lesson.class_size))] if lesson.class_size else []),
        ("shared, on average", number(finite_mean(whole.sharing), 1) if spoken else "–"),
        ("releases", str(len(lesson.releases))),
        ("of these silent", str(len(lesson.releases) - spoken)),
        ("marks", str(len(lesson.marks))),
        ("nudges", str(len(lesson.suggestions))),
    ]
    items = "".join(f"<div><dt>{escape(term)}</dt><dd>{escape(value)}</dd></div>" for term, value in facts)
    how = f'<p class="sure">{sure}</p>' if sure else ""
    return (
        f'<section class="glance" id="glance" aria-label="At a glance"><p class="say">{say}</p>{how}'
        f'<dl class="facts">{items}</dl></section>'
    )


def _events(lesson: Lesson) -> str:
    """Marks and nudges in order of time."""
    told: list[tuple[float, str]] = []
    for mark in lesson.marks:
        label = f": {escape(mark.label)}" if mark.label else ""
        told.append((mark.time_s, f"{MARK_WORDS[mark.kind]}{label}"))
    for nudge in lesson.suggestions:
        answer = f' <span class="term">({escape(nudge.usefulness)})</span>' if nudge.usefulness else ""
        told.append((nudge.time_s, f"<b>nudge</b> {escape(nudge.text)} {escape(nudge.action)}{answer}"))
    if not told:
        return ""
    items = "".join(
        f'<li><span class="pin">{n}</span><time>{clock(time_s)}</time><span>{text}</span></li>'
        for n, (time_s, text) in enumerate(sorted(told), 1)
    )
    caption = "What was marked and what was suggested; the numbers stand above the charts."
    return section("events", "Marks and nudges", caption, f'<ol class="moments">{items}</ol>')


def _meaning(lesson: Lesson) -> str:
    settings = lesson.settings
    texts = [
        "A face shows an expression, not a feeling, and a press says what somebody chose to press. Every name of an "
        "emotion on this page means “expression resembling ...” or “pressed ...”.",
        f"Nothing was told while fewer than {settings.k} shared. Before anything was told, noise was added to every "
        "count; comings and goings were taken together; small groups were hidden. So a share can be wrong by what its "
        "band shows, and small changes are often noise.",
        "A neutral face is not boredom, nor is it attention. Who did not share is not in here.",
        "Not for grading, ranking, discipline, diagnosis, proctoring, hiring or any decision about a person. "
        "Recognition errs more on some groups of people than on others.",
    ]
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return section("meaning", "What the numbers mean, and what they do not", "", f'<ul class="plain">{items}</ul>')


def _about(lesson: Lesson) -> str:
    s = lesson.settings
    rows = [
        ("Deployment profile", lesson.profile),
        ("Opened", f"{lesson.opened:%Y-%m-%d %H:%M} UTC"),
        ("Closed", f"{lesson.closed:%Y-%m-%d %H:%M} UTC" if lesson.closed else "not yet"),
        ("Fewest who share", str(s.k)),
        ("Noise", f"{s.noise_students:g} students in each expression, {s.press_noise_students:g} in each press"),
        ("Rounding", f"shares to {percent(s.share_step)}"),
    ]
    items = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in rows)
    return section("about", "About this class", "", f'<dl class="about">{items}</dl>')


def _typical_noise(lesson: Lesson) -> float:
    return float(np.median([release.half_width or 0.0 for release in lesson.spoken]))


def _resembling(name: str) -> str:
    return "neutral expressions" if name == NEUTRAL else f"expressions resembling {named(name)}"
