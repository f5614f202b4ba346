"""Nudges against the known truth of simulated classes.

    python benchmarks/nudges.py --classes 10 --seed 1770001 --json out/nudges.json --markdown out/nudges.md

Each class is drawn from a scenario (``classmood.simulation``) and held without sockets: every message goes into the
real ``ClassReleases`` at the second in which it would arrive, every release into the real ``Nudges``, both at their
defaults, with the marks that the simulated teacher set. The generator was committed before any nudge was looked at on
it (e2473c6; ``git diff e2473c6 -- src/classmood/simulation`` shows what changed since). Nudges were tuned on seeds
below 1,000 only.

A nudge is right if it names the kind of a moment that a teacher should have been told of
(``classmood.simulation.truth.moments``: a rise of three tenths of the class within two minutes, refusers counted) and
comes between the rise's beginning and ``LATEST_S`` after it was great enough. Later ones, other kinds, and rises that
were smaller are wrong. Precision is right nudges of all; recall right ones of what one nudge in five minutes allows
with the same limit (``most_told``). Intervals are 95% by drawing whole classes with replacement. Delay is from the
second in which the rise was great enough to the release with the nudge; a nudge before that second counts as 0.

``informed`` is a bound for detectors of any make: the recall of one that sees the noised counts before anything is
hidden or rounded, knows when each moment would come, how the class's share would rise and what that would do to each
count of its pattern, and only decides whether it did, against the noise and the class's own unrest. It may be wrong as
often as a precision of 0.7 allows, over as many looks as there are kinds and minutes. A real detector knows neither
when nor how much.
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
from typing import Any

import numpy as np
from scipy.stats import norm

from classmood.emotions import CLASSROOM_CLASSES, FERPLUS_CLASSES, FERPLUS_TO_CLASSROOM
from classmood.machine import machine
from classmood.server.class_releases import ClassReleases
from classmood.server.evidence import PRESS_UNREST, UNREST, UNREST_S
from classmood.server.messages import Pause
from classmood.server.noise import SPECTRUM
from classmood.server.nudges import KINDS, Mark, Nudge, Nudges, NudgeSettings
from classmood.server.release import CELLS, PRESSES, Release, ReleaseSettings
from classmood.simulation.lesson import Lesson, draw
from classmood.simulation.scenario import SHIPPED, Telling, read_scenario
from classmood.simulation.truth import Moment, hidden_course, moments, most_told

LATEST_S = 60.0
GRACE_S = 20.0
FROZEN = "e2473c6"
_TO_CLASSROOM = np.array([[FERPLUS_TO_CLASSROOM[f] == c for c in CLASSROOM_CLASSES] for f in FERPLUS_CLASSES], float)


@dataclass(frozen=True)
class Outcome:
    """One class: what should have been told and what was.

    Attributes:
        allowed: most moments that anyone could have told.
        detectability: of each moment, to the informed detector: standard deviations by which it stands out.
        delays_s: of each right nudge, by its kind.
        wrong: what the wrong nudges were: "late", "other kind", "small rise" (at least half of what is worth telling),
            "nothing".
    """

    seed: int
    hours: float
    nudges: int
    moments: dict[str, int]
    allowed: int
    detectability: list[float]
    counted: float
    delays_s: list[tuple[str, float]] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)


class WatchedReleases(ClassReleases):
    """The real thing, with the counts before their noise kept for the bound."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.exact: dict[int, np.ndarray] = {}
        tell = self._for_nudges.tell

        def watched(counts: np.ndarray, offsets: np.ndarray, **named: Any) -> Release:
            self.exact[named["number"]] = counts
            return tell(counts, offsets, **named)

        self._for_nudges.tell = watched  # type: ignore[method-assign]


@dataclass(frozen=True)
class Held:
    """A class that was held.

    Attributes:
        releases: what nudges are decided on.
        exact: the counts behind it before noise, by number.
        counted: share of the seats taken, over all releases, that counted and did not wait for a batch.
    """

    releases: list[Release]
    exact: dict[int, np.ndarray]
    counted: float


