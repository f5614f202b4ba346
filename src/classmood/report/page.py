"""A timeline as a page that a teacher can read: one HTML file that loads nothing from anywhere.

It shows the class, not persons, unless that is asked for. Every figure has its numbers as text beside it, every
uncertain stretch is hatched, and what the numbers do not mean is said on the page itself.
"""

from __future__ import annotations

import json
import string
from html import escape
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np

from classmood.climate import persons
from classmood.emotions import DIMENSIONS, NEUTRAL
from classmood.errors import OutputError
from classmood.moments import Change
from classmood.report import palette
from classmood.report.attendance import coverage_section, people_section
from classmood.report.figures import clock, number, percent
from classmood.report.sections import climate_section, intensities, listed, planes_section
from classmood.report.view import View, full_name, named, section, several, short_name
from classmood.sidecar import OWN_RECORDINGS, Sidecar
from classmood.timeline import Timeline

_PROFILES: Final = {OWN_RECORDINGS: "own recordings: a tool for whoever made the recording, serving nobody else"}
# What is said of the certainty: least share of the faces readable, least mean confidence, the word.
_LEVELS: Final = ((0.75, 0.7, "high"), (0.5, 0.55, "moderate"), (0.0, 0.0, "low"))
_FEW: Final = 5
_MOST_WARNINGS: Final = 10


def write_report(
    timeline: Timeline,
    sidecar: Sidecar,
    path: Path,
    *,
    per_person: bool = False,
    class_size: int | None = None,
    more: str = "",
) -> None:
    """Write the report of a timeline.

    Args:
        timeline: what was seen.
        sidecar: where it comes from.
        path: the HTML file to write.
        per_person: show persons too, not only the class.
        class_size: how many there are with everyone in view; estimated from the timeline by default.
        more: further sections as HTML, before what the numbers mean.

    Raises:
        OutputError: the file cannot be written.
    """
    page = compose_report(timeline, sidecar, per_person=per_person, class_size=class_size, more=more)
    try:
        path.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another output folder") from error


def compose_report(
    timeline: Timeline,
    sidecar: Sidecar,
    *,
    per_person: bool = False,
    class_size: int | None = None,
    more: str = "",
) -> str:
    """The report as HTML; see ``write_report``."""
    view = View(timeline, sidecar, class_size)
    sections = [_glance(view)]
    if view.readable:
        sections += [climate_section(view), _moments(view), intensities(view), planes_section(view)]
    if len(timeline):
        sections.append(coverage_section(view))
        sections.append(people_section(timeline, view.derived) if per_person else "")
    sections += [more, _meaning(view), _about(timeline, sidecar)]
    folder = resources.files("classmood.report")
    page, style = (string.Template((folder / name).read_text(encoding="utf-8")) for name in ("page.html", "style.css"))
    colours = {name: palette.variables(sheet) for name, sheet in palette.SHEETS.items()}
    return page.substitute(
        version=escape(sidecar.classmood_version),
        title=escape(_title(sidecar)),
        style=style.substitute(colours, classes=palette.classes()),
        under=escape(_under(timeline, sidecar)),
        warnings="".join(f'<p class="warning">{escape(text)}</p>' for text in _warnings(timeline, sidecar)),
        sections="\n".join(part for part in sections if part),
        notice=escape(f"{sidecar.legal_notice} This is engineering, not legal advice."),
    )


def _title(sidecar: Sidecar) -> str:
    names = sidecar.provenance.sources
    return f"Class report: {short_name(names[0])}" if len(names) == 1 else f"Class report: {len(names)} sources"


def _under(timeline: Timeline, sidecar: Sidecar) -> str:
    times_s = timeline.instants.time_s
    parts = []
    if len(timeline.sources) < 2 and len(times_s) > 1:
        parts.append(f"{_length(float(times_s.max() - times_s.min()))}, sampled {_sampling(timeline, sidecar)}")
    if sidecar.written:
        parts.append(f"analysed {sidecar.written[:10]}")
    return ", ".join(parts)


def _sampling(timeline: Timeline, sidecar: Sidecar) -> str:
    if len(timeline.instants) and not timeline.instants.time_s.any():
        return "single images"
    hz = sidecar.provenance.sampling_hz
    return f"{hz:g} times a second" if hz else "at every frame"


