"""Table 1: what is stored is used again, what changed is run again, and the words carry the numbers."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from classmood.disparity import holm
from classmood.errors import InputError
from classmood.scores import score
from classmood.training.reproduction import entrants, table1
from classmood.training.reproduction.entrants import ENTRANTS, OURS, Entrant, Estimator
from classmood.training.reproduction.predictions import Predictions, Said, as_digits, from_digits, read_predictions
from classmood.training.reproduction.table1 import as_csv, compare, describe, describe_paper, measure_table1, stale

TRUTH = np.random.default_rng(0).integers(0, 8, 400)


class Guesser:
    """An estimator that reads the bar's height in a share of the faces."""

    runs: ClassVar[list[tuple[str, tuple[int, ...]]]] = []
    checkpoints: ClassVar[list[Path]] = []

    def __init__(self, name: str, right: float) -> None:
        self.name, self.right = name, right

    def get_params(self) -> dict[str, object]:
        return {"name": self.name, "right": self.right}

    def fit(
        self,
        crops: np.ndarray,
        labels: np.ndarray,
        groups: np.ndarray | None = None,
        checkpoint: Path | None = None,
    ) -> Guesser:
        assert (groups is None) == (checkpoint is not None) == (self.name == "vision_transformer")
        Guesser.runs.append((self.name, labels.shape))
        if checkpoint:
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            checkpoint.write_text("weights")
            Guesser.checkpoints.append(checkpoint)
            self.spent_s_ = 7200.0  # most of it before a stop
        return self

    def predict(self, crops: np.ndarray) -> np.ndarray:
        seen = crops.mean(2).reshape(len(crops), 8, 6).mean(2).argmax(1)
        return np.where(np.random.default_rng(1).random(len(crops)) < self.right, seen, 0)


@pytest.fixture
def guessers(monkeypatch: pytest.MonkeyPatch) -> None:
    rights = {"optical_flow": 0.3, "hidden_markov": 0.5, "vision_transformer": 0.7}
    made = tuple(replace(e, make=(lambda e=e: Guesser(e.name, rights[e.name])) if e.make else None) for e in ENTRANTS)
    monkeypatch.setattr(table1, "ENTRANTS", made)
    Guesser.runs, Guesser.checkpoints = [], []


def said(title: str, answers: dict[str, np.ndarray]) -> Said:
    return Said(title, "made", 5, 1.0, "a machine", "2026-01-01", {n: as_digits(a) for n, a in answers.items()})


def stored(shares: dict[str, float]) -> Predictions:
    random = np.random.default_rng(3)
    found = Predictions({"1": "a", "2": "b"}, {n: as_digits(TRUTH) for n in "12"}, {})
    for name, right in shares.items():
        answers = {n: np.where(random.random(400) < right, TRUTH, (TRUTH + 1) % 8) for n in "12"}
        found.models[name] = said(name, answers)
    return found


def test_digits_there_and_back() -> None:
    assert as_digits(np.array([0, 7, 3])) == "073"
    assert from_digits("073").tolist() == [0, 7, 3]
    assert from_digits(as_digits(TRUTH)).tolist() == TRUTH.tolist()


