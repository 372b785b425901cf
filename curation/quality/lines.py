"""What Gopher and C4 ask of single lines, compiled. Lines are those of `str.splitlines`."""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

import numba
import numpy as np

from tilth.curation.quality import columns as col
from tilth.curation.quality.characters import BLANK, BREAK, DIGIT, POINT, TERMINAL

_RETURN, _NEWLINE, _POINT, _DASH, _BULLET, _ELLIPSIS = 13, 10, 46, 45, 0x2022, 0x2026
_OPEN, _CLOSE, _BRACE = 91, 93, 123
_LONG_WORD, _FEW_WORDS = 1000, 3  # C4: characters, words
_ENDS = np.array([ord(c) for c in ".?!\"'"])  # datatrove: END_PUNCTUATION
_CLOSERS = np.array([ord(c) for c in "\"')]}\u201d\u2019\u00bb"])
_CITATIONS = ("[edit]", "[citation needed]")
_PHRASES = (
    "lorem ipsum", "javascript", "terms of use", "privacy policy", "cookie policy", "uses cookies",
    "use of cookies", "use cookies",
)  # fmt: skip
_LOREM, _JAVASCRIPT, _POLICY = 1, 2, 4


def _packed(phrases: tuple[str, ...]) -> np.ndarray:
    """Return the characters of each phrase in a row, 0 behind the last."""
    return np.array([[*map(ord, p), *[0] * (20 - len(p))] for p in phrases], np.uint32)


_PHRASE, _CITATION = _packed(_PHRASES), _packed(_CITATIONS)
# The second letter of the phrases that begin with a letter; 0 where none does.
_SECOND = np.array([next((ord(p[1]) for p in _PHRASES if p[0] == chr(97 + k)), 0) for k in range(26)])


@numba.njit
def _line_end(text, start, n):
    """Return where the line ends, and where the next begins."""
    i = start
    while i < n and not text[i] & BREAK:
        i += 1
    both = i + 1 < n and text[i] & POINT == _RETURN and text[i + 1] & POINT == _NEWLINE
    return i, i + 1 + both


@numba.njit
def _strip(text, start, end):
    while start < end and text[start] & BLANK:
        start += 1
    while end > start and text[end - 1] & BLANK:
        end -= 1
    return start, end


@numba.njit
def _ends_in_ellipsis(text, start, end):
    return end - start >= 3 and (
        text[end - 1] & POINT == _POINT
        and text[end - 2] & POINT == _POINT
        and text[end - 3] & POINT == _POINT
    )


@numba.njit
def gopher_lines(text, n, out):
    """Write the statistics of GopherQualityFilter that are about lines."""
    lines = bullets = ellipses = at = 0
    while at < n:
        end, following = _line_end(text, at, n)
        start, end = _strip(text, at, end)
        lines += 1
        if end > start:
            first, last = text[start] & POINT, text[end - 1] & POINT
            bullets += first in (_BULLET, _DASH)
            ellipses += last == _ELLIPSIS or _ends_in_ellipsis(text, start, end)
        at = following
    out[col.LINES] = lines
    if lines:
        out[col.BULLET_LINES], out[col.ELLIPSIS_LINES] = bullets / lines, ellipses / lines


@numba.njit
def _lower(c):
    return c + 32 if 65 <= c <= 90 else c


@numba.njit
def _starts_with(text, i, end, phrase, fold):
    """Return the length of `phrase` if the text goes on with it, else 0; `fold` ignores ASCII case."""
    for k in range(phrase.size):
        if phrase[k] == 0:
            return k
        if i + k >= end:
            return 0
        c = text[i + k] & POINT
        if (_lower(c) if fold else c) != phrase[k]:
            return 0
    return phrase.size


@numba.njit
def _citation(text, i, end):
    """Return the characters of the citation mark `[12]`, `[edit]` or `[citation needed]` at `i`, else 0."""
    if text[i] & POINT != _OPEN:
        return 0
    k = i + 1
    while k < end and text[k] & DIGIT:
        k += 1
    if k < end and text[k] & POINT == _CLOSE:
        return k + 1 - i
    for p in range(_CITATION.shape[0]):
        length = _starts_with(text, i, end, _CITATION[p], False)
        if length:
            return length
    return 0


