"""`classmood experiment ...`: write, check, draw and freeze a protocol. Thin, like ``classmood.cli``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from classmood.errors import OutputError

app = typer.Typer(no_args_is_help=True, help="The experiment's protocol: write, check, draw, freeze.")
File = Annotated[Path, typer.Argument(help="a protocol, such as study.toml")]


@app.command()
def template(
    which: Annotated[Literal["full", "short"], typer.Argument(help="full: one hour; short: ten minutes")],
    out: Annotated[Path, typer.Argument(help="the file to write, such as study.toml")],
) -> None:
    """Write a protocol to start from."""
    from importlib.resources import files

    from classmood.markdown import write_text

    if out.exists():
        raise OutputError(f"{out}: is there already; choose another name, or remove it")
    text = (files("classmood.experiment") / "templates" / f"{which}.toml").read_text(encoding="utf-8")
    print(write_text(out, text))  # noqa: T201 (the command's result)


@app.command()
def check(file: File) -> None:
    """Name every mistake of a protocol by its line."""
    from classmood.experiment.check import describe, find_mistakes, open_protocol
    from classmood.experiment.registration import check_registered, registration_path

    mistakes = find_mistakes(file)
    for mistake in mistakes:
        print(f"{file}:{mistake.line}: {mistake.message}")  # noqa: T201 (the command's result)
    if mistakes:
        raise typer.Exit(1)
    print(describe(open_protocol(file)))  # noqa: T201 (the command's result)
    if registration_path(file).is_file():
        frozen = check_registered(file)
        print(f"frozen on {frozen.registered:%Y-%m-%d}, unchanged since; SHA-256 {frozen.sha256}")  # noqa: T201


@app.command()
def draw(
    file: File,
    out: Annotated[Path, typer.Option(help="a .png, .svg or .pdf file (extra: experiment)")],
) -> None:
    """Draw the scheme: the session, one scenario, the orders (the paper's Figure 6)."""
    from classmood.experiment.check import open_protocol
    from classmood.experiment.drawing import draw_protocol

    draw_protocol(open_protocol(file), out)
    print(out)  # noqa: T201 (the command's result)


@app.command()
def preregister(file: File) -> None:
    """Freeze a protocol with its SHA-256; later changes are refused."""
    from classmood.experiment.registration import preregister as freeze
    from classmood.experiment.registration import registration_path

    frozen = freeze(file)
    print(frozen.sha256)  # noqa: T201 (the command's result)
    typer.echo(
        f"frozen on {frozen.registered:%Y-%m-%d}; send {registration_path(file)} to whom it may concern", err=True
    )


@app.command()
def schedule(
    file: File,
    participant: Annotated[int, typer.Argument(min=1, help="the participant's number in the study, from 1")],
    as_json: Annotated[bool, typer.Option("--json", help="as a runner reads it")] = False,
) -> None:
    """Print the timed steps of one participant."""
    from classmood.experiment.check import open_protocol
    from classmood.experiment.schedule import schedule as plan

    planned = plan(open_protocol(file), participant)
    if as_json:
        print(json.dumps(planned.as_dict(), indent=2))  # noqa: T201 (the command's result)
        return
    for step in planned.steps:
        what = " ".join(word for word in (step.kind, step.scenario, step.page) if word)
        print(f"{step.start_s:8.1f} s  {step.duration_s:6.1f} s  {what}")  # noqa: T201 (the command's result)
