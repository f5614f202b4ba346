"""The machine that a figure was measured on, in words."""

from __future__ import annotations

import platform
from pathlib import Path

import psutil
import torch


def describe_machine() -> str:
    """Processor, cores, the threads that torch takes, and the GPU where there is one."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    words = f"{processor}, {psutil.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{words}, {torch.cuda.get_device_name()}" if torch.cuda.is_available() else words
