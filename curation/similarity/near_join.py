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
from tilth.curation.similarity.sets import Field, Sets
from tilth.curation.similarity.shingles import mix, sort
from tilth.curation.similarity.vector_join import Vectors, find_alike, lengths, mark_kept, no_vectors
from tilth.shards import arrow_file

KEPT, SAME_TEXT, NEAR_HELD_OUT, NEAR, SEMANTIC = 0, 1, 2, 3, 4
MANY = 64
_FIRST_HELD, _FIRST_TRAIN, _PROMPT, _RESPONSE = 0, 1, 2, 3  # tags in the index
_OFF = 2.0  # a similarity that no pair reaches
_ROUNDING = 1e-9  # keeps ceil(0.7 * 10) at 7
_MAX_COUNTERS = 1 << 27
_BLOCK_ROWS = 50_000

_U32, _I64, _U8 = (types.Array(t, 1, "C", readonly=True) for t in (types.uint32, types.int64, types.uint8))
_OUT_U32, _OUT_I64, _OUT_F64, _OUT_U8 = (
    types.Array(t, 1, "C") for t in (types.uint32, types.int64, types.float64, types.uint8)
)
_SETS, _FIELD, _PREFIX = (_U32, _I64, _I64), (_U32, _I64, _I64, _I64), (_U32, _I64, _I64, _I64)
_VECTORS = (
    *(types.Array(types.int16, 2, "C", readonly=True),) * 2,
    types.Array(types.int32, 2, "C", readonly=True),
    *(_I64, _I64, _I64),
)


class Prefixes(NamedTuple):
    """The rarest members of every set, and what probing them costs: values[starts[i]:ends[i]], cost[i]."""

    values: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    cost: np.ndarray


class Rows(NamedTuple):
    """What rows are compared by, in the order in which they are met.

    same: number of the row's text (Int64), equal for equal texts. split: code of its split (UInt8). held: 1
    for rows of held-out splits (UInt8), which come first. first, prompt, response: its shingles. beside: number of
    what it holds beside these (Int64); rows that differ in it are no duplicates of each other. marks: of siblings.
    """

    same: np.ndarray
    split: np.ndarray
    held: np.ndarray
    beside: np.ndarray
    first: Field
    prompt: Field
    response: Field
    marks: Sets | None = None
    vectors: Vectors | None = None


class Bounds(NamedTuple):
    """The similarities from which on a row repeats another; None switches a test off."""

    near: float | None
    near_held_out: float | None
    semantic: float | None = None
    exact: bool = True


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


@numba.njit(
    types.void(*_SETS, types.Array(types.uint16, 1, "C"), types.int64, types.int64), cache=True, nogil=True
)
def _count(values, starts, ends, counts, part, parts):
    """Count how often each shingle occurs; two that share a counter only look less rare than they are.

    The counters are for one of `parts` parts of all shingles at a time, so that few share one however many
    there are.
    """
    mask = np.uint64(counts.size - 1)
    for row in range(starts.size):
        for i in range(starts[row], ends[row]):
            h = mix(np.uint64(values[i]))
            if np.int64(h >> np.uint64(40)) % parts == part and counts[h & mask] < 65_535:
                counts[h & mask] += np.uint16(1)


@numba.njit(
    types.void(
        *_SETS,
        types.Array(types.uint16, 1, "C", readonly=True),
        types.int64,
        types.int64,
        _OUT_U8,
    ),
    cache=True,
    nogil=True,
)
def _write_rarity(values, starts, ends, counts, part, parts, rarity):
    """Write how often each shingle of this part occurs, as a code, set after set."""
    mask = np.uint64(counts.size - 1)
    used = 0
    for row in range(starts.size):
        for i in range(starts[row], ends[row]):
            h = mix(np.uint64(values[i]))
            if np.int64(h >> np.uint64(40)) % parts == part:
                rarity[used] = _code(np.int64(counts[h & mask]))
            used += 1


