"""What the reference models accept, and the one-line errors for all else.

Convention: a still is a row of ``crops`` (uint8, n x 48 x 48), a sequence an array of uint8, t x 48 x 48, whose first
frame is at rest (onset) and whose last is the strongest (apex). Labels are whole numbers, a place in the class list.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from classmood.crops import SIDE_PX
from classmood.errors import InputError


def check_crops(crops: Any) -> UInt8[np.ndarray, "n 48 48"]:
    """The crops as they are.

    Raises:
        InputError: they are no uint8 array of n x 48 x 48 with at least one row.
    """
    found = np.asarray(crops)
    if found.dtype != np.uint8 or found.shape[1:] != (SIDE_PX, SIDE_PX) or not len(found):
        raise InputError(
            f"expected uint8 crops of n x {SIDE_PX} x {SIDE_PX} with n above 0, got {found.dtype} of shape "
            f"{found.shape}; make them with classmood.crops"
        )
    return found


def check_sequences(sequences: Any, *, shortest: int = 2) -> list[UInt8[np.ndarray, "_ 48 48"]]:
    """The sequences as a list.

    Raises:
        InputError: there are none, or one is no uint8 array of t x 48 x 48 with at least ``shortest`` frames.
    """
    if not isinstance(sequences, Sequence) or not len(sequences):
        raise InputError(
            f"expected a list of one or more uint8 arrays t x {SIDE_PX} x {SIDE_PX}, got {_kind(sequences)}"
        )
    checked = []
    for place, frames in enumerate(sequences):
        found = np.asarray(frames)
        if found.dtype != np.uint8 or found.shape[1:] != (SIDE_PX, SIDE_PX) or len(found) < shortest:
            raise InputError(
                f"sequence {place}: expected uint8 frames t x {SIDE_PX} x {SIDE_PX} with t of at least {shortest}, got "
                f"{found.dtype} of shape {found.shape}; make them with classmood.crops and drop shorter ones"
            )
        checked.append(found)
    return checked


def check_labels(labels: Any, n: int, classes: int | None = None) -> Int[np.ndarray, " n"]:
    """Labels of n samples.

    Args:
        labels: whole numbers, not below 0.
        n: how many there must be.
        classes: how many classes there are, where that is known beforehand: all of them must occur. Where it is not,
            a class that is missing below the highest label is warned of.

    Raises:
        InputError: they are something else, only one class occurs, or one of ``classes`` has no sample; it is named.
    """
    found = np.asarray(labels)
    if found.shape != (n,) or not np.issubdtype(found.dtype, np.integer) or (n and found.min() < 0):
        raise InputError(
            f"expected {n} whole labels not below 0, one a sample, got {found.dtype} of shape {found.shape}; soft "
            "votes become labels by argmax(1)"
        )
    found = found.astype(np.int64)
    occurring = np.unique(found)
    if classes is not None:
        missing = sorted(set(range(classes)) - set(occurring.tolist()))
        if missing or found.max() >= classes:
            raise InputError(
                f"expected training samples of each of {classes} classes, got none of class "
                f"{', '.join(map(str, missing)) or 'the last'} and a highest label of {found.max()}; add samples, or "
                "leave classes unset to learn only those that occur"
            )
    if len(occurring) < 2:
        raise InputError(f"expected samples of two or more classes, got only {occurring.tolist()}; add others")
    unseen = sorted(set(range(int(occurring[-1]))) - set(occurring.tolist()))
    if unseen:
        # One above the highest label cannot be known; numbers left out below it can.
        message = f"no training samples of class {', '.join(map(str, unseen))}: it has no column and is never predicted"
        warnings.warn(message, stacklevel=3)
    return found


def check_groups(groups: Any, n: int) -> np.ndarray:
    """The group of each sample (a person, or a set of duplicates): by itself where none are given.

    Raises:
        InputError: there is not one a sample.
    """
    if groups is None:
        return np.arange(n)
    found = np.asarray(groups)
    if found.shape != (n,):
        raise InputError(f"expected {n} groups, one a sample, got shape {found.shape}; pass a subject for each sample")
    return np.unique(found, return_inverse=True)[1]


def _kind(value: Any) -> str:
    return f"{len(value)} sequences" if isinstance(value, list | tuple) else type(value).__name__
