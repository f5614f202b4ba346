"""The ablation's table: means and deviations, Dunnett's verdicts, costs, what is missing and what failed."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from rows_of_runs import SCHEDULE, a_run
from scipy import stats

from classmood.training.reproduction.ablation import (
    ablations,
    as_csv,
    describe,
    describe_schedule,
    differences,
    mean_and_deviation,
)
from classmood.training.reproduction.cost import Cost, Costs
from classmood.training.reproduction.variants import ALL, PLAIN, variant_named


def row(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_means_and_deviations_over_seeds() -> None:
    assert mean_and_deviation([0.80, 0.82]) == "81.0 ± 1.4"
    assert mean_and_deviation([0.8]) == "80.0"
    (table,) = ablations([a_run(PLAIN, 1, 0.82), a_run(PLAIN, 0, 0.80), a_run("+ SRM", 0, 0.83)])
    text = describe(table, None)
    assert row(text, PLAIN)[1] == "2"
    assert row(text, PLAIN)[6] == "81.0 ± 1.4 / 71.0 ± 1.4"
    assert row(text, "+ SRM")[6:] == ["83.0 / 73.0"] * 3
    assert "Differences are not tested" in text
    assert "8 epochs, the first 4 on crops of 32 px" in text
    assert "a machine; 2026-01-02" in text


@pytest.mark.parametrize(("epochs", "said"), [(0.5, "0.5 epochs,"), (1.0, "1 epoch,"), (2.0, "2 epochs,")])
def test_the_warm_up_is_told_in_words(epochs: float, said: str) -> None:
    steps = SCHEDULE.schedule.model_copy(update={"warmup_epochs": epochs})
    text = describe_schedule(SCHEDULE.model_copy(update={"schedule": steps}), ["a machine"], ["2026-01-02"])
    assert f"after a warm-up of {said}" in text


def test_contrast_that_is_evened_before_the_stem_is_told() -> None:
    network = SCHEDULE.network.model_copy(update={"contrast_exponent": 0.25})
    for schedule, said in ((SCHEDULE, False), (SCHEDULE.model_copy(update={"network": network}), True)):
        text = describe_schedule(schedule, ["a machine"], ["2026-01-02"])
        assert ("; stem quarter, contrast to the power 0.75 before it; " in text) == said
        assert ("; stem quarter; " in text) != said


def test_a_difference_beyond_the_seeds_is_told_from_one_within() -> None:
    accuracies = {PLAIN: (0.800, 0.803, 0.801), "+ SRM": (0.820, 0.823, 0.822), "+ LIP, order B": (0.801, 0.804, 0.800)}
    (table,) = ablations([a_run(n, seed, a) for n, each in accuracies.items() for seed, a in enumerate(each)])
    found = {one.name: one for one in differences(table)}
    assert list(found) == ["+ LIP, order B", "+ SRM"]
    assert found["+ SRM"].margin.value == pytest.approx(np.mean(accuracies["+ SRM"]) - np.mean(accuracies[PLAIN]))
    assert found["+ SRM"].margin.low > 0.01
    # Of two comparisons with one network, each p is between that of one comparison and twice it.
    alone = stats.ttest_ind(accuracies["+ LIP, order B"], accuracies[PLAIN]).pvalue
    assert found["+ LIP, order B"].p_value > 0.9 * alone
    text = describe(table, None)
    assert row(text, "+ SRM | plain ResNet-18")[-1] == "helps"
    assert row(text, "+ LIP, order B | plain ResNet-18")[-1] == "cannot be told from another seed"


def test_what_is_left_out_is_compared_with_all() -> None:
    accuracies = {ALL: (0.85, 0.853, 0.851), "all but LIP": (0.82, 0.822, 0.819)}
    (table,) = ablations([a_run(n, seed, a) for n, each in accuracies.items() for seed, a in enumerate(each)])
    (found,) = differences(table)
    assert found.against == ALL
    assert found.margin.high < 0
    assert row(describe(table, None), "all but LIP | all")[-1] == "harms"


def test_costs_missing_rows_and_failures_are_told() -> None:
    (table,) = ablations([a_run(PLAIN, 0, 0.8), a_run("+ SRM", 0, 0.0, failure="the loss is nan")])
    network = variant_named(PLAIN).network(SCHEDULE)
    costs = Costs((Cost(network, {"int8": 1.25, "float32": 2.5}, {"int8": 1.0, "float32": 1.0}),), 1, "m", "d")
    text = describe(table, costs)
    assert row(text, PLAIN)[2:6] == ["11.17", "0.094", "1.25 (1.00)", "2.50 (1.00)"]
    assert row(text, "+ SRM")[6] == "failed"
    assert "Failed: + SRM, seed 0: the loss is nan." in text
    assert "Not run yet: + fusion (2, 3, 4), + SGE, H = 8" in text


def test_schedules_are_not_mixed() -> None:
    other = a_run(PLAIN, 0, 0.7)
    longer = other.recipe.schedule.model_copy(update={"epochs": 99})
    moved = type(other)(
        **{f: getattr(other, f) for f in other.__slots__}
        | {"recipe": other.recipe.model_copy(update={"schedule": longer})}
    )
    tables = ablations([moved, a_run(PLAIN, 0, 0.8), a_run(ALL, 0, 0.81), a_run(ALL, 0, 0.5, fraction=0.5)])
    assert [len(table.runs) for table in tables] == [2, 1]
    assert [table.schedule.schedule.epochs for table in tables] == [8, 99]


def test_the_csv_has_a_row_a_run_and_set() -> None:
    runs = [a_run(PLAIN, 3, 0.8), a_run(ALL, 0, 0.81, fraction=0.25), a_run(ALL, 1, 0, failure="no")]
    rows = list(csv.DictReader(io.StringIO(as_csv(runs))))
    assert len(rows) == 6
    assert rows[0] | {"network": PLAIN, "seed": "3", "set": "held_out", "accuracy": "0.8"} == rows[0]
    assert (rows[3]["fraction"], rows[3]["training_faces"]) == ("0.25", "5000")
