"""Locks that die with their holder, and scratch folders that are cleared when theirs did.

The kernel drops a flock with the process that holds it: nothing to clean up by hand, whatever pid comes next.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tilth.shards.atomic import storage_errors
from tilth.shards.errors import Busy

POLL_S = 0.05


class Lock:
    """An exclusive lock on a file between processes; the thread that holds it may take it again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = threading.RLock()
        self._depth = 0
        self._descriptor = -1

    @contextmanager
    def held(self, wait_s: float) -> Iterator[None]:
        """Hold the lock; wait at most `wait_s` seconds for it. Raises Busy, StoreError."""
        deadline = time.monotonic() + wait_s
        if not self._thread.acquire(timeout=max(wait_s, 0)):
            raise self._busy(str(os.getpid()))
        try:
            if self._depth == 0:
                self._descriptor = self._acquire(deadline)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    os.close(self._descriptor)
        finally:
            self._thread.release()

    def _acquire(self, deadline: float) -> int:
        with storage_errors(self.path):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                while not try_flock(descriptor):
                    if time.monotonic() >= deadline:
                        holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
                        raise self._busy(holder)
                    time.sleep(POLL_S)
                with suppress(OSError):  # for the message above, nothing else: gc must run on a full disk
                    os.pwrite(descriptor, f"{os.getpid():<20}\n".encode(), 0)
            except BaseException:
                os.close(descriptor)
                raise
        return descriptor

    def _busy(self, holder: str) -> Busy:
        return Busy(
            str(self.path.parent),
            f"another process (pid {holder}) is writing here",
            "Nothing was changed",
            "Run it again when that process is done",
        )


def try_flock(descriptor: int) -> bool:
    """Lock an open file if no other process holds it; return whether it is ours now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Yield an empty folder below `folder`, removed at the end; remove those whose process is gone."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with Lock(folder / "lock").held(wait_s=10):
            _clear_stale(folder)
            own = folder / secrets.token_hex(8)
            descriptor = os.open(own.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            try_flock(descriptor)
            own.mkdir()
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)
        own.with_suffix(".lock").unlink(missing_ok=True)
        os.close(descriptor)


def _clear_stale(folder: Path) -> None:
    for mark in folder.glob("*.lock"):
        descriptor = os.open(mark, os.O_RDWR)
        if try_flock(descriptor):
            shutil.rmtree(mark.with_suffix(""), ignore_errors=True)
            mark.unlink()
        os.close(descriptor)
