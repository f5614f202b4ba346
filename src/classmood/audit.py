"""`classmood audit`: does the model err more on some groups of people than on others, and could this sample tell?

Two measures, by every group of every column that is asked for: how often a neutral face is given an emotion (a face
that was not found is given none), and the recall of each other class (a face that was not found counts as missed, as
in `classmood evaluate`). ``classmood.disparity`` says how rates are compared.

An audit shows differences where it can. It never shows that there are none: hence it always says how large a
difference would have had to be, to be noticed four times in five.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from classmood.disparity import Power, holm, permutation_p, wilson
from classmood.emotions import FERPLUS_CLASSES, NEUTRAL, ferplus_class
from classmood.errors import InputError, ManifestError, OutputError
from classmood.evaluation import Evaluation
from classmood.manifest import Entry

LEVEL: Final = 0.05
POWER: Final = 0.8
# Fewer persons than these are no group: next to nothing could be shown of them, and they could be recognised.
LEAST_PERSONS: Final = 5
# Numbers with more values than this, such as ages, are cut into three bands of about as many persons.
_MOST_VALUES: Final = 6
_UNKNOWN: Final = frozenset({"", "na", "n/a", "nan", "none", "unknown", "?"})
FALSE_EMOTION: Final = "false emotion on neutral faces"

LIMITS: Final = (
    "Groups may differ in more than what they are named for (age, light, camera, how a pose was made): a difference "
    "says that the model fares worse there, not why.",
    "Labels are taken as given. A group whose expressions were labelled less well looks worse than it fares.",
)


@dataclass(frozen=True, slots=True)
class Group:
    """One group by one measure.

    Attributes:
        rate: of the measure, with its 95 % interval from ``low`` to ``high``.
        smallest_difference: how far this group's rate would have had to be from all others', on the side that is
            worse, for the sample to show it with the audit's power; None where no rate is far enough, or where nothing
            was compared.
    """

    name: str
    persons: int
    images: int
    rate: float
    low: float
    high: float
    smallest_difference: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure across the groups of one column.

    Attributes:
        worse: which way the measure is worse.
        rate: of all groups together.
        left_out: persons of groups too small to speak of, and of unknown group.
        p_value: of the permutation test; None where nothing could be compared.
        p_corrected: the same after Holm's correction over all comparisons of the audit.
    """

    column: str
    measure: str
    worse: Literal["higher", "lower"]
    rate: float
    groups: tuple[Group, ...]
    left_out: dict[str, int]
    p_value: float | None
    p_corrected: float | None


@dataclass(frozen=True, slots=True)
class Audit:
    """All comparisons of one manifest."""

    comparisons: tuple[Comparison, ...]
    images: int
    persons: int
    faces_not_found: int
    unreadable: int
    level: float
    power: float


@dataclass(frozen=True, slots=True)
class _Tally:
    """Errors and images of each person by one measure, and the person's place among the names."""

    column: str
    measure: str
    worse: Literal["higher", "lower"]
    names: tuple[str, ...]
    left_out: dict[str, int]
    groups: np.ndarray
    errors: np.ndarray
    images: np.ndarray

    @property
    def can_differ(self) -> bool:
        """Whether dealing the persons anew could change anything: there are two groups, and not all fared alike."""
        return bool(len(self.names) > 1 and 0 < self.errors.sum() < self.images.sum())


def audit(evaluation: Evaluation, by: Iterable[str], *, level: float = LEVEL, seed: int = 0) -> Audit:
    """Compare groups of people.

    Args:
        evaluation: of a manifest, by FER+ classes, with columns to group by. Where it has a column ``subject``, rows
            with the same value are one person; else every image is.
        by: columns; ``age`` also finds ``age_years``.
        level: chance of any false alarm that is accepted over the whole audit.
        seed: of what is drawn at random; the same gives the same audit.

    Raises:
        InputError: a column is not there.
        ManifestError: a person is in two groups of one column; the row is named.
    """
    entries = evaluation.entries
    labels = [ferplus_class(entry.label) for entry in entries]
    tallies = []
    for column in find_columns(by, entries):
        group_of = _groups(entries, column)
        for label in (name for name in FERPLUS_CLASSES if name in labels):
            tallies.append(_tally(evaluation, labels, label, column, group_of))
    tested = [tally for tally in tallies if tally.can_differ]
    p_values = [permutation_p(t.errors, t.images, t.groups, seed=seed) for t in tested]
    corrected = dict(zip(map(id, tested), zip(p_values, holm(p_values), strict=True), strict=True))
    # The strictest of Holm's steps: what is promised is then shown wherever it stands among the p-values.
    strictest = level / max(1, len(tested))
    comparisons = tuple(_compare(t, corrected.get(id(t), (None, None)), strictest, seed) for t in tallies)
    missed = sum(not name for name in evaluation.predictions)
    persons = len({_person(entry) for entry in entries})
    return Audit(comparisons, len(entries), persons, missed, len(evaluation.failures), level, POWER)


