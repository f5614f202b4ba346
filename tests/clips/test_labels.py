"""Labels: what was meant, what was said, or both; a resting face is neutral in all."""

from __future__ import annotations

import pytest

from classmood.clips.labels import LABEL_SOURCES, label_of
from classmood.clips.recorded import RESTING, RecordedClip


def clip(evokes: str, emotion: str, scenario: str = "one") -> RecordedClip:
    return RecordedClip("sub-001", "c", scenario, evokes, emotion, (0.0, 0.0, 0.0), 0, 3)


@pytest.mark.parametrize(
    ("evokes", "emotion", "expected"),
    [
        ("joy", "joy", ("joy", "joy", "joy")),
        ("joy", "caution", ("joy", "caution", "")),
        ("fury", "neutral", ("fury", "neutral", "")),
        ("fury", "", ("fury", "", "")),
    ],
)
def test_each_source_says_its_own(evokes: str, emotion: str, expected: tuple[str, ...]) -> None:
    assert tuple(label_of(clip(evokes, emotion), source) for source in LABEL_SOURCES) == expected


def test_a_resting_face_is_neutral_whoever_is_asked() -> None:
    assert {label_of(clip("neutral", "", RESTING), source) for source in LABEL_SOURCES} == {"neutral"}
