"""How the shipped recogniser reads faces, in numbers that a simulated class can draw from.

    python benchmarks/simulated_recogniser.py --data ../shared/data/ferplus

Runs the shipped model on FER+ PrivateTest (label: the class with most votes), which it was never trained on, and writes
``src/classmood/simulation/recogniser.json``: for each class of the raters how often the model's first choice is which
class, and for each first choice how its probabilities scatter (a Dirichlet distribution with the measured mean and the
measured total variance). No image and no row of one image is kept.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from classmood.classifier import Classifier
from classmood.emotions import FERPLUS_CLASSES
from classmood.evaluation import evaluate
from classmood.manifest import read_manifest
from classmood.training.protocol import write_manifest

TARGET = Path(__file__).parents[1] / "src" / "classmood" / "simulation" / "recogniser.json"


def main(data: Path, target: Path) -> None:
    classifier = Classifier()
    with tempfile.TemporaryDirectory() as scratch:
        manifest = read_manifest(write_manifest(data, "private_test", "argmax", Path(scratch)))
        result = evaluate(manifest, classifier)
    probabilities = result.emotions.ferplus.astype(np.float64)
    actual = np.array([FERPLUS_CLASSES.index(entry.label) for entry in result.entries])
    first = probabilities.argmax(1)
    places = range(len(FERPLUS_CLASSES))
    counts = np.array([[int(np.sum((actual == a) & (first == f))) for f in places] for a in places])
    scatter = [dirichlet(probabilities[first == f]) for f in places]
    found = {
        "measured_on": "FER+ PrivateTest, class with most votes",
        "model": f"{classifier.card.name} ({classifier.card.sha256[:8]})",
        "classes": list(FERPLUS_CLASSES),
        "confidence_sharpening": round(classifier.card.votes_temperature / classifier.card.confidence_temperature, 4),
        "not_sure_below": classifier.card.not_sure_below,
        "counts": counts.tolist(),
        "scatter": [[round(float(value), 4) for value in row] for row in scatter],
    }
    lines = [f' "{name}": {_rows(value)}' for name, value in found.items()]
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(counts)
    print(np.round(np.array(scatter), 2))


def _rows(value: object) -> str:
    if isinstance(value, list) and isinstance(value[0], list):
        return "[\n" + ",\n".join(f"  {json.dumps(row)}" for row in value) + "\n ]"
    return json.dumps(value)


def dirichlet(rows: np.ndarray) -> np.ndarray:
    """Parameters with the mean and the total variance of N rows of probabilities."""
    mean, variance = rows.mean(0), rows.var(0)
    concentration = np.sum(mean * (1 - mean)) / np.sum(variance) - 1
    return np.maximum(mean * concentration, 1e-3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/ferplus"))
    parser.add_argument("--out", type=Path, default=TARGET)
    given = parser.parse_args()
    main(given.data, given.out)
