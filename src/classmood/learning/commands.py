"""`classmood learning ...`: fit the learning effect, place classes on it, draw Figure 2. Thin."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from classmood.errors import InputError

if TYPE_CHECKING:
    from classmood.learning.placing import Placed
    from classmood.learning.study import StudyFit

app = typer.Typer(no_args_is_help=True, help="The learning effect over arousal and valence (Figure 2).")
console = Console(stderr=True, highlight=False, soft_wrap=True)


@app.command()
def fit(
    files: Annotated[list[Path], typer.Argument(help="CSV of self-reports (docs/guides/learning-effect.md)")],
    out: Annotated[Path, typer.Option(help="folder for learning.json, learning.md and figure2.svg")],
    outcome: Annotated[str, typer.Option(help="aspects (the mean of six), one of them, or score")] = "aspects",
    form: Annotated[Literal["logistic", "asymmetric"], typer.Option(help="how valence enters")] = "logistic",
    rating_error: Annotated[
        float | None, typer.Option(min=0, max=4, help="a rating's error in points, where it is known; 0: none")
    ] = None,
    place: Annotated[
        list[Path] | None, typer.Option(help="a class to place: self-reports, or a timeline of analyze (exploratory)")
    ] = None,
    by: Annotated[Literal["emotion", "evokes"], typer.Option(help="emotions as chosen, or as meant")] = "emotion",
    rounds: Annotated[int, typer.Option(min=99, help="samples of participants")] = 999,
    seed: Annotated[int, typer.Option(min=0, help="of the samples")] = 0,
) -> None:
    """Fit the surface to self-reports and draw it; too few participants are refused."""
    from classmood.learning.aspects import relate
    from classmood.learning.picture import draw_fit
    from classmood.learning.study import fit_study
    from classmood.learning.words import as_dict, describe
    from classmood.markdown import write_text
    from classmood.selfreport import read_self_reports

    reports = read_self_reports(files)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("drawing participants", total=rounds)
        found = fit_study(
            reports,
            outcome=outcome,
            form=form,
            rating_error_points=rating_error,
            rounds=rounds,
            seed=seed,
            progress=lambda done, _: progress.update(task, completed=done),
        )
    placed = [_place(found, path, seed) for path in place or ()]
    relations = relate(reports, by)
    write_text(out / "learning.json", json.dumps(as_dict(found, relations, placed), indent=1) + "\n")
    text = write_text(out / "learning.md", describe(found, relations, placed))
    draw_fit(found, out / "figure2.svg", placed)
    draw_fit(found, out / "figure2.png", placed)
    print(text)  # noqa: T201 (the command's result)


@app.command()
def defaults(
    out: Annotated[Path, typer.Argument(help="a .png, .svg or .pdf file (extra: experiment)")],
    difficulty: Annotated[float, typer.Option(min=0, max=1, help="of the task; it moves the optimum")] = 0.5,
) -> None:
    """Draw the default surface: an assumption, not a result."""
    from classmood.learning.picture import draw_defaults

    draw_defaults(out, difficulty=difficulty)
    print(out)  # noqa: T201 (the command's result)


def _place(found: StudyFit, path: Path, seed: int) -> Placed:
    """Place a class by whichever kind of file it is."""
    from classmood.agreement import agreement_of_timeline
    from classmood.learning.placing import place_reports, place_timeline
    from classmood.selfreport import read_self_reports
    from classmood.timeline import read_timeline, timeline_path

    file = timeline_path(path)
    try:
        with file.open(encoding="utf-8") as opened:
            header = opened.readline().split(",")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected self-reports or a timeline") from error
    if "track_id" in header:
        timeline = read_timeline(file)
        placed = place_timeline(found, timeline, path.stem, seed=seed)
        agreement = agreement_of_timeline(timeline, file)
        return dataclasses.replace(placed, agreement=agreement.markdown()) if agreement else placed
    return place_reports(found, read_self_reports([file]), path.stem, seed=seed)
