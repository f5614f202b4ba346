"""The class in Firefox: what counts as missed, the camera that it is given, and the driver itself where Firefox is."""

from __future__ import annotations

import base64
import importlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="benchmarks/ is not beside the tests")
GOOD: dict[str, Any] = {
    "lights": ["Camera on", "Camera off"],
    "readings_a_second": 0.98,
    "from_python": 0.05,
    "python_unsteady": 0.03,
    "moods_pressed": 1,
    "hosts": ["127.0.0.1:1"],
    "base": "127.0.0.1:1",
    "complaints": [],
}


@pytest.fixture
def firefox(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = list(sys.path)
    yield importlib.import_module("firefox")
    sys.path[:] = before


@pytest.mark.parametrize(
    ("changed", "goal"),
    [
        ({}, None),
        ({"lights": ["Camera on", "Camera on"]}, "the light tells the truth"),
        ({"readings_a_second": 0.4}, "a reading a second"),
        ({"readings_a_second": 2.0}, "a reading a second"),
        ({"from_python": 0.07}, "as Python reads it"),
        ({"moods_pressed": 0}, "a mood can be pressed"),
        ({"hosts": ["127.0.0.1:1", "elsewhere.example"]}, "nobody but the server is asked"),
        ({"complaints": ["error: x"]}, "no complaint"),
    ],
)
def test_each_goal_can_be_missed(firefox: ModuleType, changed: dict[str, Any], goal: str | None) -> None:
    assert firefox.missed(GOOD | changed) == ([goal] if goal else [])


def test_the_camera_shows_the_frame(firefox: ModuleType) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = json.loads(re.search(r"= (\{.*\});", firefox.still_camera(frame))[1])  # type: ignore[index]
    pixels = np.frombuffer(base64.b64decode(picture["pixels"]), np.uint8).reshape(6, 8, 4)
    assert (picture["width"], picture["height"]) == (8, 6)
    assert (pixels[..., :3] == frame).all()
    assert (pixels[..., 3] == 255).all()


@pytest.mark.skipif(shutil.which("firefox-esr") is None, reason="Firefox is not installed (Debian: firefox-esr)")
def test_firefox_is_driven_by_its_own_protocol(firefox: ModuleType, tmp_path: Path) -> None:
    driver = importlib.import_module("firefox_driver")
    with driver.firefox() as browser:
        page = browser.page(before="window.early = 7;")
        page.go("data:text/html,<title>t</title><button onclick=\"document.title='clicked'\">Press</button>")
        page.click("Press")
        page.until("document.title === 'clicked'")
        assert page.value("window.early") == 7
        assert page.text().strip() == "Press"
        page.value("void console.error('oh no')")
        page.picture(tmp_path / "page.png")
        assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
        with pytest.raises(driver.FirefoxError, match="not within"):
            page.until("false", 0.3)
        with pytest.raises(driver.FirefoxError, match="nothing"):
            page.value("nothing")
    assert browser.complaints == ["error: oh no"]
