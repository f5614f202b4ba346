"""Shipped models are found and are those of their cards; what is no model is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from classmood.errors import ModelError
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


def test_what_is_no_model_is_refused_although_its_card_matches(copy: Path) -> None:
    copy.write_bytes(b"this is no model")
    card = json.loads(copy.with_suffix(".json").read_text())
    copy.with_suffix(".json").write_text(json.dumps({**card, "sha256": weights.sha256(copy)}))
    weights.read_card(copy, weights.EmotionCard)
    with pytest.raises(ModelError, match="ONNX Runtime cannot open it"):
        weights.open_session(copy, threads=1)
