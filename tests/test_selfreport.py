"""Self-reports: what is written is read, and every wrong cell is named by file and row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.errors import InputError
from classmood.selfreport import ASPECT_COLUMNS, COLUMNS, RATED, gather, read_self_reports, write_self_reports

ANSWER = st.one_of(st.just(""), st.integers(1, 9).map(str))
ROWS = st.lists(
    st.fixed_dictionaries(
        dict.fromkeys(RATED, ANSWER)
        | {
            "scenario": st.just("joy-1"),
            "course": st.sampled_from(["", "algebra", "law, first year"]),
            "evokes": st.sampled_from(["", "joy"]),
            "emotion": st.sampled_from(["", "fury", "neutral"]),
            "score": st.sampled_from(["", "0", "0.25", "1"]),
        }
    ),
    max_size=6,
)


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]) -> None:
    reports = gather([row | {"participant": f"p{i}"} for i, row in enumerate(rows)])
    path = write_self_reports(reports, tmp_path_factory.mktemp("reports") / "reports.csv")
    again = read_self_reports([path])
    assert again.participant == reports.participant
    assert (again.course, again.evokes, again.emotion) == (reports.course, reports.evokes, reports.emotion)
    np.testing.assert_array_equal(again.ratings, reports.ratings)
    np.testing.assert_array_equal(again.score, reports.score)


def test_shares_have_their_ends_at_0_and_1_and_a_missing_aspect_gives_no_effect() -> None:
    row = dict.fromkeys(ASPECT_COLUMNS, "9") | {"participant": "a", "scenario": "s", "valence": "1", "arousal": "5"}
    reports = gather([row, row | {"aspect_duration": ""}, row | {"aspect_duration": "3"}])
    np.testing.assert_allclose(reports.share("valence"), 0)
    np.testing.assert_allclose(reports.share("arousal"), 0.5)
    np.testing.assert_allclose(reports.effect, [1, np.nan, (5 + 0.25) / 6])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("participant,scenario,valence\n", "row 1: the column arousal is missing"),
        ("participant,scenario,valence,arousal,arousal\n", "row 1: the column arousal is there twice"),
        ("participant,scenario,valence,arousal\na,s,5,6\nb,s,0,6\n", "row 3: valence: expected a rating from 1 to 9"),
        ("participant,scenario,valence,arousal\na,s,5,nan\n", "row 2: arousal: expected a rating"),
        ("participant,scenario,valence,arousal\na,s,5\n", "row 2: expected 4 fields, got 3"),
        ("participant,scenario,valence,arousal\n,s,5,5\n", "row 2: participant: expected a name"),
        ("participant,scenario,valence,arousal,emotion\na,s,5,5,boredom\n", "row 2: emotion: expected one of neutral"),
        ("participant,scenario,valence,arousal,score\na,s,5,5,7\n", "row 2: score: expected a share"),
        ("participant,scenario,valence,arousal\na,s,5,5\na,s,6,5\n", "row 3: a has answered for s already"),
    ],
)
def test_a_wrong_file_is_told_by_row(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "reports.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_self_reports([path])
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_same_answer_in_two_files_is_told_with_both(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.csv", "two.csv")]
    for path in paths:
        path.write_text("participant,scenario,valence,arousal\na,s,5,5\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"two\.csv: row 2.*one\.csv: row 2"):
        read_self_reports(paths)
    with pytest.raises(InputError, match="cannot be read"):
        read_self_reports([tmp_path / "none.csv"])
    with pytest.raises(InputError, match="got none"):
        read_self_reports([])


def test_masks_keep_rows_together() -> None:
    rows = [{"participant": f"p{i}", "scenario": "s", "valence": str(i), "arousal": "5"} for i in range(1, 5)]
    kept = gather(rows).where(np.array([False, True, False, True]))
    assert kept.participant == ("p2", "p4")
    assert kept.of("valence").tolist() == [2, 4]
    assert set(COLUMNS) >= set(RATED)