@numba.njit(
    types.int64(*_SETS, _U8, types.float64, types.float64, _OUT_U32, _OUT_I64, _OUT_I64),
    cache=True,
    nogil=True,
)
def _write_prefixes(values, starts, ends, rarity, jaccard, rounding, out, lengths, cost):
    """Fill the prefix of every set, without members that no other row has, and what probing it costs.

    Return how many members were written.
    """
    ranked = np.empty(np.max(ends - starts) + 1, np.uint64)
    used = seen = 0
    for row in range(starts.size):
        n = ends[row] - starts[row]
        shared = 0
        for i in range(n):
            if rarity[seen + i] > 1:
                member = np.uint64(values[starts[row] + i])
                ranked[shared] = np.uint64(rarity[seen + i]) << np.uint64(32) | member
                shared += 1
        seen += n
        # The members that no other row has are the rarest of all; only what they leave room for is ranked.
        keep = shared + 1 - np.int64(np.ceil(jaccard * n - rounding)) if n else 0
        if keep > 0:
            sort(ranked, shared)
        lengths[row] = max(0, min(keep, shared))
        for i in range(lengths[row]):
            out[used] = np.uint32(ranked[i])
            cost[row] += _decode(ranked[i] >> np.uint64(32))
            used += 1
    return used


@numba.njit
def _jaccard(x, x_start, x_end, y, y_start, y_end, bound):
    """Return the exact Jaccard similarity of two sorted sets, 1 of two empty ones; 0 once it must be below `bound`."""
    n, m = x_end - x_start, y_end - y_start
    if n + m == 0:
        return 1.0
    both = alone = 0
    most = (n + m) * (1.0 - bound) / (1.0 + bound) + 1e-6  # members that only one of two similar sets has
    i, j = x_start, y_start
    while i < x_end and j < y_end:
        if x[i] == y[j]:
            both += 1
            i += 1
            j += 1
            continue
        alone += 1
        if alone > most:
            return 0.0
        if x[i] < y[j]:
            i += 1
        else:
            j += 1
    return both / (n + m - both)


@numba.njit
def _similarity(a, b, one, other, bound):
    """Return the lesser similarity of rows `a` and `b` over two fields, or 0 where it is below `bound`.

    A text of one shingle is like another only if it is the same: its 32 bits may be those of its opposite.
    """
    least = 1.0
    for values, starts, ends, single in (one, other):
        if single[a] >= 0 or single[b] >= 0:
            if single[a] != single[b]:
                return 0.0
            continue
        n, m = ends[a] - starts[a], ends[b] - starts[b]
        if min(n, m) < bound * max(n, m) - 1e-9:
            return 0.0
        least = min(least, _jaccard(values, starts[a], ends[a], values, starts[b], ends[b], bound))
        if least < bound:
            return 0.0
    return least


@numba.njit
def _find(row, field, prefix, index, seen, stamp, one, two, bound, split, beside, marks):
    """Return the most similar indexed row and its similarity, or -1; the least of equals.

    Under the tags of a first prompt only rows of another split count, and the first of them will do. Elsewhere
    siblings do not count, nor do rows that differ in what they hold beside their texts.
    """
    heads, keys, rows, links = index
    members, starts, ends, _ = prefix
    mask = np.uint64(heads.size - 1)
    best, witness = 0.0, -1
    for i in range(starts[row], ends[row]):
        key = np.uint64(field) << np.uint64(32) | np.uint64(members[i])
        node = heads[mix(key) & mask]
        while node >= 0:
            other = rows[node]
            if keys[node] == key and seen[other] != stamp:
                seen[other] = stamp
                if field < _PROMPT:
                    is_asked = split[other] != split[row]
                else:  # marks are few: looked at before the shingles, which rows of one template share by the hundred
                    is_asked = beside[other] == beside[row] and not are_siblings(row, other, marks)
                if is_asked:
                    found = _similarity(row, other, one, two, bound)
                    if found > best or (found == best and found > 0.0 and other < witness):
                        best, witness = found, other
                    if witness >= 0 and field < _PROMPT:
                        return witness, best
            node = links[node]
    return witness, best


@numba.njit
def _add(row, field, prefix, index, used):
    """Index a row under the prefix of one field; return the number of nodes used."""
    heads, keys, rows, links = index
    members, starts, ends, _ = prefix
    mask = np.uint64(heads.size - 1)
    for i in range(starts[row], ends[row]):
        key = np.uint64(field) << np.uint64(32) | np.uint64(members[i])
        slot = mix(key) & mask
        keys[used], rows[used], links[used] = key, row, heads[slot]
        heads[slot] = used
        used += 1
    return used


