"""Drawn faces: somebody for each seed, found by the detector with every expression, and no two expressions alike."""

from __future__ import annotations

import numpy as np
import pytest

from classmood.crops import make_crops
from classmood.detectors import CenterFace
from classmood.emotions import CLASSROOM_CLASSES
from classmood.study.drawn_faces import EXPRESSIONS, Expression, Looks, draw_face


@pytest.fixture(scope="module")
def detector() -> CenterFace:
    return CenterFace()


def test_there_is_an_expression_for_every_class() -> None:
    assert tuple(EXPRESSIONS) == CLASSROOM_CLASSES
    assert EXPRESSIONS["fury"].scaled(0) == EXPRESSIONS["neutral"] == Expression()


def test_one_seed_is_one_person() -> None:
    same, again = (draw_face(Looks.of(3), EXPRESSIONS["joy"]) for _ in range(2))
    np.testing.assert_array_equal(same, again)
    assert same.shape == (320, 320, 3)
    assert np.abs(same.astype(int) - draw_face(Looks.of(4), EXPRESSIONS["joy"])).mean() > 3


@pytest.mark.parametrize("name", CLASSROOM_CLASSES)
def test_the_detector_finds_each_expression_once(detector: CenterFace, name: str) -> None:
    for seed in (1, 2):
        faces = detector.detect(draw_face(Looks.of(seed), EXPRESSIONS[name]))
        assert len(faces) == 1
        assert faces.scores[0] > 0.45


def test_expressions_differ_where_it_counts(detector: CenterFace) -> None:
    pictures = [draw_face(Looks.of(5), expression) for expression in EXPRESSIONS.values()]
    faces = detector.detect(pictures[0])
    crops = np.concatenate([make_crops(picture, faces) for picture in pictures]).astype(int)
    apart = [np.abs(a - b).mean() for i, a in enumerate(crops) for b in crops[:i]]
    # In grey levels of a crop.
    assert min(apart) > 0.5
