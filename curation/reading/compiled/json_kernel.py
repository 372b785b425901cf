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

import numpy as np

from tilth.curation.reading.compiled.kernels import inner
from tilth.curation.reading.compiled.wide_kernel import WIDTH, copy_wide, copy_wide_twice, plain_run

REFUSED = -1
# What a value is. An exact float is written as orjson would write it; a rough one may not be.
ABSENT, NULL, STRING, ESCAPED, INTEGER, EXACT_FLOAT, ROUGH_FLOAT, LITERAL, NESTED = range(9)
# A decimal of this many digits is the shortest that names its float, so its text is already canonical.
EXACT_DIGITS = 15
MAX_LEADING_ZEROS = 4
MAX_DIGITS = 18
MAX_KEYS = 256
MAX_NESTING = 60
FIRST = 1  # a column that the spans of keys do not need

# Bytes by name: numba takes long to compile ord().
COMMA, COLON, QUOTE, BACKSLASH, NEWLINE, SPACE, TAB, RETURN = b',:"\\\n \t\r'
OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY = b"{}[]"
_MINUS, _POINT, _ZERO, _E, _CAPITAL_E, _U = b"-.0eEu"
_TRUE, _FALSE, _NULL = (np.frombuffer(name, np.uint8).copy() for name in (b"true", b"false", b"null"))

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


@inner
def skip_space(data, i):
    """Return the position of the first byte at or after `i` that is no whitespace; a newline ends the line."""
    while data[i] == SPACE or data[i] == TAB or data[i] == RETURN:
        i += 1
    return i


@inner
def equal(data, a, a_end, other, b, b_end):
    """Return whether two spans hold the same bytes."""
    if a_end - a != b_end - b:
        return False
    for k in range(a_end - a):  # noqa: SIM110
        if data[a + k] != other[b + k]:
            return False
    return True


@inner
def scan_string(data, i):
    """Scan the string whose opening quote stands before `i`.

    Returns the position of its closing quote (or REFUSED) and STRING, or ESCAPED if a backslash occurs.
    """
    found = STRING
    # Unsigned indices spare the check for negative ones, byte by byte.
    at, size, wide = np.uint64(i), np.uint64(data.size), np.uint64(WIDTH)
    while True:
        run = wide
        while run == wide and at + wide <= size:
            run = np.uint64(plain_run(data, at))
            at += run
        kind = _KIND[data[at]]
        while kind == _PLAIN:
            at += np.uint64(1)
            kind = _KIND[data[at]]
        if kind == _QUOTE:
            return np.int64(at), found
        if kind == _CONTROL:
            return REFUSED, found
        if kind == _BACKSLASH:
            found = ESCAPED
            end = _scan_escape(data, np.int64(at))
        else:
            end = _scan_characters(data, np.int64(at))
        if end == REFUSED:
            return REFUSED, found
        at = np.uint64(end)


@inner
def _continues(byte):
    return byte & 0xC0 == 0x80


@inner
def _scan_characters(data, i):
    """Scan characters beyond ASCII, as many as follow each other."""
    while i != REFUSED and data[i] >= 0x80:
        i = _scan_character(data, i)
    return i


@inner
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


@inner
def _hex_unit(data, i):
    """Return the 16 bits that four hex digits say, or REFUSED."""
    unit = 0
    for k in range(4):
        digit = _HEX[data[i + k]]
        if digit == 255:
            return REFUSED
        unit = unit * 16 + digit
    return unit


@inner
def _scan_escape(data, i):
    """Scan the escape whose backslash stands at `i`; half a surrogate pair is refused."""
    c = data[i + 1]
    if c != _U:
        return i + 2 if _ESCAPES[c] else REFUSED
    unit = _hex_unit(data, i + 2)
    if unit == REFUSED or 0xDC00 <= unit < 0xE000:
        return REFUSED
    if not 0xD800 <= unit < 0xDC00:
        return i + 6
    if data[i + 6] != BACKSLASH or data[i + 7] != _U:
        return REFUSED
    low = _hex_unit(data, i + 8)
    return i + 12 if 0xDC00 <= low < 0xE000 else REFUSED


