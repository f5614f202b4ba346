"""Tokens cannot be made or changed without the key; codes cannot be guessed; a link works once."""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opened_flags import all_as_binary

from classmood.errors import ClassmoodError, InputError
from classmood.server.tokens import CODE_ALPHABET, LINK_S, Claims, Keyring, Links, TokenRefused, plain_code

KEYS = Keyring(bytes(range(32)))
TOKEN = KEYS.token("student", session="s", who="w", mode="press", expires=100)


def test_a_token_says_what_was_put_into_it() -> None:
    assert KEYS.read(TOKEN, "student", 99) == Claims("student", "s", "w", "press", 100)


@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_no_token_with_another_letter_is_taken(place: int, letter: str) -> None:
    other = TOKEN[:place] + letter + TOKEN[place + 1 :]
    if other != TOKEN:
        with pytest.raises(TokenRefused):
            KEYS.read(other, "student", 99)


@given(st.text() | st.text(alphabet="abcAB12-_.="))
def test_nothing_made_up_is_taken(token: str) -> None:
    with pytest.raises(TokenRefused):
        KEYS.read(token, "student", 99)


def test_another_key_s_token_is_not_taken() -> None:
    with pytest.raises(TokenRefused):
        Keyring(bytes(32)).read(TOKEN, "student", 99)


def test_a_payload_of_one_s_own_under_a_good_signature_is_not_taken() -> None:
    payload = base64.urlsafe_b64encode(json.dumps(["teacher", "", "", "", 10**10]).encode()).rstrip(b"=").decode()
    with pytest.raises(TokenRefused):
        KEYS.read(f"{payload}.{TOKEN.partition('.')[2]}", "teacher", 99)


def test_a_token_has_one_scope_and_an_end() -> None:
    with pytest.raises(TokenRefused, match="for a teacher"):
        KEYS.read(TOKEN, "teacher", 99)
    with pytest.raises(TokenRefused, match="over"):
        KEYS.read(TOKEN, "student", 100)


def test_the_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "class.db.key"
    token = Keyring.open(path).token("teacher", expires=100)
    assert Keyring.open(path).read(token, "teacher", 0).scope == "teacher"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    Keyring.open(path)
    path.chmod(0o640)
    with pytest.raises(InputError, match="others may read"):
        Keyring.open(path)


def test_half_a_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(0o600)
    with pytest.raises(ClassmoodError, match="32 bytes"):
        Keyring.open(path)


def test_of_servers_that_start_at_once_one_key_wins(tmp_path: Path) -> None:
    path, tokens = tmp_path / "key", []
    threads = [
        threading.Thread(target=lambda: tokens.append(Keyring.open(path).token("teacher", expires=9))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(tokens)) == 1


def test_a_code_is_forty_bits_without_look_alikes() -> None:
    codes = [KEYS.join_code(f"{n:032x}") for n in range(2000)]
    assert len(set(codes)) == 2000
    letters = [plain_code(code) for code in codes]
    assert all(len(code) == 8 and set(code) <= set(CODE_ALPHABET) for code in letters)
    assert not set("ILOU") & set(CODE_ALPHABET)
    # Every place takes every letter: no bit is lost on the way.
    assert all({code[place] for code in letters} == set(CODE_ALPHABET) for place in range(8))


def test_a_code_depends_on_the_key() -> None:
    assert KEYS.join_code("0" * 32) != Keyring(bytes(32)).join_code("0" * 32)


def test_a_code_is_read_as_people_write_it() -> None:
    assert plain_code("ab0i-l1z ") == plain_code("ABO1 1LZ") == "AB0111Z"


def test_a_link_works_once(tmp_path: Path) -> None:
    links = Links(tmp_path / "links")
    key, other = links.make(), links.make()
    assert links.spend(key)
    assert not links.spend(key)
    assert Links(tmp_path / "links").spend(other), "after a restart, a link that is not spent is still good"
    assert not Links(tmp_path / "links").spend(key), "and a spent one is not"


def test_a_link_s_file_does_not_tell_its_key(tmp_path: Path) -> None:
    key = Links(tmp_path / "links").make()
    (file,) = (tmp_path / "links").iterdir()
    assert key not in file.name
    assert file.stat().st_size == 0
    assert stat.S_IMODE((tmp_path / "links").stat().st_mode) == 0o700


def test_of_two_who_come_at_once_one_gets_in(tmp_path: Path) -> None:
    links, won = Links(tmp_path / "links"), []
    key = links.make()
    threads = [threading.Thread(target=lambda: won.append(links.spend(key))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won.count(True) == 1


def test_an_old_link_is_not_good(tmp_path: Path) -> None:
    links = Links(tmp_path / "links")
    key = links.make()
    (file,) = (tmp_path / "links").iterdir()
    old = time.time() - LINK_S - 1
    os.utime(file, (old, old))
    assert not links.spend(key)


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "\x00", "\ud800", "a" * 10000])
def test_a_key_is_never_a_path(tmp_path: Path, key: str) -> None:
    outside = tmp_path / "passwd"
    outside.touch()
    assert not Links(tmp_path / "links").spend(key)
    assert outside.exists()


def test_the_key_is_written_as_binary_where_text_is_another_thing(tmp_path: Path) -> None:
    with all_as_binary():
        Keyring.open(tmp_path / "key")
