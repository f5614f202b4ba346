"""The command line: thin commands over the package. Errors are one line on standard error and a non-zero exit."""

from __future__ import annotations

import io
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from classmood.clips.commands import build
from classmood.dataset.commands import app as dataset
from classmood.errors import ClassmoodError, InputError, MissingExtra
from classmood.experiment.commands import app as experiment
from classmood.learning.commands import app as learning
from classmood.phases.commands import phases
from classmood.server.commands import audit_log, serve
from classmood.server.report_command import report
from classmood.server.research_command import research
from classmood.server.study import commands as study
from classmood.simulation.commands import simulate
from classmood.study.commands import app as own_study
from classmood.training.reproduction.commands import app as reproduce
from classmood.trial.commands import app as trial

if TYPE_CHECKING:
    from classmood.evaluation import Evaluation
    from classmood.manifest import Manifest

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Recognise expressions resembling eight classroom emotions in photos and videos, on this machine alone.",
)
app.add_typer(reproduce, name="reproduce")
app.command()(serve)
app.command()(simulate)
app.command()(report)
app.add_typer(research, name="research")
app.add_typer(audit_log, name="audit-log")
for command in (study.run, study.export, study.erase):
    experiment.command()(command)
app.add_typer(experiment, name="experiment")
dataset.command()(build)
app.add_typer(dataset, name="dataset")
app.add_typer(own_study, name="study")
app.add_typer(learning, name="learning")
app.command()(phases)
app.add_typer(trial, name="trial")
console = Console(stderr=True, highlight=False, soft_wrap=True)
NOTICE = (
    "For one's own recordings. The EU AI Act, Art. 5(1)(f), forbids AI that infers emotions in education "
    "(medical and safety reasons aside)."
)


