"""The ten-minute protocol in real Chromium, gone through by an automated participant, with accidents on the way.

    python benchmarks/experiment_run.py --out out/experiment-run

A fake camera is recorded, the network is cut for a while, and the server is killed (SIGKILL) and started again.
Then the study is exported and the dataset checked. Stated: events and parts of recordings that are missing, how late
steps came up, the drift between the clocks and what is left of it after correction. Needs Chromium and built pages.

The tests run the same with a protocol of seconds (tests/browser/test_experiment.py).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import TimeoutError as WaitedTooLongError
from playwright.sync_api import sync_playwright

from classmood.dataset.checker import find_faults
from classmood.errors import ClassmoodError
from classmood.experiment.check import open_protocol
from classmood.experiment.registration import preregister
from classmood.experiment.schedule import schedule
from classmood.machine import machine
from classmood.server.gate import Deployment
from classmood.server.interview import write_toml
from classmood.server.study.clocks import ClockFit
from classmood.server.study.happenings import details
from classmood.server.study.telling import tell
from classmood.store import Store
from classmood.studies import StoredChunk, StoredEvent, StoredParticipant, Studies

FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
START_S = 60
MOST_LEFT_MS_PER_HOUR = 50.0
# What is on the page: the scales and choices that can be answered, or that all is over.
LOOK = """() => ({
  step: document.querySelector("progress")?.value ?? -1,
  scales: [...document.querySelectorAll("[data-scale]")].map((one) => one.dataset.scale),
  wheel: document.querySelector("[data-emotion]") !== null,
  task: document.querySelector("input[name=choice]") !== null,
  away: document.querySelector("progress") === null,
})"""


class StudyServer:
    """The real command in a process of its own, at one address; it can be killed and started again."""

    def __init__(self, folder: Path, protocol: Path) -> None:
        self.folder = folder
        self.protocol = protocol
        self.port = 0
        self.link = ""
        self._process: subprocess.Popen[str] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it answers; the second time at the same address."""
        command = [sys.executable, "-m", "classmood", "experiment", "run", self.protocol, "--port", self.port]
        command += ["--database", self.folder / "study.db", "--deployment", self.folder / "deployment.toml"]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(part) for part in command], stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        self.link = self._process.stdout.readline().strip()
        if not self.link:
            raise RuntimeError(f"the server did not start: {(self.folder / 'server.log').read_text()[-500:]}")
        self.port = int(self.link.split("/study")[0].rsplit(":", 1)[1])
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.base}/api/v1/health", timeout=2):
                return
            time.sleep(0.05)
        raise RuntimeError("the server does not answer")

    def kill(self) -> None:
        """As a loss of power would: no goodbye."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """As by Ctrl-C."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@dataclass
class Accident:
    """Something that happens at a time of the session: the network goes for a while, or the server dies."""

    at_s: float
    kind: str
    for_s: float
    done: bool = False
    until_s: float = 0.0


