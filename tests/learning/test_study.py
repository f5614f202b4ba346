"""A study as a whole: what is refused, what is reported, and that the correction for rating error matters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from classmood.errors import InputError
from classmood.learning.simulation import TRUTH, Noise, simulate_study
from classmood.learning.study import LEAST_PEOPLE, fit_study, ratings_of
from classmood.learning.surface import Surface
from classmood.selfreport import RATED, SelfReports


@pytest.fixture(scope="module")
def reports() -> SelfReports:
    return simulate_study(60, seed=11)


def test_too_few_participants_are_refused_with_how_many_are_needed(reports: SelfReports) -> None:
    few = reports.where(reports.people < 13)
    with pytest.raises(InputError, match=rf"at least {LEAST_PEOPLE} participants .* got 13; 7 more are needed"):
        fit_study(few)
    fit_study(reports.where(reports.people < LEAST_PEOPLE), rounds=99)


def test_too_few_scenarios_and_flat_answers_are_refused(reports: SelfReports) -> None:
    three = reports.where(np.isin(np.array(reports.scenario), ["joy", "fury", "grief"]))
    with pytest.raises(InputError, match="at least 4 scenarios, got 3"):
        ratings_of(three)
    flat = reports.ratings.copy()
    flat[:, RATED.index("arousal")] = 5
    with pytest.raises(InputError, match=r"different values of arousal, got 0\.5 everywhere"):
        ratings_of(replace(reports, ratings=flat))
    with pytest.raises(InputError, match="outcome: expected one of aspects, enthusiasm"):
        ratings_of(reports, "happiness")


def test_incomplete_answers_are_left_out_and_counted(reports: SelfReports) -> None:
    holes = reports.ratings.copy()
    holes[5, RATED.index("valence")] = np.nan
    holes[9, RATED.index("aspect_duration")] = np.nan
    found = fit_study(replace(reports, ratings=holes), rounds=99)
    assert (found.rows, found.left_out) == (478, 2)
    # One aspect alone does not miss another.
    assert fit_study(replace(reports, ratings=holes), outcome="enthusiasm", rounds=99).left_out == 1


def test_rows_may_come_in_any_order(reports: SelfReports) -> None:
    order = np.random.default_rng(0).permutation(len(reports))
    words = ("participant", "course", "scenario", "evokes", "emotion")
    shuffled = SelfReports(
        **{name: tuple(getattr(reports, name)[i] for i in order) for name in words},
        ratings=reports.ratings[order],
        score=reports.score[order],
    )
    first, second = (fit_study(one, rounds=99) for one in (reports, shuffled))
    np.testing.assert_allclose(first.surface.values, second.surface.values, rtol=1e-4)


def test_the_error_of_ratings_is_found_and_taken_out(reports: SelfReports) -> None:
    found = fit_study(reports, rounds=199)
    assert found.error_from == "second ratings"
    # 0.8 points before rounding, which adds a twelfth to the variance; a little is lost at the ends of the scale.
    assert found.error_points == pytest.approx((0.85, 0.85), abs=0.12)
    ordinary = fit_study(reports, rating_error_points=0, rounds=199)
    assert ordinary.error_from == "not corrected"
    width = TRUTH.of("arousal_width")
    assert ordinary.parameters["arousal_width"].low > width
    assert found.parameters["arousal_width"].low < width < found.parameters["arousal_width"].high
    stated = fit_study(reports, rating_error_points=0.85, rounds=99)
    assert stated.error_from == "stated"
    assert stated.surface.of("arousal_width") == pytest.approx(found.surface.of("arousal_width"), abs=0.03)


def test_studies_rated_once_say_that_nothing_is_corrected() -> None:
    found = fit_study(simulate_study(30, seed=2, twice=False), rounds=99)
    assert found.error_from == "not corrected"
    assert found.error_points == (0, 0)


def test_aic_prefers_the_form_that_is_true() -> None:
    quiet = Noise(rating=0.2, scale_use=0.0, effect_between=0.3, effect_within=0.4, aspect=0.5)
    found = fit_study(simulate_study(60, seed=1, noise=quiet), rounds=99)
    assert found.aic["logistic"] < found.aic["quadratic"]
    asymmetric = Surface("asymmetric", (0.2, 0.8, 0.5, 0.2, 0.55, 0.2, 0.25))
    curved = simulate_study(60, seed=1, noise=quiet, truth=asymmetric)
    criteria = {form: fit_study(curved, form=form, rounds=99).aic[form] for form in ("logistic", "asymmetric")}
    assert criteria["asymmetric"] < criteria["logistic"]


def test_no_inverted_u_is_claimed_where_there_is_none() -> None:
    rises = Surface("logistic", (0.2, 0.8, 1.2, 0.45, 8.0, 0.4))
    claims = [fit_study(simulate_study(40, seed=s, truth=rises), rounds=99) for s in range(8)]
    assert not any(one.inverted_u for one in claims)
    assert all(len(one.why) == 3 for one in claims)
