"""Where FER2013 has its landmarks, and which runtime crop comes nearest to FER2013's own.

    python benchmarks/crop_template.py --data ../shared/data/ferplus

Training crops are enlarged three times and padded, the shipped detector finds the face, and (1) the median landmarks
are printed as a template, mirrored and averaged; (2) on the held-out fold of the training split the face is cut out
again in several ways, and the model's accuracy is compared with that on the crop as it came. No test split and no
London photo is looked at.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from classmood.classifier import Classifier
from classmood.crops import TEMPLATE_PX, fit_similarity, make_crops
from classmood.detectors import CenterFace
from classmood.faces import Faces
from classmood.training.datasets import load_training

ENLARGE, PADDING_PX = 3, 56
MIRROR = [1, 0, 2, 4, 3]


def photo_of(crop: np.ndarray) -> np.ndarray:
    """A crop as it might have stood in a photo."""
    large = cv2.resize(crop, None, fx=ENLARGE, fy=ENLARGE, interpolation=cv2.INTER_CUBIC)
    padded = cv2.copyMakeBorder(large, *[PADDING_PX] * 4, cv2.BORDER_REPLICATE)
    return np.repeat(padded[..., None], 3, 2)


def box_crop(scale: float) -> Callable[[np.ndarray, Faces], np.ndarray]:
    """Cut a square of ``scale`` times the box's longer side around its centre."""

    def cut(image: np.ndarray, faces: Faces) -> np.ndarray:
        x, y, w, h = faces.boxes_px[0]
        side = scale * max(w, h)
        zoom = 48 / side
        matrix = np.array([[zoom, 0, -zoom * (x + w / 2 - side / 2)], [0, zoom, -zoom * (y + h / 2 - side / 2)]])
        return cv2.warpAffine(image[..., 0], matrix, (48, 48), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)

    return cut


def eyes_and_mouth(image: np.ndarray, faces: Faces) -> np.ndarray:
    """Align by the eyes and the middle of the mouth alone."""
    points = faces.landmarks_px.astype(np.float64)
    middle = points[:, 3:].mean(1, keepdims=True)
    source = np.concatenate([points[:, :2], middle, middle, middle], 1)
    target = np.concatenate([TEMPLATE_PX[:2], np.repeat(TEMPLATE_PX[3:].mean(0, keepdims=True), 3, 0)])
    matrix = fit_similarity(source, target)[0]
    return cv2.warpAffine(image[..., 0], matrix, (48, 48), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def main(data: Path, count: int, model: str) -> dict[str, object]:
    """Measure and print."""
    training, held = load_training("ferplus", data).split(0.06)
    detector, classifier = CenterFace(), Classifier(model)
    chosen = np.random.default_rng(0).choice(len(training), min(count, len(training)), replace=False)
    found = []
    for crop in training.images[chosen]:
        faces = detector.detect(photo_of(crop))
        if len(faces) == 1:
            # Pixel centres are whole numbers: (x + 0.5) / 3 - 0.5 undoes the enlarging.
            found.append((faces.landmarks_px[0] - PADDING_PX + 0.5) / ENLARGE - 0.5)
    median = np.median(found, 0)
    mirrored = np.stack([47 - median[:, 0], median[:, 1]], 1)[MIRROR]
    template = (median + mirrored) / 2
    print(f"{len(found)} of {len(chosen)} faces found; template {template.round(1).tolist()}")

    ways: dict[str, Callable[[np.ndarray, Faces], np.ndarray]] = {
        "landmarks, five points": lambda image, faces: make_crops(image, faces)[0],
        "landmarks, eyes and mouth": eyes_and_mouth,
        **{f"box x {scale:.2f}": box_crop(scale) for scale in (0.9, 1.0, 1.12, 1.25, 1.4)},
    }
    photos = [photo_of(crop) for crop in held.images]
    faces = [detector.detect(photo) for photo in photos]
    single = [i for i, f in enumerate(faces) if len(f) == 1]
    labels = held.targets[single].argmax(1)
    accuracy = {"as it came": float((classifier.logits(held.images[single]).argmax(1) == labels).mean())}
    for name, cut in ways.items():
        crops = np.stack([cut(photos[i], faces[i]) for i in single])
        accuracy[name] = float((classifier.logits(crops).argmax(1) == labels).mean())
    print(f"held-out fold, {len(single)} of {len(held)} faces found")
    for name, value in accuracy.items():
        print(f"{name:<28} {value:.4f}")
    return {"template": template.tolist(), "held_out": len(single), "accuracy": accuracy}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/ferplus"))
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--model", default="emotion-resnet18-int8")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures = main(given.data, given.count, given.model)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
