"""The machine that a run was made on, its GPU included."""

from __future__ import annotations

import torch

from classmood.machine import machine


def describe_machine() -> str:
    """As ``classmood.machine`` says it, with the threads that torch takes, and the GPU where there is one."""
    words = machine(torch.get_num_threads())
    return f"{words}, {torch.cuda.get_device_name()}" if torch.cuda.is_available() else words
