"""`classmood reproduce ...`: the commands that make the paper's tables and figures, and the page of results.

Thin, like ``classmood.cli``: what they need is imported when they are called, so that the command line stays quick and
says which extra is missing.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from classmood.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from classmood.timeline import Timeline
    from classmood.training.recipe import Recipe

app = typer.Typer(no_args_is_help=True, help="Make the paper's tables and figures; needs the extra train.")
console = Console(stderr=True, highlight=False, soft_wrap=True)

_OUT: Final = Path("out/reproduction")
_WORK: Final = Path("runs/reproduction")
_SCHEDULE: Final = Path("recipes/ablation-short.toml")
_NEEDED: Final = ("torch", "sklearn", "matplotlib", "pyarrow", "onnx")

Data = Annotated[Path, typer.Option(help="folder with the FER+ parquet files")]
Out = Annotated[Path, typer.Option(help="folder for results, tables and pictures")]
Work = Annotated[Path, typer.Option(help="folder for checkpoints of runs that are not done")]
Schedule = Annotated[Path, typer.Option(help="a recipe whose data, augmentation and schedule all rows share")]
Seeds = Annotated[int, typer.Option(min=1, help="runs of each row, with other seeds")]
Jobs = Annotated[int, typer.Option(min=1, help="runs at a time, each in a process of its own")]
Fresh = Annotated[bool, typer.Option("--fresh", help="make anew what is stored; to go on after a stop leave it out")]
Videos = Annotated[list[str] | None, typer.Argument(help="videos of a class")]
TimelineOption = Annotated[Path | None, typer.Option(help="a timeline of classmood analyze in place of videos")]
Fps = Annotated[float, typer.Option(min=0.01, help="instants sampled a second of video")]


@app.command()
def table1(
    data: Data,
    out: Out = _OUT,
    work: Work = _WORK,
    fresh: Fresh = False,
    only: Annotated[list[str] | None, typer.Option(help="run this model alone; may be given again")] = None,
    fraction: Annotated[float, typer.Option(min=0.001, max=1, help="of the training faces, for a quick look")] = 1.0,
) -> None:
    """Score OF, HMM, ViT and the shipped network on FER+'s test splits (Table 1, Figure 7)."""
    _require_extra()
    from classmood.training.reproduction.table1 import FILE, measure_table1

    measure_table1(data, out / FILE, work=work, fresh=fresh, only=only or (), fraction=fraction, progress=_say)
    _write(out, ["table1"])


@app.command()
def figure8(
    videos: Videos = None,
    timeline: TimelineOption = None,
    out: Out = _OUT,
    fps: Fps = 5.0,
    clip_s: Annotated[float, typer.Option(min=0.1, help="length of a clip, seconds")] = 5.0,
) -> None:
    """Draw clips in valence-arousal and valence-dominance (Figure 8)."""
    _require_extra()
    _measure_figure8(*_timeline(videos, timeline, fps), out, clip_s)
    _write(out, ["figure8"])


@app.command()
def figure9(videos: Videos = None, timeline: TimelineOption = None, out: Out = _OUT, fps: Fps = 5.0) -> None:
    """Draw the intensity of emotions from onset to apex (Figure 9)."""
    _require_extra()
    _measure_figure9(*_timeline(videos, timeline, fps), out)
    _write(out, ["figure9"])


@app.command()
def ablation(
    data: Data,
    out: Out,
    schedule: Schedule = _SCHEDULE,
    seeds: Seeds = 3,
    work: Work = _WORK,
    jobs: Jobs = 1,
    fresh: Fresh = False,
    cost_threads: Annotated[int, typer.Option(min=1, help="threads for the milliseconds a face")] = 1,
    only: Annotated[list[str] | None, typer.Option(help="run this row alone; may be given again")] = None,
) -> None:
    """Train and score the network with and without each of the paper's modules; goes on where it was stopped."""
    _require_extra()
    _run_plan("ablation", data, out, schedule, seeds, work, jobs=jobs, fresh=fresh, only=only or ())
    _measure_cost(data, out, schedule, cost_threads, fresh=fresh)
    _write(out, ["ablation"])


@app.command()
def fractions(
    data: Data,
    out: Out,
    schedule: Schedule = _SCHEDULE,
    seeds: Seeds = 3,
    work: Work = _WORK,
    jobs: Jobs = 1,
    fresh: Fresh = False,
) -> None:
    """Train on 10, 25, 50 and 100 % of the data, with and without the paper's modules; goes on where it was stopped."""
    _require_extra()
    _run_plan("fractions", data, out, schedule, seeds, work, jobs=jobs, fresh=fresh)
    _write(out, ["fractions"])


