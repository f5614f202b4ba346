"""How much nudges tell of one student, whatever an attacker makes of them.

    python benchmarks/nudge_differencing.py --classes 200 --json out/nudge-differencing.json

Nudges are decided on counts whose noise is narrower than that of releases, so the attack on releases
(``benchmarks/differencing.py``) does not cover them. Here each class of that attack is held twice, with the same noise,
the same others and the student in question in the one state or the other for as long as they are in one around the
moment that is asked for. Where both lessons give the same nudges at the same times, nudges tell nothing of it. The two
laws of nudges then differ by at most the share d of classes in which they differ (a coupling), so nobody who sees the
nudges alone can guess the state with a balanced accuracy above 1/2 + d/2, whatever they know besides of the others and
of the class; and who sees releases too gains at most d/2 over what one can do who is told, of each class, everything
but the student and the noise of nudges. The interval of d is Wilson's, 95%.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from attacked_lesson import WORLDS, simulate
from classmood.machine import machine
from classmood.server.release import ReleaseSettings
from differencing import SIZES


@dataclass(frozen=True)
class Told:
    """One class, held twice.

    Attributes:
        size: of the class.
        nudges: how many were given in the lesson as it was.
        differs: whether nudges were other ones, or came at other times, with the student in the other state.
    """

    size: int
    nudges: int
    differs: bool


def held_twice(world: str, settings: ReleaseSettings, seed: int, number: int) -> Told:
    """One class, by its number in the attack on releases."""
    low, high = SIZES[number % len(SIZES)]
    situations = WORLDS[world].situations
    situation = situations[(number // len(SIZES)) % len(situations)]
    own = seed * 1_000_003 + number
    size = int(np.random.default_rng(own).integers(low, high + 1))
    one, other = (
        simulate(WORLDS[world], size, situation, settings, own, other_way=other_way).nudges
        for other_way in (False, True)
    )
    return Told(size, len(one), one != other)


def summary(world: str, told: Sequence[Told]) -> list[dict[str, object]]:
    """Rows over all classes and by size."""
    rows: list[dict[str, object]] = []
    groups = {"all": list(told)} | {f"{low}-{high}": [t for t in told if low <= t.size <= high] for low, high in SIZES}
    for name, part in groups.items():
        differs = sum(t.differs for t in part)
        low, high = binomtest(differs, len(part)).proportion_ci(method="wilson")
        rows.append(
            {
                "world": world,
                "size": name,
                "classes": len(part),
                "nudges_a_lesson": round(float(np.mean([t.nudges for t in part])), 2),
                "differ": round(differs / len(part), 4),
                "interval": [round(float(low), 4), round(float(high), 4)],
                "bound": round(0.5 + differs / len(part) / 2, 4),
            }
        )
    return rows


def main(arguments: list[str]) -> int:
    """Hold the classes of every world; 1 if a world's bound is above 0.60."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=200, help="of each world")
    parser.add_argument("--seed", type=int, default=7103)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS)[:5], choices=list(WORLDS))
    parser.add_argument("--noise", type=float, nargs=2, metavar=("STUDENTS", "PRESSES"), help="instead of the default")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    settings = ReleaseSettings()
    if chosen.noise:
        settings = ReleaseSettings(nudge_noise_students=chosen.noise[0], nudge_press_noise_students=chosen.noise[1])
    rows: list[dict[str, object]] = []
    each: dict[str, list[dict[str, object]]] = {}
    print(machine(chosen.workers))
    with ProcessPoolExecutor(chosen.workers) as pool:
        for world in chosen.worlds:
            told = list(pool.map(partial(held_twice, world, settings, chosen.seed), range(chosen.classes), chunksize=4))
            rows += (found := summary(world, told))
            each[world] = [asdict(one) for one in told]
            for row in found:
                print(json.dumps(row), flush=True)
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps({"rows": rows, "each": each}) + "\n", encoding="utf-8")
    return int(any(row["size"] == "all" and float(str(row["bound"])) > 0.60 for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
