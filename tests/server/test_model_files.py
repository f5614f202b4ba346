"""Model files go out for a permit alone."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from served import ALLOWED, RESEARCH, bearer, in_process, joined, let_teacher_in, opened, run

from classmood.errors import ModelError
from classmood.server.gate import Deployment, NotPermitted
from classmood.server.gatekeeper import Gatekeeper
from classmood.server.model_files import ModelFiles
from classmood.server.refusals import Refused

NAMES = ["detector.json", "detector.onnx", "emotion.json", "emotion.onnx"]


def made(folder: Path, built: bool = True) -> Path:
    """A folder of models whose bytes name them."""
    folder.mkdir()
    for name in ("emotion-resnet18-int8", "centerface"):
        (folder / f"{name}.onnx").write_bytes(b"shipped " + name.encode())
        (folder / f"{name}.json").write_text(json.dumps({"name": name}))
    if built:
        (folder / "web").mkdir()
        for name in ("emotion", "detector"):
            (folder / "web" / f"{name}.onnx").write_bytes(b"built " + name.encode())
            (folder / "web" / f"{name}.onnx.br").write_bytes(b"brotli")
            (folder / "web" / f"{name}.json").write_text(json.dumps({"name": f"web {name}"}))
    return folder


def body(answer: object) -> bytes:
    return Path(answer.path).read_bytes()  # type: ignore[attr-defined]


def test_what_was_built_for_the_page_is_served_and_else_what_is_shipped(tmp_path: Path) -> None:
    keeper = Gatekeeper(ALLOWED, 5)
    web = ModelFiles(keeper, made(tmp_path / "a"))
    assert body(web.answer(keeper.permit(), "emotion.onnx", {})) == b"built emotion"
    answer = web.answer(keeper.permit(), "emotion.onnx", {"accept-encoding": "br"})
    assert answer.headers["content-encoding"] == "br"
    assert answer.headers["cache-control"] == "private, no-cache"
    shipped = ModelFiles(keeper, made(tmp_path / "b", built=False))
    assert body(shipped.answer(keeper.permit(), "detector.onnx", {})) == b"shipped centerface"
    listing = shipped.listing(keeper.permit())
    assert sorted(listing["files"]) == NAMES  # type: ignore[call-overload]
    assert listing["cards"]["emotion"]["name"] == "emotion-resnet18-int8"  # type: ignore[index]


@pytest.mark.parametrize("name", ["../centerface.onnx", "weights.py", "", "emotion", "emotion.onnx.br"])
def test_nothing_else_is_served(tmp_path: Path, name: str) -> None:
    keeper = Gatekeeper(ALLOWED, 5)
    files = ModelFiles(keeper, made(tmp_path / "a"))
    with pytest.raises(Refused):
        files.answer(keeper.permit(), name, {})


def test_a_missing_file_is_told_at_the_start(tmp_path: Path) -> None:
    folder = made(tmp_path / "a", built=False)
    (folder / "centerface.onnx").unlink()
    with pytest.raises(ModelError, match=r"centerface\.onnx"):
        ModelFiles(Gatekeeper(ALLOWED, 5), folder)


def test_a_permit_that_is_over_opens_nothing(tmp_path: Path) -> None:
    today = dt.date(2026, 11, 25)
    keeper = Gatekeeper(RESEARCH.model_copy(update={"expires": today}), 5, lambda: today)
    files, permit = ModelFiles(keeper, made(tmp_path / "a")), keeper.permit()
    files.listing(permit)
    today += dt.timedelta(days=1)
    with pytest.raises(NotPermitted):
        files.listing(permit)
    with pytest.raises(NotPermitted):
        files.answer(permit, "emotion.onnx", {})


@pytest.mark.parametrize("deployment", [None, ALLOWED.model_copy(update={"place": "EU/EEA"})])
def test_where_it_is_denied_nobody_gets_a_model_and_is_told_why(tmp_path: Path, deployment: Deployment | None) -> None:
    async def test() -> None:
        async with in_process(tmp_path, deployment) as (app, client):
            await let_teacher_in(app, client)
            token = await joined(client, (await opened(client))["code"])
            for headers in ({}, bearer(token), {"Authorization": "Bearer nonsense"}):
                for path in ("/api/v1/models", "/api/v1/models/emotion.onnx"):
                    answer = await client.get(path, headers=headers)
                    assert answer.status_code == 403
                    assert "camera-free" in answer.json()["error"]["message"]
            entries = [json.loads(line) for line in (tmp_path / "class.db.audit.jsonl").read_text().splitlines()]
            assert [entry["action"] for entry in entries].count("model refused") == 1, "once a minute, not once a try"

    run(test)


def test_a_student_with_a_camera_gets_the_shipped_files_and_others_do_not(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path, ALLOWED) as (app, client):
            await let_teacher_in(app, client)
            session = await opened(client)
            camera = bearer(await joined(client, session["code"], "camera"))
            press = bearer(await joined(client, session["code"]))
            assert sorted((await client.get("/api/v1/models", headers=camera)).json()["files"]) == NAMES
            answer = await client.get("/api/v1/models/emotion.onnx", headers=camera)
            assert answer.status_code == 200
            assert len(answer.content) > 100_000
            again = await client.get(
                "/api/v1/models/emotion.onnx", headers=camera | {"If-None-Match": answer.headers["etag"]}
            )
            assert again.status_code == 304
            assert (await client.get("/api/v1/models", headers=press)).status_code == 403
            client.cookies.clear()
            assert (await client.get("/api/v1/models")).status_code == 401
            await client.post("/api/v1/me/withdraw", headers=camera)
            assert (await client.get("/api/v1/models", headers=camera)).status_code == 401

    run(test)