@numba.njit
def _is_prompt_cheaper(row, prompt, response, by_prompt, by_response):
    """Return whether to look a row up by its prompt: the other field is empty, or leads to more rows."""
    n, m = prompt[2][row] - prompt[1][row], response[2][row] - response[1][row]
    return m == 0 or (n > 0 and by_prompt[3][row] < by_response[3][row])


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
    split, held, first, first_starts, first_ends, first_single,
    prompt, prompt_starts, prompt_ends, prompt_single,
    members, starts, ends, cost, bound, slots, degree,
):  # fmt: skip
    """Count, for every row, the rows of another split with a near-equal prompt, one of the two held out.

    A row stops looking after MANY, so that a template shared by half the rows stays affordable.
    """
    firsts = (first, first_starts, first_ends, first_single)
    prompts = (prompt, prompt_starts, prompt_ends, prompt_single)
    prefix = (members, starts, ends, cost)
    index = _new_index(slots, members.size)
    heads, keys, rows, links = index
    mask = np.uint64(heads.size - 1)
    seen = np.full(split.size, -1, np.int64)
    used = 0
    for row in range(split.size):  # held-out rows come first
        hits = 0
        for i in range(starts[row], ends[row]):
            key = np.uint64(members[i])
            node = heads[mix(key) & mask]
            while node >= 0 and hits < MANY:
                other = rows[node]
                if keys[node] == key and seen[other] != row:
                    seen[other] = row
                    if split[other] != split[row] and (_similarity(row, other, firsts, prompts, bound) > 0.0):
                        hits += 1
                        degree[other] += 1
                node = links[node]
        degree[row] += hits
        if held[row]:
            used = _add(row, _FIRST_HELD, prefix, index, used)


@numba.njit(
    types.void(
        *(_I64, _I64, _U8, _U8, _I64, _I64, *_FIELD, *_FIELD, *_FIELD, *_PREFIX, *_PREFIX, *_PREFIX),
        *(*_SETS, *_VECTORS, types.float64, types.float64, types.float64),
        *(types.boolean, types.int64, _OUT_U8, _OUT_I64, _OUT_F64),
    ),
    cache=True,
    nogil=True,
)
def _pass(
    order, same, split, held, beside, degree,
    first, first_starts, first_ends, first_single, prompt, prompt_starts, prompt_ends, prompt_single,
    response, response_starts, response_ends, response_single,
    first_members, first_member_starts, first_member_ends, first_cost,
    prompt_members, prompt_member_starts, prompt_member_ends, prompt_cost,
    response_members, response_member_starts, response_member_ends, response_cost,
    mark, mark_starts, mark_ends, prompt_vectors, response_vectors, cells, starts, places, rows,
    near, near_held_out, semantic, exact, slots, kind, witness, similarity,
):  # fmt: skip
    """Meet the rows in order; `same` numbers rows of equal text, `held` marks rows of held-out splits."""
    firsts = (first, first_starts, first_ends, first_single)
    prompts = (prompt, prompt_starts, prompt_ends, prompt_single)
    responses = (response, response_starts, response_ends, response_single)
    marks = (mark, mark_starts, mark_ends)
    by_first = (first_members, first_member_starts, first_member_ends, first_cost)
    by_prompt = (prompt_members, prompt_member_starts, prompt_member_ends, prompt_cost)
    by_response = (response_members, response_member_starts, response_member_ends, response_cost)
    index = _new_index(slots, first_members.size + prompt_members.size + response_members.size)
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
                    *(row, field, by_first, index, seen, stamp, firsts, prompts, near_held_out),
                    *(split, beside, marks),
                )
        if found < 0 and near <= 1.0:
            field, prefix = _RESPONSE, by_response
            if _is_prompt_cheaper(row, prompts, responses, by_prompt, by_response):
                field, prefix = _PROMPT, by_prompt
            why, stamp = NEAR, stamp + 1
            found, score = _find(
                row, field, prefix, index, seen, stamp, prompts, responses, near, split, beside, marks
            )
        if found < 0 and semantic <= 1.0:
            why = SEMANTIC
            found, score = find_alike(
                row, vectors, length, is_kept, prompts, responses, beside, marks, semantic
            )
        if found >= 0:
            kind[row], witness[row], similarity[row] = why, found, score
            continue
        kept_text[same[row]] = row
        mark_kept(row, places, is_kept)
        if degree[row]:
            used = _add(row, _FIRST_HELD if held[row] else _FIRST_TRAIN, by_first, index, used)
        used = _add(row, _PROMPT, by_prompt, index, used)
        used = _add(row, _RESPONSE, by_response, index, used)


