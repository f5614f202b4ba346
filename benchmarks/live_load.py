"""The live classroom under load: how late a release reaches the teacher, what is lost, memory and CPU.

    python benchmarks/live_load.py --students 500 --seconds 300 --json out/live-load.json
    python benchmarks/live_load.py --ramp 250 500 750 1000 1500 2000 --seconds 40

``classmood serve`` runs as people start it, in a process of its own; the simulated class speaks the real protocol from
a second process (all with a camera, nobody drops out, so that each sends once a second); this one is the teacher.

- *Late*: a message belongs to the release whose interval it reached the server in. That interval ends on the class's
  own grid, every ``interval_s`` of its clock. Late is the time from that end until the teacher's socket has the
  release: what comes beyond the interval itself. All messages of an interval wait for the same release, so each release
  counts for as many messages as its interval took; p95 over messages. The class's clock is read from the API; of the
  asking and the answer the earlier is taken, so lateness is overstated, by at most ``clock_s``. All clocks are this
  machine's.
- *Behind*: the time from a probe's ping on a student's socket until the pong, ten times a second: how long a message
  waits until the server's loop has time for it.
- *Lost*: messages that the server refused, that had no connection, releases that are missing, and reconnects.
- Memory is resident, of the server, every second; stable if the mean of the last quarter is at most a tenth above that
  of the second quarter. CPU is of each process, in cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from websockets.asyncio.client import connect

from classmood.machine import machine
from classmood.server.gate import Deployment
from classmood.server.interview import write_toml
from classmood.simulation.client import Account
from classmood.simulation.crowd import Teacher, hold, open_class
from classmood.simulation.gateway import Server, server_at
from classmood.simulation.lesson import draw
from classmood.simulation.scenario import Scenario, Students

LATE_S = 0.25
JOINING_S = 20.0
# The limits for one address are a school's; here all students are at one.
LIMITS = ("most_students=100000", "sockets_per_address=100000", "sockets=100000", "consents_per_address=1000000")


@dataclass
class Served:
    """A running server."""

    process: psutil.Process
    link: str
    server: Server


@contextmanager
def served(folder: Path, interval_s: float) -> Iterator[Served]:
    """``classmood serve`` on a free port, where cameras are allowed."""
    deployment = Deployment(
        profile="class", place="elsewhere", operator="A school", contact="office", jurisdiction="Nowhere", minors=False
    )
    (folder / "deployment.toml").write_text(write_toml(deployment), encoding="utf-8")
    command = [sys.executable, "-m", "classmood", "serve", "--port", "0", "--interval-s", str(interval_s)]
    command += [part for limit in LIMITS for part in ("--set", limit)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+/teach\?key=\S+", line)
        if not found:
            raise SystemExit(f"the server did not start: {(folder / 'log').read_text()[-600:]}")
        server = server_at(found[0])
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(Exception):
                server._ask("GET", "/health", None, "")
                break
            time.sleep(0.1)
        yield Served(psutil.Process(process.pid), found[0], server)
    finally:
        process.terminate()
        process.wait(20)


def crowd(server: Server, code: str, students: int, seconds: float, answers: Any) -> None:
    """The simulated class, in a process of its own."""
    habits = Students(
        number=min(students, 5000), camera=(1.0, 1.0), refuse=(0, 0), join_s=(0, JOINING_S), late=(0, 0), early=(0, 0),
        drops_an_hour=(0, 0), lapses_an_hour=(0, 0), pauses_an_hour=(0, 0), lag_s=(0, 0),
    )  # fmt: skip
    lesson = draw(Scenario(length_s=max(60.0, JOINING_S + seconds + 5), students=habits), 1)
    seen: list[tuple[float, int, int]] = []

    def note(_: float, account: Account) -> None:
        seen.append((time.monotonic(), account.sent["reading"] + account.sent["press"], len(account.here)))

    async def play() -> Account:
        answers.put("ready")
        return await hold(lesson, server, code, progress=note, every_s=0.5)

    account = asyncio.run(play())
    cpu = psutil.Process().cpu_times()
    answers.put({"account": account, "seen": seen, "cpu_s": cpu.user + cpu.system})


async def class_began(server: Server, teacher: Teacher) -> tuple[float, float]:
    """Between which two of this machine's moments the class's clock was 0."""
    earliest, latest = -np.inf, np.inf
    for _ in range(20):
        asked = time.monotonic()
        time_s = (await server.ask("GET", f"/sessions/{teacher.session}", bearer=teacher.token))["time_s"]
        earliest, latest = max(earliest, asked - time_s), min(latest, time.monotonic() - time_s)
    return float(earliest), float(latest)


async def teach(found: Served, students: int, seconds: float, interval_s: float) -> dict[str, Any]:
    """Open a class, let the students in, watch until the end."""
    teacher = await open_class(found.server, found.link, students)
    began = await class_began(found.server, teacher)
    answers: Any = multiprocessing.Queue()
    players = multiprocessing.Process(target=crowd, args=(found.server, teacher.code, students, seconds, answers))
    players.start()
    await asyncio.to_thread(answers.get)
    arrived: list[tuple[int, float, float, int]] = []
    memory: list[tuple[float, float, float]] = []
    pongs: list[float] = []

    async def listen() -> None:
        url = found.server.socket(f"/live/teacher?session={teacher.session}")
        protocols: Any = ["classmood.v1", f"bearer.{teacher.token}"]
        async with connect(url, subprotocols=protocols, compression=None, proxy=None) as socket:
            async for text in socket:
                now, told = time.monotonic(), json.loads(text)
                if told["type"] == "release":
                    release = told["release"]
                    arrived.append((release["number"], release["time_s"], now, release.get("sharing") or 0))

    async def measure() -> None:
        while True:
            times = found.process.cpu_times()
            memory.append((time.monotonic(), found.process.memory_info().rss / 2**20, times.user + times.system))
            await asyncio.sleep(1)

    async def probe() -> None:
        token = await found.server.agree(teacher.code, "press")
        protocols: Any = ["classmood.v1", f"bearer.{token}"]
        url = found.server.socket("/live/student")
        async with connect(url, subprotocols=protocols, compression=None, proxy=None) as socket:
            while True:
                began = time.monotonic()
                await asyncio.wait_for(await socket.ping(), 30)
                pongs.append(time.monotonic() - began)
                await asyncio.sleep(0.1)

    tasks = [asyncio.create_task(work()) for work in (listen, measure, probe)]
    try:
        result = await asyncio.to_thread(answers.get)
        players.join()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return figures(students, interval_s, began, arrived, memory, pongs, result)


def figures(
    students: int,
    interval_s: float,
    began: tuple[float, float],
    arrived: list[tuple[int, float, float, int]],
    memory: list[tuple[float, float, float]],
    pongs: list[float],
    result: dict[str, Any],
) -> dict[str, Any]:
    """The figures of one run; lateness from when all had come."""
    account: Account = result["account"]
    times, sent, _ = (np.array(column, float) for column in zip(*result["seen"], strict=True))
    full_s, last_s = times[0] + JOINING_S + 2, times[-1]
    late, weights = [], []
    for _, time_s, now, _ in arrived:
        # The release is closed at or just after the end of its interval.
        end = began[0] + np.floor(time_s / interval_s + 1e-6) * interval_s
        if end - interval_s < full_s or end > last_s:
            continue
        late.append(now - end)
        weights.append(np.interp(end, times, sent) - np.interp(end - interval_s, times, sent))
    numbers = [number for number, *_ in arrived]
    missing = len(set(range(numbers[0], numbers[-1] + 1)) - set(numbers)) if numbers else 0
    steady = np.array([row for row in memory if full_s <= row[0] <= last_s])
    quarter = max(len(steady) // 4, 1)
    growth = steady[-quarter:, 1].mean() / steady[quarter : 2 * quarter, 1].mean() - 1 if len(steady) >= 8 else 0.0
    span_s = steady[-1, 0] - steady[0, 0]
    during = (times >= full_s) & (times <= last_s)
    order = np.argsort(late)
    ranks = np.cumsum(np.array(weights)[order]) / max(np.sum(weights), 1e-9)

    def quantile(share: float) -> float:
        return round(float(np.array(late)[order][min(np.searchsorted(ranks, share), len(late) - 1)]), 4)

    return {
        "students": students,
        "seconds": round(float(last_s - full_s), 1),
        "interval_s": interval_s,
        "releases": len(late),
        "releases_missing": missing,
        "most_counted": max((sharing for *_, sharing in arrived), default=0),
        "clock_s": round(began[1] - began[0], 4),
        "late_p50_s": quantile(0.5) if late else None,
        "late_p95_s": quantile(0.95) if late else None,
        "late_greatest_s": round(max(late), 4) if late else None,
        "behind_p50_s": round(float(np.percentile(pongs, 50)), 4) if pongs else None,
        "behind_p95_s": round(float(np.percentile(pongs, 95)), 4) if pongs else None,
        "messages": int(account.sent["reading"] + account.sent["press"]),
        "messages_a_second": round(float(np.ptp(sent[during]) / max(np.ptp(times[during]), 1e-9)), 1),
        "refused": dict(account.refused),
        "without_connection": account.lost,
        "reconnects": account.reconnects,
        "failures": account.failures,
        "ended": dict(account.ended),
        "memory_mib": [round(float(value), 1) for value in (steady[0, 1], steady[-1, 1], steady[:, 1].max())],
        "memory_growth": round(float(growth), 4),
        "server_cores": round(float((steady[-1, 2] - steady[0, 2]) / span_s), 3),
        "simulator_cpu_s": round(result["cpu_s"], 1),
        "load_average": round(os.getloadavg()[0], 1),
    }


def problems(found: dict[str, Any]) -> list[str]:
    """Which goals a run misses."""
    goals = {
        "p95 at most 250 ms late": found["late_p95_s"] is not None and found["late_p95_s"] <= LATE_S,
        "no message refused": not found["refused"],
        "no message without a connection": not found["without_connection"] and not found["reconnects"],
        "no release missing": not found["releases_missing"],
        "everybody stays": not found["ended"] and not found["failures"],
        "memory stable": found["memory_growth"] <= 0.1,
        "everybody sends once a second": found["messages_a_second"] >= 0.93 * found["students"],
    }
    return [goal for goal, met in goals.items() if not met]


def run(students: int, seconds: float, interval_s: float) -> dict[str, Any]:
    """One class of so many, on a fresh server."""
    with tempfile.TemporaryDirectory() as scratch, served(Path(scratch), interval_s) as found:
        measured = asyncio.run(teach(found, students, seconds, interval_s))
    return measured | {"missed": problems(measured)}


def main(arguments: list[str]) -> int:
    """Measure; 1 if a goal is missed (a ramp only looks for the number at which that happens)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=300.0, help="after all have come")
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between releases")
    parser.add_argument("--ramp", type=int, nargs="+", default=[], help="numbers of students, until one is too many")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    print(f"{machine(2)}, {datetime.now(UTC):%Y-%m-%d}")
    rows = []
    for students in chosen.ramp or [chosen.students]:
        rows.append(run(students, chosen.seconds, chosen.interval))
        print(json.dumps(rows[-1]), flush=True)
        if chosen.ramp and rows[-1]["missed"]:
            break
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return int(not chosen.ramp and any(row["missed"] for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
