"""A small run of the differencing attack; benchmarks/differencing.py makes the large one.

The attack must be able to succeed: without noise it finds a student who does not change, and so does a naive release.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from classmood.server.noise import SPECTRUM
from classmood.server.release import ReleaseSettings

FOLDER = Path(__file__).parents[2] / "benchmarks"
EXACT = ReleaseSettings(noise_students=0, press_noise_students=0)


@pytest.fixture(scope="module")
def differencing() -> Iterator[ModuleType]:
    sys.path.insert(0, str(FOLDER))
    yield __import__("differencing")
    sys.path.remove(str(FOLDER))
    del sys.modules["differencing"], sys.modules["attacked_lesson"]


@pytest.fixture(autouse=True)
def short(differencing: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["attacked_lesson"], "LESSON_S", 600.0)


def accuracy(differencing: ModuleType, world: str, settings: ReleaseSettings, classes: int) -> dict[str, float]:
    """Balanced accuracy from the noised counts, and from what is released."""
    done, _ = differencing.attack(differencing.WORLDS[world], settings, classes, 7, sizes=((5, 6),))
    pairs = {sees: [(lesson.truth, said[sees]) for lesson, said in done] for sees in ("counts", "released")}
    return {sees: differencing.balanced(part)[0] for sees, part in pairs.items()}


@pytest.mark.many_calls
def test_without_noise_the_attack_finds_a_student(differencing: ModuleType) -> None:
    # Rounding, batches and hidden cells are all on: alone they do not do.
    assert min(accuracy(differencing, "steadfast", EXACT, 60).values()) > 0.7


@pytest.mark.many_calls
def test_with_the_noise_it_does_not(differencing: ModuleType) -> None:
    # The large run holds it to 0.60; of 60 small classes a tenth more is chance.
    assert max(accuracy(differencing, "even", ReleaseSettings(), 60).values()) < 0.72


@pytest.mark.parametrize(("growth", "again"), [(1.0, 4), (2.0, 2)])
def test_one_person_with_many_devices_knows_all_others_and_gets_new_noise(
    differencing: ModuleType, growth: float, again: int
) -> None:
    settings = ReleaseSettings(batch_gap_growth=growth)
    lesson = differencing.simulate(differencing.WORLDS["devices"], 6, "devices", settings, 1)
    assert lesson.unknown == []
    # Ten minutes: as many batches as there may be, after 2, 4, 6 and 8 minutes, or after 2 and 6.
    assert lesson.segment[-1] == again


def test_the_likelihood_is_that_of_what_is_simulated(differencing: ModuleType) -> None:
    """The chain that students follow has the mean and covariance that the attacker reckons with."""
    rng = np.random.default_rng(1)
    paths = np.array([sys.modules["attacked_lesson"].course(rng, 60.0, 0.3, 40, 10.0)[0] for _ in range(6000)])
    assert paths.mean() == pytest.approx(0.3, abs=0.01)
    for lag in (1, 6, 20):
        kept = np.corrcoef(paths[:, 0], paths[:, lag])[0, 1]
        assert kept == pytest.approx(np.exp(-lag * 10 / 60), abs=0.04)
    constant, drawn = sys.modules["attacked_lesson"].course(rng, float("inf"), 0.5, 40, 10.0)
    assert len(set(constant)) == 1
    assert set(drawn) == {0}


def test_the_attacker_uses_the_noise_s_own_law(differencing: ModuleType) -> None:
    assert differencing.SPECTRUM is SPECTRUM


def test_what_is_learnt_of_nudges_is_there_where_they_tell_and_not_where_they_do_not(differencing: ModuleType) -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 400)
    telling = np.column_stack([truth * (rng.random(400) < 0.8), rng.random(400)])
    assert np.mean((differencing.learnt(telling, truth) > 0) == truth) > 0.85
    assert np.mean((differencing.learnt(rng.random((400, 2)), truth) > 0) == truth) < 0.6


def test_the_other_way_differs_in_one_spell_of_one_student_alone(differencing: ModuleType) -> None:
    settings = ReleaseSettings(noise_students=0, press_noise_students=0, phantom_s=1e9)
    for world in ("even", "presses", "steadfast"):
        one, other = (
            differencing.simulate(differencing.WORLDS[world], 8, "steady", settings, 5, other_way=way)
            for way in (False, True)
        )
        assert (one.truth, other.truth) in ((0, 1), (1, 0))
        apart = np.abs(one.released["counts"] - other.released["counts"])[:, :9].sum(1)
        # One student moves from one cell to another, without a gap around the moment, and nobody else does.
        assert set(np.round(apart, 6)) <= {0.0, 2.0}
        moved = np.flatnonzero(apart)
        assert len(moved) == moved[-1] - moved[0] + 1
        assert one.time_s[moved[0]] <= one.query_s <= one.time_s[moved[-1]]


def test_the_bound_is_half_of_how_often_nudges_hang_on_the_student(differencing: ModuleType) -> None:
    twice = __import__("nudge_differencing")
    told = [twice.Told(size=6, nudges=1, differs=i < 3) for i in range(10)]
    told += [twice.Told(size=size, nudges=0, differs=False) for size in (10, 20)]
    found = {row["size"]: row for row in twice.summary("even", told)}
    assert (found["5-7"]["differ"], found["5-7"]["bound"]) == (0.3, 0.65)
    assert found["all"]["bound"] == pytest.approx(0.5 + 3 / 12 / 2)
    assert found["8-14"]["bound"] == 0.5
    assert found["5-7"]["interval"][0] < 0.3 < found["5-7"]["interval"][1]
    del sys.modules["nudge_differencing"]


def test_balanced_accuracy(differencing: ModuleType) -> None:
    pairs = [(1, 1)] * 3 + [(1, 0)] + [(0, 0)] * 10 + [(0, 1)] * 10
    assert differencing.balanced(pairs)[0] == pytest.approx((0.75 + 0.5) / 2)
