"""Where a run starts: the weights of another one, as they are or fitted to another network.

Two changes are fitted so that the new network says what the old one said, as nearly as it can:

- a head for the classroom's nine classes takes over the rows of the FER+ classes that they stand for;
- where layers may be left out (``schedule.start_partly``), a network without SRM takes over one with it. There each
  channel is weighed by a gate that depends on the face; the gate's mean is put into the norm before, so that only the
  dependence on the face is taken away. With the gate's argument normally distributed by its own norm, N(b, w^2), the
  mean of its sigmoid is about sigmoid(b / sqrt(1 + pi w^2 / 8)) (MacKay, "The evidence framework applied to
  classification networks", 1992).
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from classmood.errors import RecipeError
from classmood.training.export import Master
from classmood.training.heads import head_from_ferplus
from classmood.training.resnet import EmotionNetwork


def starting_weights(master: Master, network: EmotionNetwork, path: Path, *, partly: bool) -> dict[str, Tensor]:
    """All weights for a network to start from.

    Args:
        master: the weights to take over.
        network: the network to be trained; what does not fit keeps its own weights.
        path: of the master, for messages.
        partly: whether the networks may differ in more than their labels.

    Raises:
        RecipeError: the networks differ more than they may, or share nothing.
    """
    theirs, settings = master.network.settings, network.settings
    weights = dict(master.network.state_dict())
    # Dropout has no weights.
    if not partly and replace(theirs, labels=settings.labels, dropout=settings.dropout) != settings:
        raise RecipeError(
            f"schedule.start_from: {path} holds another network than this recipe's [network]; to take over "
            "the layers that fit set schedule.start_partly = true"
        )
    if theirs.srm and not settings.srm:
        weights = without_srm(weights)
    if theirs.labels == "ferplus" and settings.labels == "classroom":
        rows = head_from_ferplus(weights.pop("classifier.weight"), weights.pop("classifier.bias"))
        weights["classifier.classes.weight"], weights["classifier.classes.bias"] = rows
    own = network.state_dict()
    fitting = {name: w for name, w in weights.items() if name in own and own[name].shape == w.shape}
    # The classes that were learned are those of the data, not of the start.
    fitting.pop("classifier.learned", None)
    if not any(w.ndim > 1 for w in fitting.values()):
        raise RecipeError(f"schedule.start_from: no layer of {path} fits this recipe's [network]")
    return {**own, **fitting}


def without_srm(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a network with SRM for one without: each gate's mean is put into the norm before it."""
    rest = {name: w for name, w in weights.items() if ".srm." not in name}
    for name in weights:
        if not name.endswith(".srm.q"):
            continue
        block = name.removesuffix(".srm.q")
        spread, middle = weights[f"{block}.srm.norm.weight"], weights[f"{block}.srm.norm.bias"]
        mean = torch.sigmoid(middle / (1 + math.pi * spread.square() / 8).sqrt())
        for part in ("weight", "bias"):
            rest[f"{block}.bn2.{part}"] = weights[f"{block}.bn2.{part}"] * mean
    return rest