def main() -> None:
    """Run the command line and turn classmood's errors into one line and exit status 1."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks must not end a command whose work is done.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except ClassmoodError as error:
        console.print(f"error: {error}", style="red", markup=False)
        sys.exit(1)
    except (KeyboardInterrupt, InterruptedError) as stopped:
        console.print(f"stopped; {stopped}" if str(stopped) else "stopped", markup=False)
        sys.exit(130)


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    print(installed("classmood"))  # noqa: T201 (the command's result)


@app.command()
def analyze(
    sources: Annotated[list[str], typer.Argument(help="photos, videos, folders, glob patterns, or camera:0")],
    out: Annotated[Path, typer.Option(help="folder for timeline.csv, timeline.json and report.html")] = Path("out"),
    fps: Annotated[float, typer.Option(min=0.01, help="instants sampled a second of video")] = 5.0,
    raw: Annotated[bool, typer.Option("--raw", help="add the FER+ probabilities to the timeline")] = False,
    per_person: Annotated[bool, typer.Option("--per-person", help="let the report show persons")] = False,
    model: Annotated[str, typer.Option(help="a shipped model's name or a file with its card beside it")] = "",
    yunet: Annotated[Path | None, typer.Option(help="find faces with this YuNet file instead")] = None,
    smoothing_s: Annotated[
        float | None, typer.Option(min=0, help="time constant; 0 for none, a third of a second or so if not given")
    ] = None,
    baseline_s: Annotated[float, typer.Option(min=0, help="first seconds that count as a resting face")] = 0.0,
    parquet: Annotated[bool, typer.Option("--parquet", help="write Parquet too (extra: archive)")] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="write JSON lines too")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="start anew, also where an earlier run could go on")] = False,
) -> None:
    """Analyse photos or videos into a timeline and a report of the class."""
    from classmood import analysis
    from classmood.classifier import Classifier
    from classmood.detectors import YuNet
    from classmood.models.weights import SHIPPED_EMOTION
    from classmood.pipeline import SMOOTHING_S, Pipeline, Smoothing, stage_threads

    smoothing = Smoothing(SMOOTHING_S if smoothing_s is None else smoothing_s, baseline_s or None)
    settings = analysis.Settings(fps, smoothing, raw, per_person, parquet, jsonl, resume=not fresh)
    classifier = Classifier(model or SHIPPED_EMOTION, threads=stage_threads())
    pipeline = Pipeline(YuNet(yunet) if yunet else None, classifier, smoothing)
    console.print(NOTICE, style="dim")
    with Progress("{task.description}", TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("starting")
        try:
            outcome = analysis.run(
                tuple(sources),
                out,
                settings,
                pipeline=pipeline,
                progress=lambda name, time_s: progress.update(task, description=f"{name}  {time_s:.1f} s"),
            )
        except KeyboardInterrupt:
            raise InterruptedError(f"what was done is kept in {out}; run the same command to go on") from None
    print(f"{outcome.report}")  # noqa: T201 (the command's result)
    console.print(f"{outcome.faces} faces in {outcome.instants} instants; the rows are in {outcome.timeline}")
    if not outcome.faces:
        console.print("no face was found in any frame: the timeline is empty", style="yellow")
    for failure in outcome.failures:
        console.print(f"error: {failure}", style="red", markup=False)
    if outcome.failures:
        raise typer.Exit(1)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="folder for the sample and its report")] = Path("out/demo"),
) -> None:
    """Analyse a public-domain portrait and a moving clip made from it (extra: demo)."""
    from classmood import analysis
    from classmood.demo import write_samples

    photo, clip = write_samples(out / "sample")
    for name, source in (("photo", photo), ("clip", clip)):
        outcome = analysis.run((str(source),), out / name, analysis.Settings(resume=False))
        print(f"{name}: {outcome.faces} faces in {outcome.instants} instants, report: {outcome.report}")  # noqa: T201
    webbrowser.open((out / "clip" / "report.html").resolve().as_uri())


@app.command()
def benchmark(
    video: Annotated[Path | None, typer.Option(help="a video to measure the whole pipeline on")] = None,
    fps: Annotated[float, typer.Option(min=0.01, help="instants sampled a second of video")] = 5.0,
    model: Annotated[str, typer.Option(help="a shipped model's name or a file with its card beside it")] = "",
    threads: Annotated[int, typer.Option(min=1, help="cores to use")] = 2,
    json_out: Annotated[Path | None, typer.Option("--json", help="write the figures here")] = None,
) -> None:
    """Measure this machine's speed and the memory it takes."""
    from classmood import benchmark as speed
    from classmood.models.weights import SHIPPED_EMOTION

    measured = speed.measure(model=model or SHIPPED_EMOTION, threads=threads, video=video, rate_hz=fps)
    for line in speed.describe(measured):
        print(line)  # noqa: T201 (the command's result)
    if json_out:
        speed.write_speed(measured, json_out)


@app.command()
def draw(
    figure: Annotated[Literal["wheel", "network", "recalibration"], typer.Argument(help="Figure 1, 4 or 5")],
    out: Annotated[Path, typer.Argument(help="an .svg, .pdf or .png file")],
) -> None:
    """Draw the paper's Figure 1, 4 or 5 from the code itself."""
    with _training_extra():
        from classmood.training import drawings
    draw_it = {
        "wheel": drawings.draw_wheel,
        "network": drawings.draw_network,
        "recalibration": drawings.draw_recalibration,
    }[figure]
    draw_it(out)
    print(out)  # noqa: T201 (the command's result)


