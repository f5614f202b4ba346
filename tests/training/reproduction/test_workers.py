"""Tasks in processes of their own: in order, with the shared data, and whatever ends them is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path

import psutil
import pytest
import torch

from classmood.errors import TrainingError
from classmood.training.reproduction.workers import side_by_side


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tell(task: int, shared: str) -> tuple[str, int, int]:
    if task == 7:
        raise ValueError("seven")
    return f"{shared}{task}", os.getpid(), torch.get_num_threads()


def wait(task: float, shared: str) -> None:
    # As when Ctrl-C is pressed, which reaches all processes of a terminal.
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(task)


def die(task: int, shared: str) -> None:
    os._exit(9)


def test_tasks_are_handed_out_in_order_to_other_processes_and_an_error_of_the_work_comes_through() -> None:
    begun: list[int] = []
    found: dict[int, tuple[str, int, int]] = {}

    def collect() -> None:
        for task, said in side_by_side(tell, [3, 1, 2, 7], "face ", jobs=2, begins=begun.append):
            found[task] = said
            # No more is begun than there are processes.
            assert len(begun) - len(found) <= 2

    with pytest.raises(ValueError, match="seven"):
        collect()
    assert begun == [3, 1, 2, 7]
    assert {task: said for task, (said, _, _) in found.items()} == {task: f"face {task}" for task in found}
    processes = {process for _, process, _ in found.values()}
    assert processes
    assert os.getpid() not in processes
    assert {threads for _, _, threads in found.values()} == {max(1, (os.cpu_count() or 1) // 2)}


def test_one_job_stays_in_this_process() -> None:
    assert [pid for _, (_, pid, _) in side_by_side(tell, [1, 2], "", jobs=1)] == [os.getpid()] * 2
    with pytest.raises(ValueError, match="seven"):
        list(side_by_side(tell, [7], "", jobs=1))


def test_a_process_that_dies_is_told_in_a_line_that_says_what_to_do() -> None:
    with pytest.raises(TrainingError, match=r"one of 2 processes died.*fewer --jobs"):
        list(side_by_side(die, [1, 2], "", jobs=2))


def test_ctrl_c_ends_at_once_and_leaves_no_process() -> None:
    def press(task: float) -> None:
        if task == 1:
            raise KeyboardInterrupt("pressed")

    before, began_s = active_children(), time.monotonic()
    # Not the worker's own, which must let it pass.
    with pytest.raises(KeyboardInterrupt, match="pressed"):
        list(side_by_side(wait, [0.1, 300, 1], "", jobs=2, begins=press))
    assert time.monotonic() - began_s < 120
    assert active_children() == before


PROGRAM = """
import time
from classmood.training.reproduction.workers import side_by_side

def work(task, shared):
    open(shared + str(task), "w").close()
    time.sleep(300)

if __name__ == "__main__":
    list(side_by_side(work, [1, 2], __file__, jobs=2))
"""


def test_a_process_that_is_killed_leaves_none_behind(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    first = psutil.Popen([sys.executable, str(program)], stderr=subprocess.DEVNULL)
    end_s = time.monotonic() + 120
    while len(list(tmp_path.iterdir())) < 3 and time.monotonic() < end_s:
        time.sleep(0.2)
    others = first.children()
    assert len(others) >= 2
    first.kill()
    first.wait()
    assert psutil.wait_procs(others, timeout=30)[1] == []
