"""The writer: whatever is cut off, what is whole is kept, read and gone on from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classmood.errors import OutputError, TruncatedVideo
from classmood.sidecar import read_sidecar
from classmood.timeline import Instant, Timeline, instants_path, read_timeline, write_csv
from classmood.writer import TimelineWriter
from synthetic_class import PROVENANCE, make_class, make_instant

NAME = PROVENANCE.sources[0]
TWO = PROVENANCE.model_copy(update={"sources": ("a.mp4", 'b, "c".mp4')})


def lesson() -> list[Instant]:
    """Two seconds with instants without a face among them."""
    taken = make_class(3, 2)
    return [make_instant(i.time_s, [], np.zeros((0, 8))) if k in (0, 4, 9) else i for k, i in enumerate(taken)]


def two_lessons() -> list[Instant]:
    return [instant for name in TWO.sources for instant in make_class(2, 1.0, source=name)]


def analyse(path: Path, taken: list[Instant], *, several: bool = False, raw: bool = False) -> None:
    """What the pipeline does, resumed or not: go on in each source from where it was left."""
    provenance = TWO if several else PROVENANCE
    with TimelineWriter(path, provenance, raw=raw, resume=True) as writer:
        for name in provenance.sources:
            start_s = writer.resume_s(name)
            for instant in taken:
                if instant.source == name and instant.time_s >= start_s:
                    writer.append(instant)


def test_what_is_written_is_what_write_csv_writes(tmp_path: Path) -> None:
    for several, taken in ((False, lesson()), (True, two_lessons())):
        for raw in (False, True):
            stream, whole = tmp_path / f"s{several}{raw}" / "timeline.csv", tmp_path / f"w{several}{raw}.csv"
            analyse(stream, taken, several=several, raw=raw)
            write_csv(Timeline.of(taken, raw=raw), whole)
            assert stream.read_bytes() == whole.read_bytes()
            assert instants_path(stream).read_bytes() == instants_path(whole).read_bytes()


@pytest.fixture(scope="module", params=[False, True], ids=["one source", "two sources"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Instant], bool]:
    """An unbroken timeline on disk, what it was made from, and whether it has several sources."""
    path = tmp_path_factory.mktemp("whole") / "timeline.csv"
    taken = two_lessons() if request.param else lesson()
    analyse(path, taken, several=request.param)
    return path, taken, request.param


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=25)
@given(data=st.data())
def test_cut_at_any_byte_it_is_gone_on_from(whole: tuple[Path, list[Instant], bool], data: st.DataObject) -> None:
    original, taken, several = whole
    expected = read_timeline(original)
    folder = original.parent / "cut"
    folder.mkdir(exist_ok=True)
    path = folder / "timeline.csv"
    path.with_suffix(".json").unlink(missing_ok=True)
    for source, file in ((original, path), (instants_path(original), instants_path(path))):
        size = source.stat().st_size
        # Nothing, among the last rows, or anywhere.
        keep = data.draw(st.one_of(st.just(size), st.integers(max(size - 400, 0), size), st.integers(0, size)))
        file.write_bytes(source.read_bytes()[:keep])
    analyse(path, taken, several=several)
    resumed = read_timeline(path)
    # Sources that were begun come first, and ids differ after the break; all else is as if there had been none.
    for name in set(expected.columns()) - {"track_id"}:
        a, b = (t.columns()[name][np.lexsort((t.time_s, _names(t)))] for t in (expected, resumed))
        np.testing.assert_array_equal(a, b, err_msg=name)
    np.testing.assert_array_equal(np.sort(resumed.instants.time_s), np.sort(expected.instants.time_s))
    assert read_sidecar(path).instants == len(expected.instants)
    assert read_sidecar(path).faces == len(expected)


@pytest.mark.parametrize("lost", range(1, 9))
def test_a_last_row_that_lost_its_end_is_not_taken_for_whole(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "timeline.csv"
    taken = make_class(3, 1)
    analyse(path, taken)
    whole = path.read_bytes()
    path.write_bytes(whole[:-lost])
    with TimelineWriter(path, PROVENANCE, resume=True) as writer:
        assert writer.resume_s(NAME) <= taken[-1].time_s
        writer.append(taken[-1])
    resumed = path.read_bytes()
    assert resumed.splitlines()[: -len(taken[-1].track_ids)] == whole.splitlines()[: -len(taken[-1].track_ids)]
    assert len(resumed.splitlines()) == len(whole.splitlines())
    read_timeline(path)


def _names(timeline: Timeline) -> np.ndarray:
    return np.array(timeline.sources)[timeline.source]


def test_ids_after_a_break_begin_above_those_before_it(tmp_path: Path) -> None:
    path = tmp_path / "timeline.csv"
    taken = make_class(5, 4)
    with TimelineWriter(path, PROVENANCE) as writer:
        for instant in taken[:10]:
            writer.append(instant)
    analyse(path, taken)
    timeline = read_timeline(path)
    before, after = timeline.time_s < taken[10].time_s, timeline.time_s >= taken[10].time_s
    assert set(timeline.track_id[before]) == {1, 2, 3, 4, 5}
    assert set(timeline.track_id[after]) == {6, 7, 8, 9, 10}


def test_the_place_to_go_on_from(tmp_path: Path) -> None:
    path = tmp_path / "timeline.csv"
    taken = lesson()
    with TimelineWriter(path, PROVENANCE) as writer:
        assert writer.resume_s(NAME) == 0
        assert not writer.has(NAME)
        for instant in taken:
            writer.append(instant)
    with TimelineWriter(path, PROVENANCE, resume=True) as writer:
        assert taken[-1].time_s < writer.resume_s(NAME) < taken[-1].time_s + 0.01
        assert writer.has(NAME)
    with TimelineWriter(path, PROVENANCE) as writer:
        assert writer.resume_s(NAME) == 0
    assert len(read_timeline(path)) == 0


def test_status_complete_interrupted_truncated_failed(tmp_path: Path) -> None:
    path = tmp_path / "timeline.csv"
    taken = lesson()
    with TimelineWriter(path, PROVENANCE) as writer:
        writer.append(taken[1])
        assert read_sidecar(path).status == "interrupted"
    assert read_sidecar(path).status == "complete"
    with pytest.raises(KeyboardInterrupt):
        _stop_with(KeyboardInterrupt(), path, taken[1])
    assert read_sidecar(path).sources[0].note == "stopped"
    assert read_sidecar(path).status == "interrupted"
    assert len(read_timeline(path)) == len(taken[1].track_ids)
    with pytest.raises(TruncatedVideo):
        _stop_with(TruncatedVideo(NAME, taken[1].time_s), path, taken[1])
    source = read_sidecar(path).sources[0]
    assert (source.status, source.last_time_s) == ("truncated", taken[1].time_s)
    assert "breaks off" in source.note
    with TimelineWriter(path, TWO) as writer:
        writer.end_source("a.mp4", "failed", "a.mp4: not a video")
    sidecar = read_sidecar(path)
    assert sidecar.status == "failed"
    assert [source.status for source in sidecar.sources] == ["failed", "complete"]


def _stop_with(error: BaseException, path: Path, instant: Instant) -> None:
    with TimelineWriter(path, PROVENANCE) as writer:
        writer.append(instant)
        raise error


class _Refuses:
    """A file whose writes fail; all else works."""

    def __init__(self, file: object, error: BaseException) -> None:
        self._file = file
        self._error = error

    def write(self, _: bytes) -> int:
        raise self._error

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


@pytest.mark.parametrize("file", ["_rows", "_ledger"])
@pytest.mark.parametrize(
    ("error", "comes_as"),
    [(KeyboardInterrupt(), KeyboardInterrupt), (OSError(28, "No space left on device"), OutputError)],
    ids=["Ctrl-C", "full disk"],
)
def test_half_an_instant_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, error: BaseException, comes_as: type[BaseException]
) -> None:
    path = tmp_path / "timeline.csv"
    taken = make_class(3, 1)
    _stop_with_nothing(path, taken[0])
    kept = path.read_bytes()
    with TimelineWriter(path, PROVENANCE, resume=True) as writer:
        monkeypatch.setattr(writer, file, _Refuses(getattr(writer, file), error))
        with pytest.raises(comes_as) as raised:
            writer.append(taken[1])
        assert comes_as is KeyboardInterrupt or "No space left on device" in str(raised.value)
    assert path.read_bytes() == kept
    assert len(read_timeline(path)) == len(taken[0].track_ids)


def _stop_with_nothing(path: Path, instant: Instant) -> None:
    with TimelineWriter(path, PROVENANCE) as writer:
        writer.append(instant)


def test_going_on_with_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "timeline.csv"
    analyse(path, lesson())
    other = PROVENANCE.model_copy(update={"model_sha256": "f" * 64})
    with pytest.raises(OutputError, match="cannot go on with it: it was made with model_sha256"):
        TimelineWriter(path, other, resume=True)
    TimelineWriter(path, other)


def test_a_timeline_with_other_columns_is_not_emptied(tmp_path: Path) -> None:
    path = tmp_path / "timeline.csv"
    analyse(path, lesson())
    written = path.read_bytes()
    with pytest.raises(OutputError, match=r"other columns .*--raw.*--fresh"):
        TimelineWriter(path, PROVENANCE, raw=True, resume=True)
    assert path.read_bytes() == written
    # As a spreadsheet saves it.
    path.write_bytes(written.replace(b"\n", b"\r\n"))
    with pytest.raises(OutputError, match="other columns"):
        TimelineWriter(path, PROVENANCE, resume=True)
    assert path.read_bytes() == written.replace(b"\n", b"\r\n")


def test_rows_whose_instants_are_gone_are_not_emptied(tmp_path: Path) -> None:
    path = tmp_path / "timeline.csv"
    analyse(path, lesson())
    written = path.read_bytes()
    instants_path(path).unlink()
    with pytest.raises(OutputError, match=r"timeline_instants\.csv is not beside it"):
        TimelineWriter(path, PROVENANCE, resume=True)
    assert path.read_bytes() == written
    # A header alone is nothing to lose.
    path.write_bytes(written.splitlines(keepends=True)[0])
    analyse(path, lesson())
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    ("whole", "now", "refused"),
    [(True, 1000, False), (True, 1001, True), (True, 999, True), (False, 1001, False), (False, 999, True)],
)
def test_another_file_of_an_old_name_is_noticed(tmp_path: Path, whole: bool, now: int, refused: bool) -> None:
    path = tmp_path / "timeline.csv"
    taken = make_class(3, 1)
    with TimelineWriter(path, PROVENANCE, sizes_bytes={NAME: 1000}) as writer:
        writer.append(taken[0])
        writer.end_source(NAME, "complete" if whole else "truncated")
    assert read_sidecar(path).sources[0].bytes == 1000
    before = path.read_bytes()
    if refused:
        with pytest.raises(OutputError, match=f"was another file then .of 1000 bytes, now of {now}."):
            TimelineWriter(path, PROVENANCE, resume=True, sizes_bytes={NAME: now})
    else:
        with TimelineWriter(path, PROVENANCE, resume=True, sizes_bytes={NAME: now}) as writer:
            assert writer.has(NAME)
    assert path.read_bytes() == before


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")], ids=["Ctrl-C", "full"])
def test_rows_and_line_of_an_instant_are_taken_back_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "timeline.csv"
    taken = make_class(3, 1)

    class Flushed:
        def __init__(self, file: object) -> None:
            self._file = file

        def flush(self) -> None:
            self._file.flush()  # type: ignore[attr-defined]
            raise error

        def __getattr__(self, name: str) -> object:
            return getattr(self._file, name)

    with TimelineWriter(path, PROVENANCE) as writer:
        writer.append(taken[0])
        monkeypatch.setattr(writer, "_ledger", Flushed(writer._ledger))
        with pytest.raises((KeyboardInterrupt, OutputError)):
            writer.append(taken[1])
        monkeypatch.undo()
        # As after a camera's Ctrl-C, where another source follows.
        writer.append(taken[2])
    assert read_timeline(path).instants.time_s.tolist() == [taken[0].time_s, taken[2].time_s]


def test_unwritable_output(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        TimelineWriter(tmp_path / "file" / "timeline.csv", PROVENANCE)


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from synthetic_class import PROVENANCE, make_class
from classmood.writer import TimelineWriter
writer = TimelineWriter(Path({path!r}), PROVENANCE)
for instant in make_class(3, 4)[:12]:
    writer.append(instant)
os._exit(9)
"""


def test_a_kill_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    path = tmp_path / "timeline.csv"
    code = KILLED.format(tests=str(Path(__file__).parent), path=str(path))
    subprocess.run([sys.executable, "-c", code], check=False)
    assert len(read_timeline(path).instants) == 12
    assert read_sidecar(path).status == "interrupted"
