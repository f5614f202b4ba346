"""The machine that a figure was measured on, in words: no figure stands without it."""

from __future__ import annotations

import platform
from pathlib import Path

import psutil


def machine(threads: int) -> str:
    """Processor, cores, the threads that were used, system and Python."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{processor}, {psutil.cpu_count()} cores ({threads} threads used), {system}"
