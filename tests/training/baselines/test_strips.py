"""The scan from forehead to chin, coefficient by coefficient."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.errors import InputError
from classmood.training.baselines.strips import Strips


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 48, 48), np.uint8)


def test_strips_are_the_cosine_transform_s_low_frequencies_from_the_top_down() -> None:
    strips = Strips(height_px=10, step_px=4, vertical=3, horizontal=13)
    scanned = strips.scan(noise(2))
    assert strips.count == 10
    assert scanned.shape == (2, 10, 39)
    grey = noise(2)[1].astype(float)
    strip = ((grey - grey.mean()) / grey.std())[12:22]
    for u, v in ((0, 0), (2, 5), (1, 12)):
        y = np.cos(np.pi * u * (np.arange(10) + 0.5) / 10) * np.sqrt((1 if u == 0 else 2) / 10)
        x = np.cos(np.pi * v * (np.arange(48) + 0.5) / 48) * np.sqrt((1 if v == 0 else 2) / 48)
        np.testing.assert_allclose(scanned[1, 3, u * 13 + v], y @ strip @ x, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 48), st.data())
def test_strips_cover_the_face_and_stay_in_it(height: int, data: st.DataObject) -> None:
    step = data.draw(st.integers(1, height))
    strips = Strips(height, step, 1, 1)
    last = (strips.count - 1) * step + height
    assert 48 - step < last <= 48
    assert strips.scan(noise(1)).shape == (1, strips.count, 1)


def test_brightness_and_contrast_change_nothing() -> None:
    dark = noise(3, 1) // 4
    np.testing.assert_allclose(Strips().scan(dark * 3 + 20), Strips().scan(dark), atol=1e-3)
    assert np.isfinite(Strips().scan(np.full((1, 48, 48), 255, np.uint8))).all()


@pytest.mark.parametrize(
    "wrong", [{"height_px": 49}, {"vertical": 21}, {"horizontal": 49}, {"step_px": 21}, {"step_px": 0}]
)
def test_strips_that_do_not_fit_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="expected strips of at most 48 px"):
        Strips(**wrong)
