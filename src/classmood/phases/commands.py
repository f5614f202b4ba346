"""`classmood phases ...`: read a session along the four phases of the paper's Figure 3. Thin."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from classmood.errors import InputError


def phases(
    timeline: Annotated[Path, typer.Argument(help="timeline.csv of classmood analyze, or its folder")],
    events: Annotated[Path, typer.Option(help="CSV: time_s,kind,label,duration_s,value,person")],
    out: Annotated[Path, typer.Option(help="folder for phases.svg, locked.svg, locked.csv; agreement.md of a study")],
    kind: Annotated[str, typer.Option(help="lock to stimuli of this kind alone: slide, question, scenario, mark")] = "",
    before_s: Annotated[float, typer.Option(min=0.1, help="how long before an onset is how it was")] = 5.0,
    after_s: Annotated[float, typer.Option(min=0.1, help="how long after an onset is looked at")] = 20.0,
    step_s: Annotated[float, typer.Option(min=0.1, help="length of the steps")] = 1.0,
) -> None:
    """Read a session along stimulus, cognition, physical response and emotion (Figure 3)."""
    from classmood.agreement import agreement_of_timeline
    from classmood.markdown import csv_text, write_text
    from classmood.phases.events import read_events
    from classmood.phases.locked import follow, lock
    from classmood.phases.picture import draw_locked, draw_session
    from classmood.phases.responses import MEASURES, responses
    from classmood.timeline import read_timeline, timeline_path

    happened = read_events(events)
    recognised = read_timeline(timeline)
    found = responses(recognised, step_s)
    onsets = [e.time_s for e in happened if e.phase == "stimulus" and kind in ("", e.kind)]
    if not onsets:
        raise InputError(f"{events}: no stimulus{f' of kind {kind}' if kind else ''}; nothing to lock to")
    locked = lock(found, onsets, before_s=before_s, after_s=after_s)
    header = ["measure", "lag_s", "people", "mean", "low", "high", "p_measure"]
    rows = [
        [m, float(lag), int(n), float(mean), float(low), float(high), float(locked.p_values[i])]
        for i, m in enumerate(MEASURES)
        for lag, n, mean, low, high in zip(
            locked.lags_s, locked.people[i], locked.mean[i], locked.low[i], locked.high[i], strict=True
        )
    ]
    write_text(out / "locked.csv", csv_text(header, rows))
    if agreement := agreement_of_timeline(recognised, timeline_path(timeline)):
        write_text(out / "agreement.md", f"# Recognised against reported\n\n{agreement.markdown()}")
    draw_session(found, happened, out / "phases.svg", name=timeline.stem)
    # Answers follow the stimuli that the curves are locked to, not whatever came between.
    shown = [event for event in happened if event.phase != "stimulus" or kind in ("", event.kind)]
    draw_locked(locked, follow(shown, after_s=after_s), out / "locked.svg", label=kind or "stimulus")
    print(out / "phases.svg")  # noqa: T201 (the command's result)