@app.command()
def evaluate(
    manifest: Annotated[Path, typer.Argument(help="CSV with the columns path,label and any to group by")],
    input_kind: Annotated[
        Literal["crops", "photos"], typer.Option("--input", help="crops: the whole image is the face; photos: find it")
    ] = "crops",
    labels: Annotated[Literal["ferplus", "classroom"], typer.Option(help="which classes to score")] = "ferplus",
    model: Annotated[str, typer.Option(help="a shipped model's name or a file with its card beside it")] = "",
    json_out: Annotated[Path | None, typer.Option("--json", help="write the scores here")] = None,
    predictions: Annotated[Path | None, typer.Option(help="write a row an image here")] = None,
) -> None:
    """Score the model on labelled face images."""
    from classmood import evaluation
    from classmood.manifest import read_manifest

    rows = read_manifest(manifest)
    result = _score(rows, model, input_kind, labels)
    for line in evaluation.describe(result):
        print(line)  # noqa: T201 (the command's result)
    if json_out:
        evaluation.write_scores(result, json_out)
    if predictions:
        evaluation.write_predictions(result, predictions)
    _name_unread(result, rows)


@app.command()
def agreement(
    source: Annotated[Path, typer.Argument(help="a dataset with features, or a CSV of pairs")],
    json_out: Annotated[Path | None, typer.Option("--json", help="write the figures here")] = None,
) -> None:
    """Compare recognised emotion with self-report: kappa, concordance, bias, with intervals."""
    import dataclasses
    import json

    from classmood.agreement import agree, describe
    from classmood.markdown import write_text
    from classmood.pairs import pairs_of, read_pairs

    found = agree(pairs_of(source) if source.is_dir() else read_pairs(source))
    print(describe(found), end="")  # noqa: T201 (the command's result)
    if json_out:
        write_text(json_out, json.dumps([dataclasses.asdict(one) for one in found], indent=1) + "\n")


@app.command()
def doctor() -> None:
    """Show what is installed, check the models, run a self-test with the network closed."""
    from classmood.doctor import examine

    findings = examine()
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        print(f"{'ok ' if finding.good else 'BAD'}  {finding.what:<{width}}  {finding.found}")  # noqa: T201
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)


@app.command()
def audit(
    manifest: Annotated[Path, typer.Argument(help="CSV with the columns path,label and those to group by")],
    by: Annotated[str, typer.Option(help="columns to group by, such as gender,ethnicity,age")],
    input_kind: Annotated[
        Literal["crops", "photos"], typer.Option("--input", help="photos: find the face; crops: the whole image is it")
    ] = "photos",
    model: Annotated[str, typer.Option(help="a shipped model's name or a file with its card beside it")] = "",
    json_out: Annotated[Path | None, typer.Option("--json", help="write the figures and the words here")] = None,
    picture: Annotated[Path | None, typer.Option(help="draw it: a .png, .svg or .pdf file (extra: train)")] = None,
) -> None:
    """Compare errors between groups of people, and say what the sample could have shown."""
    from classmood import audit as audits
    from classmood.manifest import read_manifest

    if picture:
        # Before the work, so that a missing matplotlib does not cost it.
        from classmood.training.audit_picture import draw_audit, require_matplotlib

        require_matplotlib()
    rows = read_manifest(manifest)
    columns = audits.find_columns(by.split(","), rows.entries)
    result = _score(rows, model, input_kind, "ferplus")
    found = audits.audit(result, columns)
    for line in audits.describe(found):
        print(line)  # noqa: T201 (the command's result)
    if json_out:
        audits.write_audit(found, json_out)
    if picture:
        draw_audit(found, picture)
    _name_unread(result, rows)


