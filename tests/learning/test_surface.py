"""The surface: the formula of its docstring, its derivatives, and its mean over an error of rating."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from classmood.learning.surface import (
    BOUNDS,
    PARAMETERS,
    Surface,
    bounds,
    default_surface,
    predict,
    predict_variance,
)

FORMS = st.sampled_from(["logistic", "asymmetric"])
SHARE = st.floats(0, 1)


@st.composite
def surfaces(draw: st.DrawFn) -> Surface:
    form = draw(FORMS)
    inner = [draw(st.floats(*(BOUNDS[name] if name != "valence_slope" else (0.5, 20)))) for name in PARAMETERS[form]]
    return Surface(
        form, tuple(max(v, 0.08) if "width" in n else v for v, n in zip(inner, PARAMETERS[form], strict=True))
    )


def by_hand(surface: Surface, arousal: float, valence: float) -> float:
    low, high, best, width = surface.values[:4]
    if surface.form == "logistic":
        g = 1 / (1 + math.exp(-surface.of("valence_slope") * (valence - surface.of("valence_middle"))))
    else:
        away = valence - surface.of("best_valence")
        g = math.exp(-((away / surface.of("width_below" if away < 0 else "width_above")) ** 2) / 2)
    return low + (high - low) * math.exp(-((arousal - best) ** 2) / (2 * width**2)) * g


@settings(max_examples=60, deadline=None)
@given(surfaces(), SHARE, SHARE)
def test_it_is_the_formula(surface: Surface, arousal: float, valence: float) -> None:
    found = surface.at(np.array([arousal]), np.array([valence]))[0]
    assert found == pytest.approx(by_hand(surface, arousal, valence), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(surfaces(), SHARE, SHARE, st.floats(0, 0.02), st.floats(0, 0.02))
def test_slopes_are_those_of_small_steps(surface: Surface, a: float, v: float, ea: float, ev: float) -> None:
    values = np.array([surface.values])
    means, variances = np.array([[[a, v]]]), np.array([[[ea, ev]]])
    if (
        surface.form == "asymmetric"
        and min(abs(v + n * ev**0.5 - values[0, 4]) for n in (0, 1.36, -1.36, 2.86, -2.86)) < 1e-2
    ):
        return  # the width changes there
    slope = predict(surface.form, values, means, variances)[1][0, 0]
    for i in range(values.shape[1]):
        step = np.zeros_like(values)
        step[0, i] = 1e-6
        ends = [predict(surface.form, values + sign * step, means, variances)[0][0, 0] for sign in (1, -1)]
        assert slope[i] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=2e-4)


@settings(max_examples=25, deadline=None)
@given(SHARE, SHARE, st.floats(0.02, 0.15), st.floats(0.02, 0.15), st.floats(2, 12))
def test_the_mean_over_an_error_is_the_integral(a: float, v: float, ea: float, ev: float, slope: float) -> None:
    surface = Surface("logistic", (0.1, 0.9, 0.5, 0.2, slope, 0.4))
    found = predict("logistic", np.array([surface.values]), np.array([[[a, v]]]), np.array([[[ea**2, ev**2]]]))[0][0, 0]
    over_a = integrate.quad(
        lambda x: stats.norm.pdf(x, a, ea) * math.exp(-((x - 0.5) ** 2) / 0.08), a - 8 * ea, a + 8 * ea
    )[0]
    over_v = integrate.quad(
        lambda x: stats.norm.pdf(x, v, ev) / (1 + math.exp(-slope * (x - 0.4))), v - 8 * ev, v + 8 * ev
    )[0]
    assert found == pytest.approx(0.1 + 0.8 * over_a * over_v, abs=2e-3)


@pytest.mark.parametrize("form", ["logistic", "asymmetric"])
def test_the_variance_over_an_error_is_that_of_drawn_feelings(form: str) -> None:
    surface = default_surface(form)
    random = np.random.default_rng(0)
    for a, v, ea, ev in ((0.5, 0.4, 0.1, 0.05), (0.7, 0.3, 0.05, 0.1), (0.9, 0.1, 0.12, 0.12), (0.4, 0.8, 0.0, 0.0)):
        drawn = surface.at(random.normal(a, ea, 200_000), random.normal(v, ev, 200_000))
        found = predict_variance(form, np.array([surface.values]), np.array([[[a, v]]]), np.array([[[ea**2, ev**2]]]))
        assert found[0, 0] == pytest.approx(drawn.var(), abs=1e-3)


def test_it_is_best_at_moderate_arousal_and_moderate_to_high_valence() -> None:
    for form in ("logistic", "asymmetric"):
        grid = np.linspace(0, 1, 41)
        valence, arousal = (m.ravel() for m in np.meshgrid(grid, grid))
        best = default_surface(form).at(arousal, valence).argmax()
        assert arousal[best] == pytest.approx(0.5, abs=0.03)
        assert valence[best] > 0.6


@pytest.mark.parametrize(("difficulty", "best"), [(0.0, 0.7), (0.5, 0.5), (1.0, 0.3)])
def test_a_hard_task_is_done_best_at_low_arousal(difficulty: float, best: float) -> None:
    assert default_surface(difficulty=difficulty).of("best_arousal") == pytest.approx(best)


def test_defaults_lie_within_the_bounds() -> None:
    for form in ("logistic", "asymmetric"):
        low, high = bounds(form)
        assert ((low < default_surface(form).values) & (default_surface(form).values < high)).all()
