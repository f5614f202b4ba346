"""Model files are the ones their cards describe, or they are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from classmood.errors import ChecksumError, ModelError
from classmood.models import weights


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The shipped emotion model and its card, to be tampered with."""
    for ending in (".onnx", ".json"):
        shutil.copy(weights.FOLDER / f"{weights.SHIPPED_EMOTION}{ending}", tmp_path / f"own{ending}")
    return tmp_path / "own.onnx"


def test_shipped_models_match_their_cards() -> None:
    for name in (weights.SHIPPED_EMOTION, weights.SHIPPED_DETECTOR):
        path = weights.find(name)
        card = weights.read_card(path, weights.Card)
        assert card.file == path.name
        assert card.licence in ("Apache-2.0", "MIT")


def test_one_changed_byte_is_noticed(copy: Path) -> None:
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    with pytest.raises(ChecksumError, match=r"expected SHA-256 .* the file was changed or damaged"):
        weights.read_card(copy, weights.EmotionCard)


def test_a_card_is_needed(copy: Path) -> None:
    copy.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match=r"expected a card at own\.json"):
        weights.read_card(copy, weights.EmotionCard)


@pytest.mark.parametrize("content", ["not json", "[]", '{"name": "x"}'])
def test_a_bad_card_is_refused(copy: Path, content: str) -> None:
    copy.with_suffix(".json").write_text(content)
    with pytest.raises(ModelError, match="not a model card"):
        weights.read_card(copy, weights.EmotionCard)


def test_what_is_no_model_is_refused_although_its_card_matches(copy: Path) -> None:
    copy.write_bytes(b"this is no model")
    card = json.loads(copy.with_suffix(".json").read_text())
    copy.with_suffix(".json").write_text(json.dumps({**card, "sha256": weights.sha256(copy)}))
    weights.read_card(copy, weights.EmotionCard)
    with pytest.raises(ModelError, match="ONNX Runtime cannot open it"):
        weights.open_session(copy, threads=1)