@app.command(name="all")
def everything(
    out: Out = _OUT,
    fresh: Fresh = False,
    data: Annotated[Path | None, typer.Option(help="FER+ parquet files; needed with --fresh")] = None,
    video: Annotated[list[str] | None, typer.Option(help="videos; needed with --fresh")] = None,
    schedule: Schedule = _SCHEDULE,
    seeds: Seeds = 3,
    work: Work = _WORK,
    jobs: Jobs = 1,
) -> None:
    """Make all tables, pictures and the page anew from stored results; with --fresh measure them first (hours)."""
    _require_extra()
    from classmood.training.reproduction.page import COMMANDS
    from classmood.training.reproduction.table1 import FILE, measure_table1

    if fresh:
        if data is None or not video:
            raise InputError("--fresh: expected --data and --video, as everything is measured anew; name them")
        timeline, model = _timeline(video, None, 5.0)
        _measure_figure8(timeline, model, out, 5.0)
        _measure_figure9(timeline, model, out)
        measure_table1(data, out / FILE, work=work, fresh=True, progress=_say)
        _run_plan("ablation", data, out, schedule, seeds, work, jobs=jobs, fresh=True)
        _measure_cost(data, out, schedule, 1, fresh=True)
        _run_plan("fractions", data, out, schedule, seeds, work, jobs=jobs, fresh=True, keep_whole=True)
    _write(out, list(COMMANDS))


def _timeline(videos: list[str] | None, path: Path | None, fps: float) -> tuple[Timeline, str]:
    """The timeline to draw, read where there is one and made by the pipeline where there is not; and by which model."""
    from classmood.frames import read_frames
    from classmood.pipeline import Pipeline
    from classmood.sidecar import read_sidecar
    from classmood.timeline import Timeline, read_timeline, timeline_path
    from classmood.training.reproduction.entrants import model_name

    if bool(videos) == (path is not None):
        raise InputError("expected videos or --timeline, one of the two; name a video, such as lesson.mp4")
    if path is not None:
        timeline = read_timeline(path)
        known = timeline_path(path).with_suffix(".json").is_file()
        provenance = read_sidecar(timeline_path(path)).provenance if known else None
        return timeline, model_name(provenance.model, provenance.model_sha256) if provenance else ""
    pipeline = Pipeline()
    instants = []
    for video in videos or ():
        _say(f"{video}: looking at {fps:g} frames a second")
        instants += list(pipeline.instants(read_frames(video, fps=fps)))
    timeline = Timeline.of(instants)
    if not len(timeline):
        raise InputError(f"{', '.join(videos or ())}: no face was found; expected videos that show faces")
    card = pipeline.classifier.card
    return timeline, model_name(card.name, card.sha256)


def _measure_figure8(timeline: Timeline, model: str, out: Path, clip_s: float) -> None:
    from classmood.training.reproduction.figure8 import measure_figure8, write_figure8

    write_figure8(measure_figure8(timeline, clip_s, model=model), out / "figure8.json")


def _measure_figure9(timeline: Timeline, model: str, out: Path) -> None:
    from classmood.training.reproduction.figure9 import measure_figure9, write_figure9

    write_figure9(measure_figure9(timeline, model=model), out / "figure9.json")


def _run_plan(
    name: str,
    data: Path,
    out: Path,
    schedule: Path,
    seeds: int,
    work: Path,
    *,
    jobs: int,
    fresh: bool,
    keep_whole: bool = False,
    only: Sequence[str] = (),
) -> None:
    """Do the runs of a plan; ``keep_whole`` leaves those on all data as they are, also when all is made anew."""
    from classmood.training.reproduction.runs import FILE, finish_plan, forget_runs, load_faces
    from classmood.training.reproduction.variants import ablation_plan, fraction_plan

    recipe = _schedule(schedule)
    plan = list(fraction_plan(recipe, seeds) if name == "fractions" else ablation_plan(recipe, seeds, only))
    faces = load_faces(recipe, data)
    if fresh:
        forget_runs(out / FILE, [run for run in plan if not (keep_whole and run.data.fraction == 1)])
    try:
        finish_plan(plan, faces, out / FILE, work, jobs=jobs, progress=_say)
    except KeyboardInterrupt:
        raise InterruptedError(f"finished runs are kept in {out / FILE}; run the same command to go on") from None


def _measure_cost(data: Path, out: Path, schedule: Path, threads: int, *, fresh: bool) -> None:
    from classmood.training.reproduction.cost import FILE, read_costs, time_networks, write_costs
    from classmood.training.reproduction.predictions import load_sets
    from classmood.training.reproduction.variants import VARIANTS

    recipe = _schedule(schedule)
    networks = [variant.network(recipe) for variant in VARIANTS]
    stored = read_costs(out / FILE)
    if fresh or stored is None or any(stored.of(network) is None for network in networks):
        crops = load_sets(data)[0].crops[:64]
        write_costs(time_networks(networks, crops, threads=threads, progress=_say), out / FILE)


def _schedule(path: Path) -> Recipe:
    """The schedule, in the precision that this machine is quick in."""
    import torch

    from classmood.training.recipe import read_recipe

    recipe = read_recipe(path)
    if not torch.cuda.is_available():
        return recipe
    return recipe.model_copy(update={"schedule": recipe.schedule.model_copy(update={"precision": "bfloat16"})})


def _write(out: Path, wanted: Iterable[str]) -> None:
    """Make what can be made, and name what cannot with the command that measures it."""
    from classmood.training.reproduction.page import COMMANDS, NAME, write_parts

    made = write_parts(out)
    page = out / NAME
    for name in wanted:
        if made[name]:
            print(page if page.is_file() else out / f"{name}.md")  # noqa: T201 (the command's result)
        else:
            _say(f"{name}: no stored results in {out}; make them with {COMMANDS[name].replace('DIR', str(out))}")


def _say(line: str) -> None:
    console.print(line, markup=False)


def _require_extra() -> None:
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        raise MissingExtra("reproducing the paper", "train")
