"""``classmood serve`` as it is started by people: what it prints, what it refuses, and that a kill loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websockets
from served import JOY, bearer, closing_code, heard, joined, opened, run
from typer.testing import CliRunner

from classmood.cli import app
from classmood.server.audit_log import AuditLog

MAIN = [sys.executable, "-c", "from classmood.cli import main; main()"]
# Released at once and without noise, so that a test need not wait.
QUICK = ["--interval-s", "1", "--set", "release.noise_students=0", "--set", "release.batch_gap_s=0"]


@contextlib.contextmanager
def started(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The real command; the process, and the teacher's link."""
    process = subprocess.Popen(
        [*MAIN, "serve", *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        link = process.stdout.readline().strip()
        if not link:
            pytest.fail(process.communicate()[1])
        yield process, link
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        process.communicate()


async def answering(client: httpx.AsyncClient) -> None:
    """Whoever comes before all is ready waits, and is not turned away."""
    assert (await client.get("/api/v1/health", timeout=60)).status_code == 200


def invoked(*arguments: str) -> str:
    """The error of a command that must fail."""
    done = subprocess.run([*MAIN, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    return " ".join(done.stderr.split())


def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Marks are posted and releases come until the process dies in the middle of it; then it starts again."""
    acknowledged: list[int] = []
    heard_numbers: list[int] = []

    async def first(link: str, process: subprocess.Popen[str], kept: dict[str, str]) -> None:
        base = link.partition("/teach")[0]
        async with httpx.AsyncClient(base_url=base, headers={"Origin": base}) as client:
            await answering(client)
            assert (await client.get(link)).status_code == 303
            session = await opened(client)
            kept["session"], kept["teacher"] = session["id"], client.cookies["classmood_teacher"]
            kept["code"] = session["code"]
            kept["student"] = await joined(client, session["code"])
            url = f"{base.replace('http', 'ws')}/api/v1/live"
            teacher = await websockets.connect(
                f"{url}/teacher?session={session['id']}", subprotocols=["classmood.v1", f"bearer.{kept['teacher']}"]
            )

            async def mark() -> None:
                with contextlib.suppress(httpx.TransportError):
                    while True:
                        answer = await client.post(
                            f"/api/v1/sessions/{session['id']}/marks", json={"kind": "text", "label": "é"}
                        )
                        assert answer.status_code == 201
                        acknowledged.append(answer.json()["number"])

            async def listen() -> None:
                with contextlib.suppress(websockets.ConnectionClosed):
                    while True:
                        heard_numbers.append((await heard(teacher, "release"))["release"]["number"])
                        if len(heard_numbers) == 2:
                            os.kill(process.pid, signal.SIGKILL)

            await asyncio.gather(mark(), listen())

    async def second(link: str, kept: dict[str, str]) -> None:
        base = link.partition("/teach")[0]
        async with httpx.AsyncClient(base_url=base, headers={"Origin": base}) as client:
            await answering(client)
            path = f"/api/v1/sessions/{kept['session']}"
            teacher, student = bearer(kept["teacher"]), bearer(kept["student"])
            found = (await client.get(path, headers=teacher)).json()
            assert found["closed"] is None
            assert found["code"] == kept["code"]
            marks = (await client.get(f"{path}/marks", headers=teacher)).json()
            assert set(acknowledged) <= {mark["number"] for mark in marks}
            before = [release["number"] for release in (await client.get(f"{path}/releases", headers=teacher)).json()]
            assert before == list(range(len(before)))
            assert set(heard_numbers) <= set(before)
            assert len((await client.get("/api/v1/me", headers=student)).json()["receipts"]) == 1
            url = f"{base.replace('http', 'ws')}/api/v1/live"
            pupil = await websockets.connect(
                f"{url}/student", subprotocols=["classmood.v1", f"bearer.{kept['student']}"]
            )
            await pupil.send(json.dumps(JOY))
            assert (await heard(pupil, "state"))["counted"] is False, "all seats begin anew"
            live = await websockets.connect(
                f"{url}/teacher?session={kept['session']}", subprotocols=["classmood.v1", f"bearer.{kept['teacher']}"]
            )
            release = (await heard(live, "release"))["release"]
            assert release["number"] >= len(before)
            assert release["time_s"] > max(mark["time_s"] for mark in marks)
            await client.post(f"{path}/close", headers=teacher)
            assert await closing_code(pupil) == 4410

    kept: dict[str, str] = {}
    with started(tmp_path, "--port", "0", *QUICK) as (process, link):
        run(lambda: first(link, process, kept))
    assert process.returncode == -signal.SIGKILL
    assert len(acknowledged) > 3
    with started(tmp_path, "--port", "0", *QUICK) as (_, link):
        run(lambda: second(link, kept))
    result = CliRunner().invoke(app, ["audit-log", "verify", str(tmp_path / "classmood.db.audit.jsonl")])
    assert result.exit_code == 0
    assert result.stdout.startswith("whole: ")


def test_without_a_deployment_it_says_that_it_is_camera_free(tmp_path: Path) -> None:
    with started(tmp_path, "--port", "0") as (process, _):
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    assert "camera-free" in said
    assert "classmood serve --init" in said
    # A denied server has not loaded what it may not run.
    logged = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert all(set(line) >= {"time", "level", "where", "what"} for line in logged)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's list of what a process has loaded")
def test_a_denied_process_has_no_library_that_could_run_a_model(tmp_path: Path) -> None:
    async def until_it_answers(base: str) -> None:
        async with httpx.AsyncClient(base_url=base) as client:
            await answering(client)

    with started(tmp_path, "--port", "0") as (process, link):
        run(lambda: until_it_answers(link.partition("/teach")[0]))
        loaded = Path(f"/proc/{process.pid}/maps").read_text()
    assert "sqlite" in loaded
    assert "onnxruntime" not in loaded
    assert "cv2" not in loaded


def test_a_new_link_works_on_the_running_server(tmp_path: Path) -> None:
    async def come_in(base: str, link: str) -> None:
        key = link.partition("key=")[2]
        async with httpx.AsyncClient(base_url=base) as client:
            await answering(client)
            assert (await client.get("/teach", params={"key": key})).status_code == 303
            assert (await client.get("/api/v1/sessions")).json() == []

    with started(tmp_path, "--port", "0") as (_, link):
        new = subprocess.run(
            [*MAIN, "serve", "--new-link"], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.strip()
        assert new.startswith("http://127.0.0.1:8000/teach?key=")
        run(lambda: come_in(link.partition("/teach")[0], new))


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with started(tmp_path, "--port", "0") as (_, link):
        port = link.partition("/teach")[0].rpartition(":")[2]
        error = invoked("serve", "--port", port, "--database", str(tmp_path / "other.db"))
        assert f"port {port}: cannot be listened on" in error
        assert "--port" in error
        error = invoked("serve", "--port", "0", "--database", str(tmp_path / "classmood.db"))
        assert "another classmood serve uses this database" in error


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--set", "release.noise=1"], "release.noise"),
        (["--set", "nonsense"], "NAME=VALUE"),
        (["--k", "3"], "release.k"),
        (["--tls-certificate", "a.pem"], "together"),
        (["--tls-certificate", "a.pem", "--tls-key", "b.pem", "--port", "0"], "a.pem"),
        (["--host", "192.0.2.1", "--port", "0"], "192.0.2.1"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told in invoked("serve", *arguments)


def test_a_deployment_file_that_is_wrong_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deployment.toml").write_text("[deployment]\nprofile = 'clas'\n")
    assert "deployment.profile" in invoked("serve", "--port", "0")


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    code = "import sys; sys.modules['pydantic_settings'] = None; from classmood.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "serve"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'classmood[server]'" in " ".join(done.stderr.split())


def test_the_questions_are_asked_and_the_papers_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answers = "elsewhere\nclass\nA school\noffice\nPhysics\nno\n14\nUtopia\n"
    result = CliRunner().invoke(app, ["serve", "--init"], input=answers)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "deployment.toml").read_text().count("Utopia") == 1
    assert "Physics" in (tmp_path / "consent.md").read_text()
    assert (tmp_path / "dpia.md").exists()


def test_it_serves_https_with_a_certificate_of_one_s_own(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "chain.pem"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )

    async def test(link: str) -> None:
        context = ssl.create_default_context(cafile=str(tmp_path / "chain.pem"))
        base = link.partition("/teach")[0]
        async with httpx.AsyncClient(base_url=base, headers={"Origin": base}, verify=context) as client:
            await answering(client)
            answer = await client.get(link)
            assert "Secure" in answer.headers["set-cookie"]
            session = await opened(client)
            student = await websockets.connect(
                f"{base.replace('https', 'wss')}/api/v1/live/student",
                subprotocols=["classmood.v1", f"bearer.{await joined(client, session['code'])}"],
                origin=base,
                ssl=context,
            )
            assert (await heard(student, "state"))["v"] == 1

    with started(tmp_path, "--port", "0", "--tls-certificate", "chain.pem", "--tls-key", "key.pem") as (_, link):
        assert link.startswith("https://127.0.0.1:")
        run(lambda: test(link))


def test_verify_finds_a_change(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path)
    for action in ("server started", "session opened", "session closed"):
        log.append(action, time="2026-11-25T10:30Z")  # type: ignore[arg-type]
    runner = CliRunner()
    assert runner.invoke(app, ["audit-log", "verify", str(path), "--head", log.head]).exit_code == 0
    path.write_text(path.read_text().replace("opened", "erased"))
    assert "line 2" in invoked("audit-log", "verify", str(path))
    assert "cannot be read" in invoked("audit-log", "verify", str(tmp_path / "none"))
