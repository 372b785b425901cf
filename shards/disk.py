"""A disk that is full, whoever noticed: the system, a table's writer or a compiled library."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from tilth.shards.errors import StoreError

_NUMBERS = (errno.ENOSPC, errno.EDQUOT)
_WORDS = ("no space left on device", "os error 28", "disk quota exceeded", "os error 122")
NEXT = (
    "Free some space (`tilth gc` removes what no version uses), or name a store on another disk with --store"
)


def is_full(error: BaseException) -> bool:
    """Return whether an error, or one that it came from, says that the disk is full."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _NUMBERS:
            return True
        if any(word in str(seen).lower() for word in _WORDS):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def full(where: Path, needed_bytes: int | None = None) -> StoreError:
    """Return the error of a full disk: what is free now that scratch is gone, and what is needed where it is known."""
    while not where.exists():
        where = where.parent
    usage = shutil.disk_usage(where)
    needed = "" if needed_bytes is None else f", and about {_megabytes(needed_bytes)} are needed"
    failed = StoreError(
        str(where),
        f"no space left on device: {_megabytes(usage.free)} of {_megabytes(usage.total)} are free{needed}",
        "The store is as it was",
        NEXT,
    )
    failed.is_transient = True
    return failed


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