@app.command()
def explain(
    photo: Annotated[Path, typer.Argument(help="a photo; its largest face is looked at")],
    out: Annotated[Path, typer.Option(help="the picture to write: .png, .svg or .pdf")] = Path("out/explain.png"),
    master: Annotated[Path | None, typer.Option(help="half-precision weights (.safetensors); the shipped ones")] = None,
) -> None:
    """Draw what the network weighs on a face, stage by stage (extra: train, and a checkout for the weights)."""
    with _training_extra():
        from classmood.training.explain import explain_photo
    explanation = explain_photo(photo, out, master=master)
    console.print(f"read as an expression resembling {explanation.ranking[0]}")
    print(out)  # noqa: T201 (the command's result)


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="a recipe, such as recipes/ferplus-first.toml")],
    data: Annotated[Path | None, typer.Option(help="the data; the recipe's data.path by default")] = None,
    out: Annotated[Path | None, typer.Option(help="the run's folder; runs/NAME by default")] = None,
) -> None:
    """Train the network, or carry on where a run was stopped."""
    with _training_extra():
        from classmood.training.curves import draw_curves
        from classmood.training.datasets import check_classes, load_parts
        from classmood.training.recipe import read_recipe
        from classmood.training.train import join_workers, leave_workers
        from classmood.training.train import train as run
    settings = read_recipe(recipe)
    worker = join_workers()
    folder = out or Path("runs") / recipe.stem
    path = data or Path(settings.data.path)
    training, held = load_parts(settings.data, path)
    check_classes(settings.data, training)
    if worker.leads:
        console.print(f"training on {len(training)} faces, {len(held)} held out")
    checkpoint = run(settings, training, held, folder)
    leave_workers()
    if worker.leads:
        if (folder / "metrics.jsonl").is_file():
            draw_curves(folder / "metrics.jsonl", folder / "curves.png")
        print(checkpoint)  # noqa: T201 (the command's result)


@app.command()
def export(
    source: Annotated[Path, typer.Argument(help="a checkpoint.pt of train, or a master .safetensors")],
    out: Annotated[Path, typer.Argument(help="the file to write: .onnx, or .safetensors for a master")],
    data: Annotated[
        Path | None, typer.Option(help="the training data, to calibrate an ONNX file on its held-out fold")
    ] = None,
    precision: Annotated[Literal["int8", "float32"], typer.Option(help="of an ONNX file")] = "int8",
) -> None:
    """Write a trained network as ONNX with its card, or as a half-precision master."""
    with _training_extra():
        from classmood.training.export import export_file
    print(export_file(source, out, data, precision=precision))  # noqa: T201 (the command's result)


@app.command()
def manifest(
    data: Annotated[Path, typer.Argument(help="folder with the FER+ parquet files")],
    out: Annotated[Path, typer.Option(help="folder to write images and manifest to")],
    split: Annotated[Literal["public_test", "private_test"], typer.Option()] = "private_test",
    protocol: Annotated[Literal["argmax", "majority"], typer.Option(help="which rows and labels")] = "argmax",
) -> None:
    """Write a FER+ test split as a manifest for evaluate."""
    with _training_extra():
        from classmood.training.protocol import write_manifest

    print(write_manifest(data, split, protocol, out))  # noqa: T201 (the command's result)


def _score(
    rows: Manifest, model: str, input_kind: Literal["crops", "photos"], labels: Literal["ferplus", "classroom"]
) -> Evaluation:
    """Run a model over a manifest, with a progress bar."""
    from classmood.classifier import Classifier
    from classmood.detectors import CenterFace
    from classmood.evaluation import evaluate
    from classmood.models.weights import SHIPPED_EMOTION

    classifier = Classifier(model or SHIPPED_EMOTION)
    detector = CenterFace() if input_kind == "photos" else None
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("scoring", total=len(rows.entries))
        return evaluate(
            rows,
            classifier,
            input_kind=input_kind,
            labels=labels,
            detector=detector,
            progress=lambda done: progress.update(task, completed=done),
        )


def _name_unread(result: Evaluation, rows: Manifest) -> None:
    """Name the images that could not be read, after all else was done with the rest."""
    for failure in result.failures:
        console.print(f"unreadable: {failure}", style="yellow", markup=False)
    if result.failures:
        raise InputError(f"{len(result.failures)} of {len(rows.entries)} images could not be read; the rest was scored")


class _training_extra:  # noqa: N801 (used as a statement)
    """Turn a missing torch into the message that names the extra."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, ImportError):
            raise MissingExtra("training", "train") from error
