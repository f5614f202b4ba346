"""How well `classmood analyze` does on composed class videos whose truth is known.

    python benchmarks/class_video.py VIDEO TRUTH.csv [VIDEO TRUTH.csv ...] --json out/class.json
    python benchmarks/class_video.py VIDEO TRUTH.csv --timeline out/timeline.csv
    python benchmarks/class_video.py --compose ../shared --folder out/videos --json out/class.json

Truth comes from ``make_class_video.py``: who sits in which tile, when each smiles, when a camera is off, when two tiles
trade places. Each video goes through ``classmood analyze --fps 5`` and its ``timeline.csv`` is scored, or, with
``--timeline``, one that is there already (its ``timeline_instants.csv`` beside it). Tiles fill the picture in rows and
columns, which are guessed from the number of tiles unless ``--rows`` and ``--cols`` say them.

- found: share of visible face-instants (a person's camera is on) with a face whose centre lies in that person's tile;
- false faces: rows in a tile whose camera is off, and second faces in a tile;
- purity: share of rows whose track belongs to the row's person, a track belonging to whom most of its rows show;
- strays: tracks with two or more rows of a second person;
- tracks a person;
- smiles: joy counts as risen above the midpoint of that person's 10th and 95th percentile where these differ by at
  least 0.1; risen spells (gaps up to 0.5 s closed, 0.4 s at least) are matched with the visible parts, of 1 s at least,
  of true smiles by overlap; the onset error is against the half amplitude, 0.3 s after the start. A smile that was on
  already when the camera came back has no onset.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np

from classmood.machine import machine

RAMP_HALF_S = 0.3
RISE_AT_LEAST = 0.1
CLOSE_GAP_S = 0.5
SPELL_AT_LEAST_S = 0.4
SMILE_AT_LEAST_S = 1.0
# rows, columns, width, height, seconds, seed, first person
COMPOSED = {
    "class12": (3, 4, 1280, 720, 60, 11, 20),
    "class25": (5, 5, 1600, 900, 60, 12, 40),
    "class20b": (4, 5, 1280, 720, 60, 13, 65),
    "class49": (7, 7, 1918, 1078, 45, 14, 0),
}

SINGLE_SEED, SINGLE_PEOPLE = 15, 10
EXPRESSIONS = ("neutral", "smiling")

Spell = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Truth:
    """Who sat where and did what: spells in seconds, tiles before and after the swap."""

    smiles: dict[str, list[Spell]]
    off: dict[str, list[Spell]]
    tiles: dict[str, tuple[int, int]]
    swap_s: float

    def person_at(self, tile: int, time_s: float) -> str | None:
        """Whose tile it is at that time; of several who use it by turns, the one whose camera is on."""
        after = time_s >= self.swap_s
        here = [person for person, tiles in self.tiles.items() if tiles[after] == tile]
        return min(here, key=lambda person: self.is_off(person, time_s), default=None)

    def is_off(self, person: str, time_s: float) -> bool:
        """Whether the person's camera is off."""
        return any(start <= time_s < end for start, end in self.off.get(person, []))


@dataclass(frozen=True, slots=True)
class Rows:
    """What is needed of a timeline: when, which track, where the face's centre is, how much joy."""

    time_s: np.ndarray
    track: np.ndarray
    x_px: np.ndarray
    y_px: np.ndarray
    joy: np.ndarray


def read_truth(path: Path) -> Truth:
    """Read make_class_video's CSV."""
    smiles: dict[str, list[Spell]] = {}
    off: dict[str, list[Spell]] = {}
    tiles: dict[str, tuple[int, int]] = {}
    swap_s = float("inf")
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            person = row["subject"]
            kind = smiles if row["state"] == "smiling" else off
            kind.setdefault(person, []).append((float(row["start_s"]), float(row["end_s"])))
            tiles[person] = (int(row["tile_before_swap"]), int(row["tile_after_swap"]))
            swap_s = float(row["swap_s"])
    return Truth(smiles, off, tiles, swap_s)


