"""Files as answers: the compressed one where it is taken, asked again or never, and nothing outside of the folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classmood.server.files import ASK_AGAIN, IMMUTABLE, file_answer, find_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True)
    (page / "assets" / "app.js").write_text("script")
    (page / "assets" / "app.js.br").write_bytes(b"brotli")
    (page / "assets" / "app.js.gz").write_bytes(b"gzip")
    (page / ".hidden").write_text("no")
    (tmp_path / "secret").write_text("no")
    (page / "link").symlink_to(tmp_path / "secret")
    return page


@pytest.mark.parametrize(
    ("accepted", "encoding", "name"),
    [
        ("br, gzip", "br", "app.js.br"),
        ("gzip, deflate", "gzip", "app.js.gz"),
        ("br;q=0, gzip;q=0.5", "gzip", "app.js.gz"),
        ("", None, "app.js"),
        ("identity", None, "app.js"),
    ],
)
def test_the_compressed_file_is_chosen_by_what_is_taken(
    folder: Path, accepted: str, encoding: str | None, name: str
) -> None:
    answer = file_answer(folder / "assets" / "app.js", {"accept-encoding": accepted}, IMMUTABLE)
    assert answer.headers.get("content-encoding") == encoding
    assert Path(answer.path).name == name  # type: ignore[attr-defined]
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["cache-control"] == IMMUTABLE


def test_who_has_it_is_told_that_it_is_the_same(folder: Path) -> None:
    path = folder / "assets" / "app.js"
    tag = file_answer(path, {}, ASK_AGAIN).headers["etag"]
    for given_ in (tag, f'W/{tag}, "other"'):
        assert file_answer(path, {"if-none-match": given_}, ASK_AGAIN).status_code == 304
    path.write_text("another script")
    assert file_answer(path, {"if-none-match": tag}, ASK_AGAIN).status_code == 200
    assert file_answer(path, {"accept-encoding": "br"}, ASK_AGAIN).headers["etag"] != tag, "other bytes, another tag"


def test_what_is_private_says_so(folder: Path) -> None:
    answer = file_answer(folder / "assets" / "app.js", {}, ASK_AGAIN, private=True)
    assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    "name",
    ["../secret", "assets/../../secret", "/etc/passwd", "link", ".hidden", "assets", "", "assets//app.js", "a\x00b"],
)
def test_nothing_but_plain_files_within(folder: Path, name: str) -> None:
    assert find_file(folder, name) is None


def test_a_file_within_is_found(folder: Path) -> None:
    assert find_file(folder, "assets/app.js") == folder / "assets" / "app.js"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text() | st.text(alphabet="./\\%2eaps ").map(lambda text: text + "secret"))
def test_no_name_leads_outside(folder: Path, name: str) -> None:
    found = find_file(folder, name)
    assert found is None or found.is_relative_to(folder)
