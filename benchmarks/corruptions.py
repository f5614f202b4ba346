"""How much accuracy is lost when crops are spoiled: nine changes at five strengths, on FER+ crops.

    python benchmarks/corruptions.py --data ../shared/data/ferplus --markdown out/corruptions.md --json out/c.json
    python benchmarks/corruptions.py --data ../shared/data/ferplus --split held --model NEW.onnx --plain PLAIN.onnx

The changes are those of ``classmood.training.corruptions``, the same for every model. Accuracy is by arg-max of the
raters' votes. The mean drop is the accuracy on the crops as they are, less the mean over all changes and strengths;
with ``--plain``, a model trained without augmentation for them, it is set against that one's. ``--split held`` is the
held-out fold of the training split, to choose by; the test splits are for reporting.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from classmood.classifier import Classifier
from classmood.emotions import FERPLUS_CLASSES, NEUTRAL
from classmood.training.corruptions import CORRUPTIONS
from classmood.training.datasets import decode_grey, load_training, read_split
from classmood.training.protocol import labels

Predict = Callable[[np.ndarray], np.ndarray]
# The share that the shipped model's recipe holds out; a crop that a model was trained on says nothing of it.
HOLDOUT = 0.06


@dataclass(frozen=True)
class Robustness:
    """Shares of one model. Changes are by name, a number a strength, from the slightest.

    Attributes:
        accuracy: on the crops as they are.
        by_change: accuracy on the changed crops.
        neutral: how many of the crops as they are it calls neutral.
        neutral_by_change: the same of the changed ones; a model that is lost tends to call all neutral.
        mean_drop: accuracy lost on the mean over all changes and strengths.
    """

    model: str
    images: int
    accuracy: float
    by_change: dict[str, list[float]]
    neutral: float
    neutral_by_change: dict[str, list[float]]
    mean_drop: float


def read_crops(data: Path, split: str, take: int = 0, holdout: float = HOLDOUT) -> tuple[np.ndarray, np.ndarray]:
    """Crops and arg-max labels of a split, all or a number of them, evenly spaced."""
    if split == "held":
        _, held = load_training("ferplus", data).split(holdout)
        crops, truth = held.images, held.targets.argmax(1)
    else:
        names, encoded, votes, _ = read_split(data, split)
        crops = np.stack([decode_grey(content, name) for content, name in zip(encoded, names, strict=True)])
        truth = labels(votes, "argmax")
    chosen = np.arange(len(crops)) if not take else np.linspace(0, len(crops) - 1, min(take, len(crops))).astype(int)
    return crops[chosen], truth[chosen]


def measure(name: str, predict: Predict, crops: np.ndarray, truth: np.ndarray) -> Robustness:
    """Score a model, given as a function from crops to places of classes, on every change."""
    place = FERPLUS_CLASSES.index(NEUTRAL)
    plain = predict(crops)
    by_change: dict[str, list[float]] = {}
    neutral: dict[str, list[float]] = {}
    for corruption in CORRUPTIONS:
        said = [predict(corruption.apply(crops, strength)) for strength in range(1, 6)]
        by_change[corruption.name] = [float((one == truth).mean()) for one in said]
        neutral[corruption.name] = [float((one == place).mean()) for one in said]
    accuracy = float((plain == truth).mean())
    drop = accuracy - float(np.mean(list(by_change.values())))
    return Robustness(name, len(crops), accuracy, by_change, float((plain == place).mean()), neutral, drop)


def markdown(results: list[Robustness], split: str, plain: Robustness | None = None) -> str:
    """The tables."""
    lines = []
    for result in (*results, *([plain] if plain else [])):
        lines += [
            f"## {result.model}",
            "",
            f"{split}, {result.images} crops: accuracy {100 * result.accuracy:.1f} %, "
            f"{100 * result.neutral:.1f} % called neutral. **Mean drop {100 * result.mean_drop:.1f} points.**",
            "",
            "| accuracy, % | 1 | 2 | 3 | 4 | 5 | mean | mean drop | called neutral at 5 |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for corruption in CORRUPTIONS:
            values = result.by_change[corruption.name]
            cells = [*(f"{100 * v:.1f}" for v in values), f"{100 * np.mean(values):.1f}"]
            drop = f"{100 * (result.accuracy - np.mean(values)):.1f}"
            called = f"{100 * result.neutral_by_change[corruption.name][-1]:.1f}"
            lines.append(f"| {corruption.name} | {' | '.join([*cells, drop, called])} |")
        lines.append("")
    if plain and plain.mean_drop > 0:
        lines += [
            f"The mean drop of {result.model} is {result.mean_drop / plain.mean_drop:.2f} of that of {plain.model}."
            for result in results
        ]
        lines.append("")
    lines += ["| change | strengths 1 to 5 count |", "|---|---|"]
    lines += [f"| {c.name} | {c.unit}: {', '.join(f'{s:g}' for s in c.strengths)} |" for c in CORRUPTIONS]
    return "\n".join(lines) + "\n"


def _run(model: str, threads: int, crops: np.ndarray, truth: np.ndarray) -> Robustness:
    classifier = Classifier(model, threads=threads)
    return measure(Path(model).stem, lambda images: classifier.logits(images).argmax(1), crops, truth)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/ferplus"))
    parser.add_argument("--split", choices=("held", "public_test", "private_test"), default="private_test")
    parser.add_argument("--model", action="append", help="name or file; may be given several times")
    parser.add_argument("--plain", help="a model trained without augmentation, to set the drops against")
    parser.add_argument("--holdout", type=float, default=HOLDOUT, help="data.holdout of the model's recipe")
    parser.add_argument("--take", type=int, default=0, help="this many crops, evenly spaced; 0 for all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    faces, classes = read_crops(given.data, given.split, given.take, given.holdout)
    found = [_run(model, given.threads, faces, classes) for model in given.model or ["emotion-resnet18-int8"]]
    reference = _run(given.plain, given.threads, faces, classes) if given.plain else None
    text = markdown(found, given.split, reference)
    print(text)
    if given.markdown:
        given.markdown.write_text(text, encoding="utf-8")
    if given.json:
        content = {
            "split": given.split,
            "models": [asdict(result) for result in found],
            "plain": asdict(reference) if reference else None,
        }
        given.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
