"""BLAKE2b (RFC 7693) with a digest of 16 bytes, compiled: the hash of `row_id`, without a call per row."""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

import numba
import numpy as np

from tilth.shards.digest import ROW_ID_BYTES

kernel = numba.njit(_nrt=False)  # type: ignore[call-overload]  # nothing here allocates: no references to count

BLOCK_BYTES = 128
_WORDS = BLOCK_BYTES // 8
# Unsigned indices spare the check for negative ones.
_U = np.uint64
# The fractional parts of the square roots of the first primes; then which words each round mixes, in order.
_START = np.array(
    [
        0x6A09E667F3BCC908,
        0xBB67AE8584CAA73B,
        0x3C6EF372FE94F82B,
        0xA54FF53A5F1D36F1,
        0x510E527FADE682D1,
        0x9B05688C2B3E6C1F,
        0x1F83D9ABFB41BD6B,
        0x5BE0CD19137E2179,
    ],
    np.uint64,
)
_ROUNDS = """
    0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15
   14 10  4  8  9 15 13  6  1 12  0  2 11  7  5  3
   11  8 12  0  5  2 15 13 10 14  3  6  7  1  9  4
    7  9  3  1 13 12 11 14  2  6  5 10  4  0 15  8
    9  0  5  7  2  4 10 15 14  1 11 12  6  8  3 13
    2 12  6 10  0 11  8  3  4 13  7  5 15 14  1  9
   12  5  1 15 14 13  4 10  0  7  6  3  9  2  8 11
   13 11  7 14 12  1  3  9  5  0 15  4  8  6  2 10
    6 15 14  9 11  3  0  8 12  2 13  7  1  4 10  5
   10  2  8  4  7  6  1  5 15 11  9 14  3 12 13  0
    0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15
   14 10  4  8  9 15 13  6  1 12  0  2 11  7  5  3
"""
_ORDER = np.array(_ROUNDS.split(), np.uint64)
_PARAMETERS = np.uint64(0x01010000 | ROW_ID_BYTES)  # no key, no tree


@numba.njit(inline="always")
def _turn(word, bits):
    return (word >> _U(bits)) | (word << _U(64 - bits))


@numba.njit(inline="always")
def _mix(a, b, c, d, x, y):
    a = a + b + x
    d = _turn(d ^ a, 32)
    c = c + d
    b = _turn(b ^ c, 24)
    a = a + b + y
    d = _turn(d ^ a, 16)
    c = c + d
    return a, _turn(b ^ c, 63), c, d


@kernel
def _compress(h, m, at, count, last):
    """Fold the block of words at `at` into the state; `count` bytes are folded with it."""
    v0, v1, v2, v3, v4, v5, v6, v7 = h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
    v8, v9, v10, v11 = _START[0], _START[1], _START[2], _START[3]
    v12, v13, v14, v15 = _START[4] ^ count, _START[5], _START[6], _START[7]
    if last:
        v14 = ~v14
    for r in range(12):
        k = _U(r) * _U(16)
        v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m[at + _ORDER[k]], m[at + _ORDER[k + _U(1)]])
        v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m[at + _ORDER[k + _U(2)]], m[at + _ORDER[k + _U(3)]])
        v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m[at + _ORDER[k + _U(4)]], m[at + _ORDER[k + _U(5)]])
        v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m[at + _ORDER[k + _U(6)]], m[at + _ORDER[k + _U(7)]])
        v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m[at + _ORDER[k + _U(8)]], m[at + _ORDER[k + _U(9)]])
        v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m[at + _ORDER[k + _U(10)]], m[at + _ORDER[k + _U(11)]])
        v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m[at + _ORDER[k + _U(12)]], m[at + _ORDER[k + _U(13)]])
        v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m[at + _ORDER[k + _U(14)]], m[at + _ORDER[k + _U(15)]])
    h[0] ^= v0 ^ v8
    h[1] ^= v1 ^ v9
    h[2] ^= v2 ^ v10
    h[3] ^= v3 ^ v11
    h[4] ^= v4 ^ v12
    h[5] ^= v5 ^ v13
    h[6] ^= v6 ^ v14
    h[7] ^= v7 ^ v15


@kernel
def blake2b_16(words, size, state):
    """Leave the digest of the first `size` bytes of `words` in state[:2].

    words: uint64, little-endian, zeros from `size` to the end of its block. state: 8 words of scratch.
    """
    for k in range(8):
        state[k] = _START[k]
    state[0] ^= _PARAMETERS
    blocks = max(1, (size + BLOCK_BYTES - 1) // BLOCK_BYTES)
    for b in range(blocks):
        last = b == blocks - 1
        count = size if last else (b + 1) * BLOCK_BYTES
        _compress(state, words, _U(b * _WORDS), _U(count), last)