@numba.njit
def _is_one_of(c, points):
    found = False
    for k in range(points.size):
        found |= c == points[k]
    return found


@numba.njit
def _scan_words(text, start, end):
    """Return how many words a line has, the characters of the longest, and whether there is a `[`."""
    words = longest = length = 0
    bracket = False
    for i in range(start, end):
        length = 0 if text[i] & BLANK else length + 1
        words += length == 1
        longest = max(longest, length)
        bracket |= text[i] & POINT == _OPEN
    return words, longest, bracket


@numba.njit
def _without_citations(text, start, end, line):
    """Copy a line to `line` and return its length."""
    n, i = 0, start
    while i < end:
        length = _citation(text, i, end)
        if length == 0:
            line[n] = text[i]
            n += 1
        i += max(length, 1)
    return n


@numba.njit
def _phrases(line, start, end):
    """Return which of the phrases a line has, as bits, and whether it has a curly bracket."""
    found, brace = 0, False
    for i in range(start, end - 1):
        c = line[i] & POINT
        brace |= c == _BRACE
        letter = (c | 32) - 97
        if 0 <= letter < 26 and _SECOND[letter] == line[i + 1] & POINT | 32:
            for p in range(_PHRASE.shape[0]):
                if _starts_with(line, i, end, _PHRASE[p], True):
                    found |= _LOREM if p == 0 else _JAVASCRIPT if p == 1 else _POLICY
    return found, brace


@numba.njit
def _sentences(line, start, end):
    """Return the sentences of a line: each ends with a word whose last mark, quotes and brackets aside, is
    terminal; what follows the last one counts as one more."""
    sentences, open_words, word = 0, 0, start
    for i in range(start, end + 1):
        if i < end and not line[i] & BLANK:
            continue
        if i > word:
            last = i - 1
            while last > word and _is_one_of(line[last] & POINT, _CLOSERS):
                last -= 1
            ends = line[last] & TERMINAL or line[last] & POINT == _ELLIPSIS
            sentences += 1 if ends else 0
            open_words = 0 if ends else open_words + 1
        word = i + 1
    return sentences + (open_words > 0)


@numba.njit
def _c4_line(text, start, end, scratch, out):
    """Judge one stripped line as C4QualityFilter does, first reason first; return whether it is kept."""
    words, longest, bracket = _scan_words(text, start, end)
    if longest > _LONG_WORD:
        out[col.LONG_WORD_LINES] += 1
        return False
    line = text
    if bracket:
        start, end, line = 0, _without_citations(text, start, end, scratch), scratch
    if end == start or not _is_one_of(line[end - 1] & POINT, _ENDS) or _ends_in_ellipsis(line, start, end):
        out[col.UNPUNCTUATED_LINES] += 1
        return False
    if words < _FEW_WORDS:
        out[col.FEW_WORD_LINES] += 1
        return False
    found, brace = _phrases(line, start, end)
    if found & _LOREM:
        out[col.LOREM_IPSUM] = 1
    if found & _JAVASCRIPT:
        out[col.JAVASCRIPT_LINES] += 1
        return False
    if brace:
        out[col.CURLY_BRACKET] = 1
    if found & _POLICY:
        out[col.POLICY_LINES] += 1
        return False
    out[col.SENTENCES] += _sentences(line, start, end)
    return True


@numba.njit
def c4_lines(text, n, out):
    """Write how many lines C4 would take out for which reason, the share it would keep, and its sentences."""
    out[col.LONG_WORD_LINES : col.POLICY_LINES + 1] = 0
    out[col.SENTENCES : col.CURLY_BRACKET + 1] = 0
    scratch = np.empty(n, np.uint32)
    lines = kept = at = 0
    while at < n:
        end, following = _line_end(text, at, n)
        start, end = _strip(text, at, end)
        lines += 1
        kept += _c4_line(text, start, end, scratch, out)
        at = following
    if lines:
        out[col.KEPT_LINES] = kept / lines
