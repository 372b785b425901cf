"""Locks that die with their holder, and scratch folders that are cleared when theirs did.

The kernel drops a flock with the process that holds it: nothing to clean up by hand, whatever pid comes next.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tilth.shards.atomic import storage_errors
from tilth.shards.errors import Busy, StoreError

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
    """Yield an empty folder below `folder`, removed at the end; remove those whose process is gone.

    What lies there may be text as it was read: only its owner can look into it.
    """
    with storage_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Lock(folder / "lock").held(wait_s=10):
            _clear_stale(folder)
            own = folder / secrets.token_hex(8)
            descriptor = os.open(own.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            try_flock(descriptor)
            own.mkdir(mode=0o700)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)
        own.with_suffix(".lock").unlink(missing_ok=True)
        os.close(descriptor)


@contextmanager
def temporary() -> Iterator[Path]:
    """Yield a scratch folder outside any store, in the system's folder for temporary files."""
    folder = _temporary_root()
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if about.st_uid != os.getuid() or not stat.S_ISDIR(about.st_mode) or about.st_mode & 0o077:
        with tempfile.TemporaryDirectory(prefix="tilth-") as private:  # somebody else was there first
            yield Path(private)
        return
    with scratch(folder) as own:
        yield own


def clear_scratch(folder: Path) -> int:
    """Remove the scratch folders of processes that died, below `folder` and those of `temporary`; return how many.

    Where another process is at it, or nothing can be removed, none: see `left_behind`.
    """
    cleared = 0
    for place in (folder, _temporary_root()):
        with suppress(OSError, Busy, StoreError):
            if place.is_dir() and place.lstat().st_uid == os.getuid():
                with Lock(place / "lock").held(wait_s=0):
                    cleared += _clear_stale(place)
    return cleared


def left_behind(folder: Path) -> list[Path]:
    """Return the scratch folders below `folder` that no living process holds."""
    found = []
    for own in sorted(path for path in folder.glob("*") if path.is_dir()):
        mark = own.with_suffix(".lock")
        if not mark.exists() or not _is_held(mark):
            found.append(own)
    return found


def _temporary_root() -> Path:
    return Path(tempfile.gettempdir()) / f"tilth-{os.getuid()}"


def _is_held(mark: Path) -> bool:
    descriptor = os.open(mark, os.O_RDWR)
    try:
        return not try_flock(descriptor)
    finally:
        os.close(descriptor)


def _clear_stale(folder: Path) -> int:
    """Remove the folders that no living process holds; the caller holds the lock of `folder`."""
    stale = left_behind(folder)
    for own in stale:
        shutil.rmtree(own, ignore_errors=True)
    for mark in folder.glob("*.lock"):
        if not mark.with_suffix("").exists() and not _is_held(mark):
            mark.unlink(missing_ok=True)
    return sum(not own.exists() for own in stale)
