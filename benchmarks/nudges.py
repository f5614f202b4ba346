"""Nudges against the known truth of simulated classes.

    python benchmarks/nudges.py --classes 10 --seed 770001 --json out/nudges.json --markdown out/nudges.md

Each class is drawn from a scenario (``classmood.simulation``) and held without sockets: every message goes into the real
``ClassReleases`` at the second in which it would arrive, every release into the real ``Nudges``, both at their defaults,
with the marks that the simulated teacher set. The generator was committed before any nudge was looked at on it
(e2473c6; ``git diff e2473c6 -- src/classmood/simulation`` shows what changed since). Nudges were tuned on seeds below
1,000 only.

A nudge is right if it names the kind of a moment that a teacher should have been told of
(``classmood.simulation.truth.moments``: a rise of three tenths of the class within two minutes, refusers counted) and
comes between the rise's beginning and ``LATEST_S`` after it was great enough. Later ones, other kinds, and rises that
were smaller are wrong. Precision is right nudges of all; recall right ones of what one nudge in five minutes allows with the
same limit (``most_told``). Intervals are 95% by drawing whole classes with replacement. Delay is from the second in which
the rise was great enough to the release with the nudge; a nudge before that second counts as 0.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from classmood.emotions import CLASSROOM_CLASSES, FERPLUS_CLASSES, FERPLUS_TO_CLASSROOM
from classmood.machine import machine
from classmood.server.messages import Pause
from classmood.server.nudges import KINDS, Mark, Nudge, Nudges, NudgeSettings
from classmood.server.release import ClassReleases, Release, ReleaseSettings
from classmood.simulation.lesson import Lesson, draw
from classmood.simulation.scenario import SHIPPED, Telling, read_scenario
from classmood.simulation.truth import Moment, moments, most_told

LATEST_S = 60.0
GRACE_S = 20.0
FROZEN = "e2473c6"
_TO_CLASSROOM = np.array([[FERPLUS_TO_CLASSROOM[f] == c for c in CLASSROOM_CLASSES] for f in FERPLUS_CLASSES], float)


@dataclass(frozen=True)
class Outcome:
    """One class: what should have been told and what was.

    Attributes:
        delays_s: of each right nudge, by its kind.
        allowed: most moments that anyone could have told.
        wrong: what the wrong nudges were: "late", "other kind", "small rise" (at least half of what is worth telling),
            "nothing".
    """

    seed: int
    hours: float
    nudges: int
    moments: dict[str, int]
    allowed: int
    delays_s: list[tuple[str, float]] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)


def hold(lesson: Lesson, settings: ReleaseSettings) -> list[Release]:
    """The releases of a lesson, in virtual time."""
    room = ClassReleases(settings, class_size=len(lesson.students), randomness=random.Random(lesson.seed))
    happens: list[tuple[float, int, int]] = []
    classroom = {}
    for number, page in lesson.pages.items():
        student = lesson.students[number]
        start_s, end_s = student.here_s
        happens += [(start_s, number, -1), (end_s, number, -2)]
        for gone_s, back_s in student.gone_s:
            # Who is back within the grace was never away.
            if back_s - gone_s > GRACE_S:
                happens += [(gone_s + GRACE_S, number, -2), (back_s, number, -1)]
        phase_s = number * 0.618 % 1
        for second in sorted({*np.flatnonzero(page.seen).tolist(), *page.other}):
            if student.online(second + phase_s):
                happens.append((second + phase_s + student.lag_s, number, second))
        if page.readings is not None:
            classroom[number] = (page.readings.p @ _TO_CLASSROOM).tolist()
    happens.sort()
    releases, at = [], 0
    for close_s in np.arange(settings.interval_s, lesson.scenario.length_s + 1e-9, settings.interval_s):
        while at < len(happens) and happens[at][0] < close_s:
            _happen(room, lesson, classroom, *happens[at])
            at += 1
        releases.append(room.close(float(close_s)))
    return releases


def _happen(
    room: ClassReleases, lesson: Lesson, classroom: dict[int, list], time_s: float, number: int, what: int
) -> None:
    seat, page = str(number), lesson.pages[number]
    if what == -1:
        room.join(seat)
    elif what == -2:
        room.leave(seat, time_s)
    elif what in page.other:
        message = page.other[what]
        if isinstance(message, Pause):
            room.pause(seat)
            return
        if message.mood is not None:
            room.press_mood(seat, message.mood, time_s)
        room.press(seat, message.pressed(), time_s)
    else:
        assert page.readings is not None
        room.read(seat, classroom[number][what], not_sure=bool(page.readings.not_sure[what]), time_s=time_s)


def nudge(lesson: Lesson, releases: Iterable[Release], settings: ReleaseSettings) -> list[Nudge]:
    """What the teacher of a lesson is told."""
    nudges = Nudges(release=settings)
    marks = [Mark(mark.time_s, mark.kind, mark.label) for mark in lesson.course.marks]  # type: ignore[arg-type]
    for release in releases:
        while marks and marks[0].time_s <= release.time_s:
            nudges.mark(marks.pop(0))
        nudges.take(release)
    return list(nudges.given)


def judge(lesson: Lesson, given: Sequence[Nudge], telling: Telling | None = None) -> Outcome:
    """Nudges against the truth."""
    telling = telling or lesson.scenario.telling
    found = moments(lesson, telling)
    small = moments(lesson, telling.model_copy(update={"worth": telling.worth / 2}))
    untold = list(found)
    outcome = Outcome(
        lesson.seed,
        lesson.scenario.length_s / 3600,
        len(given),
        dict(Counter(moment.kind for moment in found)),
        most_told(found, NudgeSettings().interval_s, LATEST_S),
    )
    for one in given:
        right = next((m for m in untold if m.kind == one.kind and within(one.time_s, m)), None)
        if right is not None:
            untold.remove(right)
            outcome.delays_s.append((one.kind, max(0.0, one.time_s - right.time_s)))
        elif any(m.kind == one.kind and m.begins_s <= one.time_s <= m.ends_s for m in found):
            outcome.wrong.append((one.kind, "late"))
        elif any(m.kind == one.kind and within(one.time_s, m) for m in small):
            outcome.wrong.append((one.kind, "small rise"))
        elif any(within(one.time_s, m) for m in found):
            outcome.wrong.append((one.kind, "other kind"))
        else:
            outcome.wrong.append((one.kind, "nothing"))
    return outcome


def within(time_s: float, moment: Moment) -> bool:
    """Whether it is not too early and not too late to tell of the moment."""
    return moment.begins_s <= time_s <= moment.time_s + LATEST_S


def one_class(
    scenario: str, students: int | None, worth: float | None, settings: ReleaseSettings, seed: int
) -> Outcome:
    """Draw, hold and judge one class."""
    lesson = draw(read_scenario(scenario), seed, students=students)
    telling = lesson.scenario.telling
    if worth is not None:
        telling = telling.model_copy(update={"worth": worth})
    return judge(lesson, nudge(lesson, hold(lesson, settings), settings), telling)


def summary(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """The figures over classes, with 95% intervals by drawing classes with replacement."""
    right = np.array([len(o.delays_s) for o in outcomes])
    given, allowed = (np.array([getattr(o, name) for o in outcomes]) for name in ("nudges", "allowed"))
    drawn = np.random.default_rng(0).integers(0, len(outcomes), (4000, len(outcomes)))

    def ratio(of: np.ndarray) -> dict[str, float]:
        whole = of[drawn].sum(1)
        spread = np.percentile(right[drawn].sum(1)[whole > 0] / whole[whole > 0], [2.5, 97.5])
        return {"value": float(right.sum() / max(of.sum(), 1)), "low": float(spread[0]), "high": float(spread[1])}

    delays = [delay for o in outcomes for _, delay in o.delays_s]
    told = Counter(kind for o in outcomes for kind, _ in o.delays_s)
    existing: Counter[str] = Counter()
    for o in outcomes:
        existing.update(o.moments)
    return {
        "classes": len(outcomes),
        "nudges": int(given.sum()),
        "right": int(right.sum()),
        "moments": int(sum(existing.values())),
        "allowed": int(allowed.sum()),
        "precision": ratio(given),
        "recall": ratio(allowed),
        "delay_s": {
            name: float(value)
            for name, value in zip(
                ("median", "p90", "greatest"), np.percentile(delays, [50, 90, 100]) if delays else [], strict=False
            )
        },
        "nudges_an_hour": float(given.sum() / sum(o.hours for o in outcomes)),
        "wrong": dict(Counter(why for o in outcomes for _, why in o.wrong)),
        "wrong_kinds": dict(Counter(kind for o in outcomes for kind, _ in o.wrong)),
        "by_kind": {kind.name: [told[kind.name], existing[kind.name]] for kind in KINDS},
    }


def markdown(rows: list[dict]) -> str:
    """A table for the docs."""
    lines = [
        "| scenario | students | classes | precision | recall of what the cap allows | delay: median, 90% | an hour |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        d = row["delay_s"]
        lines.append(
            f"| {row['scenario']} | {row['students']} | {row['classes']} "
            f"| {_with_interval(row['precision'])} | {_with_interval(row['recall'])} "
            f"| {d.get('median', float('nan')):.0f} s, {d.get('p90', float('nan')):.0f} s | {row['nudges_an_hour']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def _with_interval(ratio: dict) -> str:
    return f"{ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"


def main(arguments: list[str]) -> int:
    """Judge; 1 if precision is below 0.7, recall below 0.6, or a tenth of the delays above a minute."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=770001, help="of the first class; the others follow")
    parser.add_argument("--scenarios", nargs="+", default=["lecture"], metavar="NAME", help=f"of {', '.join(SHIPPED)}")
    parser.add_argument("--students", nargs="+", type=int, default=[], help="in place of the scenario's")
    parser.add_argument("--worth", type=float, help="rise that is worth telling, in place of the scenario's")
    parser.add_argument("--noise", type=float, nargs=2, metavar=("STUDENTS", "PRESSES"), help="instead of the default")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    chosen = parser.parse_args(arguments)
    settings = ReleaseSettings()
    if chosen.noise:
        settings = ReleaseSettings(noise_students=chosen.noise[0], press_noise_students=chosen.noise[1])
    rows: list[dict] = []
    print(f"{machine(2)}; generator frozen at {FROZEN}")
    with ProcessPoolExecutor(chosen.workers) as pool:
        for scenario in chosen.scenarios:
            for students in chosen.students or [read_scenario(scenario).students.number]:
                started = time.perf_counter()
                work = partial(one_class, scenario, students, chosen.worth, settings)
                outcomes = list(pool.map(work, range(chosen.seed, chosen.seed + chosen.classes)))
                row = {"scenario": scenario, "students": students, "first_seed": chosen.seed, **summary(outcomes)}
                rows.append(row | {"each": [asdict(outcome) for outcome in outcomes]})
                print(json.dumps(row), f"{time.perf_counter() - started:.0f} s", flush=True)
    text = markdown(rows)
    print(text)
    for path, content in ((chosen.json, json.dumps(rows, indent=1)), (chosen.markdown, text)):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content + "\n", encoding="utf-8")
    return int(any(row["precision"]["value"] < 0.7 or row["recall"]["value"] < 0.6 for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
