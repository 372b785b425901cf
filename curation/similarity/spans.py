"""The words of a text that a run of its tokens stands for, as written."""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

import numba
import numpy as np
from numba import types

from tilth.curation.similarity.shingles import BREAK, LETTER, WHOLE, character

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_I64 = types.Array(types.int64, 1, "C")


@numba.njit(types.int64(_BYTES, _I64, _I64), cache=True, nogil=True)
def _write_bounds(data, starts, ends):
    """Fill the first and the last byte (exclusive) of every token; return their number."""
    n = 0
    begin = -1
    i = 0
    while i < data.size:
        kind, length = character(data, i)
        if kind != LETTER and begin >= 0:
            starts[n], ends[n] = begin, i
            n += 1
            begin = -1
        if kind == WHOLE:
            starts[n], ends[n] = i, i + length
            n += 1
        elif kind != BREAK and begin < 0:
            begin = i
        i += length
    if begin >= 0:
        starts[n], ends[n] = begin, data.size
        n += 1
    return n


def words_of(text: str, start: int, tokens: int) -> str:
    """Return the part of `text` from its token `start` on that spans `tokens` tokens, as it is written.

    Tokens are those of shingles.py. What lies beyond the end is left out.
    """
    data = np.frombuffer(text.encode(), np.uint8)
    starts, ends = (np.zeros(data.size + 1, np.int64) for _ in range(2))
    found = _write_bounds(data, starts, ends) if data.size else 0
    last = min(start + tokens, found) - 1
    return data[starts[start] : ends[last]].tobytes().decode() if last >= start else ""
