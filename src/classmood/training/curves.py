"""The curves of a training run as a picture, from its metrics.jsonl."""

from __future__ import annotations

import json
from pathlib import Path

from classmood.errors import InputError, MissingExtra


def draw_curves(metrics: Path, picture: Path) -> None:
    """Draw loss and held-out accuracy against the epoch.

    Raises:
        InputError: there are no metrics yet.
        MissingExtra: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("drawing curves", "train") from error
    rows = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()] if metrics.is_file() else []
    if not rows:
        raise InputError(f"{metrics}: no finished epoch to draw")
    epochs = [row["epoch"] for row in rows]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    losses, accuracy = figure.subplots(1, 2)
    losses.plot(epochs, [row["loss"] for row in rows], label="training", color="#0072B2")
    if "held_loss" in rows[-1]:
        losses.plot(epochs, [row["held_loss"] for row in rows], "--", label="held out", color="#D55E00")
        accuracy.plot(epochs, [100 * row["held_accuracy"] for row in rows], "--", color="#D55E00")
    losses.set(xlabel="epoch", ylabel="cross-entropy to the votes")
    losses.legend()
    accuracy.set(xlabel="epoch", ylabel="held-out accuracy (%)")
    for axes in (losses, accuracy):
        axes.grid(alpha=0.3)
    figure.savefig(picture, dpi=150)
