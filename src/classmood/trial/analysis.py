"""Whether a move made a difference: what chance could have done, how large the effect is, what could have been shown.

- *Effect*: mean outcome with the move on less with it off, within blocks, blocks weighted by what they tell
  (n_on n_off / n).
- *p*: the share of all ways of dealing the move, as the schedule could have been drawn, whose effect is at least as
  far from nothing (a randomisation test; Fisher 1935). All ways are gone through where they are few. It needs no other
  assumption than that the schedule was kept.
- *Interval*: all effects that the same test would not reject, if the move shifts every unit by the same amount.
- *Power*: the very test, run on normal outcomes dealt by the same schedule.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64, Int64

from classmood.errors import InputError
from classmood.trial.plan import LEVEL, Plan, ways_of

_MOST_EXACT: Final = 20_000
_DEALT: Final = 19_999
_DEALT_FOR_POWER: Final = 999
_SAMPLES: Final = 800
_HALVINGS: Final = 50
POWER: Final = 0.8


@dataclass(frozen=True, slots=True)
class Found:
    """What a trial showed.

    Attributes:
        units: with an outcome, in blocks that tell something; ``left_out`` were not.
        on, off: mean outcomes.
        effect: on less off, with its 95 % interval; None where no effect would be rejected.
        standardised: the effect over the standard deviation within blocks and conditions, with Hedges' correction for
            few units, and its interval on the same scale.
        p_value: two-sided; ``exact`` where all ways were gone through.
        smallest: effect over the standard deviation that this trial notices four times in five; None where none is.
    """

    units: int
    left_out: int
    on: float
    off: float
    effect: float
    low: float | None
    high: float | None
    standardised: float | None
    standardised_low: float | None
    standardised_high: float | None
    p_value: float
    exact: bool
    smallest: float | None


def analyse(plan: Plan, outcomes: Float64[np.ndarray, " units"], *, seed: int = 0) -> Found:
    """Analyse a trial.

    Args:
        plan: its schedule.
        outcomes: of each unit; NaN where none was measured.
        seed: of the dealings, where not all are gone through.

    Raises:
        InputError: too few units have an outcome for any effect to be told from chance.
    """
    on = np.array([unit.on for unit in plan.units])
    block = np.array([unit.block for unit in plan.units])
    keep = np.isfinite(outcomes)
    for one in np.unique(block):
        here = keep & (block == one)
        if not (on[here].any() and (~on[here]).any()):
            keep &= block != one
    on, y = on[keep], outcomes[keep]
    block = np.unique(block[keep], return_inverse=True)[1].astype(np.int64)
    ways = _ways(on, block)
    if 2 / ways > LEVEL:
        raise InputError(
            f"expected enough outcomes for a p below {LEVEL}, got {len(y)} in {len(set(block.tolist()))} blocks that "
            "have the move both on and off; measure more of the planned units"
        )
    dealt, exact = deal(on, block, ways, seed)
    contrasts = _contrast(dealt, block)
    effect = float(y @ contrasts[0])
    # A constant shift by d changes each dealing's effect by d times this.
    moved = contrasts @ on.astype(float)
    of_data = contrasts @ y
    low, high = _invert(of_data, moved, effect, -1), _invert(of_data, moved, effect, 1)
    deviation = _deviation(y, on, block)
    few = 1 - 3 / (4 * max(len(y) - 1, 1) - 1)
    scale = few / deviation if deviation > 0 else None

    def over(value: float | None) -> float | None:
        return None if scale is None or value is None else value * scale

    return Found(
        len(y),
        len(plan.units) - len(y),
        float(y[on].mean()),
        float(y[~on].mean()),
        effect,
        low,
        high,
        over(effect),
        over(low),
        over(high),
        _p(of_data, moved, 0.0),
        exact,
        smallest_effect(on, block, seed=seed),
    )


def smallest_effect_of(plan: Plan, *, seed: int = 0) -> float | None:
    """What a schedule could show, before anything is measured; see ``smallest_effect``."""
    block = np.unique([unit.block for unit in plan.units], return_inverse=True)[1].astype(np.int64)
    return smallest_effect(np.array([unit.on for unit in plan.units]), block, seed=seed)


def smallest_effect(on: Bool[np.ndarray, " n"], block: Int64[np.ndarray, " n"], *, seed: int = 0) -> float | None:
    """The shift, in standard deviations within blocks, that the test notices with the chance ``POWER``.

    Args:
        on: which units have the move.
        block: of each unit, from 0.
        seed: of the simulation.
    """
    ways = _ways(on, block)
    if 2 / ways > LEVEL:
        return None
    dealt, _ = deal(on, block, ways, seed, most=_DEALT_FOR_POWER)
    contrasts = _contrast(dealt, block)
    moved = contrasts @ on.astype(float)
    of_data = np.random.default_rng(seed).normal(size=(_SAMPLES, len(on))) @ contrasts.T

    away = np.empty_like(of_data)

    def power(shift: float) -> float:
        np.abs(np.add(of_data, shift * moved, out=away), out=away)
        as_far = np.count_nonzero(away >= away[:, :1] * (1 - 1e-9), axis=1)
        return float((as_far / len(moved) <= LEVEL).mean())

    low, high = 0.0, 1.0
    while power(high) < POWER:
        high *= 2
        if high > 64:
            return None
    while high - low > 0.005 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high


def deal(
    on: Bool[np.ndarray, " n"], block: Int64[np.ndarray, " n"], ways: float, seed: int, *, most: int = _DEALT
) -> tuple[Bool[np.ndarray, "ways n"], bool]:
    """Dealings of the move, the real one first, and whether they are all there are.

    Args:
        on: the real dealing.
        block: within which it is dealt, from 0.
        ways: how many there are.
        seed: of the draw, where they are too many.
        most: how many are drawn then.
    """
    if ways <= min(_MOST_EXACT, most + 1):
        every = _every(on, block)
        return np.concatenate([on[None], every[(every != on).any(axis=1)]]), True
    random = np.random.default_rng(seed)
    drawn = np.empty((most + 1, len(on)), bool)
    drawn[0] = on
    for one in np.unique(block):
        here = np.flatnonzero(block == one)
        order = np.argsort(random.random((most, len(here))), axis=1)
        drawn[1:, here] = on[here][order]
    return drawn, False


def describe(found: Found, plan: Plan) -> str:
    """The result in plain words."""
    told = found.p_value < LEVEL
    interval = (
        f"95 % interval {found.low:+.3g} to {found.high:+.3g}"
        if found.low is not None and found.high is not None
        else "no bounded interval"
    )
    verdict = "more than chance" if told else "cannot be told from chance, which does not show that there is no effect"
    standard = ""
    if found.standardised is not None:
        standard = f" In standard deviations between units of a block: {found.standardised:+.2f}"
        if found.standardised_low is not None and found.standardised_high is not None:
            standard += f" ({found.standardised_low:+.2f} to {found.standardised_high:+.2f})"
        standard += "."
    could = (
        "This schedule notices no effect four times in five, however large."
        if found.smallest is None
        else f"This schedule notices an effect of {found.smallest:.2f} standard deviations four times in five; smaller "
        "ones mostly pass unnoticed."
    )
    return (
        f"{plan.move}: {plan.outcome}. Fixed beforehand with SHA-256 {plan.sha256[:16]}..., seed {plan.seed}, "
        f"{plan.design}.\n\n"
        f"{found.units} units with an outcome ({found.left_out} left out): {found.on:.3g} on, {found.off:.3g} off. "
        f"Effect {found.effect:+.3g} ({interval}): {verdict} (p = {found.p_value:.4f}, randomisation test, "
        f"{'all dealings' if found.exact else f'{_DEALT} dealings'}).{standard}\n\n{could}\n"
    )


def _ways(on: np.ndarray, block: np.ndarray) -> float:
    return float(
        np.prod([float(ways_of(int((block == b).sum()), int(on[block == b].sum()))) for b in np.unique(block)])
    )


def _every(on: np.ndarray, block: np.ndarray) -> Bool[np.ndarray, "ways n"]:
    """All dealings with as many on in each block."""
    every = np.zeros((1, len(on)), bool)
    for one in np.unique(block):
        here = np.flatnonzero(block == one)
        chosen = np.array(list(combinations(range(len(here)), int(on[here].sum()))), int)
        ways = np.zeros((len(chosen), len(here)), bool)
        np.put_along_axis(ways, chosen, True, axis=1)
        every, before = np.repeat(every, len(ways), axis=0), len(every)
        every[:, here] = np.tile(ways, (before, 1))
    return every


def _contrast(dealt: np.ndarray, block: np.ndarray) -> Float64[np.ndarray, "ways n"]:
    """What each unit's outcome is multiplied with, so that the sum is the effect within blocks."""
    contrast = np.zeros(dealt.shape)
    total = 0.0
    for one in np.unique(block):
        here = block == one
        n = int(here.sum())
        with_it = int(dealt[0, here].sum())
        weight = with_it * (n - with_it) / n
        total += weight
        contrast[:, here] = weight * np.where(dealt[:, here], 1 / with_it, -1 / (n - with_it))
    return contrast / total


