"""The audit log: whole after a kill, broken by any change, and silent about who."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opened_flags import all_as_binary
from pydantic import ValidationError

from classmood.errors import InputError, OutputError
from classmood.server.audit_log import START, AuditLog, Entry, Verdict, new_salt, reference, verify

TIME = "2026-11-25T10:30Z"
ENTRIES = 8


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> AuditLog:
    log = AuditLog(tmp_path_factory.mktemp("log") / "audit.log")
    session = reference("session", new_salt())
    log.append("session opened", time=TIME, session=session)
    for i in range(ENTRIES - 1):
        log.append("consent given", time=TIME, who=reference(str(i), new_salt()), session=session)
    return log


def changed(log: AuditLog, name: str, content: bytes) -> Verdict:
    path = log.path.with_name(name)
    path.write_bytes(content)
    return verify(path)


def test_an_untouched_log_is_whole(log: AuditLog) -> None:
    assert verify(log.path) == Verdict(True, ENTRIES, log.head)


def test_it_goes_on_after_being_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    assert AuditLog(path).head == START
    first = AuditLog(path).append("session opened", time=TIME)
    second = AuditLog(path).append("session closed", time=TIME)
    assert (first.number, second.number, second.before) == (0, 1, first.hash)
    assert verify(path).whole


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data())
def test_any_changed_byte_is_found(log: AuditLog, data: st.DataObject) -> None:
    content = bytearray(log.path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    verdict = changed(log, "changed", bytes(content))
    # A changed last hash is found by the entry's own words, an end cut off only by a noted head.
    assert not verdict.whole
    assert verdict.problem.startswith("line ")


@pytest.mark.parametrize("lost", range(ENTRIES - 1))
def test_a_removed_entry_is_found(log: AuditLog, lost: int) -> None:
    lines = log.path.read_bytes().splitlines(keepends=True)
    verdict = changed(log, "removed", b"".join(lines[:lost] + lines[lost + 1 :]))
    assert not verdict.whole
    assert f"line {lost + 1}: expected entry {lost}" in verdict.problem


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(ENTRIES)))
def test_reordering_is_found(log: AuditLog, order: list[int]) -> None:
    lines = log.path.read_bytes().splitlines(keepends=True)
    assert changed(log, "order", b"".join(lines[i] for i in order)).whole is (order == sorted(order))


def test_a_rewritten_entry_is_found_even_with_a_right_hash_of_its_own(log: AuditLog, tmp_path: Path) -> None:
    other = AuditLog(tmp_path / "other.log")
    other.append("session opened", time=TIME)
    other.append("consent withdrawn", time=TIME)
    lines = log.path.read_bytes().splitlines(keepends=True)
    forged = other.path.read_bytes().splitlines(keepends=True)[1]
    assert "does not follow" in changed(log, "forged", b"".join([lines[0], forged, *lines[2:]])).problem


def test_a_cut_end_is_found_by_whoever_noted_the_head(log: AuditLog) -> None:
    lines = log.path.read_bytes().splitlines(keepends=True)
    path = log.path.with_name("cut")
    path.write_bytes(b"".join(lines[:-2]))
    assert verify(path).whole
    assert "cut off" in verify(path, log.head).problem
    assert verify(log.path, json.loads(lines[3])["hash"]).whole
    path.write_bytes(b"")
    assert verify(path) == Verdict(True, 0, START)
    assert not verify(path, log.head).whole


def test_another_spelling_of_the_same_is_found(log: AuditLog) -> None:
    content = log.path.read_bytes()
    assert not changed(log, "spelled", content.replace(b'"number":1', b'"number": 1', 1)).whole
    assert not changed(log, "doubled", content.replace(b'"number":1', b'"number":7,"number":1', 1)).whole


def test_half_a_line_of_a_killed_write_is_dropped_and_no_more(log: AuditLog, tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    whole = log.path.read_bytes()
    path.write_bytes(whole + b'{"number":8,"ti')
    assert AuditLog(path).head == log.head
    assert path.read_bytes() == whole


def test_nothing_is_appended_to_a_broken_chain(log: AuditLog, tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(log.path.read_bytes().replace(b"consent given", b"consent taken", 1))
    with pytest.raises(InputError, match=r"line 2.*begin another"):
        AuditLog(path)


def test_references_tell_nothing_without_their_salt() -> None:
    salt = new_salt()
    assert reference("student", salt) == reference("student", salt)
    assert reference("student", new_salt()) != reference("student", salt)
    # Who knows every id but not the salt has nothing to compare with.
    ids = [f"student {i}" for i in range(50)]
    found = reference("student 7", salt)
    assert found not in {reference(name, guess) for name in ids for guess in (b"", b"\0" * 32, new_salt())}


@pytest.mark.parametrize("change", [{"who": "Maria"}, {"session": "x"}, {"time": "2026-11-25 10:30:12"}])
def test_there_is_no_place_for_a_name_or_a_second(tmp_path: Path, change: dict[str, str]) -> None:
    stated = {"time": TIME, "who": "", "session": ""} | change
    path = tmp_path / "audit.log"
    with pytest.raises(ValidationError):
        AuditLog(path).append("consent given", **stated)
    assert not path.exists()


@pytest.mark.parametrize("key", ["action", "note"])
def test_there_is_no_place_for_free_text(log: AuditLog, key: str) -> None:
    entry = json.loads(log.path.read_bytes().splitlines()[0])
    with pytest.raises(ValidationError):
        Entry.model_validate(entry | {key: "Maria left"})


def test_unreadable_and_unwritable(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        verify(tmp_path / "none")
    with pytest.raises(OutputError, match="cannot be written"):
        AuditLog(tmp_path / "no folder" / "audit.log").append("exported", time=TIME)


KILLED = """
import os, sys
from pathlib import Path
from classmood.server.audit_log import AuditLog
log = AuditLog(Path({path!r}))
while True:
    print(log.append("exported", time="2026-11-25T10:30Z").number, flush=True)
"""


def test_a_kill_loses_no_entry_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    process = subprocess.Popen([sys.executable, "-c", KILLED.format(path=str(path))], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(25):
        last = int(process.stdout.readline())
    process.kill()
    last = max([last, *(int(line) for line in process.stdout.read().split("\n")[:-1])])
    process.wait()
    AuditLog(path)
    verdict = verify(path)
    assert verdict.whole
    assert verdict.entries >= last + 1


def test_an_entry_is_written_as_binary_where_text_is_another_thing(tmp_path: Path) -> None:
    with all_as_binary():
        AuditLog(tmp_path / "audit.log").append("exported", time=TIME)
