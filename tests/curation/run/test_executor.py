"""The executor: same results in the same order, however many processes."""

from __future__ import annotations

import os

from tilth.curation.run.executor import MIN_FILES_FOR_POOL, LocalExecutor


def square(x: int) -> tuple[int, int]:
    return x * x, os.getpid()


def test_few_tasks_stay_in_this_process() -> None:
    assert list(LocalExecutor(2).map(square, [1, 2])) == [(1, os.getpid()), (4, os.getpid())]


def test_many_tasks_come_back_in_order_from_other_processes() -> None:
    tasks = list(range(MIN_FILES_FOR_POOL))
    results = list(LocalExecutor(2).map(square, tasks))
    assert [value for value, _ in results] == [x * x for x in tasks]
    assert os.getpid() not in {pid for _, pid in results}
