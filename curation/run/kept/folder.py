"""The cache folder: how much of it there is, and its bound."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from pathlib import Path


class Damaged(Exception):
    """A kept file is not what was written, or is gone; what it held must be made again."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self.path = path


def usage(folder: Path) -> dict[str, tuple[int, int]]:
    """Return files and bytes by kind, the first word of a name."""
    held: dict[str, tuple[int, int]] = {}
    for path in _files(folder):
        kind = path.name.partition("-")[0]
        files, size = held.get(kind, (0, 0))
        held[kind] = files + 1, size + path.stat().st_size
    return dict(sorted(held.items()))


def trim(folder: Path, max_bytes: int) -> int:
    """Delete what was not used for longest until at most `max_bytes` are held; return how many bytes went.

    Files that share a name up to the first dot are kept or go together.
    """
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in _files(folder):
        groups[path.name.partition(".")[0]].append(path)
    ages = {name: max(path.stat().st_mtime for path in paths) for name, paths in groups.items()}
    held = freed = 0
    for name in sorted(groups, key=lambda name: (-ages[name], name)):
        size = sum(path.stat().st_size for path in groups[name])
        held += size
        if held > max_bytes:
            held, freed = held - size, freed + size
            remove(folder, name)
    return freed


def remove(folder: Path, name: str) -> None:
    """Delete the files of a name, whatever follows its first dot."""
    for path in folder.glob(f"{name}.*"):
        path.unlink(missing_ok=True)


def touch(folder: Path, name: str) -> None:
    """Note that the files of a name were used now."""
    for path in folder.glob(f"{name}.*"):
        with suppress(FileNotFoundError):
            path.touch()


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file())
