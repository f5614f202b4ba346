"""The recogniser in the page: analyses a second on one core, and how far it is from Python's.

    python benchmarks/browser.py pace [--data ../shared/data/london] [--core 0] [--json out/pace.json]
    python benchmarks/browser.py parity [--frames 136] [--json out/parity.json]

``pace`` pins Chromium, all its processes and this one to one core and hands over a stream of camera frames: a portrait
that sways before a wall, 640x480 and 1280x720. ``parity`` compares probabilities, valence, arousal and dominance from
single frames of London portraits with Python's, where Python runs the shipped files and where it runs the page's. Needs
Chromium, and the extras [train] and [dev].
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import Page

from classmood.classifier import Classifier
from classmood.crops import make_crops
from classmood.detectors import CenterFace
from classmood.machine import machine

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "tests")]

from camera_frames import SIZES, before_a_wall, london_frames, png  # noqa: E402
from chromium import chromium  # noqa: E402
from page_server import serve  # noqa: E402

WEB_MODELS = ROOT / "src" / "classmood" / "models" / "web"
FRAMES = 24
PATIENCE_MS = 600_000


@contextmanager
def parity_page(memory: dict[str, bytes]) -> Iterator[Page]:
    """web/tests/parity, built and open in Chromium."""
    from test_recognition_parity import load

    load("model_build").provide_web_models(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        npm = load("page_build").install(ROOT / "web")
        arguments = ("--config", "tests/parity/vite.config.ts", "--outDir", folder)
        npm.run("exec", "--", "vite", "build", *arguments, failure="the parity page")
        with serve({"": Path(folder), "models": WEB_MODELS}, memory) as origin, chromium() as browser:
            page = browser.new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.goto(origin)
            page.wait_for_function("() => globalThis.parity !== undefined")
            yield page


def swaying(portrait: np.ndarray, size: tuple[int, int]) -> list[np.ndarray]:
    """A person before a camera who is never quite still; there and back."""
    half = [
        before_a_wall(portrait, size, 0.7, np.random.default_rng(1), at=0.4 + 0.004 * i) for i in range(FRAMES // 2)
    ]
    return [*half, *reversed(half)]


def pace(data: Path, core: int) -> dict[str, Any]:
    """Analyses a second, and milliseconds by part, for both sizes of frame."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    portrait = read_portrait(data)
    memory: dict[str, bytes] = {}
    found: dict[str, Any] = {}
    with parity_page(memory) as page:
        page.evaluate("() => parity.open('/models')")
        for size in SIZES:
            for i, frame in enumerate(swaying(portrait, size)):
                memory[f"frames/{i}.png"] = png(frame)
            urls = [f"/frames/{i}.png" for i in range(FRAMES)]
            looks = page.evaluate("([urls]) => parity.pace(urls, 120)", [urls])
            ms = np.array([look["ms"] for look in looks])
            parts = page.evaluate("([urls]) => parity.parts('/models', urls, 120)", [urls])
            found[f"{size[0]}x{size[1]}"] = {
                "faces": sum(look["face"] for look in looks),
                "analyses": len(ms),
                "a_second": round(1000 * len(ms) / ms.sum(), 1),
                "first_ms": round(ms[0], 1),
                "median_ms": round(float(np.median(ms)), 1),
                "p95_ms": round(float(np.quantile(ms, 0.95)), 1),
                "median_ms_by_part": {name: round(float(np.median(values)), 1) for name, values in parts.items()},
                "mean_ms_by_part": {name: round(float(np.mean(values)), 1) for name, values in parts.items()},
            }
            print(json.dumps(found, indent=2), flush=True)
    return found


def read_portrait(data: Path) -> np.ndarray:
    import cv2

    return np.ascontiguousarray(cv2.imread(str(sorted(data.glob("*.jpg"))[0]))[:, :, ::-1])


def parity(data: Path, count: int) -> dict[str, Any]:
    """How far the page is from Python, which runs the shipped files or the page's."""
    frames = list(london_frames(data, count))
    memory = {f"frames/{i}.png": png(frame) for i, frame in enumerate(frames)}
    with parity_page(memory) as page:
        page.evaluate("() => parity.open('/models')")
        urls = [f"/frames/{i}.png" for i in range(count)]
        shown = page.evaluate("([urls]) => parity.fromFrames(urls, false)", [urls])
    found: dict[str, Any] = {"frames": count}
    for files, detector, classifier in (
        ("shipped", CenterFace(), Classifier()),
        ("page", CenterFace(WEB_MODELS / "detector.onnx"), Classifier(WEB_MODELS / "emotion.onnx")),
    ):
        apart, vad, other = [], [], 0
        for frame, one in zip(frames, shown, strict=True):
            faces = detector.detect(frame)
            if not len(faces) or one is None:
                other += bool(len(faces)) != (one is not None)
                continue
            largest = np.array([np.argmax(faces.boxes_px[:, 2] * faces.boxes_px[:, 3])])
            emotions = classifier(make_crops(frame, faces.take(largest)))
            apart.append(float(np.abs(emotions.ferplus[0] - one["p"]).max()))
            vad.append(float(np.abs(emotions.vad[0] - one["vad"]).max()))
        found[files] = {
            "compared": len(apart),
            "found_by_one_only": other,
            "probability": spread(apart),
            "over_0.03": sum(d > 0.03 for d in apart),
            "vad": spread(vad),
        }
        print(files, json.dumps(found[files]), flush=True)
    return found


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and maximum."""
    return {
        "median": round(float(np.median(values)), 4),
        "p95": round(float(np.quantile(values, 0.95)), 4),
        "max": round(float(np.max(values)), 4),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("pace", "parity"))
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "london")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--frames", type=int, default=136)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    what = (
        pace(arguments.data, arguments.core) if arguments.what == "pace" else parity(arguments.data, arguments.frames)
    )
    what |= {"machine": machine(1), "load": round(psutil.getloadavg()[0], 1)}
    print(json.dumps(what, indent=2))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(what, indent=2) + "\n")