def _person(entry: Entry) -> str:
    return entry.groups.get("subject", "").strip() or f"row {entry.row}"


def find_columns(by: Iterable[str], entries: tuple[Entry, ...]) -> list[str]:
    """The manifest's columns that are meant, each once; ``age`` also finds ``age_years``.

    Raises:
        InputError: a column is not there, or several may be meant.
    """
    known = list(entries[0].groups)
    found = []
    for name in (part.strip() for part in by):
        matching = [name] if name in known else [column for column in known if column.startswith(f"{name}_")]
        if not name or len(matching) != 1:
            raise InputError(
                f"by: expected columns of the manifest ({', '.join(known) or 'it has none'}), got {name!r}"
            )
        if matching[0] not in found:
            found.append(matching[0])
    if not found:
        raise InputError(f"by: expected at least one column of the manifest ({', '.join(known) or 'it has none'})")
    return found


def _groups(entries: tuple[Entry, ...], column: str) -> dict[str, str]:
    """The group of every person; empty where it is unknown."""
    written: dict[str, tuple[str, int]] = {}
    for entry in entries:
        value = entry.groups[column].strip()
        value = "" if value.casefold() in _UNKNOWN else value
        before, row = written.setdefault(_person(entry), (value, entry.row))
        if before != value:
            raise ManifestError(
                f"row {entry.row}: the subject {_person(entry)} has the {column} {value or 'unknown'} here and "
                f"{before or 'unknown'} in row {row}; expected one group a person"
            )
    values = {person: value for person, (value, _) in written.items()}
    known = [value for value in values.values() if value]
    numbers = {value: number for value in known if (number := _number(value)) is not None}
    if len(numbers) != len(set(known)) or len(set(numbers.values())) <= _MOST_VALUES:
        return values
    band = bands([numbers[value] for value in known])
    return {person: band[numbers[value]] if value else "" for person, value in values.items()}


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def bands(numbers: list[float]) -> dict[float, str]:
    """Three bands of about as many persons each, equal numbers together: the band's name for each number."""
    ordered = np.sort(np.array(numbers, float))
    values, first, counts = np.unique(ordered, return_index=True, return_counts=True)
    # A value goes where the middle one of its persons falls.
    place = np.minimum(3 * (first + counts / 2) // len(ordered), 2)
    names: dict[float, str] = {}
    for third in np.unique(place):
        inside = values[place == third]
        name = f"{inside[0]:g} to {inside[-1]:g}" if len(inside) > 1 else f"{inside[0]:g}"
        names |= {float(value): name for value in inside}
    return names


def _order(name: str) -> tuple[float, str]:
    """Bands by their first number, names by the alphabet."""
    number = _number(name.split(" to ")[0])
    return (math.inf if number is None else number, name)


def _tally(evaluation: Evaluation, labels: list[str], label: str, column: str, group_of: dict[str, str]) -> _Tally:
    errors: Counter[str] = Counter()
    images: Counter[str] = Counter()
    for entry, actual, said in zip(evaluation.entries, labels, evaluation.predictions, strict=True):
        if actual == label:
            wrong = said not in ("", NEUTRAL) if label == NEUTRAL else said != label
            images[_person(entry)] += 1
            errors[_person(entry)] += wrong
    sizes = Counter(group_of[person] for person in images)
    names = tuple(sorted((g for g, size in sizes.items() if g and size >= LEAST_PERSONS), key=_order))
    kept = [person for person in images if group_of[person] in names]
    left_out = {name or "unknown": size for name, size in sorted(sizes.items()) if name not in names}
    return _Tally(
        column,
        FALSE_EMOTION if label == NEUTRAL else f"recall of {label}",
        "higher" if label == NEUTRAL else "lower",
        names,
        left_out,
        np.array([names.index(group_of[person]) for person in kept], np.int64),
        np.array([errors[person] for person in kept], float),
        np.array([images[person] for person in kept], float),
    )


def _compare(tally: _Tally, p_values: tuple[float, float] | tuple[None, None], level: float, seed: int) -> Comparison:
    persons = np.bincount(tally.groups, minlength=len(tally.names))
    images = np.bincount(tally.groups, tally.images, len(tally.names))
    errors = np.bincount(tally.groups, tally.errors, len(tally.names))
    base = float(errors.sum() / images.sum()) if images.sum() else 0.0
    power = Power([int(n) for n in persons], level=level, seed=seed) if len(tally.names) > 1 else None

    def as_measured(error_rate: float) -> float:
        return error_rate if tally.worse == "higher" else 1 - error_rate

    groups = []
    for place, name in enumerate(tally.names):
        rate = float(errors[place] / images[place])
        n = int(persons[place])
        low, high = sorted(as_measured(end) for end in wilson(rate * n, float(n)))
        smallest = power.smallest_rise(place, base, power=POWER) if power else None
        groups.append(Group(name, n, int(images[place]), as_measured(rate), low, high, smallest))
    common = as_measured(base)
    return Comparison(tally.column, tally.measure, tally.worse, common, tuple(groups), tally.left_out, *p_values)


def describe(result: Audit) -> list[str]:
    """The audit in plain words."""
    tested = sum(comparison.p_value is not None for comparison in result.comparisons)
    lines = [
        f"{result.images} images of {result.persons} persons; {result.faces_not_found} faces not found, "
        f"{result.unreadable} images unreadable.",
        "Intervals are Wilson's, 95 %. p is of a permutation test over persons, corrected by Holm's method for "
        f"{tested} tests.",
    ]
    for comparison in result.comparisons:
        lines += ["", f"{comparison.measure}, by {comparison.column}"]
        width = max((len(group.name) for group in comparison.groups), default=0)
        for group in comparison.groups:
            interval = f"({_percent(group.low)} to {_percent(group.high)})"
            people = f"{group.persons} persons" + (f", {group.images} images" * (group.images > group.persons))
            lines.append(f"  {group.name:<{width}}  {_percent(group.rate):>7}  {interval:<20} {people}")
        if comparison.left_out:
            out = ", ".join(f"{name} ({n})" for name, n in comparison.left_out.items())
            lines.append(f"  left out, unknown or fewer than {LEAST_PERSONS} persons: {out}")
        lines.append("  " + verdict(comparison, result))
        if len(comparison.groups) > 1:
            lines.append("  " + _could_have_shown(comparison, result))
    return [*lines, "", *LIMITS]


def verdict(comparison: Comparison, result: Audit) -> str:
    """What one comparison shows, in a sentence or two."""
    if len(comparison.groups) < 2:
        return f"Not compared: fewer than two groups have {LEAST_PERSONS} persons."
    by_rate = sorted(comparison.groups, key=lambda group: group.rate)
    lowest, highest = by_rate[0], by_rate[-1]
    if comparison.p_corrected is None or comparison.p_value is None:
        return (
            f"Every group has {_percent(comparison.rate)}, so there was nothing to test. That does not show that the "
            "groups fare alike: the intervals say how far off it may be."
        )
    p = f"p = {comparison.p_value:.4f}, corrected {comparison.p_corrected:.4f}"
    gap = f"{_points(highest.rate - lowest.rate)} between {highest.name} and {lowest.name}"
    if comparison.p_corrected < result.level:
        worst = highest if comparison.worse == "higher" else lowest
        return f"The groups differ by more than chance: {gap} ({p}). The model fares worst for {worst.name}."
    return (
        f"The difference of {gap} cannot be told from chance in this sample ({p}). "
        "That does not show that there is none."
    )


def _could_have_shown(comparison: Comparison, result: Audit) -> str:
    side = "above" if comparison.worse == "higher" else "below"
    sizes = [
        f"{group.name} {_points(group.smallest_difference)}"
        if group.smallest_difference is not None
        else f"{group.name} none, however large"
        for group in comparison.groups
    ]
    return (
        f"Smallest difference that this sample shows with a chance of {100 * result.power:.0f} %, one group {side} the "
        f"others and they at {_percent(comparison.rate)}: {', '.join(sizes)}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def write_audit(result: Audit, path: Path) -> None:
    """Write the audit as JSON, its words with it.

    Raises:
        OutputError: the file cannot be written.
    """
    content = {**dataclasses.asdict(result), "in_words": describe(result)}
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
