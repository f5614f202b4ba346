"""Participants to folds: nobody is in two, and each fold has its share of every class as nearly as can be.

Who comes first is decided by a hash of the id, so that the same participants always fall into the same folds, on every
machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from classmood.errors import InputError


def deal_folds(clips: Mapping[str, Mapping[str, int]], folds: int, *, seed: int = 0) -> dict[str, int]:
    """The fold of each participant, from 1.

    Args:
        clips: for each participant the number of clips of each label.
        folds: how many; at most one a participant.
        seed: for another deal.

    Raises:
        InputError: there are fewer than two participants or folds.
    """
    if min(len(clips), folds) < 2:
        raise InputError(
            f"expected two or more participants with usable clips and two or more folds, got {len(clips)} and {folds}; "
            "whoever is scored must be left out of the training, so record at least two participants"
        )
    labels = sorted({label for counts in clips.values() for label in counts})
    total = np.array([sum(counts.get(label, 0) for counts in clips.values()) for label in labels], float)
    load = np.zeros((min(folds, len(clips)), len(labels)))
    people = np.zeros(len(load))
    dealt = {}
    # Those with many clips first: the small ones even out what is left.
    for who in sorted(clips, key=lambda one: (-sum(clips[one].values()), _place(one, seed))):
        counts = np.array([clips[who].get(label, 0) for label in labels], float)
        cost = ((load + counts) ** 2 / np.maximum(total, 1)).sum(1) - (load**2 / np.maximum(total, 1)).sum(1)
        # As many people in each fold, one more or less, whatever they have.
        open_ = people == people.min()
        fold = int(np.flatnonzero(open_)[cost[open_].argmin()])
        load[fold] += counts
        people[fold] += 1
        dealt[who] = fold + 1
    return dict(sorted(dealt.items()))


def _place(who: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{who}".encode()).hexdigest()
