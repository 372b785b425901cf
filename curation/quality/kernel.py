"""All prose statistics of a text in one compiled pass over the Arrow buffer: words, repetition, lines.

Every length is in characters. Each statistic follows datatrove 0.10.1, whose formula it names; a word is what
`str.split` returns. Sets hold 64-bit hashes instead of strings.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

import numba
import numpy as np
from numba import types

from tilth.curation.quality import columns as col
from tilth.curation.quality.characters import BLANK, LETTER, POINT, SYMBOL, characters
from tilth.curation.quality.grams import repeated_grams, top_grams
from tilth.curation.quality.lines import c4_lines, gopher_lines
from tilth.curation.quality.sets import repeated_lines

_BASE = np.uint64(0x9E3779B97F4A7C15)
_HASH, _POINT, _NEWLINE, _ELLIPSIS = 35, 46, 10, 0x2026


def _stop_words() -> np.ndarray:
    """Return the hashes of the stop words, as `_words` makes them."""
    flags, out = characters(), []
    for word in ("the", "be", "to", "of", "and", "that", "have", "with"):
        h = 0
        for letter in word:
            h = (h * int(_BASE) + int(flags[ord(letter)])) % 2**64
        out.append(h)
    return np.array(out, np.uint64)


_STOP_WORDS = _stop_words()


@numba.njit
def _decode(data, start, end, flags, text):
    """Fill `text` with the characters of valid UTF-8; return their number."""
    n, i = 0, start
    while i < end:
        c = np.uint32(data[i])
        if c < 0x80:
            width = 1
        elif c < 0xE0:
            width, c = 2, c & np.uint32(31)
        elif c < 0xF0:
            width, c = 3, c & np.uint32(15)
        else:
            width, c = 4, c & np.uint32(7)
        for k in range(i + 1, i + width):
            c = c << np.uint32(6) | np.uint32(data[k]) & np.uint32(63)
        text[n] = flags[c]
        n += 1
        i += width
    return n


@numba.njit
def _count(text, n):
    """Return how many blanks, newlines, hash signs and ellipses (`…` and `...`) a text has."""
    blanks = newlines = hash_signs = ellipses = points = 0
    for i in range(n):
        c = text[i] & POINT
        blanks += text[i] & BLANK != 0
        newlines += c == _NEWLINE
        hash_signs += c == _HASH
        points = points + 1 if c == _POINT else 0
        ellipses += c == _ELLIPSIS
        if points == 3:
            ellipses, points = ellipses + 1, 0
    return blanks, newlines, hash_signs, ellipses


@numba.njit
def _words(text, n, total, hashes, powers, out):
    """Fill `total` with the characters of words before each word, and `hashes`; return the number of words.

    hashes: polynomials in the base, whose powers by the length of each word go to `powers`.
    Writes the statistics of GopherQualityFilter that are about words.
    """
    words = solid = solid_chars = alpha = seen = i = 0
    total[0] = 0
    while i < n:
        if text[i] & BLANK:
            i += 1
            continue
        start, h, power = i, np.uint64(0), np.uint64(1)
        some, every = np.uint32(0), text[i]
        while i < n and not text[i] & BLANK:
            h = h * _BASE + np.uint64(text[i])
            power *= _BASE
            some |= text[i]
            every &= text[i]
            i += 1
        hashes[words], powers[words] = h, power
        words += 1
        total[words] = total[words - 1] + i - start
        alpha += some & LETTER != 0
        if not every & SYMBOL:
            solid += 1
            solid_chars += i - start
        for k in range(_STOP_WORDS.size if i - start <= 4 else 0):
            if h == _STOP_WORDS[k]:
                seen |= 1 << k
    out[col.WORDS], out[col.NON_SYMBOL_WORDS], out[col.STOP_WORDS] = words, solid, 0
    if solid:
        out[col.MEAN_WORD_LENGTH] = solid_chars / solid
    if words:
        out[col.ALPHA_WORDS] = alpha / words
    for k in range(_STOP_WORDS.size):
        out[col.STOP_WORDS] += seen >> k & 1
    return words


@numba.njit(
    types.void(
        types.Array(types.uint8, 1, "C", readonly=True),
        types.Array(types.int64, 1, "C", readonly=True),
        types.Array(types.uint32, 1, "C", readonly=True),
        types.Array(types.float64, 2, "C"),
    ),
    cache=True,
    nogil=True,
)
def measure_texts(data, offsets, flags, out):
    """Fill `out` (texts, COLUMNS); NaN where a statistic does not apply.

    `data` and `offsets` are the buffers of an Arrow large string array, `flags` the table of characters.
    """
    text = np.empty(1, np.uint32)
    hashes = powers = grams = keys = np.empty(1, np.uint64)
    total = places = slots = counts = first = np.empty(1, np.int32)
    out[:] = np.nan
    for row in range(out.shape[0]):
        start, end = offsets[row], offsets[row + 1]
        if end - start > text.size:
            text = np.empty(2 * (end - start), np.uint32)
        n = _decode(data, start, end, flags, text)
        blanks, newlines, hash_signs, ellipses = _count(text, n)
        size = 16
        while size < 2 * blanks + 4:  # neither words nor lines take more than half of a table
            size *= 2
        if size > keys.size:
            keys, grams = np.empty(size, np.uint64), np.empty(size, np.uint64)
            hashes, powers = np.empty(size, np.uint64), np.empty(size, np.uint64)
            total, places = np.empty(size, np.int32), np.empty(size, np.int32)
            slots, counts = np.empty(size, np.int32), np.empty(size, np.int32)
            first = np.empty(size, np.int32)
        out[row, col.CHARACTERS] = n
        words = _words(text, n, total, hashes, powers, out[row])
        if words:
            out[row, col.NEWLINES_PER_WORD] = newlines / words
            out[row, col.HASH_RATIO], out[row, col.ELLIPSIS_RATIO] = hash_signs / words, ellipses / words
        if n:
            top_grams(words, n, total, hashes, grams, places, slots, keys, counts, first, out[row])
            repeated_grams(words, n, total, hashes, powers, grams, keys, out[row])
            repeated_lines(text[:n], newlines, keys, out[row])
        gopher_lines(text, n, out[row])
        c4_lines(text, n, out[row])
