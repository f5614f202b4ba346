"""Every kind of source is told apart and read; a bad file of many stops nothing; what is no source is a clear error."""

from __future__ import annotations

import io
import math
import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import classmood.frames
from classmood.errors import InputError, TruncatedVideo
from classmood.frames import Frame, SourceInfo, SourceKind, describe_source, read_frames
from videos import FASTSTART, make_video, number_in, picture


def save(path: Path, number: int) -> Path:
    Image.fromarray(picture(number)).save(path)
    return path


def summary(frames: Iterator[Frame]) -> list[tuple[int, float, str, int]]:
    return [(number_in(f.image), f.time_s, Path(f.source).name, f.index) for f in frames]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("frames") / "lesson.mp4", 30, container_options=FASTSTART)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder whose natural order is neither that of letters nor that of making."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in ((10, "slide10.png"), (2, "slide2.PNG"), (1, "Slide1.png"), (11, "slide10b.png")):
        save(folder / name, number)
    (folder / "notes.txt").write_text("not a picture")
    (folder / "._slide3.png").write_bytes(b"\0\5\26\7")
    (folder / "deeper.png").mkdir()
    return folder


# ---------------------------------------------------------------- the kinds of source


def test_an_image_file(photos: Path) -> None:
    path = photos / "slide2.PNG"
    for source in (path, str(path)):
        frame, *rest = read_frames(source)
        assert not rest
        assert np.array_equal(frame.image, picture(2))
        assert (frame.time_s, frame.source, frame.index) == (0.0, str(path), 0)
        assert describe_source(source) == SourceInfo(SourceKind.IMAGE, str(path), 1, frames=1)


def test_a_folder_in_natural_order(photos: Path) -> None:
    expected = [(1, "Slide1.png"), (2, "slide2.PNG"), (10, "slide10.png"), (11, "slide10b.png")]
    assert summary(read_frames(photos)) == [(n, 0.0, name, i) for i, (n, name) in enumerate(expected)]
    assert all(Path(frame.source).parent == photos for frame in read_frames(str(photos)))
    assert describe_source(photos) == SourceInfo(SourceKind.FOLDER, str(photos), 4, frames=4)


def test_a_glob_of_images_and_videos(photos: Path, video: Path) -> None:
    (photos / "slide7.mp4").write_bytes(video.read_bytes())
    seen = summary(read_frames(str(photos / "slide[0-9]*.[pm]*"), fps=1))
    names = ["slide7.mp4"] * 3
    assert [name for *_, name, _ in seen] == [*names, "slide10.png", "slide10b.png"]
    assert [index for *_, index in seen] == [0, 1, 2, 3, 4]
    moving = [frame.moving for frame in read_frames(str(photos / "slide[0-9]*.[pm]*"), fps=1)]
    assert moving == [True, True, True, False, False]
    assert [time_s for _, time_s, _, _ in seen] == [0.0, 1.0, 2.0, 0.0, 0.0]
    info = describe_source(str(photos / "slide*.png"))
    assert (info.kind, info.files, info.frames, info.duration_s) == (SourceKind.GLOB, 2, None, None)


def test_a_glob_through_folders(photos: Path) -> None:
    inner = photos / "term" / "week 2"
    inner.mkdir(parents=True)
    save(inner / "a.png", 5)
    assert [n for n, *_ in summary(read_frames(str(photos / "**" / "a.png")))] == [5]


def test_a_file_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    path = save(tmp_path / "photo [1].png", 9)
    save(tmp_path / "photo 1.png", 8)
    assert [n for n, *_ in summary(read_frames(path))] == [9]


def test_a_video(video: Path) -> None:
    seen = summary(read_frames(video))
    assert seen == [(i, pytest.approx(i / 10), video.name, i) for i in range(30)]
    seen = summary(read_frames(str(video), fps=2, start_s=1))
    assert [(n, index) for n, _, _, index in seen] == [(10, 0), (15, 1), (20, 2), (25, 3)]
    info = describe_source(video)
    assert info == SourceInfo(SourceKind.VIDEO, str(video), 1, 3.0, 30)


