"""The application: what a denied one has imported, what is logged, and one shape of API for all."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from served import ALLOWED, in_process, run, settings_in

from classmood.server.app import JsonLines, create_app, web_server
from classmood.server.interview import write_toml

# A whole class of students who press, in a process of its own that has the command line loaded too.
CLASS = """
import sys
from pathlib import Path
import classmood.cli
from served import *

async def test():
    async with in_process(Path(sys.argv[1])) as (app, client):
        await let_teacher_in(app, client)
        session = await opened(client)
        path = f"/api/v1/sessions/{session['id']}"
        for _ in range(6):
            token = await joined(client, session["code"])
            for address in ("/api/v1/models", "/api/v1/models/emotion.onnx"):
                assert (await client.get(address, headers=bearer(token))).status_code == 403
        await app.state.classrooms.room(session["id"]).close_interval()
        assert len((await client.get(f"{path}/releases")).json()) == 1
        assert (await client.get(f"{path}/report")).status_code == 200
        await client.post(f"{path}/close")

run(test)
names = {"classmood.classifier", "classmood.models", "classmood.server.model_files", "onnxruntime", "cv2"}
print(*sorted(names & set(sys.modules)))
"""


def imported(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CLASS, str(folder)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_denied_class_goes_to_its_end_without_a_model_or_what_runs_one(tmp_path: Path) -> None:
    assert imported(tmp_path) == ""


def test_in_the_eu_it_is_the_same_with_a_deployment_stated(tmp_path: Path) -> None:
    denied = ALLOWED.model_copy(update={"place": "EU/EEA"})
    (tmp_path / "deployment.toml").write_text(write_toml(denied), encoding="utf-8")
    assert imported(tmp_path) == ""


def test_an_allowed_class_serves_files_and_still_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "deployment.toml").write_text(write_toml(ALLOWED), encoding="utf-8")
    # Who presses agreed to no camera, and gets no file there either.
    assert imported(tmp_path) == "classmood.server.model_files"


def formatted(record: logging.LogRecord) -> dict[str, object]:
    text = JsonLines().format(record)
    assert "\n" not in text
    found: dict[str, object] = json.loads(text)
    return found


def test_a_log_line_has_nothing_of_what_came_from_outside() -> None:
    record = logging.LogRecord("uvicorn.error", 30, "p", 1, '%s - "WebSocket %s" [accepted]', ("10.0.0.1", "/x"), None)
    found = formatted(record)
    assert found["what"] == '%s - "WebSocket %s" [accepted]'
    assert "10.0.0.1" not in str(found)


def test_an_exception_is_told_by_kind_and_place() -> None:
    try:
        raise ValueError("token abc of 10.0.0.1")
    except ValueError:
        record = logging.LogRecord("classmood", 40, "p", 1, "a request failed", (), sys.exc_info())
    found = formatted(record)
    assert found["kind"] == "ValueError"
    assert "test_app.py" in str(found["places"])
    assert "abc" not in str(found)


def test_nothing_personal_is_logged_of_a_class(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from served import bearer, joined, let_teacher_in, opened

    async def test() -> None:
        async with in_process(tmp_path) as (app, client):
            await let_teacher_in(app, client)
            session = await opened(client)
            token = await joined(client, session["code"])
            await client.get("/api/v1/me", headers=bearer(token))
            await client.post("/api/v1/join", json={"code": "AAAA-AAAA"})
            await client.delete(f"/api/v1/sessions/{session['id']}")
            secrets.extend([session["id"], session["code"], token, client.cookies["classmood_teacher"], "127.0.0.1"])

    secrets: list[str] = []
    with caplog.at_level(logging.DEBUG, "classmood"):
        run(test)
    # A test's own client logs too, as "httpx"; the server does not have one.
    text = "\n".join(JsonLines().format(record) for record in caplog.records if record.name.startswith("classmood"))
    assert text
    assert not any(secret in text for secret in secrets)


def test_the_server_says_little_of_itself_and_takes_small_frames(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    app = create_app(settings)
    config = web_server(app, settings).config
    assert config.ws_max_size <= 1024
    assert not config.ws_per_message_deflate
    assert not config.access_log
    assert not config.server_header
    assert not config.proxy_headers, "nobody's X-Forwarded-For is believed unless it is set"
    app.state.classrooms.records.close()


def test_the_api_is_described_with_its_errors(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (_, client):
            found = (await client.get("/api/v1/openapi.json")).json()
            assert all(path.startswith("/api/v1/") for path in found["paths"])
            shapes = {
                answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                for operations in found["paths"].values()
                for operation in operations.values()
                for status, answer in operation["responses"].items()
                if status[0] in "45"
            }
            assert shapes == {"ErrorAnswer"}

    run(test)
