"""Labelled faces in memory: what a training run and its folds work on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from classmood.errors import RecipeError


@dataclass(frozen=True, slots=True)
class Samples:
    """N faces with soft labels.

    Attributes:
        images: grey crops as ``classmood.crops`` makes them.
        targets: a distribution over the classes for each face; rows sum to 1, or to 0 where a face has no class.
        names: one unique name a face, for messages and folds.
        groups: faces of one group (the same person, or exact duplicates) never cross a fold.
        ratings: valence, arousal and dominance in [-1, 1], NaN where they were not rated; None without any.
    """

    images: UInt8[np.ndarray, "n 48 48"]
    targets: Float32[np.ndarray, "n k"]
    names: tuple[str, ...]
    groups: tuple[str, ...]
    ratings: Float32[np.ndarray, "n 3"] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def take(self, chosen: np.ndarray) -> Samples:
        """The samples at the given places."""
        return Samples(
            self.images[chosen],
            self.targets[chosen],
            tuple(self.names[i] for i in chosen),
            tuple(self.groups[i] for i in chosen),
            None if self.ratings is None else self.ratings[chosen],
        )

    def split(self, holdout: float, *, fraction: float = 1.0) -> tuple[Samples, Samples]:
        """Cut into a training part and a held-out fold, by a hash of the group: the same on every machine and run.

        Args:
            holdout: share of the groups that is held out.
            fraction: share of the remaining groups that is kept to train on.

        Raises:
            RecipeError: nothing would be left to train on.
        """
        places = np.array([_place(group) for group in self.groups])
        held = np.flatnonzero(places < holdout)
        kept = np.flatnonzero((places >= holdout) & (places < holdout + (1 - holdout) * fraction))
        if not len(kept):
            raise RecipeError(
                f"no samples left to train on out of {len(self)}; lower data.holdout or raise data.fraction"
            )
        return self.take(kept), self.take(held)


def _place(group: str) -> float:
    """A number in [0, 1) that depends on the group alone."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
