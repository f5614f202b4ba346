"""Every change grows with its strength, repeats itself, and does what its name says."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from classmood.training.corruptions import CORRUPTIONS, Corruption

BY_NAME = {corruption.name: corruption for corruption in CORRUPTIONS}
every = pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda c: c.name)


@pytest.fixture(scope="module")
def crops(portrait: np.ndarray) -> np.ndarray:
    """One face at a number of sizes."""
    grey = cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY)
    cut = [grey[50 - m : 170 + m, 160 - m : 280 + m] for m in range(0, 48, 4)]
    return np.stack([cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA) for face in cut])


@every
def test_stronger_is_further_from_the_crop(corruption: Corruption, crops: np.ndarray) -> None:
    far = [np.abs(corruption.apply(crops, s).astype(float) - crops).mean() for s in range(1, 6)]
    assert far[0] > 0.3
    assert all(b > a for a, b in itertools.pairwise(far)), far


@every
def test_it_repeats_itself_and_leaves_its_input_alone(corruption: Corruption, crops: np.ndarray) -> None:
    before = crops.copy()
    assert np.array_equal(corruption.apply(crops, 3), corruption.apply(crops, 3))
    assert np.array_equal(crops, before)
    # The first crops of many are changed as they are alone.
    assert np.array_equal(corruption.apply(crops, 4)[:3], corruption.apply(crops[:3], 4))


@pytest.mark.parametrize("name", ["noise", "brightness", "occlusion", "rotation", "crop shift"])
def test_another_seed_draws_anew(name: str, crops: np.ndarray) -> None:
    assert not np.array_equal(BY_NAME[name].apply(crops, 3, seed=0), BY_NAME[name].apply(crops, 3, seed=1))


@every
def test_no_crops_and_no_such_strength(corruption: Corruption, crops: np.ndarray) -> None:
    assert corruption.apply(crops[:0], 1).shape == (0, 48, 48)
    for strength in (0, 6):
        with pytest.raises(ValueError, match="expected a strength from 1 to 5"):
            corruption.apply(crops, strength)


def discs(radius_px: float) -> np.ndarray:
    """A light disc in the middle of a dark crop, several times."""
    y, x = np.mgrid[:48, :48] - 23.5
    disc = np.where(np.hypot(x, y) < radius_px, 200, 40).astype(np.uint8)
    return np.stack([disc] * 20)


def lit(crops: np.ndarray) -> np.ndarray:
    # Near the middle: further out, a looser crop shows the mirror's disc.
    y, x = np.mgrid[:48, :48] - 23.5
    return ((crops > 120) & (np.hypot(x, y) < 20)).sum((1, 2))


@pytest.mark.parametrize("strength", [1, 3, 5])
def test_tighter_enlarges_and_looser_shrinks_by_the_stated_zoom(strength: int) -> None:
    for name, power in (("tighter crop", 2), ("looser crop", -2)):
        zoom = BY_NAME[name].strengths[strength - 1]
        grown = lit(BY_NAME[name].apply(discs(11), strength)) / lit(discs(11))
        assert grown == pytest.approx(np.full(20, zoom**power), rel=0.08)


@pytest.mark.parametrize("strength", [1, 5])
def test_shift_moves_by_the_stated_way_in_all_directions(strength: int) -> None:
    moved = BY_NAME["crop shift"].apply(discs(5), strength)
    y, x = np.mgrid[:48, :48]
    weight = np.maximum(moved.astype(float) - 40, 0)
    centres = np.stack([(weight * axis).sum((1, 2)) / weight.sum((1, 2)) for axis in (x, y)], 1) - 23.5
    assert np.hypot(*centres.T) == pytest.approx(
        np.full(20, 48 * BY_NAME["crop shift"].strengths[strength - 1]), abs=0.2
    )
    assert len(np.unique(np.sign(centres), axis=0)) >= 3


def test_rotation_turns_both_ways_about_the_middle() -> None:
    marked = discs(0)
    marked[:, 22:26, 38:42] = 200
    turned = BY_NAME["rotation"].apply(marked, 4)
    y, x = np.mgrid[:48, :48] - 23.5
    weight = np.maximum(turned.astype(float) - 60, 0)
    angles = np.degrees(np.arctan2((weight * y).sum((1, 2)), (weight * x).sum((1, 2))))
    assert np.abs(angles) == pytest.approx(np.full(20, 25), abs=1)
    assert {-1, 1} == set(np.sign(angles))


def test_occlusion_hides_the_stated_share_behind_one_grey(crops: np.ndarray) -> None:
    for share, changed in zip(
        BY_NAME["occlusion"].strengths, (BY_NAME["occlusion"].apply(discs(0), s) for s in range(1, 6)), strict=True
    ):
        hidden = (changed != 40).reshape(20, -1)
        assert hidden.mean(1).max() == pytest.approx(share, abs=0.015)
        assert all(len(np.unique(crop[crop != 40])) <= 1 for crop in changed)


def test_noise_and_brightness_are_as_strong_as_stated() -> None:
    grey = np.full((40, 48, 48), 128, np.uint8)
    noise = BY_NAME["noise"].apply(grey, 2).astype(float) - 128
    assert noise.std() == pytest.approx(14, rel=0.03)
    assert set(np.unique(BY_NAME["brightness"].apply(grey, 2))) == {128 - 45, 128 + 45}
