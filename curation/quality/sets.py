"""Repeated lines and paragraphs of a text, compiled; and the hash set that counts them."""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

import numba
import numpy as np

from tilth.curation.quality import columns as col
from tilth.curation.quality.characters import BLANK, POINT, TERMINAL
from tilth.curation.similarity.shingles import mix

_SEED, _BASE = np.uint64(0x6A09E667F3BCC909), np.uint64(0x9E3779B97F4A7C15)
_EMPTY, _ONE = np.uint64(0), np.uint64(1)
_NEWLINE = 10
_SHORT_LINE = 30  # characters; FineWeb


@numba.njit(inline="always")
def slot_of(h, keys):
    """Return the slot of a hash, and whether it was there; `keys` is a power of two long, 0 is empty."""
    mask = np.uint64(keys.size - 1)
    key = mix(h) | _ONE
    slot = key >> _ONE & mask
    while keys[slot] != _EMPTY:
        if keys[slot] == key:
            return slot, True
        slot = (slot + _ONE) & mask
    keys[slot] = key
    return slot, False


@numba.njit
def _hash_of(text, start, end):
    """Return the hash of a run of characters, in four chains that the processor runs side by side."""
    a, b, c, d = _SEED, _SEED, _SEED, np.uint64(end - start)
    i = start
    while i + 4 <= end:
        a = a * _BASE + np.uint64(text[i])
        b = b * _BASE + np.uint64(text[i + 1])
        c = c * _BASE + np.uint64(text[i + 2])
        d = d * _BASE + np.uint64(text[i + 3])
        i += 4
    while i < end:
        a = a * _BASE + np.uint64(text[i])
        i += 1
    return mix(mix(mix(a) + b) + c) + d


@numba.njit
def _paragraphs(text, start, end, keys, out):
    """Write the share of paragraphs met before, and of their characters; between two is an empty line."""
    keys[:] = _EMPTY
    parts = repeated = chars = 0
    first = i = start
    while i <= end:
        run = 0
        while i + run < end and text[i + run] & POINT == _NEWLINE:
            run += 1
        if i == end or run >= 2:
            _, known = slot_of(_hash_of(text, first, i), keys)
            parts += 1
            repeated += known
            chars += i - first if known else 0
            first = i + run
        i += max(run, 1)
    out[col.DUPLICATE_PARAGRAPHS], out[col.DUPLICATE_PARAGRAPH_CHARS] = repeated / parts, chars / text.size


@numba.njit
def _lines(text, newlines, keys, out):
    """Write what Gopher asks of lines, cut at runs of newlines, and FineWeb of those that are not blank."""
    keys[:] = _EMPTY
    parts = repeated = chars = lines = terminal = short = line_chars = first = 0
    blank = True
    for i in range(text.size + 1):
        if i < text.size and text[i] & POINT != _NEWLINE:
            blank &= text[i] & BLANK != 0
            continue
        if i > first:
            _, known = slot_of(_hash_of(text, first, i), keys)
            parts += 1
            repeated += known
            chars += i - first if known else 0
            if not blank:
                lines += 1
                terminal += text[i - 1] & TERMINAL != 0
                short += i - first <= _SHORT_LINE
                line_chars += i - first if known else 0
        first, blank = i + 1, True
    # Gopher's cut leaves an empty line before leading newlines and one behind trailing ones.
    leading, trailing = text[0] & POINT == _NEWLINE, text[-1] & POINT == _NEWLINE
    out[col.DUPLICATE_LINES] = (repeated + (leading and trailing)) / (parts + leading + trailing)
    out[col.DUPLICATE_LINE_CHARS] = chars / text.size
    if lines:
        out[col.TERMINAL_LINES], out[col.SHORT_LINES] = terminal / lines, short / lines
        out[col.DUPLICATE_TEXT_LINE_CHARS] = line_chars / (text.size - newlines)


@numba.njit
def repeated_lines(text, newlines, keys, out):
    """Write the statistics about whole lines and paragraphs that occur more than once."""
    size = 16
    while size < 2 * newlines + 4:
        size *= 2
    start, end = 0, text.size
    while start < end and text[start] & BLANK:
        start += 1
    while end > start and text[end - 1] & BLANK:
        end -= 1
    _paragraphs(text, start, end, keys[:size], out)
    _lines(text, newlines, keys[:size], out)
