"""Images a second in training: forward, backward and step, by precision, layout of the work and stem.

    python benchmarks/training_speed.py --markdown out/training-speed.md --json out/training-speed.json
    python benchmarks/training_speed.py --only narrow --compile

One thread, as each process of ``torchrun`` has one. Every form is a row; rounds go by turns over all of them, so that a
busy moment of the machine falls on all alike, and a row's figure is the median of its steps. ``speed-up`` is against
float32 as PyTorch runs it without more ado (contiguous, eager) for the same stem.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from classmood.machine import machine
from classmood.training.resnet import EmotionNetwork, NetworkSettings

BATCH, ROUNDS = 128, 5
PLAIN = {"lip_order": "", "sge_groups": 0, "srm": False, "fusion": (4,)}
STEMS = ("deep", "narrow", "half")


@dataclass(frozen=True)
class Form:
    """One way of training one network."""

    stem: str
    modules: bool
    precision: str
    channels_last: bool
    compiled: bool


@dataclass(frozen=True)
class Speed:
    """A form's figures; the first step of a compiled form holds the compiling."""

    form: Form
    ms_an_image: float
    images_a_second: float
    first_step_s: float


def forms(stem: str, compiled: bool) -> list[Form]:
    """The forms of one stem, the plainest first."""
    rows = [
        Form(stem, True, "float32", False, False),
        Form(stem, True, "float32", True, False),
        Form(stem, True, "bfloat16", True, False),
    ]
    rows += [Form(stem, True, "bfloat16", True, True)] if compiled else []
    return [*rows, Form(stem, False, "bfloat16", True, False)]


def stepper(form: Form) -> Callable[[], float]:
    """A function that takes one training step and returns its seconds."""
    torch.manual_seed(0)
    settings = NetworkSettings(stem=form.stem, **({} if form.modules else PLAIN))  # type: ignore[arg-type]
    network = EmotionNetwork(settings).train()
    layout = torch.channels_last if form.channels_last else torch.contiguous_format
    network = network.to(memory_format=layout)  # type: ignore[call-overload]
    model = torch.compile(network) if form.compiled else network
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    images = torch.randn(BATCH, 1, 48, 48).contiguous(memory_format=layout)
    target = torch.rand(BATCH, 8).softmax(1)

    def step() -> float:
        started = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=form.precision == "bfloat16"):
            logits = model(images)
        functional.cross_entropy(logits.float(), target).backward()
        optimizer.step()
        return time.perf_counter() - started

    return step


def measure(rows: list[Form]) -> list[Speed]:
    """Time all forms by turns."""
    steps = [stepper(form) for form in rows]
    first = [step() for step in steps]
    spent: list[list[float]] = [[] for _ in rows]
    for _ in range(ROUNDS):
        for step, seconds in zip(steps, spent, strict=True):
            seconds.append(step())
    medians = [float(np.median(seconds)) for seconds in spent]
    return [
        Speed(form, round(s / BATCH * 1e3, 2), round(BATCH / s, 1), round(f, 1))
        for form, s, f in zip(rows, medians, first, strict=True)
    ]


def describe(measured: list[Speed]) -> list[str]:
    """A Markdown table."""
    lines = [
        "| stem | modules | precision | layout | ms an image | images a second | speed-up |",
        "|---|---|---|---|--:|--:|--:|",
    ]
    start: dict[str, float] = {}
    for speed in measured:
        form = speed.form
        base = start.setdefault(form.stem, speed.ms_an_image)
        layout = "channels last" if form.channels_last else "contiguous"
        layout += f", compiled (first step {speed.first_step_s:.0f} s)" if form.compiled else ""
        gain = f"{base / speed.ms_an_image:.2f}" if form.modules else "-"
        lines.append(
            f"| {form.stem} | {'all' if form.modules else 'none'} | {form.precision} | {layout} | "
            f"{speed.ms_an_image:.1f} | {speed.images_a_second:.0f} | {gain} |"
        )
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=STEMS, help="one stem alone")
    parser.add_argument(
        "--compile", action="store_true", help="the compiled form too; needs a C++ compiler and minutes"
    )
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    stems = (given.only,) if given.only else STEMS
    speeds = measure([form for stem in stems for form in forms(stem, given.compile)])
    stamp = {"machine": machine(1), "date": datetime.now(UTC).strftime("%Y-%m-%d"), "batch": BATCH}
    text = "\n".join([*describe(speeds), "", f"Batch {BATCH}, one thread. {stamp['machine']}, {stamp['date']}."]) + "\n"
    print(text)
    rows_out = json.dumps({**stamp, "forms": [asdict(speed) for speed in speeds]}, indent=2) + "\n"
    for file, content in ((given.markdown, text), (given.json, rows_out)):
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
