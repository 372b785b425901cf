"""Passages of texts that were erased, as numbers: enough to find one in any bytes, too little to read it.

A passage is 31 bytes that stand alike in text, JSON and HTML. Of each the hashes of its 24-byte windows at eight
successive offsets are kept. Bytes are hashed at every eighth offset, so that one of the eight is met wherever a passage
stands. Who can guess 24 bytes can confirm them.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import polars as pl

WORD_BYTES = 8
WINDOW_BYTES = 3 * WORD_BYTES
PASSAGE_BYTES = WINDOW_BYTES + WORD_BYTES - 1
EVERY_BYTES = 64  # between the passages of a text
MOST_PER_ROW, MOST = 64, 200_000
SCHEMA = pl.Schema({"row_id": pl.Binary(), "passage": pl.UInt32(), "window": pl.UInt64()})
# Nothing in a run is written otherwise in JSON or HTML but letters beyond ASCII, which JSON may escape.
_RUN = re.compile(r"[^\s\"'<>&\\\x00-\x1f\x7f]+(?: [^\s\"'<>&\\\x00-\x1f\x7f]+)*")
_FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9))
MIN_TABLE_BITS, MAX_TABLE_BITS = 14, 26


def passages_of(texts: Iterable[str], most: int) -> list[bytes]:
    """Return at most `most` passages of some texts, spread over them, the first and the last among them."""
    found: dict[bytes, None] = {}
    for text in texts:
        for run in _RUN.finditer(text):
            for form in _forms(run.group()):
                last = len(form) - PASSAGE_BYTES
                for at in (*range(0, last, EVERY_BYTES), *([last] if last >= 0 else [])):
                    found[form[at : at + PASSAGE_BYTES]] = None
    every = list(found)
    if len(every) <= most:
        return every
    return [every[round(i * (len(every) - 1) / max(most - 1, 1))] for i in range(most)]


def leaves(text: str) -> Iterator[str]:
    """Yield the strings that JSON text holds, which stand in other files without its brackets."""
    try:
        waiting = [json.loads(text)]
    except ValueError:
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value


class Passages:
    """Finds the passages of a table (SCHEMA) in bytes."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame.sort("window")
        self._windows = self.frame["window"].to_numpy()
        # A table that is mostly empty, and as small as it can be: it is asked at every eighth byte.
        bits = min(max(len(self._windows).bit_length() + 5, MIN_TABLE_BITS), MAX_TABLE_BITS)
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, dtype=np.bool_)
        self._table[(self._windows >> self._shift).astype(np.int64)] = True

    @classmethod
    def of(cls, texts: Mapping[bytes, list[str]]) -> Passages:
        """Take the passages of rows: id -> texts."""
        most = min(MOST_PER_ROW, max(2, MOST // max(len(texts), 1)))
        rows: list[bytes] = []
        numbers: list[int] = []
        cut: list[bytes] = []
        for row_id, said in texts.items():
            own = passages_of(said, most)
            rows += [row_id] * len(own)
            numbers += range(len(own))
            cut += own
        block = np.frombuffer(b"".join(cut), np.uint8).reshape(len(cut), PASSAGE_BYTES)
        offsets = [np.ascontiguousarray(block[:, at : at + WINDOW_BYTES]) for at in range(WORD_BYTES)]
        windows = [_mixed(*some.view("<u8").T) for some in offsets]
        keys = pl.DataFrame({"row_id": rows, "passage": numbers}, schema_overrides=dict(SCHEMA.items()))
        frames = [keys.with_columns(window=pl.Series(some, dtype=pl.UInt64)) for some in windows]
        return cls(pl.concat([SCHEMA.to_frame(), *(f.select(list(SCHEMA)) for f in frames)]))

    @classmethod
    def from_bytes(cls, data: bytes) -> Passages:
        """Read what `to_bytes` wrote."""
        return cls(pl.read_parquet(io.BytesIO(data), glob=False))

    def to_bytes(self) -> bytes:
        """Return the table as Parquet."""
        buffer = io.BytesIO()
        self.frame.write_parquet(buffer, compression="zstd")
        return buffer.getvalue()

    def without(self, hits: pl.DataFrame) -> Passages:
        """Return all passages but those of some hits (row_id, passage)."""
        return Passages(self.frame.join(hits, on=["row_id", "passage"], how="anti"))

    def hits(self, pieces: Iterable[bytes | memoryview]) -> pl.DataFrame:
        """Return row_id and passage of those that stand in some bytes, each once, in order."""
        found = [self._windows[:0]]
        for piece in pieces if len(self._windows) else ():
            words = np.frombuffer(piece, "<u8", count=len(memoryview(piece).cast("B")) // WORD_BYTES)
            likely = _likely_kernel()(words, self._table, self._shift, *_FACTORS)
            found.append(likely[np.isin(likely, self._windows)])
        met = pl.DataFrame({"window": pl.Series(np.unique(np.concatenate(found)), dtype=pl.UInt64)})
        hits = self.frame.join(met, on="window", how="semi")
        return hits.select("row_id", "passage").unique().sort("row_id", "passage")

    def stand_in(self, text: str) -> bool:
        """Return whether any of them stands in a text."""
        return self.hits([text.encode("utf-8", "replace")]).height > 0


def _forms(run: str) -> set[bytes]:
    forms = {run.encode("utf-8", "replace")}
    return forms if run.isascii() else forms | {json.dumps(run)[1:-1].encode()}


def _mixed(*words: np.ndarray) -> np.ndarray:
    """Return a hash of three words each (multiply, shift, add; the finaliser of xxHash64 spread over them)."""
    mixed = words[0] * _FACTORS[0]
    for word, factor in zip(words[1:], _FACTORS[1:], strict=True):
        mixed ^= mixed >> np.uint64(29)
        mixed += word
        mixed *= factor
    mixed ^= mixed >> np.uint64(32)
    return mixed


@cache
def _likely_kernel() -> Any:
    """Compile what `_mixed` says into one pass over the words: the hashes of which the table has the slot."""
    from numba import njit, uint64

    @njit(
        "uint64[::1](Array(uint64, 1, 'C', readonly=True), boolean[::1], uint64, uint64, uint64, uint64)",
        nogil=True,
    )
    def kernel(words, table, shift, first, second, third):  # type: ignore[no-untyped-def]
        found = np.empty(16, np.uint64)
        count = 0
        for at in range(words.size - 2):
            mixed = words[at] * first
            mixed ^= mixed >> uint64(29)
            mixed = (mixed + words[at + 1]) * second
            mixed ^= mixed >> uint64(29)
            mixed = (mixed + words[at + 2]) * third
            mixed ^= mixed >> uint64(32)
            if table[mixed >> shift]:
                if count == found.size:
                    found = np.concatenate((found, np.empty(count, np.uint64)))
                found[count] = mixed
                count += 1
        return found[:count]

    return kernel
