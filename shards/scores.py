"""Scores of rows by text digest: what a model or a judge thought of a text, kept until asked for again.

scores/shards/SCORER/000001.scores   what one scorer said so far, a file each time it wrote, behind its digest
scores/NAME.parquet                  the scores of a name's rows, as the object last published for it

The table: text_digest (32 bytes), then one Float64 column per score, null where a scorer had nothing to say.
"""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from tilth.shards import atomic
from tilth.shards.digest import file_sha256
from tilth.shards.errors import CorruptObject
from tilth.shards.object import Objects, checked_digest
from tilth.shards.refs import checked_name
from tilth.shards.sealed import read_sealed, sealed

KEY = "text_digest"
SHARD = ".scores"


class Scores:
    """Appends what scorers say and publishes it as one table a name."""

    def __init__(self, root: Path, objects: Objects) -> None:
        self.folder = root / "scores"
        self.objects = objects

    def add(self, scorer: str, frame: pl.DataFrame) -> None:
        """Append what a scorer (a digest) says of some texts; it is there whole or not at all."""
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd")
        data = sealed(buffer.getvalue())
        number = len(self._shards(scorer)) + 1
        while not atomic.create_file(self._folder_of(scorer) / f"{number:06d}{SHARD}", data):
            number += 1

    def known(self, scorer: str) -> pl.DataFrame:
        """Return what a scorer said so far, a text once, ordered by text digest; no columns if nothing.

        What a damaged file held is not known: it is asked for again.
        """
        frames = [frame for path in self._shards(scorer) if (frame := _shard(path)) is not None]
        if not frames:
            return pl.DataFrame()
        return (
            pl.concat(frames, how="diagonal_relaxed").unique(KEY, keep="last", maintain_order=True).sort(KEY)
        )

    def publish(self, name: str, frame: pl.DataFrame) -> tuple[str, Path]:
        """Make `frame` the scores of a name; return the digest of the object and the path that stays the same.

        Columns of other scorers, published before, stay beside it.
        """
        path = self.path(name)
        if path.is_file():
            before = self._published(path)
            others = before.select(KEY, *(c for c in before.columns if c not in frame.columns))
            frame = frame.join(others, on=KEY, how="full", coalesce=True)
        columns = sorted(set(frame.columns) - {KEY})
        frame = frame.filter(pl.any_horizontal(pl.col(c).is_not_null() for c in columns))
        digest = self.objects.put_frame(frame.select(KEY, *columns).sort(KEY))
        atomic.write_file(path, self.objects.read_bytes(digest))
        return digest, path

    def path(self, name: str) -> Path:
        """Return where the scores of a name lie once there are some."""
        return self.folder / f"{checked_name(name)}.parquet"

    def published(self) -> list[Path]:
        """Return the published table of every name."""
        return sorted(self.folder.glob("*.parquet"))

    def _folder_of(self, scorer: str) -> Path:
        return self.folder / "shards" / checked_digest(scorer, "scorer")

    def _shards(self, scorer: str) -> list[Path]:
        return sorted(self._folder_of(scorer).glob(f"[0-9]*{SHARD}"))

    def _published(self, path: Path) -> pl.DataFrame:
        """Return a published table, which is an object of the store. Raises CorruptObject if it is none."""
        try:
            return self.objects.frame(file_sha256(path))
        except (OSError, CorruptObject) as error:
            raise CorruptObject(
                str(path),
                "the scores are not as they were published",
                "Nothing was scored",
                "Remove the file and score again",
            ) from error


def _shard(path: Path) -> pl.DataFrame | None:
    try:
        return pl.read_parquet(read_sealed(path), glob=False)
    except ValueError:
        return None
