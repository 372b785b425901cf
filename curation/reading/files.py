"""From the paths of a recipe to files on this machine, in a fixed order."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path, PurePath

from tilth.curation.reading.decompress import SUFFIXES
from tilth.curation.reading.folders import saved_files, what_to_name
from tilth.curation.reading.limits import ReadLimits
from tilth.curation.reading.remote import fetch, is_remote
from tilth.curation.reading.source import Source
from tilth.shards.errors import SourceError, UsageError


@dataclass(frozen=True)
class InputFile:
    """A file to read. `named` is its path as the user would write it; `local` is where its bytes are."""

    named: str
    local: Path
    source: Source

    @property
    def source_name(self) -> str:
        """Return what its rows are counted under."""
        return self.source.name or stem(self.named)


def source_of(path: str | Path) -> Source:
    """Return the source of a path as a person types it. Raises UsageError for a path that names nothing."""
    if not str(path).strip():
        raise UsageError(
            repr(str(path)), "names no file", "Nothing was read", "name a file, a folder or a glob"
        )
    return Source(path=str(path))


def find_files(
    sources: list[Source], base_dir: Path, download_dir: Path, limits: ReadLimits
) -> list[InputFile]:
    """Return the files of every source, sources in order and files by name.

    Nothing is downloaded unless a path says s3:// or hf://. Raises UsageError for a path that names no file,
    a folder that no `save_to_disk` wrote, or a file that another source names too, SourceError for what is no
    regular file. A file that a source names in several ways is read once.
    """
    files: list[InputFile] = []
    owners: dict[Path, str] = {}
    for source in sources:
        if is_remote(source.path):
            found = fetch(source.path, download_dir, limits.max_file_bytes)
        else:
            found = [
                (inside, base_dir / inside)
                for named in _expand(source.path, base_dir)
                for inside in saved_files(named, base_dir / named)
            ]
        shortest: dict[Path, tuple[str, Path]] = {}  # a file reached by links too, by its plainest name
        for named, local in sorted(found, key=lambda pair: (len(PurePath(pair[0]).parts), pair)):
            shortest.setdefault(_real(local), (named, local))
        for named, local in sorted(shortest.values()):
            _check(named, local)
            owner = owners.setdefault(_real(local), source.path)
            if owner is not source.path:
                raise UsageError(
                    named, f"both {owner!r} and {source.path!r} name this file", "its rows would count twice"
                )
            files.append(InputFile(named, local, source))
    return files


def stem(named: str) -> str:
    """Return a file name without folders and suffixes: `mix` of `data/mix.jsonl.zst`."""
    path = PurePath(named)
    while path.suffix.lower() in SUFFIXES:
        path = PurePath(path.stem)
    return path.stem


def _expand(path: str, base_dir: Path) -> list[str]:
    if (base_dir / path).exists():
        return [path]
    found = [
        name
        for name in glob.glob(path, root_dir=base_dir, recursive=True)  # noqa: PTH207 (keeps `..` as written)
        if (base_dir / name).is_file()
    ]
    if not found:
        raise UsageError(path, "no such file", f"looked in {base_dir}", "paths are relative to the recipe")
    return found


def _real(local: Path) -> Path:
    """Return where a path leads, or the path itself where its links lead nowhere."""
    try:
        return local.resolve()
    except RuntimeError:  # a link to itself
        return local


def _check(named: str, local: Path) -> None:
    if local.is_dir():
        raise UsageError(
            named,
            "this is a folder",
            "which of its files are meant is not known",
            what_to_name(named, local),
        )
    if not local.is_file():
        raise SourceError(named, "this is no regular file", "it cannot be read twice, once for its digest")
    try:
        named.encode("utf-8")
    except UnicodeEncodeError:
        raise SourceError(
            repr(named), "the file name is not UTF-8", "no ledger could name it", "rename it"
        ) from None
