"""The naive Bayes score of a text over all its n-grams of 1 to 3 characters, compiled.

Follows langdetect 1.0.9: runs of blanks count once, words are cut at normalised blanks, words of capitals
are passed over, and Latin letters are passed over in a text that is mostly not Latin. Where langdetect draws
n-grams at random until it converges, every n-gram counts here, so the answer is the same each time.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types

from tilth.curation.language.profiles import (
    BEYOND_BMP,
    CLASS_SHIFT,
    HANGUL,
    HIRAGANA,
    IS_SHARED,
    KATAKANA,
    LATIN,
    MULTIPLIER,
    NEEDS_HANGUL,
    NEEDS_KANA,
    NON_LATIN,
    ROW,
    SCORE_UNIT,
    UPPER_BIT,
    WIDE,
)

MAX_CHARS = 10_000  # langdetect: max_text_length
# From where on the Latin letters of a text are names and terms: a third of the letters in another alphabet, or a
# tenth in Chinese, Japanese or Korean, where one says as much as a syllable or a word. langdetect asks for two
# thirds of any, and calls a Chinese page about software English.
_LATIN_PER_LETTER, _LATIN_PER_WIDE = 2, 9
BEST, BEST_SCORE, SECOND_SCORE, RIVAL_SCORE, LETTERS, KNOWN, WIDE_LETTERS, HAN_ONLY, COLUMNS = range(9)

_SPACE = np.uint64(32)
_SPACE_CHARACTER = np.uint32(32)
_POINT = np.uint32(0xFFFF)

# The sums fit 32 bits: 3 n-grams a character, each at most log(1/5e-5) = 9.9 nats.
assert 3 * MAX_CHARS * 10 * SCORE_UNIT < 2**31


@numba.njit(inline="always")
def _decode(data: np.ndarray, i: Any) -> tuple[Any, Any]:
    """Return the code point at byte `i` of valid UTF-8, and the next position."""
    c = np.uint32(data[i])
    if c < 0x80:
        return c, i + 1
    if c < 0xE0:
        return (c & np.uint32(31)) << np.uint32(6) | np.uint32(data[i + 1]) & np.uint32(63), i + 2
    if c < 0xF0:
        high = (c & np.uint32(15)) << np.uint32(12) | (np.uint32(data[i + 1]) & np.uint32(63)) << np.uint32(6)
        return high | np.uint32(data[i + 2]) & np.uint32(63), i + 3
    return np.uint32(BEYOND_BMP), i + 4


@numba.njit(inline="always")
def _find(key: Any, keys: np.ndarray, values: np.ndarray) -> Any:
    """Return the entries of an n-gram, 0 if no profile has it."""
    mask = np.uint64(keys.size - 1)
    mixed = (key ^ key >> np.uint64(29)) * MULTIPLIER
    slot = (mixed ^ mixed >> np.uint64(32)) & mask
    while keys[slot] != 0:
        if keys[slot] == key:
            return values[slot]
        slot = (slot + np.uint64(1)) & mask
    return np.uint32(0)


@numba.njit(inline="always")
def _read(
    data: np.ndarray, start: Any, end: Any, characters: np.ndarray, text: np.ndarray
) -> tuple[Any, Any, Any, Any, Any]:
    """Fill `text` with the characters of one string; return their number, whether Latin is noise, and how many
    are wide, Hangul and kana."""
    n = latin = non_latin = wide = hangul = kana = 0
    previous = np.uint32(0)
    i = start
    while i < end and n < text.size:
        c, i = _decode(data, i)
        if c == _SPACE_CHARACTER and previous == _SPACE_CHARACTER:
            continue
        previous = c
        text[n] = characters[c]
        script = text[n] >> np.uint32(CLASS_SHIFT)
        latin += script == LATIN
        non_latin += script == NON_LATIN
        wide += script == WIDE
        point = text[n] & _POINT
        hangul += point == HANGUL
        kana += (point == HIRAGANA) | (point == KATAKANA)
        n += 1
    bound = _LATIN_PER_LETTER * non_latin + _LATIN_PER_WIDE * wide
    return n, 0 < latin <= bound, wide, hangul, kana


@numba.njit(inline="always")
def _score(  # noqa: C901
    text: np.ndarray,
    n: Any,
    skip_latin: Any,
    keys: np.ndarray,
    values: np.ndarray,
    entries: np.ndarray,
    shared: np.ndarray,
    scores: np.ndarray,
) -> tuple[Any, Any]:
    """Add up the scores of every n-gram; return the number of letters and of those that a profile knows."""
    letters = known = 0
    length = 1
    capitals = last_upper = False
    a = b = np.uint64(0)
    c = _SPACE
    for i in range(n):
        if skip_latin and text[i] >> np.uint32(CLASS_SHIFT) == LATIN:
            continue
        x = np.uint64(text[i] & _POINT)
        upper = text[i] >> np.uint32(UPPER_BIT) & np.uint32(1) != 0
        if c == _SPACE:
            length, capitals, b = 1, False, np.uint64(0)
            if x == _SPACE:
                continue
            last_upper = False
        capitals = upper and (capitals or last_upper)
        a, b, c, last_upper = b, c, x, upper
        length = min(length + 1, 3)
        if capitals:
            continue
        # In one piece: arrays handed to another function cost a counted reference each, and the loop over a row
        # would not become vector instructions.
        key, longest = np.uint64(0), 3 if length == 3 else 2
        for grams in range(longest):
            key = c if grams == 0 else b << np.uint64(16) | c if grams == 1 else a << np.uint64(32) | key
            if key == _SPACE:
                continue
            found = _find(key, keys, values)
            if grams == 0:
                letters += 1
                known += (found != 0) | (text[i] >> np.uint32(CLASS_SHIFT) == WIDE)
            first, number = np.int64(found >> np.uint32(6)), np.int64(found & np.uint32(63))
            if number == IS_SHARED:
                for j in range(ROW):
                    scores[j] += shared[first, j]
            else:
                for j in range(first, first + number):
                    scores[entries[j] & 255] += entries[j] >> 8
    return letters, known


def _table(dtype: Any) -> Any:
    return types.Array(dtype, 1, "C", readonly=True)


@numba.njit(
    types.void(
        _table(types.uint8),
        _table(types.int64),
        _table(types.uint32),
        _table(types.uint64),
        _table(types.uint32),
        _table(types.int32),
        types.Array(types.int32, 2, "C", readonly=True),
        _table(types.int64),
        _table(types.int64),
        _table(types.int64),
        types.Array(types.int32, 2, "C"),
    ),
    cache=True,
    nogil=True,
)
def score_texts(
    data: np.ndarray,
    offsets: np.ndarray,
    characters: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    entries: np.ndarray,
    shared: np.ndarray,
    group: np.ndarray,
    needs: np.ndarray,
    rivals: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill `out` (texts, COLUMNS): best language (-1 if none), its score, the best score of another
    language, the score of the rival, letters, known letters, wide letters, whether these are Han alone.

    `data` and `offsets` are the buffers of an Arrow large string array; `rivals` names one group a text. Without
    Hangul nothing is Korean, and without kana nothing Japanese: the profile of Korean, made of pages that quote
    Chinese, wins 46 % of sentences in Traditional signs.
    """
    text = np.empty(MAX_CHARS, np.uint32)
    scores = np.empty(ROW, np.int32)
    for row in range(out.shape[0]):
        n, skip_latin, wide, hangul, kana = _read(data, offsets[row], offsets[row + 1], characters, text)
        scores[:] = 0
        letters, known = _score(text, n, skip_latin, keys, values, entries, shared, scores)
        for j in range(needs.size):
            if (needs[j] == NEEDS_HANGUL and hangul == 0) or (needs[j] == NEEDS_KANA and kana == 0):
                scores[j] = 0
        best = -1
        for j in range(group.size):
            if scores[j] > 0 and (best < 0 or scores[j] > scores[best]):
                best = j
        second = rival = 0
        for j in range(group.size):
            if best >= 0 and group[j] != group[best]:
                second = max(second, scores[j])
            if group[j] == rivals[row]:
                rival = max(rival, scores[j])
        out[row, BEST] = best
        out[row, BEST_SCORE] = scores[best] if best >= 0 else 0
        out[row, SECOND_SCORE] = second
        out[row, RIVAL_SCORE] = rival
        out[row, LETTERS] = letters
        out[row, KNOWN] = known
        out[row, WIDE_LETTERS] = wide
        out[row, HAN_ONLY] = wide > 0 and hangul == 0 and kana == 0