@inner
def scan_number(data, i):
    """Scan a number without exponent, of at most MAX_DIGITS digits before its point.

    Returns the position after it (or REFUSED) and INTEGER, EXACT_FLOAT or ROUGH_FLOAT.
    """
    negative = data[i] == _MINUS
    if negative:
        i += 1
    start = i
    while _HEX[data[i]] < 10:
        i += 1
    whole = i - start
    leading_zero = data[start] == _ZERO
    if whole == 0 or whole > MAX_DIGITS or (leading_zero and whole > 1):
        return REFUSED, INTEGER
    if data[i] != _POINT:
        exponent = data[i] == _E or data[i] == _CAPITAL_E
        return (REFUSED if exponent or (negative and leading_zero) else i), INTEGER
    point = i
    i += 1
    while _HEX[data[i]] < 10:
        i += 1
    fraction = i - point - 1
    if fraction == 0 or data[i] == _E or data[i] == _CAPITAL_E:
        return REFUSED, ROUGH_FLOAT
    trailing_zero = data[i - 1] == _ZERO and fraction > 1
    zeros = point + 1
    while data[zeros] == _ZERO:
        zeros += 1
    small = leading_zero and zeros - point > MAX_LEADING_ZEROS  # orjson may give it an exponent
    exact = whole + fraction <= EXACT_DIGITS and not trailing_zero and not small
    return i, EXACT_FLOAT if exact else ROUGH_FLOAT


@inner
def scan_literal(data, i):
    """Scan true, false or null. Returns the position after it (or REFUSED) and LITERAL or NULL."""
    if equal(data, i, i + 4, _TRUE, 0, 4):
        return i + 4, LITERAL
    if equal(data, i, i + 4, _NULL, 0, 4):
        return i + 4, NULL
    return (i + 5 if equal(data, i, i + 5, _FALSE, 0, 5) else REFUSED), LITERAL


@inner
def scan_scalar(data, i):
    """Scan a value that is no container. Returns the position after it (or REFUSED) and what it is."""
    c = data[i]
    if c == QUOTE:
        i, found = scan_string(data, i + 1)
        return (REFUSED if i == REFUSED else i + 1), found
    if c == _MINUS or _HEX[c] < 10:
        return scan_number(data, i)
    return scan_literal(data, i)


@inner
def scan_key(data, i, spans, first, n):
    """Scan the key whose opening quote stands at `i`, and its colon; note where it lies in spans[n].

    spans[first:n] are the keys before it in the same object. Returns the position of its value, or REFUSED if
    the key is escaped, repeated, or one too many.
    """
    if data[i] != QUOTE or n >= MAX_KEYS:
        return REFUSED
    end, found = scan_string(data, i + 1)
    if end == REFUSED or found == ESCAPED:
        return REFUSED
    for k in range(first, n):
        if equal(data, i + 1, end, data, spans[k, 2], spans[k, 3]):
            return REFUSED
    spans[n, 2], spans[n, 3] = i + 1, end
    i = skip_space(data, end + 1)
    return skip_space(data, i + 1) if data[i] == COLON else REFUSED


@inner
def scan_separator(data, i, closing):
    """Scan what follows a value in a container: a comma, or its closing bracket.

    Returns the position of what comes next (or REFUSED) and whether the container ends there.
    """
    i = skip_space(data, i)
    if data[i] == COMMA:
        return skip_space(data, i + 1), False
    return (i + 1 if data[i] == closing else REFUSED), True


@inner
def _closing(first_key):
    return CLOSE_ARRAY if first_key == REFUSED else CLOSE_OBJECT


@inner
def scan_value(data, i, levels, spans, n):
    """Scan any value, in which at most `levels` containers nest; spans[n:] are free for its keys.

    Returns the position after it (or REFUSED) and what it is.
    """
    if data[i] == OPEN_OBJECT or data[i] == OPEN_ARRAY:
        return _skip_nested(data, i, levels, spans, n), NESTED
    return scan_scalar(data, i)


