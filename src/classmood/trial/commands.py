"""`classmood trial ...`: plan a trial of nudges or of one teaching move, and analyse it. Thin."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Did it help? A move switched on and off by a schedule fixed beforehand.")
File = Annotated[Path, typer.Argument(help="the schedule that plan wrote")]


@app.command()
def plan(
    out: Annotated[Path, typer.Argument(help="the file to write, such as trial.json")],
    classes: Annotated[str, typer.Option(help="names, such as 9a,9b")],
    outcome: Annotated[str, typer.Option(help="what will be measured, and how")],
    lessons: Annotated[int, typer.Option(min=0, help="of each class; not used between classes")] = 0,
    move: Annotated[str, typer.Option(help="what is switched on and off")] = "nudges",
    between: Annotated[bool, typer.Option("--between", help="half of the classes have it throughout")] = False,
    block: Annotated[int, typer.Option(min=2, help="lessons in a block, half of them on")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="of the draw; take one that nobody chose for its result")] = 0,
) -> None:
    """Draw the schedule and write it with its hash, before the first lesson."""
    from classmood.trial.analysis import smallest_effect_of
    from classmood.trial.plan import Frame, make_plan, write_plan

    names = tuple(name.strip() for name in classes.split(","))
    frame = Frame(names, lessons, block, "between classes" if between else "within classes")
    drawn = make_plan(frame, move=move, outcome=outcome, seed=seed)
    smallest = smallest_effect_of(drawn)
    print(write_plan(drawn, out))  # noqa: T201 (the command's result)
    typer.echo(f"SHA-256 {drawn.sha256}; {len(drawn.units)} units", err=True)
    typer.echo(
        f"notices an effect of {smallest:.2f} standard deviations four times in five"
        if smallest
        else "notices no effect four times in five, however large",
        err=True,
    )


@app.command()
def show(file: File) -> None:
    """Print who has the move on in which lesson."""
    from classmood.trial.plan import read_plan

    for unit in read_plan(file).units:
        when = f"lesson {unit.lesson}" if unit.lesson else "all lessons"
        print(f"{unit.number:4d}  {unit.school_class}  {when}  {'on' if unit.on else 'off'}")  # noqa: T201


@app.command()
def analyse(
    file: File,
    outcomes: Annotated[Path, typer.Argument(help="CSV: unit,outcome")],
    json_out: Annotated[Path | None, typer.Option("--json", help="write the figures here")] = None,
) -> None:
    """Test the effect against chance, and say how large it is and what could have been shown."""
    from classmood.markdown import write_text
    from classmood.trial.analysis import analyse as analyse_trial
    from classmood.trial.analysis import describe
    from classmood.trial.outcomes import read_outcomes
    from classmood.trial.plan import read_plan

    fixed = read_plan(file)
    found = analyse_trial(fixed, read_outcomes(outcomes, fixed))
    print(describe(found, fixed), end="")  # noqa: T201 (the command's result)
    if json_out:
        content = {**dataclasses.asdict(found), "plan_sha256": fixed.sha256}
        write_text(json_out, json.dumps(content, indent=1) + "\n")
