"""Runs side by side, each in a process of its own: on a machine of many cores, or on one GPU that a run leaves idle."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.process import BaseProcess
from typing import Final, TypeVar

import torch

from classmood.errors import TrainingError

Task = TypeVar("Task")
Shared = TypeVar("Shared")
Result = TypeVar("Result")

# What every task of this worker process shares, as the one entry; handed over once, since it is large.
_SHARED: Final[list[object]] = []


def side_by_side(
    work: Callable[[Task, Shared], Result],
    tasks: Sequence[Task],
    shared: Shared,
    *,
    jobs: int,
    begins: Callable[[Task], None] = lambda _: None,
) -> Iterator[tuple[Task, Result]]:
    """Each task with its result, in the order in which they are done.

    A process computes with the threads that its share of the cores allows, one at least. With one job everything
    happens in this process, with the threads that it has.

    Args:
        work: a function of a module, which other processes can import.
        tasks: what there is to do; handed out in this order.
        shared: the second argument of all.
        jobs: processes at most.
        begins: called with a task when it is handed to a process.

    Raises:
        TrainingError: a process died.
    """
    if jobs == 1 or len(tasks) < 2:
        for task in tasks:
            begins(task)
            yield task, work(task, shared)
        return
    count = min(jobs, len(tasks))
    threads = max(1, (os.cpu_count() or 1) // count)
    others = active_children()
    # Not forked: a copy of a process whose threads hold locks can wait for them for ever.
    pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=_begin, initargs=(shared, threads))
    try:
        waiting = list(tasks)
        running: dict[Future[Result], Task] = {}
        while waiting or running:
            while waiting and len(running) < count:
                task = waiting.pop(0)
                begins(task)
                running[pool.submit(_work, work, task)] = task
            done = next(as_completed(running))
            task = running.pop(done)
            yield task, done.result()
    except BrokenProcessPool as error:
        _end(others)
        raise TrainingError(
            f"one of {count} processes died, for want of memory perhaps; what is done is kept: give the same command "
            "again with fewer --jobs"
        ) from error
    except BaseException:
        # Ctrl-C, or an error: what the others are at is theirs to carry on another time, from their checkpoints.
        _end(others)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _end(others: list[BaseProcess]) -> None:
    """Stop the processes that this one has started since there were these."""
    for child in active_children():
        if child not in others:
            child.terminate()


def _begin(shared: object, threads: int) -> None:
    # Ctrl-C reaches every process of a terminal; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # And one that was killed must not leave runs behind that nobody waits for.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    _SHARED[:] = [shared]
    # Progress bars of several processes would write over each other.
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 (open as long as the process)


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _work(work: Callable[[Task, Shared], Result], task: Task) -> Result:
    (shared,) = _SHARED
    return work(task, shared)  # type: ignore[arg-type]
