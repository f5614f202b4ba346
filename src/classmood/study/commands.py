"""`classmood study ...`: evaluate a model on a study's crops, and simulate a whole study. Thin."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from classmood.errors import MissingExtra

app = typer.Typer(no_args_is_help=True, help="A study's crops: evaluate a model on them; simulate a whole study.")
RecipeFile = Annotated[Path, typer.Option(help="how to train")]
_RECIPE = Path("recipes/own-data.toml")
_SHORT = Path("recipes/own-data-short.toml")


@app.command()
def evaluate(
    crops: Annotated[Path, typer.Argument(help="a folder of classmood dataset build")],
    out: Annotated[Path, typer.Option(help="folder for report.md, report.json and the runs; gone on with")],
    recipe: RecipeFile = _RECIPE,
    srm: Annotated[bool, typer.Option("--srm/--no-srm", help="train the network without SRM as well")] = True,
    sequences: Annotated[bool, typer.Option(help="score the sequence forms of OF and HMM as well")] = True,
) -> None:
    """Score models on participants whom they have never seen."""
    try:
        from classmood.training.recipe import read_recipe
        from classmood.training.subject_report import evaluate_subjects
    except ImportError as error:
        raise MissingExtra("training", "train") from error
    from classmood.clips.crop_set import read_crop_set

    evaluate_subjects(
        read_crop_set(crops), read_recipe(recipe), out, without_srm=srm, sequences=sequences, progress=_say
    )
    print(out / "report.md")  # noqa: T201 (the command's result)


@app.command()
def simulate(
    form: Annotated[
        Literal["london", "synthetic"],
        typer.Argument(help="london: two real classes; synthetic: all eight, drawn, plumbing only"),
    ],
    out: Annotated[Path, typer.Option(help="the folder to write; an unfinished one is gone on with")],
    participants: Annotated[int | None, typer.Option(min=2, help="40 for london, 10 for synthetic by default")] = None,
    london: Annotated[Path, typer.Option(help="folder of the London set")] = Path("../shared/data/london"),
    recipe: RecipeFile = _SHORT,
    epochs: Annotated[int | None, typer.Option(min=1, help="in place of the recipe's")] = None,
) -> None:
    """Go all the way with a study without participants: films, dataset, crops, training, export, analysis."""
    try:
        from classmood.study.simulate import simulate as run
        from classmood.training.recipe import read_recipe
    except ImportError as error:
        raise MissingExtra("training", "train") from error
    settings = read_recipe(recipe)
    if epochs:
        settings = settings.model_copy(update={"schedule": settings.schedule.model_copy(update={"epochs": epochs})})
    people = participants or {"london": 40, "synthetic": 10}[form]
    done = run(form, out, settings, participants=people, london=london, progress=_say)
    print(done.summary)  # noqa: T201 (the command's result)


def _say(line: str) -> None:
    typer.echo(line, err=True)