def test_bytes(video: Path) -> None:
    assert len(list(read_frames(video.read_bytes(), fps=5))) == 15
    file = io.BytesIO()
    Image.fromarray(picture(77)).save(file, "PNG")
    frame, *rest = read_frames(file.getvalue())
    assert not rest
    assert (number_in(frame.image), frame.source, frame.time_s) == (77, "bytes", 0.0)
    assert describe_source(file.getvalue()).kind is SourceKind.IMAGE
    assert describe_source(video.read_bytes()) == SourceInfo(SourceKind.VIDEO, "bytes", 1, 3.0, 30)


@given(numbers=st.lists(st.integers(0, 10**6), min_size=1, max_size=20, unique=True))
def test_natural_order_is_that_of_the_numbers(numbers: list[int]) -> None:
    paths = [Path(f"week{n}.jpg") for n in numbers]
    assert sorted(paths, key=classmood.frames._natural) == [Path(f"week{n}.jpg") for n in sorted(numbers)]


@given(st.lists(st.text(st.sampled_from("aB1²0é.-"), min_size=1, max_size=6), max_size=12))
def test_any_names_have_one_order(names: list[str]) -> None:
    keys = [classmood.frames._natural(Path(name)) for name in names]
    backwards = keys[::-1]
    assert sorted(backwards) == sorted(keys)


# ---------------------------------------------------------------- progress


def test_expected_frames_are_those_that_come(video: Path, photos: Path) -> None:
    info = describe_source(video)
    for fps in (None, 1.0, 2.0, 4.0, 100.0):
        for start_s in (0.0, 1.0, 2.5, 10.0):
            assert info.expected_frames(fps, start_s) == len(list(read_frames(video, fps=fps, start_s=start_s)))
    assert describe_source(photos).expected_frames(5) == 4


def test_unknown_lengths_are_not_guessed() -> None:
    assert SourceInfo(SourceKind.VIDEO, "live.webm", 1).expected_frames(5) is None
    assert SourceInfo(SourceKind.VIDEO, "a.mkv", 1, duration_s=6.0).expected_frames() is None
    assert SourceInfo(SourceKind.VIDEO, "a.mkv", 1, duration_s=6.0).expected_frames(5, 2) == 20
    assert SourceInfo(SourceKind.VIDEO, "a.avi", 1, frames=7).expected_frames() == 7
    assert SourceInfo(SourceKind.VIDEO, "a.avi", 1, frames=7).expected_frames(5) is None
    assert describe_source("camera:0").expected_frames(5) is None


# ---------------------------------------------------------------- batches with bad files


