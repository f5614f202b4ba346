"""What the face detector finds, and what it costs.

    python benchmarks/detector.py --data ../shared/data/london --videos out/videos --json out/detector.json

Prints and writes: faces found in every London photo; in photos cropped to the face; at ever smaller sizes; false faces
where there are none (pictures of scikit-image, noise); the share of visible face-instants found in class videos with
known truth (``class20.mp4`` and every ``NAME.mp4`` with ``NAME_truth.csv`` in the folder of videos, as
``make_class_video.py`` composes them), the false ones, and milliseconds a frame; milliseconds by working size.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import psutil

from classmood.boxes import SCORE
from classmood.centerface import CenterFaceNetwork
from classmood.detectors import CenterFace, SizingDetector
from classmood.faces import Faces
from classmood.frames import read_frames
from classmood.scales import survey_scales

Figures = dict[str, float | int | str]
# In the composed videos a face is 0.43 of its tile high; what is far from that, or off the middle, is another thing.
FACE_HEIGHTS = (0.25, 0.75)


def read_rgb(path: Path) -> np.ndarray:
    """An image file as RGB."""
    return np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1])


def photos(detector: SizingDetector, london: Path) -> Figures:
    """Every photo holds one face."""
    counts = [len(detector.detect(read_rgb(path))) for path in sorted(london.glob("*.jpg"))]
    return {
        "photos": len(counts),
        "missed": sum(count == 0 for count in counts),
        "more_than_one": sum(count > 1 for count in counts),
    }


def cropped(detector: SizingDetector, london: Path, share: float, side_px: int) -> Figures:
    """Photos cut to a share of the face's box and resized to a height: the face fills the frame or is cut by it."""
    found, extra, score = [], [], []
    for path in sorted(london.glob("*.jpg"))[::3]:
        image = read_rgb(path)
        x, y, width, height = detector.detect(image).boxes_px[0]
        left, top = max(0, int(x + width * (1 - share) / 2)), max(0, int(y + height * (1 - share) / 2))
        face = image[top : int(top + height * share), left : int(left + width * share)]
        face = cv2.resize(face, (round(face.shape[1] * side_px / face.shape[0]), side_px))
        for faces in (detector.detect(face), detector.follow().detect(face)):
            found.append(len(faces) >= 1)
            extra.append(max(0, len(faces) - 1))
            score.append(float(faces.scores.max(initial=0)))
    return {
        "share": share,
        "height_px": side_px,
        "found": float(np.mean(found)),
        "extra": sum(extra),
        "score": min(score),
    }


def tiny(detector: SizingDetector, london: Path, height_px: int, size: tuple[int, int]) -> Figures:
    """A single small face somewhere in a large grey frame."""
    rng = np.random.default_rng(height_px)
    found, extra = 0, 0
    paths = sorted(london.glob("*.jpg"))[::8]
    for path in paths:
        side = round(height_px / 0.435)
        photo = cv2.resize(read_rgb(path), (side, side), interpolation=cv2.INTER_AREA)
        frame = np.full((size[1], size[0], 3), 90, np.uint8)
        x, y = int(rng.integers(0, size[0] - side)), int(rng.integers(0, size[1] - side))
        frame[y : y + side, x : x + side] = photo
        faces = detector.detect(frame)
        middle = faces.boxes_px[:, :2] + faces.boxes_px[:, 2:] / 2 - [x, y]
        inside = ((middle > 0.2 * side) & (middle < 0.8 * side)).all(1)
        found += bool(inside.any())
        extra += int((~inside).sum())
    return {"face_px": height_px, "frame": f"{size[0]}x{size[1]}", "found": found / len(paths), "extra": extra}


def nothing(detector: SizingDetector) -> Figures:
    """Pictures without a face: the highest score and what passes for a face."""
    import skimage.data

    names = "brick cell chelsea coffee coins grass gravel moon page retina rocket text clock colorwheel horse"
    rng = np.random.default_rng(0)
    images = [np.asarray(getattr(skimage.data, name)()) for name in names.split()]
    images += [rng.integers(0, 256, (720, 1280, 3), np.uint8) for _ in range(3)]
    images += [np.full((720, 1280, 3), level, np.uint8) for level in (0, 128, 255)]
    images += [cv2.resize(rng.integers(0, 256, (n, n, 3), np.uint8), (800, 800)) for n in (8, 20, 50)]
    best, false = 0.0, 0
    for image in images:
        grey = image.astype(np.uint8) * 255 if image.dtype == bool else image
        rgb = np.ascontiguousarray(grey[:, :, :3] if grey.ndim == 3 else np.repeat(grey[:, :, None], 3, 2))
        scores = detector.look(rgb, survey_scales(rgb), threshold=0.05)[:, SCORE]
        best, false = max(best, float(scores.max(initial=0))), false + len(detector.detect(rgb))
    return {"images": len(images), "false_faces": false, "highest_score": best}


