"""Analysis: going on after a stop, sources under names of their own, and nothing lost to a bad file."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from classmood.analysis import Outcome, Settings, run
from classmood.classifier import Classifier
from classmood.crops import TEMPLATE_PX
from classmood.emotions import CLASSROOM_CLASSES
from classmood.errors import InputError, MissingExtra, ModelError, OutputError
from classmood.faces import Faces
from classmood.pipeline import Pipeline, Smoothing
from classmood.sidecar import Sidecar, read_sidecar
from classmood.timeline import read_timeline
from nine_class_model import UNLEARNED, write_nine_class_model
from videos import FASTSTART, make_video

Rows = list[dict[str, str]]


class TwoPlaces:
    """Says that there is a face in each half of every picture."""

    def detect(self, image: np.ndarray) -> Faces:
        corners = np.array([[2, 4], [34, 4]], np.float32)
        boxes = np.concatenate([corners, np.full((2, 2), 26, np.float32)], 1)
        points = corners[:, None] + TEMPLATE_PX.astype(np.float32) * 26 / 48
        return Faces(boxes, np.full(2, 0.9, np.float32), points)

    def follow(self) -> TwoPlaces:
        return self


class Stop(KeyboardInterrupt):
    """Ctrl-C, from a test."""


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(threads=1)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds in which every picture differs."""
    return make_video(tmp_path_factory.mktemp("video") / "lesson.mp4", 60, container_options=FASTSTART)


