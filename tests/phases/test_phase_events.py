"""Events of the four phases: read from CSV and from a dataset, every wrong row named."""

from __future__ import annotations

from pathlib import Path

import pytest

from classmood.dataset.folder import Event as Shown
from classmood.errors import InputError
from classmood.phases.events import KINDS, PHASES, Event, events_of, read_events


def test_events_come_in_the_order_of_time_with_their_phase(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        "kind,time_s,label,duration_s,value,person\nanswer,104.2,long side?,,1,a\nslide,30,Pythagoras,120,,\n"
        "reported,60,,,-0.5,a\npoll,50,more?,,,\n",
        encoding="utf-8",
    )
    assert read_events(path) == (
        Event(30, "slide", "Pythagoras", 120),
        Event(50, "poll", "more?"),
        Event(60, "reported", "", 0, -0.5, "a"),
        Event(104.2, "answer", "long side?", 0, 1, "a"),
    )
    assert [event.phase for event in read_events(path)] == ["stimulus", "cognition", "emotion", "cognition"]
    assert set(KINDS.values()) <= set(PHASES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,kind\n", "row 1: the column time_s is missing"),
        ("time_s,kind\n1,film\n", "row 2: kind: expected one of slide"),
        ("time_s,kind\n1,slide\nsoon,slide\n", "row 3: time_s: expected seconds, got 'soon'"),
        ("time_s,kind,duration_s\n1,slide,-4\n", "row 2: duration_s: expected seconds from 0"),
        ("time_s,kind,value\n1,answer,7\n", "row 2: value: expected a number from 0 to 1, got '7'"),
        ("time_s,kind,value\n1,score,\n", "row 2: value: expected a number from 0 to 1 for a kind score, got nothing"),
        ("time_s,kind,value\n1,mark,much\n", "row 2: value: expected a number"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "events.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_events(tmp_path / "events.csv")
    assert said in str(caught.value)


def test_a_dataset_s_session_falls_into_phases() -> None:
    shown = [
        Shown(70, 40, "stimulus", "situations", "joy", "joy", "joy-text"),
        Shown(110, 18, "page", "situations", "joy", "joy", page="felt", answers={"valence": "9", "arousal": "5"}),
        Shown(128, 12, "page", "situations", "joy", "joy", page="task", answers={"score": "1"}),
        Shown(10, 60, "class", "class", stimulus="lesson"),
        Shown(0, 10, "baseline", "baseline"),
    ]
    assert events_of(shown, "sub-001") == (
        Event(10, "slide", "lesson", 60),
        Event(70, "scenario", "joy", 40),
        Event(110, "reported", "joy", 18, 1.0, "sub-001"),
        Event(128, "score", "joy", 12, 1.0, "sub-001"),
    )
