"""Congealing and registration on drawn faces that were shifted, turned and lit at random."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_motion import moved, texture, turn

from classmood.errors import InputError
from classmood.training.baselines.registration import NeutralFace, normalise_locally


def drawn_face(mouth_px: int = 6) -> np.ndarray:
    """An oval with two eyes, a nose and a mouth, in the middle of 200x200 as ``moved`` takes it, drawn 1:1."""
    picture = np.full((200, 200), 90, np.float32)
    cv2.ellipse(picture, (100, 100), (17, 22), 0, 0, 360, 190, -1)
    for eye in (-8, 8):
        cv2.circle(picture, (100 + eye, 95), 3, 60, -1)
    cv2.line(picture, (100, 97), (100, 105), 150, 2)
    cv2.ellipse(picture, (100, 112), (mouth_px, 2), 0, 0, 360, 70, -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1), np.float32)


def loose_crops(count: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    face = drawn_face()
    crops = []
    for _ in range(count):
        linear = random.uniform(0.93, 1.07) * turn(float(random.uniform(-6, 6)))
        x, y = random.uniform(-2.5, 2.5, 2)
        lit = moved(face, linear, (x, y)) * random.uniform(0.5, 1.0) + random.normal(0, 2, (48, 48))
        crops.append(np.clip(np.rint(lit), 0, 255).astype(np.uint8))
    return np.stack(crops)


def test_lighting_is_taken_away() -> None:
    crop = moved(texture(0), np.eye(2), (0, 0))
    shadow = np.clip(np.rint(0.4 * crop + np.linspace(0, 60, 48)[None, :]), 0, 255).astype(np.uint8)
    plain = np.abs(crop.astype(float) - shadow).mean()
    normalised = np.abs(normalise_locally(crop).astype(float) - normalise_locally(shadow)).mean()
    assert normalised < plain / 5
    even = normalise_locally(np.full((48, 48), 17, np.uint8))
    np.testing.assert_array_equal(even, 128)


def test_registered_faces_are_more_alike_and_the_mean_is_a_face_in_its_place() -> None:
    crops = loose_crops(25, 0)
    neutral = NeutralFace.of(crops)
    plain = np.stack([normalise_locally(crop) for crop in crops]).astype(float)
    # Borders come into view from outside.
    inner = np.s_[:, 6:42, 6:42]
    registered = neutral.register(crops).astype(float)
    assert registered[inner].std(0).mean() < 0.6 * plain[inner].std(0).mean()
    truth = normalise_locally(moved(drawn_face(), np.eye(2), (0, 0))).astype(float)
    likeness = [
        np.corrcoef(face[6:42, 6:42].ravel(), truth[6:42, 6:42].ravel())[0, 1] for face in (neutral.face, plain.mean(0))
    ]
    assert likeness[0] > 0.95
    assert likeness[0] > likeness[1]


def test_a_face_that_cannot_be_registered_stays_as_it_is() -> None:
    neutral = NeutralFace.of(loose_crops(5, 1))
    even = np.full((1, 48, 48), 200, np.uint8)
    np.testing.assert_array_equal(neutral.register(even), 128)
    np.testing.assert_array_equal(neutral.transform(even[0]), np.eye(2, 3))


def test_only_neutral_faces_make_the_mean() -> None:
    crops = loose_crops(6, 2)
    noise = np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)
    labels = np.array([3] * 6 + [1] * 4)
    found = NeutralFace.among(np.concatenate([crops, noise]), labels, 3, 100, 0)
    shuffled = crops[np.random.default_rng(0).permutation(6)]
    np.testing.assert_array_equal(found.face, NeutralFace.of(shuffled).face)
    with pytest.raises(InputError, match=r"expected neutral faces \(label 7\)"):
        NeutralFace.among(crops, labels[:6], 7, 100, 0)
