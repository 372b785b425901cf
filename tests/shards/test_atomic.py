from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tilth.shards import atomic
from tilth.shards.errors import StoreError


def test_write_file_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file"
    atomic.write_file(path, b"old")
    atomic.write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_create_file_never_replaces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert atomic.create_file(path, b"first")
    assert not atomic.create_file(path, b"second")
    assert path.read_bytes() == b"first"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("write", [atomic.write_file, atomic.create_file])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_a_failing_disk_is_one_clear_error(tmp_path: Path, monkeypatch, write, code: int) -> None:
    path = tmp_path / "file"

    def fail(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreError, match=os.strerror(code).lower()) as caught:
        write(path, b"data")
    assert str(path) in str(caught.value) and "The store is as it was." in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_short_write_is_completed(tmp_path: Path, monkeypatch) -> None:
    class Reluctant:
        """A raw file that takes three bytes at a time."""

        def __init__(self, path: Path) -> None:
            self.file = path.open("wb", buffering=0)

        def __enter__(self) -> Reluctant:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, view: memoryview) -> int:
            return self.file.write(view[:3]) or 0

        def fileno(self) -> int:
            return self.file.fileno()

    opened = Path.open
    monkeypatch.setattr(
        Path, "open", lambda p, mode="r", **k: Reluctant(p) if mode == "xb" else opened(p, mode, **k)
    )
    atomic.write_file(tmp_path / "file", b"ten bytes!")
    assert (tmp_path / "file").read_bytes() == b"ten bytes!"
