"""What every Python adapter speaks, so that the benchmark needs to know nothing of any library.

    python ADAPTER.py predict MANIFEST KIND OUT [VARIANT]   # KIND: crops (the image is one face) or photos (find it)
    python ADAPTER.py time FRAME MANIFEST [VARIANT]         # answers "faces" and "frame" on standard input

``predict`` writes a row an image: its path and the probabilities of the seven classes, empty where no face was found.
``time`` answers each request with a line of JSON: milliseconds, and how many faces. Runs in the peer's own environment,
so it needs nothing but numpy and OpenCV.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

CLASSES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear")
SPELLINGS = {
    "neutral": "neutral",
    "happiness": "happiness",
    "happy": "happiness",
    "surprise": "surprise",
    "surprised": "surprise",
    "sadness": "sadness",
    "sad": "sadness",
    "anger": "anger",
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
}
# As many faces as a frame of the timing holds: they go through a recogniser together where it takes several.
TOGETHER = 20
WARM_UPS = 3
# Marks an answer among whatever a library prints.
ANSWER = "@answer "

Probabilities = dict[str, float]
Box = tuple[float, float, float, float]


class Recogniser(Protocol):
    """One library. Images are BGR, as OpenCV reads them."""

    def faces(self, crops: list[np.ndarray]) -> list[Probabilities]:
        """The probabilities of each crop, by the library's own class names."""

    def find(self, photo: np.ndarray) -> list[tuple[Box, Probabilities]] | None:
        """Every face as x, y, width and height in px with its probabilities; None where the library has no detector."""


def row(probabilities: Probabilities) -> list[float]:
    """Probabilities in the order of ``CLASSES``; a class that is none of them (contempt) is left out."""
    ours = {SPELLINGS[name.lower()]: value for name, value in probabilities.items() if name.lower() in SPELLINGS}
    return [float(ours[name]) for name in CLASSES]


def largest(found: list[tuple[Box, Probabilities]]) -> Probabilities | None:
    """The probabilities of the face with the largest box."""
    return max(found, key=lambda face: face[0][2] * face[0][3])[1] if found else None


def read(path: str) -> np.ndarray:
    image = cv2.imread(path)
    if image is None:
        raise SystemExit(f"{path}: cannot be read as an image")
    return image


def read_paths(manifest: str) -> list[str]:
    with Path(manifest).open(newline="", encoding="utf-8") as file:
        return [entry["path"] for entry in csv.DictReader(file)]


def predict(recogniser: Recogniser, manifest: str, kind: str, out: str) -> None:
    """Write a row an image. Photos that a library without a detector gets are one face as a whole, as it takes them."""
    paths = read_paths(manifest)
    answers: list[Probabilities | None] = []
    for start in range(0, len(paths), TOGETHER):
        images = [read(path) for path in paths[start : start + TOGETHER]]
        if kind == "crops":
            answers += recogniser.faces(images)
            continue
        for image in images:
            found = recogniser.find(image)
            answers.append(recogniser.faces([image])[0] if found is None else largest(found))
    with Path(out).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", *CLASSES])
        for path, answer in zip(paths, answers, strict=True):
            writer.writerow([path, *(f"{value:.6g}" for value in row(answer))] if answer else [path, *[""] * 7])


def answer_timings(recogniser: Recogniser, frame_path: str, manifest: str) -> None:
    """Time one request after the other. Reading and decoding images is no part of it."""
    frame = read(frame_path)
    crops = [read(path) for path in read_paths(manifest)]
    for _ in range(WARM_UPS):
        recogniser.faces(crops)
        recogniser.find(frame)
    print(ANSWER + json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        found = recogniser.faces(crops) if line.strip() == "faces" else recogniser.find(frame)
        spent_ms = (time.perf_counter() - started) * 1000
        answer = {"ms": spent_ms, "faces": len(found)} if found is not None else {"ms": None, "faces": None}
        print(ANSWER + json.dumps(answer), flush=True)


def serve(recogniser: Recogniser, arguments: list[str]) -> None:
    """Do what the command line asks for."""
    if arguments[0] == "predict":
        predict(recogniser, *arguments[1:4])
    else:
        answer_timings(recogniser, *arguments[1:3])


def variant(arguments: list[str]) -> str:
    """The last argument of the command line where it names a variant of the library, or nothing."""
    places = {"predict": 4, "time": 3}
    rest = arguments[places[arguments[0]] :]
    return rest[0] if rest else ""
