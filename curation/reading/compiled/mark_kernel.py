"""One search through many texts for marks: of pictures, sounds and films, and of calls written as text; compiled.

A regular expression takes three times as long: half of what the whole check may cost.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels)

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types

_LESS, _GREATER = b"<>"
_I, _A, _V, _E, _O = b"iaveo"
MARK_BYTES = len("<image>")  # as many as <audio> and <video>
BLOCK_BYTES = 1 << 12
_OPEN, _BACKSLASH = b"[\\"
_T, _F, _L, _U, _C, _UPPER_T, _THREE, _BAR = b"tflucT3|"
CALL_BYTES = 5  # how far a mark of a call is looked at


@numba.njit(types.boolean(types.Array(types.uint8, 1, "C"), types.int64), cache=True, nogil=True)
def may_hold_mark(data, end):
    """Return whether `data` up to `end` may hold <image>, <audio> or <video>.

    A block is searched for brackets as far apart, then for the letters: without branches, so many bytes at once.
    """
    last = end - MARK_BYTES + 1
    for start in range(0, last, BLOCK_BYTES):
        size = min(BLOCK_BYTES, last - start)
        opens, closes = (
            data[start : start + size],
            data[start + MARK_BYTES - 1 : start + MARK_BYTES - 1 + size],
        )
        found = np.uint8(0)
        for i in range(size):
            found |= np.uint8(opens[i] == _LESS) & np.uint8(closes[i] == _GREATER)
        if found:
            first, before = (
                data[start + 1 : start + 1 + size],
                data[start + MARK_BYTES - 2 : start + size + 5],
            )
            found = np.uint8(0)
            for i in range(size):
                letters = np.uint8(first[i] == _I) | np.uint8(first[i] == _A) | np.uint8(first[i] == _V)
                letters &= np.uint8(before[i] == _E) | np.uint8(before[i] == _O)
                found |= np.uint8(opens[i] == _LESS) & np.uint8(closes[i] == _GREATER) & letters
            if found:
                return True
    return False


# The C library finds a byte six times as fast as a loop that is compiled here.
_memchr: Any = types.ExternalFunction("memchr", types.intp(types.intp, types.int32, types.uintp))


@numba.njit(
    types.boolean(types.Array(types.uint8, 1, "C", readonly=True), types.int64), cache=True, nogil=True
)
def may_hold_call(data, start):
    """Return whether `data` from `start` on may hold what starts as a mark of `written_calls` does.

    Few bytes of each are compared: <t..l, <f..c, <|..t, [T, and the backslash of a < that is written by its number.
    """
    first, end = data.ctypes.data, data.ctypes.data + data.size
    for sign in (_LESS, _OPEN, _BACKSLASH):
        at = _memchr(first + start, sign, np.uint64(data.size - start))
        while at != 0:
            i = at - first
            if i + CALL_BYTES > data.size:
                return True  # too near the end to tell
            second, fifth = data[i + 1], data[i + 4]
            if sign == _LESS:
                if (second == _T and fifth == _L) or (second == _F and fifth == _C):
                    return True
                if second == _BAR and fifth == _T:
                    return True
            elif sign == _OPEN:
                if second == _UPPER_T:
                    return True
            elif second == _U and fifth == _THREE:
                return True
            at = _memchr(at + 1, sign, np.uint64(end - at - 1))
    return False
