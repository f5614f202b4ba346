"""London photos through `evaluate --input photos`: what the model says of 102 adults, neutral and smiling.

    python benchmarks/london.py --data ../shared/data/london --json out/london.json

The recogniser is not tuned on this set; tracking's limits were set on 40 of its people (decision 7). Prints: faces
missed; the share of people whose joy is higher in the smiling photo; the ROC AUC of joy; accuracy by arg-max over all
classes; neutral faces that were given an emotion.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from pathlib import Path

import numpy as np

from classmood.classifier import Classifier
from classmood.detectors import CenterFace
from classmood.emotions import FERPLUS_CLASSES
from classmood.evaluation import Evaluation, evaluate
from classmood.manifest import read_manifest


def write_manifest(london: Path, path: Path) -> None:
    """A manifest of every photo, with the set's own columns to group by."""
    with (london / "london.csv").open(newline="", encoding="utf-8") as file:
        people = list(csv.DictReader(file))
    groups = [name for name in people[0] if name not in ("path", "label", "file", "expression")]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", *groups])
        for person in {row["subject"]: row for row in people}.values():
            for expression in ("neutral", "smiling"):
                photo = (london / f"{person['subject']}_{expression}.jpg").resolve()
                writer.writerow([photo, expression, *(person[name] for name in groups)])


def figures(evaluation: Evaluation) -> dict[str, float | int]:
    """The figures of the docs, from what each photo got."""
    joy = evaluation.emotions.ferplus[:, FERPLUS_CLASSES.index("happiness")]
    smiling = np.array([entry.label == "smiling" for entry in evaluation.entries])
    pairs: dict[str, dict[str, float]] = {}
    for entry, value in zip(evaluation.entries, joy, strict=True):
        pairs.setdefault(entry.groups["subject"], {})[entry.label] = float(value)
    rises = [pair["smiling"] > pair["neutral"] for pair in pairs.values()]
    return {
        "photos": evaluation.scores.n,
        "faces_missed": evaluation.scores.faces_not_found,
        "people": len(rises),
        "joy_higher_when_smiling": float(np.mean(rises)),
        "joy_roc_auc": roc_auc(joy[smiling], joy[~smiling]),
        "accuracy": evaluation.scores.accuracy,
        "recall_smiling": evaluation.scores.recall["happiness"],
        "recall_neutral": evaluation.scores.recall["neutral"],
        "ece": evaluation.scores.ece,
    }


def roc_auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Chance that a positive scores above a negative, ties counting half."""
    above = (positive[:, None] > negative[None]).mean() + 0.5 * (positive[:, None] == negative[None]).mean()
    return float(above)


def measure(london: Path, model: str) -> dict[str, float | int]:
    """Evaluate a model on all photos."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder, "london.csv")
        write_manifest(london, manifest)
        result = evaluate(read_manifest(manifest), Classifier(model), input_kind="photos", detector=CenterFace())
    return figures(result)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/london"))
    parser.add_argument("--model", default="emotion-resnet18-int8")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = measure(given.data, given.model)
    for name, value in found.items():
        print(f"{name:<26} {value:.4f}" if isinstance(value, float) else f"{name:<26} {value}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
