"""The label sets agree with one another and with the paper's tables, and other sets' spellings are understood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classmood import emotions
from classmood.emotions import (
    CLASSROOM_CLASSES,
    CLASSROOM_VAD,
    COLOURS,
    DERIVED,
    EMOTIONS,
    FERPLUS_CLASSES,
    FERPLUS_TO_CLASSROOM,
    FERPLUS_VAD,
    MEASURED,
    STANDARD_TERM,
    UnknownLabel,
    classroom_class,
    ferplus_class,
)


def test_the_eight_emotions_are_the_wheel_in_the_paper_s_order() -> None:
    assert EMOTIONS == ("joy", "appreciation", "terror", "surprise", "grief", "disdain", "fury", "caution")
    # Plutchik's order: each standard term's opposite stands four places on.
    terms = [STANDARD_TERM[name] for name in EMOTIONS]
    opposites = {"joy": "sadness", "trust": "disgust", "fear": "anger", "surprise": "anticipation"}
    assert {terms[i]: terms[i + 4] for i in range(4)} == opposites


def test_measured_and_derived_share_the_classes_out() -> None:
    assert (*MEASURED, *DERIVED) != CLASSROOM_CLASSES
    assert sorted((*MEASURED, *DERIVED)) == sorted(CLASSROOM_CLASSES)
    assert set(FERPLUS_TO_CLASSROOM.values()) == set(MEASURED)


def test_every_table_has_every_class() -> None:
    assert tuple(FERPLUS_TO_CLASSROOM) == tuple(FERPLUS_VAD) == FERPLUS_CLASSES
    assert tuple(CLASSROOM_VAD) == CLASSROOM_CLASSES
    assert set(COLOURS) == set(CLASSROOM_CLASSES)
    assert set(STANDARD_TERM) == {*CLASSROOM_CLASSES, *emotions.DIMENSIONS}


@pytest.mark.parametrize(
    ("name", "vad"),
    [
        ("neutral", (0, 0, 0)),
        ("joy", (0.76, 0.48, 0.35)),
        ("appreciation", (0.55, 0.07, -0.14)),
        ("terror", (-0.62, 0.82, -0.43)),
        ("surprise", (0.40, 0.67, -0.13)),
        ("grief", (-0.63, -0.27, -0.33)),
        ("disdain", (-0.60, 0.35, 0.11)),
        ("fury", (-0.44, 0.72, 0.32)),
        # The midpoint of alert (.49, .57, .45) and suspicious (-.25, .42, .11), to the hundredth.
        ("caution", ((0.49 - 0.25) / 2, (0.57 + 0.42) / 2, (0.45 + 0.11) / 2)),
    ],
)
def test_coordinates_are_russell_and_mehrabian_s(name: str, vad: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(CLASSROOM_VAD[name], vad, atol=0.0051)


def test_a_ferplus_class_lies_where_its_classroom_class_lies() -> None:
    for name, classroom in FERPLUS_TO_CLASSROOM.items():
        if name != "contempt":
            assert FERPLUS_VAD[name] == CLASSROOM_VAD[classroom]
    # Contempt is disdain's other end, with coordinates of its own.
    assert FERPLUS_VAD["contempt"] == (-0.23, 0.31, 0.18)


@pytest.mark.parametrize(
    ("expected", "spellings"),
    [
        ("happiness", ["happy", "happiness", "joy", "smiling", "Happy", " HAPPINESS "]),
        ("sadness", ["sad", "sadness", "grief"]),
        ("anger", ["angry", "anger", "fury"]),
        ("disgust", ["disgust"]),
        ("contempt", ["contempt"]),
        ("fear", ["fear"]),
        ("surprise", ["surprise"]),
        ("neutral", ["neutral"]),
    ],
)
def test_common_spellings_are_understood(expected: str, spellings: list[str]) -> None:
    for spelling in spellings:
        assert ferplus_class(spelling) == expected
        assert classroom_class(spelling) == FERPLUS_TO_CLASSROOM[expected]


def test_every_class_understands_its_own_name() -> None:
    assert [ferplus_class(name) for name in FERPLUS_CLASSES] == list(FERPLUS_CLASSES)
    assert [classroom_class(name) for name in CLASSROOM_CLASSES] == list(CLASSROOM_CLASSES)


@pytest.mark.parametrize("label", ["appreciation", "caution", "disdain", "distain"])
def test_classroom_words_without_a_ferplus_class_are_not_one(label: str) -> None:
    assert classroom_class(label) in CLASSROOM_CLASSES
    with pytest.raises(UnknownLabel, match=f"unknown label '{label}'; expected one of neutral, happiness"):
        ferplus_class(label)


@given(st.text(max_size=12))
def test_any_other_label_is_refused_by_name(label: str) -> None:
    for read, classes in ((ferplus_class, FERPLUS_CLASSES), (classroom_class, CLASSROOM_CLASSES)):
        try:
            found, message = read(label), ""
        except UnknownLabel as error:
            found, message = "", str(error)
        assert found in classes or (repr(label) in message and classes[-1] in message)


def lightness_and_hues(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear sRGB rows."""
    xyz = rgb @ np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]).T
    scaled = xyz / np.array([0.9505, 1.0, 1.089])
    root = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
SEEN_BY = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


@pytest.mark.parametrize("eyes", SEEN_BY)
def test_colours_stay_apart_for_colour_blind_readers(eyes: str) -> None:
    srgb = np.array([[int(COLOURS[name][i : i + 2], 16) / 255 for i in (1, 3, 5)] for name in CLASSROOM_CLASSES])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = lightness_and_hues(np.clip(linear @ SEEN_BY[eyes].T, 0, 1))
    distance = np.linalg.norm(seen[:, None] - seen[None], axis=2) + 1e3 * np.eye(len(seen))
    # A difference of 2.3 in CIE 1976 is just noticeable; three times that is plain side by side.
    i, j = np.unravel_index(distance.argmin(), distance.shape)
    assert distance.min() > 6.9, (CLASSROOM_CLASSES[i], CLASSROOM_CLASSES[j])