def _length(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _warnings(timeline: Timeline, sidecar: Sidecar) -> list[str]:
    texts = []
    if sidecar.status == "interrupted":
        texts.append("The analysis was interrupted: this is what was done until then. Run it again to go on.")
    for source in sidecar.sources:
        if source.status in ("truncated", "failed"):
            # Folders can name a pupil or an account; a report is passed on.
            short = short_name(source.name)
            texts.append(source.note.replace(source.name, short) or f"{short}: {source.status}")
    if len(texts) > _MOST_WARNINGS:
        texts = [*texts[:_MOST_WARNINGS], f"... and {len(texts) - _MOST_WARNINGS} more, listed in timeline.json."]
    if len(timeline.instants) and not len(timeline):
        texts.append("No face was found. Is anyone in view, not too small and not too dark?")
    return texts


def _glance(view: View) -> str:
    """One line for who reads nothing else, with how sure it is."""
    timeline, windows = view.timeline, view.windows
    sampled = (several(len(timeline.instants), "instant")).split()
    facts = [(f"{sampled[1]} sampled", sampled[0])]
    sure = ""
    if not len(timeline.instants):
        say = "Nothing was sampled, so there is nothing to tell."
    elif not len(timeline):
        say = f"No face was found in {several(len(timeline.instants), 'sampled instant')}, so there is nothing to tell."
    else:
        visible, readable = view.average(windows.visible), view.average(windows.readable)
        digits, when = (0, "") if view.still else (1, " on average")
        facts = [
            *([("faces in all", str(windows.expected))] if windows.expected else []),
            (f"visible{when}", number(visible, digits)),
            (f"readable{when}", number(readable, digits)),
            ("not sure, of the visible", percent(1 - readable / visible)),
            *facts,
        ]
        if view.readable:
            say, sure = _in_words(view), _how_sure(view, visible, readable)
        else:
            say = "Faces were found, but no expression could be read with enough confidence."
    items = "".join(f"<div><dt>{escape(term)}</dt><dd>{escape(value)}</dd></div>" for term, value in facts)
    how = f'<p class="sure">{sure}</p>' if sure else ""
    return (
        f'<section class="glance" id="glance" aria-label="At a glance"><p class="say">{say}</p>{how}'
        f'<dl class="facts">{items}</dl></section>'
    )


def _in_words(view: View) -> str:
    """What the class showed, as one or two sentences of HTML."""
    shares = {name: view.overall(name) for name in view.measured}
    ordered = sorted(view.measured, key=lambda name: -shares[name])
    if view.still or not view.windows.over_time:
        second = next(name for name in ordered[1:] if name != NEUTRAL)
        lead = f"{'' if view.still else 'On average '}mainly {_resembling(ordered[0])} ({percent(shares[ordered[0]])})"
        return f"{_capital(lead)}, then {_resembling(second)} ({percent(shares[second])})."
    led = _time_led(view)
    longest = max(led, key=lambda name: led[name])
    if led[longest] > 0.995:
        lead = f"All the time mainly {_resembling(longest)}."
    elif led[longest] > 0.5:
        lead = f"For most of the time ({percent(led[longest])}) mainly {_resembling(longest)}."
    else:
        parts = [f"{_resembling(name)} {percent(led[name])}" for name in sorted(led, key=lambda name: -led[name])[:3]]
        lead = f"No expression led for most of the time: {', '.join(parts)} of it."
    other = next(name for name in ordered if name not in (NEUTRAL, longest))
    rest = f"{_capital(_resembling(other))} came next: {percent(shares[other])} on average"
    # A peak counts only where enough of the class was seen.
    values = np.where(view.windows.coverage >= 0.25, view.windows.of(other), np.nan)
    if np.isfinite(values).any() and np.nanmax(values) > 1.5 * shares[other]:
        peak = int(np.nanargmax(values))
        rest += f", most at {clock(float(view.windows.start_s[peak]))} ({percent(float(values[peak]))})"
    return f"{lead} {rest}."


def _time_led(view: View) -> dict[str, float]:
    """For each emotion, the share of the readable time in which it had the largest share."""
    weights = view.weights()
    means = np.array([view.windows.of(name) for name in view.measured])
    leading = np.argmax(np.nan_to_num(means, nan=-1.0), 0)
    return {name: float(weights[leading == k].sum() / weights.sum()) for k, name in enumerate(view.measured)}


def _how_sure(view: View, visible: float, readable: float) -> str:
    """Coverage and confidence in words, as HTML."""
    windows, timeline = view.windows, view.timeline
    confidence = float(timeline.confidence[~timeline.not_sure].mean(dtype=np.float64))
    share = min(readable / (windows.expected or visible), 1.0)
    level = next(word for least_share, least, word in _LEVELS if share >= least_share and confidence >= least)
    people = int(windows.people.max()) if windows.over_time else int(persons(timeline).max()) + 1
    if windows.expected == 1 and not view.still:
        seen = f"The face was readable in {percent(share)} of the instants"
    elif windows.expected:
        seen = f"{readable:.0f} of {several(windows.expected, 'face')} readable{'' if view.still else ' on average'}"
    else:
        seen = f"{percent(share)} of the faces readable"
    text = (
        f'<span class="level">Confidence: {level}.</span> {seen}; the model expects {percent(confidence)} of its '
        "single readings to agree with what most viewers would say."
    )
    if people == 1:
        text += " A single face is a person, not a class."
    elif people < _FEW:
        text += f" With {people} faces this says more about single persons than about a class."
    return text


def _moments(view: View) -> str:
    """The changes that stand out, with their times."""
    if view.still or not view.windows.over_time:
        return ""
    if not view.moments:
        caption = "No change of the class was larger than chance and large enough to matter."
        return section("moments", "Moments that stand out", caption, "")
    items = "".join(
        f'<li><span class="pin">{n}</span><time>{clock(change.time_s)}</time><span>{_told(change)}</span></li>'
        for n, change in enumerate(view.moments, 1)
    )
    caption = (
        "The largest changes that are more than chance, before against after, person by person. They are marked in the "
        "chart above. What was on the screen then?"
    )
    return section("moments", "Moments that stand out", caption, f'<ol class="moments">{items}</ol>')


def _told(change: Change) -> str:
    if change.what == "faces":
        verb = "left the picture" if change.after < change.before else "came into view"
        many = several(max(round(abs(change.after - change.before)), 1), "face")
        return f"{many} {verb}: {number(change.before, 0)} to {number(change.after, 0)} visible"
    verb = "rose" if change.after > change.before else "fell"
    return (
        f"expressions resembling {named(change.what)} {verb} from {percent(change.before)} to {percent(change.after)} "
        f'<span class="term">({change.span_s:.0f} s before and after, {several(change.people, "face")})</span>'
    )


def _meaning(view: View) -> str:
    made = view.sidecar.provenance
    texts = [
        "A face shows an expression, not a feeling. Where students were asked what they felt, a recogniser that was "
        "right about expressions nine times in ten agreed with them about four times in ten (Das, Bulut Özek and "
        "Özdemir 2024). Every name on this page means “expression resembling ...”.",
        "Shares are probabilities averaged over faces, not head counts: “joy 20\u00a0%” does not mean that every fifth "
        "student is happy. A neutral face is not boredom, nor is it attention.",
        "A face that the model is not sure about is left out of the means and counted as “not sure”. Where fewer than "
        "half of the faces could be read, charts are hatched: do not read much into those parts.",
        "Bands are 95\u00a0% intervals over the persons seen. They hold neither the model’s errors nor who is missing.",
    ]
    computed = [name for name in DIMENSIONS if name not in made.measured_dimensions]
    if computed:
        verb = "are averages" if len(computed) > 1 else "is an average"
        texts.append(
            f"{_capital(listed(computed))} {verb} of the places that Russell and Mehrabian (1977) gave to the words."
            + (" No accuracy is claimed for arousal." if "arousal" in computed else "")
        )
    if made.measured_dimensions:
        texts.append(
            f"{_capital(listed(made.measured_dimensions))}: outputs of the model itself, trained on what "
            "participants of a study said of themselves."
        )
    if made.unlearned:
        texts.append(
            f"The model’s training data held nothing labelled {listed([full_name(name) for name in made.unlearned])}: "
            "it cannot name them, and that they stay at 0 says nothing about the class."
        )
    if view.derived:
        names = _capital(" and ".join(full_name(name) for name in view.derived))
        texts.append(
            f"{names} are marked as derived: no public set of faces is labelled with them, so they are computed from "
            "the three dimensions. They are unvalidated, and no accuracy is claimed for them."
        )
    texts.append(
        "Not for grading, ranking, discipline, diagnosis, proctoring, hiring or any decision about a person. "
        "Recognition errs more on some groups of people than on others."
    )
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return section("meaning", "What the numbers mean, and what they do not", "", f'<ul class="plain">{items}</ul>')


def _about(timeline: Timeline, sidecar: Sidecar) -> str:
    made = sidecar.provenance
    names = [short_name(name) for name in made.sources]
    listed = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    settings = ", ".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in made.settings.items())
    rows = [
        ("Sources", listed or "none"),
        ("Status", sidecar.status),
        ("Sampled", _sampling(timeline, sidecar)),
        ("Readings", f"{several(len(timeline), 'face')} in {several(len(timeline.instants), 'instant')}"),
        ("Emotion model", made.model),
        ("Its SHA-256", made.model_sha256),
        ("Face detector", made.detector),
        ("Settings", settings or "as shipped"),
        ("Deployment profile", _PROFILES.get(made.profile, made.profile)),
        ("Columns and units", f"in timeline.json, schema version {sidecar.schema_version}"),
    ]
    items = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in rows)
    return section("about", "About this analysis", "", f'<dl class="about">{items}</dl>')


def _resembling(name: str) -> str:
    return "neutral expressions" if name == NEUTRAL else f"expressions resembling {named(name)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