def read_rows(path: Path) -> Rows:
    """Read a timeline.csv."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    column = {name: np.array([float(row[name]) for row in rows]) for name in ("time_s", "track_id", "joy")}
    box = {name: np.array([float(row[f"box_{name}_px"]) for row in rows]) for name in "xywh"}
    centre = (box["x"] + box["w"] / 2, box["y"] + box["h"] / 2)
    return Rows(column["time_s"], column["track_id"].astype(int), *centre, column["joy"])


def score(rows: Rows, times_s: np.ndarray, truth: Truth, tile_px: tuple[int, int], columns: int) -> dict[str, float]:
    """All figures of one video.

    Args:
        rows: the timeline.
        times_s: every sampled instant.
        truth: of the video.
        tile_px: width and height of a tile.
        columns: tiles in a row.
    """
    tile = (rows.x_px // tile_px[0] + columns * (rows.y_px // tile_px[1])).astype(int)
    persons = [truth.person_at(t, s) for t, s in zip(tile.tolist(), rows.time_s.tolist(), strict=True)]
    visible = {(p, round(t, 3)) for t in times_s.tolist() for p in truth.tiles if not truth.is_off(p, t)}
    seen, false_faces = set(), 0
    for person, time_s in zip(persons, rows.time_s.tolist(), strict=True):
        key = (person, round(time_s, 3))
        if key in visible and key not in seen:
            seen.add(key)
        else:
            false_faces += 1
    result = {"people": len(truth.tiles), "instants": len(times_s), "found": len(seen) / max(len(visible), 1)}
    result |= {"false_faces": false_faces, **track_figures(rows.track, persons)}
    return result | smile_figures(rows, persons, times_s, truth)


def track_figures(track: np.ndarray, persons: list[str | None]) -> dict[str, float]:
    """Purity, strays and tracks a person."""
    counts: dict[int, dict[str, int]] = {}
    for number, person in zip(track.tolist(), persons, strict=True):
        if person is not None:
            of_track = counts.setdefault(number, {})
            of_track[person] = of_track.get(person, 0) + 1
    rows = sum(sum(c.values()) for c in counts.values())
    pure = sum(max(c.values()) for c in counts.values())
    strays = sum(len(c) > 1 and sorted(c.values())[-2] >= 2 for c in counts.values())
    people = {person for person in persons if person is not None}
    return {
        "purity": pure / max(rows, 1),
        "strays": strays,
        "tracks_a_person": len(counts) / max(len(people), 1),
    }


def smile_figures(rows: Rows, persons: list[str | None], times_s: np.ndarray, truth: Truth) -> dict[str, float]:
    """F1 of smiles and the median onset error."""
    hits = found_count = true_count = 0
    onset_errors: list[float] = []
    who = np.array([person or "" for person in persons])
    for person in truth.tiles:
        mine = who == person
        found = risen_spells(rows.time_s[mine], rows.joy[mine])
        wanted = visible_smiles(truth, person, float(times_s[-1]))
        matched: set[int] = set()
        for start_s, end_s in wanted:
            overlapping = [i for i, (a, b) in enumerate(found) if a < end_s and b > start_s and i not in matched]
            if overlapping:
                matched.add(overlapping[0])
                if any(start_s == begun_s for begun_s, _ in truth.smiles[person]):
                    onset_errors.append(abs(found[overlapping[0]][0] - (start_s + RAMP_HALF_S)))
        hits, found_count, true_count = hits + len(matched), found_count + len(found), true_count + len(wanted)
    precision, recall = hits / max(found_count, 1), hits / max(true_count, 1)
    return {
        "smiles": true_count,
        "smile_precision": precision,
        "smile_recall": recall,
        "smile_f1": 2 * hits / max(found_count + true_count, 1),
        "onset_error_s": float(np.median(onset_errors)) if onset_errors else float("nan"),
    }


def risen_spells(time_s: np.ndarray, joy: np.ndarray) -> list[Spell]:
    """When joy is above the midpoint of its 10th and 95th percentile."""
    if len(joy) < 2:
        return []
    low, high = np.percentile(joy, [10, 95])
    if high - low < RISE_AT_LEAST:
        return []
    spells: list[Spell] = []
    for moment in time_s[joy > (low + high) / 2].tolist():
        if spells and moment - spells[-1][1] <= CLOSE_GAP_S:
            spells[-1] = (spells[-1][0], moment)
        else:
            spells.append((moment, moment))
    return [spell for spell in spells if spell[1] - spell[0] >= SPELL_AT_LEAST_S]


def visible_smiles(truth: Truth, person: str, end_s: float) -> list[Spell]:
    """The visible parts of a person's smiles that last long enough to count."""
    parts = [(start, min(stop, end_s)) for start, stop in truth.smiles.get(person, [])]
    for off_start, off_end in truth.off.get(person, []):
        cut = [((a, min(b, off_start)), (max(a, off_end), b)) for a, b in parts]
        parts = [part for pair in cut for part in pair]
    return [(a, b) for a, b in parts if b - a >= SMILE_AT_LEAST_S]