def find_repeats(rows: Rows, bounds: Bounds) -> Repeats:
    """Say which rows repeat one that is kept, preferring to keep the earlier of two. A row is out

    - if a kept row has the same number of its text (`exact`);
    - if a kept row of another split, one of the two held out, has a first and a whole prompt of similarity
      >= `near_held_out`. Rows with fewer such neighbours are met first: where one held-out row lies among a
      hundred train rows of one template it is the one to go, and not the hundred;
    - if a kept row has a prompt and a response of similarity >= `near`, and is no sibling by `marks`;
    - if a kept row has a prompt and a response of cosine >= `semantic` by `vectors`, and is no sibling.

    Similarity is the lesser of the two fields, exact over the sets given. The last two ask for an equal `beside` too.
    """
    same, split, held, beside, first, prompt, response, marks, vectors = rows
    n = same.size
    kind, witness, similarity = np.zeros(n, np.uint8), np.full(n, -1, np.int64), np.zeros(n, np.float64)
    near, near_held_out = (_OFF if bound is None else bound for bound in (bounds.near, bounds.near_held_out))
    by_prompt, by_response = _prefixes(prompt.sets, near), _prefixes(response.sets, near)
    is_prompt = first is prompt and near == near_held_out
    by_first = by_prompt if is_prompt else _prefixes(first.sets, near_held_out if held.any() else _OFF)
    degree = np.zeros(n, np.int64)
    slots = _power_of_two(2 * by_first.values.size)
    _count_conflicts(split, held, *first, *prompt, *by_first, near_held_out, slots, degree)
    slots = _power_of_two(2 * (by_first.values.size + by_prompt.values.size + by_response.values.size))
    meaning = _OFF if bounds.semantic is None or vectors is None else bounds.semantic
    _pass(
        *(np.argsort(degree, kind="stable"), same, split, held, beside, degree),
        *(*first, *prompt, *response),
        *(*by_first, *by_prompt, *by_response, *(marks or _no_sets(n)), *(vectors or no_vectors())),
        *(near, near_held_out, meaning, bounds.exact, slots, kind, witness, similarity),
    )
    arrow_file.let_go()
    return Repeats(kind, witness, similarity)


def _no_sets(n: int) -> Sets:
    nothing = np.zeros(n, np.int64)
    return Sets(np.zeros(0, np.uint32), nothing, nothing)


def _prefixes(sets: Sets, jaccard: float) -> Prefixes:
    """Return the prefix of every set. The sets are read in the order in which they lie, some at a time."""
    n = sets.starts.size
    order = np.argsort(sets.starts, kind="stable")
    lying = sets.of(order)
    ends = np.cumsum(lying.ends - lying.starts)
    size = int(ends[-1]) if n and jaccard <= 1.0 else 0
    lengths, cost = np.zeros(n, np.int64), np.zeros(n, np.int64)
    if not size:
        return Prefixes(np.zeros(0, np.uint32), lengths, lengths, cost)
    counts = np.empty(min(_power_of_two(2 * size), _MAX_COUNTERS), np.uint16)
    parts = -(-2 * size // _MAX_COUNTERS)
    rarity, out = np.empty(size, np.uint8), np.empty(size, np.uint32)
    blocks = [slice(start, start + _BLOCK_ROWS) for start in range(0, n, _BLOCK_ROWS)]
    rarities = np.split(rarity, ends[[block.stop - 1 for block in blocks[:-1]]])
    for part in range(parts):
        counts[:] = 0
        for block in blocks:
            _count(*lying.of(block), counts, part, parts)
            arrow_file.let_go()
        for block, rare in zip(blocks, rarities):
            _write_rarity(*lying.of(block), counts, part, parts, rare)
            arrow_file.let_go()
    used = 0
    for block, rare in zip(blocks, rarities):
        bounds = (rare, jaccard, _ROUNDING, out[used:], lengths[block], cost[block])
        used += _write_prefixes(*lying.of(block), *bounds)
        arrow_file.let_go()
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    stops = np.cumsum(lengths)
    return Prefixes(out[:used].copy(), (stops - lengths)[place], stops[place], cost[place])


def _power_of_two(n: int) -> int:
    return 1 << max(10, (n - 1).bit_length())