@pytest.fixture
def analyse(classifier: Classifier, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Runs an analysis into a folder of this test, stopped after so many instants if told."""

    def analyse(
        *sources: object, out: str = "out", settings: Settings | None = None, stop_after: int = 10**9
    ) -> Outcome:
        settings = settings or Settings()
        seen: list[float] = []

        def progress(_: str, time_s: float) -> None:
            seen.append(time_s)
            if len(seen) == stop_after:
                raise Stop

        pipeline = Pipeline(TwoPlaces(), classifier, settings.smoothing)
        return run(tuple(map(str, sources)), tmp_path / out, settings, pipeline=pipeline, progress=progress)

    return analyse


@contextmanager
def stopped() -> Iterator[None]:
    with pytest.raises(Stop):
        yield


def rows_of(folder: Path) -> Rows:
    with (folder / "timeline.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def without_ids(rows: Rows) -> Rows:
    return [{name: value for name, value in row.items() if name != "track_id"} for row in rows]


def photo(path: Path, seed: int = 0) -> Path:
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 256, (40, 64, 3), dtype=np.uint8))
    return path


@pytest.mark.parametrize(
    "smoothing",
    [Smoothing(0.0), Smoothing(), Smoothing(4.0), Smoothing(0.2, 1.0)],
    ids=["as measured", "smooth", "slow", "against rest"],
)
def test_gone_on_with_the_table_is_that_of_an_unbroken_run(analyse, video: Path, tmp_path: Path, smoothing) -> None:  # type: ignore[no-untyped-def]
    settings = Settings(smoothing=smoothing, raw=True)
    with stopped():
        analyse(video, settings=settings, stop_after=22)
    kept = rows_of(tmp_path / "out")
    assert len(kept) == 44
    assert read_sidecar(tmp_path / "out" / "timeline.json").status == "interrupted"
    assert (tmp_path / "out" / "report.html").is_file()

    outcome = analyse(video, settings=settings)
    whole = analyse(video, out="whole", settings=settings)
    assert (outcome.instants, outcome.faces) == (whole.instants, whole.faces) == (30, 60)
    resumed, unbroken = rows_of(tmp_path / "out"), rows_of(tmp_path / "whole")
    assert resumed[:44] == kept
    for got, expected in zip(without_ids(resumed), without_ids(unbroken), strict=True):
        assert got.pop("not_sure") in ("true", "false")
        expected.pop("not_sure")
        # Smoothing had to settle anew: what is left of that is less than a step of the last digit but one.
        assert {k: float(v) for k, v in got.items()} == pytest.approx(
            {k: float(v) for k, v in expected.items()}, abs=1e-3
        )
    assert read_sidecar(tmp_path / "out" / "timeline.json").status == "complete"


def test_a_finished_run_is_left_as_it_is(analyse, video: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    first = analyse(video)
    before = (tmp_path / "out" / "timeline.csv").read_bytes()
    assert analyse(video) == first
    assert (tmp_path / "out" / "timeline.csv").read_bytes() == before
    assert read_sidecar(tmp_path / "out" / "timeline.json").status == "complete"


def test_photos_of_an_earlier_run_are_not_looked_at_again(analyse, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    photos = [photo(tmp_path / f"{k}.png", k) for k in range(4)]
    with stopped():
        analyse(*photos, stop_after=2)
    # No picture any more, and as long as it was: were it looked at again, it would be a failure.
    photos[0].write_bytes(bytes(photos[0].stat().st_size))
    outcome = analyse(*photos)
    assert (outcome.instants, outcome.failures) == (4, ())
    rows = rows_of(tmp_path / "out")
    assert [Path(row["source"]).name for row in rows] == [f"{k}.png" for k in range(4) for _ in range(2)]


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from classmood import analysis
from classmood.classifier import Classifier
from classmood.pipeline import Pipeline
from test_analysis import TwoPlaces
seen = []
def progress(*_):
    seen.append(1)
    if len(seen) == 12:
        os._exit(9)
analysis.run(({video!r},), Path({out!r}), analysis.Settings(), pipeline=Pipeline(TwoPlaces(), Classifier(threads=1)),
             progress=progress)
"""


def test_after_a_kill_the_rest_is_done(analyse, video: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code = KILLED.format(tests=str(Path(__file__).parent), video=str(video), out=str(tmp_path / "out"))
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    kept = rows_of(tmp_path / "out")
    assert len(kept) == 24
    assert analyse(video).instants == 30
    resumed = read_timeline(tmp_path / "out" / "timeline.csv")
    analyse(video, out="whole")
    whole = read_timeline(tmp_path / "whole" / "timeline.csv")
    np.testing.assert_array_equal(resumed.instants.time_s, whole.instants.time_s)
    np.testing.assert_array_equal(resumed.instants.faces, whole.instants.faces)
    np.testing.assert_allclose(resumed.classroom, whole.classroom, atol=1e-3)


def test_fresh_starts_anew(analyse, video: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    analyse(video)
    assert analyse(video, settings=Settings(rate_hz=2.0, resume=False)).instants == 12
    with pytest.raises(OutputError, match="sampling_hz"):
        analyse(video)


def test_a_video_that_breaks_off_keeps_its_rows_and_names_the_break(analyse, video: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(video.read_bytes()[: int(video.stat().st_size * 0.6)])
    for _ in range(2):  # the second time it is gone on with, to the same end
        outcome = analyse(cut)
        (failure,) = outcome.failures
        assert "cut.mp4: the video breaks off after" in failure
        assert 5 < outcome.instants < 30
        (status,) = read_sidecar(tmp_path / "out" / "timeline.json").sources
        assert (status.status, status.note, status.instants) == ("truncated", failure, outcome.instants)
        assert len(rows_of(tmp_path / "out")) == 2 * outcome.instants


def test_one_bad_file_does_not_stop_the_rest(analyse, video: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "bad.png").write_bytes(b"no picture")
    outcome = analyse(photo(tmp_path / "a.png"), tmp_path / "bad.png", tmp_path / "missing.png", video)
    assert outcome.instants == 31
    assert len(outcome.failures) == 2
    assert all(sum(name in line for line in outcome.failures) == 1 for name in ("bad.png", "missing.png"))
    sidecar = read_sidecar(tmp_path / "out" / "timeline.json")
    assert [source.status for source in sidecar.sources] == ["complete", "failed", "complete"]
    assert sidecar.status == "failed"


def test_nothing_that_can_be_read_is_an_error(analyse, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"bad\.png"):
        analyse(tmp_path / "bad.png")
    with pytest.raises(InputError, match=r"missing\.png"):
        analyse(tmp_path / "missing.png", out="other")
    assert not (tmp_path / "other").exists()


def test_a_file_counts_once_however_it_is_spelled(analyse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "photos"
    folder.mkdir()
    a, _ = photo(folder / "a.png"), photo(folder / "b.png", 1)
    monkeypatch.chdir(tmp_path)
    outcome = analyse(folder, a, "photos/a.png", f"photos{os.sep}..{os.sep}photos{os.sep}b.png", "photos/*.png", a)
    assert (outcome.instants, outcome.failures) == (2, ())
    names = [source.name for source in read_sidecar(tmp_path / "out" / "timeline.json").sources]
    assert len(names) == len(set(names)) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_names_that_the_timeline_would_not_keep_apart_are_refused(analyse, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "photos").mkdir()
    for name in ("a\x01.png", "a\x02.png", "b.png"):
        photo(tmp_path / "photos" / name)
    outcome = analyse(tmp_path / "photos")
    assert outcome.instants == 2
    (failure,) = outcome.failures
    assert "rename the file" in failure
    assert "\n" not in failure


def test_two_sources_of_one_base_name_are_kept_apart(analyse, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for name in ("monday", "tuesday"):
        (tmp_path / name).mkdir()
        photo(tmp_path / name / "class.png")
    analyse(tmp_path / "monday", tmp_path / "tuesday")
    timeline = read_timeline(tmp_path / "out" / "timeline.csv")
    assert len(timeline.sources) == 2
    assert timeline.instants.faces.tolist() == [2, 2]


def provenance(folder: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((folder / "timeline.json").read_text())["provenance"]
    return content


def test_what_was_chosen_is_on_record_and_the_number_of_threads_is_not(tmp_path: Path, classifier: Classifier) -> None:
    source = photo(tmp_path / "a.png")
    settings = Settings(smoothing=Smoothing(0.5, 2.0))
    for threads in (1, 2):
        pipeline = Pipeline(TwoPlaces(), Classifier(threads=threads), settings.smoothing)
        run((str(source),), tmp_path / "out", settings, pipeline=pipeline)
    record = provenance(tmp_path / "out")
    assert record["settings"] == {
        "smoothing_time_constant_s": 0.5,
        "baseline_s": 2.0,
        "not_sure_below": classifier.card.not_sure_below,
    }
    assert record["model_sha256"] == classifier.card.sha256
    assert (record["detector"], record["sampling_hz"]) == ("TwoPlaces", 5.0)
    assert record["derived"] == ["appreciation", "caution"]


def test_a_model_of_all_nine_classes_derives_none(tmp_path: Path) -> None:
    own = Classifier(write_nine_class_model(tmp_path / "own.onnx"), threads=1)
    run((str(photo(tmp_path / "a.png")),), tmp_path / "out", Settings(), pipeline=Pipeline(TwoPlaces(), own))
    made = provenance(tmp_path / "out")
    assert made["derived"] == []
    assert made["unlearned"] == list(UNLEARNED)
    sidecar = Sidecar.model_validate_json((tmp_path / "out" / "timeline.json").read_text())
    kinds = {column.name: column.kind for column in sidecar.columns}
    assert kinds["appreciation"] == kinds["caution"] == kinds["valence"] == kinds["dominance"] == "measured"
    assert kinds["arousal"] == "derived"
    assert "always 0" in next(column.meaning for column in sidecar.columns if column.name == "terror")
    rows = read_timeline(tmp_path / "out" / "timeline.csv").classroom
    assert rows.sum(1) == pytest.approx(np.ones(len(rows)), abs=1e-3)
    assert (rows[:, [CLASSROOM_CLASSES.index(name) for name in UNLEARNED]] == 0).all()


def test_the_report_of_a_model_of_all_nine_classes_marks_nothing_derived(tmp_path: Path) -> None:
    pages = {}
    for name, classifier in (
        ("own", Classifier(write_nine_class_model(tmp_path / "own.onnx"), threads=1)),
        ("shipped", Classifier(threads=1)),
    ):
        pipeline = Pipeline(TwoPlaces(), classifier)
        run((str(photo(tmp_path / "a.png")),), tmp_path / name, Settings(per_person=True), pipeline=pipeline)
        pages[name] = (tmp_path / name / "report.html").read_text(encoding="utf-8")
    assert "derived" in pages["shipped"]
    assert "unvalidated" in pages["shipped"]
    assert "derived" not in pages["own"]
    assert "unvalidated" not in pages["own"]
    assert "held nothing labelled terror (fear) and grief (sadness)" in pages["own"]
    assert "held nothing labelled" not in pages["shipped"]


def test_ferplus_probabilities_are_not_asked_of_a_model_without_them(tmp_path: Path) -> None:
    own = Classifier(write_nine_class_model(tmp_path / "own.onnx"), threads=1)
    with pytest.raises(ModelError, match="leave out --raw"):
        run(
            (str(photo(tmp_path / "a.png")),),
            tmp_path / "out",
            Settings(raw=True),
            pipeline=Pipeline(TwoPlaces(), own),
        )
    assert not (tmp_path / "out").exists()


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A camera in place of any that is there, and settings to read it with."""

    class Camera:
        """Gives random pictures without end."""

        def __init__(self, _: int) -> None:
            self._rng = np.random.default_rng(0)

        def isOpened(self) -> bool:
            return True

        def grab(self) -> bool:
            return True

        def retrieve(self) -> tuple[bool, np.ndarray]:
            return True, self._rng.integers(0, 256, (40, 64, 3), dtype=np.uint8)

        def release(self) -> None: ...

    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    return Settings(rate_hz=1000.0)


def test_ctrl_c_is_a_camera_s_end(analyse, tmp_path: Path, camera: Settings) -> None:  # type: ignore[no-untyped-def]
    outcome = analyse("camera:0", settings=camera, stop_after=5)
    assert outcome.instants == 5
    assert read_sidecar(tmp_path / "out" / "timeline.json").status == "complete"
    assert "interrupted" not in outcome.report.read_text(encoding="utf-8")


def test_a_camera_s_earlier_recording_is_not_written_over(analyse, tmp_path: Path, camera: Settings) -> None:  # type: ignore[no-untyped-def]
    analyse("camera:0", settings=camera, stop_after=5)
    before = (tmp_path / "out" / "timeline.csv").read_bytes()
    with pytest.raises(OutputError, match="earlier recording of camera:0"):
        analyse("camera:0", settings=camera, stop_after=5)
    with pytest.raises(OutputError, match="other columns"):
        analyse("camera:0", settings=Settings(rate_hz=1000.0, raw=True), stop_after=5)
    assert (tmp_path / "out" / "timeline.csv").read_bytes() == before


def test_a_resting_face_is_not_taken_from_a_photo(analyse, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    seen = photo(tmp_path / "one.png")
    analyse(seen, settings=Settings(smoothing=Smoothing(0.35, 5.0)), out="rest")
    analyse(seen, out="plain")
    assert rows_of(tmp_path / "rest") == rows_of(tmp_path / "plain")


def test_a_photo_that_was_retaken_is_not_taken_for_the_old_one(analyse, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    seen = photo(tmp_path / "one.png")
    analyse(seen)
    before = rows_of(tmp_path / "out")
    cv2.imwrite(str(seen), np.random.default_rng(1).integers(0, 256, (50, 64, 3), dtype=np.uint8))
    with pytest.raises(OutputError, match="was another file then"):
        analyse(seen)
    assert rows_of(tmp_path / "out") == before
    analyse(seen, settings=Settings(resume=False))
    assert rows_of(tmp_path / "out") != before


def test_parquet_that_cannot_be_written_is_known_before_the_work(
    analyse,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtra, match=r"classmood\[archive\]"):
        analyse(photo(tmp_path / "one.png"), settings=Settings(parquet=True))
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_a_name_that_is_no_text_does_not_stop_the_rest(analyse, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "photos").mkdir()
    whole = photo(tmp_path / "photos" / "a.png")
    os.link(whole, os.fsencode(tmp_path / "photos") + b"/caf\xe9.png")
    outcome = analyse(tmp_path / "photos")
    assert outcome.instants == 1
    (failure,) = outcome.failures
    assert "not UTF-8" in failure
    failure.encode()


def test_other_formats_hold_the_same_rows(analyse, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra [archive] is not installed")
    outcome = analyse(photo(tmp_path / "a.png"), settings=Settings(raw=True, parquet=True, json_lines=True))
    lines = [json.loads(line) for line in (tmp_path / "out" / "timeline.jsonl").read_text().splitlines()]
    table = parquet.read_table(tmp_path / "out" / "timeline.parquet").to_pylist()
    assert len(lines) == len(table) == outcome.faces == 2
    for one, other, row in zip(lines, table, rows_of(tmp_path / "out"), strict=True):
        assert other["ferplus_fear"] == pytest.approx(float(row["ferplus_fear"]), abs=1e-4)
        assert one["joy"] == pytest.approx(float(row["joy"]), abs=1e-4)


def test_persons_are_in_the_report_only_if_asked_for(analyse, video: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    pages = {}
    for per_person in (False, True):
        outcome = analyse(video, out=f"{per_person}", settings=Settings(rate_hz=2.0, per_person=per_person))
        pages[per_person] = outcome.report.read_text(encoding="utf-8")
    assert len(pages[True]) > len(pages[False])
