"""Sets of numbers, one a row, read where they lie: in the memory of a column, or in the file it is mapped from."""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np
import polars as pl
import pyarrow as pa

_NUMBER_BYTES = 4


class Sets(NamedTuple):
    """The sets of some rows: that of row i is values[starts[i]:ends[i]], distinct and in order.

    values: UInt32. starts, ends: Int64.
    """

    values: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def of(self, rows: np.ndarray | slice) -> Sets:
        """Return the sets of these rows, in this order; the values stay where they are."""
        return Sets(self.values, self.starts[rows], self.ends[rows])

    def without(self, numbers: np.ndarray) -> Sets:
        """Return a copy in which the sets follow each other, without these numbers (sorted)."""
        lengths = self.ends - self.starts
        ends = np.cumsum(lengths)
        values = self.values[np.repeat(self.starts - (ends - lengths), lengths) + np.arange(lengths.sum())]
        places = np.searchsorted(numbers, values).clip(0, max(0, numbers.size - 1))
        kept = numbers[places] != values if numbers.size else np.ones(values.size, bool)
        stops = np.concatenate([[0], np.cumsum(kept)])[np.concatenate([[0], ends])]
        return Sets(values[kept], stops[:-1], stops[1:])


class Field(NamedTuple):
    """One text of every row as its set, and as itself where the set is of one number.

    values, starts, ends: as in Sets. single: Int64, the number of a text that has one shingle, equal for equal texts;
    -1 for any other.
    """

    values: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    single: np.ndarray

    @property
    def sets(self) -> Sets:
        """The sets alone."""
        return Sets(*self[:3])


def field_of(sets: Sets, low: pl.Series, high: pl.Series) -> Field:
    """Return sets as a field; low, high: the fingerprint of each text (see shingles.describe), aligned with them."""
    keys = pl.DataFrame({"low": low, "high": high, "is_single": sets.ends - sets.starts == 1})
    numbers = keys.select(
        pl.when("is_single").then(pl.struct("low", "high").rank("dense").cast(pl.Int64)).otherwise(-1)
    )
    return Field(*sets, numbers.to_series().to_numpy().copy())


class _Memory:
    """All memory between two places, as numpy asks for it; keeps what lies there alive."""

    def __init__(self, start: int, end: int, owners: object) -> None:
        numbers = (end - start) // _NUMBER_BYTES
        self.__array_interface__ = {
            "data": (start, True),
            "shape": (numbers,),
            "typestr": "<u4",
            "version": 3,
        }
        self.owners = owners


def in_place(*columns: pl.Series) -> list[Sets]:
    """Return the sets of columns of List(UInt32), a null being an empty one, without a copy.

    A mapped column lies in many pieces, so `values`, the same array for all columns, is the memory from the first
    to the last of them. What lies between two pieces is nobody's: only look between starts and ends.
    """
    pieces = [[cast(pa.LargeListArray, chunk.to_arrow()) for chunk in c.get_chunks()] for c in columns]
    spans = [_span(piece) for some in pieces for piece in some if len(piece.values)]
    low, high = min((start for start, _ in spans), default=0), max((end for _, end in spans), default=0)
    values = np.asarray(_Memory(low, high, pieces)) if spans else np.zeros(0, np.uint32)
    return [Sets(values, *_bounds(some, low)) for some in pieces]


def _span(piece: pa.LargeListArray) -> tuple[int, int]:
    """Return the addresses of the first number of a piece and of what follows its last."""
    values = piece.values
    start = values.buffers()[1].address + _NUMBER_BYTES * values.offset
    return start, start + _NUMBER_BYTES * len(values)


def _bounds(pieces: list[pa.LargeListArray], low: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where every list begins and ends, in numbers from address `low` on."""
    starts, lengths = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for piece in pieces:
        # Not by its own to_numpy, which imports pandas.
        offsets = pl.Series(pl.from_arrow(piece.offsets)).to_numpy()
        first = (_span(piece)[0] - low) // _NUMBER_BYTES if len(piece.values) else 0
        starts.append(first + offsets[:-1])
        lengths.append(pl.Series(pl.from_arrow(piece.value_lengths())).fill_null(0).to_numpy())
    return np.concatenate(starts), np.concatenate(starts) + np.concatenate(lengths)