def test_one_bad_file_does_not_stop_the_rest(photos: Path, video: Path) -> None:
    (photos / "slide3.png").write_bytes(b"")
    (photos / "slide4.png").write_text("no picture")
    data = video.read_bytes()
    (photos / "slide5.mp4").write_bytes(data[: len(data) * 2 // 3])
    errors: list[InputError] = []
    seen = summary(read_frames(str(photos / "[sS]lide*.*"), on_error=errors.append))
    assert [n for n, _, name, _ in seen if name.endswith(("png", "PNG"))] == [1, 2, 10, 11]
    broken = [n for n, _, name, _ in seen if name == "slide5.mp4"]
    assert 10 < len(broken) < 30
    assert [index for *_, index in seen] == list(range(len(seen)))
    assert [Path(str(error).split(": ")[0]).name for error in errors] == ["slide3.png", "slide4.png", "slide5.mp4"]
    assert [type(error) for error in errors] == [InputError, InputError, TruncatedVideo]


def test_without_a_handler_the_first_bad_file_raises(photos: Path) -> None:
    (photos / "slide3.png").write_bytes(b"")
    frames = read_frames(photos)
    assert [next(frames).index, next(frames).index] == [0, 1]
    with pytest.raises(InputError, match=r"slide3\.png: the file is empty"):
        next(frames)


def test_a_file_of_a_glob_with_an_unknown_ending_is_reported(photos: Path) -> None:
    errors: list[InputError] = []
    assert len(list(read_frames(str(photos / "*.*"), on_error=errors.append))) == 4
    assert len(errors) == 1
    assert "notes.txt: unknown ending .txt; expected one of .jpg" in str(errors[0])


def test_a_batch_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"")
    errors: list[InputError] = []
    with pytest.raises(InputError, match="none of its 2 files could be read"):
        list(read_frames(tmp_path, on_error=errors.append))
    assert len(errors) == 2


def test_a_single_source_raises_also_with_a_handler(tmp_path: Path, video: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="empty"):
        list(read_frames(tmp_path / "empty.jpg", on_error=lambda error: None))
    data = video.read_bytes()
    count = 0
    with pytest.raises(TruncatedVideo):  # noqa: PT012 (the frames before the error are counted)
        for _ in read_frames(data[: len(data) * 2 // 3], on_error=lambda error: None):
            count += 1
    assert count > 10


# ---------------------------------------------------------------- constant memory


def test_the_reader_keeps_no_frame(video: Path) -> None:
    frames = read_frames(video)
    seen = []
    for _ in range(5):
        frame = next(frames)
        seen.append(weakref.ref(frame.image))
        del frame
    # At most the last one, until the next is asked for.
    assert [reference() is None for reference in seen[:-1]] == [True] * 4


def test_a_reading_that_is_left_closes_its_file(video: Path) -> None:
    def is_open() -> bool:
        return any(Path(file.path).name == video.name for file in psutil.Process().open_files())

    for finish in (lambda frames: frames.close(), lambda frames: None, lambda frames: list(frames)):
        frames = read_frames(video)
        assert not is_open()  # nothing is opened before the first frame is asked for
        next(frames)
        assert is_open()
        finish(frames)
        del frames
        assert not is_open()


# ---------------------------------------------------------------- what is no source


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "missing.mp4", "not found; expected a file, a folder, a glob pattern or camera:N"),
        (lambda folder: str(folder / "*.png"), "no file matches this pattern"),
        (lambda folder: folder, "no images in this folder; expected .jpg"),
        (lambda folder: "", "got an empty name"),
        (lambda folder: b"", r"empty \(0 bytes\)"),
        (lambda folder: "camera:front", "not a camera; expected camera:0"),
        (lambda folder: "camera:0?zoom=3", "unknown camera option"),
        (lambda folder: "camera:0?width=wide", "unknown camera option or size"),
        (lambda folder: "camera:0?width=0", "unknown camera option or size"),
        (lambda folder: folder / ("x" * 5000 + ".png"), "x.png: "),
        (lambda folder: "a\0b.png", "a.*b.png: "),
    ],
)
def test_what_is_no_source_is_said_at_once(make, message: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    source = make(tmp_path)
    for use in (read_frames, describe_source):
        with pytest.raises(InputError, match=message) as caught:
            use(source)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["lesson.heic", "lesson.txt", "lesson"])
def test_an_unknown_ending_names_the_known_ones(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"content")
    with pytest.raises(InputError, match=r"unknown ending .*; expected one of \.jpg .*\.png .*\.mp4"):
        read_frames(tmp_path / name)


