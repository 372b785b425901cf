"""Maps a function over files: in this process, in a local pool, or as Ray tasks on shared storage.

Files in, files out: nothing but paths and small results crosses a process boundary. The pool spawns, since a
forked polars hangs.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Literal, Protocol, TypeVar

from tilth.shards.errors import TilthError, UsageError

Task = TypeVar("Task")
Result = TypeVar("Result")
# Below this many files a pool costs more to start than it saves.
MIN_FILES_FOR_POOL = 6
THREADS = "POLARS_MAX_THREADS"


class Executor(Protocol):
    """Maps a picklable function over tasks and yields the results in the order of the tasks."""

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield function(task) for every task, in order."""


class LocalExecutor:
    """Runs tasks here, or in a spawned pool where there are enough of them: a core, and a thread, a process."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield function(task) for every task, in order. Raises TilthError if a process dies."""
        if self.workers == 1 or len(tasks) < MIN_FILES_FOR_POOL:
            yield from map(function, tasks)
            return
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=end_with_parent)
        try:
            with _one_thread():
                results = pool.map(function, tasks)  # starts the processes
            yield from results
        except BrokenProcessPool:
            raise TilthError(
                "curation",
                "one of its processes died",
                "Nothing was published",
                "It may have run out of memory: see the system's log, and try with fewer rows",
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def end_with_parent() -> None:
    """End this process when the one that started it is gone; left alone it would wait for tasks for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep polars in the processes that start now from taking a thread for every core."""
    before = os.environ.get(THREADS)
    os.environ[THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[THREADS]
        else:
            os.environ[THREADS] = before


class RayExecutor:
    """Runs tasks as Ray tasks; every path must lie on storage that all nodes share."""

    def __init__(self) -> None:
        try:
            import ray
        except ImportError:
            raise UsageError(
                "curation.executor", "'ray' is not installed", next_step="pip install 'tilth[ray]'"
            ) from None
        self._ray = ray
        if not ray.is_initialized():
            ray.init(log_to_driver=False)

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield function(task) for every task, in order."""
        remote = self._ray.remote(function)
        for reference in [remote.remote(task) for task in tasks]:
            yield self._ray.get(reference)


def executor(name: Literal["local", "ray"]) -> Executor:
    """Return the executor of that name. Raises UsageError if Ray is asked for and absent."""
    return RayExecutor() if name == "ray" else LocalExecutor()
