"""The pages and the teacher's link."""

from __future__ import annotations

from pathlib import Path

import pytest
from served import in_process, run


@pytest.fixture
def built(tmp_path: Path) -> Path:
    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True)
    for name in ("index.html", "teach.html", "privacy.html"):
        (page / name).write_text(f"<title>{name}</title>")
    (page / "assets" / "app-1a2b.js").write_text("script")
    (page / "assets" / "app-1a2b.js.br").write_bytes(b"brotli")
    return tmp_path


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/", "index.html"),
        ("/join/ABCD-EFGH", "index.html"),
        ("/join/<script>alert(1)<script>", "index.html"),
        ("/teach", "teach.html"),
        ("/privacy", "privacy.html"),
    ],
)
def test_an_address_is_a_page_and_nothing_of_it_is_written_into_it(built: Path, address: str, name: str) -> None:
    async def test() -> None:
        async with in_process(built) as (_, client):
            answer = await client.get(address)
            assert answer.status_code == 200
            assert answer.text == f"<title>{name}</title>"
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["cache-control"] == "no-cache"
            again = await client.get(address, headers={"If-None-Match": answer.headers["etag"]})
            assert again.status_code == 304
            assert (await client.head(address)).status_code == 200

    run(test)


def test_assets_are_kept_for_ever_and_nothing_else_is_served(built: Path) -> None:
    async def test() -> None:
        async with in_process(built) as (_, client):
            answer = await client.get("/assets/app-1a2b.js", headers={"Accept-Encoding": "identity"})
            assert answer.text == "script"
            assert "immutable" in answer.headers["cache-control"]
            for path in (
                "/assets/app-1a2b.js.br",
                "/teach.html",
                "/class.db",
                "/..%2fclass.db",
                "/%2e%2e/class.db.key",
            ):
                assert (await client.get(path)).status_code == 404, path

    run(test)


def test_pages_that_are_not_built_say_how(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (_, client):
            answer = await client.get("/")
            assert answer.status_code == 503
            assert "pip install ." in answer.text

    run(test)


def test_a_teacher_s_link_gives_a_cookie_once(built: Path) -> None:
    async def test() -> None:
        async with in_process(built) as (app, client):
            key = app.state.classrooms.links.make()
            assert (await client.get("/api/v1/sessions")).status_code == 401
            await client.head("/teach", params={"key": key})  # a program that looks at a link does not spend it
            answer = await client.get("/teach", params={"key": key})
            assert (answer.status_code, answer.headers["location"]) == (303, "/teach")
            cookie = answer.headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=strict" in cookie
            assert "Max-Age=43200" in cookie
            assert "Secure" not in cookie
            assert (await client.get("/api/v1/sessions")).status_code == 200
            client.cookies.clear()
            answer = await client.get("/teach", params={"key": key})
            assert answer.status_code == 403
            assert "--new-link" in answer.text
            assert "set-cookie" not in answer.headers

    run(test)


def test_under_tls_the_cookie_is_secure(built: Path) -> None:
    async def test() -> None:
        async with in_process(built) as (app, client):
            key = app.state.classrooms.links.make()
            answer = await client.get("https://127.0.0.1:8000/teach", params={"key": key})
            assert "Secure" in answer.headers["set-cookie"]
            assert "wss://127.0.0.1:8000" in answer.headers["content-security-policy"]

    run(test)
