"""A model of one's own goes to the page as it is, with a card that says all that the page must know."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from served import ALLOWED, bearer, in_process, joined, let_teacher_in, opened, run

from classmood.emotions import CLASSROOM_CLASSES, CLASSROOM_VAD, FERPLUS_CLASSES
from classmood.errors import ChecksumError, ModelError
from classmood.models.weights import sha256
from classmood.server.own_model import make_ready
from nine_class_model import write_nine_class_model

CROPS = {"side_px": 48, "pixel_mean": 0.5}


@pytest.fixture
def shipped_card(tmp_path: Path) -> Path:
    path = tmp_path / "shipped.json"
    path.write_text(json.dumps({"name": "shipped", "crops": CROPS, "sha256": "0"}))
    return path


def ready(tmp_path: Path, shipped_card: Path, **card: Any) -> tuple[Path, Path]:
    folder = tmp_path / "ready"
    folder.mkdir()
    own = write_nine_class_model(tmp_path / "mine.onnx", **card)
    return own, make_ready(own, shipped_card, folder)


def test_the_file_is_the_same_and_its_card_says_what_the_page_needs(tmp_path: Path, shipped_card: Path) -> None:
    own, made = ready(tmp_path, shipped_card)
    assert made.read_bytes() == own.read_bytes()
    assert gzip.decompress(made.with_name("emotion.onnx.gz").read_bytes()) == own.read_bytes()
    card = json.loads(made.with_suffix(".json").read_text())
    assert (card["name"], card["file"], card["sha256"]) == ("mine", "emotion.onnx", sha256(own))
    assert card["bytes"] == own.stat().st_size
    assert (card["labels"], card["dimensions"]) == ("classroom", ["valence", "dominance"])
    assert card["classes"] == list(CLASSROOM_CLASSES)
    assert card["vad"] == [list(CLASSROOM_VAD[name]) for name in CLASSROOM_CLASSES]
    assert card["crops"] == CROPS
    assert card["not_sure_below"] == 0.3


def test_what_does_not_fit_is_refused(tmp_path: Path, shipped_card: Path) -> None:
    own, _ = ready(tmp_path, shipped_card)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="no such model file"):
        make_ready(tmp_path / "none.onnx", shipped_card, tmp_path / "empty")
    with pytest.raises(ModelError, match="how crops are cut"):
        make_ready(own, tmp_path / "none.json", tmp_path / "empty")
    own.write_bytes(own.read_bytes() + b"\0")
    with pytest.raises(ChecksumError):
        make_ready(own, shipped_card, tmp_path / "empty")
    write_nine_class_model(own, labels="ferplus")
    with pytest.raises(ModelError, match="expected the classes"):
        make_ready(own, shipped_card, tmp_path / "empty")
    assert not list((tmp_path / "empty").iterdir())


def test_a_server_gives_out_the_model_that_it_was_told_to(tmp_path: Path) -> None:
    own = write_nine_class_model(tmp_path / "mine.onnx")

    async def test() -> None:
        async with in_process(tmp_path, ALLOWED, model=own) as (app, client):
            await let_teacher_in(app, client)
            token = await joined(client, (await opened(client))["code"], "camera")
            card = (await client.get("/api/v1/models/emotion.json", headers=bearer(token))).json()
            assert (card["name"], card["labels"]) == ("mine", "classroom")
            model = await client.get("/api/v1/models/emotion.onnx", headers=bearer(token))
            assert model.content == own.read_bytes()
            detector = await client.get("/api/v1/models/detector.json", headers=bearer(token))
            assert detector.status_code == 200

    run(test)


def test_where_cameras_are_not_allowed_it_is_not_even_looked_at(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path, None, model=tmp_path / "none.onnx") as (app, _):
            assert app.state.model_files is None

    run(test)


def test_a_ferplus_model_of_ones_own_keeps_its_labels(tmp_path: Path, shipped_card: Path) -> None:
    own, _ = ready(tmp_path, shipped_card)
    card = own.with_suffix(".json")
    card.write_text(json.dumps({**json.loads(card.read_text()), "labels": "ferplus", "classes": FERPLUS_CLASSES}))
    (tmp_path / "again").mkdir()
    made = make_ready(own, shipped_card, tmp_path / "again")
    assert json.loads(made.with_suffix(".json").read_text())["labels"] == "ferplus"
