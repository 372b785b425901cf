"""Immutable objects, named by the sha256 of their bytes: objects/ab/abcd….parquet, .json.

An object that held the text of an erased row is gone; replaced/DIGEST.json names the object that stands in its place,
so that what names the old one still reads all else that it held.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import polars as pl

from tilth.shards import atomic
from tilth.shards.digest import canonical_json, file_sha256, sha256_hex
from tilth.shards.errors import CorruptObject, StoreError

DIGEST = re.compile(r"[0-9a-f]{64}")
OBJECT_NAME = re.compile(r"([0-9a-f]{64})\.[a-z0-9]{1,16}")
RESTORE = "Restore it from a copy, go back with `tilth rollback`, or curate into a new --store"
ROW_GROUP_ROWS = 50_000


def checked_digest(value: object, where: str) -> str:
    """Return `value` if it is 64 hex digits, so that it can become part of a path. Raises StoreError."""
    if not isinstance(value, str) or not DIGEST.fullmatch(value):
        raise StoreError(
            where,
            "a digest is not 64 hex digits",
            "Nothing was read",
            "Run `tilth verify` to see what is damaged",
        )
    return value


class Objects:
    """The folder of objects. Reading verifies each object once per process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.replacements = folder.parent / "replaced"
        self._verified: set[str] = set()

    def put_frame(self, frame: pl.DataFrame) -> str:
        """Store a frame as Parquet (zstd) and return its digest. The caller sorts. Raises StoreError."""
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd", row_group_size=ROW_GROUP_ROWS)
        return self.put_bytes(buffer.getvalue(), ".parquet")

    def put_bytes(self, data: bytes, suffix: str = ".json") -> str:
        """Store bytes and return their digest. An object that is there but damaged is written anew."""
        digest = sha256_hex(data)
        path = self._path(digest, suffix)
        if path.is_file() and path.stat().st_size == len(data) and file_sha256(path) == digest:
            with atomic.storage_errors(path):
                atomic.sync_folder(path.parent)  # its writer may have been killed before this
        else:
            atomic.write_file(path, data)
        self._verified.add(digest)
        return digest

    def frame(self, digest: str, columns: list[str] | None = None) -> pl.DataFrame:
        """Read a Parquet object, or some of its columns. Raises CorruptObject, StoreError."""
        self.verify(digest)
        path = self.find(digest)
        with atomic.storage_errors(path):
            return pl.read_parquet(path, columns=columns, glob=False)

    def scan(self, digest: str) -> pl.LazyFrame:
        """Open a Parquet object lazily. Raises CorruptObject, StoreError."""
        self.verify(digest)
        return pl.scan_parquet(self.find(digest), glob=False)

    def read_bytes(self, digest: str) -> bytes:
        """Return the bytes of an object. Raises CorruptObject, StoreError."""
        self.verify(digest)
        path = self.find(digest)
        with atomic.storage_errors(path):
            return path.read_bytes()

    def verify(self, digest: str) -> None:
        """Check the bytes of an object against its name, once per process. Raises CorruptObject."""
        if digest in self._verified:
            return
        path = self.find(digest)
        with atomic.storage_errors(path):
            intact = path.name.startswith(file_sha256(path))
        if not intact:
            raise CorruptObject(
                str(path),
                "the stored bytes do not match their digest",
                "No version that holds this object can be used",
                RESTORE,
            )
        self._verified.add(digest)

    def find(self, digest: str) -> Path:
        """Return the path of an object, or of what stands in its place. Raises CorruptObject if it is missing."""
        checked_digest(digest, str(self.folder))
        found = sorted((self.folder / digest[:2]).glob(f"{digest}.*"))
        if not found and self.current(digest) != digest:
            return self.find(self.current(digest))
        if not found:
            raise CorruptObject(
                str(self.folder / digest[:2] / digest),
                "the object is missing",
                "No version that holds it can be used",
                RESTORE,
            )
        return found[0]

    def current(self, digest: str) -> str:
        """Return the digest of what stands in the place of an object, which is most often itself."""
        seen = [digest]
        while (path := self.replacements / f"{checked_digest(seen[-1], str(self.folder))}.json").is_file():
            try:
                with atomic.storage_errors(path):
                    seen.append(checked_digest(json.loads(path.read_bytes())["by"], str(path)))
            except (ValueError, KeyError, TypeError):
                seen.append(digest)
            if len(seen) != len(set(seen)):
                raise CorruptObject(str(path), "it does not name an object", "Nothing was read", RESTORE)
        return seen[-1]

    def replace(self, digest: str, by: str) -> None:
        """Let the object `by` stand in the place of another, which is removed. Raises StoreError."""
        path = self.find(digest)
        atomic.write_file(self.replacements / f"{digest}.json", canonical_json({"by": by}))
        with atomic.storage_errors(path):
            atomic.step("before the old object goes")
            path.unlink(missing_ok=True)
            atomic.sync_folder(path.parent)
        self._verified.discard(digest)

    def forget(self) -> None:
        """Verify every object anew from here on."""
        self._verified.clear()

    def files(self) -> list[Path]:
        """Return every file below the folder in order, links not followed."""
        return sorted(
            path for path in self.folder.glob("*/*") if not path.parent.is_symlink() and path.is_file()
        )

    def _path(self, digest: str, suffix: str) -> Path:
        checked_digest(digest, str(self.folder))
        return self.folder / digest[:2] / f"{digest}{suffix}"
