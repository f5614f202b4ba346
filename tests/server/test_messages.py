"""The wire: what passes is small, bounded and of our words; all else is refused without being repeated."""

from __future__ import annotations

import json
import math
import typing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.emotions import CLASSROOM_CLASSES, FERPLUS_CLASSES
from classmood.server import messages
from classmood.server.messages import (
    DECIMALS,
    LARGEST_SERVER_BYTES,
    LARGEST_STUDENT_BYTES,
    READING_BITS,
    Leave,
    MessageRefused,
    Pause,
    Press,
    RateLimit,
    Reading,
    Refusal,
    StudentState,
    TeacherNudge,
    TeacherRelease,
    read_message,
    write_message,
)
from classmood.server.nudges import KINDS, LONGEST_MOMENT
from classmood.server.release import CELLS, Release

READING = {
    "v": 1,
    "type": "reading",
    "classes": "ferplus",
    "p": [0.2, 0.5, 0.1, 0.05, 0.05, 0.04, 0.03, 0.03],
    "vad": [0.31, 0.2, 0.1],
    "confidence": 0.91,
    "not_sure": False,
}
PRESS = {"v": 1, "type": "press", "mood": "joy", "confused": True, "pace": "slower"}
VALID = [READING, PRESS, {"v": 1, "type": "pause"}, {"v": 1, "type": "leave"}]


@st.composite
def readings(draw: st.DrawFn) -> dict[str, object]:
    """Readings as a browser makes them: any probabilities, with up to six decimals."""
    kind = draw(st.sampled_from(["ferplus", "classroom"]))
    count = len(FERPLUS_CLASSES if kind == "ferplus" else CLASSROOM_CLASSES)
    weights = np.array(draw(st.lists(st.floats(0, 1), min_size=count, max_size=count))) + 1e-9
    return {
        "v": 1,
        "type": "reading",
        "classes": kind,
        "p": [round(float(p), 6) for p in weights / weights.sum()],
        "vad": [round(v, 6) for v in draw(st.lists(st.floats(-1, 1), min_size=3, max_size=3))],
        "confidence": round(draw(st.floats(0, 1)), 6),
        "not_sure": draw(st.booleans()),
    }


@given(readings())
def test_an_honest_reading_passes_and_is_rounded(sent: dict[str, object]) -> None:
    read = read_message(json.dumps(sent))
    assert isinstance(read, Reading)
    for value in (*read.p, *read.vad, read.confidence):
        assert round(value * 10**DECIMALS) / 10**DECIMALS == value
        assert math.copysign(1, value) == 1 or value < 0
    assert sum(read.classroom()) == pytest.approx(1, abs=0.05)


def test_the_largest_message_that_is_accepted() -> None:
    largest = READING | {"classes": "classroom", "p": [0.111111] * 9, "vad": [-0.999999] * 3, "confidence": 0.999999}
    text = json.dumps(largest)
    assert len(text) == 233
    read_message(text)
    padded = text + " " * (LARGEST_STUDENT_BYTES - len(text))
    read_message(padded)
    with pytest.raises(MessageRefused, match=f"at most {LARGEST_STUDENT_BYTES} bytes, got {LARGEST_STUDENT_BYTES + 1}"):
        read_message(padded + " ")


def test_what_an_accepted_message_can_hold_is_bounded() -> None:
    assert READING_BITS < 92
    # Each field is a closed set after acceptance; nothing has a length that the sender chooses.
    shares, dimensions = 10**DECIMALS + 1, 2 * 10**DECIMALS + 1
    assert math.log2(shares ** (9 + 1) * dimensions**3 * 2 * 2) == pytest.approx(READING_BITS)
    fields = {name for kind in (Reading, Press, Pause, Leave) for name in kind.model_fields}
    assert fields == {"v", "type", "classes", "p", "vad", "confidence", "not_sure", "mood", "confused", "pace"}
    for kind in (Reading, Press, Pause, Leave):
        for name, field in kind.model_fields.items():
            assert str not in _plain_types(field.annotation), f"{name} could hold any text"
    # Far below a face crop of 48x48 pixels, or an embedding of 128 numbers of 8 bits.
    assert READING_BITS < 48 * 48 * 8 / 100
    assert READING_BITS < 128 * 8 / 10


def _plain_types(annotation: object) -> set[object]:
    inner = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return set()
    return {annotation}.union(*(_plain_types(one) for one in inner)) if inner else {annotation}


@pytest.mark.parametrize("sent", VALID, ids=lambda m: str(m["type"]))
@given(
    key=st.text(max_size=12), value=st.one_of(st.integers(), st.text(max_size=20), st.lists(st.floats(), max_size=3))
)
@settings(max_examples=30)
def test_an_unknown_key_is_refused_and_not_repeated(sent: dict[str, object], key: str, value: object) -> None:
    if key in sent:
        return
    with pytest.raises(MessageRefused) as caught:
        read_message(json.dumps(sent | {key: value}))
    assert len(key) < 4 or key not in str(caught.value)


