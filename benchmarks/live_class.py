"""A real class from end to end: server, teacher's page, a student's page with a camera, twelve simulated classmates.

    python benchmarks/live_class.py --data ../shared/data --out out/live --json out/live.json

``classmood serve`` runs as people start it, under the profile ``class`` outside the EU. Chromium's camera is a file in
which one person of the London set is neutral for a minute, then smiles. Nine of twelve classmates, who speak the wire
from this program, smile from the same moment on. Measured:

- how long after a release reached the teacher's page its glance line said what it says (joy, after the smile);
- what the student's own page said of the face before and after;
- every request and every message of the two pages: whether one left the origin, whether each message of the student is
  of the schema, and the largest in bytes;
- what came over the wire on the first visit, up to the face that was found;
- beside this one class, in how many of many simulated ones the noise lets such a rise be told at all, and how soon.

Pictures of the pages go to ``--out``; the student's show no face, since the preview is off. The camera's file is made
in a temporary folder and removed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import httpx
import numpy as np
from playwright.sync_api import Page, Response, sync_playwright
from websockets.sync.client import connect

from classmood.emotions import CLASSROOM_CLASSES, FERPLUS_CLASSES
from classmood.machine import machine
from classmood.server.class_releases import ClassReleases
from classmood.server.messages import LARGEST_STUDENT_BYTES, Reading, read_message
from classmood.server.release import ReleaseSettings
from classmood.simulation.gateway import server_at

NEUTRAL_S, SMILING_S, FPS = 75.0, 75.0, 30
SIZE = (640, 480)
CLASSMATES, SMILERS = 12, 9
CLASSES = 400
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream"),
    "--use-fake-device-for-media-stream",
)
DEPLOYMENT = """\
[deployment]
profile = "class"
place = "elsewhere"
operator = "Benchmark"
contact = "nobody@example.org"
jurisdiction = "none: a simulated class"
minors = false
"""


@dataclass
class Traffic:
    """What the pages asked for and sent."""

    urls: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    received: list[tuple[float, str]] = field(default_factory=list)
    wire_bytes: dict[str, int] = field(default_factory=dict)

    def watch(self, page: Page) -> None:
        """Note everything that a page does from now on."""
        page.on("request", lambda request: self.urls.append(request.url))
        page.on("response", self._came)

        def opened(live: object) -> None:
            self.urls.append(live.url)  # type: ignore[attr-defined]
            live.on("framesent", lambda text: self.sent.append(text))  # type: ignore[attr-defined]
            live.on("framereceived", lambda text: self.received.append((time.time(), text)))  # type: ignore[attr-defined]

        page.on("websocket", opened)

    def _came(self, response: Response) -> None:
        """Bytes of a body as it came, compressed; a worker's own requests are among them."""
        length = response.headers.get("content-length", "")
        if length.isdigit() and not response.from_service_worker:
            name = Path(urlsplit(response.url).path).name or "page"
            self.wire_bytes[name] = self.wire_bytes.get(name, 0) + int(length)


def make_camera(london: Path, person: str, path: Path) -> None:
    """One person at a desk, neutral and then smiling, as the JPEGs one after another that Chromium plays."""
    faces = []
    for expression in ("neutral", "smiling"):
        picture = cv2.imread(str(london / f"{person}_{expression}.jpg"))
        zoom = SIZE[1] / picture.shape[0]
        faces.append(cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA))
    rows = min(face.shape[0] for face in faces)
    columns = min(face.shape[1] for face in faces)
    faces = [face[:rows, :columns].astype(np.float32) for face in faces]
    left = (SIZE[0] - columns) // 2
    with path.open("wb") as file:
        for number in range(int((NEUTRAL_S + SMILING_S) * FPS)):
            share = float(np.clip((number / FPS - NEUTRAL_S) / 0.6, 0, 1))
            frame = np.full((SIZE[1], SIZE[0], 3), 96, np.float32)
            frame[:rows, left : left + columns] = faces[0] * (1 - share) + faces[1] * share
            sway = np.float32([[1, 0, 3 * np.sin(number / 37)], [0, 1, 2 * np.sin(number / 23)]])
            moved = cv2.warpAffine(frame, sway, SIZE, borderMode=cv2.BORDER_REPLICATE)
            file.write(cv2.imencode(".jpg", moved.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, str]]:
    """The server as people start it; its address and the teacher's link."""
    (folder / "deployment.toml").write_text(DEPLOYMENT, encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "classmood", "serve", "--port", str(port)]
    command += ["--database", str(folder / "class.sqlite3"), "--deployment", str(folder / "deployment.toml")]
    log = (folder / "server.log").open("w")
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder)
    try:
        assert server.stdout is not None
        link = server.stdout.readline().strip()
        base = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                if httpx.get(f"{base}/api/v1/health").is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield base, link
    finally:
        server.terminate()
        server.wait(20)
        log.close()


