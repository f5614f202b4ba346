"""What counts as a rise, against plain arithmetic and the noise itself."""

from __future__ import annotations

import random

import numpy as np

from classmood.server.noise import WanderingNoise
from classmood.server.rises import AGAINST, BEYOND, Rises, difference_deviation


def test_the_deviation_of_the_difference_is_that_of_the_noise() -> None:
    found = []
    for seed in range(3000):
        noise = WanderingNoise([1.0], 10.0, random.Random(seed))
        values = [noise.step()[0] for _ in range(AGAINST + 1)]
        found.append(values[-1] - np.mean(values[:-1]))
    assert abs(np.std(found) / difference_deviation(10.0) - 1) < 0.05


def test_only_what_passes_the_noise_and_the_smallest_cell_rises() -> None:
    rises = Rises([1.0, 1.0, 0.0], 10.0, 3.0)
    least = BEYOND * difference_deviation(10.0)
    for _ in range(AGAINST):
        assert not rises.take(np.array([5.0, 5.0, 5.0]), 2.0).any()
    found = rises.take(np.array([5.0 + 2 * max(least, 3.0), 7.9, 7.9]), 2.0)
    np.testing.assert_allclose(found, [2 * max(least, 3.0), 0.0, 0.0])


def test_after_a_batch_nothing_is_compared_with_before() -> None:
    rises = Rises([0.1], 10.0, 3.0)
    for _ in range(AGAINST):
        rises.take(np.array([0.0]), 1.0)
    rises.clear()
    for _ in range(AGAINST):
        assert not rises.take(np.array([50.0]), 1.0).any()
    assert rises.take(np.array([54.0]), 1.0)[0] == 4.0
