"""Word shingles of texts, compiled: what makes two texts comparable.

A token is a run of letters, digits and underscores; in scripts written without blanks (Chinese, Japanese,
Thai, Lao, Khmer, Burmese) it is one character. A shingle is `width` consecutive tokens. Case is folded by
the caller's polars, so that the kernels only read bytes. Hashes are 64-bit, built from integers alone, and
the same on every machine and in every version.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

from itertools import pairwise

import numba
import numpy as np
import polars as pl
import pyarrow as pa
from numba import types

from tilth.curation.similarity.indentation import with_levels

BYTES = types.Array(types.uint8, 1, "C", readonly=True)
OFFSETS = types.Array(types.int64, 1, "C", readonly=True)
_U64, _U32, _I64 = (types.Array(t, 1, "C") for t in (types.uint64, types.uint32, types.int64))

FNV_BASIS, FNV_PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)
_STEP, _OTHER_BASIS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0x6A09E667F3BCC908)
BATCH_BYTES = 32 << 20

# What a character is to the tokenizer.
BREAK, LETTER, WHOLE = 0, 1, 2
ASCII_KINDS = np.array([LETTER if chr(c).isalnum() or c == 95 else BREAK for c in range(128)] + [BREAK] * 128)


@numba.njit(inline="always")
def mix(h):
    """Scatter the bits of a 64-bit word (the finalizer of MurmurHash3)."""
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(33))


@numba.njit
def _three_bytes(c, d, e):
    """Classify the character of three UTF-8 bytes."""
    if 0xE4 <= c <= 0xE9:
        return WHOLE  # Chinese
    if c == 0xE3:
        return BREAK if d == 0x80 else WHOLE  # ideographic punctuation; kana
    if c == 0xE2:
        return BREAK if d < 0xB0 else LETTER  # U+2000-2BFF: punctuation, arrows, mathematics
    if c == 0xE0:
        return WHOLE if 0xB8 <= d <= 0xBB else LETTER  # Thai, Lao
    if c == 0xE1:
        return WHOLE if 0x80 <= d <= 0x82 or 0x9E <= d <= 0x9F else LETTER  # Burmese, Khmer
    if c == 0xEF and (0xB8 <= d <= 0xB9 or (d == 0xBC and e < 0x90)):
        return BREAK  # variation selectors, full-width punctuation
    return LETTER


@numba.njit
def _character(data, i):
    """Return what the UTF-8 character beyond ASCII at byte `i` is to the tokenizer, and its length in bytes."""
    c = data[i]
    if c < 0xE0:
        return (BREAK if c == 0xC2 else LETTER), 2  # U+0080-00BF: signs and the no-break space
    if c < 0xF0:
        return _three_bytes(c, data[i + 1], data[i + 2]), 3
    if c == 0xF0 and data[i + 1] < 0xA0:
        return (BREAK if data[i + 1] == 0x9F else LETTER), 4  # emoji; alphabets beyond the basic plane
    return WHOLE, 4


@numba.njit
def character(data, i):
    """Return what the character at byte `i` is to the tokenizer, and its length in bytes."""
    return (ASCII_KINDS[data[i]], 1) if data[i] < 0x80 else _character(data, i)


@numba.njit
def _tokens(data, start, end, out):
    """Write the hash of every token between two bytes; return their number."""
    n = 0
    h = FNV_BASIS
    i = start
    while i < end:
        c = data[i]
        kind, length = ASCII_KINDS[c], 1
        if c >= 0x80:
            kind, length = _character(data, i)
        if kind != LETTER and h != FNV_BASIS:
            out[n] = mix(h)
            n += 1
            h = FNV_BASIS
        if kind != BREAK:
            for j in range(i, i + length):
                h = (h ^ np.uint64(data[j])) * FNV_PRIME
            if kind == WHOLE:
                out[n] = mix(h)
                n += 1
                h = FNV_BASIS
        i += length
    if h != FNV_BASIS:
        out[n] = mix(h)
        n += 1
    return n


@numba.njit
def _grams(tokens, n, width, out):
    """Write the hash of every run of `width` tokens, in order; return their number."""
    m = max(n - width + 1, 0)
    for i in range(m):
        h = tokens[i]
        for j in range(1, width):
            h = h * _STEP + tokens[i + j]
        out[i] = mix(h)
    return m


@numba.njit
def sort(values, n):
    """Sort the first `n` values in place (comb sort: short, no recursion, no allocation)."""
    gap = n
    swapped = True
    while gap > 1 or swapped:
        gap = max(1, gap * 10 // 13)
        swapped = False
        for i in range(n - gap):
            if values[i] > values[i + gap]:
                values[i], values[i + gap] = values[i + gap], values[i]
                swapped = True


@numba.njit(types.void(BYTES, OFFSETS, types.int64, _U64, _I64), cache=True, nogil=True)
def _write_grams(data, offsets, width, out, ends):
    """Fill `out` with the grams of every text in order, `ends` with where each text's grams end."""
    tokens = np.empty(np.max(offsets[1:] - offsets[:-1]) + 1, np.uint64)
    used = 0
    for row in range(ends.size):
        n = _tokens(data, offsets[row], offsets[row + 1], tokens)
        used += _grams(tokens, n, width, out[used:])
        ends[row] = used


