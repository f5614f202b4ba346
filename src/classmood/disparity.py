"""Whether rates differ between groups of people, and what a sample of this size could have shown at all.

The person is the unit: several images of one person are taken to say no more than one, in intervals and in power, and
a person's images stay together in the test.

- Interval of a rate: Wilson's score interval, 95 % (Wilson 1927, doi:10.1080/01621459.1927.10502953).
- Test of "the group plays no part": persons are dealt to the groups anew, sizes kept, and the weighted spread of the
  groups' rates about the common one is compared with that of the real groups.
- Several tests: Holm's correction (Holm 1979), which keeps the chance of any false alarm under the level.
- Power: the very test is run on simulated samples of the same sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float, Float64, Int
from scipy import stats

ROUNDS: Final = 9999
# Simulated samples for one power, and re-dealings for one total of them: the power is then known to one point or so.
_SAMPLES: Final = 4000
_DEALT: Final = 4999
# From this expected count on, the re-dealings' distribution is chi-squared's (Cochran 1954).
_MANY: Final = 5.0


def wilson(events: float, n: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a rate of ``events`` in ``n``, which may be fractions of a count; (0, 1) for n = 0."""
    if n <= 0:
        return 0.0, 1.0
    z = float(stats.norm.isf((1 - confidence) / 2))
    rate = events / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(max(0.0, rate * (1 - rate) / n + z * z / (4 * n * n))))
    return max(0.0, middle - half), min(1.0, middle + half)


def spread(
    events: Float64[np.ndarray, " n"], trials: Float64[np.ndarray, " n"], groups: Int[np.ndarray, "*rounds n"], k: int
) -> Float64[np.ndarray, "*rounds"]:
    """Sum over the groups of trials times the squared distance of the group's rate from the common one."""
    common = events.sum() / trials.sum()
    total = np.zeros(groups.shape[:-1])
    for group in range(k):
        inside = groups == group
        n = inside @ trials
        rate = np.divide(inside @ events, n, out=np.full(n.shape, common), where=n > 0)
        total += n * np.square(rate - common)
    return total


def permutation_p(
    events: Float64[np.ndarray, " n"],
    trials: Float64[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> float:
    """Chance that re-dealt groups are at least as far apart as the real ones.

    Args:
        events: how often it happened to each person.
        trials: how often it could have.
        groups: the group of each person, from 0 on.
        rounds: how often to re-deal; all ways of dealing are gone through where they are fewer.
        seed: of the dealing.
    """
    k = int(groups.max()) + 1
    found = stats.permutation_test(
        (groups,),
        lambda dealt, axis: np.asarray(spread(events, trials, np.moveaxis(dealt, axis, -1), k)),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=rounds,
        batch=max(1, 2_000_000 // len(groups)),
        alternative="greater",
        random_state=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction, in the order given."""
    p = np.array(p_values, float)
    order = np.argsort(p)
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return [float(value) for value in corrected]


class Power:
    """How likely the test is to notice that one group fares worse than the others."""

    def __init__(self, sizes: Sequence[int], *, level: float, seed: int = 0) -> None:
        """Prepare for samples of this shape.

        Args:
            sizes: persons in each group.
            level: p-value from which on the test speaks of a difference.
            seed: of the simulation.
        """
        self.sizes = np.array(sizes, np.int64)
        self.level = level
        self.seed = seed
        self._null: dict[int, Float[np.ndarray, " dealt"]] = {}

    def of(self, rates: Sequence[float]) -> float:
        """The share of samples with these true rates of the groups in which the test speaks of a difference."""
        random = np.random.default_rng(self.seed)
        counts = random.binomial(self.sizes, np.array(rates), (_SAMPLES, len(self.sizes)))
        totals = counts.sum(1)
        noticed = 0
        for total in np.unique(totals):
            noticed += int((self._p(counts[totals == total], int(total)) <= self.level).sum())
        return noticed / _SAMPLES

    def smallest_rise(self, group: int, base: float, *, power: float = 0.8) -> float | None:
        """By how much the group's rate must exceed ``base``, which all others have, to be noticed with this power.

        None where no rise suffices, up to a rate of 1.
        """
        rates = np.full(len(self.sizes), base)

        def at(rise: float) -> float:
            rates[group] = min(1.0, base + rise)
            return self.of(rates.tolist())

        low, high = 0.0, 1 - base
        if at(high) < power:
            return None
        while high - low > 0.002:
            middle = (low + high) / 2
            low, high = (low, middle) if at(middle) >= power else (middle, high)
        return high

    def _p(self, counts: Int[np.ndarray, "m k"], total: int) -> Float[np.ndarray, " m"]:
        """The test's p-value for counts of persons, all with the same total."""
        n = int(self.sizes.sum())
        if total in (0, n):
            return np.ones(len(counts))
        rate = total / n
        statistic = self._statistic(counts, rate)
        if self.sizes.min() * min(rate, 1 - rate) >= _MANY:
            return np.asarray(stats.chi2.sf(statistic * (n - 1) / n, len(self.sizes) - 1))
        if total not in self._null:
            random = np.random.default_rng([self.seed, total])
            dealt = random.multivariate_hypergeometric(self.sizes, total, _DEALT, method="marginals")
            self._null[total] = np.sort(self._statistic(dealt, rate))
        below = np.searchsorted(self._null[total], statistic * (1 - 1e-9), "left")
        return np.asarray((1 + _DEALT - below) / (_DEALT + 1))

    def _statistic(self, counts: Int[np.ndarray, "m k"], rate: float) -> Float[np.ndarray, " m"]:
        """Pearson's, which orders counts of one total as ``spread`` does."""
        squared = np.square(counts / self.sizes - rate)
        return np.asarray((squared * self.sizes).sum(1) / (rate * (1 - rate)))
