"""From a dataset to crops: the same each time, gone on with after a kill, and without whoever was erased."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import shutil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from classmood.clips import build as building
from classmood.clips.build import BuildSettings, build
from classmood.clips.crop_set import MANIFEST, CropSet, read_crop_set
from classmood.clips.quality import QualityLimits
from classmood.crops import TEMPLATE_PX
from classmood.dataset.folder import Event, Participant, _sum_up, add_participant, create_dataset, erase_participant
from classmood.detectors import CenterFace
from classmood.errors import InputError, OutputError
from classmood.experiment.check import open_protocol
from classmood.experiment.schedule import schedule
from classmood.faces import Faces
from classmood.markdown import write_text
from classmood.server.study.film import join_film
from classmood.study.forms import protocol_text
from simulated_study import TWO, write_study

SETTINGS = BuildSettings(rate_hz=2.0, quality=QualityLimits(score=0.4), folds=3)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def built(study: Path, tmp_path_factory: pytest.TempPathFactory) -> CropSet:
    return build(study, tmp_path_factory.mktemp("built") / "crops", SETTINGS)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / MANIFEST).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_clip_of_each_participant_is_there_with_its_frames(built: CropSet) -> None:
    assert next(clip.name for clip in built.clips if clip.participant == "sub-002") == "sub-002_resting_face"
    assert len(built.clips) == 9
    for clip in built.clips:
        # Three seconds at 2 Hz; a frame on the edge may fall to either side.
        assert 5 <= len(clip.crops) <= 7
        assert (np.diff(clip.time_s) > 0).all()
        assert clip.time_s[0] >= 0
        assert clip.time_s[-1] < 3
    assert built.labels == ("neutral", "joy", "fury")
    assert len({(clip.participant, clip.fold) for clip in built.clips}) == 3
    assert {clip.course for clip in built.clips} == {"course-a", "course-b"}


def test_the_same_study_gives_the_same_bytes(study: Path, built: CropSet, tmp_path: Path) -> None:
    build(study, tmp_path / "again", SETTINGS)
    assert files(tmp_path / "again") == files(built.path)


def test_a_killed_run_goes_on_where_it_was(
    study: Path, built: CropSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, done = building._cut, []

    def cut_two(recording, *others):  # type: ignore[no-untyped-def]
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(recording.participant)
        return cut(recording, *others)

    monkeypatch.setattr(building, "_cut", cut_two)
    with pytest.raises(KeyboardInterrupt):
        build(study, tmp_path / "crops", SETTINGS)
    with pytest.raises(InputError, match="expected a folder of 'classmood dataset build'"):
        read_crop_set(tmp_path / "crops")
    done.clear()
    build(study, tmp_path / "crops", SETTINGS)
    assert done == ["sub-003"]
    assert files(tmp_path / "crops") == files(built.path)


def test_other_labels_cost_no_new_look_at_the_videos(
    study: Path, built: CropSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(built.path, tmp_path / "crops")
    monkeypatch.setattr(building, "_cut", None)
    said = build(study, tmp_path / "crops", BuildSettings("self-report", 2.0, SETTINGS.quality, 3))
    told = {row["file"]: row["emotion"] or "neutral" for row in rows(tmp_path / "crops")}
    assert {f"{clip.participant}/{clip.name}.npz": clip.label for clip in said.clips} == told


def test_whoever_is_erased_from_the_dataset_leaves_the_set_too(study: Path, built: CropSet, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "study")
    shutil.copytree(built.path, tmp_path / "crops")
    erase_participant(tmp_path / "study", "sub-002")
    build(tmp_path / "study", tmp_path / "crops", SETTINGS)
    left = files(tmp_path / "crops")
    assert not [name for name, content in left.items() if "sub-002" in name or b"sub-002" in content]
    assert [name for name in left if name.startswith("sub-001/")]


def test_the_last_one_who_is_erased_leaves_the_set_too(study: Path, built: CropSet, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "study")
    shutil.copytree(built.path, tmp_path / "crops")
    for who in built.participants:
        erase_participant(tmp_path / "study", who)
    with pytest.raises(InputError, match="expected participants with a video"):
        build(tmp_path / "study", tmp_path / "crops", SETTINGS)
    assert not list((tmp_path / "crops").glob("**/*.npz"))
    with pytest.raises(InputError):
        read_crop_set(tmp_path / "crops")


def test_a_video_that_cannot_be_read_costs_its_own_clips_alone(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "study")
    broken = tmp_path / "study" / "sub-002" / "sub-002_video.mp4"
    broken.write_bytes(broken.read_bytes()[:900])
    with pytest.raises(InputError, match=r"sub-002_video\.mp4: was changed since it was written"):
        build(tmp_path / "study", tmp_path / "crops", SETTINGS)
    _sum_up(tmp_path / "study")
    made = build(tmp_path / "study", tmp_path / "crops", SETTINGS)
    assert made.participants == ("sub-001", "sub-003")
    said = {row["left_out"] for row in rows(tmp_path / "crops") if row["participant"] == "sub-002"}
    assert len(said) == 1
    assert "sub-002_video.mp4" in said.pop()


def test_frames_that_are_not_good_enough_are_counted_by_their_fault(study: Path, tmp_path: Path) -> None:
    strict = BuildSettings(rate_hz=2.0, quality=QualityLimits(face_px=1000, score=0.4), folds=3)
    with pytest.raises(InputError, match=r"two or more participants with usable clips .* got 0"):
        build(study, tmp_path / "crops", strict, detector=CenterFace())
    assert "small" in (tmp_path / "crops" / "sub-001" / "clips.json").read_text()


def test_a_folder_of_other_things_is_not_written_into(study: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="holds files that are no crop set"):
        build(study, tmp_path, SETTINGS)
    assert files(tmp_path) == {"thesis.txt": b"precious"}


class OneFace:
    """Finds a sure, large face in the middle of every picture."""

    def detect(self, image: np.ndarray) -> Faces:
        points = np.array([[60.0, 60.0]]) + TEMPLATE_PX[None].astype(np.float32) * 3
        box = np.array([[60, 60, 144, 144]], np.float32)
        return Faces(box, np.ones(1, np.float32), points.astype(np.float32))

    def follow(self) -> OneFace:
        return self


def test_a_video_that_begins_late_is_read_by_the_session_s_clock(tmp_path: Path) -> None:
    # The server joins what was recorded at 20 s and at 30 s into one file; before and between there is nothing.
    with av.open(str(tmp_path / "part.webm"), "w") as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.width = stream.height = 256
        grey = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
        big = cv2.resize(grey, (256, 256), interpolation=cv2.INTER_LINEAR)
        for k in range(40):
            picture = np.clip(big.astype(int) // 2 + 3 * k, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.stack([picture] * 3, 2), "rgb24")))
        container.mux(stream.encode())
    assert join_film([(20.0, tmp_path / "part.webm"), (30.0, tmp_path / "part.webm")], tmp_path / "film.webm") == 2
    study = tmp_path / "study"
    create_dataset(study, write_text(tmp_path / "protocol.toml", protocol_text(TWO)))
    events = (
        Event(20, 3, "baseline", "rest-first"),
        Event(24.5, 3, "stimulus", "situations", "joy", "joy", "words"),
        Event(31, 2, "stimulus", "situations", "fury", "fury", "words"),
    )
    for number in (1, 2):
        order = schedule(open_protocol(study / "protocol.toml"), number).order
        mine = events[:1] + tuple(
            dataclasses.replace(event, scenario=name, evokes=name)
            for event, name in zip(events[1:], order, strict=True)
        )
        media = {"video": tmp_path / "film.webm"}
        add_participant(
            study,
            Participant(f"sub-{number:03d}", number, "c", "video", "yes", dt.date(2000, 1, 1), False, mine, media),
        )
    made = build(study, tmp_path / "crops", BuildSettings(rate_hz=5.0), detector=OneFace())
    rest, last = (clip for clip in made.clips if clip.participant == "sub-001")
    assert len(rest.crops) in (14, 15, 16)
    assert rest.time_s[0] == pytest.approx(0, abs=0.11)
    assert rest.time_s[-1] == pytest.approx(2.8, abs=0.21)
    assert last.time_s[0] == pytest.approx(0, abs=0.21)
    assert last.time_s[-1] == pytest.approx(1.8, abs=0.21)
    # The later second of the part is the brighter one: the right frames were taken.
    assert last.crops.mean() > rest.crops[:5].mean() + 20
    said = [row["left_out"] for row in rows(tmp_path / "crops") if row["participant"] == "sub-001"]
    assert said == ["", "not in the video", ""]
