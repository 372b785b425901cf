"""Files that are there whole or not at all: temporary file, fsync, rename (or link), fsync of the folder.

A process may be killed, or the power go, at any point: a name then holds the old bytes or the new ones. What
can be left behind is a temporary file `.NAME.….tmp`, which `tilth gc` removes.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tilth.shards.errors import StoreError

TEMPORARY_SUFFIX = ".tmp"
# What may be otherwise in an hour: space, a share over the network that is away.
TRANSIENT = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.EAGAIN,
    errno.ENOTCONN,
)


def step(name: str) -> None:
    """Do nothing; called between every two system calls of a write, so that tests can fail there."""


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError about `path` into one clear StoreError."""
    try:
        yield
    except OSError as error:
        next_step = {
            errno.ENOSPC: "Free some space (`tilth gc` removes what no version uses) and run it again",
            errno.EDQUOT: "Raise the quota or free some space and run it again",
            errno.EACCES: "Check who owns the folder, or name another one with --store",
            errno.EPERM: "Check who owns the folder, or name another one with --store",
            errno.EROFS: "Name a writable folder with --store",
        }.get(error.errno or 0, "Check the disk and run it again")
        what = (error.strerror or type(error).__name__).lower()
        failed = StoreError(str(path), what, "The store is as it was", next_step)
        failed.is_transient = error.errno in TRANSIENT
        raise failed from error


def write_file(path: Path, data: bytes) -> None:
    """Write `data` to `path`, replacing what was there in one step. Raises StoreError."""
    write_pieces(path, [data])


def write_pieces(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Write pieces end to end as `write_file` does; only one of them need be in memory at a time."""
    with storage_errors(path), _temporary(path, pieces) as temporary:
        temporary.replace(path)
        step("renamed")
        sync_folder(path.parent)
        step("folder synced")


def create_file(path: Path, data: bytes) -> bool:
    """Write `data` to `path` unless it exists; return whether it was created. Raises StoreError."""
    with storage_errors(path), _temporary(path, [data]) as temporary:
        try:
            path.hardlink_to(temporary)
            created = True
        except FileExistsError:
            created = False
        step("linked")
        # Also when it was there: whoever linked it may have been killed before this.
        sync_folder(path.parent)
        step("folder synced")
    return created


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power loss. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _temporary(path: Path, pieces: Iterable[bytes | memoryview]) -> Iterator[Path]:
    """Yield a synced file that holds `pieces` in the folder of `path`; remove it at the end."""
    if not path.name:
        raise StoreError(str(path), "is a folder, not a file", "Nothing was written", "name a file")
    _make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")
    step("start")
    try:
        with temporary.open("xb", buffering=0) as file:
            step("created")
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    view = view[file.write(view) :]
            step("written")
            os.fsync(file.fileno())
        step("synced")
        yield temporary
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _make_folder(folder: Path) -> None:
    """Create `folder` and its parents so that they survive a power loss."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    step("folder made")
    sync_folder(folder.parent)
