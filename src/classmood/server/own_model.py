"""An emotion model of one's own, made ready for the student's page: with a card that says all that the page must know.

The file goes out as it is, with a compressed twin. Of the shipped model's page card it takes over how crops are cut,
which is the same for all models; everything that turns logits into numbers is its own card's.
"""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Final

from classmood.cards import EmotionCard, read_card
from classmood.emotions import CLASSES_OF, CLASSROOM_VAD, FERPLUS_VAD
from classmood.errors import ModelError

_VAD: Final = {"ferplus": FERPLUS_VAD, "classroom": CLASSROOM_VAD}


def make_ready(model: Path, shipped_card: Path, folder: Path) -> Path:
    """Check a model against its card and lay it out for the page.

    Args:
        model: an ONNX file as ``classmood export`` writes it, with its card beside it.
        shipped_card: the page's card of the shipped model.
        folder: an empty one, where ``emotion.onnx``, its compressed twin and ``emotion.json`` are written.

    Returns:
        The model there.

    Raises:
        ModelError: the file or a card is missing or is not what it has to be.
        ChecksumError: the file was changed.
    """
    if not model.is_file():
        raise ModelError(f"{model}: no such model file; give an ONNX file as classmood export writes it")
    card = read_card(model, EmotionCard)
    expected = CLASSES_OF[card.labels]
    if card.classes != expected:
        raise ModelError(f"{model}: expected the classes {expected}, its card names {card.classes}")
    try:
        crops = json.loads(shipped_card.read_text(encoding="utf-8"))["crops"]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{shipped_card}: expected the page's card of the shipped model, which says how crops are cut; build the "
            "package, or reinstall classmood"
        ) from error
    made = folder / "emotion.onnx"
    shutil.copyfile(model, made)
    made.with_name("emotion.onnx.gz").write_bytes(gzip.compress(made.read_bytes(), 6))
    places = _VAD[card.labels]
    content = {
        "name": card.name,
        "licence": card.licence,
        "source": card.source,
        "classes": card.classes,
        "labels": card.labels,
        "dimensions": card.dimensions,
        "votes_temperature": card.votes_temperature,
        "confidence_temperature": card.confidence_temperature,
        "not_sure_below": card.not_sure_below,
        "vad": [places[name] for name in card.classes],
        "crops": crops,
        "file": made.name,
        "sha256": card.sha256,
        "bytes": made.stat().st_size,
    }
    made.with_suffix(".json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return made
