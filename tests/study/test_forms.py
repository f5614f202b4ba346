"""The two simulated studies: protocols that can be run, and actors who answer within the scales."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classmood.emotions import EMOTIONS
from classmood.errors import InputError
from classmood.experiment.check import find_mistakes
from classmood.markdown import write_text
from classmood.selfreport import fault
from classmood.study.forms import FORMS, LONDON, SYNTHETIC, DrawnActor, LondonActor, actors, protocol_text


@pytest.mark.parametrize("form", FORMS.values(), ids=lambda form: form.name)
def test_the_protocol_can_be_run(form, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert not find_mistakes(write_text(tmp_path / "p.toml", protocol_text(form)))


def test_drawn_studies_say_what_they_are_good_for() -> None:
    assert "PLUMBING ONLY" in protocol_text(SYNTHETIC)
    assert SYNTHETIC.evoked == EMOTIONS


def test_drawn_actors_mostly_feel_what_is_meant_and_answer_by_what_they_feel() -> None:
    agreed, points = [], []
    for seed in range(40):
        actor = DrawnActor(seed)
        for emotion in EMOTIONS:
            answers = actor.answers(emotion)
            assert answers["which"]["emotion"] == actor.shows(emotion)
            agreed.append(actor.shows(emotion) == emotion)
            for cells in answers.values():
                assert all(fault(name, text) == "" for name, text in cells.items())
            points.append((emotion, int(answers["felt"]["valence"])))
    assert 0.75 < np.mean(agreed) < 0.95
    mean = {name: np.mean([value for other, value in points if other == name]) for name in EMOTIONS}
    assert mean["joy"] > 6.5
    assert mean["grief"] < 4


def test_the_london_set_must_be_there_and_large_enough(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected the folder of the London set"):
        actors(LONDON, 3, tmp_path)
    with pytest.raises(InputError, match="expected the folder of the London set"):
        actors(LONDON, 3, None)
    (tmp_path / "london.csv").write_text(
        "path,subject,expression\n1n.jpg,1,neutral\n1s.jpg,1,smiling\n2n.jpg,2,neutral\n"
    )
    with pytest.raises(InputError, match="holds 1 people, 3 are wanted"):
        actors(LONDON, 3, tmp_path)


def test_a_london_actor_blends_two_photos_and_answers_nothing(london: Path) -> None:
    (actor,) = actors(LONDON, 1, london)
    assert isinstance(actor, LondonActor)
    rest, half, smile = (actor.face("joy", share).astype(int) for share in (0, 0.5, 1))
    np.testing.assert_array_equal(rest, actor.face("neutral", 0))
    assert np.abs(half - (rest + smile) / 2).max() <= 1
    assert np.abs(smile - rest).mean() > 1
    assert actor.answers("joy") == {}
    with pytest.raises(InputError, match="neutral or joy"):
        actor.face("fury", 1)
