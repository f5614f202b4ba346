"""Who meets the scenarios in which order: a balanced Latin square, dealt by the study's seed.

Over a whole square every scenario stands in every place equally often, and follows every other equally often (Williams
1949, doi:10.1071/CH9490149): n orders for an even number n of scenarios, 2n for an odd one. So what one scenario leaves
behind falls on all others alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from classmood.experiment.protocol import Order


def latin_square(n: int) -> tuple[tuple[int, ...], ...]:
    """Williams' square for n conditions: rows are orders of 0 to n - 1."""
    # 0, 1, n-1, 2, n-2, ...: neighbours differ by every step once.
    zigzag = [0, *((k + 1) // 2 if k % 2 else n - k // 2 for k in range(1, n))]
    rows = [tuple((place + shift) % n for place in zigzag) for shift in range(n)]
    return tuple(rows + [row[::-1] for row in rows]) if n % 2 and n > 1 else tuple(rows)


def order_for(names: Sequence[str], participant: int, *, order: Order, seed: int, block: int = 0) -> tuple[str, ...]:
    """The order in which one participant meets some scenarios.

    Args:
        names: as the protocol lists them.
        participant: their number, from 1.
        order: ``latin-square``: the next row of the square, its labels dealt by the seed; ``random``: each a draw of
            their own; ``fixed``: as listed.
        seed: of the protocol.
        block: the phase's place, so that two blocks are not dealt alike.
    """
    if order == "fixed" or len(names) < 2:
        return tuple(names)
    if order == "random":
        shuffled = np.random.default_rng([seed, block, participant]).permutation(len(names))
        return tuple(names[i] for i in shuffled)
    dealt = np.random.default_rng([seed, block]).permutation(len(names))
    square = latin_square(len(names))
    return tuple(names[dealt[i]] for i in square[(participant - 1) % len(square)])
