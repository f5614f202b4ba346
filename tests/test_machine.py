"""A machine is named by its processor, not by its architecture, and with what was used of it."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import pytest

from classmood.machine import machine


def test_processor_cores_threads_system_and_python_are_named() -> None:
    said = machine(3)
    assert re.fullmatch(r".+, \d+ cores \(3 threads used\), \w+, Python \d+\.\d+\.\d+\S*", said)
    assert platform.python_version() in said


def test_the_system_s_own_word_for_the_processor_is_taken_where_it_has_one() -> None:
    if not Path("/proc/cpuinfo").is_file() or "model name" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this system does not list its processor's name")
    assert machine(1).split(",")[0] in Path("/proc/cpuinfo").read_text()
