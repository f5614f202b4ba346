"""Runs as they would be stored, with scores that the test chooses."""

from __future__ import annotations

from classmood.training.recipe import Recipe
from classmood.training.reproduction.cost import count_cost
from classmood.training.reproduction.runs import SETS, FoldScores, Run
from classmood.training.reproduction.variants import of_fraction, run_of, variant_named

SCHEDULE = Recipe.model_validate({"schedule": {"epochs": 8, "small_epochs": 4}})


def a_run(name: str, seed: int, accuracy: float, *, fraction: float = 1.0, failure: str = "") -> Run:
    recipe = run_of(of_fraction(SCHEDULE, fraction), variant_named(name), seed)
    scores = {one: FoldScores(1000, accuracy, accuracy - 0.1, accuracy - 0.05) for one in SETS}
    parameters, gmac = count_cost(recipe.network)
    faces = round(20000 * fraction)
    return Run(recipe, {} if failure else scores, failure, faces, parameters, gmac, 60.0, "a machine", "2026-01-02")
