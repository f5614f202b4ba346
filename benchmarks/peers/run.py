"""Open recognisers whose weights come inside their package, and classmood, on the same images and machine.

    python benchmarks/peers/run.py --data ../shared/data --out out/peers
    python benchmarks/peers/run.py --data ../shared/data --out out/peers --timing-only

Makes an environment for each peer (PyPI and npm must be reachable the first time), asks each for its answers (kept, so
that with another model only classmood is asked again), scores, times, and writes ``benchmarks/peers/results/`` and the
tables of ``docs/peers.md``. With ``--only`` everything goes into the ``--out`` folder alone. Run it from an environment
with the extra [train]. No image leaves the ``--out`` folder.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import environment
import predictions
import scoring
import timing
import writeup
from peer import OURS, SYSTEMS, Peer
from photos import SEVEN, read_labels, write_sets, write_timing_images

from classmood.machine import machine
from classmood.models.weights import SHIPPED_EMOTION, EmotionCard, find, read_card

COMMAND = "python benchmarks/peers/run.py --data ../shared/data --out out/peers"
PAGE = Path(__file__).parents[2] / "docs" / "peers.md"
RESULTS = Path(__file__).parent / "results"


def systems(model: str, only: str) -> list[Peer]:
    """classmood with the model asked for, and the peers asked for, by name or package."""
    ours = dataclasses.replace(SYSTEMS[0], variant=str(Path(model).resolve()) if Path(model).is_file() else model)
    peers = [peer for peer in SYSTEMS[1:] if not only or only in (peer.name, peer.package, peer.environment)]
    if not peers:
        raise SystemExit(f"--only {only}: expected one of {', '.join(peer.name for peer in SYSTEMS[1:])}")
    return [ours, *peers]


def prepared(asked: list[Peer], out: Path) -> list[Peer]:
    """Those whose environment could be made; of the others the reason is printed."""
    able = []
    for peer in asked:
        try:
            environment.prepare(peer, out / "environments")
            able.append(peer)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{peer.name}: left out, its environment could not be made ({error})")
    return able


def measure_accuracy(asked: list[Peer], data: Path, out: Path, *, fresh: bool) -> dict[str, Any]:
    """Scores of each system on each set, and ours against each peer."""
    path = find(asked[0].variant or SHIPPED_EMOTION)
    card = read_card(path, EmotionCard)
    found: dict[str, Any] = {
        "command": COMMAND,
        "machine": machine(1),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "model": {"name": card.name, "sha256": card.sha256},
        "sets": {},
    }
    for photo_set in write_sets(data, out / "images"):
        _, labels, people = read_labels(photo_set.manifest)
        answers = {peer.name: predictions.predict(peer, photo_set, out, fresh=fresh) for peer in asked}
        right = {name: scoring.arg_max(given) == labels for name, given in answers.items()}
        found["sets"][photo_set.name] = {
            "systems": {n: asdict(scoring.score_system(labels, given, people, SEVEN)) for n, given in answers.items()},
            "comparisons": {
                peer.name: asdict(scoring.compare(right[OURS], right[peer.name], people)) for peer in asked[1:]
            },
        }
    return found


def measure_timing(asked: list[Peer], data: Path, out: Path) -> dict[str, Any]:
    """Each peer's time as a ratio to ours."""
    frame, faces = write_timing_images(data, out / "images")
    found: dict[str, Any] = {
        "command": f"{COMMAND} --timing-only",
        "machine": machine(2),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "rounds": timing.ROUNDS,
        "load_before": os.getloadavg()[0],
        "systems": {},
    }
    for peer in asked[1:]:
        measured = timing.measure(asked[0], peer, out, frame, faces)
        found["systems"][peer.name] = {request: value and asdict(value) for request, value in measured.items()}
    return {**found, "load_after": os.getloadavg()[0]}


def read_earlier(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def main(given: argparse.Namespace) -> None:
    """Measure what was asked for and write it down."""
    results = given.out / "results" if given.only else RESULTS
    asked = prepared(systems(given.model, given.only), given.out)
    if not given.timing_only:
        accuracy = measure_accuracy(asked, given.data, given.out, fresh=given.fresh)
        writeup.write_json(accuracy, results / "accuracy.json")
        writeup.write_csv(writeup.rounded(accuracy), given.out / "accuracy.csv")
    if not given.accuracy_only:
        writeup.write_json(measure_timing(asked, given.data, given.out), results / "timing.json")
    text = writeup.markdown(read_earlier(results / "accuracy.json"), read_earlier(results / "timing.json"))
    (given.out / "peers.md").write_text(text + "\n", encoding="utf-8")
    if not given.only:
        writeup.write_into(PAGE, text)
    print(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("out/peers"))
    parser.add_argument("--only", default="", metavar="NAME", help="one peer, by its name or package")
    parser.add_argument("--model", default="", help="of classmood: a shipped model's name or a file with its card")
    parser.add_argument("--fresh", action="store_true", help="ask the peers again too")
    parser.add_argument("--accuracy-only", action="store_true", help="leave the timing as it was")
    parser.add_argument("--timing-only", action="store_true", help="leave the accuracy as it was")
    # Below what `print` says of its own, the adapters' starts would otherwise come out of order.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    main(parser.parse_args())
