"""An audit finds a difference that was put in, never denies one, and groups people as the manifest says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood import audit as audits
from classmood.audit import LEAST_PERSONS, Audit, Comparison, audit, bands, describe, write_audit
from classmood.classifier import read_out
from classmood.emotions import FERPLUS_CLASSES
from classmood.errors import InputError, ManifestError, OutputError
from classmood.evaluation import Evaluation
from classmood.manifest import Entry
from classmood.scores import score

Row = tuple[str, str, dict[str, str]]


def evaluated(rows: list[Row]) -> Evaluation:
    """An evaluation of (label, predicted, columns)."""
    entries = tuple(Entry(i + 2, Path(f"{i}.png"), label, columns) for i, (label, _, columns) in enumerate(rows))
    n = len(rows)
    confidence = np.ones(n, np.float32)
    emotions = read_out(np.eye(8, dtype=np.float32)[np.zeros(n, int)], confidence)
    scores = score(np.zeros(n, int), np.zeros(n, int), confidence, FERPLUS_CLASSES)
    return Evaluation(scores, entries, tuple(said for _, said, _ in rows), emotions, ())


def people(group: str, n: int, *, wrong: int, label: str = "neutral", column: str = "gender") -> list[Row]:
    """A number of persons with an image each, some of them misread."""
    other = "anger" if label == "neutral" else "neutral"
    return [(label, other if i < wrong else label, {column: group}) for i in range(n)]


def only(result: Audit) -> Comparison:
    (comparison,) = result.comparisons
    return comparison


def test_a_difference_that_is_there_is_found_and_the_worse_group_named() -> None:
    result = audit(evaluated(people("a", 40, wrong=20) + people("b", 40, wrong=2)), ["gender"])
    comparison = only(result)
    assert [(group.name, group.rate) for group in comparison.groups] == [("a", 0.5), ("b", 0.05)]
    assert comparison.p_corrected is not None
    assert comparison.p_corrected < 0.01
    assert "fares worst for a" in audits.verdict(comparison, result)


def test_recall_is_worse_when_lower() -> None:
    rows = people("a", 40, wrong=20, label="happiness") + people("b", 40, wrong=2, label="happiness")
    result = audit(evaluated(rows), ["gender"])
    a, b = only(result).groups
    assert (a.rate, b.rate) == (0.5, 0.95)
    assert a.low < 0.5 < a.high
    assert "fares worst for a" in audits.verdict(only(result), result)


def test_a_face_not_found_is_no_false_emotion_but_a_missed_one() -> None:
    rows: list[Row] = [(label, "", {"gender": "a"}) for label in ("neutral", "happiness") for _ in range(6)]
    neutral, happiness = audit(evaluated(rows + people("b", 6, wrong=0)), ["gender"]).comparisons
    assert neutral.rate == 0
    assert happiness.rate == 0
    assert happiness.worse == "lower"


@pytest.mark.parametrize("wrong", [0, 1, 3, 12])
def test_an_audit_never_denies_a_difference_and_says_what_it_could_have_shown(wrong: int) -> None:
    rows = people("a", 12, wrong=wrong) + people("b", 12, wrong=wrong)
    result = audit(evaluated(rows), ["gender"])
    text = "\n".join(describe(result))
    assert "That does not show" in text
    assert "Smallest difference that this sample shows with a chance of 80 %" in text
    for denial in ("no bias", "unbiased", "no difference", "is fair", "are equal"):
        assert denial not in text.lower()


def test_nobody_misread_is_no_proof() -> None:
    result = audit(evaluated(people("a", 30, wrong=0) + people("b", 10, wrong=0)), ["gender"])
    comparison = only(result)
    assert comparison.p_value is None
    a, b = comparison.groups
    # The smaller group's rate may be further off.
    assert b.high > a.high > 0.1
    assert None not in (a.smallest_difference, b.smallest_difference)


def test_more_tests_make_the_correction_and_the_smallest_difference_stricter() -> None:
    rows = people("a", 40, wrong=14) + people("b", 40, wrong=4)
    other = [
        (label, said, {**c, "hand": "lr"[i % 2], "site": "xy"[i // 2 % 2]}) for i, (label, said, c) in enumerate(rows)
    ]
    alone = only(audit(evaluated(rows), ["gender"]))
    among = audit(evaluated(other), ["gender", "hand", "site"]).comparisons[0]
    assert alone.p_value == among.p_value == alone.p_corrected
    assert among.p_corrected == pytest.approx(3 * among.p_value)
    assert (among.groups[0].smallest_difference or 1) > (alone.groups[0].smallest_difference or 1)


def test_images_of_one_person_count_as_one_person() -> None:
    rows: list[Row] = []
    for group, wrong in (("a", 3), ("b", 0)):
        for person in range(12):
            said = "anger" if person < wrong else "neutral"
            rows += [("neutral", said, {"gender": group, "subject": f"{group}{person}"})] * 20
    crowd = only(audit(evaluated(rows), ["gender"]))
    single = only(audit(evaluated(people("a", 12, wrong=3) + people("b", 12, wrong=0)), ["gender"]))
    assert crowd.groups[0].images == 240
    assert crowd.groups[0].persons == 12
    assert (crowd.groups[0].low, crowd.groups[0].high) == (single.groups[0].low, single.groups[0].high)
    assert crowd.p_value == pytest.approx(single.p_value, abs=0.02)


def test_small_and_unknown_groups_are_left_out_by_name() -> None:
    rows = people("a", 9, wrong=1) + people("b", 9, wrong=1)
    rows += people("rare", LEAST_PERSONS - 1, wrong=0) + people("NA", 3, wrong=0) + people("", 2, wrong=0)
    comparison = only(audit(evaluated(rows), ["gender"]))
    assert [group.name for group in comparison.groups] == ["a", "b"]
    assert comparison.left_out == {"rare": LEAST_PERSONS - 1, "unknown": 5}


def test_one_group_alone_is_not_compared() -> None:
    result = audit(evaluated(people("a", 9, wrong=1) + people("b", 2, wrong=1)), ["gender"])
    assert only(result).p_value is None
    assert "Not compared" in "\n".join(describe(result))


def test_ages_become_bands_and_age_finds_age_years() -> None:
    rows: list[Row] = [("neutral", "neutral", {"age_years": str(age)}) for age in range(18, 48)]
    comparison = only(audit(evaluated(rows), ["age"]))
    assert comparison.column == "age_years"
    assert [group.name for group in comparison.groups] == ["18 to 27", "28 to 37", "38 to 47"]


def test_few_numbers_stay_as_they_are() -> None:
    rows = [row for grade in ("9", "10", "11") for row in people(grade, 6, wrong=1)]
    assert [group.name for group in only(audit(evaluated(rows), ["gender"])).groups] == ["9", "10", "11"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 90), min_size=1, max_size=60))
def test_bands_are_in_order_and_hold_every_number(ages: list[int]) -> None:
    names = bands([float(age) for age in ages])
    assert set(names) == {float(age) for age in ages}
    ordered = list(dict.fromkeys(names[age] for age in sorted(names)))
    assert 1 <= len(ordered) <= 3
    # Numbers of a band stand together.
    assert sum(names[a] != names[b] for a, b in zip(sorted(names), sorted(names)[1:], strict=False)) == len(ordered) - 1


@pytest.mark.parametrize("by", [["height"], [""], [], ["gen"]])
def test_a_column_that_is_not_there_is_refused(by: list[str]) -> None:
    with pytest.raises(InputError, match="gender"):
        audit(evaluated(people("a", 6, wrong=1)), by)


def test_a_person_in_two_groups_is_refused_by_row() -> None:
    rows: list[Row] = [("neutral", "neutral", {"gender": g, "subject": "7"}) for g in ("a", "b")]
    with pytest.raises(ManifestError, match="row 3: the subject 7 has the gender b here and a in row 2"):
        audit(evaluated(rows), ["gender"])


def test_the_same_input_gives_the_same_audit() -> None:
    rows = people("a", 20, wrong=5) + people("b", 30, wrong=2)
    assert audit(evaluated(rows), ["gender"]) == audit(evaluated(rows), ["gender"])


def test_it_is_written_with_its_words(tmp_path: Path) -> None:
    result = audit(evaluated(people("a", 20, wrong=5) + people("b", 30, wrong=2)), ["gender"])
    write_audit(result, tmp_path / "audit.json")
    content = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert content["in_words"] == describe(result)
    assert content["comparisons"][0]["groups"][0]["persons"] == 20
    with pytest.raises(OutputError, match="cannot be written"):
        write_audit(result, tmp_path / "nowhere" / "audit.json")
