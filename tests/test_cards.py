"""A model file is the one that its card describes, or it is refused; nothing that opens models is loaded for that."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from classmood.cards import Card, EmotionCard, read_card, sha256
from classmood.errors import ChecksumError, ModelError

CARD = {
    "name": "own",
    "file": "own.onnx",
    "licence": "none",
    "classes": ["neutral", "joy"],
    "votes_temperature": 1.0,
    "confidence_temperature": 1.0,
    "not_sure_below": 0.5,
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "own.onnx"
    path.write_bytes(bytes(range(256)) * 40)
    path.with_suffix(".json").write_text(json.dumps({**CARD, "sha256": sha256(path), "beyond": 1}))
    return path


def test_what_a_card_leaves_out_is_a_ferplus_models(model: Path) -> None:
    card = read_card(model, EmotionCard)
    assert (card.name, card.labels, card.unlearned, card.dimensions) == ("own", "ferplus", (), ())
    assert read_card(model, Card).sha256 == card.sha256


def test_one_changed_byte_is_noticed(model: Path) -> None:
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)
    with pytest.raises(ChecksumError, match=r"expected SHA-256 .* the file was changed or damaged"):
        read_card(model, EmotionCard)


def test_a_card_is_needed(model: Path) -> None:
    model.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match=r"expected a card at own\.json"):
        read_card(model, EmotionCard)


@pytest.mark.parametrize("content", ["not json", "[]", '{"name": "x"}'])
def test_a_bad_card_is_refused(model: Path, content: str) -> None:
    model.with_suffix(".json").write_text(content)
    with pytest.raises(ModelError, match="not a model card"):
        read_card(model, EmotionCard)


def test_cards_are_read_without_what_opens_models() -> None:
    code = "import sys, classmood.cards; print('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.strip() == b"False"
