"""Checking a protocol: the templates are right, and every mistake is told at once, by its line, in words that help."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocols import changed, line_with, text_of

from classmood.experiment.check import describe, find_mistakes, open_protocol
from classmood.experiment.protocol import ProtocolError

SHORT = text_of("short")


def mistakes_of(folder: Path, text: str) -> list[tuple[int, str]]:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return [(mistake.line, mistake.message) for mistake in find_mistakes(path)]


@pytest.mark.parametrize(("name", "minutes"), [("full", 60), ("short", 10)])
def test_the_templates_are_right_and_fill_their_time(tmp_path: Path, name: str, minutes: int) -> None:
    assert mistakes_of(tmp_path, text_of(name)) == []
    protocol = open_protocol(tmp_path / "study.toml")
    assert minutes - 0.5 < protocol.total_s / 60 <= minutes
    assert f"of {minutes} min" in describe(protocol)


def test_the_hour_is_the_paper_s_scheme(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(text_of("full"), encoding="utf-8")
    protocol = open_protocol(tmp_path / "study.toml")
    assert len({one.evokes for one in protocol.scenarios}) == 8
    minutes = {phase.id: protocol.phase_s(phase) / 60 for phase in protocol.phases}
    assert (minutes["class"], minutes["rest"], minutes["situations"]) == (15, 2, 40)
    assert {protocol.scenario_s(one) for one in protocol.scenarios} == {300}


CASES = [
    ([('stimulus = "joy-text"', 'stimulus = "joy-txt"')], "joy-txt", "unknown stimulus 'joy-txt'; did you mean 'joy-t"),
    ([('"joy", "surprise"', '"joy", "suprise"')], "suprise", "unknown scenario 'suprise'; did you mean 'surprise'?"),
    ([('pages = ["felt"', 'pages = ["mood"')], '"mood"', "unknown page 'mood'; describe it in [[pages]]"),
    ([("limit_min = 10", "limit_min = 9")], "limit_min", "takes 10.0 min, over the limit of 9 min; shorten it by 60 s"),
    ([('id = "rest"\n', 'id = "rest"\nstarts_s = 30\n')], "starts_s", "overlaps 'class', which ends at 70 s"),
    ([('evokes = "joy"', 'evokes = "boredom"')], "boredom", "evokes: input should be 'joy', 'appreciation'"),
    ([("duration_s = 40", 'duration_s = "40"')], '"40"', "duration_s: input should be a valid number, got '40'"),
    ([("duration_s = 40", "duration_s = -1")], "duration_s = -1", "greater than 0, got '-1'"),
    ([("rest_s = 5", "rests_s = 5")], "rests_s", "unknown key 'rests_s'; expected id, evokes"),
    ([("seed = 20230915", "")], "[protocol]", "the key 'seed' is missing"),
    ([('id = "surprise"\n', 'id = "joy"\n')], 'id = "joy"', "the id 'joy' is there twice", 2),
    ([('kind = "baseline"', 'kind = "rest"')], "[[phases]]", "no baseline comes before what is shown"),
    ([('kind = "debrief"\nstimulus = "debrief"', 'kind = "repair"\nstimulus = "debrief"')], "[[phases]]", "no debrief"),
    ([("task = { ask", "# task = { ask")], "pages = [", "asks for a score, but the scenario has no task"),
    ([('"felt", "which"', '"which"')], "pages = [", "put a page of kind sam before it"),
    ([("right = 2 }", "right = 4 }")], "task = {", "right: expected a place from 1 to 3, got 4"),
    ([('kind = "text"                #', 'kind = "image"  #')], "[[stimuli]]", "a image needs file alone, got text"),
    ([("[[pages]]", "[[sites]]\na = 1\n[[pages]]")], "[[sites]]", "unknown table 'sites'"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case[2])[:40])
def test_a_mistake_is_told_by_its_line(tmp_path: Path, case: tuple) -> None:
    text = changed(SHORT, *case[0])
    found = mistakes_of(tmp_path, text)
    line = line_with(text, case[1], *case[3:])
    assert any(number == line and case[2] in message for number, message in found), (line, found)
    assert all("\n" not in message for _, message in found)


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = changed(SHORT, *(pair for case in CASES[:5] for pair in case[0]))
    found = mistakes_of(tmp_path, text)
    for _, _, said, *_ in CASES[:3] + CASES[4:5]:
        assert any(said in message for _, message in found), said
    assert [number for number, _ in found] == sorted(number for number, _ in found)
    with pytest.raises(ProtocolError, match=r"study\.toml: line \d+: .*; \d more, see"):
        open_protocol(tmp_path / "study.toml")


def test_an_unpleasant_scenario_after_the_repair_is_told(tmp_path: Path) -> None:
    late = '\n[[phases]]\nid = "late"\nkind = "scenarios"\nscenarios = ["fury"]\n\n[[stimuli]]'
    text = changed(SHORT, (', "fury"]', "]"), ("\n[[stimuli]]", late))
    said = "the unpleasant scenario 'fury' comes after the mood repair; move it before"
    assert (line_with(text, '["fury"]'), said) in mistakes_of(tmp_path, text)
    # The same without a word on emotions: what is unpleasant can be stated, and so can that it is not.
    mild = changed(text, ('evokes = "fury"', 'evokes = "fury"\nunpleasant = false'))
    assert any("a phase of kind scenarios comes after the mood repair" in m for _, m in mistakes_of(tmp_path, mild))


def test_unpleasant_scenarios_need_a_repair_and_pleasant_ones_do_not(tmp_path: Path) -> None:
    without = SHORT[: SHORT.index('[[phases]]\nid = "repair"')] + SHORT[SHORT.index('[[stimuli]]\nid = "lesson"') :]
    without = without[: without.index('[[stimuli]]\nid = "repair"')]
    assert any("'grief' is not followed by mood repair" in message for _, message in mistakes_of(tmp_path, without))
    pleasant = without
    for name in ("grief", "fury"):
        pleasant = changed(pleasant, (f'evokes = "{name}"', f'evokes = "{name}"\nunpleasant = false'))
    assert mistakes_of(tmp_path, pleasant) == []


def test_stimulus_files_must_be_there_and_be_the_same(tmp_path: Path) -> None:
    text = changed(SHORT, ('kind = "text"                #', 'kind = "video"\nalt = "a lesson"\nfile = "lesson.mp4" #'))
    start = text.index('text = """', text.index("lesson.mp4"))
    text = text[:start] + text[text.index('"""\n', start + 10) + 4 :]
    line = line_with(text, "lesson.mp4")
    found = mistakes_of(tmp_path, text)
    assert found == [(line, f"the stimulus file 'lesson.mp4' is missing; put it at {tmp_path / 'lesson.mp4'}")]
    (tmp_path / "lesson.mp4").write_bytes(b"a film")
    assert mistakes_of(tmp_path, text) == []
    hashed = changed(text, ('file = "lesson.mp4"', f'sha256 = "{"0" * 64}"\nfile = "lesson.mp4"'))
    assert any("expected SHA-256 0000" in message for _, message in mistakes_of(tmp_path, hashed))
    outside = changed(text, ("lesson.mp4", "../lesson.mp4"))
    assert any("lies outside the protocol's folder" in message for _, message in mistakes_of(tmp_path, outside))


