"""The whole way in its smallest form: films, dataset, crops, folds, training, export, analysis."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from classmood.dataset.checker import find_faults
from classmood.dataset.trained import models_of
from classmood.emotions import CLASSROOM_CLASSES, EMOTIONS
from classmood.errors import OutputError
from classmood.study import forms, simulate
from classmood.study.simulate import Simulated
from classmood.training import resnet
from classmood.training.recipe import Recipe
from simulated_study import TWO

RECIPE = Recipe.model_validate(
    {
        "network": {"sge_groups": 4, "labels": "classroom"},
        "data": {"source": "crops", "held_fold": 1, "settle_s": 1.0, "most_frames": 2},
        "schedule": {"epochs": 1, "batch_size": 16, "learning_rate": 0.02, "warmup_epochs": 0.2},
    }
)


def run(name: forms.FormName, out: Path, *, london: Path | None = None, sequences: bool = True) -> Simulated:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resnet, "WIDTHS", (8, 8, 12, 16))
        return simulate.simulate(
            name,
            out,
            RECIPE,
            participants=2,
            london=london,
            precision="float32",
            without_srm=False,
            sequences=sequences,
        )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulated, Path]:
    out = tmp_path_factory.mktemp("synthetic") / "study"
    return run("synthetic", out, sequences=False), out


def test_all_eight_emotions_go_all_the_way(drawn: tuple[Simulated, Path]) -> None:
    done, out = drawn
    assert find_faults(out / "study") == ()
    with (out / "crops" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == set(CLASSROOM_CLASSES)
    assert not [row for row in rows if row["left_out"]]
    card = json.loads(done.model.with_suffix(".json").read_text())
    assert (card["labels"], card["unlearned"]) == ("classroom", [])
    assert card["dimensions"] == ["valence", "arousal", "dominance"]
    assert done.derived == ()
    page = done.report.read_text(encoding="utf-8")
    assert "derived" not in page
    assert "held nothing labelled" not in page
    sidecar = json.loads((out / "analysis" / "timeline.json").read_text())
    kinds = {column["name"]: column["kind"] for column in sidecar["columns"]}
    assert {kinds[name] for name in (*EMOTIONS, "valence", "arousal", "dominance")} == {"measured"}
    assert sidecar["provenance"]["model"] == "plumbing-only"
    assert sidecar["faces"] > 20


def test_every_report_shows_the_agreement_with_self_report_or_says_that_it_is_not_known(
    drawn: tuple[Simulated, Path],
) -> None:
    done, out = drawn
    # Two participants are too few to tell.
    for path in (done.report, out / "evaluation" / "report.md", done.summary):
        text = path.read_text(encoding="utf-8")
        assert "How well recognised emotion matches self-report is not known from this" in text, path


def test_the_paper_s_figures_8_and_9_are_drawn_of_the_study_s_own_clips(drawn: tuple[Simulated, Path]) -> None:
    _, out = drawn
    text = (out / "evaluation" / "report.md").read_text(encoding="utf-8")
    assert "18 clips by label: what the scenario was meant to evoke." in text
    assert "16 clips of an emotion begin with the scenario" in text
    assert "Not comparable with the paper" in text
    for ending, begins in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        assert (out / "evaluation" / f"figure8.{ending}").read_bytes().startswith(begins)


def test_drawn_faces_are_marked_as_plumbing_everywhere(drawn: tuple[Simulated, Path]) -> None:
    done, out = drawn
    for path in (
        done.summary,
        out / "evaluation" / "report.md",
        out / "evaluation" / "report.json",
        out / "plumbing-only.json",
        out / "manipulation.md",
        out / "crops" / "crops.json",
        out / "study" / "dataset_description.json",
    ):
        assert "PLUMBING ONLY" in path.read_text(encoding="utf-8"), path
    assert "plumbing-only" in done.report.read_text(encoding="utf-8")


def test_the_model_is_named_to_whoever_erases_a_participant(drawn: tuple[Simulated, Path]) -> None:
    done, out = drawn
    for who in ("sub-001", "sub-002"):
        (named,) = models_of(out / "study", who)
        assert named.startswith(str(done.model.resolve()))
    assert find_faults(out / "study") == ()


def test_whoever_is_analysed_was_not_trained_on(drawn: tuple[Simulated, Path]) -> None:
    _, out = drawn
    sources = json.loads((out / "analysis" / "timeline.json").read_text())["provenance"]["sources"]
    with (out / "crops" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        held = {row["participant"] for row in csv.DictReader(file) if row["fold"] == "1"}
    assert [Path(source).parent.name in held for source in sources] == [True]


def test_an_unfinished_simulation_is_gone_on_with_and_another_is_not_written_over(
    drawn: tuple[Simulated, Path], tmp_path: Path
) -> None:
    _, out = drawn
    before = {path: path.read_bytes() for path in (out / "study").rglob("*") if path.is_file()}
    said: list[str] = []
    simulate.film_all(forms.SYNTHETIC, [forms.DrawnActor(1), forms.DrawnActor(2)], out, said.append)
    assert not said
    assert {path: path.read_bytes() for path in before} == before
    with pytest.raises(OutputError, match="holds another study"):
        simulate.film_all(TWO, [forms.DrawnActor(1)], out, said.append)
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="no simulated study"):
        simulate.film_all(TWO, [forms.DrawnActor(1)], tmp_path, said.append)


def test_two_real_classes_go_all_the_way(london: Path, tmp_path: Path) -> None:
    done = run("london", tmp_path / "study", london=london)
    card = json.loads(done.model.with_suffix(".json").read_text())
    assert set(CLASSROOM_CLASSES) - set(card["unlearned"]) == {"neutral", "joy"}
    assert card["dimensions"] == []
    assert done.derived == ()
    network = next(one for one in done.scores if one.model == "network")
    assert network.clips == 4
    page = done.report.read_text(encoding="utf-8")
    assert "derived" not in page
    assert "held nothing labelled" in page
    assert not (tmp_path / "study" / "manipulation.md").exists()
