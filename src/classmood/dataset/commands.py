"""`classmood dataset ...`: check a study's folder, export it, check its manipulation, add scores. Thin."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from classmood.errors import InputError

app = typer.Typer(no_args_is_help=True, help="A study's data as a folder in the manner of BIDS.")
Folder = Annotated[Path, typer.Argument(help="the dataset's folder")]


@app.command()
def check(folder: Folder) -> None:
    """Name every fault by file and line."""
    from classmood.dataset.checker import find_faults
    from classmood.dataset.folder import read_table
    from classmood.dataset.layout import PARTICIPANTS

    faults = find_faults(folder)
    for fault in faults:
        where = f"{folder / fault.file}:{fault.line}" if fault.line else f"{folder / fault.file}"
        print(f"{where}: {fault.message}")  # noqa: T201 (the command's result)
    if faults:
        raise typer.Exit(1)
    print(f"{folder}: right; {len(read_table(folder / PARTICIPANTS))} participants")  # noqa: T201


@app.command()
def export(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="elan: a folder; csv: a file of self-reports for learning fit")],
    to: Annotated[Literal["csv", "elan"], typer.Option(help="elan needs the extra experiment")] = "csv",
) -> None:
    """Export to ELAN, or the self-reports to CSV."""
    from classmood.dataset.elan import write_elan
    from classmood.dataset.folder import read_self_reports_of
    from classmood.selfreport import write_self_reports

    if to == "elan":
        for path in write_elan(folder, out):
            print(path)  # noqa: T201 (the command's result)
    else:
        print(write_self_reports(read_self_reports_of(folder), out))  # noqa: T201 (the command's result)


@app.command()
def manipulation(folder: Folder) -> None:
    """Print whether the scenarios evoked what they meant to, by self-report."""
    from classmood.dataset.folder import read_self_reports_of
    from classmood.dataset.manipulation import check_manipulation, describe

    evoked = check_manipulation(read_self_reports_of(folder))
    if not evoked:
        raise InputError(f"{folder}: nobody chose an emotion after a scenario; a page of kind emotion asks for it")
    print(describe(evoked), end="")  # noqa: T201 (the command's result)


@app.command()
def scores(
    timeline: Annotated[Path, typer.Argument(help="timeline.csv of classmood analyze")],
    scores: Annotated[Path, typer.Argument(help="CSV with time_s and scores, by the device's clock")],
    out: Annotated[Path, typer.Option(help="the CSV to write")],
    moment: Annotated[
        list[str] | None, typer.Option(help="DEVICE_S=SESSION_S, a moment that both have seen; again for drift")
    ] = None,
    gap_s: Annotated[float, typer.Option(min=0, help="interpolate between scores no farther apart")] = 1.0,
) -> None:
    """Put scores from elsewhere beside a timeline, aligned by the session's clock."""
    from classmood.dataset.scores import Clock, add_to_timeline, fit_clock, read_scores

    clock = fit_clock([_moment(text) for text in moment]) if moment else Clock()
    print(add_to_timeline(timeline, read_scores(scores), clock, out, gap_s=gap_s))  # noqa: T201 (the command's result)
    typer.echo(
        f"session = {clock.offset_s:+.3f} s + {clock.rate:.6f} * device; moments are off by at most "
        f"{1000 * clock.residual_s:.0f} ms",
        err=True,
    )


@app.command()
def erase(folder: Folder, participant: Annotated[str, typer.Argument(help="their id, such as sub-007")]) -> None:
    """Erase all of one participant from the folder."""
    from classmood.dataset.folder import erase_participant
    from classmood.dataset.trained import forget_participant, models_of

    # Told first: were it stopped halfway, a second run would find nobody of that id, and name no model.
    for model in models_of(folder, participant):
        print(f"model that was trained on their data: {model}")  # noqa: T201 (the command's result)
    forget_participant(folder, participant)
    erase_participant(folder, participant)
    print(f"{participant} is erased from {folder}; exports made before are yours to remove")  # noqa: T201


def _moment(text: str) -> tuple[float, float]:
    device, _, session = text.partition("=")
    try:
        return float(device), float(session)
    except ValueError:
        raise InputError(f"--moment: expected DEVICE_S=SESSION_S such as 12.5=3.2, got {text!r}") from None
