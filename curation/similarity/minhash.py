"""SHA-1 of word shingles and their minima under random permutations, compiled (see dedup/signatures.py)."""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

import numba
import numpy as np
from numba import types

from tilth.curation.similarity.shingles import BREAK, BYTES, LETTER, OFFSETS, WHOLE, character

_U64 = types.Array(types.uint64, 1, "C", readonly=True)
_OUT = types.Array(types.uint32, 2, "C")
_MERSENNE = np.uint64((1 << 61) - 1)
_LOW = np.uint64(0xFFFFFFFF)


@numba.njit(inline="always")
def _turned(x, by):
    """Rotate the lower 32 bits to the left."""
    return ((x << np.uint64(by)) | (x >> np.uint64(32 - by))) & _LOW


@numba.njit
def _round(step, b, c, d):
    """Return what a step of SHA-1 mixes in (FIPS 180-4, 4.1.1 and 4.2.1)."""
    if step < 20:
        return ((b & c) | (~b & d)) + np.uint64(0x5A827999)
    if step < 40:
        return (b ^ c ^ d) + np.uint64(0x6ED9EBA1)
    if step < 60:
        return ((b & c) | (b & d) | (c & d)) + np.uint64(0x8F1BBCDC)
    return (b ^ c ^ d) + np.uint64(0xCA62C1D6)


@numba.njit
def _absorb(state, words):
    """Take a block of 16 words (of 80) into the state of a SHA-1 (FIPS 180-4, 6.1.2)."""
    for t in range(16, 80):
        words[t] = _turned(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1)
    a, b, c, d, e = state[0], state[1], state[2], state[3], state[4]
    for t in range(80):
        mixed = (_turned(a, 5) + _round(t, b, c, d) + e + words[t]) & _LOW
        a, b, c, d, e = mixed, a, _turned(b, 30), c, d
    state[0] = (state[0] + a) & _LOW
    state[1] = (state[1] + b) & _LOW
    state[2] = (state[2] + c) & _LOW
    state[3] = (state[3] + d) & _LOW
    state[4] = (state[4] + e) & _LOW


@numba.njit
def _sha1_32(data, n, state, words):
    """Return the first four bytes of the SHA-1 of `n` bytes, little-endian; `data` has room for the padding."""
    size = (n + 72) // 64 * 64
    data[n] = 0x80
    data[n + 1 : size] = 0
    for i in range(8):
        data[size - 1 - i] = np.uint8((n * 8) >> (8 * i))
    state[0], state[1], state[2] = 0x67452301, 0xEFCDAB89, 0x98BADCFE
    state[3], state[4] = 0x10325476, 0xC3D2E1F0
    for block in range(0, size, 64):
        for t in range(16):
            word = np.uint64(0)
            for i in range(4):
                word = (word << np.uint64(8)) | np.uint64(data[block + 4 * t + i])
            words[t] = word
        _absorb(state, words)
    h = state[0]
    return (h >> np.uint64(24)) | ((h >> np.uint64(8)) & np.uint64(0xFF00)) | (
        (h << np.uint64(8)) & np.uint64(0xFF0000)
    ) | ((h << np.uint64(24)) & _LOW)  # fmt: skip


@numba.njit
def _write_words(data, start, end, out, starts, ends):
    """Copy the words of a text, a blank behind each; fill where each begins and ends; return their number."""
    n = used = 0
    inside = False
    i = start
    while i <= end:
        kind, length = character(data, i) if i < end else (BREAK, 1)
        if kind != LETTER and inside:
            ends[n] = used
            out[used] = 32
            used += 1
            n += 1
            inside = False
        if kind != BREAK:
            if not inside:
                starts[n] = used
            inside = True
            for j in range(i, min(i + length, end)):
                out[used] = data[j]
                used += 1
        if kind == WHOLE:
            ends[n] = used
            out[used] = 32
            used += 1
            n += 1
            inside = False
        i += length
    return n


@numba.njit
def _take_least(h, a, b, is_legacy, out):
    """Lower the signature to the permuted hash where that is less."""
    if is_legacy:
        for k in range(a.size):
            x = h * a[k] + b[k]
            x = (x & _MERSENNE) + (x >> np.uint64(61))
            if x >= _MERSENNE:
                x -= _MERSENNE
            out[k] = min(out[k], np.uint32(x))
        return
    h ^= h >> np.uint64(16)
    h = (h * np.uint64(2246822507)) & _LOW
    h ^= h >> np.uint64(13)
    h = (h * np.uint64(3266489909)) & _LOW
    h ^= h >> np.uint64(16)
    for k in range(a.size):
        out[k] = min(out[k], np.uint32(h * a[k] + b[k]))


@numba.njit(types.void(BYTES, OFFSETS, types.int64, _U64, _U64, types.boolean, _OUT), cache=True, nogil=True)
def write_signatures(data, offsets, width, a, b, is_legacy, out):
    """Lower the rows of `out` (all ones) to the signatures of the texts."""
    longest = np.max(offsets[1:] - offsets[:-1])
    words, shingle = np.empty(2 * longest + 2, np.uint8), np.empty(2 * longest + 130, np.uint8)
    starts, ends = np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64)
    state, block = np.empty(5, np.uint64), np.empty(80, np.uint64)
    for row in range(offsets.size - 1):
        n = _write_words(data, offsets[row], offsets[row + 1], words, starts, ends)
        for i in range(max(1, n - width + 1) if n else 0):
            first, last = starts[i], ends[min(i + width, n) - 1]
            shingle[: last - first] = words[first:last]
            h = _sha1_32(shingle, last - first, state, block)
            _take_least(h, a, b, is_legacy, out[row])