@pytest.mark.parametrize("place", ["p", "vad", "confidence"])
@pytest.mark.parametrize(
    "bad", ["NaN", "Infinity", "-Infinity", "1e999", "2", "-1.5", '"0.5"', "null", "true", "[0.1]", "{}"]
)
def test_a_number_that_is_none_or_out_of_range(place: str, bad: str) -> None:
    whole = READING[place]
    sent = json.dumps(READING | {place: [*whole[:-1], "?"] if isinstance(whole, list) else "?"}).replace('"?"', bad)
    with pytest.raises(MessageRefused):
        read_message(sent)


@pytest.mark.parametrize(
    "change",
    [
        {"p": [0.5, 0.5]},
        {"p": [0.125] * 9},
        {"p": [0.5] * 8},
        {"p": [0.0] * 8},
        {"classes": "classroom"},
        {"classes": "Maria"},
        {"vad": [0.1, 0.2]},
        {"vad": [0.1, 0.2, 0.3, 0.4]},
        {"not_sure": 0},
        {"not_sure": "no"},
        {"type": "frame"},
        {"v": 2},
        {"v": "1"},
        {"v": True},
    ],
)
def test_a_wrong_reading_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MessageRefused):
        read_message(json.dumps(READING | change))


@pytest.mark.parametrize(
    "change", [{"mood": "bored"}, {"mood": ["joy"]}, {"pace": "slower "}, {"confused": 1}, {"name": "M"}]
)
def test_a_wrong_press_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MessageRefused):
        read_message(json.dumps(PRESS | change))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "3",
        "[]",
        '"leave"',
        '{"v":1,"type":"leave","v":1}',
        '{"v":1,"type":"leave"',
        '{"v":1,"type":"leave"}{}',
        "[" * 200,
        '{"a":' * 50,
        '{"v":1,"type":"reading","p":[[[0.1]]]}',
        b"\xff\xfe\x00",
        b'{"v":1,"type":"\xff"}',
        "\ud800",
        '{"v":1,"type":"' + "x" * 400 + '"}',
    ],
)
def test_what_is_not_a_message(text: str | bytes) -> None:
    with pytest.raises(MessageRefused) as caught:
        read_message(text)
    assert "\n" not in str(caught.value)


@given(st.one_of(st.text(max_size=400), st.binary(max_size=400)))
def test_anything_else_is_refused_and_never_breaks(text: str | bytes) -> None:
    with pytest.raises(MessageRefused):
        read_message(text)


def test_the_classes_of_ferplus_become_ours() -> None:
    read = read_message(json.dumps(READING))
    assert isinstance(read, Reading)
    classroom = dict(zip(CLASSROOM_CLASSES, read.classroom(), strict=True))
    assert classroom["joy"] == 0.5
    assert classroom["disdain"] == pytest.approx(0.04 + 0.03)
    assert classroom["appreciation"] == classroom["caution"] == 0


def test_presses() -> None:
    read = read_message(json.dumps(PRESS))
    assert isinstance(read, Press)
    assert read.pressed() == ("confused", "slower")
    assert Press(v=1, type="press", pace="fine").pressed() == ()


def test_one_message_a_second() -> None:
    limit = RateLimit()
    taken = [limit.allows(i * 0.25) for i in range(100)]
    # The second may come after half a second, since the first may have been held up.
    assert sum(taken) == 26
    # One that was held up takes no other's place: three that come together, and not a fourth.
    held_up = RateLimit()
    assert held_up.allows(0.0)
    assert [held_up.allows(time_s) for time_s in (3.0, 3.0, 3.0, 3.0, 3.95)] == [True, True, True, False, True]
    # Nor is silence saved up.
    patient = RateLimit()
    assert patient.allows(0.0)
    assert sum(patient.allows(600 + i * 0.01) for i in range(100)) <= 4
    # A client that floods still gets its one message a second.
    assert RateLimit().allows(5.0)


def test_what_the_server_sends_is_bounded_too() -> None:
    release = Release(
        number=10**6,
        time_s=99999.5,
        sharing=999,
        class_size=999,
        shares=dict.fromkeys(CELLS, 0.95),
        others=0.05,
        half_width=0.123,
        valence=-0.12,
        arousal=-0.12,
        dominance=-0.12,
        covariance=(0.123, 0.123, -0.123),
        intensity=0.12,
        confused=0.05,
        slower=0.05,
        faster=0.05,
    )
    texts = [kind.text.format(moment="x" * LONGEST_MOMENT, before="100%", after="100%") for kind in KINDS]
    sizes = [
        len(write_message(TeacherRelease(v=1, release=release))),
        len(write_message(StudentState(v=1, counted=True, paused=False, camera_allowed=False))),
        len(write_message(Refusal(v=1, reason="schema"))),
        *(len(write_message(TeacherNudge(v=1, number=999, time_s=1e5, text=t, action="a" * 200))) for t in texts),
    ]
    assert max(sizes) < LARGEST_SERVER_BYTES
    assert sizes[0] < 700


def test_no_message_to_a_student_speaks_of_others() -> None:
    assert set(StudentState.model_fields) == {"v", "type", "counted", "paused", "camera_allowed"}
    assert messages.VERSION == 1
