"""Videos: right pictures at right times, upright, sampled, resumed, and honest about where they break off."""

from __future__ import annotations

import gc
import io
import itertools
import math
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import classmood.video
from classmood.errors import InputError, TruncatedVideo
from classmood.video import Sampler, read_video, video_info
from videos import FASTSTART, FRAGMENTED, HEIGHT_PX, LIVE, WIDTH_PX, make_video, number_in, picture

KINDS = {
    "plain.mp4": {},
    "faststart.mp4": {"container_options": FASTSTART},
    "fragmented.mp4": {"container_options": FRAGMENTED},
    "plain.mkv": {},
    "live.mkv": {"container_options": LIVE},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "stream.ts": {},
    "plain.avi": {"codec": "mpeg4"},
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("videos")
    return {name: make_video(folder / name, **options) for name, options in KINDS.items()}


def numbers_and_times(source: Path | bytes, **options: float) -> list[tuple[int, float]]:
    return [(number_in(image), time_s) for image, time_s in read_video(source, **options)]


def until_break(source: Path | bytes, **options: float) -> tuple[list[tuple[int, float]], TruncatedVideo | None]:
    seen: list[tuple[int, float]] = []
    try:
        for image, time_s in read_video(source, **options):
            seen.append((number_in(image), time_s))
    except TruncatedVideo as error:
        return seen, error
    return seen, None


# ---------------------------------------------------------------- pictures and times


@pytest.mark.parametrize("name", KINDS)
def test_every_frame_comes_out_once_at_its_time(name: str, videos: dict[str, Path]) -> None:
    assert numbers_and_times(videos[name]) == [(i, pytest.approx(i / 10, abs=1e-9)) for i in range(60)]
    assert numbers_and_times(videos[name].read_bytes()) == numbers_and_times(videos[name])


def test_colours_are_rgb(videos: dict[str, Path]) -> None:
    image, _ = next(read_video(videos["plain.mp4"]))
    assert image.shape == (HEIGHT_PX, WIDTH_PX, 3)
    assert image.dtype == np.uint8
    fields = [image[26:34, x : x + 14].mean((0, 1)) for x in (4, 26, 48)]
    assert [int(field.argmax()) for field in fields] == [0, 1, 2]
    assert all(field.max() > 200 and np.sort(field)[1] < 60 for field in fields)


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_a_variable_frame_rate_keeps_its_times(ending: str, tmp_path: Path) -> None:
    times_s = [0, 0.04, 0.08, 1.5, 1.501, 2.25, 9.0, 9.033]
    path = make_video(tmp_path / f"vfr{ending}", len(times_s), times_s=times_s)
    seen = numbers_and_times(path)
    assert [number for number, _ in seen] == list(range(len(times_s)))
    assert [time_s for _, time_s in seen] == pytest.approx(times_s, abs=1e-9)
    assert [number for number, _ in numbers_and_times(path, fps=1)] == [0, 3, 5, 6]


def test_time_counts_from_the_streams_start(videos: dict[str, Path]) -> None:
    with av.open(videos["stream.ts"]) as container:
        assert container.streams.video[0].start_time != 0  # or this test would show nothing
    assert next(read_video(videos["stream.ts"]))[1] == 0


# The picture as it is shown: the display matrix turns counter-clockwise, then mirrors.
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize(("mirror_x", "mirror_y"), [(False, False), (True, False), (False, True)])
def test_the_display_matrix_is_applied(degrees: int, mirror_x: bool, mirror_y: bool, tmp_path: Path) -> None:
    path = make_video(tmp_path / "turned.mp4", 3, rotation=(degrees, mirror_x, mirror_y))
    shown = np.rot90(picture(0b0010_0110), degrees // 90)
    shown = shown[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]
    plain = make_video(tmp_path / "plain.mp4", 3)
    for (turned, _), (upright, _) in zip(read_video(path), read_video(plain), strict=True):
        expected = np.rot90(upright, degrees // 90)[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]
        assert turned.shape == shown.shape
        assert turned.flags.c_contiguous
        assert np.array_equal(turned, expected)


@pytest.mark.parametrize(
    ("aspect", "shape"),
    [
        (Fraction(4, 3), (48, 85, 3)),
        (Fraction(8, 9), (54, 64, 3)),
        (Fraction(1), (48, 64, 3)),
        (Fraction(99), (48, 64, 3)),
    ],
)
def test_pixels_come_out_square(aspect: Fraction, shape: tuple[int, ...], tmp_path: Path) -> None:
    path = make_video(tmp_path / "camcorder.mp4", 3, pixel_aspect=aspect)
    plain = next(read_video(make_video(tmp_path / "plain.mp4", 3)))[0]
    image, _ = next(read_video(path))
    assert image.shape == shape
    expected = cv2.resize(plain, shape[1::-1], interpolation=cv2.INTER_CUBIC)
    assert np.abs(image.astype(int) - expected).mean() < 4


def test_a_turned_picture_is_made_square_before_it_is_turned(tmp_path: Path) -> None:
    path = make_video(tmp_path / "turned.mp4", 3, pixel_aspect=Fraction(3, 2), rotation=(90,))
    assert next(read_video(path))[0].shape == (96, 48, 3)


def test_a_picture_of_a_changing_size_keeps_its_own(tmp_path: Path) -> None:
    # As meeting tools record when a window is resized: two sizes in one stream.
    parts = []
    for side_px, start_s in ((32, 0), (64, 2)):
        path = tmp_path / f"{side_px}.ts"
        with av.open(path, "w") as container:
            stream = container.add_stream("libx264", rate=10)
            stream.width = stream.height = side_px
            stream.pix_fmt = "yuv420p"
            for number in range(5):
                frame = av.VideoFrame.from_ndarray(np.full((side_px, side_px, 3), 40 * number, np.uint8), "rgb24")
                frame.pts, frame.time_base = 10 * start_s + number, Fraction(1, 10)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        parts.append(path.read_bytes())
    shapes = [image.shape for image, _ in read_video(b"".join(parts))]
    assert shapes == [(32, 32, 3)] * 5 + [(64, 64, 3)] * 5


# ---------------------------------------------------------------- sampling


@given(
    # Never a whole millisecond from an instant, so that rounding decides nothing.
    milliseconds=st.lists(st.integers(0, 20_000), min_size=1, max_size=80, unique=True).map(sorted),
    fps=st.sampled_from([0.5, 1.0, 2.0, 4.0, 5.0, 8.0, 10.0, 12.5, 20.0, 25.0, 50.0]),
)
def test_sampling_takes_the_first_frame_at_or_after_each_instant(milliseconds: list[int], fps: float) -> None:
    times_s = [ms / 1000 + 0.0003 for ms in milliseconds]
    sampler = Sampler(fps)
    kept = [time_s for time_s in times_s if sampler.wants(time_s)]
    # "At" an instant is within a millisecond, which is how finely containers tell time.
    instants = range(math.floor((times_s[-1] + 0.001) * fps) + 1)
    expected = {next(time_s for time_s in times_s if time_s >= instant / fps - 0.001) for instant in instants}
    assert kept == sorted(expected)


@given(times_s=st.lists(st.floats(0, 1e5), min_size=1, max_size=60, unique=True).map(sorted), fps=st.floats(0.01, 1000))
def test_no_two_kept_frames_stand_for_the_same_instant(times_s: list[float], fps: float) -> None:
    sampler = Sampler(fps)
    kept = [time_s for time_s in times_s if sampler.wants(time_s)]
    assert kept[0] == times_s[0]
    # Any two lie on either side of an instant, so there are no more of them than instants.
    assert all(math.floor((b + 0.001) * fps) > math.floor((a + 0.001) * fps) for a, b in itertools.pairwise(kept))
    assert len(kept) <= math.floor((times_s[-1] + 0.001) * fps) + 1


def test_times_rounded_to_a_millisecond_do_not_shift_the_samples() -> None:
    # Matroska rounds 1/30 s to 0.033 s, which is before the instant it stands for.
    sampler = Sampler(30.0)
    assert all(sampler.wants(round(i / 30, 3)) for i in range(300))
    sampler = Sampler(15.0)
    assert [i for i in range(60) if sampler.wants(round(i / 30, 3))] == list(range(0, 60, 2))


@pytest.mark.parametrize("name", KINDS)
def test_sampling_a_video(name: str, videos: dict[str, Path]) -> None:
    assert [number for number, _ in numbers_and_times(videos[name], fps=2)] == list(range(0, 60, 5))
    assert [number for number, _ in numbers_and_times(videos[name], fps=4)][:5] == [0, 3, 5, 8, 10]
    assert len(numbers_and_times(videos[name], fps=1000)) == 60


# ---------------------------------------------------------------- resuming


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=15, deadline=None)
@given(start_s=st.floats(0, 7), fps=st.sampled_from([None, 2.0, 3.0, 7.0]))
def test_resuming_gives_what_an_unbroken_reading_gives(
    name: str, start_s: float, fps: float | None, videos: dict[str, Path]
) -> None:
    whole = numbers_and_times(videos[name], fps=fps)
    assert numbers_and_times(videos[name], fps=fps, start_s=start_s) == [p for p in whole if p[1] >= start_s]


@pytest.mark.parametrize("name", ["plain.mp4", "plain.mkv"])
def test_resuming_exactly_at_keyframes(name: str, videos: dict[str, Path]) -> None:
    # A keyframe has nothing decoded before it: sampling at 2 Hz must not take those that are off the half second.
    whole = numbers_and_times(videos[name], fps=2)
    for start_s in (1.2, 2.4, 3.6, 4.8):
        assert numbers_and_times(videos[name], fps=2, start_s=start_s) == [p for p in whole if p[1] >= start_s]


def test_resuming_does_not_decode_from_the_start(videos: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    first_s = []
    pictures = classmood.video._decoded_from

    def spy(source: Path, name: str, seek_s: float):  # type: ignore[no-untyped-def]
        for i, each in enumerate(pictures(source, name, seek_s)):
            if i == 0:
                first_s.append(each[1])
            yield each

    monkeypatch.setattr(classmood.video, "_decoded_from", spy)
    assert numbers_and_times(videos["plain.mp4"], start_s=5.0)[0] == (50, 5.0)
    assert first_s == [4.8]  # the keyframe before
    first_s.clear()
    assert numbers_and_times(videos["plain.mp4"], start_s=4.8)[0] == (48, 4.8)
    assert first_s == [4.4]  # and one that is strictly before, for the sampling


# ---------------------------------------------------------------- only what is asked for


def test_only_kept_frames_are_converted_and_only_when_asked_for(
    videos: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    converted, decoded = [], []
    to_rgb, pictures = classmood.video._to_rgb, classmood.video._decoded

    def spy_decoded(*args: object):  # type: ignore[no-untyped-def]
        for each in pictures(*args):
            decoded.append(each[1])
            yield each

    def spy_converted(frame: av.VideoFrame, aspect: Fraction) -> np.ndarray:
        converted.append(frame.pts)
        return to_rgb(frame, aspect)

    monkeypatch.setattr(classmood.video, "_to_rgb", spy_converted)
    monkeypatch.setattr(classmood.video, "_decoded", spy_decoded)
    frames = read_video(videos["plain.mp4"], fps=2, start_s=0)
    assert not decoded
    next(frames)
    next(frames)
    assert (len(decoded), len(converted)) == (6, 2)
    assert len(list(frames)) == 10
    assert (len(decoded), len(converted)) == (60, 12)


def test_decoded_frames_are_freed_at_once(tmp_path: Path) -> None:
    # Without the cycle collector, which may come hundreds of frames (of some megabytes each) too late.
    path = make_video(tmp_path / "turned.mp4", 40, rotation=(90,))
    gc.collect()
    gc.disable()
    try:
        frames = read_video(path)
        assert len(list(itertools.islice(frames, 30))) == 30
        alive = sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects())
        frames.close()  # type: ignore[attr-defined]
    finally:
        gc.enable()
    # Those that one packet gave, and the one whose display matrix was read.
    assert 0 < alive < 10


def is_open(path: Path) -> bool:
    return any(Path(file.path).name == path.name for file in psutil.Process().open_files())


@pytest.mark.parametrize("start_s", [0.0, 3.0])
def test_a_reading_that_is_left_closes_its_file(start_s: float, videos: dict[str, Path]) -> None:
    path = videos["plain.mp4"]
    frames = read_video(path, start_s=start_s)
    next(frames)
    assert is_open(path)
    frames.close()  # type: ignore[attr-defined]
    assert not is_open(path)
    frames = read_video(path, start_s=start_s)
    next(frames)
    del frames
    assert not is_open(path)
    list(read_video(path, start_s=start_s))
    assert not is_open(path)


# ---------------------------------------------------------------- broken files


def whole_packets(data: bytes, cut: int) -> list[float]:
    """The times of the frames whose bytes are all before the cut."""
    times_s = []
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None and packet.pos + packet.size <= cut:
                times_s.append(float((packet.pts - (stream.start_time or 0)) * stream.time_base))
    return sorted(times_s)


@pytest.mark.parametrize("name", ["faststart.mp4", "fragmented.mp4"])
@settings(max_examples=20, deadline=None)
@given(share=st.floats(0.25, 0.999))
def test_every_whole_frame_before_a_break_is_given(name: str, share: float, videos: dict[str, Path]) -> None:
    data = videos[name].read_bytes()
    cut = int(share * len(data))
    expected = whole_packets(data, cut)
    assume(expected)
    seen, error = until_break(data[:cut])
    assert [time_s for _, time_s in seen] == pytest.approx(expected, abs=1e-9)
    assert all(number == round(10 * time_s) for number, time_s in seen)
    if len(expected) < 60 and not ends_between_fragments(data, cut):
        assert error is not None
        assert error.time_s == seen[-1][1]


def ends_between_fragments(data: bytes, cut: int) -> bool:
    """A fragmented file that ends where a fragment does is a whole, shorter file."""
    end = 0
    while end < cut:
        end += int.from_bytes(data[end : end + 4], "big")
    return end == cut


@pytest.mark.parametrize("name", ["plain.mkv", "live.mkv", "vp9.webm", "plain.avi"])
@pytest.mark.parametrize("share", [0.75, 0.83, 0.9])
def test_other_formats_name_their_break(name: str, share: float, videos: dict[str, Path], tmp_path: Path) -> None:
    data = videos[name].read_bytes()
    cut = tmp_path / f"cut{videos[name].suffix}"
    cut.write_bytes(data[: int(share * len(data))])
    seen, error = until_break(cut)
    assert all(number == round(10 * time_s) for number, time_s in seen)
    assert 0 < len(seen) < 60
    # Only the last few may have gaps, where a later picture was stored before those between.
    assert [number for number, _ in seen][:-3] == list(range(len(seen) - 3))
    assert isinstance(error, TruncatedVideo)
    assert error.time_s == seen[-1][1]
    assert str(error).startswith(f"{cut}: ")


def test_a_break_is_named_by_a_sampled_and_by_a_resumed_reading(videos: dict[str, Path]) -> None:
    data = videos["faststart.mp4"].read_bytes()
    data = data[: int(0.6 * len(data))]
    whole, error = until_break(data)
    assert error is not None
    sampled, same = until_break(data, fps=1)
    assert [p for p in whole if p in sampled] == sampled
    assert same is not None
    assert same.time_s == error.time_s  # not that of the last frame that was kept
    assert until_break(data, start_s=1.0)[0] == [p for p in whole if p[1] >= 1]
    for start_s in (error.time_s, error.time_s + 1, 5.9, 100.0):
        seen, late = until_break(data, start_s=start_s)
        assert seen == [p for p in whole if p[1] >= start_s]
        assert late is not None
        assert late.time_s == error.time_s


@pytest.mark.parametrize("name", ["faststart.mp4", "plain.mkv"])
def test_a_download_that_was_laid_out_but_not_filled(name: str, videos: dict[str, Path]) -> None:
    data = videos[name].read_bytes()
    kept = int(0.5 * len(data))
    seen, error = until_break(data[:kept] + bytes(len(data) - kept))
    assert 15 < len(seen) < 45
    assert [number for number, _ in seen][:-2] == list(range(len(seen) - 2))
    assert error is not None


def test_damage_in_the_middle_is_passed_and_logged(videos: dict[str, Path], caplog: pytest.LogCaptureFixture) -> None:
    data = bytearray(videos["plain.mp4"].read_bytes())
    with av.open(videos["plain.mp4"]) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    hit = next(p for p in packets[30:] if not p.is_keyframe)
    data[hit.pos : hit.pos + hit.size] = bytes(hit.size)
    seen = numbers_and_times(bytes(data))
    assert len(seen) >= 50
    assert seen[-1] == (59, pytest.approx(5.9))
    assert "damaged" in caplog.text


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_sound_that_goes_on_after_the_pictures_is_no_break(ending: str, tmp_path: Path) -> None:
    path = make_video(tmp_path / f"sound{ending}", 20, sound_s=9.0)
    seen, error = until_break(path)
    assert (len(seen), error) == (20, None)
    # Nor where only the length of the whole is stated, as by writers that leave Matroska's tags out.
    seen, error = until_break(path.read_bytes().replace(b"DURATION", b"DURATIOX"))
    assert (len(seen), error) == (20, None)


def test_a_still_screen_at_the_end_is_no_break(tmp_path: Path) -> None:
    # The last picture stands for 8 s, which the file says only as its length.
    times_s = [0, 0.1, 5.0, 5.1]
    path = make_video(tmp_path / "still.mkv", 4, times_s=times_s)
    data = path.read_bytes()
    assert data.count(b"00:00:05.") == 1
    seen, error = until_break(data.replace(b"00:00:05.", b"00:00:13."))
    assert (len(seen), error) == (4, None)
    seen, error = until_break(data.replace(b"00:00:05.", b"00:01:13."))
    assert len(seen) == 4
    assert error is not None


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_damaged_videos_raise_nothing_but_input_errors(data: st.DataObject, videos: dict[str, Path]) -> None:
    damaged = bytearray(videos[data.draw(st.sampled_from(list(KINDS)))].read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        start = data.draw(st.integers(0, len(damaged) - 1))
        junk = data.draw(st.binary(min_size=1, max_size=64))
        damaged[start : start + len(junk)] = junk
    times_s = []
    try:
        for image, time_s in read_video(bytes(damaged)):
            assert image.ndim == 3
            times_s.append(time_s)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 (most damage is passed over without an error)
    assert all(a < b for a, b in itertools.pairwise(times_s))


# ---------------------------------------------------------------- no videos


def test_an_mp4_without_its_index(videos: dict[str, Path], tmp_path: Path) -> None:
    data = videos["plain.mp4"].read_bytes()
    path = tmp_path / "unfinished.mp4"
    path.write_bytes(data[: data.rindex(b"moov") - 4])
    with pytest.raises(InputError, match=r"unfinished\.mp4: the index of this MP4 .* is missing"):
        list(read_video(path))
    path.write_bytes(data[: data.rindex(b"moov") + 300])
    with pytest.raises(InputError, match="cut off"):
        list(read_video(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"Dear students,\nplease find attached\n" * 50, "not a video"),
        # A playlist would have FFmpeg open the files and addresses that it names.
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nplain.ts\n#EXT-X-ENDLIST\n", "not a video"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "not a video"),
    ],
)
def test_other_things_called_mp4(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "lesson.mp4"
    path.write_bytes(content)
    for read in (lambda: list(read_video(path)), lambda: video_info(path)):
        with pytest.raises(InputError, match=message) as caught:
            read()
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(read_video(tmp_path / "missing.mp4"))


def test_sound_alone(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(path, "w") as container:
        sound = container.add_stream("aac", rate=8000, layout="mono")
        block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        block.sample_rate = 8000
        container.mux(sound.encode(block))
        container.mux(sound.encode())
    with pytest.raises(InputError, match="only sound"):
        list(read_video(path))


def test_pictures_above_the_limit(videos: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classmood.video, "MAX_PIXELS", WIDTH_PX * HEIGHT_PX - 1)
    with pytest.raises(InputError, match=f"{WIDTH_PX}x{HEIGHT_PX} pixels; expected at most"):
        next(read_video(videos["plain.mp4"]))


def test_recordings_joined_with_their_clocks(videos: dict[str, Path]) -> None:
    # Their times cannot be told apart; to go on without a word would lose the second recording.
    data = videos["stream.ts"].read_bytes()
    frames = read_video(data + data)
    seen = [number_in(image) for image, _ in itertools.islice(frames, 60)]
    assert seen == list(range(60))
    with pytest.raises(InputError, match=r"time jumps back from 5\.90 s to 0\.00 s"):
        next(frames)


# ---------------------------------------------------------------- length


def test_declared_lengths(videos: dict[str, Path]) -> None:
    for name in KINDS:
        info = video_info(videos[name])
        assert info.duration_s == (None if name == "live.mkv" else pytest.approx(6.0))
        assert info.frames in (None, 60)
    assert video_info(videos["plain.mp4"]).frames == 60


def test_the_london_class(london: Path) -> None:
    path = london / "class20.mp4"
    assert video_info(path).duration_s == pytest.approx(60)
    start_s = [time_s for _, time_s in itertools.islice(read_video(path, fps=5), 40)]
    assert start_s == pytest.approx([k / 5 for k in range(40)], abs=1e-9)
    end_s = [time_s for _, time_s in read_video(path, fps=5, start_s=54)]
    assert end_s == pytest.approx([k / 5 for k in range(270, 300)], abs=1e-9)
