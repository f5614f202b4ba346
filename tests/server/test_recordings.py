"""Parts of recordings: what their hash says or nothing, whole or not at all, gone when erased."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opened_flags import all_as_binary

from classmood.errors import InputError
from classmood.server.study.recordings import LARGEST_PART_BYTES, BadPart, Recordings, whole_runs
from classmood.studies import StoredChunk

WHO = "a" * 32


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_parts_are_kept_for_the_owner_alone_and_joined_in_order(tmp_path: Path) -> None:
    kept = Recordings(tmp_path / "recordings")
    contents = [bytes([k]) * (k + 1) for k in range(12)]
    chunks = [kept.keep(WHO, 1, 2, k, content, sha(content)) for k, content in enumerate(contents)]
    for path in (tmp_path / "recordings").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    kept.join(WHO, chunks, tmp_path / "video.webm")
    assert (tmp_path / "video.webm").read_bytes() == b"".join(contents)


@pytest.mark.parametrize("content", [b"", bytes(LARGEST_PART_BYTES + 1), b"other"])
def test_a_damaged_part_leaves_nothing(tmp_path: Path, content: bytes) -> None:
    kept = Recordings(tmp_path / "recordings")
    with pytest.raises(BadPart):
        kept.keep(WHO, 1, 2, 0, content, sha(b"what was meant"))
    assert not (tmp_path / "recordings").exists()


def test_a_part_that_changed_on_the_disk_is_named(tmp_path: Path) -> None:
    kept = Recordings(tmp_path)
    chunk = kept.keep(WHO, 1, 2, 0, b"a part", sha(b"a part"))
    kept.path(WHO, chunk).write_bytes(b"a fart")
    with pytest.raises(InputError, match="has changed"):
        kept.join(WHO, [chunk], tmp_path / "video.webm")
    kept.path(WHO, chunk).unlink()
    with pytest.raises(InputError, match="cannot be read"):
        kept.join(WHO, [chunk], tmp_path / "video.webm")


def test_sweeping_takes_halves_and_the_unknown(tmp_path: Path) -> None:
    kept = Recordings(tmp_path)
    chunk = kept.keep(WHO, 1, 2, 0, b"a part", sha(b"a part"))
    kept.keep("b" * 32, 1, 2, 0, b"a part", sha(b"a part"))
    half = kept.path(WHO, chunk).with_name("001-0002-000001.part.abcd")
    half.write_bytes(b"ha")
    assert kept.sweep([WHO]) == ["b" * 32]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [kept.path(WHO, chunk).name]
    kept.erase(WHO)
    kept.erase(WHO)
    assert list(tmp_path.iterdir()) == []
    assert Recordings(tmp_path / "none").sweep([]) == []


@given(st.sets(st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(0, 6))))
def test_a_run_ends_at_the_first_gap_and_nothing_is_forgotten(keys: set[tuple[int, int, int]]) -> None:
    chunks = [StoredChunk(*key, sha256="0" * 64, length=1) for key in keys]
    counted = 0
    for (attempt, step), run, beyond in whole_runs(chunks):
        parts = {part for a, s, part in keys if (a, s) == (attempt, step)}
        assert [one.part for one in run] == list(range(len(run)))
        assert len(run) not in parts
        counted += len(run) + beyond
    assert counted == len(keys)


def test_a_part_is_written_as_binary_where_text_is_another_thing(tmp_path: Path) -> None:
    with all_as_binary():
        Recordings(tmp_path).keep(WHO, 1, 2, 0, b"a\npart", sha(b"a\npart"))