def hold(lesson: Lesson, settings: ReleaseSettings) -> Held:
    """Hold a lesson in virtual time."""
    room = WatchedReleases(
        settings,
        class_size=len(lesson.students),
        randomness=random.Random(lesson.seed),
        nudge_randomness=random.Random(f"nudges of {lesson.seed}"),
    )
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
    releases, at, seats, counted = [], 0, 0, 0
    for close_s in np.arange(settings.interval_s, lesson.scenario.length_s + 1e-9, settings.interval_s):
        while at < len(happens) and happens[at][0] < close_s:
            _happen(room, lesson, classroom, *happens[at])
            at += 1
        room.close(float(close_s))
        releases.append(room.for_nudges)
        seats += len(room._membership.present)
        counted += room._membership.sharing
    return Held(releases, room.exact, counted / max(seats, 1))


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
    nudges = Nudges(release=settings, cameras=any(lesson.students[number].camera for number in lesson.pages))
    marks = [Mark(mark.time_s, mark.kind, mark.label) for mark in lesson.course.marks]  # type: ignore[arg-type]
    for release in releases:
        while marks and marks[0].time_s <= release.time_s:
            nudges.mark(marks.pop(0))
        nudges.take(release)
    return list(nudges.given)


def detectability(
    moment: Moment,
    share: np.ndarray,
    releases: Sequence[Release],
    exact: dict[int, np.ndarray],
    settings: ReleaseSettings,
) -> float:
    """By how many deviations a moment stands out, up to ``LATEST_S`` after it, to who knows its course (see above)."""
    seen = [r for r in releases if moment.begins_s - 120 < r.time_s <= moment.time_s + LATEST_S and not r.silent]
    seen = [r for r in seen if r.sharing == seen[-1].sharing]
    before = np.array([r.time_s <= moment.begins_s for r in seen])
    if not before.any() or before.all():
        return 0.0
    # The hidden share's rise, averaged over each interval as the counts are.
    course = np.array([share[int(r.time_s - settings.interval_s) : int(r.time_s)].mean() for r in seen])
    course = np.where(before, 0.0, course - course[before].mean())
    counts, sharing = np.array([exact[r.number] for r in seen]), seen[-1].sharing or 1
    apart_s = np.abs(np.subtract.outer([r.time_s for r in seen], [r.time_s for r in seen]))
    wandering = sum(w * (np.exp(-apart_s / tau) if tau else (apart_s == 0).astype(float)) for tau, w in SPECTRUM)
    total = 0.0
    for cell in next(kind.pattern for kind in KINDS if kind.name == moment.kind):
        pressed, place = cell in PRESSES, (*CELLS, *PRESSES).index(cell)
        size = (course @ (counts[:, place] - counts[before, place].mean())) / (course @ course)
        noise = (settings.press_noise_students if pressed else settings.noise_students) * settings.widening(sharing)
        unrest = (PRESS_UNREST if pressed else UNREST) * sharing * np.exp(-apart_s / UNREST_S)
        inverse = np.linalg.inv(noise**2 * wandering + unrest + 1e-3 * np.eye(len(seen)))
        ones = inverse.sum(1)
        free = inverse - np.outer(ones, ones) / ones.sum()
        total += size**2 * float(course @ free @ course)
    return total**0.5


def informed_recall(outcomes: Sequence[Outcome]) -> float:
    """What the informed detector tells, of what the cap allows, while three tenths of what it tells are wrong."""
    stands_out = np.array([one for o in outcomes for one in o.detectability])
    looks = len(KINDS) * sum(o.hours for o in outcomes) * 3600 / LATEST_S
    told = float(len(stands_out))
    for _ in range(50):
        wrong = max(told * 0.3 / 0.7, 1e-9)
        told = float(norm.cdf(stands_out - norm.isf(min(wrong / looks, 0.5))).sum())
    return min(told / max(sum(o.allowed for o in outcomes), 1), 1.0)


