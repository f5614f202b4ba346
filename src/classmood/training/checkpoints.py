"""The state of a training run in a file, of which there is always a good one."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from classmood.errors import TrainingError


def write_state(state: dict[str, Any], path: Path) -> None:
    """Write a state beside the old one and swap, so that a full disk or a kill leaves a good one.

    Raises:
        TrainingError: it cannot be written; what was there before still is.
    """
    fresh = path.with_suffix(".new")
    try:
        torch.save(state, fresh)
        fresh.replace(path)
    except (OSError, RuntimeError) as error:
        fresh.unlink(missing_ok=True)
        raise TrainingError(f"{path}: cannot be written ({error}); the last good one is kept") from error


def read_state(path: Path, device: torch.device) -> dict[str, Any]:
    """A state as it was written, with its tensors on a device.

    Raises:
        TrainingError: the file is no checkpoint.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (OSError, EOFError, RuntimeError, UnpicklingError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise TrainingError(f"{path}: not a checkpoint ({reason}); remove it to start anew") from error
    return state
