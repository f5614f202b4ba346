"""Writes recognition.json anew: what Python makes of small drawn inputs, for the page's own code to make too
(web/tests/recognition). To be run only when the preprocessing or the detector is meant to change, and said so in the
changelog; tests/web/test_model_build.py compares.

PYTHONPATH=src:tests python tests/golden/make_recognition.py
"""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from classmood.centerface import decode
from classmood.classifier import read_out, softmax
from classmood.crops import fit_similarity, make_crops, normalise
from classmood.faces import Faces
from classmood.mosaic import Mosaic
from classmood.scales import fit_side, shrink, survey_scales, working_size

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).with_name("recognition.json")
# (turn in degrees, crop pixels a picture pixel, x and y of the template's origin in the picture)
PLACES = ((0.0, 0.9, 20.0, 10.0), (20.0, 0.45, 25.0, -8.0), (-10.0, 0.2, -60.0, -70.0), (5.0, 0.33, 0.0, 5.0))
SIZES = ((640, 480), (1280, 720), (320, 240), (200, 1200))


def model_build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("model_build", ROOT / "web" / "model_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn() -> np.ndarray:
    """Rings, a ramp and a chequer, one a channel, a little out of focus."""
    y, x = np.mgrid[:72, :96].astype(np.float64)
    rings = 127.5 + 127.5 * np.sin(((x - 48) ** 2 + (y - 32) ** 2) / 200)
    ramp = (x * 255 / 95 + y * 255 / 71) / 2
    chequer = ((x // 7 + y // 5) % 2) * 200 + 20
    return cv2.GaussianBlur(np.stack([rings, ramp, chequer], 2).round().astype(np.uint8), (0, 0), 0.8)


def maps() -> dict[str, np.ndarray]:
    """Three faces on a grid of 12 x 16 cells: one clear, one beside it that is the same, one at the border."""
    rng = np.random.default_rng(3)
    r, c = np.mgrid[:12, :16]
    score = np.zeros((12, 16))
    for row, column, top in ((5, 5, 0.9), (5, 8, 0.55), (0, 15, 0.6)):
        score = np.maximum(score, top * np.exp(-((r - row) ** 2 + (c - column) ** 2) / 1.5))
    given = {
        "heatmap": score[None],
        "size": np.full((2, 12, 16), 1.8) + rng.normal(0, 0.05, (2, 12, 16)),
        "offset": rng.normal(0, 0.3, (2, 12, 16)),
        "landmarks": np.linspace(0.1, 0.9, 10)[:, None, None] + rng.normal(0, 0.02, (10, 12, 16)),
    }
    return {name: value.round(3).astype(np.float32) for name, value in given.items()}


def recognition() -> dict[str, Any]:
    """What the file holds."""
    build = model_build()
    package = ROOT / "src" / "classmood"
    detector, emotion = build.detector_card(package), build.emotion_card(package)
    image = drawn()
    template = np.array(emotion["crops"]["template_px"])
    points = (template[:, 0] + 1j * template[:, 1]) / np.array(
        [[zoom * np.exp(1j * np.deg2rad(turn))] for turn, zoom, _, _ in PLACES]
    )
    landmarks = np.stack([points.real, points.imag], 2) + np.array(PLACES)[:, None, 2:]
    landmarks = (landmarks + np.random.default_rng(1).normal(0, 1, landmarks.shape)).round(2).astype(np.float32)
    n = len(landmarks)
    crops = make_crops(image, Faces(np.zeros((n, 4), np.float32), np.ones(n, np.float32), landmarks))
    given = maps()
    logits = np.random.default_rng(2).normal(0, 2, (6, 8)).round(3).astype(np.float32)
    confidence = softmax(logits, emotion["confidence_temperature"]).max(1)
    shown = read_out(
        softmax(logits, emotion["votes_temperature"]), confidence, not_sure_below=emotion["not_sure_below"]
    )
    boxes = np.array([[10, 12, 30, 40], [30, 20, 30, 42], [150, 60, 20, 26], [200, 100, 25, 30]], np.float32)
    mosaic = Mosaic.around(boxes, (192, 256), multiple_px=32)
    found = np.concatenate([boxes, np.tile(np.arange(10, dtype=np.float32), (4, 1)), np.full((4, 1), 0.5)], 1)
    found = found.astype(np.float32)
    return {
        "constants": detector["constants"],
        "emotion": emotion,
        "image": {"width": image.shape[1], "height": image.shape[0], "rgb": text(image)},
        "grey": text(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)),
        "shrunk": [shrunk(image, scale) for scale in (0.5, 0.37, 0.2, 1.3)],
        "scales": [scales(width, height) for width, height in SIZES],
        "landmarks": landmarks.reshape(n, 10).tolist(),
        "matrices": fit_similarity(landmarks.astype(np.float64), template).tolist(),
        "crops": [text(crop) for crop in crops],
        "normalised": normalise(crops[:1])[0, 0, 0].tolist(),
        "maps": {name: value.ravel().tolist() for name, value in given.items()},
        "rows": decode(**given, threshold=0.4).tolist(),
        "boxes": boxes.tolist(),
        "mosaic": {
            "cells": mosaic.cells_px.tolist(),
            "places": mosaic.places_px.tolist(),
            "shape": list(mosaic.shape),
            "found": found.tolist(),
            "restored": mosaic.restore(found).tolist(),
            "outside": text(mosaic.outside((18, 32)).astype(np.uint8)),
        },
        "logits": logits.tolist(),
        "shown": {
            "p": shown.ferplus.tolist(),
            "vad": shown.vad.tolist(),
            "confidence": shown.confidence.tolist(),
            "not_sure": shown.not_sure.tolist(),
        },
    }


def shrunk(image: np.ndarray, scale: float) -> dict[str, Any]:
    picture, factors = shrink(image, scale)
    return {"scale": scale, "shape": list(picture.shape[:2]), "factors": list(factors), "rgb": text(picture)}


def scales(width: int, height: int) -> dict[str, Any]:
    image = np.zeros((height, width, 3), np.uint8)
    large, small = survey_scales(image)
    fitted = [fit_side(image, wanted, small, large) for wanted in (0.1, 0.33, 0.5, 2.0)]
    sizes = [list(working_size(image.shape, scale)) for scale in (0.1, 0.35, large)]
    return {"width": width, "height": height, "survey": [large, small], "fitted": fitted, "working": sizes}


def text(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, np.uint8).tobytes()).decode()


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(recognition()) + "\n", encoding="utf-8")