class Classmates:
    """Twelve who send a reading a second; most of them smile when told to."""

    def __init__(self, base: str, code: str) -> None:
        self.smiling = threading.Event()
        self._stop = threading.Event()
        address = base.replace("http", "ws") + "/api/v1/live/student"
        server = server_at(base)
        # In threads of their own: Playwright's loop runs in this one.
        with ThreadPoolExecutor(4) as pool:
            tokens = list(pool.map(lambda _: asyncio.run(server.agree(code, "camera")), range(CLASSMATES)))
        self._open = ExitStack()
        self._sockets = [
            self._open.enter_context(connect(address, subprotocols=["classmood.v1", f"bearer.{token}"]))
            for token in tokens
        ]
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        rng = np.random.default_rng(1)
        while not self._stop.is_set():
            for number, live in enumerate(self._sockets):
                smiles = self.smiling.is_set() and number < SMILERS
                doubt = rng.dirichlet(np.full(len(FERPLUS_CLASSES), 0.5)) * 0.15
                doubt[FERPLUS_CLASSES.index("happiness" if smiles else "neutral")] += 0.85
                reading = Reading(
                    v=1,
                    type="reading",
                    classes="ferplus",
                    p=tuple(np.round(doubt, 2).tolist()),
                    vad=(0.7, 0.4, 0.3) if smiles else (0.0, 0.0, 0.0),
                    confidence=0.9,
                    not_sure=False,
                )
                live.send(reading.model_dump_json())
            self._stop.wait(1.02)

    def close(self) -> None:
        """They leave."""
        self._stop.set()
        self._thread.join()
        self._open.close()


def run(data: Path, out: Path, person: str) -> dict[str, object]:
    """Hold the class."""
    out.mkdir(parents=True, exist_ok=True)
    found: dict[str, object] = {"machine": machine(2), "date": datetime.now(UTC).date().isoformat()}
    found["told_in_simulated_classes"] = chance_of_being_told()
    traffic = {"student": Traffic(), "teacher": Traffic()}
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = Path(scratch)
        camera = folder / "camera.mjpeg"
        make_camera(data / "london", person, camera)
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        with serving(folder) as (base, link):
            desk = browser.new_context(viewport={"width": 1280, "height": 900})
            teacher = desk.new_page()
            traffic["teacher"].watch(teacher)
            teacher.goto(link)
            teacher.get_by_label("Students expected").fill("16")
            teacher.get_by_role("button", name="Open a class").click()
            code = teacher.locator(".large .code").inner_text()
            teacher.screenshot(path=out / "teacher-code.png")
            watch_glance(teacher)

            seat = browser.new_context(viewport={"width": 390, "height": 844}, permissions=["camera"])
            student = seat.new_page()
            traffic["student"].watch(student)
            student.goto(f"{base}/join/{code}")
            student.get_by_label("With my camera").check()
            student.screenshot(path=out / "student-consent.png", full_page=True)
            student.get_by_role("button", name="I agree").click()
            began_s = time.time()
            student.get_by_role("button", name="Turn the camera on").click()
            student.get_by_text("Your face is found.").wait_for(timeout=60_000)
            found["first_visit_s"] = round(time.time() - began_s, 1)
            first = dict(sorted(traffic["student"].wire_bytes.items(), key=lambda item: -item[1]))
            found["first_load_bytes"] = sum(first.values())
            found["first_load_parts"] = {name: size for name, size in first.items() if size > 20_000}
            student.get_by_role("button", name="Enter the class").click()
            mates = Classmates(base, code)
            teacher.get_by_text(re.compile(r"1[23] of 16 sharing")).wait_for(timeout=60_000)
            wait_until(student, began_s + NEUTRAL_S - 3)
            found["student_before"] = own_words(student)
            student.screenshot(path=out / "student-neutral.png", full_page=True)
            wait_until(student, began_s + NEUTRAL_S)
            before = last_release(traffic["teacher"])
            mates.smiling.set()
            smiled_s = time.time()
            while last_release(traffic["teacher"])["release"]["time_s"] < before["release"]["time_s"] + 25:
                teacher.wait_for_timeout(200)
            teacher.wait_for_timeout(1500)
            after = last_release(traffic["teacher"])
            student.get_by_text("An expression resembling joy").wait_for(timeout=20_000)
            found["student_after"] = own_words(student)
            found["joy"] = {
                "before": before["release"]["shares"].get("joy", 0.0),
                "after": after["release"]["shares"].get("joy", 0.0),
            }
            found["rises"] = [
                json.loads(text)["release"].get("rises", {})
                for at_s, text in traffic["teacher"].received
                if at_s > smiled_s and '"release"' in text[:40]
            ]
            found["glances"] = [text for at_s, text in teacher.evaluate("window.glances") if at_s > smiled_s]
            found["shown_after_s"] = shown_after(teacher, traffic["teacher"], smiled_s)
            pictures(teacher, student, out)
            mates.close()
            teacher.get_by_role("button", name="End the class").click()
            teacher.get_by_role("dialog").get_by_role("button", name="End the class").click()
            student.get_by_role("heading", name="The class is over").wait_for()
            teacher.get_by_role("link", name="Report").wait_for()
            found |= account(traffic, base)
        browser.close()
    return found


