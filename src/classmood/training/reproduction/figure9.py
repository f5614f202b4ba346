"""Figure 9: the intensity of each emotion against the frame, from onset to apex.

The paper shows one curve an emotion and reads off that intensity grows with the number of frames. Here every rise is
shown, Spearman's correlation of intensity with the frame's number is averaged (rises of a person first, then persons),
and beside it stands what the selection from onset to apex gives by itself (``courses``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from classmood.emotions import CLASSROOM_CLASSES, COLOURS, DERIVED, EMOTIONS, STANDARD_TERM
from classmood.errors import InputError
from classmood.timeline import Timeline
from classmood.training.reproduction.clips import sampling_step_s
from classmood.training.reproduction.comparison import Interval, bootstrap
from classmood.training.reproduction.courses import (
    LEAST_FRAMES,
    LEAST_RISE,
    Course,
    Rise,
    cut_courses,
    find_rises,
    mean_over_persons,
    surrogates,
)
from classmood.training.reproduction.markdown import p_value, plain_interval, table, write_text
from classmood.training.reproduction.picture import FAINT, INK, saved_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# With fewer persons no interval is given: a bootstrap of three or four says nothing.
LEAST_PERSONS: Final = 5
SURROGATES: Final = 199


@dataclass(frozen=True, slots=True)
class Growth:
    """How one emotion grows.

    Attributes:
        emotion: one of ``emotions.EMOTIONS``.
        rises: what was found.
        null: Spearman, averaged in the same way, of each round of surrogates in which a rise was found.
    """

    emotion: str
    rises: tuple[Rise, ...]
    null: tuple[float, ...]

    @property
    def persons(self) -> int:
        """How many persons the rises are of."""
        return len({rise.person for rise in self.rises})

    @property
    def spearman(self) -> Interval | None:
        """Mean over persons with its bootstrap interval over persons; None for fewer than ``LEAST_PERSONS``."""
        if self.persons < LEAST_PERSONS:
            return None
        by_person = _by_person(self.rises)
        return bootstrap(lambda drawn: by_person[drawn].mean(-1)[None], len(by_person))[0]

    @property
    def p_value(self) -> float | None:
        """Chance of a Spearman at least as large from the selection alone; None where there is nothing to compare."""
        if self.spearman is None or not self.null:
            return None
        return (1 + sum(one >= self.spearman.value for one in self.null)) / (1 + len(self.null))


@dataclass(frozen=True, slots=True)
class Figure9:
    """The emotions of one or more videos.

    Attributes:
        growths: one an emotion.
        videos: their names, without folders.
        sampling_hz: frames a second.
        model: what looked at them, with the start of its checksum.
        derived: the emotions that it does not measure.
        onset: what the onset is, where it was not found in the curves.
    """

    growths: tuple[Growth, ...]
    videos: tuple[str, ...]
    sampling_hz: float
    model: str
    derived: tuple[str, ...] = DERIVED
    onset: str = ""


def measure_figure9(timeline: Timeline, *, rounds: int = SURROGATES, seed: int = 0, model: str = "") -> Figure9:
    """Find all rises, and those of surrogates.

    Args:
        timeline: of one or more videos.
        rounds: surrogates of every course.
        seed: of the surrogates.
        model: what looked at the videos.

    Raises:
        InputError: no time passes, or no emotion ever rises.
    """
    growths = []
    for emotion in EMOTIONS:
        column = timeline.classroom[:, CLASSROOM_CLASSES.index(emotion)].astype(np.float64)
        courses = cut_courses(timeline, column)
        growths.append(grown(emotion, courses, find_rises, rounds=rounds, seed=seed))
    if not any(growth.rises for growth in growths):
        raise InputError(
            f"no emotion rises by {LEAST_RISE:g} over {LEAST_FRAMES} frames in any face; expected a video in which "
            "expressions change, or more frames a second (--fps)"
        )
    videos = tuple(Path(name).name for name in timeline.sources)
    return Figure9(tuple(growths), videos, round(1 / sampling_step_s(timeline), 3), model)


def grown(
    emotion: str,
    courses: Sequence[Course],
    find: Callable[[Course], list[Rise]],
    *,
    rounds: int = SURROGATES,
    seed: int = 0,
) -> Growth:
    """The rises in courses of an emotion, and what the same finding makes of their surrogates."""
    rises = tuple(rise for course in courses for rise in find(course))
    enough = len({rise.person for rise in rises}) >= LEAST_PERSONS
    return Growth(emotion, rises, _null(courses, find, rounds, seed) if enough else ())


def _by_person(rises: tuple[Rise, ...]) -> np.ndarray:
    return mean_over_persons(np.array([r.spearman for r in rises]), np.array([r.person for r in rises], np.int64))


def _null(courses: Sequence[Course], find: Callable[[Course], list[Rise]], rounds: int, seed: int) -> tuple[float, ...]:
    random = np.random.default_rng(seed)
    found: list[list[Rise]] = [[] for _ in range(rounds)]
    for course in courses:
        # Fewer frames than a rise needs before and after its apex hold none.
        if len(course.intensity) <= LEAST_FRAMES or np.ptp(course.intensity) < LEAST_RISE:
            continue
        for rises, curve in zip(found, surrogates(course.intensity, rounds, random), strict=True):
            rises += find(Course(course.person, curve))
    return tuple(float(_by_person(tuple(rises)).mean()) for rises in found if rises)


def write_figure9(figure: Figure9, path: Path) -> None:
    """Store rises and nulls, so that the picture can be drawn again without the video.

    Raises:
        OutputError: the file cannot be written.
    """
    content = {
        "videos": figure.videos,
        "sampling_hz": figure.sampling_hz,
        "model": figure.model,
        "growths": [
            {
                "emotion": growth.emotion,
                "null": [round(one, 4) for one in growth.null],
                "rises": [[rise.person, [round(float(v), 4) for v in rise.intensity]] for rise in growth.rises],
            }
            for growth in figure.growths
        ],
    }
    write_text(path, json.dumps(content) + "\n")


def read_figure9(path: Path) -> Figure9:
    """Stored rises and nulls.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        growths = tuple(
            Growth(
                EMOTIONS[EMOTIONS.index(one["emotion"])],
                tuple(Rise(int(person), np.array(values, np.float64)) for person, values in one["rises"]),
                tuple(map(float, one["null"])),
            )
            for one in content["growths"]
        )
        return Figure9(growths, tuple(content["videos"]), float(content["sampling_hz"]), str(content["model"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: expected rises as classmood reproduce figure9 writes them ({error}); run it anew"
        ) from error


def describe(figure: Figure9) -> str:
    """The figure's numbers as Markdown."""
    rows = []
    for growth in figure.growths:
        lengths = [len(rise.intensity) - 1 for rise in growth.rises]
        quick = [rise.frames_to_nine_tenths for rise in growth.rises]
        spearman, p = growth.spearman, growth.p_value
        rows.append(
            [
                growth.emotion + " (derived)" * (growth.emotion in figure.derived),
                f"{len(growth.rises)}",
                f"{growth.persons}",
                f"{np.median(lengths):g}" if lengths else "",
                f"{np.median(quick):g}" if quick else "",
                plain_interval(spearman) if spearman else f"fewer than {LEAST_PERSONS} persons" * bool(lengths),
                plain_interval(_null_interval(growth)) if growth.null else "",
                p_value(p) if p is not None else "",
            ]
        )
    header = ["emotion", "rises", "persons", "frames to apex, median", "to 9/10 of it", "Spearman (95 %)"]
    return "\n".join(
        [
            f"{', '.join(figure.videos)} at {figure.sampling_hz:g} frames a second, by "
            f"{figure.model or 'a model that is not known'}. Spearman: intensity against the frame's number from onset "
            f"to apex, mean over persons. Selection alone: the same on {SURROGATES} sets of curves with the same "
            "values and spectrum and random phases, with the range of 95 % of them. p: chance of as large a Spearman "
            "from the selection alone, not corrected for the number of emotions.\n",
            table([*header, "selection alone", "p"], rows),
            *(
                ["Derived emotions are computed from valence, arousal and dominance and are not validated.\n"]
                if figure.derived
                else []
            ),
        ]
    )


def _null_interval(growth: Growth) -> Interval:
    low, middle, high = np.quantile(growth.null, [0.025, 0.5, 0.975])
    return Interval(float(middle), float(low), float(high))


def draw_figure9(figure: Figure9, path: Path) -> None:
    """Draw a panel an emotion that rises, and the correlations beside what selection alone gives.

    Raises:
        OutputError: the file cannot be written, or its ending is unknown.
    """
    shown = [growth for growth in figure.growths if growth.rises]
    absent = [growth.emotion for growth in figure.growths if not growth.rises]
    columns = min(4, len(shown))
    rows = -(-len(shown) // columns)
    compared = [growth for growth in shown if growth.spearman]
    with saved_figure(path, (7.4, 1.75 * rows + 1.9 + 0.28 * len(compared))) as canvas:
        heights = [1.75 * rows + 0.6, 1.1 + 0.28 * len(compared)]
        halves = np.array(canvas.subfigures(2, 1, height_ratios=heights), object)
        upper, lower = halves.tolist()
        panels = upper.subplots(rows, columns, sharey=True, squeeze=False)
        for axes in panels.flat[len(shown) :]:
            axes.set_axis_off()
        for axes, growth in zip(panels.flat, shown, strict=False):
            _curves(axes, growth, derived=growth.emotion in figure.derived)
        upper.supxlabel(f"frames from onset ({figure.sampling_hz:g} a second)", fontsize=8)
        upper.supylabel("intensity", fontsize=8)
        said = "Each line: one rise of one face from onset to apex (dot). Black: their median while half still rise."
        said += f" Onset: {figure.onset}.\n{', '.join(figure.videos)}." if figure.onset else ""
        if absent:
            said += f"\nNo rise found: {', '.join(absent)}."
        upper.suptitle(said, fontsize=7, color=FAINT, x=0.01, ha="left")
        _correlations(lower.subplots(), compared)


def _curves(axes: Axes, growth: Growth, *, derived: bool) -> None:
    colour = COLOURS[growth.emotion]
    for rise in growth.rises:
        axes.plot(rise.intensity, color=colour, lw=0.6, alpha=0.45)
        axes.plot(len(rise.intensity) - 1, rise.intensity[-1], "o", color=colour, ms=2.5, alpha=0.8)
    lengths = np.sort([len(rise.intensity) for rise in growth.rises])
    if growth.persons >= LEAST_PERSONS:
        common = int(lengths[len(lengths) // 2])
        still = [[r.intensity[i] for r in growth.rises if len(r.intensity) > i] for i in range(common)]
        axes.plot([np.median(values) for values in still], color=INK, lw=1.8)
    term = "derived" if derived else STANDARD_TERM[growth.emotion]
    name = growth.emotion + (f" ({term})" if term != growth.emotion else "")
    n, people = len(growth.rises), growth.persons
    counts = f"{n} rise{'s' * (n > 1)}, {people} person{'s' * (people > 1)}"
    axes.set_title(f"{name}:\n{counts}", loc="left", color=INK, fontsize=7.5)
    axes.set(xlim=(0, 1.04 * (lengths[-1] - 1)), ylim=(0, 1.02))
    axes.locator_params(axis="x", integer=True)
    axes.grid(alpha=0.25)


def _correlations(axes: Axes, compared: list[Growth]) -> None:
    """A dot with its interval for each emotion, over the grey bar that selection alone gives."""
    if not compared:
        axes.set_axis_off()
        axes.text(0, 0.5, f"No emotion rose in {LEAST_PERSONS} persons or more: no correlation is given.", color=INK)
        return
    for place, growth in enumerate(compared):
        spearman, null = growth.spearman, _null_interval(growth)
        assert spearman is not None
        axes.barh(
            place,
            null.high - null.low,
            0.62,
            null.low,
            color="#CCCCCC",
            label="selection from onset to apex alone (random phases, 95 %)" if place == 0 else None,
        )
        axes.plot([null.value] * 2, [place - 0.31, place + 0.31], color=FAINT, lw=1.2)
        axes.plot([spearman.low, spearman.high], [place, place], color=COLOURS[growth.emotion], lw=2)
        axes.plot(
            spearman.value,
            place,
            "o",
            color=COLOURS[growth.emotion],
            mec=INK,
            mew=0.6,
            ms=6,
            label="measured, mean over persons, with 95 % interval" if place == 0 else None,
        )
    axes.set_yticks(range(len(compared)), [growth.emotion for growth in compared])
    low = min(min(_null_interval(g).low, g.spearman.low) for g in compared if g.spearman)
    axes.set(xlim=(min(0.0, low - 0.05), 1), ylim=(len(compared) - 0.5, -0.5))
    axes.set_xlabel("Spearman correlation of intensity with the frame's number")
    axes.grid(axis="x", alpha=0.25)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=7, borderaxespad=0.2)
