"""The pipeline: every instant once and in order, with the numbers that the stages give one by one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from classmood.classifier import Classifier, Emotions
from classmood.crops import TEMPLATE_PX, make_crops
from classmood.detectors import CenterFace
from classmood.errors import InputError, TruncatedVideo
from classmood.faces import Faces
from classmood.frames import Frame
from classmood.pipeline import STAGES, Pipeline, Smoothing, analyze
from classmood.timeline import Instant, Timeline

AS_MEASURED = Smoothing(time_constant_s=0.0)


@dataclass
class Corners:
    """Finds as many faces as a picture's first pixel says, a little to the right with every count of its second."""

    slow_s: float = 0.0
    followed: list[int] = field(default_factory=list)
    on_their_own: list[int] = field(default_factory=list)

    def detect(self, image: np.ndarray) -> Faces:
        time.sleep(self.slow_s)
        self.on_their_own.append(1)
        count, moved = int(image[0, 0, 0]), int(image[0, 1, 0])
        corners = np.array([[30 + 110 * i + moved, 40] for i in range(count)], np.float32).reshape(count, 2)
        boxes = np.concatenate([corners, np.full((count, 2), 60, np.float32)], 1)
        points = corners[:, None] + TEMPLATE_PX.astype(np.float32) * 1.25
        return Faces(boxes, np.full(count, 0.9, np.float32), points)

    def follow(self) -> Corners:
        self.followed.append(1)
        return Corners(self.slow_s)


class Slow(Classifier):
    """A classifier that takes its time."""

    def __call__(self, crops: np.ndarray) -> Emotions:
        time.sleep(0.02)
        return super().__call__(crops)


def drawn(counts: list[int], source: str = "a.mp4", *, seed: int = 0) -> list[Frame]:
    """Frames of patterned cloth that changes a little, at 5 Hz."""
    rng = np.random.default_rng(seed)
    cloth = rng.uniform(0, 230, (12, 24, 3))
    frames = []
    for k, count in enumerate(counts):
        pattern = (cloth + rng.uniform(0, 20, cloth.shape)).astype(np.uint8)
        image = cv2.resize(pattern, (480, 160), interpolation=cv2.INTER_CUBIC)
        image[0, 0], image[0, 1] = count, k
        frames.append(Frame(image, k / 5, source, k))
    return frames


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(threads=1)


def assert_same(got: list[Instant], expected: list[Instant]) -> None:
    assert [i.source for i in got] == [i.source for i in expected]
    a, b = Timeline.of(got, raw=True), Timeline.of(expected, raw=True)
    np.testing.assert_array_equal(a.instants.time_s, b.instants.time_s)
    np.testing.assert_array_equal(a.instants.faces, b.instants.faces)
    for name, values in a.columns().items():
        np.testing.assert_array_equal(values, b.columns()[name], err_msg=name)


def test_every_instant_comes_once_in_order_with_its_faces(classifier: Classifier) -> None:
    counts = [2, 0, 1, 3, 3, 0, 0, 2]
    instants = list(Pipeline(Corners(), classifier).instants(drawn(counts)))
    assert [i.time_s for i in instants] == [k / 5 for k in range(len(counts))]
    assert [len(i.faces) for i in instants] == [len(i.emotions) for i in instants] == counts
    assert all(len(set(i.track_ids.tolist())) == len(i.track_ids) for i in instants)


def test_numbers_are_those_of_the_stages_one_by_one(classifier: Classifier) -> None:
    frames = drawn([2, 1, 0, 3, 2])
    for instant, frame in zip(Pipeline(Corners(), classifier, AS_MEASURED).instants(frames), frames, strict=True):
        faces = Corners().detect(frame.image)
        expected = classifier(make_crops(frame.image, faces))
        np.testing.assert_array_equal(instant.faces.boxes_px, faces.boxes_px)
        np.testing.assert_array_equal(instant.emotions.ferplus, expected.ferplus)
        np.testing.assert_array_equal(instant.emotions.vad, expected.vad)
        np.testing.assert_array_equal(instant.emotions.not_sure, expected.not_sure)


@pytest.mark.parametrize("smoothing", [AS_MEASURED, Smoothing(), Smoothing(0.0, 0.5)], ids=["raw", "smooth", "rest"])
def test_which_stage_is_the_slower_changes_nothing(classifier: Classifier, smoothing: Smoothing) -> None:
    frames = drawn([2, 1, 3, 0, 2, 2])
    plain = list(Pipeline(Corners(), classifier, smoothing).instants(frames))
    assert_same(list(Pipeline(Corners(slow_s=0.02), classifier, smoothing).instants(frames)), plain)
    assert_same(list(Pipeline(Corners(), Slow(threads=1), smoothing).instants(frames)), plain)


def test_a_pipeline_remembers_nothing_from_one_run_to_the_next(classifier: Classifier) -> None:
    pipeline, frames = Pipeline(Corners(), classifier), drawn([2, 2, 3])
    first = list(pipeline.instants(frames))
    assert_same(list(pipeline.instants(frames)), first)


def test_each_source_has_its_own_tracks_and_smoothing(classifier: Classifier) -> None:
    a, b = drawn([2, 2, 2], "a.mp4"), drawn([3, 3, 3], "b.mp4", seed=1)
    detector = Corners()
    together = list(Pipeline(detector, classifier).instants([*a, *b]))
    apart = [i for frames in (a, b) for i in Pipeline(Corners(), classifier).instants(frames)]
    assert_same(together, apart)
    assert set(together[3].track_ids.tolist()) == {1, 2, 3}
    assert len(detector.followed) == 2


