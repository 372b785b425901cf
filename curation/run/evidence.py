"""What barriers observed, kept in files by what it was made from: a run writes it, the next run and a replay read it.

Observations of a row by itself are kept in pieces of some rows each: a run observes only the rows that it meets for the
first time. All other evidence is kept by the rows that entered. A file is named by the digest of the stage (its
parameters that are no limits, which of its limits are null, its code), of the code that gives it texts, and of the
rows. It may be deleted at any time; what is missing or damaged is observed again from the texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import polars as pl

from tilth.curation.run.code_digest import code_digest
from tilth.curation.run.kept.match import matched
from tilth.curation.run.texts import FiledTexts
from tilth.curation.stage import Barrier, Observe, parameters
from tilth.shards import arrow_file
from tilth.shards.atomic import storage_errors
from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.errors import TilthError
from tilth.shards.tables import ROWS

BATCH_ROWS = 25_000
_DIGESTED_ROWS = 200_000
THREADS = 2  # the kernels let go of the interpreter


@dataclass(frozen=True)
class Piece:
    """Some rows that were met for the first time together. rows: how many; here: the ids of those of this run."""

    id: str
    rows: int
    here: pl.Series


class Gatherer:
    """Gathers the evidence of barriers over the distinct rows of a run or a version."""

    def __init__(
        self, folder: Path, digests: Mapping[str, str], rows: pl.DataFrame, texts: FiledTexts
    ) -> None:
        """folder: of the cache. digests: of the stages, by name. rows: every distinct row (schema ROWS)."""
        self._folder, self._digests, self._rows, self._texts = folder, digests, rows, texts

    def gather(self, barrier: Barrier, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the evidence of a barrier about `rows`, those still kept, from the cache where it is there.

        That of a row-local barrier comes in any order, and may hold rows that are gone.
        Raises TilthError naming the stage if it raises; what it says of its rows is left out.
        """
        if barrier.row_local:
            return self._by_row(barrier)
        entered = frame_digest(rows.drop([name for name in ROWS if name != "row_id"]))
        key = sha256_hex(canonical_json([self._key(barrier), self._all_rows, entered]))
        path = self._folder / f"evidence-{key}.arrow"
        return self._kept(path, lambda: self._observe(barrier, rows, self._texts))

    @cached_property
    def _all_rows(self) -> str:
        return frame_digest(self._rows)

    def _key(self, barrier: Barrier) -> str:
        off = [limit for limit, value in parameters(barrier, limits=True).items() if value is None]
        return sha256_hex(
            canonical_json([self._digests[barrier.name], off, code_digest(FiledTexts.__module__)])
        )

    def _kept(self, path: Path, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        with storage_errors(path):
            found = arrow_file.kept(path)
            if found is None:
                return arrow_file.keep(path, iter([make()]))
            path.touch()  # the oldest go first, see `trim`
            return found

    def _by_row(self, barrier: Barrier) -> pl.DataFrame:
        observe = partial(guarded, barrier, barrier.evidence)
        said = self.each(self._rows["row_id"], observe, self._key(barrier))
        return pl.concat(said) if said else self._observe(barrier, self._rows, self._texts)

    def each(self, row_ids: pl.Series, observe: Observe, key: str) -> list[pl.DataFrame]:
        """Return what `observe` says of each of some rows, and perhaps of others; of each row once.

        key: the digest of what decides what it says.
        """
        wanted = [piece.here for piece in self._pieces]
        if row_ids.len() < self._rows.height:
            numbered = [ids.to_frame().with_columns(piece=pl.lit(n)) for n, ids in enumerate(wanted)]
            some = _of(pl.concat(numbered), row_ids).partition_by("piece", as_dict=True)
            wanted = [some[(n,)]["row_id"] if (n,) in some else ids.clear() for n, ids in enumerate(wanted)]
        with ThreadPoolExecutor(THREADS) as pool:
            said = list(
                pool.map(lambda piece, ids: self._of_piece(piece, ids, observe, key), self._pieces, wanted)
            )
        met = [(frame, piece) for frame, piece in zip(said, self._pieces) if frame is not None]
        held = [frame for frame, _ in met]
        if sum(map(len, held)) == sum(map(len, wanted)) or not _repeats(held):
            return held
        # A row stands in two pieces where it was met again with other labels.
        return [_of(frame, piece.here) for frame, piece in met]

    def _of_piece(self, piece: Piece, wanted: pl.Series, observe: Observe, key: str) -> pl.DataFrame | None:
        """Return what was said of the rows of a piece, those of `wanted` among them; None of none."""
        path = self._folder / f"seen-{piece.id[:32]}-{key[:32]}.arrow"
        with storage_errors(path):
            found = arrow_file.kept(path)
            if found is not None and found.height == piece.rows:
                path.touch()
                return found
            if found is not None:
                wanted = wanted.filter(~wanted.is_in(found["row_id"].implode()))
                path.touch()
            if not wanted.len():
                return found
            here = _of(self._rows, wanted)
            said = observe(here, self._texts.held(wanted))
            return arrow_file.keep(path, iter([said] if found is None else [found, said]))

    @cached_property
    def _pieces(self) -> list[Piece]:
        """The pieces that hold the rows of this run, each row in one of them; what nobody met becomes new ones."""
        ids, held = [], []
        for path in sorted(self._folder.glob("rows-*.arrow")):
            rows = arrow_file.kept(path)
            if rows is None or rows.schema != ROWS:
                path.unlink(missing_ok=True)
                continue
            ids.append(path.stem.removeprefix("rows-"))
            held.append(rows)
        found = self._rows.select("row_id").with_columns(piece=matched(self._rows.select(ROWS.names()), held))
        pieces = []
        for (number,), rows in sorted(found.drop_nulls().partition_by("piece", as_dict=True).items()):
            pieces.append(Piece(ids[int(number)], held[int(number)].height, rows["row_id"]))
            with suppress(FileNotFoundError):
                (self._folder / f"rows-{ids[int(number)]}.arrow").touch()
        fresh = self._rows.filter(found["piece"].is_null()) if pieces else self._rows
        for rows in fresh.iter_slices(BATCH_ROWS):
            name = frame_digest(rows)
            arrow_file.keep(self._folder / f"rows-{name}.arrow", iter([rows]))
            pieces.append(Piece(name, rows.height, rows["row_id"]))
        return pieces

    def _observe(self, barrier: Barrier, rows: pl.DataFrame, texts: FiledTexts) -> pl.DataFrame:
        return guarded(barrier, barrier.evidence, rows, _Remembered(texts, self, self._key(barrier)))


class _Remembered(FiledTexts):
    """Texts of which a barrier's observations are kept by row."""

    def __init__(self, texts: FiledTexts, gatherer: Gatherer, key: str) -> None:
        self._texts, self._gatherer, self._key = texts, gatherer, key

    def turns(self) -> pl.LazyFrame:
        """Return the turns of every distinct row, ordered by row_id and turn."""
        return self._texts.turns()

    def _read(self, row_ids: pl.Series) -> pl.DataFrame:
        return self._texts._read(row_ids)

    def each(self, rows: pl.DataFrame, observe: Observe) -> pl.DataFrame:
        """Return what `observe` says of each row, as an earlier run kept it or else as it says now."""
        key = sha256_hex(canonical_json([self._key, observe.__name__]))
        said = self._gatherer.each(rows["row_id"], observe, key)
        nothing = observe(rows.clear(), self._texts.held(rows["row_id"].clear()))
        return _of(pl.concat([nothing, *said]), rows["row_id"])


def _repeats(frames: list[pl.DataFrame]) -> bool:
    return pl.concat([frame["row_id"] for frame in frames]).is_duplicated().any()


def _of(rows: pl.DataFrame, row_ids: pl.Series) -> pl.DataFrame:
    """Return the rows of these ids, in their order."""
    return rows.join(row_ids.to_frame("row_id"), on="row_id", how="semi", maintain_order="left")


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


def frame_digest(frame: pl.DataFrame) -> str:
    """Return the digest of the names, types and logical values of a frame."""
    digest = hashlib.sha256()
    digest.update(canonical_json([[name, str(dtype)] for name, dtype in frame.schema.items()]))
    for part in frame.iter_slices(_DIGESTED_ROWS):
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
