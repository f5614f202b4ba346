"""A cut file is known by its structure, at whatever byte it is cut, and a whole one never is."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classmood.containers import Head, Layout, read_layout
from videos import FASTSTART, FRAGMENTED, LIVE, make_video

KINDS = {
    "plain.mp4": {},
    "faststart.mp4": {"container_options": FASTSTART},
    "fragmented.mp4": {"container_options": FRAGMENTED},
    "plain.mkv": {},
    "live.mkv": {"container_options": LIVE},
    "plain.avi": {"codec": "mpeg4"},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("containers")
    return {name: make_video(folder / name, 24, **options).read_bytes() for name, options in KINDS.items()}


def layout(data: bytes) -> Layout:
    return read_layout(io.BytesIO(data))


@pytest.mark.parametrize("name", KINDS)
def test_a_whole_file_is_not_cut(name: str, files: dict[str, bytes]) -> None:
    found = layout(files[name])
    assert found.actual_bytes == found.declared_bytes == len(files[name])
    assert found.has_index
    assert found.is_fragmented == (name == "fragmented.mp4")
    assert not found.is_cut


@pytest.mark.parametrize("name", ["faststart.mp4", "plain.mkv", "plain.avi"])
@given(share=st.floats(0.3, 1.0, exclude_max=True))
def test_any_missing_byte_is_noticed(name: str, share: float, files: dict[str, bytes]) -> None:
    data = files[name]
    found = layout(data[: int(share * len(data))])
    assert found.is_cut
    assert found.declared_bytes == len(data)


@pytest.mark.parametrize("name", ["live.mkv"])
def test_a_cut_inside_the_last_part_of_a_stream_is_noticed(name: str, files: dict[str, bytes]) -> None:
    assert layout(files[name][:-200]).is_cut


def test_a_cut_inside_what_follows_the_pictures_is_none(files: dict[str, bytes]) -> None:
    data = files["fragmented.mp4"]
    index_after = data.rindex(b"mfra") - 4
    assert not layout(data[:-10]).is_cut
    assert layout(data[: index_after - 10]).is_cut


def test_where_the_last_whole_part_ends(files: dict[str, bytes]) -> None:
    data = files["fragmented.mp4"]
    last_fragment = data.rindex(b"moof") - 4
    for cut in (last_fragment, last_fragment + 3, last_fragment + 50):
        assert layout(data[:cut]).whole_bytes == last_fragment


@given(data=st.binary(max_size=40), length=st.integers(0, 40), start=st.integers(0, 50), size=st.integers(0, 60))
def test_the_head_of_a_file_is_like_a_shorter_file(data: bytes, length: int, start: int, size: int) -> None:
    head, shorter = Head(io.BytesIO(data), min(length, len(data))), io.BytesIO(data[:length])
    for file in (head, shorter):
        file.seek(start)
    assert head.read(size) == shorter.read(size)
    assert head.seek(0, io.SEEK_END) == shorter.seek(0, io.SEEK_END)
    assert head.tell() == shorter.tell()


def test_an_mp4_without_its_index(files: dict[str, bytes]) -> None:
    data = files["plain.mp4"]
    assert not layout(data[: data.rindex(b"moov") - 4]).has_index
    assert layout(files["faststart.mp4"][:-10]).has_index


def test_long_boxes_and_boxes_to_the_end() -> None:
    start = (16).to_bytes(4, "big") + b"ftypisom" + bytes(4)
    index = (8).to_bytes(4, "big") + b"moov"
    long_box = (1).to_bytes(4, "big") + b"mdat" + (5_000_000_000).to_bytes(8, "big")
    assert layout(start + index + long_box).declared_bytes == 24 + 5_000_000_000
    open_box = (0).to_bytes(4, "big") + b"mdat" + bytes(100)
    assert not layout(start + index + open_box).is_cut


def test_padding_after_the_last_box_is_no_box(files: dict[str, bytes]) -> None:
    assert not layout(files["faststart.mp4"] + bytes(4096)).is_cut


@given(st.binary(max_size=64), st.sampled_from([b"", b"\0\0\0\x10ftyp", b"\x1a\x45\xdf\xa3", b"RIFF"]))
def test_any_bytes_have_a_layout(tail: bytes, start: bytes) -> None:
    found = layout(start + tail)
    assert found.actual_bytes == len(start + tail)


def test_other_formats_declare_nothing(tmp_path: Path) -> None:
    data = make_video(tmp_path / "stream.ts", 12).read_bytes()
    assert layout(data) == Layout(len(data))
