"""A class in Debian's Firefox: the pages were made in Chromium, and most tests run there.

    python benchmarks/firefox.py --out out/firefox --json out/firefox.json

``classmood serve`` runs as people start it; ten simulated classmates keep it company. Three people have Firefox:

- the teacher opens a class, marks a moment, and sees a release;
- a student without a camera chooses a mood and a pace;
- a student with a camera: first Firefox's own fake one, in which no face is, then one that shows a drawn person (by
  ``tests/drawn_gallery.py``, nobody's face). What is then sent is held against Python's reading of the same frame, and
  readings in a minute are counted.

Firefox may complain of nothing and ask nobody but the server. Pictures of the pages go to ``--out``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

import live_load
from classmood.classifier import Classifier
from classmood.crops import make_crops
from classmood.detectors import CenterFace
from classmood.machine import machine
from firefox_driver import Firefox, FirefoxPage, firefox

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "tests")]

from camera_frames import DRAWN, SIZES, before_a_wall, still_camera  # noqa: E402

from drawn_gallery import person  # noqa: E402

INTERVAL_S = 5.0
CLASSMATES = 10
WITHIN = 0.03
CLICK = "new MouseEvent('click', { bubbles: true })"
# What a page sends, for whoever looks on.
NOTE_SENT = """
  window.sent = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (text) { window.sent.push(JSON.parse(text)); return send.call(this, text); };
"""


def teach(browser: Firefox, link: str) -> tuple[FirefoxPage, str]:
    """The teacher's page of an open class, and its code."""
    page = browser.page()
    page.go(link)
    page.click("Open a class")
    return page, page.until("document.querySelector('.large .code')?.innerText")


def come(page: FirefoxPage, base: str, code: str, mode: str) -> None:
    """A student agrees to take part with or without a camera."""
    page.go(f"{base}/join/{code}")
    page.click(mode)
    page.click("I agree")


def with_camera(browser: Firefox, base: str, code: str, script: str = "") -> FirefoxPage:
    """A student whose camera is on."""
    page = browser.page(before=NOTE_SENT + script, size=(412, 900))
    come(page, base, code, "With my camera")
    page.click("Turn the camera on")
    return page


def read_alike(sent: list[dict[str, Any]], frame: np.ndarray) -> tuple[float, float]:
    """How far the page's last reading is from Python's of the same frame, and how far Python's own is from itself.

    Both are the largest difference of a probability. The latter is between the crop and crops of which one pixel in
    twenty is a grey level brighter or darker, as a camera's colours make them: a drawn face lies between two classes.
    """
    faces = CenterFace().detect(frame)
    crop, classifier, rng = make_crops(frame, faces.take(np.array([0]))), Classifier(), np.random.default_rng(0)
    shown = classifier(crop).ferplus
    levels = (rng.random((24, *crop.shape[1:])) < 0.05) * rng.choice([-1, 1], (24, *crop.shape[1:]))
    beside = classifier(np.clip(crop.astype(int) + levels, 0, 255).astype(np.uint8)).ferplus
    return float(np.abs(np.array(sent[-1]["p"]) - shown[0]).max()), float(np.abs(beside - shown).max())


def hold(out: Path, seconds: float) -> dict[str, Any]:
    """Hold the class; the figures."""
    frame = before_a_wall(person(DRAWN[0], room=1), SIZES[0], 0.9, np.random.default_rng(3))
    with tempfile.TemporaryDirectory() as scratch, live_load.served(Path(scratch), INTERVAL_S) as found:
        base = "{0.scheme}://{0.netloc}".format(urlsplit(found.link))
        with firefox() as browser:
            teacher, code = teach(browser, found.link)
            command = [sys.executable, "-m", "classmood", "simulate", "--url", base, "--code", code]
            crowd = subprocess.Popen(
                [*command, "--students", str(CLASSMATES), "--scenario", "camera-free", "--seed", "3"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                pressing = browser.page(before=NOTE_SENT, size=(412, 900))
                come(pressing, base, code, "Without a camera")
                pressing.until("!!document.querySelector('[role=radiogroup]')")
                # A sector of the wheel is no HTML element, and has no click of its own.
                pressing.value(f"void document.querySelector('[role=radiogroup] [role=radio]').dispatchEvent({CLICK})")
                pressing.until("window.sent.some((one) => one.type === 'press' && one.mood)")
                pressing.picture(out / "pressing.png")

                nobody = with_camera(browser, base, code)
                began = time.monotonic()
                nobody.shows("No face found", 120)
                first_s = time.monotonic() - began
                nobody.picture(out / "no-face.png")
                lights = [nobody.value("document.querySelector('.light').innerText")]
                nobody.click("Enter the class")
                nobody.shows("Only you see this")
                nobody.click("Pause")
                nobody.until("document.querySelector('.light').innerText.includes('off')")
                lights.append(nobody.value("document.querySelector('.light').innerText"))
                nobody.click("Leave")

                somebody = with_camera(browser, base, code, still_camera(frame))
                somebody.until(
                    "!!document.querySelector('.light') && /on/.test(document.querySelector('.light').innerText)"
                )
                somebody.click("Enter the class")
                somebody.until("window.sent.some((one) => one.type === 'reading')", 60)
                somebody.value("void (window.sent.length = 0)")
                time.sleep(seconds)
                sent = [one for one in somebody.value("window.sent") if one["type"] == "reading"]
                somebody.picture(out / "reading.png")

                teacher.click("Slide", "button")
                teacher.shows(r"Slide marked at \d")
                teacher.shows(r"\d+ sharing", 60)
                teacher.picture(out / "teacher.png")
                marked, sharing = (
                    "Slide marked" in teacher.text(),
                    teacher.value(r"document.body.innerText.match(/(\d+) sharing/)[1]"),
                )
            finally:
                crowd.terminate()
                crowd.wait(20)
            apart, unsteady = read_alike(sent, frame)
            return {
                "firefox": browser.version,
                "first_look_s": round(first_s, 1),
                "lights": lights,
                "readings_a_second": round(len(sent) / seconds, 2),
                "from_python": round(apart, 4),
                "python_unsteady": round(unsteady, 4),
                "moods_pressed": len([one for one in pressing.value("window.sent") if one["type"] == "press"]),
                "marked": marked,
                "sharing": int(sharing),
                "hosts": sorted({urlsplit(url).netloc for url in browser.asked if url.startswith(("http", "ws"))}),
                "base": urlsplit(base).netloc,
                "complaints": browser.complaints,
            }


def missed(figures: dict[str, Any]) -> list[str]:
    """Which goals are missed."""
    goals = {
        "the light tells the truth": ["on" in figures["lights"][0], "off" in figures["lights"][1]] == [True, True],
        "a reading a second": 0.8 <= figures["readings_a_second"] <= 1.05,
        "as Python reads it": figures["from_python"] <= WITHIN + figures["python_unsteady"],
        "a mood can be pressed": figures["moods_pressed"] > 0,
        "nobody but the server is asked": figures["hosts"] == [figures["base"]],
        "no complaint": not figures["complaints"],
    }
    return [goal for goal, met in goals.items() if not met]


def main(arguments: list[str]) -> int:
    """Hold the class; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/firefox"))
    parser.add_argument("--seconds", type=float, default=30.0, help="for which readings are counted")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    print(f"{machine(2)}, {datetime.now(UTC):%Y-%m-%d}")
    figures = hold(chosen.out, chosen.seconds)
    figures["missed"] = missed(figures)
    print(json.dumps(figures, indent=1))
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return int(bool(figures["missed"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
