"""Scenarios: the shipped ones are sound, and a wrong key is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from classmood.errors import InputError
from classmood.simulation.scenario import SHIPPED, read_scenario


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_ones_are_found_by_name(name: str) -> None:
    scenario = read_scenario(name)
    assert scenario == read_scenario(f"{name}.toml")
    assert scenario.about
    assert len(scenario.event) >= 5


def test_a_file_in_the_folder_comes_before_a_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lecture.toml").write_text("length_s = 99", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert read_scenario("lecture.toml").length_s == 99


def test_a_number_is_a_range_of_one(tmp_path: Path) -> None:
    scenario = read_scenario(written(tmp_path, '[[event]]\nname = "a"\nat_s = 60\ntouched = [0.2, 1]\n'))
    assert scenario.event[0].at_s == (60, 60)
    assert scenario.event[0].touched == (0.2, 1)


EVENT = '[[event]]\nname = "a"\nat_s = 60\ntouched = 0.5\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("length_s = 10", "length_s: "),
        ("lenght_s = 600", "lenght_s: unknown key"),
        ("[students]\ncamera = 1.5", "students.camera[0]: input should be less than or equal to 1, got 1.5"),
        ("[students]\ncamera = [0.5, 0.2]", "students.camera: expected [low, high], got [0.5, 0.2]"),
        ("[students]\nnumber = true", "students.number: "),
        ("[students]\nlag_s = nan", "students.lag_s[0]: "),
        ("[students]\ncamera = [0.1]", "students.camera"),
        (EVENT + "feelings = { bliss = 1.0 }", "event[0].feelings.bliss"),
        (EVENT + "feelings = { joy = 0.8, grief = 0.8 }", "event[0]: expected feelings that are at most 1 together"),
        (EVENT + "slower = 0.8\nfaster = 0.8", "event[0]: expected slower and faster"),
        (EVENT + EVENT.replace("at_s = 60", "at_s = -1"), "event[1].at_s[0]: "),
        (EVENT.replace("at_s = 60", "at_s = 9999"), "event 'a': expected at_s before the end at 2700 s"),
        (EVENT + 'mark = { kind = "joke" }', "event[0].mark.kind: "),
        ("length_s = ", "not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_scenario(written(tmp_path, text))
    assert f"mine.toml: {said}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_names_the_shipped_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a file or one of lecture, seminar, camera-free"):
        read_scenario(tmp_path / "none.toml")