@inner
def _skip_nested(data, i, levels, spans, n):
    """Scan a container; spans[depth, FIRST] is the first key of every open object, REFUSED for an array."""
    depth = 0
    while True:
        opening = data[i]
        if opening in (OPEN_OBJECT, OPEN_ARRAY):
            if depth == min(levels, MAX_NESTING):
                return REFUSED
            spans[depth, FIRST] = n if opening == OPEN_OBJECT else REFUSED
            depth += 1
            i = skip_space(data, i + 1)
            closed = data[i] == opening + 2  # brackets and braces lie two apart
            i += closed
        else:
            i, _ = scan_scalar(data, i)
            if i == REFUSED:
                return REFUSED
            i, closed = scan_separator(data, i, _closing(spans[depth - 1, FIRST]))
        while closed and i != REFUSED:
            depth -= 1
            if spans[depth, FIRST] != REFUSED:
                n = spans[depth, FIRST]
            if depth == 0:
                return i
            i, closed = scan_separator(data, i, _closing(spans[depth - 1, FIRST]))
        if i != REFUSED and spans[depth - 1, FIRST] != REFUSED:
            i = scan_key(data, i, spans, spans[depth - 1, FIRST], n)
            n += 1
        if i == REFUSED:
            return REFUSED


@inner
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


@inner
def _write_escaped(unit, out, at):
    """Write a code point as canonical JSON does inside a string; return the position after it."""
    letter = _LETTERS[unit] if unit < 256 else 0
    if letter == 0:
        return _write_character(unit, out, at)
    out[at] = BACKSLASH
    if letter != 1:
        out[at + 1] = letter
        return at + 2
    out[at + 1], out[at + 2], out[at + 3] = _U, _ZERO, _ZERO
    out[at + 4], out[at + 5] = _DIGITS[unit >> 4], _DIGITS[unit & 15]
    return at + 6


@inner
def _read_escape(data, i):
    """Return the code point of the scanned escape at `i` and the position after it."""
    c = data[i + 1]
    if c != _U:
        return np.int64(_ESCAPES[c]), i + 2
    unit = _hex_unit(data, i + 2)
    if not 0xD800 <= unit < 0xDC00:
        return unit, i + 6
    return 0x10000 + ((unit - 0xD800) << 10) + _hex_unit(data, i + 8) - 0xDC00, i + 12


@inner
def copy(data, start, end, out, at):
    """Copy the bytes of a span to `out`; return the position after them.

    Up to WIDTH bytes beyond that position are overwritten, as by `write_both`.
    """
    after = at + end - start
    while start < end and start + WIDTH <= data.size:
        copy_wide(data, start, out, at)
        start += WIDTH
        at += WIDTH
    for k in range(end - start):
        out[at + k] = data[start + k]
    return after


@inner
def write_canonical(data, start, end, out, at):
    """Write the inside of a scanned string as canonical JSON; return the position after it."""
    i = start
    while i < end:
        if data[i] == BACKSLASH:
            unit, i = _read_escape(data, i)
            at = _write_escaped(unit, out, at)
        else:
            out[at] = data[i]
            at += 1
            i += 1
    return at


@inner
def write_both(data, start, end, text, at, canonical, k):
    """Write what a scanned string says as UTF-8 text and as canonical JSON; return the positions after both."""
    i, stop, at, k = np.uint64(start), np.uint64(end), np.uint64(at), np.uint64(k)
    size, wide = np.uint64(data.size), np.uint64(WIDTH)
    while i < stop:
        if data[i] == BACKSLASH:
            unit, after = _read_escape(data, np.int64(i))
            i = np.uint64(after)
            at = np.uint64(_write_character(unit, text, np.int64(at)))
            k = np.uint64(_write_escaped(unit, canonical, np.int64(k)))
            continue
        run = np.uint64(1)
        if i + wide <= size:
            run = min(np.uint64(copy_wide_twice(data, i, text, at, canonical, k)), stop - i)
        else:
            text[at] = canonical[k] = data[i]
        i += run
        at += run
        k += run
    return np.int64(at), np.int64(k)