def test_each_model_is_run_once_and_then_only_where_something_changed(
    drawn_ferplus: Path, tmp_path: Path, guessers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table1.json"
    first = measure_table1(drawn_ferplus, path, work=path.parent)
    n = first.models["optical_flow"].training_faces
    assert n is not None
    assert 80 <= n < 96
    # The transformer learns from shares of the votes, the others from the class.
    shapes = [("optical_flow", (n,)), ("hidden_markov", (n,)), ("vision_transformer", (n, 8))]
    assert Guesser.runs == shapes
    assert first.models[OURS].training_faces is None
    assert measure_table1(drawn_ferplus, path, work=path.parent) == first == read_predictions(path)
    assert Guesser.runs == shapes
    measure_table1(drawn_ferplus, path, work=path.parent, only=["hidden_markov"], fresh=True)
    assert Guesser.runs[3:] == shapes[1:2]
    measure_table1(drawn_ferplus, path, work=path.parent, fraction=0.5, only=["optical_flow"])
    assert len(Guesser.runs) == 5
    assert Guesser.runs[4][1][0] < 0.7 * n


def test_a_model_that_takes_hours_keeps_a_checkpoint_until_it_has_answered_and_counts_all_its_time(
    drawn_ferplus: Path, tmp_path: Path, guessers: None
) -> None:
    work = tmp_path / "work"
    for fraction in (1.0, 0.5):
        found = measure_table1(
            drawn_ferplus, tmp_path / "table1.json", work=work, only=["vision_transformer"], fraction=fraction
        )
        assert 7200 <= found.models["vision_transformer"].wall_s < 7300
    first, second = Guesser.checkpoints
    assert first.parent == second.parent == work
    # Of other faces: another file.
    assert first != second
    assert not list(work.iterdir())


def test_a_kill_after_one_model_keeps_it(
    drawn_ferplus: Path, tmp_path: Path, guessers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table1.json"
    run = entrants.run

    def killed(entrant: Entrant, *rest: object) -> Said:
        if entrant.name == "hidden_markov":
            raise KeyboardInterrupt
        return run(entrant, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(table1, "run", killed)
        with pytest.raises(KeyboardInterrupt):
            measure_table1(drawn_ferplus, path, work=path.parent)
    assert list(read_predictions(path).models) == ["optical_flow"]
    measure_table1(drawn_ferplus, path, work=path.parent)
    assert [name for name, _ in Guesser.runs] == ["optical_flow", "hidden_markov", "vision_transformer"]


def test_other_faces_make_all_answers_worthless(drawn_ferplus: Path, tmp_path: Path, guessers: None) -> None:
    path = tmp_path / "table1.json"
    measure_table1(drawn_ferplus, path, work=path.parent, only=["optical_flow"])
    content = json.loads(path.read_text())
    content["digests"]["2"] = "of other faces"
    path.write_text(json.dumps(content))
    assert list(measure_table1(drawn_ferplus, path, work=path.parent, only=["hidden_markov"]).models) == [
        "hidden_markov"
    ]


def test_scores_margins_and_tests_fit_the_answers() -> None:
    predictions = stored({"optical_flow": 0.6, "hidden_markov": 0.84, OURS: 0.85})
    found = compare(predictions, rounds=500)
    assert [entrant.name for entrant in found.entrants] == ["optical_flow", "hidden_markov", OURS]
    for row in found.rows:
        answers = from_digits(predictions.models[row.entrant.name].answers[row.number])
        scores = score(TRUTH, answers, np.ones(400), tuple("abcdefgh"))
        assert [s.value for s in row.scores] == pytest.approx([scores.accuracy, scores.macro_f1, scores.weighted_f1])
        assert all(s.low < s.value < s.high for s in row.scores)
        ours = found.of(OURS, row.number)
        for place, margin in enumerate(row.margins):
            assert margin.value == pytest.approx(ours.scores[place].value - row.scores[place].value)
    tested = [row for row in found.rows if row.discordance]
    assert len(tested) == 4
    assert [row.p_corrected for row in tested] == holm([row.discordance.p_value for row in tested])  # type: ignore[union-attr]
    far = found.of("optical_flow", "1")
    near = found.of("hidden_markov", "1")
    assert far.p_corrected is not None
    assert near.p_corrected is not None
    assert far.discordance is not None
    assert far.p_corrected < 1e-6
    assert far.margins[0].low > 0
    assert near.p_corrected > 0.05
    assert far.discordance.first_only > far.discordance.second_only


def test_the_page_and_the_csv_tell_the_same(guessers: None) -> None:
    predictions = stored({"optical_flow": 0.6, OURS: 0.85})
    found = compare(predictions, rounds=300)
    text = describe(predictions, found)
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert len(rows) == 2 * 2 * 3
    for row in rows:
        assert f"{100 * float(row['value']):.1f} ({100 * float(row['low']):.1f} to" in text
    assert "stills hold no motion" in text
    share = np.bincount(TRUTH).max() / 400
    assert f"commonest class every time has an accuracy of {100 * share:.1f} on set 1" in text
    (missing,) = (line for line in text.splitlines() if line.startswith("Not run yet"))
    assert "HMM" in missing
    assert "ViT" in missing
    assert "OF" not in missing
    # Their settings are not those at hand, and the reader is told.
    assert "**Out of date**" in text


def test_what_is_stale_is_named() -> None:
    predictions = stored({OURS: 0.9})
    assert len(stale(predictions)) == 1
    predictions.models[OURS] = Said("ours", entrants.made_of(ENTRANTS[-1]), None, 1.0, "m", "d", {"1": "0", "2": "0"})
    assert stale(predictions) == []


def test_the_paper_s_own_numbers_stand_beside_it() -> None:
    text = describe_paper()
    assert "| HMM | 82.6 | 89.1 | 84.7 | 80.6 |" in text
    assert "| OF | 1 | accuracy | 12.18 | 11.27 | 13.83 |" in text


def test_the_reference_models_are_those_of_the_package() -> None:
    for entrant in ENTRANTS[:-1]:
        assert entrant.make is not None
        estimator = entrant.make()
        assert isinstance(estimator, Estimator)
        # Settings at their defaults are told too: a changed default makes stored answers stale.
        assert "random_state" in entrants.made_of(entrant)
    assert len({entrants.made_of(entrant) for entrant in ENTRANTS}) == 4


def test_errors_say_what_to_do(drawn_ferplus: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"public_test\.parquet: not found; expected the FER\+ parquet files"):
        measure_table1(tmp_path, tmp_path / "a.json", work=tmp_path)
    with pytest.raises(InputError, match=r"only: expected optical_flow, .*, got flow"):
        measure_table1(drawn_ferplus, tmp_path / "a.json", work=tmp_path, only=["flow"])
    with pytest.raises(InputError, match=r"no stored answers of classmood; run classmood reproduce table1"):
        compare(Predictions())


@pytest.mark.parametrize("damage", ["", "[]", '{"digests": {}}', "answers", "digits"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "table1.json"
    good = {"title": "t", "made_of": "", "training_faces": 1, "wall_s": 1, "machine": "", "date": ""}
    answers = {"answers": "0", "digits": "09"}.get(damage, "00")
    whole = {"digests": {}, "labels": {"1": "01"}, "models": {"a": {**good, "answers": {"1": answers}}}}
    path.write_text(json.dumps(whole) if damage in ("answers", "digits") else damage)
    with pytest.raises(InputError, match=r"table1\.json.*remove"):
        read_predictions(path)
