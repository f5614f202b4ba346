"""The networks of the ablation: ResNet-18 with one of the paper's modules, with all, with all but one.

The paper reports no ablation. Each module is put alone into the plain network and taken alone out of the whole one,
since a gain that another module gives as well shows in only one of the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from classmood.errors import InputError, RecipeError
from classmood.training.recipe import NetworkSection, Recipe

Part = Literal["one added to the plain network", "one changed in the whole network"]
ADDED: Final[Part] = "one added to the plain network"
CHANGED: Final[Part] = "one changed in the whole network"
PLAIN: Final = "plain ResNet-18"
ALL: Final = "all"
FRACTIONS: Final = (0.1, 0.25, 0.5, 1.0)

_FORM: Final[dict[str, Any]] = {"fusion_form": "pooled", "sge_at": "blocks"}
_PLAIN: Final[dict[str, Any]] = _FORM | {"sge_groups": 0, "lip_order": "", "srm": False, "fusion": (4,)}
_ALL: Final[dict[str, Any]] = _FORM | {"sge_groups": 16, "lip_order": "B", "srm": True, "fusion": (2, 3, 4)}


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """One row of the ablation.

    Attributes:
        name: in the table.
        part: which network it is compared with: the first of its part.
        changes: fields of ``recipe.NetworkSection``; what is before the first layer, and dropout, are the schedule's.
    """

    name: str
    part: Part
    changes: dict[str, Any]

    def network(self, schedule: Recipe) -> NetworkSection:
        """Its network under a schedule."""
        return NetworkSection.model_validate(schedule.network.model_dump() | self.changes)


VARIANTS: Final = (
    Variant(PLAIN, ADDED, _PLAIN),
    Variant("+ fusion (2, 3, 4)", ADDED, _PLAIN | {"fusion": (2, 3, 4)}),
    *(Variant(f"+ SGE, H = {groups}", ADDED, _PLAIN | {"sge_groups": groups}) for groups in (8, 16, 32, 64)),
    *(Variant(f"+ LIP, order {order}", ADDED, _PLAIN | {"lip_order": order}) for order in ("A", "B")),
    Variant("+ SRM", ADDED, _PLAIN | {"srm": True}),
    Variant(ALL, CHANGED, _ALL),
    Variant("all but fusion: (4)", CHANGED, _ALL | {"fusion": (4,)}),
    Variant("all, fusion of (3, 4)", CHANGED, _ALL | {"fusion": (3, 4)}),
    Variant("all, fusion of (1, 2, 3, 4)", CHANGED, _ALL | {"fusion": (1, 2, 3, 4)}),
    Variant("all, lateral fusion of (2, 3, 4)", CHANGED, _ALL | {"fusion_form": "lateral"}),
    Variant("all, SGE on the fused maps alone", CHANGED, _ALL | {"sge_at": "taps"}),
    Variant("all but SGE", CHANGED, _ALL | {"sge_groups": 0}),
    Variant("all but LIP", CHANGED, _ALL | {"lip_order": ""}),
    Variant("all but SRM", CHANGED, _ALL | {"srm": False}),
)


def variant_named(name: str) -> Variant:
    """A row by its name.

    Raises:
        InputError: there is none of that name.
    """
    for variant in VARIANTS:
        if variant.name == name:
            return variant
    raise InputError(f"expected the name of a row, got {name!r}; choose from: {'; '.join(v.name for v in VARIANTS)}")


def ablation_plan(schedule: Recipe, seeds: int, only: Sequence[str] = ()) -> Iterator[Recipe]:
    """Every run of the ablation. Seeds come last, so that whenever it is stopped all rows have about as many.

    Args:
        schedule: what all rows share.
        seeds: runs of each row.
        only: names of rows, in the order in which they are wanted; none for all.

    Raises:
        RecipeError: the schedule starts from weights, which fit one network only.
        InputError: there is no row of a name.
    """
    _check(schedule)
    rows = [variant_named(name) for name in only] or VARIANTS
    for seed in range(seeds):
        for variant in rows:
            yield run_of(schedule, variant, seed)


def fraction_plan(schedule: Recipe, seeds: int) -> Iterator[Recipe]:
    """Every run of the data-fraction table; those on all data are the ablation's own.

    Raises:
        RecipeError: the schedule starts from weights, or is itself for a part of the data.
    """
    _check(schedule)
    if schedule.data.fraction != 1:
        raise RecipeError(f"data.fraction: expected 1 in a schedule for fractions, got {schedule.data.fraction:g}")
    for seed in range(seeds):
        for fraction in FRACTIONS:
            for name in (PLAIN, ALL):
                yield run_of(of_fraction(schedule, fraction), variant_named(name), seed)


def _check(schedule: Recipe) -> None:
    if schedule.schedule.start_from:
        raise RecipeError(
            "schedule.start_from: expected none, as the rows are different networks; use a schedule from scratch"
        )


def run_of(schedule: Recipe, variant: Variant, seed: int) -> Recipe:
    """The recipe of one run; seeds count from the schedule's own."""
    steps = schedule.schedule.model_copy(update={"seed": schedule.schedule.seed + seed})
    return schedule.model_copy(update={"network": variant.network(schedule), "schedule": steps})


def of_fraction(schedule: Recipe, fraction: float) -> Recipe:
    """The same number of steps on a part of the data: less data must not mean less training."""
    s = schedule.schedule
    steps = s.model_copy(
        update={
            "epochs": round(s.epochs / fraction),
            "small_epochs": round(s.small_epochs / fraction),
            "warmup_epochs": round(s.warmup_epochs / fraction, 6),
        }
    )
    data = schedule.data.model_copy(update={"fraction": fraction})
    return schedule.model_copy(update={"schedule": steps, "data": data})


def schedule_of(run: Recipe) -> Recipe:
    """What runs of one table have in common: the recipe without its variant, its seed and its fraction."""
    fraction = run.data.fraction
    whole = of_fraction(run, 1 / fraction) if fraction != 1 else run
    shared = ("stem", "dropout", "contrast_exponent")
    network = NetworkSection(**{name: getattr(run.network, name) for name in shared})
    steps = whole.schedule.model_copy(update={"seed": 0})
    data = whole.data.model_copy(update={"fraction": 1.0})
    return whole.model_copy(update={"network": network, "schedule": steps, "data": data})


def variant_of(run: Recipe) -> Variant | None:
    """The row that a run belongs to; None where it is none of these."""
    return next((variant for variant in VARIANTS if variant.network(run) == run.network), None)