def class_video(detector: SizingDetector, video: Path, grid: tuple[int, int], rate_hz: float) -> Figures:
    """Visible face-instants found in a composed class, against its truth."""
    with video.with_name(f"{video.stem}_truth.csv").open(newline="", encoding="utf-8") as file:
        truth = list(csv.DictReader(file))
    swap_s = float(truth[0]["swap_s"])
    people = {row["subject"]: (int(row["tile_before_swap"]), int(row["tile_after_swap"])) for row in truth}
    off = [row for row in truth if row["state"] == "camera_off"]
    follower = detector.follow()
    visible = found = false = twice = frames = 0
    spent, sizes = [], []
    for frame in read_frames(video, fps=rate_hz):
        started = time.perf_counter()
        faces = follower.detect(frame.image)
        spent.append(time.perf_counter() - started)
        sizes.append(round(follower.scales[0], 3))
        height, width = frame.image.shape[0] // grid[0], frame.image.shape[1] // grid[1]
        hits = _by_tile(faces, grid, width, height)
        dark = {r["subject"] for r in off if float(r["start_s"]) <= frame.time_s < float(r["end_s"])}
        shown = {tiles[frame.time_s >= swap_s] for subject, tiles in people.items() if subject not in dark}
        visible += len(shown)
        found += len(shown & set(hits))
        twice += len(hits) - len(set(hits))
        false += len(faces) - len(hits) + len(set(hits) - shown)
        frames += 1
    return {
        "video": video.name,
        "frames": frames,
        "visible": visible,
        "missed": visible - found,
        "found": found / visible,
        "false": false,
        "twice": twice,
        "median_ms": float(np.median(spent) * 1000),
        "mean_ms": float(np.mean(spent) * 1000),
        "working_scales": ", ".join(map(str, dict.fromkeys(sizes))),
    }


def _by_tile(faces: Faces, grid: tuple[int, int], width: int, height: int) -> list[int]:
    """The tile of each face that lies and measures as a tile's face does."""
    tiles = []
    for x, y, w, h in faces.boxes_px.tolist():
        column, row = (x + w / 2) / width, (y + h / 2) / height
        central = abs(column % 1 - 0.5) < 0.25 and abs(row % 1 - 0.5) < 0.25
        if central and FACE_HEIGHTS[0] <= h / height <= FACE_HEIGHTS[1]:
            tiles.append(int(row) * grid[1] + int(column))
    return tiles


def cost(threads: int) -> list[Figures]:
    """Milliseconds of the network with its read-out by working size."""
    network = CenterFaceNetwork(threads=threads)
    rng = np.random.default_rng(0)
    rows: list[Figures] = []
    for width, height in ((320, 224), (480, 288), (640, 384), (736, 416), (960, 544), (1280, 736)):
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
        rows.append({"size": f"{width}x{height}", "ms": _fastest(lambda image=image: network(image, threshold=0.25))})
    return rows


def _fastest(work: Callable[[], object], times: int = 12) -> float:
    """The shortest of several runs, in ms: others' work on the machine can only lengthen a run."""
    work()
    best = np.inf
    for _ in range(times):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return float(best * 1000)


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the London set")
    parser.add_argument("--videos", type=Path, help="folder of more class videos; a grid as 7x7 is read off the name")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    detector = CenterFace(threads=given.threads)
    videos = [(given.data / "class20.mp4", (4, 5))]
    for video in sorted(given.videos.glob("*.mp4")) if given.videos else []:
        rows, columns = video.stem.split("_")[0].split("x")
        videos.append((video, (int(rows), int(columns))))
    result = {
        "machine": f"{platform.processor() or platform.machine()}, {psutil.cpu_count(logical=False)} cores",
        "photos": photos(detector, given.data),
        "cropped": [cropped(detector, given.data, s, h) for s in (1.0, 0.9, 0.8) for h in (120, 360, 720, 1080)],
        "tiny": [
            tiny(detector, given.data, h, s) for s in ((1280, 720), (1918, 1078)) for h in (16, 20, 24, 28, 32, 40)
        ],
        "nothing": nothing(detector),
        "videos": [class_video(detector, video, grid, 5.0) for video, grid in videos],
        "cost": cost(given.threads),
        "peak_memory_mb": round(_peak_bytes() / 1e6),
    }
    print(json.dumps(result, indent=2))
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _peak_bytes() -> int:
    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):  # Windows
        return int(memory.peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if platform.system() == "Darwin" else peak * 1024)


if __name__ == "__main__":
    main()