def test_a_folder_of_videos_hints_at_a_glob(tmp_path: Path, video: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(video.read_bytes())
    with pytest.raises(InputError, match=r"for its 1 videos give a glob such as .*\*\.mp4"):
        read_frames(tmp_path)


@pytest.mark.parametrize("name", ["text.mp4", "text.jpg"])
def test_text_called_otherwise(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("Dear all,\nplease find attached\n" * 100)
    with pytest.raises(InputError, match=f"{name}: not (a video|an image)"):
        list(read_frames(tmp_path / name))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        read_frames(tmp_path / "pipe.mp4")


@pytest.mark.parametrize("fps", [0.0, -1.0, math.nan, math.inf])
def test_impossible_rates(fps: float, video: Path) -> None:
    with pytest.raises(InputError, match="fps: expected a rate above 0"):
        read_frames(video, fps=fps)


@pytest.mark.parametrize("start_s", [-1.0, math.nan, math.inf])
def test_impossible_starts(start_s: float, video: Path) -> None:
    with pytest.raises(InputError, match="start_s: expected 0 or more seconds"):
        read_frames(video, start_s=start_s)


def test_only_a_video_can_be_resumed(photos: Path) -> None:
    for source in (photos, photos / "slide2.PNG", str(photos / "*.png"), "camera:0"):
        with pytest.raises(InputError, match="start_s is for resuming one video; this is a"):
            read_frames(source, start_s=1.0)


# ---------------------------------------------------------------- cameras


class FakeCamera:
    """A camera of 30 frames a second that stops after ``pictures``; it says what was asked of it."""

    def __init__(self, pictures: int) -> None:
        self.pictures, self.now_s = pictures, 100.0
        self.opened: list[int] = []
        self.settings: dict[int, float] = {}
        self.grabbed = self.retrieved = self.released = 0

    def __call__(self, number: int) -> FakeCamera:
        self.opened.append(number)
        return self

    def isOpened(self) -> bool:
        return self.pictures >= 0

    def set(self, key: int, value: float) -> bool:
        self.settings[key] = value
        return True

    def grab(self) -> bool:
        self.now_s += 1 / 30
        self.grabbed += 1
        return self.grabbed <= self.pictures

    def retrieve(self) -> tuple[bool, np.ndarray]:
        self.retrieved += 1
        return True, np.full((4, 6, 3), (10, 20, 30), np.uint8)

    def release(self) -> None:
        self.released += 1


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> FakeCamera:
    fake = FakeCamera(45)
    monkeypatch.setattr(cv2, "VideoCapture", fake)
    monkeypatch.setattr(classmood.frames, "time", SimpleNamespace(perf_counter=lambda: fake.now_s))
    return fake


def test_a_camera(camera: FakeCamera) -> None:
    frames = read_frames("camera:2?width=1280&height=720", fps=5)
    assert not camera.opened
    seen = [next(frames) for _ in range(6)]
    assert camera.opened == [2]
    assert camera.settings == {cv2.CAP_PROP_FRAME_WIDTH: 1280, cv2.CAP_PROP_FRAME_HEIGHT: 720}
    assert [frame.time_s for frame in seen] == pytest.approx([k / 5 for k in range(6)])
    assert seen[0].image[0, 0].tolist() == [30, 20, 10]  # OpenCV hands out BGR
    assert {frame.source for frame in seen} == {"camera:2?width=1280&height=720"}
    assert [frame.index for frame in seen] == list(range(6))
    # All were taken off the camera, only those kept were unpacked.
    assert (camera.grabbed, camera.retrieved) == (31, 6)
    assert camera.released == 0
    frames.close()  # type: ignore[attr-defined]
    assert camera.released == 1
    assert describe_source("camera:2") == SourceInfo(SourceKind.CAMERA, "camera:2", 0)


def test_a_camera_that_stops(camera: FakeCamera) -> None:
    count = 0
    with pytest.raises(InputError, match=r"camera:0: the camera stopped after 1\.5 s"):  # noqa: PT012
        for _ in read_frames("camera:0"):
            count += 1
    assert count == 45
    assert camera.released == 1


def test_a_camera_without_pictures(camera: FakeCamera) -> None:
    camera.pictures = 0
    with pytest.raises(InputError, match="stopped before its first picture"):
        next(read_frames("camera:0"))


def test_a_camera_that_cannot_be_opened(camera: FakeCamera) -> None:
    camera.pictures = -1
    with pytest.raises(InputError, match="camera:0: the camera cannot be opened"):
        next(read_frames("camera:0"))
    assert camera.released == 1


def test_a_camera_that_is_not_there_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="camera:63: the camera cannot be opened"):
        next(read_frames("camera:63"))
    assert capfd.readouterr().err == ""
