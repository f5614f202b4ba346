"""The questions of ``serve --init``, and the papers that come of them."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classmood.errors import InputError
from classmood.server.gate import RESEARCH_GROUND, Deployment, read_deployment
from classmood.server.interview import interview, write_papers, write_toml

TODAY = dt.date(2026, 11, 25)
WHO = {"responsible": "A school", "reached": "office@school.example", "course": "Physics"}


class Answers:
    """Answers by a word of the question; the default where none fits."""

    def __init__(self, **answers: str) -> None:
        self.answers = WHO | answers
        self.asked: list[str] = []

    def __call__(self, question: str, default: str) -> str:
        self.asked.append(question)
        return next((answer for word, answer in self.answers.items() if word in question), default)


def test_where_it_is_forbidden_little_is_asked() -> None:
    answers = Answers()
    deployment = interview(answers)
    assert deployment == Deployment(
        profile="class", place="EU/EEA", operator="A school", contact="office@school.example", school="Physics"
    )
    assert len(answers.asked) == 7


@pytest.mark.parametrize(
    ("answers", "allowed"),
    [
        ({"Where are the students": "elsewhere", "law": "Utopia"}, True),
        ({"Where are the students": "elsewhere"}, False),
        ({"see what": "self-reflection", "Where are the students": "elsewhere"}, True),
        ({"see what": "self-reflection"}, False),
        ({"see what": "research", "state this ground": "yes", "number": "7/26", "(YYYY": "2027-07-31"}, True),
        ({"see what": "research", "state this ground": "no", "number": "7/26", "(YYYY": "2027-07-31"}, False),
        ({"see what": "safety", "medical": "epilepsy", "approved that": "Dr A"}, True),
        ({"see what": "safety", "medical": "epilepsy"}, False),
    ],
)
def test_the_answers_decide(tmp_path: Path, answers: dict[str, str], allowed: bool) -> None:
    deployment = interview(Answers(**answers))
    _, decision = write_papers(deployment, tmp_path / "deployment.toml", TODAY)
    assert decision.allowed is allowed


def test_research_elsewhere_names_its_protocol(tmp_path: Path) -> None:
    protocol = tmp_path / "protocol.pdf"
    protocol.write_bytes(b"approved")
    answers = {"see what": "research", "Where are the students": "elsewhere", "protocol": str(protocol), "(YYYY": ""}
    assert len(interview(Answers(**answers)).protocol_sha256) == 64
    assert interview(Answers(**{**answers, "protocol": ""})).protocol_sha256 == ""


@pytest.mark.parametrize(
    "answers",
    [
        {"see what": "everything"},
        {"minors": "perhaps"},
        {"how many days": "-1"},
        {"how many days": "99999"},
        {"see what": "safety", "(YYYY": "soon"},
        {"responsible": "two\nlines"},
        {"responsible": "x" * 301},
    ],
)
def test_an_answer_that_is_none_is_named(answers: dict[str, str]) -> None:
    with pytest.raises(InputError) as caught:
        interview(Answers(**answers))
    assert "\n" not in str(caught.value)


def test_the_papers_are_filled_and_nothing_is_overwritten(tmp_path: Path) -> None:
    deployment = interview(Answers(**{"Where are the students": "elsewhere", "law": "Utopia"}))
    written, _ = write_papers(deployment, tmp_path / "school" / "deployment.toml", TODAY)
    assert sorted(path.name for path in written) == [
        *("consent.md", "deployment.toml", "dpia.md", "guardian.md", "notice.md")
    ]
    for path in written:
        assert "A school" in path.read_text(encoding="utf-8")
    before = (tmp_path / "school" / "consent.md").read_bytes()
    (tmp_path / "school" / "deployment.toml").unlink()
    with pytest.raises(InputError, match="is there already"):
        write_papers(deployment, tmp_path / "school" / "deployment.toml", TODAY)
    assert not (tmp_path / "school" / "deployment.toml").exists()
    assert (tmp_path / "school" / "consent.md").read_bytes() == before


LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40).map(str.strip)


@given(operator=LINES, contact=LINES, ground=LINES, days=st.integers(1, 3650), minors=st.booleans())
def test_a_file_is_read_as_it_was_written(operator: str, contact: str, ground: str, days: int, minors: bool) -> None:
    deployment = Deployment(
        profile="research",
        place="EU/EEA",
        operator=operator,
        contact=contact,
        research_ground=RESEARCH_GROUND,
        approval_id=ground,
        expires=TODAY,
        retention_days=days,
        minors=minors,
    )
    assert Deployment.model_validate(tomllib.loads(write_toml(deployment))["deployment"]) == deployment


def test_the_file_is_the_one_that_serve_reads(tmp_path: Path) -> None:
    path = tmp_path / "deployment.toml"
    deployment = interview(Answers())
    write_papers(deployment, path, TODAY)
    assert read_deployment(path) == deployment
