"""The histograms say which way each part went, and how much of the face's strain is in it."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_motion import true_flow, turn
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.crops import TEMPLATE_PX
from classmood.training.baselines.flow import strain
from classmood.training.baselines.flow_features import (
    BINS,
    CELLS,
    FEATURES,
    REGIONS_PX,
    bi_woof,
    flow_features,
    hoof,
    main_direction,
    orientation_votes,
)

# Unit vectors of the bins' centres, from motion to the right on, clockwise as seen.
DIRECTIONS = [(np.cos(angle), np.sin(angle)) for angle in np.arange(BINS) * 2 * np.pi / BINS]


def uniform(x: float, y: float) -> np.ndarray:
    return np.broadcast_to(np.array([x, y], np.float32), (1, 48, 48, 2)).copy()


@pytest.mark.parametrize("direction", range(BINS))
def test_a_shift_is_in_its_own_bin_of_every_cell(direction: int) -> None:
    x, y = DIRECTIONS[direction]
    histograms = hoof(orientation_votes(uniform(2 * x, 2 * y))).reshape(CELLS * CELLS, BINS)
    np.testing.assert_allclose(histograms, np.eye(BINS)[[direction] * CELLS * CELLS], atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.1, 5), st.floats(-np.pi, np.pi))
def test_the_two_nearest_bins_share_a_vector_s_magnitude(length: float, angle: float) -> None:
    votes = orientation_votes(uniform(length * np.cos(angle), length * np.sin(angle)))[0, 0, 0]
    assert votes.min() >= 0
    np.testing.assert_allclose(votes.sum(), length, rtol=1e-4)
    away = np.abs((np.arange(BINS) * 2 * np.pi / BINS - angle + np.pi) % (2 * np.pi) - np.pi)
    np.testing.assert_allclose(votes / length, np.maximum(0, 1 - away * BINS / (2 * np.pi)), atol=1e-3)


def test_an_expansion_points_outwards_in_every_cell() -> None:
    histograms = hoof(orientation_votes(true_flow(1.1 * np.eye(2), (0, 0))[None])).reshape(CELLS, CELLS, BINS)
    for row in range(CELLS):
        for column in range(CELLS):
            strongest = DIRECTIONS[int(histograms[row, column].argmax())]
            outwards = np.array([column - 2.5, row - 2.5])
            assert np.dot(strongest, outwards) / np.linalg.norm(outwards) > 0.85


def test_a_turn_goes_round_the_centre() -> None:
    histograms = hoof(orientation_votes(true_flow(turn(5), (0, 0))[None])).reshape(CELLS, CELLS, BINS)
    # Clockwise as seen, since y is down: right at the top, down at the right, left at the bottom, up at the left.
    found = [
        int(histograms[place].sum(0).argmax()) for place in (np.s_[0, 2:4], np.s_[2:4, 5], np.s_[5, 2:4], np.s_[2:4, 0])
    ]
    assert found == [0, 2, 4, 6]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5))
def test_hoof_does_not_know_how_strong_motion_is_and_bi_woof_does(seed: int, gain: float) -> None:
    flows = np.random.default_rng(seed).normal(size=(1, 48, 48, 2)).astype(np.float32)
    votes, stronger = orientation_votes(flows), orientation_votes(np.float32(gain) * flows)
    np.testing.assert_allclose(hoof(stronger), hoof(votes), atol=1e-4)
    np.testing.assert_allclose(hoof(votes).reshape(-1, BINS).sum(1), 1, atol=1e-4)
    woof, louder = bi_woof(votes, strain(flows)), bi_woof(stronger, strain(np.float32(gain) * flows))
    np.testing.assert_allclose(louder, gain * woof, rtol=1e-3, atol=1e-4)


def test_main_direction_is_the_strongest_bin_s_mean_and_not_the_region_s() -> None:
    flows = np.zeros((1, 48, 48, 2), np.float32)
    top, bottom, left, right = REGIONS_PX["left mouth corner"]
    middle = (top + bottom) // 2
    flows[0, top:middle, left:right] = [-2.0, -0.5]
    flows[0, middle:bottom, left:right] = [0.0, 1.0]
    means = main_direction(flows, orientation_votes(flows)).reshape(-1, 2)
    place = list(REGIONS_PX).index("left mouth corner")
    np.testing.assert_allclose(means[place], [-2.0, -0.5], atol=1e-4)
    # A region away from it has none.
    np.testing.assert_array_equal(means[list(REGIONS_PX).index("forehead")], 0)


def test_regions_lie_where_the_aligner_puts_the_landmarks() -> None:
    for name, (x, y) in zip(
        ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner"), TEMPLATE_PX, strict=True
    ):
        top, bottom, left, right = REGIONS_PX[name]
        assert left <= x < right, name
        assert top <= y < bottom, name
    for top, bottom, left, right in REGIONS_PX.values():
        assert 0 <= top < bottom <= 48
        assert 0 <= left < right <= 48


def test_bi_woof_weighs_a_cell_by_its_strain() -> None:
    """Two halves move alike; where one also stretches, its cells count and the stiff ones do not."""
    flows = uniform(1.0, 0.0)
    x = np.arange(24, dtype=np.float32)
    flows[0, :, 24:, 0] += 0.1 * x
    strains = strain(flows)
    cells = bi_woof(orientation_votes(flows), strains).reshape(CELLS, CELLS, BINS).sum(2)
    assert cells[:, :2].max() < 1e-3
    assert cells[:, 4:].min() > 1
    # With equal strain in all cells the weights are 1: only the mean magnitude is left.
    even = bi_woof(orientation_votes(flows), np.ones((1, 48, 48), np.float32)).reshape(CELLS, CELLS, BINS).sum(2)
    np.testing.assert_allclose(even[:, :3], 1, atol=1e-3)


def test_no_motion_is_all_zeros_and_no_faces_no_rows() -> None:
    found = flow_features(np.zeros((3, 48, 48, 2), np.float32))
    assert found.shape == (3, FEATURES)
    np.testing.assert_array_equal(found, 0)
    assert flow_features(np.zeros((0, 48, 48, 2), np.float32)).shape == (0, FEATURES)


def test_flows_are_described_one_by_one() -> None:
    flows = np.random.default_rng(0).normal(size=(300, 48, 48, 2)).astype(np.float32)
    np.testing.assert_allclose(flow_features(flows)[270:272], flow_features(flows[270:272]), atol=1e-5)
