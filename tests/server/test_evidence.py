"""Evidence: a known answer for known noise, only comparable releases, what is hidden counts for little."""

from __future__ import annotations

import random

import numpy as np
import pytest

from classmood.server.evidence import WINDOW, comparable, weigh
from classmood.server.noise import WanderingNoise
from classmood.server.release import CELLS, Release, ReleaseSettings

JOY = {"joy": 0.65, "neutral": -0.45}
GRIEF = {"grief": 0.55, "neutral": -0.45}
SETTINGS = ReleaseSettings()


def release(number: int, sharing: int | None = 40, rises: dict[str, float] | None = None, **shares: float) -> Release:
    if sharing is None:
        return Release(number=number, time_s=number * 10.0)
    shown = {"neutral": round(1 - sum(shares.values()), 6)} | shares
    return Release(
        number=number, time_s=number * 10.0, sharing=sharing, shares=shown, others=0.0, rises=rises or {}
    )  # fmt: skip


def test_only_releases_of_one_batch_without_a_silence_are_compared() -> None:
    seen = [release(0, 30), release(1), release(2, None), release(3), release(4)]
    assert [one.number for one in comparable(seen)] == [3, 4]
    assert comparable([*seen, release(5, None)]) == []
    assert len(comparable([release(i) for i in range(50)])) == WINDOW
    assert weigh(seen, [JOY], SETTINGS) is None


def test_a_rise_speaks_for_its_own_pattern_and_for_when_it_began() -> None:
    seen = [release(i, joy=0.1, grief=0.1) for i in range(8)] + [release(i, joy=0.5, grief=0.1) for i in range(8, 11)]
    found = weigh(seen, [JOY, GRIEF], SETTINGS)
    assert found is not None
    joy, grief = found
    assert joy.log_odds > 5
    assert joy.log_odds > 2 * grief.log_odds
    assert joy.after in (3, 4), "a step that needs two releases"


def test_a_mood_that_rises_for_a_minute_is_dated_from_its_beginning() -> None:
    risen = [release(6 + i, grief=round(0.15 + 0.05 * i, 2)) for i in range(6)]
    found = weigh([*(release(i, grief=0.1) for i in range(6)), *risen], [GRIEF], SETTINGS.for_nudges())
    assert found is not None
    assert found[0].after == 6
    assert found[0].log_odds > 14, "more than a rise within two releases explains"


def test_nothing_speaks_for_nothing_and_a_fall_speaks_against() -> None:
    still = weigh([release(i, joy=0.2) for i in range(12)], [JOY], SETTINGS)
    fall = [release(i, joy=0.6) for i in range(6)] + [release(i, joy=0.1) for i in range(6, 12)]
    falling = weigh(fall, [JOY], SETTINGS)
    assert still is not None
    assert falling is not None
    assert still[0].log_odds < 0
    assert falling[0].log_odds < 0


def test_the_same_rise_says_less_where_the_noise_is_wider() -> None:
    def odds(sharing: int) -> float:
        seen = [release(i, sharing, joy=0.1) for i in range(8)] + [release(i, sharing, joy=0.5) for i in range(8, 11)]
        found = weigh(seen, [JOY], SETTINGS)
        assert found is not None
        return found[0].log_odds

    assert odds(15) < odds(30) < odds(60)


@pytest.mark.many_calls
def test_under_the_noise_alone_the_ratio_of_likelihoods_is_one_on_the_mean() -> None:
    """Its expectation without a rise is 1, whatever is compared: the filter reckons with the noise that is drawn."""
    exact = SETTINGS.model_copy(update={"smallest_cell": 1.0, "share_step": 0.01})
    ratios = []
    for seed in range(3000):
        noise = WanderingNoise([SETTINGS.noise_students] * 2, 10.0, random.Random(seed))
        counts = [noise.step() for _ in range(7)]
        # Shares of a class so large that nothing is hidden; "unsure" takes the rest.
        seen = [
            Release(
                number=i,
                time_s=i * 10.0,
                sharing=100,
                shares=dict.fromkeys(CELLS, 0.0) | {"joy": 0.3 + a / 100, "neutral": 0.3 + b / 100},
                others=0.0,
            )
            for i, (a, b) in enumerate(counts)
        ]
        found = weigh(seen, [{"joy": 0.1}], exact)
        assert found is not None
        ratios.append(np.exp(found[0].log_odds))
    # The best of four beginnings is taken, and unrest is reckoned with that is not there: at most a few, not many.
    assert 0.5 < np.mean(ratios) < 4


def test_a_told_rise_makes_hidden_counts_known() -> None:
    def odds(rises: dict[str, float]) -> float:
        seen = [release(i, 30) for i in range(8)] + [release(8, 30, rises, joy=0.3)]
        found = weigh(seen, [JOY], SETTINGS)
        assert found is not None
        return found[0].log_odds

    assert odds({"joy": 0.3}) > odds({}) + 1


def test_a_told_rise_counts_where_the_press_itself_is_hidden() -> None:
    pattern = {"confused": 0.6}

    def odds(rises: dict[str, float]) -> float:
        found = weigh([*(release(i, 30) for i in range(8)), release(8, 30, rises)], [pattern], SETTINGS)
        assert found is not None
        return found[0].log_odds

    assert odds({}) < odds({"confused": 0.25}) < odds({"confused": 0.5})
    assert odds({"confused": 0.5}) > 1


@pytest.mark.parametrize("noise", [0.0, 3.5])
def test_without_noise_it_stays_finite(noise: float) -> None:
    settings = ReleaseSettings(noise_students=noise, press_noise_students=noise)
    found = weigh([release(i, 12) for i in range(6)] + [release(i, 12, joy=0.5) for i in range(6, 12)], [JOY], settings)
    assert found is not None
    assert np.isfinite(found[0].log_odds)
