"""What tells siblings from duplicates: rows of one template that differ in what it is about.

"cordon" and "uncordon", or two problems that differ in the numbers, are alike by shingles and opposite in
meaning. A row's marks are the numbers of a prompt of at most PROBLEM words (words that begin with a digit; in a
longer text they are dates, versions, references), and the words that a row says WEAK times or more. A number is a
strong mark, and so is a word said STRONG times. Two rows are siblings if each has a strong mark that the other
does not have at all: an edit removes or adds a thing, a sibling puts another in its place.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

from itertools import pairwise

import numba
import numpy as np
import polars as pl
from numba import types

from tilth.curation.shingles import (
    BATCH_BYTES,
    BREAK,
    BYTES,
    FNV_BASIS,
    FNV_PRIME,
    LETTER,
    OFFSETS,
    buffers,
    character,
    lists_of,
    mix,
    sort,
)

STRONG, WEAK, PROBLEM = 5, 3, 100
_U32, _I64 = (types.Array(t, 1, "C") for t in (types.uint32, types.int64))


@numba.njit
def _words(data, start, end, out):
    """Write the hash of every word, its lowest bit set if it begins with a digit; return their number."""
    n = 0
    h, digit = FNV_BASIS, False
    i = start
    while i <= end:
        kind, length = character(data, i) if i < end else (BREAK, 1)
        if kind != LETTER and h != FNV_BASIS:
            out[n] = np.uint32(mix(h) << np.uint64(1)) | np.uint32(digit)
            n += 1
            h, digit = FNV_BASIS, False
        if kind == LETTER:
            if h == FNV_BASIS:
                digit = 48 <= data[i] <= 57
            for j in range(i, i + length):
                h = (h ^ np.uint64(data[j])) * FNV_PRIME
        i += length
    return n


@numba.njit(
    types.void(
        *(BYTES, OFFSETS, BYTES, OFFSETS, _U32, _I64),
    ),
    cache=True,
    nogil=True,
)
def _write_marks(prompts, prompt_offsets, responses, response_offsets, out, ends):
    """Fill `out` with the sorted marks of every row, the lowest bit set for a strong one."""
    longest = np.max(prompt_offsets[1:] - prompt_offsets[:-1])
    longest += np.max(response_offsets[1:] - response_offsets[:-1])
    words = np.empty(longest + 2, np.uint32)
    used = 0
    for row in range(ends.size):
        asked = _words(prompts, prompt_offsets[row], prompt_offsets[row + 1], words)
        first = used
        for i in range(asked if asked <= PROBLEM else 0):
            if words[i] & np.uint32(1):
                out[used] = words[i]
                used += 1
        n = asked + _words(responses, response_offsets[row], response_offsets[row + 1], words[asked:])
        sort(words, n)
        i = 0
        while i < n:
            j = i
            while j < n and words[j] == words[i]:
                j += 1
            if j - i >= WEAK:
                out[used] = (words[i] & ~np.uint32(1)) | np.uint32(j - i >= STRONG)
                used += 1
            i = j
        sort(out[first:used], used - first)
        kept = first
        for i in range(first, used):  # of a mark that is both weak and strong, the strong one comes last
            if kept > first and out[kept - 1] >> np.uint32(1) == out[i] >> np.uint32(1):
                out[kept - 1] = out[i]
            else:
                out[kept] = out[i]
                kept += 1
        used = kept
        ends[row] = used


@numba.njit
def _lacks(values, x, x_end, y, y_end):
    """Return whether the first row has a strong mark of which the second has none."""
    while x < x_end:
        mark = values[x] >> np.uint32(1)
        while y < y_end and values[y] >> np.uint32(1) < mark:
            y += 1
        if values[x] & np.uint32(1) and (y == y_end or values[y] >> np.uint32(1) != mark):
            return True
        x += 1
    return False


@numba.njit
def are_siblings(a, b, values, offsets):
    """Return whether each of two rows has a strong mark that the other lacks."""
    if offsets[a] == offsets[a + 1] or offsets[b] == offsets[b + 1]:
        return False
    return _lacks(values, offsets[a], offsets[a + 1], offsets[b], offsets[b + 1]) and _lacks(
        values, offsets[b], offsets[b + 1], offsets[a], offsets[a + 1]
    )


def marks(prompts: pl.Series, responses: pl.Series) -> pl.Series:
    """Return the sorted marks of every row (List(UInt32)): a hash of 31 bits, then 1 for a strong mark."""
    size = prompts.str.len_bytes().fill_null(0) + responses.str.len_bytes().fill_null(0)
    batch = (size.cast(pl.Int64).cum_sum() - 1).clip(0) // BATCH_BYTES
    bounds = [0, *batch.rle().struct.field("len").cum_sum()]
    parts = [_marks(prompts[a:b], responses[a:b]) for a, b in pairwise(bounds)]
    return pl.concat(parts or [_marks(prompts, responses)], rechunk=True)


def _marks(prompts: pl.Series, responses: pl.Series) -> pl.Series:
    asked, said = buffers(prompts), buffers(responses)
    size = int(asked[1][-1] - asked[1][0] + said[1][-1] - said[1][0])
    out, ends = np.empty(2 * size + 2, np.uint32), np.zeros(prompts.len(), np.int64)
    if prompts.len():
        _write_marks(*asked, *said, out, ends)
    return lists_of(out, ends)