@dataclass
class AutomatedParticipant:
    """Goes through a session as a person would: by mouse and keyboard, and nothing of the page's own.

    Attributes:
        page: Playwright's.
        url: of the invitation.
        records: whether they agree to be recorded.
        answers: what was answered on which page, in order: its place in the session, name, value.
    """

    page: Any
    url: str
    records: bool
    answers: list[tuple[float, str, str]] = field(default_factory=list)

    def come_in(self) -> None:
        """Read, agree, look at the camera, start."""
        page = self.page
        page.goto(self.url)
        page.get_by_role("button", name="I agree").wait_for()
        if self.records:
            page.locator("input[name=recording]").check()
        guardian = page.locator("input[name=guardian]")
        if guardian.count():
            guardian.check()
        page.get_by_role("button", name="I agree").click()
        if self.records:
            page.get_by_role("button", name="Turn the camera on").click()
            page.get_by_role("button", name="This looks right").click()
        page.get_by_role("button", name="Start", exact=True).click()
        page.locator("progress").wait_for()

    def go_through(self, server: StudyServer, accidents: list[Accident], longest_s: float) -> None:
        """Answer what is asked until all is over, while accidents happen.

        Raises:
            RuntimeError: it took too long.
        """
        began = time.monotonic()
        asked: set[tuple[float, str]] = set()
        while time.monotonic() - began < longest_s:
            for accident in accidents:
                self._happen(accident, server, time.monotonic() - began)
            seen = self.page.evaluate(LOOK)
            if seen["away"]:
                return
            for name in [
                *seen["scales"],
                *(["emotion"] if seen["wheel"] else []),
                *(["choice"] if seen["task"] else []),
            ]:
                if (seen["step"], name) not in asked:
                    asked.add((seen["step"], name))
                    self._answer_in_time(seen["step"], name)
            self.page.wait_for_timeout(60)
        raise RuntimeError(f"the session is not over after {longest_s} s")

    def _answer_in_time(self, step: float, name: str) -> None:
        """Answer, or leave it where the page's time ran out first: a slow machine makes a slow participant."""
        try:
            self._answer(step, name)
        except WaitedTooLongError:
            if self.page.evaluate(LOOK)["step"] == step:
                raise

    def _answer(self, step: float, name: str) -> None:
        count = len(self.answers)
        if name == "emotion":
            value = ("joy", "surprise", "fury", "neutral")[count % 4]
            self.page.locator(f"[data-emotion={value}]").click(timeout=3000)
        elif name == "choice":
            value = str(1 + count % 2)
            self.page.locator("input[name=choice]").nth(count % 2).check(timeout=3000)
        else:
            value = str(1 + (7 * count + 3) % 9)
            self.page.locator(f"[data-scale={name}] input").first.focus(timeout=3000)
            self.page.keyboard.press(value)
        self.answers.append((step, name, value))

    def _happen(self, accident: Accident, server: StudyServer, now_s: float) -> None:
        if not accident.done and now_s >= accident.at_s:
            accident.done = True
            accident.until_s = now_s + accident.for_s
            if accident.kind == "network":
                self.page.context.set_offline(True)
            else:
                server.kill()
        elif accident.until_s and now_s >= accident.until_s:
            accident.until_s = 0.0
            if accident.kind == "network":
                self.page.context.set_offline(False)
            else:
                server.start()

    def wait_until_sent(self, longest_s: float) -> None:
        """Until the page says that everything has arrived."""
        self.page.get_by_text("Everything has arrived").wait_for(timeout=longest_s * 1000)


@dataclass
class Kept:
    """What a server has on its disk of one participant, and what of it is missing."""

    participant: StoredParticipant
    events: list[StoredEvent]
    chunks: list[StoredChunk]

    def missing_events(self) -> int:
        """Numbers that are skipped within an attempt."""
        missing = 0
        for attempt in {one.attempt for one in self.events}:
            numbers = {one.sequence for one in self.events if one.attempt == attempt}
            missing += max(numbers) + 1 - len(numbers)
        return missing

    def missing_parts(self) -> int:
        """Parts that the page made, as it says itself, and the server has not."""
        made = {
            (one.attempt, one.step): details(one)["parts"]
            for one in self.events
            if one.kind == "recorded" and details(one)["state"] == "ended"
        }
        return sum(made.values()) - len(self.chunks)


def kept(folder: Path) -> list[Kept]:
    """Read a stopped server's database."""
    with Store(folder / "study.db") as store:
        studies = Studies(store)
        (study,) = studies.studies()
        return [
            Kept(one, studies.events(one.id), studies.chunks(one.id)) for one in studies.participants(study.session)
        ]


def invite(browser: Any, server: StudyServer, name: str) -> str:
    """As the researcher does, by the page; the link of the invitation."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(server.link)
        page.get_by_label("Study id").fill(name)
        page.get_by_role("button", name="Invite").click()
        url: str = page.locator("dialog .link a").get_attribute("href")
        return url
    finally:
        context.close()


def prepare(folder: Path) -> Path:
    """The ten-minute protocol with video, frozen, and a deployment that allows it."""
    folder.mkdir(parents=True, exist_ok=True)
    text = (files("classmood.experiment") / "templates" / "short.toml").read_text(encoding="utf-8")
    path = folder / "study.toml"
    path.write_text(text.replace('recording = "none" ', 'recording = "video"', 1), encoding="utf-8")
    assert open_protocol(path).protocol.recording == "video"
    deployment = Deployment(
        profile="research",
        place="elsewhere",
        operator="benchmark",
        contact="nobody",
        approval_id="none: an automated participant",
        protocol_sha256=preregister(path).sha256,
        expires=date(2999, 1, 1),
        minors=False,
    )
    (folder / "deployment.toml").write_text(write_toml(deployment), encoding="utf-8")
    return path


@contextlib.contextmanager
def browser_with_camera() -> Iterator[Any]:
    """Debian's Chromium with a camera that shows a test picture."""
    path = shutil.which("chromium")
    if path is None:
        raise ClassmoodError("Chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--no-first-run", *FAKE_CAMERA]
        )
        try:
            yield browser
        finally:
            browser.close()


