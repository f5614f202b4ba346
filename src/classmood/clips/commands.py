"""`classmood dataset build`. Thin."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def build(
    dataset: Annotated[Path, typer.Argument(help="the dataset's folder")],
    out: Annotated[Path, typer.Option(help="the folder of crops to write, or to go on with")],
    label: Annotated[
        Literal["scenario", "self-report", "agreement"],
        typer.Option(help="scenario: what was meant; self-report: what was said; agreement: where both are the same"),
    ] = "scenario",
    fps: Annotated[float, typer.Option(min=0.1, help="frames looked at a second")] = 4.0,
    folds: Annotated[int, typer.Option(min=2, help="no participant is in two")] = 5,
    least_face_px: Annotated[float, typer.Option(min=1, help="height of a face")] = 40.0,
    least_score: Annotated[float, typer.Option(min=0, max=1, help="of the face detector")] = 0.6,
    least_sharpness: Annotated[float, typer.Option(min=0, help="of a crop; see docs/guides/own-data.md")] = 0.03,
    least_frames: Annotated[int, typer.Option(min=2, help="good frames in a clip")] = 3,
) -> None:
    """Cut a study's videos into labelled crops to train on."""
    from classmood.clips.build import BuildSettings
    from classmood.clips.build import build as cut
    from classmood.clips.quality import QualityLimits

    quality = QualityLimits(least_face_px, least_score, least_sharpness, least_frames)
    settings = BuildSettings(label, fps, quality, folds)
    made = cut(dataset, out, settings, progress=lambda line: typer.echo(line, err=True))
    left_out = made.made["left_out"]
    typer.echo(
        f"{len(made.clips)} clips of {len(made.participants)} participants in {len(made.folds)} folds, {left_out} left "
        f"out; labels: {', '.join(f'{name or chr(8211)} {n}' for name, n in made.made['labels'].items())}",
        err=True,
    )
    print(out / "manifest.csv")  # noqa: T201 (the command's result)
