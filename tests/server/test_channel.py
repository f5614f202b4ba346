"""One width of noise: it is what is said, is drawn anew with a batch, and goes on through a silence."""

from __future__ import annotations

import random

import numpy as np
import pytest

from classmood.server.channel import Channel
from classmood.server.release import CELLS, PRESSES, ReleaseSettings

NONE = np.zeros(len(CELLS) + len(PRESSES))
EXACT = ReleaseSettings(noise_students=0, press_noise_students=0)


def joy_of(channel: Channel, joyful: int, sharing: int, offsets: np.ndarray = NONE) -> float:
    counts = NONE.copy()
    counts[[CELLS.index("joy"), CELLS.index("neutral")]] = joyful, sharing - joyful
    release = channel.tell(counts, offsets, sharing=sharing, number=0, time_s=10.0)
    return release.shares.get("joy", 0.0)


def test_without_noise_the_shares_are_those_of_the_counts() -> None:
    channel = Channel(EXACT, 24, random.Random(0))
    channel.step()
    assert joy_of(channel, 10, 20) == 0.5
    assert channel.public[CELLS.index("joy")] == 0.5


def test_a_phantom_s_offset_counts_in_deviations_of_the_noise_and_as_wide_as_it() -> None:
    settings = ReleaseSettings(noise_students=1e-9, press_noise_students=1e-9, share_step=0.01)
    offsets = NONE.copy()
    offsets[CELLS.index("joy")] = 2e9
    channel = Channel(settings, None, random.Random(0))
    assert joy_of(channel, 20, 40, offsets) == pytest.approx(21 / 40, abs=0.011)
    # Ten students: the noise is 1.2 times as wide, and so is what a phantom adds.
    assert joy_of(channel, 4, 10, offsets) == pytest.approx(5.2 / 10, abs=0.011)


def test_the_noise_is_another_after_a_renewal_and_almost_the_same_before() -> None:
    pairs: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for renewed, found in pairs.items():
        for seed in range(200):
            channel = Channel(ReleaseSettings(share_step=0.01, smallest_cell=1), None, random.Random(seed))
            channel.step()
            before = joy_of(channel, 50, 100)
            if renewed:
                channel.renew()
            channel.step()
            found.append((before, joy_of(channel, 50, 100)))
    assert np.corrcoef(np.array(pairs[False]).T)[0, 1] > 0.8
    assert abs(np.corrcoef(np.array(pairs[True]).T)[0, 1]) < 0.25


def test_a_silence_tells_nothing_but_that_it_is_one() -> None:
    channel = Channel(ReleaseSettings(), 24, random.Random(0))
    channel.step()
    release = channel.silence(3, 40.0)
    assert release.silent
    assert release.model_dump(exclude_defaults=True) == {"number": 3, "time_s": 40.0, "class_size": 24}


@pytest.mark.many_calls
@pytest.mark.parametrize("sharing", [5, 8, 12, 30])
def test_presses_that_nobody_pressed_are_seldom_told_in_a_class_of_any_size(sharing: int) -> None:
    told = {0: 0, sharing: 0}
    for pressed in told:
        for seed in range(800):
            channel = Channel(ReleaseSettings(), 24, random.Random(seed))
            channel.step()
            counts = NONE.copy()
            counts[CELLS.index("neutral")] = sharing
            counts[len(CELLS)] = pressed
            release = channel.tell(counts, NONE, sharing=sharing, number=0, time_s=10.0)
            told[pressed] += release.confused is not None
    assert told[0] / 800 < 0.075
    assert told[sharing] > 2.5 * told[0]