def judge(
    lesson: Lesson, given: Sequence[Nudge], telling: Telling, stands_out: list[float], counted: float = 1.0
) -> Outcome:
    """Nudges against the truth."""
    found = moments(lesson, telling)
    small = moments(lesson, telling.model_copy(update={"worth": telling.worth / 2}))
    untold = list(found)
    outcome = Outcome(
        lesson.seed,
        lesson.scenario.length_s / 3600,
        len(given),
        dict(Counter(moment.kind for moment in found)),
        most_told(found, NudgeSettings().interval_s, LATEST_S),
        stands_out,
        counted,
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
    held = hold(lesson, settings)
    seen = settings.for_nudges()
    shares = hidden_course(lesson).shares
    stands_out = [detectability(m, shares[m.kind], held.releases, held.exact, seen) for m in moments(lesson, telling)]
    return judge(lesson, nudge(lesson, held.releases, seen), telling, stands_out, held.counted)


def summary(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """The figures over classes, with 95% intervals by drawing classes with replacement."""
    right = np.array([len(o.delays_s) for o in outcomes])
    given, allowed = (np.array([getattr(o, name) for o in outcomes]) for name in ("nudges", "allowed"))
    drawn = np.random.default_rng(0).integers(0, len(outcomes), (4000, len(outcomes)))

    def ratio(of: np.ndarray) -> dict[str, float]:
        whole = of[drawn].sum(1)
        drawn_ratios = right[drawn].sum(1)[whole > 0] / whole[whole > 0]
        spread = np.percentile(drawn_ratios, [2.5, 97.5]) if len(drawn_ratios) else (0.0, 1.0)
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
        "informed": informed_recall(outcomes),
        "counted": float(np.mean([o.counted for o in outcomes])),
        "nudges_an_hour": float(given.sum() / sum(o.hours for o in outcomes)),
        "wrong": dict(Counter(why for o in outcomes for _, why in o.wrong)),
        "wrong_kinds": dict(Counter(kind for o in outcomes for kind, _ in o.wrong)),
        "by_kind": {kind.name: [told[kind.name], existing[kind.name]] for kind in KINDS},
    }


def markdown(rows: list[dict]) -> str:
    """A table for the docs."""
    lines = [
        "| scenario | students | classes | precision | recall of what the cap allows | informed | delay: median, 90% "
        "| an hour |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        d = row["delay_s"]
        lines.append(
            f"| {row['scenario']} | {row['students']} | {row['classes']} "
            f"| {_with_interval(row['precision'])} | {_with_interval(row['recall'])} | {row['informed']:.2f} "
            f"| {d.get('median', float('nan')):.0f} s, {d.get('p90', float('nan')):.0f} s "
            f"| {row['nudges_an_hour']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def _with_interval(ratio: dict) -> str:
    return f"{ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"


def main(arguments: list[str]) -> int:
    """Judge; 1 if precision is below 0.7, recall below 0.6, or a tenth of the delays above a minute."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1770001, help="of the first class; the others follow")
    parser.add_argument("--scenarios", nargs="+", default=["lecture"], metavar="NAME", help=f"of {', '.join(SHIPPED)}")
    parser.add_argument("--students", nargs="+", type=int, default=[], help="in place of the scenario's")
    parser.add_argument("--worth", type=float, help="rise that is worth telling, in place of the scenario's")
    parser.add_argument("--noise", type=float, nargs=2, metavar=("STUDENTS", "PRESSES"), help="of what nudges see")
    parser.add_argument("--batch-gap-growth", type=float, metavar="TIMES", help="of each gap to the one before")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    chosen = parser.parse_args(arguments)
    settings = ReleaseSettings()
    if chosen.noise:
        settings = ReleaseSettings(nudge_noise_students=chosen.noise[0], nudge_press_noise_students=chosen.noise[1])
    if chosen.batch_gap_growth is not None:
        settings = settings.model_copy(update={"batch_gap_growth": chosen.batch_gap_growth})
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
