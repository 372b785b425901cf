"""Lists of a column, often mapped from a file and cut in pieces, laid end to end in another order."""

# mypy: allow-untyped-defs
# (numba infers the types of the kernel; whatever else may call is annotated)

from __future__ import annotations

import numba
import numpy as np
import polars as pl
from numba import types

from tilth.curation.similarity.shingles import as_arrays

_U32, _I64 = (types.Array(t, 1, "C", readonly=True) for t in (types.uint32, types.int64))


@numba.njit(types.void(_U32, _I64, _I64, types.Array(types.uint32, 1, "C")), cache=True, nogil=True)
def _scatter(values, offsets, starts, out):
    """Copy list i to out[starts[i]:], unless starts[i] is -1."""
    for row in range(starts.size):
        if starts[row] >= 0:
            at = starts[row]
            for i in range(offsets[row], offsets[row + 1]):
                out[at] = values[i]
                at += 1


def in_order(order: np.ndarray, *choices: tuple[pl.Series, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the lists of the rows `order` end to end (UInt32), and the n + 1 offsets between them (Int64).

    choices: columns of List(UInt32) of all rows, each with the rows for which it is the one (a Boolean a row).
    Every column is read once, from front to back, so that a mapped one need not stay in memory.
    """
    lengths = np.zeros(choices[0][0].len(), np.int64)
    for lists, wanted in choices:
        lengths[wanted] = lists.list.len().fill_null(0).to_numpy()[wanted]
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths[order])])
    starts = np.full(lengths.size, -1, np.int64)
    starts[order] = offsets[:-1]
    out = np.empty(int(offsets[-1]), np.uint32)
    for lists, wanted in choices:
        place = 0
        for piece in lists.get_chunks():
            here = slice(place, place + piece.len())
            _scatter(*as_arrays(piece), np.where(wanted[here], starts[here], -1), out)
            place += piece.len()
    return out, offsets
