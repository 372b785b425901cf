"""Repeated word n-grams of a text, compiled: the statistics of GopherRepetitionFilter about 2 to 10 words.

Its 2- to 4-grams are joined by blanks: such an n-gram can only occur twice if its first n - 1 words do, so each
length looks at the positions that the one before left over. Its 5- to 10-grams are joined by nothing (`a bc` is
`ab c`), so every position counts.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

import numba
import numpy as np

from tilth.curation.quality import columns as col
from tilth.curation.quality.sets import slot_of
from tilth.curation.similarity.shingles import mix

_BLANK_BETWEEN = np.uint64(0x6A09E667F3BCC909)
_SHORTEST, _LONGEST_TOP, _LONGEST = 2, 4, 10


@numba.njit
def _table_size(entries):
    size = 16
    while size < 2 * entries:
        size *= 2
    return size


@numba.njit
def _count_grams(grams, places, count, keys, counts, first, slots):
    """Count the n-grams at `places`; return how often the most frequent occurs, and where it does first."""
    keys[:] = np.uint64(0)
    best, best_first = 1, 0
    for k in range(count):
        slot, known = slot_of(grams[places[k]], keys)
        slots[k] = slot
        if known:
            counts[slot] += 1
        else:
            counts[slot], first[slot] = 1, places[k]
        # Among equals, the one that comes first in the text.
        ahead = counts[slot] == best and best > 1 and first[slot] < best_first
        if counts[slot] > best or ahead:
            best, best_first = counts[slot], first[slot]
    return best, best_first


@numba.njit
def top_grams(words, chars, total, hashes, grams, places, slots, keys, counts, first, out):
    """Write the share of characters in all occurrences of the most frequent 2-, 3- and 4-gram.

    total: (words + 1,) characters of words before each word. hashes: of the words. The others are scratch, as
    long as the words at least; `keys`, `counts` and `first` a power of two and twice as long.
    """
    count = words
    for j in range(words):
        places[j], grams[j] = j, hashes[j]
    for n in range(_SHORTEST, min(_LONGEST_TOP, words) + 1):
        while count and places[count - 1] > words - n:
            count -= 1
        for k in range(count):
            grams[places[k]] = mix(grams[places[k]] + _BLANK_BETWEEN) + hashes[places[k] + n - 1]
        best, place = _count_grams(grams, places, count, keys[: _table_size(count)], counts, first, slots)
        top = best * (total[place + n] - total[place] + n - 1)
        out[col.TOP_2GRAM_CHARS + n - _SHORTEST] = top / chars
        left = 0
        for k in range(count):
            if counts[slots[k]] > 1:
                places[left] = places[k]
                left += 1
        count = left


@numba.njit
def repeated_grams(words, chars, total, hashes, powers, grams, keys, out):
    """Write the share of characters in 5- to 10-grams met before; after one, the search goes on behind it.

    powers: of the hashes' base, by the length of each word, so that hashes of words make that of their join.
    """
    grams[:words] = hashes[:words]
    for n in range(2, _LONGEST + 1):
        count = words - n + 1
        for j in range(count):
            grams[j] = grams[j] * powers[j + n - 1] + hashes[j + n - 1]
        if n <= _LONGEST_TOP:
            continue
        table = keys[: _table_size(count)]
        table[:] = np.uint64(0)
        met = j = 0
        while j < count:
            _, known = slot_of(grams[j], table)
            met += total[j + n] - total[j] if known else 0
            j += n if known else 1
        out[col.DUPLICATE_5GRAM_CHARS + n - _LONGEST_TOP - 1] = met / chars
