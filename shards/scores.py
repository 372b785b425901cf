"""Scores of rows by text digest: what a model or a judge thought of a text, kept until asked for again.

scores/shards/SCORER/000001.parquet   what one scorer said so far, a file each time it wrote
scores/NAME.parquet                   the scores of a name's rows, as the object last published for it

The table: text_digest (32 bytes), then one Float64 column per score, null where a scorer had nothing to say.
"""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from tilth.shards import atomic
from tilth.shards.errors import CorruptObject
from tilth.shards.object import Objects, checked_digest
from tilth.shards.refs import checked_name

KEY = "text_digest"


class Scores:
    """Appends what scorers say and publishes it as one table a name."""

    def __init__(self, root: Path, objects: Objects) -> None:
        self.folder = root / "scores"
        self.objects = objects

    def add(self, scorer: str, frame: pl.DataFrame) -> None:
        """Append what a scorer (a digest) says of some texts; it is there whole or not at all."""
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd")
        number = len(self._shards(scorer)) + 1
        while not atomic.create_file(self._folder_of(scorer) / f"{number:06d}.parquet", buffer.getvalue()):
            number += 1

    def known(self, scorer: str) -> pl.DataFrame:
        """Return what a scorer said so far, a text once, ordered by text digest; no columns if nothing."""
        frames = [_read(path) for path in self._shards(scorer)]
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
            before = _read(path)
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
        return sorted(self._folder_of(scorer).glob("[0-9]*.parquet"))


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CorruptObject(
            str(path), "the scores cannot be read", "Nothing was scored", "Remove the file and score again"
        ) from error
