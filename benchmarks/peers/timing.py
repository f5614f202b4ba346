"""Milliseconds a face and a frame, as ratios to classmood measured by turns.

Each peer's process and one of classmood's are alive together and are asked by turns, so that whatever else the machine
does falls on both. The ratio of a round is that of two requests that follow each other; its median and quartiles are
what counts. Each library has the threads that its own defaults give it.
"""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import environment
import numpy as np
from peer import Peer
from photos import FACES_A_FRAME

ROUNDS = 25
# Lets threads that wait for more work by spinning come to rest before the other system is asked.
PAUSE_S = 0.1
ANSWER = "@answer "
Request = Literal["faces", "frame"]


@dataclass(frozen=True, slots=True)
class Timing:
    """One request of a peer against the same of classmood.

    Attributes:
        ours_ms: median of classmood in the same rounds; a face for "faces", a frame for "frame".
        peer_ms: median of the peer.
        ratio: median over rounds of the peer's time to ours.
        ratio_low: lower quartile of that.
        ratio_high: upper quartile.
        faces: how many faces the peer found (or was given).
        ours_faces: the same of classmood.
    """

    ours_ms: float
    peer_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float
    faces: int
    ours_faces: int


class Running:
    """A system's process that answers requests."""

    def __init__(self, peer: Peer, out: Path, frame: Path, faces: Path) -> None:
        folder = out / "environments"
        self._log = (out / f"timing-{peer.environment or peer.name}.log").open("w")
        self._process = subprocess.Popen(
            environment.command(peer, folder, ["time", str(frame.resolve()), str(faces.resolve())]),
            env=environment.variables(peer, folder, threads=None),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._answer(peer.name)

    def ask(self, request: Request) -> dict[str, float | int | None]:
        """Milliseconds and number of faces of one request; none where the library has no detector."""
        assert self._process.stdin
        self._process.stdin.write(request + "\n")
        self._process.stdin.flush()
        return self._answer(request)

    def _answer(self, what: str) -> dict[str, float | int | None]:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith(ANSWER):
                answer: dict[str, float | int | None] = json.loads(line.removeprefix(ANSWER))
                return answer
        raise RuntimeError(f"{what}: the adapter ended without an answer; see {self._log.name}")

    def end(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
        self._log.close()


def measure(
    ours: Peer, peer: Peer, out: Path, frame: Path, faces: Path, *, rounds: int = ROUNDS
) -> dict[Request, Timing | None]:
    """Both requests of a peer against classmood, by turns."""
    print(f"{peer.name}: {rounds} rounds of timing")
    running = [Running(ours, out, frame, faces), Running(peer, out, frame, faces)]
    try:
        requests: tuple[Request, ...] = ("faces", "frame")
        return {request: _by_turns(running, request, rounds) for request in requests}
    finally:
        for system in running:
            system.end()


def _by_turns(running: list[Running], request: Request, rounds: int) -> Timing | None:
    spent_ms: list[list[float]] = []
    counts: list[int] = []
    for _ in range(rounds):
        answers = []
        for system in running:
            time.sleep(PAUSE_S)
            answers.append(system.ask(request))
        if any(answer["ms"] is None for answer in answers):
            return None
        spent_ms.append([float(answer["ms"] or 0) for answer in answers])
        counts = [int(answer["faces"] or 0) for answer in answers]
    return summarise(np.array(spent_ms) / (FACES_A_FRAME if request == "faces" else 1), counts)


def summarise(spent_ms: np.ndarray, faces: list[int]) -> Timing:
    """Medians of rounds x 2 milliseconds (ours, the peer's) and quartiles of their ratio."""
    low, middle, high = np.percentile(spent_ms[:, 1] / spent_ms[:, 0], [25, 50, 75])
    ours_ms, peer_ms = np.median(spent_ms, 0)
    return Timing(
        ours_ms=float(ours_ms),
        peer_ms=float(peer_ms),
        ratio=float(middle),
        ratio_low=float(low),
        ratio_high=float(high),
        faces=faces[1],
        ours_faces=faces[0],
    )
