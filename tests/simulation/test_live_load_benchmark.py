"""The arithmetic of benchmarks/live_load.py: lateness by messages, what is missing, memory, missed goals."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from classmood.simulation.client import Account

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def live_load() -> Iterator[ModuleType]:
    sys.path.insert(0, str(FOLDER))
    yield __import__("live_load")
    sys.path.remove(str(FOLDER))
    del sys.modules["live_load"]


def figures(
    live_load: ModuleType, late_s: list[float], *, leave_out: int = -1, growth: float = 0.0, a_second: float = 100.0
) -> dict[str, Any]:
    """A run of 100 students whose class began at 1000 s of this machine's clock."""
    account = Account()
    account.sent["reading"] = 30000
    seconds = len(late_s) * 10 + 5
    seen = [(1000.0 + i / 2, int(i / 2 * a_second), 100) for i in range(2 * seconds)]
    arrived = [(i, (i + 1) * 10 + 0.002, 1000 + (i + 1) * 10 + late, 100) for i, late in enumerate(late_s)]
    arrived = [one for one in arrived if one[0] != leave_out]
    memory = [(1000.0 + i, 100 * (1 + growth * i / seconds), i * 0.25) for i in range(seconds)]
    result = {"account": account, "seen": seen, "cpu_s": 7.0}
    found: dict[str, Any] = live_load.figures(100, 10.0, (1000.0, 1000.001), arrived, memory, [0.001, 0.002], result)
    return found


def test_lateness_is_from_the_end_of_the_interval_and_begins_when_all_have_come(live_load: ModuleType) -> None:
    found = figures(live_load, [9.0, 9.0, 0.05, *[0.05] * 17])
    assert found["late_p95_s"] == pytest.approx(0.05)
    assert found["releases"] == 17
    assert found["server_cores"] == pytest.approx(0.25)
    assert live_load.problems(found) == []


def test_what_is_wrong_is_found(live_load: ModuleType) -> None:
    late = [0.05] * 10 + [0.4] * 10
    assert live_load.problems(figures(live_load, late)) == ["p95 at most 250 ms late"]
    fine = [0.05] * 20
    assert live_load.problems(figures(live_load, fine, leave_out=9)) == ["no release missing"]
    assert live_load.problems(figures(live_load, fine, growth=0.5)) == ["memory stable"]
    assert live_load.problems(figures(live_load, fine, a_second=80)) == ["everybody sends once a second"]
    for name, value, goal in (
        ("refused", {"rate": 1}, "no message refused"),
        ("reconnects", 1, "no message without a connection"),
        ("ended", {"token over": 1}, "everybody stays"),
    ):
        assert live_load.problems(figures(live_load, fine) | {name: value}) == [goal]
