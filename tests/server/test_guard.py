"""What holds for every request: host, origin, size, and what every answer carries."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from served import BASE, in_process, let_teacher_in, run

from classmood.server.guard import LARGEST_BODY_BYTES, host_is_ours, origin_is_ours
from classmood.server.settings import Settings

POST = "/api/v1/sessions"


def test_every_answer_keeps_the_page_to_itself(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (_, client):
            for path in ("/", "/api/v1/health", "/nothing", "/api/v1/openapi.json", "/teach?key=x"):
                headers = (await client.get(path)).headers
                policy = headers["content-security-policy"]
                assert "default-src 'self'" in policy
                assert "script-src 'self' 'wasm-unsafe-eval';" in policy
                assert "frame-ancestors 'none'" in policy
                assert "connect-src 'self' ws://127.0.0.1:8000;" in policy
                assert "unsafe-inline" not in policy.replace("style-src-attr 'unsafe-inline'", "")
                assert "http" not in policy.replace("https", "")
                assert "*" not in policy
                assert headers["x-content-type-options"] == "nosniff"
                assert headers["referrer-policy"] == "no-referrer"
                assert headers["permissions-policy"].startswith("camera=(self), microphone=()")
                assert headers["cross-origin-opener-policy"] == "same-origin"
            assert (await client.get("/api/v1/health")).headers["cache-control"] == "no-store"

    run(test)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8001", "https://127.0.0.1:8000"])
def test_another_site_s_request_is_refused(tmp_path: Path, origin: str) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            answer = await client.post(POST, json={}, headers={"Origin": origin})
            assert answer.status_code == 403
            assert answer.json()["error"]["reason"] == "origin"
            assert (await client.post(POST, json={})).status_code == 201

    run(test)


def test_the_cookie_alone_is_not_enough_and_a_bearer_is(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            del client.headers["Origin"]
            assert (await client.post(POST, json={})).status_code == 403
            token = client.cookies["classmood_teacher"]
            client.cookies.clear()
            answer = await client.post(POST, json={}, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 201

    run(test)


@pytest.mark.parametrize("host", ["evil.example:8000", "127.0.0.1.evil.example", "", "a b", "<script>", "x" * 300])
def test_a_foreign_name_for_this_machine_is_refused(tmp_path: Path, host: str) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (_, client):
            answer = await client.get("/api/v1/health", headers={"Host": host})
            assert answer.status_code == 400
            assert "evil" not in answer.text
            assert "evil" not in answer.headers["content-security-policy"]

    run(test)


def test_a_large_body_is_refused_whether_it_says_so_or_not(tmp_path: Path) -> None:
    async def chunks() -> object:
        for _ in range(100):
            yield b" " * 1000

    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            answer = await client.post(POST, content=b" " * (LARGEST_BODY_BYTES + 1))
            assert answer.status_code == 413
            try:
                answer = await client.post(POST, content=chunks())  # type: ignore[arg-type]
                assert answer.status_code >= 400
            except httpx.HTTPError:
                pass
            assert (await client.get("/api/v1/sessions")).json() == []

    run(test)


def test_behind_a_proxy_only_the_public_origins_are_ours() -> None:
    settings = Settings(origins="https://class.example")  # type: ignore[arg-type]
    inside = {"host": "127.0.0.1:8000", "origin": "https://class.example"}
    assert origin_is_ours(settings, "http", inside)
    assert not origin_is_ours(settings, "http", inside | {"origin": "http://127.0.0.1:8000"})
    for host in ("class.example", "class.example:443", "127.0.0.1:8000"):
        assert host_is_ours(settings, host)
    for host in ("evil.example", "class.example.evil.example", "192.168.1.7:8000", "[::2]:8000"):
        assert not host_is_ours(settings, host)


def test_a_foreign_name_behind_a_proxy_is_refused(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path, origins="https://class.example:8443") as (_, client):
            for host, status in (("class.example:8443", 200), ("evil.example:8443", 400)):
                assert (await client.get("/api/v1/health", headers={"Host": host})).status_code == status

    run(test)


def test_on_all_addresses_the_name_that_was_asked_is_the_origin() -> None:
    settings = Settings(host="0.0.0.0")
    assert host_is_ours(settings, "192.168.1.7:8000")
    asked = {"host": "192.168.1.7:8000", "origin": "http://192.168.1.7:8000"}
    assert origin_is_ours(settings, "ws", asked)
    assert not origin_is_ours(settings, "ws", asked | {"origin": "http://192.168.1.8:8000"})


def test_names_of_this_machine() -> None:
    for host in ("127.0.0.1:8000", "localhost", "[::1]:8000"):
        assert host_is_ours(Settings(), host)
    assert BASE.endswith("8000")
