"""Strict JSON, scanned byte by byte: compiled, without objects, for lines that are entirely plain.

A scanner takes the position of a token and returns the one after it, or REFUSED. It refuses whatever is
invalid, and some of what is valid but rare (escaped keys, exponents, integers of 19 digits): a refused line
is read again by `parse`, which decides. So a scanner must never accept what `parse` would not, and need not
accept all that it does.

Every line ends in a newline, which no token holds: it stops each scan, and so no position is compared with
the end of the data.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

import numba
import numpy as np

REFUSED = -1
# What a value is. An exact float is written as orjson would write it; a rough one may not be.
ABSENT, NULL, STRING, ESCAPED, INTEGER, EXACT_FLOAT, ROUGH_FLOAT, LITERAL, NESTED = range(9)
# A decimal of this many digits is the shortest that names its float, so its text is already canonical.
EXACT_DIGITS = 15
MAX_LEADING_ZEROS = 4
MAX_DIGITS = 18
MAX_KEYS = 256
MAX_NESTING = 60

_PLAIN, _QUOTE, _BACKSLASH, _CONTROL, _BEYOND_ASCII = range(5)
_KIND = np.zeros(256, np.uint8)
_KIND[:32], _KIND[128:] = _CONTROL, _BEYOND_ASCII
_KIND[ord('"')], _KIND[ord("\\")] = _QUOTE, _BACKSLASH
# What follows a backslash, and the byte it stands for.
_ESCAPES = np.zeros(256, np.uint8)
for _letter, _byte in zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t', strict=True):
    _ESCAPES[_letter] = _byte
# The letter by which canonical JSON escapes a byte; 1 where it takes \u00XX.
_LETTERS = np.zeros(256, np.uint8)
_LETTERS[:32] = 1
for _letter, _byte in zip(b'"\\bfnrt', b'"\\\b\f\n\r\t', strict=True):
    _LETTERS[_byte] = _letter
_HEX = np.full(256, 255, np.uint8)
for _digit in range(16):
    _HEX[ord(f"{_digit:x}")] = _HEX[ord(f"{_digit:X}")] = _digit
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


@numba.njit(inline="always")
def skip_space(data, i):
    """Return the position of the first byte at or after `i` that is no whitespace; a newline ends the line."""
    while data[i] == 32 or data[i] == 9 or data[i] == 13:
        i += 1
    return i


@numba.njit
def equal(data, a, a_end, other, b, b_end):
    """Return whether two spans hold the same bytes."""
    if a_end - a != b_end - b:
        return False
    for k in range(a_end - a):  # noqa: SIM110
        if data[a + k] != other[b + k]:
            return False
    return True


@numba.njit
def scan_string(data, i):
    """Scan the string whose opening quote stands before `i`.

    Returns the position of its closing quote (or REFUSED) and STRING, or ESCAPED if a backslash occurs.
    """
    found = STRING
    while True:
        kind = _KIND[data[i]]
        while kind == _PLAIN:
            i += 1
            kind = _KIND[data[i]]
        if kind == _QUOTE:
            return i, found
        if kind == _BEYOND_ASCII:
            i = _scan_character(data, i)
        elif kind == _BACKSLASH:
            found = ESCAPED
            i = _scan_escape(data, i)
        else:
            return REFUSED, found
        if i == REFUSED:
            return REFUSED, found


@numba.njit(inline="always")
def _continues(byte):
    return byte & 0xC0 == 0x80


@numba.njit
def _scan_character(data, i):
    """Scan one UTF-8 character beyond ASCII: no overlong form, no surrogate, nothing above U+10FFFF."""
    c, d = data[i], data[i + 1]
    if c < 0xC2 or c > 0xF4 or not _continues(d):
        return REFUSED
    if c < 0xE0:
        return i + 2
    if not _continues(data[i + 2]):
        return REFUSED
    if c < 0xF0:
        return REFUSED if (c == 0xE0 and d < 0xA0) or (c == 0xED and d >= 0xA0) else i + 3
    if not _continues(data[i + 3]) or (c == 0xF0 and d < 0x90) or (c == 0xF4 and d >= 0x90):
        return REFUSED
    return i + 4


@numba.njit
def _hex_unit(data, i):
    """Return the 16 bits that four hex digits say, or REFUSED."""
    unit = 0
    for k in range(4):
        digit = _HEX[data[i + k]]
        if digit == 255:
            return REFUSED
        unit = unit * 16 + digit
    return unit


@numba.njit
def _scan_escape(data, i):
    """Scan the escape whose backslash stands at `i`; half a surrogate pair is refused."""
    c = data[i + 1]
    if c != ord("u"):
        return i + 2 if _ESCAPES[c] else REFUSED
    unit = _hex_unit(data, i + 2)
    if unit == REFUSED or 0xDC00 <= unit < 0xE000:
        return REFUSED
    if not 0xD800 <= unit < 0xDC00:
        return i + 6
    if data[i + 6] != ord("\\") or data[i + 7] != ord("u"):
        return REFUSED
    low = _hex_unit(data, i + 8)
    return i + 12 if 0xDC00 <= low < 0xE000 else REFUSED


@numba.njit
def scan_number(data, i):
    """Scan a number without exponent, of at most MAX_DIGITS digits before its point.

    Returns the position after it (or REFUSED) and INTEGER, EXACT_FLOAT or ROUGH_FLOAT.
    """
    negative = data[i] == ord("-")
    if negative:
        i += 1
    start = i
    while _HEX[data[i]] < 10:
        i += 1
    whole = i - start
    leading_zero = data[start] == ord("0")
    if whole == 0 or whole > MAX_DIGITS or (leading_zero and whole > 1):
        return REFUSED, INTEGER
    if data[i] != ord("."):
        exponent = data[i] == ord("e") or data[i] == ord("E")
        return (REFUSED if exponent or (negative and leading_zero) else i), INTEGER
    point = i
    i += 1
    while _HEX[data[i]] < 10:
        i += 1
    fraction = i - point - 1
    if fraction == 0 or data[i] == ord("e") or data[i] == ord("E"):
        return REFUSED, ROUGH_FLOAT
    trailing_zero = data[i - 1] == ord("0") and fraction > 1
    zeros = point + 1
    while data[zeros] == ord("0"):
        zeros += 1
    small = leading_zero and zeros - point > MAX_LEADING_ZEROS  # orjson may give it an exponent
    exact = whole + fraction <= EXACT_DIGITS and not trailing_zero and not small
    return i, EXACT_FLOAT if exact else ROUGH_FLOAT


@numba.njit
def scan_literal(data, i):
    """Scan true, false or null. Returns the position after it (or REFUSED) and LITERAL or NULL."""
    if data[i] == ord("t"):
        whole = data[i + 1] == ord("r") and data[i + 2] == ord("u") and data[i + 3] == ord("e")
        return (i + 4 if whole else REFUSED), LITERAL
    if data[i] == ord("n"):
        whole = data[i + 1] == ord("u") and data[i + 2] == ord("l") and data[i + 3] == ord("l")
        return (i + 4 if whole else REFUSED), NULL
    whole = data[i] == ord("f") and data[i + 1] == ord("a") and data[i + 2] == ord("l")
    whole = whole and data[i + 3] == ord("s") and data[i + 4] == ord("e")
    return (i + 5 if whole else REFUSED), LITERAL


@numba.njit
def scan_scalar(data, i):
    """Scan a value that is no container. Returns the position after it (or REFUSED) and what it is."""
    c = data[i]
    if c == ord('"'):
        i, found = scan_string(data, i + 1)
        return (REFUSED if i == REFUSED else i + 1), found
    if c == ord("-") or _HEX[c] < 10:
        return scan_number(data, i)
    return scan_literal(data, i)


@numba.njit
def scan_key(data, i, keys, first, n):
    """Scan the key whose opening quote stands at `i`, and its colon; note its span as keys[n].

    keys[first:n] are the keys before it in the same object. Returns the position of its value, or REFUSED if
    the key is escaped, repeated, or one too many.
    """
    if data[i] != ord('"') or n >= MAX_KEYS:
        return REFUSED
    end, found = scan_string(data, i + 1)
    if end == REFUSED or found == ESCAPED:
        return REFUSED
    for k in range(first, n):
        if equal(data, i + 1, end, data, keys[k, 0], keys[k, 1]):
            return REFUSED
    keys[n, 0], keys[n, 1] = i + 1, end
    i = skip_space(data, end + 1)
    return skip_space(data, i + 1) if data[i] == ord(":") else REFUSED


@numba.njit
def skip_nested(data, i, depth, max_depth, keys, n):
    """Scan the container at `i`, which stands `depth` deep, and everything in it.

    keys: scratch whose first `n` lines are taken. Returns the position after it, or REFUSED.
    """
    first = np.empty(MAX_NESTING, np.int64)  # the first key of every open object; REFUSED for an array
    base = depth
    while True:
        opening = data[i]
        if opening == ord("{") or opening == ord("["):
            depth += 1
            if depth > max_depth or depth - base > MAX_NESTING:
                return REFUSED
            first[depth - base - 1] = n if opening == ord("{") else REFUSED
            i = skip_space(data, i + 1)
            closed = data[i] == (ord("}") if opening == ord("{") else ord("]"))
        else:
            i, _ = scan_scalar(data, i)
            if i == REFUSED:
                return REFUSED
            i = skip_space(data, i)
            closed = data[i] == (ord("}") if first[depth - base - 1] != REFUSED else ord("]"))
            if not closed:
                if data[i] != ord(","):
                    return REFUSED
                i = skip_space(data, i + 1)
        while closed:
            if first[depth - base - 1] != REFUSED:
                n = first[depth - base - 1]
            depth -= 1
            i += 1
            if depth == base:
                return i
            i = skip_space(data, i)
            closed = data[i] == (ord("}") if first[depth - base - 1] != REFUSED else ord("]"))
            if not closed:
                if data[i] != ord(","):
                    return REFUSED
                i = skip_space(data, i + 1)
        if first[depth - base - 1] != REFUSED:
            i = scan_key(data, i, keys, first[depth - base - 1], n)
            if i == REFUSED:
                return REFUSED
            n += 1


@numba.njit
def _write_character(unit, out, at):
    """Write a code point as UTF-8; return the position after it."""
    if unit < 0x80:
        out[at] = unit
        return at + 1
    if unit < 0x800:
        out[at] = 0xC0 | unit >> 6
    elif unit < 0x10000:
        out[at] = 0xE0 | unit >> 12
        out[at + 1] = 0x80 | unit >> 6 & 63
        at += 1
    else:
        out[at] = 0xF0 | unit >> 18
        out[at + 1] = 0x80 | unit >> 12 & 63
        out[at + 2] = 0x80 | unit >> 6 & 63
        at += 2
    out[at + 1] = 0x80 | unit & 63
    return at + 2


@numba.njit
def _write_escaped(unit, out, at):
    """Write a code point as canonical JSON does inside a string; return the position after it."""
    letter = _LETTERS[unit] if unit < 256 else 0
    if letter == 0:
        return _write_character(unit, out, at)
    out[at] = ord("\\")
    if letter != 1:
        out[at + 1] = letter
        return at + 2
    out[at + 1], out[at + 2], out[at + 3] = ord("u"), ord("0"), ord("0")
    out[at + 4], out[at + 5] = _DIGITS[unit >> 4], _DIGITS[unit & 15]
    return at + 6


@numba.njit
def _read_escape(data, i):
    """Return the code point of the scanned escape at `i` and the position after it."""
    c = data[i + 1]
    if c != ord("u"):
        return np.int64(_ESCAPES[c]), i + 2
    unit = _hex_unit(data, i + 2)
    if not 0xD800 <= unit < 0xDC00:
        return unit, i + 6
    return 0x10000 + ((unit - 0xD800) << 10) + _hex_unit(data, i + 8) - 0xDC00, i + 12


@numba.njit
def copy(data, start, end, out, at):
    """Copy the bytes of a span to `out`; return the position after them."""
    for k in range(end - start):
        out[at + k] = data[start + k]
    return at + end - start


@numba.njit
def write_canonical(data, start, end, out, at):
    """Write the inside of a scanned string as canonical JSON; return the position after it."""
    i = start
    while i < end:
        c = data[i]
        if c == ord("\\"):
            unit, i = _read_escape(data, i)
            at = _write_escaped(unit, out, at)
        else:
            out[at] = c
            at += 1
            i += 1
    return at


@numba.njit
def write_text(data, start, end, out, at):
    """Write what a scanned string says, as UTF-8; return the position after it."""
    i = start
    while i < end:
        c = data[i]
        if c == ord("\\"):
            unit, i = _read_escape(data, i)
            at = _write_character(unit, out, at)
        else:
            out[at] = c
            at += 1
            i += 1
    return at
