"""A fitted learning effect as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from classmood.emotions import EMOTIONS
from classmood.learning.aspects import Relation
from classmood.learning.feelings import LEAST_TWICE
from classmood.learning.intervals import Interval
from classmood.learning.placing import EXPLORATORY, Placed
from classmood.learning.study import StudyFit
from classmood.learning.surface import PARAMETERS, SYMBOLS, default_surface
from classmood.markdown import table
from classmood.selfreport import ASPECTS

_MEANING = {
    "lowest": "learning effect far from the optimum",
    "highest": "learning effect at its best",
    "best_arousal": "arousal at which it is best",
    "arousal_width": "how far arousal may be off (standard deviation)",
    "valence_slope": "steepness of the rise with valence",
    "valence_middle": "valence at half of the rise",
    "best_valence": "valence at which it is best",
    "width_below": "how far valence may be below that",
    "width_above": "how far valence may be above that",
}
LIMITS = (
    "The surface describes ratings of the same people at the same time; it does not show that changing an emotion "
    "changes learning. Emotions were evoked by scenarios, and what a scenario itself does to learning is part of it.",
    "The form of the surface and its defaults are ours. A parameter whose samples often end at a bound is not told by "
    "the data, whatever its interval.",
)


def as_dict(fit: StudyFit, relations: Sequence[Relation], placed: Sequence[Placed]) -> dict[str, Any]:
    """For JSON, with the drawn samples left out; seed and rounds make them again."""
    content = {key: value for key, value in _fields(fit).items() if key not in ("draws", "points")}
    content["aspects"] = [asdict(one) for one in relations]
    content["placed"] = [asdict(one) | {"exploratory": one.exploratory} for one in placed]
    content["in_words"] = [*error_words(fit), *claim_words(fit), *LIMITS]
    return content


def _fields(fit: StudyFit) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name in fit.__dataclass_fields__:
        value = getattr(fit, name)
        if isinstance(value, dict):
            value = {k: asdict(v) if isinstance(v, Interval) else v for k, v in value.items()}
        content[name] = asdict(value) if name in ("surface", "lines") else value
    return content


def error_words(fit: StudyFit) -> list[str]:
    """How the error of ratings was taken into account."""
    if fit.error_from == "not corrected":
        return [
            "The error of ratings is not taken out: fewer than "
            f"{LEAST_TWICE} answers were given twice. The surface is one of ratings; that of feelings is narrower and "
            "steeper, and its optimum may lie elsewhere."
        ]
    arousal, valence = fit.error_points
    where = "from ratings given twice" if fit.error_from == "second ratings" else "as stated"
    return [
        f"A single rating errs by {arousal:.2f} points in arousal and {valence:.2f} in valence ({where}); that is "
        f"taken out. Within scenarios {100 * fit.reliability[0]:.0f} % and {100 * fit.reliability[1]:.0f} % of what "
        "differs is feeling. What people err alike both times is not seen by this."
    ]


def claim_words(fit: StudyFit) -> list[str]:
    """Whether there is an inverted U, and which model describes the answers better."""
    claim = "An inverted U over arousal is claimed" if fit.inverted_u else "An inverted U over arousal is not claimed"
    form = fit.surface.form
    gap = fit.aic["quadratic"] - fit.aic[form]
    better = f"the {form} surface" if gap > 0 else "the quadratic"
    return [
        f"{claim}: {'; '.join(fit.why)}.",
        f"AIC prefers {better} by {abs(gap):.1f} ({fit.aic[form]:.1f} against {fit.aic['quadratic']:.1f}).",
    ]


def describe(fit: StudyFit, relations: Sequence[Relation], placed: Sequence[Placed]) -> str:
    """The whole result as Markdown."""
    defaults = default_surface(fit.surface.form)
    rows = [
        [
            f"{SYMBOLS[name]}: {_MEANING[name]}",
            f"{one.value:.2f}",
            f"{one.low:.2f} to {one.high:.2f}",
            f"{defaults.of(name):.2f}",
            f"{100 * fit.at_bound[name]:.0f} %",
        ]
        for name, one in ((name, fit.parameters[name]) for name in PARAMETERS[fit.surface.form])
    ]
    outcome = "the mean of the six aspects" if fit.outcome == "aspects" else fit.outcome.replace("_", " ")
    parts = [
        "# Learning effect\n",
        f"{fit.people} participants, {fit.rows} complete answers ({fit.left_out} left out). Learning effect: "
        f"{outcome}, from 0 to 1; arousal and valence as rated, from 0 to 1.\n",
        table(["parameter", "fitted", "95 % interval", "default", "at a bound"], rows),
        f"Intervals: {fit.rounds} samples of participants drawn with replacement (seed {fit.seed}). Participants "
        f"differ altogether by {fit.between:.2f} (standard deviation), and {fit.within:.2f} is left within them."
        + (" What the ends of the scale cut off is allowed for.\n" if fit.spread else "\n"),
        *(line + "\n" for line in error_words(fit)),
        "## An inverted U?\n",
        *(line + "\n" for line in claim_words(fit)),
        table(
            ["quadratic", "fitted", "95 % interval"],
            [[name, f"{one.value:.2f}", f"{one.low:.2f} to {one.high:.2f}"] for name, one in fit.quadratic.items()],
        ),
        "## Emotions and the six aspects\n",
        "Points of nine by which an aspect is rated higher with the emotion than with others, by the same participant; "
        "in brackets simultaneous 95 % intervals over all cells. Bold: p < 0.05 after Holm's correction.\n",
        relation_table(relations),
    ]
    if placed:
        parts += ["## Where classes sit\n", _placed_table(placed)]
        parts += [f"* {EXPLORATORY}.\n"] if any(one.exploratory for one in placed) else []
        parts += [f"{one.name}, recognised against reported:\n\n{one.agreement}" for one in placed if one.agreement]
    return "\n".join([*parts, *(line + "\n" for line in LIMITS)])


def relation_table(relations: Sequence[Relation]) -> str:
    """Emotions by aspects."""
    by_place = {(one.emotion, one.aspect): one for one in relations}
    rows = [[emotion, *(_cell(by_place[emotion, aspect]) for aspect in ASPECTS)] for emotion in EMOTIONS]
    return table(["emotion", *(aspect.replace("_", " ") for aspect in ASPECTS)], rows)


def _cell(one: Relation) -> str:
    if one.difference is None or one.p_corrected is None:
        return f"too few ({one.people})"
    text = f"{one.difference:+.1f} ({one.low:+.1f} to {one.high:+.1f})"
    return f"**{text}**" if one.p_corrected < 0.05 else text


def _placed_table(placed: Sequence[Placed]) -> str:
    def text(one: Interval) -> str:
        return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"

    rows = [
        [
            one.name + (" *" if one.exploratory else ""),
            str(one.people),
            text(one.arousal),
            text(one.valence),
            text(one.effect),
        ]
        for one in placed
    ]
    return table(["class", "persons", "arousal", "valence", "learning effect"], rows)
