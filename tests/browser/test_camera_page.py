"""The camera on the student's page: its light, what turns it off, and that models come only then. A drawn test picture
stands in for a camera; no face is in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from camera_frames import DRAWN, SIZES, before_a_wall, still_camera
from chromium import Watched, built_pages, chromium
from playwright.sync_api import Page, expect
from served import ALLOWED, EXACT, served
from test_pages_in_chromium import open_class

from classmood.classifier import Classifier
from classmood.crops import make_crops
from classmood.detectors import CenterFace
from classmood.emotions import CLASSROOM_CLASSES
from drawn_gallery import person
from nine_class_model import write_nine_class_model

FAKE_CAMERA = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
# Notes every track that the page gets, so that a test can ask whether the camera is really off.
NOTE_TRACKS = """
  window.tracks = [];
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    window.tracks.push(...stream.getTracks());
    return stream;
  };
"""
# A picture that is late: the camera is given, and its first frame does not come.
HOLD_PLAY = """() => {
  window.play = HTMLVideoElement.prototype.play;
  HTMLVideoElement.prototype.play = () => new Promise(() => undefined);
}"""


def live_tracks(page: Page) -> list[str]:
    kinds: list[str] = page.evaluate(
        "window.tracks.filter((track) => track.readyState === 'live').map((track) => track.kind)"
    )
    return kinds


def turn(page: Page, state: str) -> None:
    """The tab goes to the background, or comes back, as far as the page is told."""
    page.evaluate(
        "(state) => { Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        state,
    )


def test_the_light_tells_the_truth_and_models_come_only_with_a_camera(tmp_path: Path) -> None:
    (tmp_path / "page").symlink_to(built_pages(), target_is_directory=True)
    with chromium(*FAKE_CAMERA) as browser, served(tmp_path, ALLOWED, release=EXACT) as server:
        _, code = open_class(Watched(browser), server)
        student = Watched(browser, permissions=["camera"])
        student.context.add_init_script(NOTE_TRACKS)
        page = student.page()
        page.goto(f"{server.base}/join/{code}")
        page.get_by_label("With my camera").check()
        page.get_by_role("button", name="I agree").click()
        light = page.locator(".light")
        expect(light).to_have_text("Camera off")
        assert not [url for url in student.asked if re.search(r"\.wasm|/models", url)]

        page.get_by_role("button", name="Turn the camera on").click()
        expect(page.get_by_text("No face found")).to_be_visible(timeout=60000)
        expect(light).to_have_text("Camera on")
        assert live_tracks(page) == ["video"]
        assert [url for url in student.asked if url.endswith(".wasm")]

        page.get_by_role("button", name="Enter the class").click()
        expect(page.get_by_role("heading", name="Only you see this")).to_be_visible()
        expect(light).to_have_text("Camera on")
        turn(page, "hidden")
        expect(light).to_have_text("Camera off")
        assert live_tracks(page) == []
        turn(page, "visible")
        expect(page.get_by_text(re.compile(r"Paused for .* in the background"))).to_be_visible()
        expect(light).to_have_text("Camera on")
        assert live_tracks(page) == ["video"]

        page.get_by_role("button", name="Pause").click()
        expect(light).to_have_text("Camera off")
        assert live_tracks(page) == []
        page.get_by_role("button", name="Go on").click()
        expect(light).to_have_text("Camera on")

        # Who pauses while the camera is on its way finds it again as well.
        expect(page.get_by_text("No face found")).to_be_visible(timeout=15000)
        page.evaluate(HOLD_PLAY)
        turn(page, "hidden")
        turn(page, "visible")
        expect(light).to_have_text("Camera on")
        page.get_by_role("button", name="Pause").click()
        expect(light).to_have_text("Camera off")
        page.evaluate("() => { HTMLVideoElement.prototype.play = window.play; }")
        page.get_by_role("button", name="Go on").click()
        expect(light).to_have_text("Camera on")
        expect(page.get_by_text("No face found")).to_be_visible(timeout=15000)
        page.get_by_role("button", name="Leave").click()
        expect(page.get_by_role("heading", name="You have left the class")).to_be_visible()
        assert live_tracks(page) == []
        assert student.hosts() == {server.base.removeprefix("http://")}
        assert student.complaints == []


def test_a_model_of_the_nine_classes_reads_in_the_page_and_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "page").symlink_to(built_pages(), target_is_directory=True)
    own = write_nine_class_model(tmp_path / "mine.onnx")
    frame = before_a_wall(person(DRAWN[0], room=1), SIZES[0], 0.9, np.random.default_rng(3))
    with chromium(*FAKE_CAMERA) as browser, served(tmp_path, ALLOWED, release=EXACT, model=own) as server:
        _, code = open_class(Watched(browser), server)
        student = Watched(browser, permissions=["camera"])
        student.context.add_init_script(still_camera(frame))
        page = student.page()
        sent: list[dict[str, Any]] = []
        page.on(
            "websocket", lambda socket: socket.on("framesent", lambda payload: sent.append(json.loads(str(payload))))
        )
        page.goto(f"{server.base}/join/{code}")
        page.get_by_label("With my camera").check()
        page.get_by_role("button", name="I agree").click()
        page.get_by_role("button", name="Turn the camera on").click()
        page.get_by_role("button", name="Enter the class").click(timeout=60000)
        expect(page.get_by_role("heading", name="Only you see this")).to_be_visible()
        page.get_by_text("All shares").click()
        expect(page.locator("dl dt")).to_have_count(len(CLASSROOM_CLASSES), timeout=60000)
        expect(page.locator("dl dt").nth(2)).to_have_text("trust")
        read = [message for message in sent if message["type"] == "reading"]
        assert read
        assert {message["classes"] for message in read} == {"classroom"}
        faces = CenterFace().detect(frame)
        expected = Classifier(own)(make_crops(frame, faces.take(np.array([0]))))
        assert np.abs(np.array(read[-1]["p"]) - expected.classroom[0]).max() < 0.05
        assert np.abs(np.array(read[-1]["vad"]) - expected.vad[0]).max() < 0.1
        assert student.complaints == []