def test_what_is_never_used_is_told(tmp_path: Path) -> None:
    text = changed(SHORT, ('["joy", "surprise", "grief", "fury"]', '["joy", "surprise", "grief", "grief"]'))
    messages = [message for _, message in mistakes_of(tmp_path, text)]
    assert "the scenario 'fury' is in no phase; add it to one or remove it" in messages
    assert "the scenario 'grief' is met 2 times; meet it once" in messages
    extra = SHORT + '\n[[stimuli]]\nid = "spare"\nkind = "teacher"\ntext = "Good morning."\n'
    assert [m for _, m in mistakes_of(tmp_path, extra)] == ["'spare' is never used; use it or remove it"]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_no_file_makes_the_check_fall_over(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Lines of a right protocol taken out, doubled or swapped: mistakes or a message, never a traceback."""
    lines = SHORT.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at, to = data.draw(st.integers(0, len(lines) - 1)), data.draw(st.integers(0, len(lines) - 1))
        what = data.draw(st.sampled_from(["out", "twice", "swap", "value"]))
        if what == "out" and len(lines) > 1:
            del lines[at]
        elif what == "twice":
            lines.insert(at, lines[at])
        elif what == "swap":
            lines[at], lines[to] = lines[to], lines[at]
        elif "=" in lines[at]:
            lines[at] = (
                lines[at].split("=")[0] + "= " + data.draw(st.sampled_from(["[]", "0", '""', "true", "{}", "[{}]"]))
            )
    path = tmp_path_factory.mktemp("check") / "study.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    try:
        found = find_mistakes(path)
    except ProtocolError as error:
        assert "not TOML" in str(error)  # noqa: PT017 (either outcome is right, each with its own condition)
    else:
        if not found:
            assert open_protocol(path).total_s > 0


def test_a_missing_or_damaged_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=r"cannot be read.*experiment template"):
        find_mistakes(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[protocol\n", encoding="utf-8")
    with pytest.raises(ProtocolError, match=r"not TOML.*line 1"):
        find_mistakes(tmp_path / "bad.toml")
    (tmp_path / "empty.toml").write_text("", encoding="utf-8")
    assert len(find_mistakes(tmp_path / "empty.toml")) >= 5
