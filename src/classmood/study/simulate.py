"""`classmood study simulate`: a study without participants, from a protocol to what one's own model says of a clip.

    DIR/
        protocol.toml      the study
        study/             its dataset: participants, events, videos
        manipulation.md    whether the scenarios evoked what they meant to, where anybody was asked
        crops/             labelled crops
        evaluation/        leave-subjects-out: report.md, report.json, figure8, figure9
        run/               the training of the model that is exported
        own.onnx, .json    the model and its card; plumbing-only.onnx of drawn faces
        analysis/          timeline and report of a participant whom the model has not seen
        summary.md         what came out

A folder with an unfinished simulation of the same kind is gone on with.
"""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from classmood import analysis
from classmood.classifier import Classifier
from classmood.clips.build import BuildSettings, build
from classmood.clips.crop_set import CropSet
from classmood.clips.quality import QualityLimits
from classmood.dataset.folder import Participant, add_participant, create_dataset, read_self_reports_of, read_table
from classmood.dataset.layout import DESCRIPTION, PARTICIPANTS, media_file
from classmood.dataset.manipulation import check_manipulation, describe
from classmood.errors import OutputError
from classmood.experiment.check import open_protocol
from classmood.experiment.schedule import schedule
from classmood.markdown import write_text
from classmood.pipeline import Pipeline, stage_threads
from classmood.sidecar import read_sidecar
from classmood.study.films import Motion, events_of, write_film
from classmood.study.forms import FORMS, Actor, Form, FormName, actors, protocol_text
from classmood.training.datasets import load_parts
from classmood.training.export import export_file
from classmood.training.leave_subjects_out import NETWORK
from classmood.training.recipe import Recipe
from classmood.training.subject_report import evaluate_subjects
from classmood.training.subject_scores import SubjectScores
from classmood.training.train import train


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a simulation left behind.

    Attributes:
        scores: of each model, leave-subjects-out.
        model: the exported file.
        report: of the analysed clip.
        derived: what the analysis marks as derived: nothing.
    """

    scores: tuple[SubjectScores, ...]
    model: Path
    report: Path
    derived: tuple[str, ...]
    summary: Path


def simulate(
    name: FormName,
    out: Path,
    recipe: Recipe,
    *,
    participants: int,
    london: Path | None = None,
    precision: Literal["int8", "float32"] = "int8",
    without_srm: bool = True,
    sequences: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> Simulated:
    """Simulate a study of a form and go all the way with it.

    Args:
        name: ``london`` or ``synthetic``.
        out: the folder.
        recipe: how the network is trained.
        participants: how many.
        london: folder of the London set, for that form.
        precision: of the exported model.
        without_srm: whether the evaluation trains the network without SRM too.
        sequences: whether it fits the reference models.
        progress: called with a line a step.

    Raises:
        InputError: the London set is not there or too small; there are too few participants for two folds.
        OutputError: the folder cannot be written, or holds something else.
    """
    form = FORMS[name]
    film_all(form, actors(form, participants, london), out, progress)
    reports = read_self_reports_of(out / "study")
    if evoked := check_manipulation(reports) if len(reports) else ():
        write_text(out / "manipulation.md", f"# {form.title}\n\n{describe(evoked)}")
    quality = QualityLimits(score=form.least_score)
    crops = build(out / "study", out / "crops", BuildSettings(quality=quality), progress=progress)
    scores = evaluate_subjects(
        crops, recipe, out / "evaluation", without_srm=without_srm, sequences=sequences, progress=progress
    )
    progress("training the model that is exported")
    training, held = load_parts(recipe.data, out / "crops")
    checkpoint = train(recipe, training, held, out / "run")
    model = export_file(checkpoint, out / f"{form.model}.onnx", out / "crops", precision=precision)
    seen_not = next(clip.participant for clip in crops.clips if clip.fold == recipe.data.held_fold)
    progress(f"analysing {seen_not}, whom the model has not seen")
    outcome = analysis.run(
        (str(out / "study" / media_file(seen_not, "video", "mp4")),),
        out / "analysis",
        analysis.Settings(resume=False),
        pipeline=Pipeline(classifier=Classifier(model, threads=stage_threads())),
    )
    derived = read_sidecar(outcome.timeline).provenance.derived
    summary = write_text(out / "summary.md", _summary(form, crops, scores, model, seen_not, outcome, derived))
    return Simulated(scores, model, outcome.report, derived, summary)


def film_all(form: Form, cast: list[Actor], out: Path, progress: Callable[[str], None]) -> None:
    """Write a form's dataset, or add to it whoever is missing.

    Raises:
        OutputError: the folder holds something else.
    """
    study, text = out / "study", protocol_text(form)
    if (study / DESCRIPTION).is_file():
        if (out / "protocol.toml").read_text(encoding="utf-8") != text:
            raise OutputError(f"{out}: holds another study; choose another folder")
    else:
        if out.is_dir() and any(out.iterdir()):
            raise OutputError(f"{out}: holds files that are no simulated study; choose an empty folder")
        create_dataset(study, write_text(out / "protocol.toml", text))
    protocol = open_protocol(study / "protocol.toml")
    there = {row["participant_id"] for row in read_table(study / PARTICIPANTS)}
    with tempfile.TemporaryDirectory() as folder:
        for number, actor in enumerate(cast, 1):
            who = f"sub-{number:03d}"
            if who in there:
                continue
            progress(f"filming {who} of {len(cast)}")
            plan = schedule(protocol, number)
            film = Path(folder, f"{who}.mp4")
            shown = {emotion: actor.shows(emotion) for emotion in form.evoked}
            write_film(film, plan, actor.face, shown, Motion.of(number), seed=number)
            answers = {
                (emotion, page): cells for emotion in form.evoked for page, cells in actor.answers(emotion).items()
            }
            add_participant(
                study,
                Participant(
                    id=who,
                    number=number,
                    course=form.courses[number % len(form.courses)],
                    recording="video",
                    consent="simulated",
                    session_date=dt.date(2000, 1, 1),
                    completed=True,
                    events=events_of(plan, answers),
                    media={"video": film},
                ),
            )
            film.unlink()


def _summary(
    form: Form,
    crops: CropSet,
    scores: tuple[SubjectScores, ...],
    model: Path,
    analysed: str,
    outcome: analysis.Outcome,
    derived: tuple[str, ...],
) -> str:
    network = next(one for one in scores if one.model == NETWORK)
    card = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))
    unlearned = ", ".join(card["unlearned"]) or "none"
    dimensions = ", ".join(card["dimensions"]) or "none: computed from the classes"
    return "\n".join(
        [
            f"# {form.title}\n",
            f"{form.caveat}\n",
            f"- {len(crops.participants)} participants, {len(crops.clips)} clips of {', '.join(crops.labels)}; "
            f"{len(crops.folds)} folds.",
            f"- Leave-subjects-out accuracy: {100 * network.accuracy.value:.1f} % "
            f"(95 % interval over participants {100 * network.accuracy.low:.1f} to {100 * network.accuracy.high:.1f}); "
            "all models are in evaluation/report.md.",
            f"- {_agreement(network)}",
            f"- Exported: {model.name}, {card['precision']}, right on {100 * card['training']['held_accuracy']:.1f} % "
            f"of the {card['training']['held_out']} faces of the held-out fold.",
            f"- Never learned: {unlearned}. Dimensions measured: {dimensions}.",
            f"- Analysed with it: {analysed}, {outcome.faces} faces in {outcome.instants} instants; derived: "
            f"{', '.join(derived) or 'nothing'}. The page: analysis/report.html.",
            "- The paper's Figures 8 and 9 of these clips: evaluation/figure8.png, figure9.png.",
            "",
        ]
    )


def _agreement(scores: SubjectScores) -> str:
    """How well what was recognised matches what was reported, in a line."""
    if not scores.agreement.measures:
        return scores.agreement.unknown
    overall = scores.agreement.measures[0]
    interval = "" if overall.low is None else f" (95 % interval {overall.low:.2f} to {overall.high:.2f})"
    value = "not defined" if overall.value is None else f"{overall.value:.2f}{interval}"
    return f"Recognised against self-reported emotion: kappa {value}; by emotion and dimension in evaluation/report.md."
