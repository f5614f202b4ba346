"""The ablation's rows: each differs from its neighbour in what its name says, and belongs to its schedule."""

from __future__ import annotations

from pathlib import Path

import pytest

from classmood.errors import RecipeError
from classmood.training.recipe import Recipe, read_recipe
from classmood.training.reproduction.variants import (
    ADDED,
    ALL,
    CHANGED,
    FRACTIONS,
    PLAIN,
    VARIANTS,
    ablation_plan,
    fraction_plan,
    of_fraction,
    run_of,
    schedule_of,
    variant_named,
    variant_of,
)

SHORT = Path(__file__).parents[3] / "recipes" / "ablation-short.toml"


def differing(name: str, other: str) -> dict[str, object]:
    """Fields in which one network differs from another, with the one's values."""
    a, b = (variant_named(n).network(Recipe()).model_dump() for n in (name, other))
    return {field: value for field, value in a.items() if b[field] != value}


def test_each_row_differs_in_what_it_is_named_for() -> None:
    assert differing("+ fusion (2, 3, 4)", PLAIN) == {"fusion": (2, 3, 4)}
    assert [differing(f"+ SGE, H = {h}", PLAIN) for h in (8, 16, 32, 64)] == [
        {"sge_groups": h} for h in (8, 16, 32, 64)
    ]
    assert differing("+ LIP, order A", PLAIN) == {"lip_order": "A"}
    assert differing("+ LIP, order B", PLAIN) == {"lip_order": "B"}
    assert differing("+ SRM", PLAIN) == {"srm": True}
    assert differing(ALL, PLAIN) == {"sge_groups": 16, "lip_order": "B", "srm": True, "fusion": (2, 3, 4)}
    assert differing("all but fusion: (4)", ALL) == {"fusion": (4,)}
    assert differing("all, fusion of (3, 4)", ALL) == {"fusion": (3, 4)}
    assert differing("all, fusion of (1, 2, 3, 4)", ALL) == {"fusion": (1, 2, 3, 4)}
    assert differing("all, lateral fusion of (2, 3, 4)", ALL) == {"fusion_form": "lateral"}
    assert differing("all, SGE on the fused maps alone", ALL) == {"sge_at": "taps"}
    assert differing("all but SGE", ALL) == {"sge_groups": 0}
    assert differing("all but LIP", ALL) == {"lip_order": ""}
    assert differing("all but SRM", ALL) == {"srm": False}
    assert len({v.network(Recipe()) for v in VARIANTS}) == len(VARIANTS) == 18
    for part in (ADDED, CHANGED):
        assert next(v for v in VARIANTS if v.part == part).name in (PLAIN, ALL)


def test_the_shipped_model_s_network_is_the_row_called_all() -> None:
    longer = read_recipe(SHORT.with_name("ferplus-longer.toml"))
    assert variant_of(longer) is variant_named(ALL)


def test_every_row_has_a_seed_before_any_has_two() -> None:
    schedule = read_recipe(SHORT)
    plan = list(ablation_plan(schedule, 2))
    assert len(set(plan)) == 36
    assert [variant_of(run) for run in plan[:18]] == list(VARIANTS)
    assert {run.schedule.seed for run in plan[:18]} == {schedule.schedule.seed}
    assert {run.schedule.seed for run in plan[18:]} == {schedule.schedule.seed + 1}


def test_all_runs_of_a_plan_have_one_schedule() -> None:
    schedule = read_recipe(SHORT)
    runs = [*ablation_plan(schedule, 2), *fraction_plan(schedule, 2)]
    assert len({schedule_of(run) for run in runs}) == 1
    other = schedule.model_copy(update={"schedule": schedule.schedule.model_copy(update={"epochs": 9})})
    network = schedule.model_copy(update={"network": schedule.network.model_copy(update={"contrast_exponent": 0.5})})
    firsts = {schedule_of(next(ablation_plan(each, 1))) for each in (schedule, other, network)}
    assert len(firsts) == 3


def test_a_part_of_the_data_takes_as_many_steps() -> None:
    schedule = read_recipe(SHORT)
    for fraction in FRACTIONS:
        part = of_fraction(schedule, fraction)
        assert part.data.fraction == fraction
        for field in ("epochs", "small_epochs", "warmup_epochs"):
            whole, less = getattr(schedule.schedule, field), getattr(part.schedule, field)
            assert less * fraction == pytest.approx(whole)


def test_runs_on_all_data_are_the_ablation_s_own() -> None:
    schedule = read_recipe(SHORT)
    whole = [run for run in fraction_plan(schedule, 1) if run.data.fraction == 1]
    assert len(whole) == 2
    assert set(whole) <= set(ablation_plan(schedule, 1))


def test_a_network_of_another_kind_has_no_row() -> None:
    run = run_of(Recipe(), variant_named(ALL), 0)
    odd = run.model_copy(update={"network": run.network.model_copy(update={"sge_groups": 8, "lip_order": "A"})})
    assert variant_of(odd) is None


def test_schedules_that_cannot_be_shared_are_refused() -> None:
    warm = Recipe.model_validate({"schedule": {"start_from": "a.pt"}})
    with pytest.raises(RecipeError, match=r"schedule\.start_from: expected none"):
        list(ablation_plan(warm, 1))
    part = Recipe.model_validate({"data": {"fraction": 0.5}})
    with pytest.raises(RecipeError, match=r"data\.fraction: expected 1"):
        list(fraction_plan(part, 1))