@pytest.mark.parametrize("moving", [True, False])
def test_a_video_is_followed_from_its_first_frame_on_and_a_photo_looked_at_on_its_own(
    classifier: Classifier, moving: bool
) -> None:
    detector = Corners()
    frames = [replace(frame, moving=moving) for frame in drawn([2, 2, 2])]
    assert [len(instant.faces) for instant in Pipeline(detector, classifier).instants(frames)] == [2, 2, 2]
    assert len(detector.on_their_own) == (0 if moving else 1)


def test_smoothing_steadies_what_the_model_says(classifier: Classifier) -> None:
    frames = drawn([2] * 12)
    taken = [list(Pipeline(Corners(), classifier, how).instants(frames)) for how in (AS_MEASURED, Smoothing(1.0))]
    assert {tuple(sorted(i.track_ids.tolist())) for instants in taken for i in instants} == {(1, 2)}
    raw, smooth = (np.stack([i.emotions.ferplus for i in instants]) for instants in taken)
    np.testing.assert_array_equal(raw[0], smooth[0])
    assert np.abs(np.diff(smooth, axis=0)).sum() < 0.6 * np.abs(np.diff(raw, axis=0)).sum()
    assert smooth.sum(2) == pytest.approx(1, abs=1e-4)


def test_smoothed_faces_are_not_sure_below_the_card_s_threshold(classifier: Classifier) -> None:
    instants = list(Pipeline(Corners(), classifier).instants(drawn([4] * 6)))
    for emotions in (i.emotions for i in instants):
        np.testing.assert_array_equal(emotions.not_sure, emotions.confidence < classifier.card.not_sure_below)


def test_what_came_before_a_break_is_given_before_the_error(classifier: Classifier) -> None:
    def breaking() -> Iterator[Frame]:
        yield from drawn([1, 1, 1])
        raise TruncatedVideo("a.mp4", 0.4)

    instants = Pipeline(Corners(), classifier).instants(breaking())
    assert [next(instants).time_s for _ in range(3)] == [0.0, 0.2, 0.4]
    with pytest.raises(TruncatedVideo):
        next(instants)


def test_an_error_of_the_model_reaches_the_caller(classifier: Classifier) -> None:
    class Broken(Slow):
        def __call__(self, crops: np.ndarray) -> Emotions:
            raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        list(Pipeline(Corners(), Broken(threads=1)).instants(drawn([1, 1])))


def test_leaving_early_closes_the_frames_and_ends_the_threads(classifier: Classifier) -> None:
    closed = []

    def endless() -> Iterator[Frame]:
        try:
            for k in range(10**9):
                yield Frame(drawn([1])[0].image, k / 5, "camera:0", k)
        finally:
            closed.append(True)

    before = threading.active_count()
    instants = Pipeline(Corners(), Slow(threads=1)).instants(endless())
    assert next(instants).time_s == 0
    assert threading.active_count() > before
    instants.close()
    assert closed == [True]
    assert threading.active_count() == before


def test_no_frames_no_instants(classifier: Classifier) -> None:
    assert list(Pipeline(Corners(), classifier).instants([])) == []


def test_time_spent_is_told_by_stage(classifier: Classifier) -> None:
    pipeline = Pipeline(Corners(slow_s=0.01), classifier)
    list(pipeline.instants(drawn([1, 1, 1])))
    assert tuple(pipeline.spent_s) == STAGES
    assert all(seconds > 0 for seconds in pipeline.spent_s.values())
    assert pipeline.spent_s["faces"] >= 0.03


@pytest.fixture(scope="module")
def shipped(classifier: Classifier) -> Pipeline:
    return Pipeline(CenterFace(threads=1), classifier, AS_MEASURED)


def test_a_photo_is_read_as_the_same_picture_in_a_still_video(shipped: Pipeline, portrait: np.ndarray) -> None:
    (photo,) = shipped.instants([Frame(portrait, 0.0, "photo.png", 0)])
    video = list(shipped.instants([Frame(portrait, k / 5, "still.mp4", k, moving=True) for k in range(4)]))
    assert len(photo.faces) == 1
    for instant in video:
        assert instant.track_ids.tolist() == [1]
        assert instant.faces.boxes_px == pytest.approx(photo.faces.boxes_px, abs=6)
    np.testing.assert_array_equal(video[0].emotions.ferplus, photo.emotions.ferplus)


def test_a_picture_without_a_face_is_an_instant_without_rows(shipped: Pipeline) -> None:
    grey = np.full((120, 160, 3), 127, np.uint8)
    instants = list(shipped.instants([Frame(grey, k / 5, "wall.mp4", k) for k in range(3)]))
    timeline = Timeline.of(instants)
    assert (len(timeline), timeline.instants.faces.tolist()) == (0, [0, 0, 0])


def test_analyze_takes_bytes_and_a_folder_with_one_bad_photo(
    shipped: Pipeline, portrait: np.ndarray, tmp_path: Path
) -> None:
    data = cv2.imencode(".png", cv2.cvtColor(portrait, cv2.COLOR_RGB2BGR))[1].tobytes()
    (of_bytes,) = analyze(data, pipeline=shipped)
    (tmp_path / "a.png").write_bytes(data)
    (tmp_path / "b.png").write_bytes(b"no picture")
    (tmp_path / "c.png").write_bytes(data)
    failed: list[InputError] = []
    instants = list(analyze(tmp_path, pipeline=shipped, on_error=failed.append))
    assert [Path(i.source).name for i in instants] == ["a.png", "c.png"]
    for instant in instants:
        np.testing.assert_array_equal(instant.emotions.ferplus, of_bytes.emotions.ferplus)
    assert len(failed) == 1
    assert "b.png" in str(failed[0])
    with pytest.raises(InputError, match=r"b\.png"):
        list(analyze(tmp_path, pipeline=shipped))
