"""A study that reads faces in place of recording them, with a face before the camera: no picture leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from chromium import chromium
from study_in_chromium import participant, run, served

from classmood.experiment.check import open_protocol
from classmood.experiment.schedule import schedule
from classmood.server.study.happenings import details

__all__ = ["served"]  # a fixture


@pytest.mark.parametrize(
    "served", [{"stimulus_s": 6, "page_s": 1, "calm_s": 1, "recording": "features"}], indirect=True
)
def test_a_face_is_read_on_the_device_and_no_picture_leaves_it(
    served: Any, portrait: np.ndarray, tmp_path: Path
) -> None:
    camera = write_camera(tmp_path / "camera.y4m", portrait)
    with chromium(*run.FAKE_CAMERA, f"--use-file-for-fake-video-capture={camera}") as it:
        who = participant(it, served, "robot5")
        who.watched.context.set_default_timeout(90000)
        who.come_in()
        who.go_through(served, [], 90)
        who.wait_until_sent(60)
    served.stop()
    (kept,) = run.kept(tmp_path)
    readings = [details(one) for one in kept.events if one.kind == "reading"]
    planned = schedule(open_protocol(served.protocol), 1)
    assert {one.step for one in kept.events if one.kind == "reading"} == {
        one.number for one in planned.steps if one.records
    }
    # A smiling face: the happiness of FER+ leads.
    assert all(np.argmax(one["p"]) == 1 for one in readings)
    assert kept.chunks == []
    assert not (tmp_path / "study.db.recordings").exists()


def write_camera(path: Path, picture: np.ndarray) -> Path:
    """A picture as a camera's film (YUV4MPEG2), which Chromium shows over and over."""
    frame = np.ascontiguousarray(cv2.resize(picture, (640, 640))[:480])
    planes = cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes()
    path.write_bytes(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n" + (b"FRAME\n" + planes) * 10)
    return path