def measure(
    video: Path,
    truth_file: Path,
    grid: tuple[int, int] | None = None,
    timeline_file: Path | None = None,
    model: str = "",
) -> dict[str, float]:
    """Analyse a video through the command line, unless its timeline is given, and score it."""
    truth = read_truth(truth_file)
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        width, height = stream.width, stream.height
    rows, columns = grid or guess_grid(len({pair[0] for pair in truth.tiles.values()}), width, height)
    with tempfile.TemporaryDirectory() as folder:
        if timeline_file is None:
            timeline_file = Path(folder, "timeline.csv")
            command = [sys.executable, "-m", "classmood", "analyze", str(video), "--fps", "5", "--out", folder]
            command += ["--model", model] if model else []
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with timeline_file.with_name(f"{timeline_file.stem}_instants.csv").open(newline="", encoding="utf-8") as file:
            times_s = np.array([float(row["time_s"]) for row in csv.DictReader(file)])
        timeline = read_rows(timeline_file)
    return score(timeline, times_s, truth, (width // columns, height // rows), columns)


def commit() -> str:
    """The checkout's commit, marked where files differ from it; empty outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()


def guess_grid(tiles: int, width: int, height: int) -> tuple[int, int]:
    """Rows and columns of a full gallery: the factors of the number of tiles nearest to the picture's shape."""
    pairs = [(tiles // c, c) for c in range(1, tiles + 1) if tiles % c == 0]
    return min(pairs, key=lambda pair: abs(np.log((width / pair[1]) / (height / pair[0]) / 1.3)))


def compose(shared: Path, folder: Path) -> list[tuple[Path, Path]]:
    """Make the videos of ``COMPOSED`` with other people, grids and seeds, those that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = []
    for name, (rows, columns, width, height, seconds, seed, first) in COMPOSED.items():
        prefix = folder / name
        pair = (prefix.with_suffix(".mp4"), folder / f"{name}_truth.csv")
        if not all(path.is_file() for path in pair):
            options = {"rows": rows, "cols": columns, "width": width, "height": height}
            options |= {"seconds": seconds, "seed": seed, "first": first}
            given = [text for key, value in options.items() for text in (f"--{key}", str(value))]
            tool = [sys.executable, str(shared / "tools" / "make_class_video.py"), str(shared / "data" / "london")]
            subprocess.run([*tool, str(prefix), *given], check=True)
        pairs.append(pair)
    return [*pairs, compose_single(shared / "data" / "london", folder)]


def compose_single(london: Path, folder: Path) -> tuple[Path, Path]:
    """One face that fills the frame: ten people by turns, one cut after another, each smiling twice."""
    import cv2

    video, truth = folder / "single.mp4", folder / "single_truth.csv"
    with (london / "london.csv").open(newline="", encoding="utf-8") as file:
        people = sorted({row["subject"] for row in csv.DictReader(file)})
    np.random.default_rng(SINGLE_SEED).shuffle(people)
    rate_hz, turn_s, side_px, people = 15, 24.0, 720, people[:SINGLE_PEOPLE]
    total_s = turn_s * len(people)
    rows = []
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=rate_hz)
        stream.width, stream.height, stream.pix_fmt = side_px, side_px, "yuv420p"
        for turn, person in enumerate(people):
            start_s = turn * turn_s
            smiles = [(start_s + 4.0, start_s + 9.0), (start_s + 14.0, start_s + 20.0)]
            rows += [(person, "smiling", a, b) for a, b in smiles]
            away = [(0.0, start_s), (start_s + turn_s, total_s)]
            rows += [(person, "camera_off", a, b) for a, b in away if b > a]
            faces = [cv2.imread(str(london / f"{person}_{name}.jpg"))[150:510, 140:500] for name in EXPRESSIONS]
            neutral, smiling = (cv2.resize(face, (side_px, side_px)).astype(np.float32) for face in faces)
            for k in range(round(start_s * rate_hz), round((start_s + turn_s) * rate_hz)):
                t = k / rate_hz
                share = max(float(np.clip(min(t - a, b - t) / 0.6, 0, 1)) for a, b in smiles)
                middle = (side_px / 2, side_px / 2)
                move = cv2.getRotationMatrix2D(middle, 3 * np.sin(t * 0.7), 1 + 0.03 * np.sin(t * 0.3))
                mixed = neutral * (1 - share) + smiling * share
                picture = cv2.warpAffine(mixed, move, (side_px, side_px), borderMode=cv2.BORDER_REPLICATE)
                frame = av.VideoFrame.from_ndarray(np.clip(picture, 0, 255).astype(np.uint8), "bgr24")
                container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with truth.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["subject", "state", "start_s", "end_s", "tile_before_swap", "tile_after_swap", "swap_s"])
        writer.writerows([*row, 0, 0, 1e9] for row in rows)
    return video, truth


def print_figures(name: str, figures: dict[str, float]) -> None:
    """One video's figures, a line each."""
    print(name)
    for key, value in figures.items():
        print(f"  {key:<16} {value:.4f}" if isinstance(value, float) else f"  {key:<16} {value}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="*", help="video and truth, by turns")
    parser.add_argument("--compose", type=Path, help="the folder with tools/ and data/: compose more videos")
    parser.add_argument("--folder", type=Path, default=Path("out/videos"), help="where composed videos are kept")
    parser.add_argument("--timeline", type=Path, help="score this timeline.csv of the one video given")
    parser.add_argument("--model", default="", help="a model file with its card; the shipped one by default")
    parser.add_argument("--rows", type=int, help="rows of tiles in the videos given")
    parser.add_argument("--cols", type=int, help="tiles in a row")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if len(given.pairs) % 2 or (given.timeline and len(given.pairs) != 2) or bool(given.rows) != bool(given.cols):
        parser.error("expected a truth with every video, one video with --timeline, and --rows together with --cols")
    grid = (given.rows, given.cols) if given.rows else None
    to_measure = [(*pair, grid) for pair in zip(given.pairs[::2], given.pairs[1::2], strict=True)]
    to_measure += [(*pair, None) for pair in compose(given.compose, given.folder)] if given.compose else []
    all_figures = {}
    for video, truth_file, its_grid in to_measure:
        all_figures[video.stem] = measure(video, truth_file, its_grid, given.timeline, given.model)
        print_figures(video.stem, all_figures[video.stem])
    if given.json:
        stamp = {"machine": machine(2), "date": datetime.now(UTC).strftime("%Y-%m-%d"), "commit": commit()}
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps({**stamp, "videos": all_figures}, indent=2) + "\n", encoding="utf-8")