def _p(of_data: np.ndarray, moved: np.ndarray, shift: float) -> float:
    """Two-sided p of the effect being ``shift``: outcomes without it are dealt anew."""
    away = np.abs(of_data - shift * moved)
    return float((away >= away[0] * (1 - 1e-9) - 1e-15).mean())


def _invert(of_data: np.ndarray, moved: np.ndarray, effect: float, side: int) -> float | None:
    """The end of all shifts on one side of the effect that are not rejected; None where there is no end."""
    step = max(float(np.abs(of_data).max()), abs(effect), 1e-9)
    far = step
    while _p(of_data, moved, effect + side * far) > LEVEL:
        far *= 2
        if far > 1e6 * step:
            return None
    near = 0.0
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        near, far = (middle, far) if _p(of_data, moved, effect + side * middle) > LEVEL else (near, middle)
    return effect + side * (near + far) / 2


def _deviation(y: np.ndarray, on: np.ndarray, block: np.ndarray) -> float:
    """Standard deviation within blocks, the effect taken out."""
    effect = float(y @ _contrast(on[None], block)[0])
    rest = y - effect * on
    means = np.bincount(block, rest) / np.bincount(block)
    freedom = len(y) - len(means) - 1
    return float(np.sqrt(np.square(rest - means[block]).sum() / freedom)) if freedom > 0 else 0.0