def measure(folder: Path) -> dict[str, Any]:
    """Run, export, check; the figures."""
    shutil.rmtree(folder, ignore_errors=True)
    protocol = prepare(folder)
    planned = schedule(open_protocol(protocol), 1)
    accidents = [Accident(0.3 * planned.total_s, "network", 30), Accident(0.6 * planned.total_s, "server", 20)]
    server = StudyServer(folder, protocol)
    server.start()
    try:
        with browser_with_camera() as browser:
            url = invite(browser, server, "robot1")
            who = AutomatedParticipant(browser.new_context(permissions=["camera"]).new_page(), url, records=True)
            who.come_in()
            who.go_through(server, accidents, planned.total_s + 120)
            who.wait_until_sent(120)
            time.sleep(2)
    finally:
        server.stop()
    dataset = folder / "dataset"
    command("experiment", "export", protocol, "--database", folder / "study.db", "--out", dataset)
    (found,) = kept(folder)
    told = tell(open_protocol(protocol), planned, found.events)
    late_ms = np.array(told.lateness_ms)
    fit: ClockFit = told.clocks[1]
    return {
        "planned_s": planned.total_s,
        "steps": len(planned.steps),
        "state": found.participant.state,
        "attempts": found.participant.attempt,
        "events": len(found.events),
        "missing_events": found.missing_events(),
        "answers_given": len(who.answers),
        "answers_kept": sum(len(one.answers) for one in told.events),
        "parts": len(found.chunks),
        "missing_parts": found.missing_parts(),
        "recorded_mb": round(sum(one.length for one in found.chunks) / 1e6, 1),
        "network_cut_s": accidents[0].for_s,
        "server_dead_s": accidents[1].for_s,
        "onset_late_ms": {
            "median": round(float(np.median(late_ms)), 1),
            "95 percent": round(float(np.quantile(late_ms, 0.95)), 1),
            "most": round(float(late_ms.max()), 1),
        },
        "clock_exchanges": fit.exchanges,
        "round_trip_ms": round(fit.delay_ms, 2),
        "drift_ms_per_hour": round(3.6e6 * fit.drift, 2),
        "left_ms_per_hour": round(fit.left_ms_per_hour, 2),
        "left_half_width_ms_per_hour": round(fit.left_half_width_ms_per_hour, 2),
        "left_ms": round(fit.left_ms, 3),
        "faults": [f"{one.file}:{one.line}: {one.message}" for one in find_faults(dataset)],
    }


def missed(figures: dict[str, Any]) -> list[str]:
    """The goals that are not met."""
    goals = {
        "the session was gone through": figures["state"] == "finished" and figures["attempts"] == 1,
        "no event is missing": figures["missing_events"] == 0,
        "every answer is kept": figures["answers_kept"] == figures["answers_given"],
        "no part of a recording is missing": figures["missing_parts"] == 0 and figures["parts"] > 0,
        "the dataset passes its checker": figures["faults"] == [],
        "drift after correction under 50 ms an hour": abs(figures["left_ms_per_hour"])
        + figures["left_half_width_ms_per_hour"]
        < MOST_LEFT_MS_PER_HOUR,
    }
    return [f"experiment run: {goal}" for goal, met in goals.items() if not met]


def command(*arguments: object) -> None:
    """Run classmood as a user would."""
    subprocess.run([sys.executable, "-m", "classmood", *map(str, arguments)], check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/experiment-run"))
    given = parser.parse_args()
    print(f"{machine(os.cpu_count() or 1)}, {datetime.now(UTC):%Y-%m-%d}")
    found_figures = measure(given.out)
    print(json.dumps(found_figures, indent=2))
    (given.out / "experiment-run.json").write_text(json.dumps(found_figures, indent=2) + "\n", encoding="utf-8")
    print("missed: " + "; ".join(missed(found_figures)) if missed(found_figures) else "all goals met")
    sys.exit(bool(missed(found_figures)))
