"""Which rows repeat a row that is kept: one greedy pass with exact Jaccard similarity, compiled.

Candidates come from prefix filtering (Chaudhuri et al., ICDE 2006; Xiao et al., PPJoin, WWW 2008): two sets
of Jaccard similarity >= t share a member among the rarest |x| - ceil(t|x|) + 1 of each. Nothing is missed and
no signature is kept; a context that a thousand rows share costs nothing, because its shingles are not rare.
Kept rows alone are indexed, so a cluster is a star around its witness and never a chain.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np
from numba import types

from tilth.curation.similarity.marks import are_siblings
from tilth.curation.similarity.shingles import mix, sort
from tilth.curation.similarity.vector_join import Vectors, find_alike, lengths, mark_kept, no_vectors

KEPT, SAME_TEXT, NEAR_HELD_OUT, NEAR, SEMANTIC = 0, 1, 2, 3, 4
MANY = 64
_FIRST_HELD, _FIRST_TRAIN, _PROMPT, _RESPONSE = 0, 1, 2, 3  # tags in the index
_OFF = 2.0  # a similarity that no pair reaches
_ROUNDING = 1e-9  # keeps ceil(0.7 * 10) at 7
_MAX_COUNTERS = 1 << 27

_U32, _I64, _U8 = (types.Array(t, 1, "C", readonly=True) for t in (types.uint32, types.int64, types.uint8))
_OUT_U32, _OUT_I64, _OUT_F64, _OUT_U8 = (
    types.Array(t, 1, "C") for t in (types.uint32, types.int64, types.float64, types.uint8)
)
_FIELD, _PREFIX = (_U32, _I64), (_U32, _I64, _I64)
_VECTORS = (
    *(types.Array(types.int16, 2, "C", readonly=True),) * 2,
    types.Array(types.int32, 2, "C", readonly=True),
    *(_I64, _I64, _I64),
)


class Sets(NamedTuple):
    """Sorted distinct shingles, row after row: values (UInt32) and the n + 1 offsets between the rows."""

    values: np.ndarray
    offsets: np.ndarray


@dataclass(frozen=True)
class Repeats:
    """Per row: why it is out (KEPT if it is not), the kept row that says so, their exact similarity."""

    kind: np.ndarray
    witness: np.ndarray
    similarity: np.ndarray


@numba.njit
def _code(count):
    """Return a count in eight bits, to three figures after the first and in the same order."""
    shift = 0
    while (count >> shift) >= 16:
        shift += 1
    return np.uint8((count >> shift) + 8 * shift)


@numba.njit
def _decode(code):
    """Return the least count of a code."""
    code = np.int64(code)
    shift = code // 8 - 1 if code >= 16 else 0
    return (code - 8 * shift) << shift


@numba.njit(types.void(_U32, types.Array(types.uint16, 1, "C"), types.int64, _OUT_U8), cache=True, nogil=True)
def _count(values, counts, parts, rarity):
    """Write how often each shingle occurs, as a code; two that share a counter only look less rare than they are.

    The counters are for one of `parts` parts of all shingles at a time, so that few share one however many
    there are.
    """
    mask = np.uint64(counts.size - 1)
    for part in range(parts):
        counts[:] = 0
        for i in range(values.size):
            h = mix(np.uint64(values[i]))
            if np.int64(h >> np.uint64(40)) % parts == part and counts[h & mask] < 65_535:
                counts[h & mask] += np.uint16(1)
        for i in range(values.size):
            h = mix(np.uint64(values[i]))
            if np.int64(h >> np.uint64(40)) % parts == part:
                rarity[i] = _code(np.int64(counts[h & mask]))


@numba.njit(
    types.void(_U32, _I64, _U8, types.float64, types.float64, _OUT_U32, _OUT_I64, _OUT_I64),
    cache=True,
    nogil=True,
)
def _write_prefixes(values, offsets, rarity, jaccard, rounding, out, ends, cost):
    """Fill the prefix of every set, without members that no other row has, and what probing it costs."""
    ranked = np.empty(np.max(offsets[1:] - offsets[:-1]) + 1, np.uint64)
    used = 0
    for row in range(ends.size):
        n = offsets[row + 1] - offsets[row]
        shared = 0
        for i in range(offsets[row], offsets[row + 1]):
            if rarity[i] > 1:
                ranked[shared] = np.uint64(rarity[i]) << np.uint64(32) | np.uint64(values[i])
                shared += 1
        # The members that no other row has are the rarest of all; only what they leave room for is ranked.
        keep = shared + 1 - np.int64(np.ceil(jaccard * n - rounding)) if n else 0
        if keep > 0:
            sort(ranked, shared)
        for i in range(min(keep, shared)):
            out[used] = np.uint32(ranked[i])
            cost[row] += _decode(ranked[i] >> np.uint64(32))
            used += 1
        ends[row] = used


@numba.njit
def _jaccard(x, x_start, x_end, y, y_start, y_end):
    """Return the exact Jaccard similarity of two sorted sets; of two empty ones, 1."""
    n, m = x_end - x_start, y_end - y_start
    if n + m == 0:
        return 1.0
    both = 0
    i, j = x_start, y_start
    while i < x_end and j < y_end:
        if x[i] == y[j]:
            both += 1
            i += 1
            j += 1
        elif x[i] < y[j]:
            i += 1
        else:
            j += 1
    return both / (n + m - both)


@numba.njit
def _similarity(a, b, x, x_offsets, y, y_offsets, bound):
    """Return the lesser similarity of rows `a` and `b` over two fields, or 0 where it is below `bound`."""
    least = 1.0
    for values, offsets in ((x, x_offsets), (y, y_offsets)):
        n, m = offsets[a + 1] - offsets[a], offsets[b + 1] - offsets[b]
        if min(n, m) < bound * max(n, m) - 1e-9:
            return 0.0
        least = min(least, _jaccard(values, offsets[a], offsets[a + 1], values, offsets[b], offsets[b + 1]))
        if least < bound:
            return 0.0
    return least


@numba.njit
def _find(row, field, prefix, ends, index, seen, stamp, x, xo, y, yo, bound, split, marks, mark_offsets):
    """Return the most similar indexed row and its similarity, or -1; the least of equals.

    Under the tags of a first prompt only rows of another split count, and the first of them will do. Elsewhere
    siblings do not count.
    """
    heads, keys, rows, links = index
    mask = np.uint64(heads.size - 1)
    best, witness = 0.0, -1
    for i in range(ends[row - 1] if row else 0, ends[row]):
        key = np.uint64(field) << np.uint64(32) | np.uint64(prefix[i])
        node = heads[mix(key) & mask]
        while node >= 0:
            other = rows[node]
            if keys[node] == key and seen[other] != stamp:
                seen[other] = stamp
                if field >= _PROMPT or split[other] != split[row]:
                    found = _similarity(row, other, x, xo, y, yo, bound)
                    better = found > best or (found == best and found > 0.0 and other < witness)
                    if better and (field < _PROMPT or not are_siblings(row, other, marks, mark_offsets)):
                        best, witness = found, other
                    if witness >= 0 and field < _PROMPT:
                        return witness, best
            node = links[node]
    return witness, best


@numba.njit
def _add(row, field, prefix, ends, index, used):
    """Index a row under the prefix of one field; return the number of nodes used."""
    heads, keys, rows, links = index
    mask = np.uint64(heads.size - 1)
    for i in range(ends[row - 1] if row else 0, ends[row]):
        key = np.uint64(field) << np.uint64(32) | np.uint64(prefix[i])
        slot = mix(key) & mask
        keys[used], rows[used], links[used] = key, row, heads[slot]
        heads[slot] = used
        used += 1
    return used


@numba.njit
def _is_prompt_cheaper(row, prompt_offsets, response_offsets, prompt_cost, response_cost):
    """Return whether to look a row up by its prompt: the other field is empty, or leads to more rows."""
    n = prompt_offsets[row + 1] - prompt_offsets[row]
    m = response_offsets[row + 1] - response_offsets[row]
    return m == 0 or (n > 0 and prompt_cost[row] < response_cost[row])


@numba.njit
def _new_index(slots, size):
    return (
        np.full(slots, -1, np.int32),
        np.empty(size, np.uint64),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
    )


@numba.njit(
    types.void(_U8, _U8, *_FIELD, *_FIELD, *_PREFIX, types.float64, types.int64, _OUT_I64),
    cache=True,
    nogil=True,
)
def _count_conflicts(
    split, held, first, first_offsets, prompt, prompt_offsets, prefix, ends, cost, bound, slots, degree
):  # fmt: skip
    """Count, for every row, the rows of another split with a near-equal prompt, one of the two held out.

    A row stops looking after MANY, so that a template shared by half the rows stays affordable.
    """
    index = _new_index(slots, prefix.size)
    heads, keys, rows, links = index
    mask = np.uint64(heads.size - 1)
    seen = np.full(split.size, -1, np.int64)
    used = 0
    for row in range(split.size):  # held-out rows come first
        hits = 0
        for i in range(ends[row - 1] if row else 0, ends[row]):
            key = np.uint64(prefix[i])
            node = heads[mix(key) & mask]
            while node >= 0 and hits < MANY:
                other = rows[node]
                if keys[node] == key and seen[other] != row:
                    seen[other] = row
                    if split[other] != split[row] and (
                        _similarity(row, other, first, first_offsets, prompt, prompt_offsets, bound) > 0.0
                    ):
                        hits += 1
                        degree[other] += 1
                node = links[node]
        degree[row] += hits
        if held[row]:
            used = _add(row, _FIRST_HELD, prefix, ends, index, used)


@numba.njit(
    types.void(
        *(_I64, _I64, _U8, _U8, _I64, *_FIELD, *_FIELD, *_FIELD, *_PREFIX, *_PREFIX, *_PREFIX),
        *(*_FIELD, *_VECTORS, types.float64, types.float64, types.float64),
        *(types.boolean, types.int64, _OUT_U8, _OUT_I64, _OUT_F64),
    ),
    cache=True,
    nogil=True,
)
def _pass(
    order, same, split, held, degree,
    first, first_offsets, prompt, prompt_offsets, response, response_offsets,
    first_prefix, first_ends, first_cost, prompt_prefix, prompt_ends, prompt_cost,
    response_prefix, response_ends, response_cost,
    marks, mark_offsets, prompt_vectors, response_vectors, cells, starts, places, rows,
    near, near_held_out, semantic, exact, slots, kind, witness, similarity,
):  # fmt: skip
    """Meet the rows in order; `same` numbers rows of equal text, `held` marks rows of held-out splits."""
    index = _new_index(slots, first_prefix.size + prompt_prefix.size + response_prefix.size)
    seen, kept_text = np.full(same.size, -1, np.int64), np.full(same.size, -1, np.int64)
    vectors = (prompt_vectors, response_vectors, cells, starts, places, rows)
    length = (lengths(prompt_vectors), lengths(response_vectors))
    is_kept = np.zeros(places.size, np.uint8)
    used = stamp = 0
    for row in order:
        found, score, why = -1, 1.0, SAME_TEXT
        if exact:
            found = kept_text[same[row]]
        for field in (_FIRST_HELD, _FIRST_TRAIN):
            if found < 0 and degree[row] and (held[row] or field == _FIRST_HELD):
                why, stamp = NEAR_HELD_OUT, stamp + 1
                found, score = _find(
                    row, field, first_prefix, first_ends, index, seen, stamp,
                    first, first_offsets, prompt, prompt_offsets, near_held_out, split, marks, mark_offsets,
                )  # fmt: skip
        if found < 0 and near <= 1.0:
            field, prefix, ends = _RESPONSE, response_prefix, response_ends
            if _is_prompt_cheaper(row, prompt_offsets, response_offsets, prompt_cost, response_cost):
                field, prefix, ends = _PROMPT, prompt_prefix, prompt_ends
            why, stamp = NEAR, stamp + 1
            found, score = _find(
                row, field, prefix, ends, index, seen, stamp,
                prompt, prompt_offsets, response, response_offsets, near, split, marks, mark_offsets,
            )  # fmt: skip
        if found < 0 and semantic <= 1.0:
            why = SEMANTIC
            found, score = find_alike(
                row, vectors, length, is_kept, prompt, prompt_offsets, response, response_offsets,
                marks, mark_offsets, semantic,
            )  # fmt: skip
        if found >= 0:
            kind[row], witness[row], similarity[row] = why, found, score
            continue
        kept_text[same[row]] = row
        mark_kept(row, places, is_kept)
        if degree[row]:
            used = _add(
                row, _FIRST_HELD if held[row] else _FIRST_TRAIN, first_prefix, first_ends, index, used
            )
        used = _add(row, _PROMPT, prompt_prefix, prompt_ends, index, used)
        used = _add(row, _RESPONSE, response_prefix, response_ends, index, used)


def find_repeats(
    same: np.ndarray,
    split: np.ndarray,
    held: np.ndarray,
    first: Sets,
    prompt: Sets,
    response: Sets,
    *,
    near: float | None,
    near_held_out: float | None,
    semantic: float | None = None,
    exact: bool = True,
    marks: Sets | None = None,
    vectors: Vectors | None = None,
) -> Repeats:
    """Say which rows repeat one that is kept, preferring to keep the earlier of two.

    same: number of the row's text (Int64), equal for equal texts. split: code of its split (UInt8). held: 1
    for rows of held-out splits (UInt8), which come first. first, prompt, response: its shingles. A row is out

    - if a kept row has the same text (`exact`);
    - if a kept row of another split, one of the two held out, has a first and a whole prompt of similarity
      >= `near_held_out`. Rows with fewer such neighbours are met first: where one held-out row lies among a
      hundred train rows of one template it is the one to go, and not the hundred;
    - if a kept row has a prompt and a response of similarity >= `near`, and is no sibling by `marks`;
    - if a kept row has a prompt and a response of cosine >= `semantic` by `vectors`, and is no sibling.

    None switches a test off. Similarity is the lesser of the two fields, exact over the sets given.
    """
    n = same.size
    kind, witness, similarity = np.zeros(n, np.uint8), np.full(n, -1, np.int64), np.zeros(n, np.float64)
    near, near_held_out = (_OFF if bound is None else bound for bound in (near, near_held_out))
    by_prompt, by_response = _prefixes(prompt, near), _prefixes(response, near)
    is_prompt = first is prompt and near == near_held_out
    by_first = by_prompt if is_prompt else _prefixes(first, near_held_out if held.any() else _OFF)
    degree = np.zeros(n, np.int64)
    slots = _power_of_two(2 * by_first[0].size)
    _count_conflicts(split, held, *first, *prompt, *by_first, near_held_out, slots, degree)
    slots = _power_of_two(2 * (by_first[0].size + by_prompt[0].size + by_response[0].size))
    meaning = _OFF if semantic is None or vectors is None else semantic
    _pass(
        *(np.argsort(degree, kind="stable"), same, split, held, degree, *first, *prompt, *response),
        *(*by_first, *by_prompt, *by_response, *(marks or _no_sets(n)), *(vectors or no_vectors())),
        *(near, near_held_out, meaning, exact, slots, kind, witness, similarity),
    )
    return Repeats(kind, witness, similarity)


def _no_sets(n: int) -> Sets:
    return Sets(np.zeros(0, np.uint32), np.zeros(n + 1, np.int64))


def _prefixes(sets: Sets, jaccard: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the prefix of every set (values, ends) and what probing it costs."""
    n = sets.offsets.size - 1
    out, ends, cost = np.empty(sets.values.size, np.uint32), np.zeros(n, np.int64), np.zeros(n, np.int64)
    if jaccard <= 1.0 and n:
        counts = np.empty(min(_power_of_two(2 * sets.values.size), _MAX_COUNTERS), np.uint16)
        parts = -(-2 * sets.values.size // _MAX_COUNTERS) or 1
        rarity = np.empty(sets.values.size, np.uint8)
        _count(sets.values, counts, parts, rarity)
        _write_prefixes(sets.values, sets.offsets, rarity, jaccard, _ROUNDING, out, ends, cost)
    return out[: ends[-1] if n else 0].copy(), ends, cost


def _power_of_two(n: int) -> int:
    return 1 << max(10, (n - 1).bit_length())
