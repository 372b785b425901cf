"""BLAKE2b (RFC 7693) with a digest of 16 bytes, compiled: the hash of `row_id`, of LANES rows at a time.

Within one row each step waits for the one before it, so rows are hashed side by side, one in each element of a
vector; a lane whose row is done takes the next.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types

from tilth.curation.reading.compiled.kernels import inner, instruction, kernel
from tilth.shards.digest import ROW_ID_BYTES

BLOCK_BYTES = 128
LANES = 4
_WORDS = BLOCK_BYTES // 8
# What a lane holds, a line each: the state; where its block starts, in words; how many bytes are hashed with
# that block; all ones if it is the last, else zero; which row it is.
_AT, _COUNT, _LAST, _ROW = range(8, 12)
LANE_WORDS = 12
_ALL_ONES = np.uint64(2**64 - 1)
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
_ROUNDS = [
    [int(word) for word in order.split()]
    for order in """
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
""".strip().splitlines()
]
# The columns of the state that a round mixes, then its diagonals.
_MIXED = [(n, 4 + n, 8 + n, 12 + n) for n in range(4)]
_MIXED += [(n, 4 + (n + 1) % 4, 8 + (n + 2) % 4, 12 + (n + 3) % 4) for n in range(4)]
_PARAMETERS = np.uint64(0x01010000 | ROW_ID_BYTES)  # no key, no tree

_I64 = ir.IntType(64)
_LANES = ir.VectorType(_I64, LANES)


@instruction
def _compress(typingctx, lanes, words):
    """Fold the block of every lane into its state."""

    def codegen(context, builder, signature, arguments):
        held, data = (
            context.make_array(kind)(context, builder, array).data
            for kind, array in zip(signature.args, arguments, strict=True)
        )
        state = [_load(builder, held, LANES * n) for n in range(8)]
        v = state + [_all(int(word)) for word in _START]
        v[12] = builder.xor(v[12], _load(builder, held, LANES * _COUNT))
        v[14] = builder.xor(v[14], _load(builder, held, LANES * _LAST))
        starts = [builder.load(_place(builder, held, LANES * _AT + lane)) for lane in range(LANES)]
        message = _by_word(builder, [builder.gep(data, [start]) for start in starts])
        for order in _ROUNDS:
            for n, places in enumerate(_MIXED):
                _mix(builder, v, places, message[order[2 * n]], message[order[2 * n + 1]])
        for n in range(8):
            folded = builder.xor(state[n], builder.xor(v[n], v[n + 8]))
            builder.store(folded, _vector(builder, held, LANES * n), align=8)
        return context.get_dummy_value()

    return types.void(lanes, words), codegen


def _mix(builder, v, places, x, y):
    a, b, c, d = places
    for word, turn_d, turn_b in ((x, 32, 24), (y, 16, 63)):
        v[a] = builder.add(builder.add(v[a], v[b]), word)
        v[d] = _turn(builder, builder.xor(v[d], v[a]), turn_d)
        v[c] = builder.add(v[c], v[d])
        v[b] = _turn(builder, builder.xor(v[b], v[c]), turn_b)


def _turn(builder, word, bits):
    return builder.or_(builder.lshr(word, _all(bits)), builder.shl(word, _all(64 - bits)))


def _by_word(builder, blocks):
    """Return the 16 words of every block, each as the vector of that word in all lanes."""
    words = []
    for n in range(0, _WORDS, LANES):
        a, b, c, d = (_load(builder, block, n) for block in blocks)
        pairs = [
            (_pick(builder, a, b, which), _pick(builder, c, d, which))
            for which in ((0, 4, 2, 6), (1, 5, 3, 7))
        ]
        words += [
            _pick(builder, low, high, which) for which in ((0, 1, 4, 5), (2, 3, 6, 7)) for low, high in pairs
        ]
    return words


def _pick(builder, a, b, which):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), LANES), which))


def _all(number):
    return ir.Constant(_LANES, [number] * LANES)


def _place(builder, words, n):
    return builder.gep(words, [ir.Constant(_I64, n)])


def _vector(builder, words, n):
    return builder.bitcast(_place(builder, words, n), _LANES.as_pointer())


def _load(builder, words, n):
    return builder.load(_vector(builder, words, n), align=8)


@inner
def _begin(lanes, lane, messages, row, rows):
    """Give a lane a row, if there is one left."""
    lanes[_ROW, lane] = row
    lanes[_COUNT, lane] = 0
    if row < rows:
        for n in range(8):
            lanes[n, lane] = _START[n]
        lanes[0, lane] ^= _PARAMETERS
        lanes[_AT, lane] = messages[row, 0]


@kernel
def blake2b_16(words, messages, rows, lanes, digests, first):
    """Leave the digests of the first `rows` messages in digests[first:].

    words: uint64, little-endian. messages: int64 (n, 2), of each the word at which it starts and its bytes; it has
    zeros up to the end of its last block, and a block even if empty. lanes: uint64 (LANE_WORDS, LANES), scratch.
    digests: uint64 (n, 2).
    """
    taken, done = LANES, 0
    for lane in range(LANES):
        lanes[_AT, lane] = 0
        _begin(lanes, lane, messages, lane, rows)
    while done < rows:
        for lane in range(LANES):
            row = np.int64(lanes[_ROW, lane])
            if row < rows:
                size = messages[row, 1]
                count = min(np.int64(lanes[_COUNT, lane]) + BLOCK_BYTES, size)
                lanes[_COUNT, lane] = count
                lanes[_LAST, lane] = _ALL_ONES if count == size else np.uint64(0)
        _compress(lanes, words)
        for lane in range(LANES):
            row = np.int64(lanes[_ROW, lane])
            if row < rows and lanes[_LAST, lane] != 0:
                digests[first + row, 0], digests[first + row, 1] = lanes[0, lane], lanes[1, lane]
                _begin(lanes, lane, messages, taken, rows)
                taken += 1
                done += 1
            elif row < rows:
                lanes[_AT, lane] += np.uint64(_WORDS)