def chance_of_being_told() -> dict[str, object]:
    """Shares of simulated classes of as many students in which the same smile is told, by releases after it.

    The smile begins at a random second of an interval. What the noise hides in one class it tells in another, so one
    class from end to end shows that the way works, and this how often it does.
    """
    settings = ReleaseSettings()
    interval_s, rng = int(settings.interval_s), np.random.default_rng(7103)
    told = np.zeros((CLASSES, 3), bool)
    for number in range(CLASSES):
        releases = ClassReleases(settings, class_size=16, randomness=random.Random(number))
        students = [str(seat) for seat in range(CLASSMATES + 1)]
        for student in students:
            releases.join(student)
        smiles_s = int(NEUTRAL_S) // interval_s * interval_s + int(rng.integers(interval_s))
        after = 0
        for second in range(1, smiles_s + 4 * interval_s):
            for seat, student in enumerate(students):
                smiling = second > smiles_s and seat <= SMILERS
                shown = np.full(len(CLASSROOM_CLASSES), 0.15 / (len(CLASSROOM_CLASSES) - 1))
                shown[CLASSROOM_CLASSES.index("joy" if smiling else "neutral")] = 0.85
                releases.read(student, shown.tolist(), not_sure=False, time_s=float(second))
            if second % interval_s == 0:
                release = releases.close(float(second))
                if second > smiles_s and after < told.shape[1]:
                    told[number, after:] |= "joy" in release.rises
                    after += 1
    names = ("first", "second", "third")
    return {"classes": CLASSES} | {f"by_the_{name}": float(told[:, place].mean()) for place, name in enumerate(names)}


def watch_glance(teacher: Page) -> None:
    """Note each new glance line with its time, in the page itself."""
    teacher.evaluate(
        """() => { window.glances = []; let last = "";
        const look = () => { const now = document.querySelector(".glance")?.innerText ?? "";
          if (now !== last) { last = now; window.glances.push([Date.now() / 1000, now]); } };
        new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true}); }"""
    )


def shown_after(teacher: Page, traffic: Traffic, smiled_s: float) -> dict[str, object]:
    """From the arrival of the first release that tells a rise of joy to the glance line that says so."""
    glances = [one for one in teacher.evaluate("window.glances") if "joy" in one[1]]
    for received_s, text in traffic.received:
        message = json.loads(text)
        if message["type"] != "release" or received_s < smiled_s:
            continue
        if message["release"].get("rises", {}).get("joy"):
            later = [shown_s - received_s for shown_s, _ in glances if shown_s >= received_s - 0.5]
            return {
                "release_after_smile_s": round(received_s - smiled_s, 2),
                "glance_after_release_s": round(later[0], 3) if later else None,
            }
    return {"release_after_smile_s": None, "glance_after_release_s": None}


def last_release(traffic: Traffic) -> dict[str, dict[str, object]]:
    return next(json.loads(text) for _, text in reversed(traffic.received) if '"release"' in text[:40])


def own_words(student: Page) -> str:
    """What the student's page says of their own face."""
    return student.locator("section", has_text="Only you see this").first.inner_text().replace("\n", " | ")[:160]


def wait_until(page: Page, moment_s: float) -> None:
    page.wait_for_timeout(max(moment_s - time.time(), 0) * 1000)


def pictures(teacher: Page, student: Page, out: Path) -> None:
    """Light, dark and phone-sized."""
    teacher.get_by_text("Details").first.click()
    for scheme in ("light", "dark"):
        teacher.emulate_media(color_scheme=scheme)
        student.emulate_media(color_scheme=scheme)
        teacher.screenshot(path=out / f"teacher-{scheme}.png", full_page=True)
        student.screenshot(path=out / f"student-{scheme}.png", full_page=True)
    teacher.set_viewport_size({"width": 390, "height": 844})
    teacher.screenshot(path=out / "teacher-phone.png", full_page=True)
    teacher.set_viewport_size({"width": 1280, "height": 900})


def account(traffic: dict[str, Traffic], base: str) -> dict[str, object]:
    """Where the pages went and what they sent."""
    host = urlsplit(base).netloc
    urls = [url for one in traffic.values() for url in one.urls if not url.startswith(("data:", "blob:"))]
    for text in traffic["student"].sent:
        read_message(text)
    return {
        "requests": len(urls),
        "elsewhere": sorted({urlsplit(url).netloc for url in urls} - {host}),
        "student_messages": len(traffic["student"].sent),
        "largest_student_bytes": max(len(text.encode()) for text in traffic["student"].sent),
        "limit_bytes": LARGEST_STUDENT_BYTES,
        "teacher_messages": len(traffic["teacher"].sent),
        "largest_to_teacher_bytes": max(len(text.encode()) for _, text in traffic["teacher"].received),
    }


def main() -> None:
    """Hold the class and say what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("out/live"))
    parser.add_argument("--person", default="003")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    found = run(chosen.data, chosen.out, chosen.person)
    text = json.dumps(found, indent=2, ensure_ascii=False)
    print(text)
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
