"""What barriers observed, kept in files by what it was made from: a run writes it, a replay reads it.

A file is named by the digest of the stage (its parameters that are no limits, which of its limits are null, its
code), of the code that gives it texts, and of the rows that entered. It may be deleted at any time; what is missing
or damaged is observed again from the texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

from tilth.curation.run.code_digest import code_digest
from tilth.curation.run.texts import FiledTexts
from tilth.curation.stage import Barrier, parameters
from tilth.shards import arrow_file
from tilth.shards.atomic import storage_errors
from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.errors import TilthError

BATCH_ROWS = 25_000
THREADS = 2  # the kernels let go of the interpreter
MAX_CACHE_BYTES = 4 << 30


class Gatherer:
    """Gathers the evidence of barriers over the distinct rows of a run or a version."""

    def __init__(
        self, folder: Path, digests: Mapping[str, str], rows: pl.DataFrame, texts: FiledTexts
    ) -> None:
        """folder: of the cache. digests: of the stages, by name. rows: every distinct row (schema ROWS)."""
        self._folder, self._digests, self._rows, self._texts = folder, digests, rows, texts
        self._all_rows = ""

    def gather(self, barrier: Barrier, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the evidence of a barrier about `rows`, those still kept, from the cache where it is there.

        Raises TilthError naming the stage if it raises; what it says of its rows is left out.
        """
        row_local = barrier.row_local
        if row_local and not self._all_rows:
            self._all_rows = frame_digest(self._rows)
        name = barrier.name
        off = [limit for limit, value in parameters(barrier, limits=True).items() if value is None]
        texts = code_digest(FiledTexts.__module__)
        key = [self._digests[name], off, texts, self._all_rows if row_local else frame_digest(rows)]
        path = self._folder / f"{sha256_hex(canonical_json(key))}.arrow"
        with storage_errors(path):
            found = arrow_file.kept(path)
            if found is None:
                frames = self._batches(barrier) if row_local else iter([self._observe(barrier, rows)])
                return arrow_file.keep(path, frames)
            path.touch()  # the oldest go first, see `trim`
            return found

    def _batches(self, barrier: Barrier) -> Iterator[pl.DataFrame]:
        """Yield the evidence of a row-local barrier in the order of the rows, two batches at a time."""
        waiting: list[Future[pl.DataFrame]] = []
        if not self._rows.height:
            yield self._observe(barrier, self._rows)
        with ThreadPoolExecutor(THREADS) as pool:
            for rows in self._rows.iter_slices(BATCH_ROWS):
                waiting.append(pool.submit(self._observe, barrier, rows))
                if len(waiting) > THREADS:
                    yield waiting.pop(0).result()
            yield from (each.result() for each in waiting)

    def _observe(self, barrier: Barrier, rows: pl.DataFrame) -> pl.DataFrame:
        texts = self._texts.held(rows["row_id"]) if barrier.row_local else self._texts
        return guarded(barrier, barrier.evidence, rows, texts)


def guarded(barrier: Barrier, call: Callable[..., pl.DataFrame], *arguments: object) -> pl.DataFrame:
    """Return call(*arguments); what it raises beside a TilthError may hold text of a row and is only named."""
    try:
        return call(*arguments)
    except TilthError:
        raise
    except Exception as error:
        kind = type(error).__name__
    name = barrier.name
    raise TilthError(
        f"curation.{name}",
        f"it raised {kind}",
        "Nothing was published",
        f"Switch the stage off with `{name}: null`, or report this with the version of Tilth",
    )


def trim(folder: Path, max_bytes: int = MAX_CACHE_BYTES) -> None:
    """Delete what was not used for longest until the cache holds at most `max_bytes`."""
    files = [path for path in folder.iterdir() if path.is_file()]
    files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    held = 0
    for path in files:
        held += path.stat().st_size
        if held > max_bytes:
            path.unlink(missing_ok=True)


def frame_digest(frame: pl.DataFrame) -> str:
    """Return the digest of the names, types and logical values of a frame."""
    digest = hashlib.sha256()
    digest.update(canonical_json([[name, str(dtype)] for name, dtype in frame.schema.items()]))
    for part in frame.iter_slices(BATCH_ROWS):
        for values in part.iter_columns():
            digest.update(np.packbits(values.is_null().to_numpy()).tobytes())
            for piece in _bytes_of(values):
                digest.update(piece)
    return digest.hexdigest()


def _bytes_of(values: pl.Series) -> Iterator[bytes]:
    """Yield the bytes of the values of a column, nulls being empty or 0."""
    if values.dtype in (pl.String, pl.Binary):
        nothing = "" if values.dtype == pl.String else b""
        array = values.fill_null(nothing).to_arrow(compat_level=pl.CompatLevel.oldest())
        _, offsets, data = array.buffers()
        ends = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
        yield np.diff(ends).tobytes()
        yield memoryview(data)[ends[0] : ends[-1]].tobytes() if data else b""
    else:
        yield values.to_physical().fill_null(0).to_numpy().tobytes()
