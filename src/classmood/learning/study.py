"""A study's learning effect: the surface with intervals, against the quadratic, and whether there is an inverted U."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from jaxtyping import Float64

from classmood.errors import InputError
from classmood.learning.feelings import LEAST_TWICE, Ratings, feelings
from classmood.learning.intervals import Interval, Progress, bootstrap, draw_people, fit_point, percentiles
from classmood.learning.shape import (
    COEFFICIENTS,
    TwoLines,
    aic,
    fit_quadratics,
    inside,
    quadratic_terms,
    two_lines,
    vertex,
)
from classmood.learning.surface import PARAMETERS, Form, Surface
from classmood.selfreport import ASPECT_COLUMNS, ASPECTS, POINTS, SelfReports

ROUNDS: Final = 999
LEAST_PEOPLE: Final = 20
LEAST_SCENARIOS: Final = 4
OUTCOMES: Final = ("aspects", *ASPECTS, "score")
ErrorFrom = Literal["second ratings", "stated", "not corrected"]


@dataclass(frozen=True, slots=True)
class StudyFit:
    """What a set of self-reports tells of the learning effect.

    Attributes:
        outcome: which learning effect, one of ``OUTCOMES``.
        rows: complete answers; ``left_out`` were not.
        surface: fitted, its parameters with intervals in ``parameters``.
        at_bound: share of the drawn samples in which each parameter ended at a bound; much of it means that the data
            does not tell it.
        error_from: how the error of ratings was taken into account, with its size ``error_points`` on the nine points
            (arousal, valence) and the reliability of one rating within scenarios.
        between, within: standard deviations of participants' constants and of the rest.
        spread: standard deviation of single ratings about the surface, from which it is told how much the ends of the
            scale cut; 0 for a score, which has none.
        quadratic: its coefficients with intervals.
        aic: of both models; the smaller is better.
        vertices: where the quadratic turns at the least and the greatest observed valence.
        arousal_inside, valence_inside: where the data lies (5 to 95 %).
        inverted_u: whether it may be claimed, and ``why`` in words.
        draws: parameters of the drawn samples.
        points: arousal and valence as rated, and the effect, for the figure.
    """

    outcome: str
    people: int
    rows: int
    left_out: int
    surface: Surface
    parameters: dict[str, Interval]
    at_bound: dict[str, float]
    error_from: ErrorFrom
    error_points: tuple[float, float]
    reliability: tuple[float, float]
    between: float
    within: float
    spread: float
    quadratic: dict[str, Interval]
    aic: dict[str, float]
    vertices: tuple[float, float]
    arousal_inside: tuple[float, float]
    valence_inside: tuple[float, float]
    lines: TwoLines
    inverted_u: bool
    why: tuple[str, ...]
    rounds: int
    seed: int
    draws: Float64[np.ndarray, "b p"] = field(repr=False)
    points: Float64[np.ndarray, "n 3"] = field(repr=False)


def ratings_of(reports: SelfReports, outcome: str = "aspects") -> Ratings:
    """The complete answers of self-reports, sorted by participant.

    Args:
        reports: see there.
        outcome: ``aspects`` for the mean of all six, one of them, or ``score``.

    Raises:
        InputError: the outcome is unknown, or too few participants or scenarios have complete answers.
    """
    if outcome not in OUTCOMES:
        raise InputError(f"outcome: expected one of {', '.join(OUTCOMES)}, got {outcome!r}")
    column = outcome if outcome == "score" else f"aspect_{outcome}"
    effect = reports.effect if outcome == "aspects" else reports.share(column)
    items = np.stack([reports.share(name) for name in (ASPECT_COLUMNS if outcome == "aspects" else (column,))], 1)
    first = np.stack([reports.share("arousal"), reports.share("valence")], 1)
    second = np.stack([reports.share("arousal_again"), reports.share("valence_again")], 1)
    keep = np.flatnonzero(np.isfinite(first).all(1) & np.isfinite(effect))
    people = np.array(reports.participant, str)[keep]
    scenarios = np.array(reports.scenario, str)[keep]
    order = np.argsort(people, kind="stable")
    keep = keep[order]
    wanted = "valence, arousal and " + ("all six aspects" if outcome == "aspects" else column)
    count = len(np.unique(people))
    if count < LEAST_PEOPLE:
        raise InputError(
            f"expected at least {LEAST_PEOPLE} participants with {wanted}, got {count}; {LEAST_PEOPLE - count} more "
            "are needed, for the intervals to hold what they promise"
        )
    if (several := len(np.unique(scenarios))) < LEAST_SCENARIOS:
        raise InputError(
            f"expected answers to at least {LEAST_SCENARIOS} scenarios, got {several}; fewer do not spread over "
            "valence and arousal"
        )
    ratings = Ratings(
        np.unique(people[order], return_inverse=True)[1].astype(np.int64),
        np.unique(scenarios[order], return_inverse=True)[1].astype(np.int64),
        first[keep],
        second[keep],
        effect[keep],
        None if outcome == "score" else items[keep],
    )
    for name, values in (("arousal", ratings.first[:, 0]), ("valence", ratings.first[:, 1]), (wanted, ratings.effect)):
        if np.ptp(values) == 0:
            raise InputError(
                f"expected different values of {name}, got {values[0]:g} everywhere; nothing can be fitted"
            )
    return ratings


def fit_study(
    reports: SelfReports,
    *,
    outcome: str = "aspects",
    form: Form = "logistic",
    rating_error_points: float | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
    progress: Progress | None = None,
) -> StudyFit:
    """Fit the surface to a study.

    Args:
        reports: of at least ``LEAST_PEOPLE`` participants.
        outcome: see ``ratings_of``.
        form: of the surface.
        rating_error_points: standard deviation of a rating's error on the nine points, where it is known from
            elsewhere; 0 for none. By default it is that of the ratings given twice.
        rounds: drawn samples.
        seed: of the draw.
        progress: is told how many samples are done, of how many.

    Raises:
        InputError: see ``ratings_of``.
    """
    ratings = ratings_of(reports, outcome)
    error_from: ErrorFrom = "second ratings"
    error = None
    if rating_error_points is not None:
        error_from, error = "stated", np.full(2, (rating_error_points / (POINTS - 1)) ** 2)
    elif ratings.twice.sum() < LEAST_TWICE:
        error_from, error = "not corrected", np.zeros(2)
    if rating_error_points == 0:
        error_from = "not corrected"
    point = fit_point(form, ratings, error=error)
    fit, found = point.fit, point.constants
    drawn = bootstrap(point, ratings, rounds=rounds, seed=seed, error=error, progress=progress)
    once = np.ones((1, ratings.people))
    felt = feelings(ratings, once, error=error)
    names = PARAMETERS[form]
    limits = percentiles(drawn.values, ratings.people)
    weights = draw_people(ratings.people, rounds, seed)
    quadratic = fit_quadratics(ratings, felt, once, found.share)
    # In pieces, for the terms of many samples would fill the memory.
    quadratics = np.concatenate(
        [
            fit_quadratics(ratings, feelings(ratings, part, error=error), part, found.share)
            for part in np.array_split(weights, max(rounds // 100, 1))
        ]
    )
    bends = percentiles(quadratics, ratings.people)
    criteria = {
        # The spread at which ratings are cut is a parameter too.
        form: aic(ratings, point.residuals, len(names) + (point.spread > 0)),
        "quadratic": aic(ratings, ratings.effect - (quadratic_terms(felt) @ quadratic[0])[0], len(COEFFICIENTS)),
    }
    arousal, valence = (inside(ratings.mean[:, i]) for i in (0, 1))
    lines = two_lines(ratings)
    vertices = float(vertex(quadratic, valence[0])[0]), float(vertex(quadratic, valence[1])[0])
    inverted, why = _inverted(float(bends[1][2]), vertices, arousal, lines)
    return StudyFit(
        outcome=outcome,
        people=ratings.people,
        rows=len(ratings),
        left_out=len(reports) - len(ratings),
        surface=Surface(form, tuple(float(v) for v in fit.values[0])),
        parameters=_intervals(names, fit.values[0], limits),
        at_bound=dict(zip(names, drawn.at_bound.mean(0).tolist(), strict=True)),
        error_from=error_from,
        error_points=_pair(np.sqrt(felt.error[0]) * (POINTS - 1)),
        reliability=_pair(felt.reliability[0]),
        between=found.between**0.5,
        within=found.within**0.5,
        spread=point.spread,
        quadratic=_intervals(COEFFICIENTS, quadratic[0], bends),
        aic=criteria,
        vertices=vertices,
        arousal_inside=arousal,
        valence_inside=valence,
        lines=lines,
        inverted_u=inverted,
        why=why,
        rounds=rounds,
        seed=seed,
        draws=drawn.values,
        points=np.column_stack([ratings.mean, ratings.effect]),
    )


def _inverted(
    bend_high: float, vertices: tuple[float, float], arousal: tuple[float, float], lines: TwoLines
) -> tuple[bool, tuple[str, ...]]:
    bends = bend_high < 0
    turns = all(arousal[0] < place < arousal[1] for place in vertices)
    why = (
        "the quadratic bends down over arousal" + ("" if bends else ": not by more than chance"),
        f"it turns at an arousal of {vertices[0]:.2f} to {vertices[1]:.2f} over the observed valence, "
        f"{'inside' if turns else 'not inside'} the data ({arousal[0]:.2f} to {arousal[1]:.2f})",
        f"two lines that part at {lines.breaks_at:.2f}: slopes {lines.slopes[0]:+.2f} (p = {lines.p_values[0]:.3f}) "
        f"and {lines.slopes[1]:+.2f} (p = {lines.p_values[1]:.3f}), {'' if lines.inverted else 'not '}up and down",
    )
    return bends and turns and lines.inverted, why


def _intervals(names: tuple[str, ...], values: np.ndarray, limits: np.ndarray) -> dict[str, Interval]:
    return {
        name: Interval(float(value), float(low), float(high))
        for name, value, low, high in zip(names, values, *limits, strict=True)
    }


def _pair(values: np.ndarray) -> tuple[float, float]:
    return float(values[0]), float(values[1])
