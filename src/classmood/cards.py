"""A model file's card: what is known of it, as the JSON beside it, and whether the file is the one that it describes.

Nothing here opens a model: a server that only hands files out loads no more than this.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from classmood.errors import ChecksumError, ModelError

CardType = TypeVar("CardType", bound="Card")


class Card(BaseModel):
    """What is known of a model file, as the JSON beside it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    file: str
    sha256: str
    licence: str
    source: str = ""


class EmotionCard(Card):
    """The card of an emotion model: all that turns its logits into numbers a person may read.

    Attributes:
        classes: the names of the logits, in order.
        votes_temperature: divides the logits so that probabilities follow the raters' votes.
        confidence_temperature: divides the logits so that the largest probability is the chance of being right.
        not_sure_below: confidence under which a face is "not sure".
        labels: FER+ classes, from which appreciation and caution are derived, or the classroom's nine, all measured.
        unlearned: classes that the training data did not hold; their probability is always 0.
        dimensions: of valence, arousal and dominance those that the file measures by an output of its own.
        precision: how the file computes.
        training: the recipe's name and what was measured on the held-out fold.
    """

    classes: tuple[str, ...]
    votes_temperature: float
    confidence_temperature: float
    not_sure_below: float
    labels: Literal["ferplus", "classroom"] = "ferplus"
    unlearned: tuple[str, ...] = ()
    dimensions: tuple[Literal["valence", "arousal", "dominance"], ...] = ()
    precision: Literal["int8", "float32"] = "int8"
    training: dict[str, str | float | int] = {}


def read_card(path: Path, kind: type[CardType]) -> CardType:
    """Read the card beside a model file and check the file against it.

    Raises:
        ModelError: there is no card, or it cannot be read; says which key.
        ChecksumError: the model file is not the one that the card describes.
    """
    card_path = path.with_suffix(".json")
    try:
        card = kind.model_validate(json.loads(card_path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ModelError(f"{path}: expected a card at {card_path.name} beside it ({error.strerror})") from error
    except (ValidationError, ValueError) as error:
        raise ModelError(f"{card_path}: not a model card ({str(error).splitlines()[0]})") from error
    actual = sha256(path)
    if actual != card.sha256:
        raise ChecksumError(str(path), card.sha256, actual)
    return card


def sha256(path: Path) -> str:
    """The checksum of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