@numba.njit(types.void(BYTES, OFFSETS, _U64, _U64), cache=True, nogil=True)
def _write_fingerprints(data, offsets, low, high):
    """Fill two independent 64-bit hashes of every text, runs of blanks counting as one, ends trimmed."""
    for row in range(low.size):
        a, b = FNV_BASIS, _OTHER_BASIS
        blank = started = False
        for i in range(offsets[row], offsets[row + 1]):
            c = np.uint64(data[i])
            if c <= 32:
                blank = started
                continue
            if blank:
                a, b = (a ^ np.uint64(32)) * FNV_PRIME, (b + np.uint64(33)) * _STEP
                blank = False
            a, b = (a ^ c) * FNV_PRIME, (b ^ (b >> np.uint64(29))) * _STEP + c + np.uint64(1)
            started = True
        low[row], high[row] = (mix(a), mix(b)) if started else (np.uint64(0), np.uint64(0))


@numba.njit(types.void(BYTES, OFFSETS, types.int64, _U64, _U32, _I64), cache=True, nogil=True)
def _write_sets(data, offsets, width, whole, out, ends):
    """Fill `out` with the sorted distinct shingles of every text, cut to 32 bits.

    A text of fewer than `width` tokens has one shingle, its fingerprint `whole`; an empty text has none.
    """
    longest = np.max(offsets[1:] - offsets[:-1]) + 1
    tokens, grams, cut = (
        np.empty(longest, np.uint64),
        np.empty(longest, np.uint64),
        np.empty(longest, np.uint32),
    )
    used = 0
    for row in range(ends.size):
        m = _grams(tokens, _tokens(data, offsets[row], offsets[row + 1], tokens), width, grams)
        if m == 0 and whole[row] != 0:
            grams[0], m = whole[row], 1
        for i in range(m):
            cut[i] = np.uint32(grams[i])
        sort(cut, m)
        for i in range(m):
            if i == 0 or cut[i] != cut[i - 1]:
                out[used] = cut[i]
                used += 1
        ends[row] = used


def describe(texts: pl.Series, width: int = 5) -> pl.DataFrame:
    """Return `low`, `high` (UInt64) and `shingles` (List(UInt32)) of each text.

    low and high: a 128-bit fingerprint, case and runs of blanks apart; both 0 exactly for a text without a
    visible character. shingles: sorted and distinct. A text of fewer than `width` tokens is one shingle by
    itself, punctuation included, so that "12 USD to EUR" and "12 EUR to USD", or "2 + 2" and "2 - 2", stay
    apart; an empty text has none. In Python and YAML the depth of a line is part of its first word.
    Raises ValueError for a width below 1.
    """
    _require_width(width)
    return pl.concat([_describe(with_levels(batch), width) for batch in batches(texts)], rechunk=True)


def fingerprints(texts: pl.Series) -> pl.DataFrame:
    """Return `low` and `high` (UInt64) of each text, as `describe` does; blanks at the start of a line count as any."""
    return pl.concat([_fingerprints(*buffers(batch)) for batch in batches(texts)], rechunk=True)


def gram_lists(texts: pl.Series, width: int) -> pl.Series:
    """Return the hash of every run of `width` tokens of each text, in order (List(UInt64))."""
    _require_width(width)
    return pl.concat([_gram_list(batch, width) for batch in batches(texts)], rechunk=True)


def as_arrays(lists: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a list column, end to end, and the n + 1 offsets between its lists."""
    array = lists.rechunk().to_arrow()
    offsets = array.offsets.to_numpy().astype(np.int64)
    return np.ascontiguousarray(array.values.to_numpy()[offsets[0] : offsets[-1]]), offsets - offsets[0]


def _require_width(width: int) -> None:
    """Raise ValueError for a width that the kernels, which check nothing, would write beyond their memory by."""
    if not 1 <= width < 1 << 31:
        raise ValueError(f"a shingle must have at least one word, not {width}")


def _fingerprints(data: np.ndarray, offsets: np.ndarray) -> pl.DataFrame:
    low, high = (np.zeros(offsets.size - 1, np.uint64) for _ in range(2))
    if low.size:
        _write_fingerprints(data, offsets, low, high)
    return pl.DataFrame({"low": low, "high": high})


def _describe(texts: pl.Series, width: int) -> pl.DataFrame:
    data, offsets = buffers(texts)
    keys, ends = _fingerprints(data, offsets), np.zeros(texts.len(), np.int64)
    out = np.empty(int(offsets[-1] - offsets[0]) + texts.len(), np.uint32)
    if texts.len():
        _write_sets(data, offsets, width, keys["low"].to_numpy().copy(), out, ends)
    return keys.with_columns(shingles=lists_of(out, ends))


def _gram_list(texts: pl.Series, width: int) -> pl.Series:
    data, offsets = buffers(texts)
    out, ends = np.empty(int(offsets[-1] - offsets[0]) + 1, np.uint64), np.zeros(texts.len(), np.int64)
    if texts.len():
        _write_grams(data, offsets, width, out, ends)
    return lists_of(out, ends)


def batches(texts: pl.Series) -> list[pl.Series]:
    """Cut the texts into slices of bounded size, so that scratch arrays stay small."""
    batch = (texts.str.len_bytes().fill_null(0).cum_sum() - 1).clip(0) // BATCH_BYTES
    bounds = [0, *batch.rle().struct.field("len").cum_sum()]
    return [texts[a:b] for a, b in pairwise(bounds)] or [texts]


def buffers(texts: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of the lower-cased texts and the n + 1 offsets between them."""
    array = texts.fill_null("").str.to_lowercase().rechunk().to_arrow().cast(pa.large_string())
    _, offsets, data = array.buffers()
    view = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(data, np.uint8) if data and data.size else np.zeros(1, np.uint8), view


def lists_of(values: np.ndarray, ends: np.ndarray) -> pl.Series:
    """Return a list column of `values`, cut at `ends`."""
    offsets = np.concatenate([[0], ends])
    used = values[: offsets[-1]].copy()
    return pl.Series(pl.from_arrow(pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(used))))
