"""Flow of drawn motion that is known, the head's shift, and strain."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_motion import moved, patch_motion, texture, true_flow, turn
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.training.baselines.flow import DenseFlow, flows_from, sequence_flows, strain, subtract_median

MAPS = {
    "right": (np.eye(2), (2.5, 0.0)),
    "down": (np.eye(2), (0.0, 2.0)),
    "left and up": (np.eye(2), (-1.5, -1.0)),
    "turn": (turn(5), (0.0, 0.0)),
    "expansion": (1.08 * np.eye(2), (0.0, 0.0)),
    "turn, contraction and shift": (0.95 * turn(-4), (1.0, -2.0)),
}


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("seed", range(2))
def test_the_flow_of_drawn_motion_is_that_motion(name: str, seed: int) -> None:
    linear, shift = MAPS[name]
    picture = texture(seed)
    flow = DenseFlow()(moved(picture, np.eye(2), (0, 0)), moved(picture, linear, shift))
    error = np.linalg.norm(flow - true_flow(linear, shift), axis=-1)
    # The border is left out: what came into view from outside was in no first frame.
    assert error[6:-6, 6:-6].mean() < 0.3
    assert np.linalg.norm(true_flow(linear, shift), axis=-1)[6:-6, 6:-6].mean() > 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-9, 9), st.floats(-9, 9))
def test_the_head_s_shift_changes_nothing_once_the_median_is_taken(seed: int, x: float, y: float) -> None:
    flows = np.random.default_rng(seed).normal(size=(2, 48, 48, 2)).astype(np.float32)
    shifted = flows + np.array([x, y], np.float32)
    np.testing.assert_allclose(subtract_median(shifted), subtract_median(flows), atol=1e-4)
    np.testing.assert_allclose(np.median(subtract_median(shifted), axis=(1, 2)), 0, atol=1e-5)


def test_head_motion_is_subtracted_and_the_face_s_own_is_left() -> None:
    still, nodding = (
        sequence_flows([patch_motion(3, (0.0, 2.0), row=35, head_px=head)])[0] for head in ((0.0, 0.0), (3.0, -2.0))
    )
    assert np.abs(np.median(nodding[0], axis=(0, 1))).max() < 1e-5
    for which in range(2):
        assert np.linalg.norm(nodding[which] - still[which], axis=-1)[8:40, 8:40].mean() < 0.25
    # The mouth goes down by 2 px, in five steps of 0.4, and the forehead stays. DIS is smooth, so that it finds
    # somewhat less of a part's motion than there is.
    for flows in (still, nodding):
        x, y = flows[:, 31:36, 20:28].mean((1, 2)).T
        assert np.abs(x).max() < 0.1
        assert 1.4 < y[0] < 2.1
        assert 0.24 < y[1] < 0.42
        assert np.linalg.norm(flows[0, 6:14, 10:38], axis=-1).mean() < 0.1


def test_a_nod_and_back_leaves_no_motion_in_either_flow() -> None:
    there = patch_motion(5, (0.0, 0.0), row=35, head_px=(0.0, 4.0))
    flows = sequence_flows([np.concatenate([there, there[::-1]])])[0]
    assert np.linalg.norm(flows, axis=-1)[:, 8:40, 8:40].mean() < 0.1


def test_stills_are_measured_from_the_reference() -> None:
    picture = texture(1)
    reference = moved(picture, np.eye(2), (0, 0))
    wider = 1.1 * np.eye(2)
    flows = flows_from(reference, np.stack([reference, moved(picture, wider, (2.0, 1.0))]))
    assert np.abs(flows[0]).max() < 0.05
    error = np.linalg.norm(flows[1] - true_flow(wider, (0, 0)), axis=-1)
    assert error[6:-6, 6:-6].mean() < 0.3


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.3, 0.3), st.floats(-5, 5), st.floats(-5, 5))
def test_a_uniform_expansion_has_strain_k_root_2_whatever_the_shift(k: float, x: float, y: float) -> None:
    found = strain(true_flow((1 + k) * np.eye(2), (x, y))[None])
    np.testing.assert_allclose(found, abs(k) * 2**0.5, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.3, 0.3))
def test_an_infinitesimal_turn_has_none_and_a_shear_has_some(angle: float) -> None:
    spin = np.array([[1, -angle], [angle, 1]])
    np.testing.assert_allclose(strain(true_flow(spin, (0, 0))[None]), 0, atol=1e-5)
    shear = np.array([[1, angle], [0, 1]])
    # e_xy = angle / 2, counted twice: sqrt(2 (angle / 2)^2).
    np.testing.assert_allclose(strain(true_flow(shear, (0, 0))[None]), abs(angle) / 2**0.5, atol=1e-5)
