"""Bytes that are believed only with their digest: what is kept in a cache and read again by a later run."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tilth.shards.atomic import write_file

DIGEST_BYTES = 32


def sealed(data: bytes) -> bytes:
    """Return `data` behind its digest."""
    return hashlib.sha256(data).digest() + data


def write_sealed(path: Path, data: bytes) -> None:
    """Write `data` behind its digest, synced, replacing what was there in one step. Raises StoreError."""
    write_file(path, sealed(data))


def read_sealed(path: Path) -> bytes:
    """Return what `write_sealed` wrote. Raises ValueError if it is not that, OSError if it cannot be read."""
    data = path.read_bytes()
    if hashlib.sha256(data[DIGEST_BYTES:]).digest() != data[:DIGEST_BYTES]:
        raise ValueError(f"{path}: the file is damaged")
    return data[DIGEST_BYTES:]
