"""What tells siblings from duplicates: rows of one template that differ in what it is about.

"cordon" and "uncordon", or two problems that differ in the numbers, are alike by shingles and opposite in
meaning. The one mark of a document with a title is its title: two versions of a page have the same, however many
words and numbers changed between them, and two pages of one generator have not. Any other row's marks are the
numbers of a prompt of at most PROBLEM words (words that begin with a digit; in a longer text they are dates,
versions, references), and the words that it says WEAK times or more. A number is a strong mark, and so is a word
said STRONG times and once in SELDOM words; one said less often of a long text was renamed in it. Two rows are
siblings if each has a strong mark that the other does not have at all: an edit removes or adds a thing, a sibling
puts another in its place.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

from itertools import pairwise

import numba
import numpy as np
import polars as pl
from numba import types

from tilth.curation.similarity.shingles import (
    ASCII_KINDS,
    BATCH_BYTES,
    BYTES,
    FNV_BASIS,
    FNV_PRIME,
    LETTER,
    OFFSETS,
    buffers,
    character,
    describe,
    lists_of,
    mix,
    sort,
)

STRONG, WEAK, PROBLEM, SELDOM = 5, 3, 100, 50
# The title of a document: in its front matter, a heading or a short line before anything else. A document of one line
# has none: its heading would be all of it.
_TITLES = (
    r"\A---[ \t]*\r?\n(?:[^\n]*\n){0,30}?[ \t]*title:[ \t]*([^\n]+)",
    r"\A\s*#{1,3}[ \t]+([^\n]{1,200})\n",
    r"(?i)\A\s*(?:<!doctype[^>]*>\s*)?(?:<(?:html|head|body|main|article)\b[^>]*>\s*)*<(?:title|h1)\b[^>]*>([^<]+)<",
    r"\A\s*([^\n]{1,100})\n(?:={3,}|-{3,})[ \t]*\n",
    r"\A\s*([^\n.!?。！？:：,;]{1,100})\n[ \t]*\n",
)
_HEAD_CHARS = 2_000
_U32, _I64 = (types.Array(t, 1, "C") for t in (types.uint32, types.int64))


@numba.njit
def _words(data, start, end, out):
    """Write the hash of every word, its lowest bit set if it begins with a digit; return their number."""
    n = 0
    i = begin = start
    h = FNV_BASIS
    while i < end:
        c = data[i]
        kind, length = ASCII_KINDS[c], 1
        if c >= 0x80:
            kind, length = character(data, i)
        if kind == LETTER:
            if h == FNV_BASIS:
                begin = i
            for j in range(i, i + length):
                h = (h ^ np.uint64(data[j])) * FNV_PRIME
        elif h != FNV_BASIS:
            out[n] = _named(h, data[begin])
            n += 1
            h = FNV_BASIS
        i += length
    if h != FNV_BASIS:
        out[n] = _named(h, data[begin])
        n += 1
    return n


@numba.njit(inline="always")
def _named(h, first):
    return np.uint32(mix(h) << np.uint64(1)) | np.uint32(48 <= first <= 57)


@numba.njit
def _often_said(words, n, row, table, out):
    """Write the words said WEAK times or more, the lowest bit set for a strong one; return their number."""
    keys, times, stamps = table
    size = 16
    while size < 2 * n:
        size *= 2
    often = 0
    for i in range(n):
        slot = np.int64(words[i] >> np.uint32(1)) & (size - 1)
        while stamps[slot] == row and keys[slot] != words[i]:
            slot = (slot + 1) & (size - 1)
        if stamps[slot] != row:
            stamps[slot], keys[slot], times[slot] = row, words[i], 0
        times[slot] += 1
        if times[slot] == WEAK:
            out[often] = slot
            often += 1
    for i in range(often):
        slot = np.int64(out[i])
        is_strong = times[slot] >= STRONG and times[slot] * SELDOM >= n
        out[i] = (keys[slot] & ~np.uint32(1)) | np.uint32(is_strong)
    return often


@numba.njit
def _distinct(out, n):
    """Sort marks in place, keep one of each; of one both weak and strong the strong one. Return their number."""
    sort(out, n)
    kept = 0
    for i in range(n):
        if kept and out[kept - 1] >> np.uint32(1) == out[i] >> np.uint32(1):
            out[kept - 1] = out[i]
        else:
            out[kept] = out[i]
            kept += 1
    return kept


@numba.njit(types.void(BYTES, OFFSETS, BYTES, OFFSETS, _U32, _I64), cache=True, nogil=True)
def _write_marks(prompts, prompt_offsets, responses, response_offsets, out, ends):
    """Fill `out` with the sorted marks of every row, the lowest bit set for a strong one."""
    longest = np.max(prompt_offsets[1:] - prompt_offsets[:-1])
    longest += np.max(response_offsets[1:] - response_offsets[:-1])
    words = np.empty(longest + 2, np.uint32)
    slots = 16
    while slots < 2 * words.size:
        slots *= 2
    table = (np.empty(slots, np.uint32), np.empty(slots, np.int32), np.full(slots, -1, np.int64))
    used = 0
    for row in range(ends.size):
        asked = _words(prompts, prompt_offsets[row], prompt_offsets[row + 1], words)
        n = asked + _words(responses, response_offsets[row], response_offsets[row + 1], words[asked:])
        found = _often_said(words, n, row, table, out[used:])
        for i in range(asked if asked <= PROBLEM else 0):
            if words[i] & np.uint32(1):
                out[used + found] = words[i]
                found += 1
        used += _distinct(out[used:], found)
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
def are_siblings(a, b, marks):
    """Return whether each of two rows has a strong mark that the other lacks; see sets.py for `marks`."""
    values, starts, ends = marks
    if starts[a] == ends[a] or starts[b] == ends[b]:
        return False
    return _lacks(values, starts[a], ends[a], starts[b], ends[b]) and _lacks(
        values, starts[b], ends[b], starts[a], ends[a]
    )


def marks(prompts: pl.Series, responses: pl.Series) -> pl.Series:
    """Return the sorted marks of every row (List(UInt32)): a hash of 31 bits, then 1 for a strong mark."""
    size = prompts.str.len_bytes().fill_null(0) + responses.str.len_bytes().fill_null(0)
    batch = (size.cast(pl.Int64).cum_sum() - 1).clip(0) // BATCH_BYTES
    bounds = [0, *batch.rle().struct.field("len").cum_sum()]
    parts = [_marks(prompts[a:b], responses[a:b]) for a, b in pairwise(bounds)]
    found = pl.concat(parts or [_marks(prompts, responses)], rechunk=True)
    return _titled(found, prompts, responses)


def _titled(found: pl.Series, prompts: pl.Series, responses: pl.Series) -> pl.Series:
    """Return the marks with those of documents that have a title replaced by the title's."""
    is_document = (prompts.fill_null("") == "").arg_true()
    if not len(is_document):
        return found
    said = pl.col("said").str
    titles = (
        responses.gather(is_document)
        .str.head(_HEAD_CHARS)
        .to_frame("said")
        .select(title=pl.coalesce(said.extract(title, 1) for title in _TITLES).str.strip_chars(" \t\r\"'"))[
            "title"
        ]
        .fill_null("")
    )
    has_title = titles.str.contains(r"[\pL\pN]")
    at = is_document.filter(has_title)
    if not len(at):
        return found
    low = describe(titles.filter(has_title), 1)["low"].to_numpy()
    hashes = np.zeros(found.len(), np.uint32)
    hashes[at.to_numpy()] = low.astype(np.uint32) | np.uint32(1)
    title = pl.Series("title", hashes)
    return pl.select(
        pl.when(title > 0).then(title.reshape((-1, 1)).arr.to_list()).otherwise(found)
    ).to_series()


def _marks(prompts: pl.Series, responses: pl.Series) -> pl.Series:
    asked, said = buffers(prompts), buffers(responses)
    size = int(asked[1][-1] - asked[1][0] + said[1][-1] - said[1][0])
    out, ends = np.empty(2 * size + 2, np.uint32), np.zeros(prompts.len(), np.int64)
    if prompts.len():
        _write_marks(*asked, *said, out, ends)
    return lists_of(out, ends)
