"""Lines of plain JSON to flat columns, compiled: texts, roles, attributes and row ids, without objects.

The kernel notes where every line lies that is not plain; whoever calls it reads those one by one.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
from numba import types

from tilth.curation.reading.compiled import blake2_kernel, json_kernel, kernels, line_kernel, wide_kernel
from tilth.curation.reading.compiled import json_kernel as js
from tilth.curation.reading.compiled.blake2_kernel import BLOCK_BYTES, blake2b_16
from tilth.curation.reading.compiled.json_kernel import REFUSED
from tilth.curation.reading.compiled.kernels import inner
from tilth.curation.reading.compiled.line_kernel import (
    ATTRIBUTES,
    GROUP,
    JOINED,
    LICENCE,
    PARTS,
    ROLE_NAMES,
    SHAPES,
    Meanings,
    Names,
    arrange,
    names,
    scan_line,
)
from tilth.shards.digest import sha256_hex

NO_SHAPE = -1  # no line is plain
# The counters: what is taken of each column. SOURCES says what the kernel was compiled from.
N_LINES, N_ROWS, N_TURNS, N_TEXTS, N_ATTRIBUTES, N_GROUPS, N_LICENCES, N_REFUSED, SOURCES = range(9)
COUNTERS = 9
# The columns of `rows`. An end is where a text stops in its buffer.
LINE, ATTRIBUTES_END, IS_ROUGH, GROUP_END, HAS_GROUP, LICENCE_END, HAS_LICENCE, LEFT = range(8)
ROW_COLUMNS = 8
# The columns of `turns`.
ROW, NUMBER, ROLE, TEXT_END = range(4)
TURN_COLUMNS = 4
# Rows are hashed many at once, while their canonical JSON is still in the nearest memory.
MAX_PENDING, PENDING_BYTES = 256, 1 << 17

(_LETTER_N,) = b"n"
# The canonical JSON around the texts: before the first; before each, with the end of the one before; after the last.
_HEAD_DATA, _HEAD_ENDS, _ = names({f'{{"shape":"{shape}","turns":[': 0 for shape in SHAPES})
_TURN_DATA, _TURN_ENDS, _ = names({f'"}},{{"role":"{role}","text":"': 0 for role in ROLE_NAMES})
_END_DATA, _END_ENDS, _ = names({'"}]}': 0})
_END_OF_TURN = len('"},')


class Columns(NamedTuple):
    """The flat columns of the plain rows of a batch.

    A text starts where that of the line before ends.
    """

    rows: np.ndarray  # int64 (n, ROW_COLUMNS); a rough row has a float that may not be canonical; LEFT: bits
    row_ids: np.ndarray  # uint64 (n, 2)
    turns: np.ndarray  # int64 (n, TURN_COLUMNS)
    texts: np.ndarray  # uint8
    attributes: np.ndarray  # uint8; no row has an empty text here: it stands for null
    groups: np.ndarray  # uint8
    licences: np.ndarray  # uint8
    refused: np.ndarray  # int64 (n, 3): line of the batch, start, end without the newline


class Scratch(NamedTuple):
    """What the kernel works in."""

    spans: np.ndarray  # int64 (line_kernel.SPANS + max_turns, 4)
    words: np.ndarray  # uint64; the canonical JSON of rows that wait to be hashed
    pending: np.ndarray  # int64 (MAX_PENDING, 2): of each its first word and its bytes
    lanes: np.ndarray  # uint64 (blake2_kernel.LANE_WORDS, blake2_kernel.LANES)


@inner
def _write_turns(data, shape, first, last, spans, canonical, k, turns, texts, used):
    """Write the arranged turns to the columns, and their canonical JSON at `k`; return the position after it."""
    turn, at = used[N_TURNS] - 1, used[N_TEXTS]
    k = js.copy(_HEAD_DATA, _HEAD_ENDS[shape], _HEAD_ENDS[shape + 1], canonical, k)
    for n in range(first, last):
        role, start, end = spans[n, 0], spans[n, 2] + 1, spans[n, 3] - 1
        if role == JOINED:
            texts[at] = texts[at + 1] = js.NEWLINE
            canonical[k] = canonical[k + 2] = js.BACKSLASH
            canonical[k + 1] = canonical[k + 3] = _LETTER_N
            at += 2
            k += 4
        else:
            turn += 1
            turns[turn, ROW], turns[turn, NUMBER], turns[turn, ROLE] = (
                used[N_ROWS],
                turn - used[N_TURNS],
                role,
            )
            opening = _TURN_ENDS[role] + (_END_OF_TURN if n == first else 0)
            k = js.copy(_TURN_DATA, opening, _TURN_ENDS[role + 1], canonical, k)
        if spans[n, 1] == js.STRING:
            k = js.copy(data, start, end, canonical, k)
            at = js.copy(data, start, end, texts, at)
        else:
            at, k = js.write_both(data, start, end, texts, at, canonical, k)
        turns[turn, TEXT_END] = at
    used[N_TEXTS], used[N_TURNS] = at, turn + 1
    return js.copy(_END_DATA, _END_ENDS[0], _END_ENDS[1], canonical, k)


@inner
def _await_hash(canonical, start, end, pending, n):
    """Note where the canonical JSON of a row lies, and fill its last block; return the position after that."""
    pending[n, 0], pending[n, 1] = start // 8, end - start
    after = (end + BLOCK_BYTES - 1) // BLOCK_BYTES * BLOCK_BYTES
    for k in range(end, after):
        canonical[k] = 0
    return after


@inner
def _follows(data, spans, n):
    """Return whether the key of attribute `n` comes after that of the one before it, by bytes."""
    a, b = spans[n - 1, 0], spans[n, 0]
    start, other = spans[a, 2], spans[b, 2]
    length, longer = spans[a, 3] - start, spans[b, 3] - other
    for k in range(min(length, longer)):
        if data[start + k] != data[other + k]:
            return data[start + k] < data[other + k]
    return length < longer


@inner
def _sort_attributes(data, spans, n):
    """Sort the attributes by key: insertion sort, as they are few."""
    for i in range(ATTRIBUTES + 1, ATTRIBUTES + n):
        while i > ATTRIBUTES and not _follows(data, spans, i):
            for c in range(4):
                spans[i, c], spans[i - 1, c] = spans[i - 1, c], spans[i, c]
            i -= 1  # noqa: PLW2901


@inner
def _write_attributes(data, spans, n, rows, out, used):
    """Write the attributes of a row as canonical JSON."""
    at, row, is_rough = used[N_ATTRIBUTES], used[N_ROWS], False
    _sort_attributes(data, spans, n)
    for k in range(n):
        key, found = spans[ATTRIBUTES + k, 0], spans[ATTRIBUTES + k, 1]
        start, end = spans[ATTRIBUTES + k, 2], spans[ATTRIBUTES + k, 3]
        out[at] = js.OPEN_OBJECT if k == 0 else js.COMMA
        at = js.copy(data, spans[key, 2] - 1, spans[key, 3] + 1, out, at + 1)
        out[at] = js.COLON
        if found == js.ESCAPED:
            at = js.write_canonical(data, start, end, out, at + 1)
        else:
            at = js.copy(data, start, end, out, at + 1)
            is_rough |= found == js.ROUGH_FLOAT
    if n:
        out[at] = js.CLOSE_OBJECT
        at += 1
    rows[row, IS_ROUGH] = is_rough
    used[N_ATTRIBUTES] = rows[row, ATTRIBUTES_END] = at


@inner
def _is_label(spans, kind):
    """Return whether a group or licence is absent, a string as it stands, or an integer."""
    found = spans[PARTS + kind, 1]
    return found <= js.STRING or found == js.INTEGER


@inner
def _write_label(data, spans, kind, out, at):
    """Write a group or licence; return the position after it and whether there is one."""
    found, start, end = spans[PARTS + kind, 1], spans[PARTS + kind, 2], spans[PARTS + kind, 3]
    if found < js.STRING:
        return at, False
    inside = 1 if found == js.STRING else 0
    return js.copy(data, start + inside, end - inside, out, at), True


@inner
def _refuse(data, i, refused, used):
    """Note the line at `i` as one to be read by itself; return the position of its newline."""
    end = i
    while data[end] != js.NEWLINE:
        end += 1
    n = used[N_REFUSED]
    refused[n, 0], refused[n, 1], refused[n, 2] = used[N_LINES], i, end
    used[N_REFUSED] = n + 1
    return end


@inner
def _write_labels(data, spans, rows, groups, licences, used):
    row, at, place = used[N_ROWS], used[N_GROUPS], used[N_LICENCES]
    rows[row, GROUP_END], rows[row, HAS_GROUP] = _write_label(data, spans, GROUP, groups, at)
    rows[row, LICENCE_END], rows[row, HAS_LICENCE] = _write_label(data, spans, LICENCE, licences, place)
    used[N_GROUPS], used[N_LICENCES] = rows[row, GROUP_END], rows[row, LICENCE_END]


@inner
def _read_lines(data, i, max_lines, shape, of, default, bounds, scratch, columns, used):
    rows, row_ids, spans = columns.rows, columns.row_ids, scratch.spans
    words, pending, lanes = scratch.words, scratch.pending, scratch.lanes
    canonical = words.view(np.uint8)
    n_pending, at = 0, 0  # rows whose canonical JSON waits to be hashed, and where it ends
    while i < data.size and used[N_LINES] < max_lines:
        last, end, messages, attributed = REFUSED, REFUSED, 0, 0
        if shape != NO_SHAPE:
            end, messages, attributed = scan_line(data, i, of, default, bounds, spans)
        if end != REFUSED and _is_label(spans, GROUP) and _is_label(spans, LICENCE):
            first, last = arrange(data, shape, spans, messages)
        if last == REFUSED:
            end = _refuse(data, i, columns.refused, used)
        else:
            rows[used[N_ROWS], LINE], rows[used[N_ROWS], LEFT] = used[N_LINES], spans[PARTS, 0]
            _write_labels(data, spans, rows, columns.groups, columns.licences, used)
            _write_attributes(data, spans, attributed, rows, columns.attributes, used)
            stop = _write_turns(
                data, shape, first, last, spans, canonical, at, columns.turns, columns.texts, used
            )
            at = _await_hash(canonical, at, stop, pending, n_pending)
            n_pending += 1
            used[N_ROWS] += 1
        used[N_LINES] += 1
        i = end + 1
        if n_pending == MAX_PENDING or at >= PENDING_BYTES or i == data.size or used[N_LINES] == max_lines:
            blake2b_16(words, pending, n_pending, lanes, row_ids, used[N_ROWS] - n_pending)
            n_pending, at = 0, 0
    return i


_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_U8, _U64, _I64 = (types.Array(t, 1, "C") for t in (types.uint8, types.uint64, types.int64))
_I64_2, _U64_2 = (types.Array(t, 2, "C") for t in (types.int64, types.uint64))
_NAMES = types.NamedTuple((_U8, _I64, _I64), Names)
_SIGNATURE = types.int64(
    _BYTES,
    types.int64,
    types.int64,
    types.int64,
    types.NamedUniTuple(_NAMES, 3, Meanings),
    types.int64,
    _I64,
    types.NamedTuple((_I64_2, _U64, _I64_2, _U64_2), Scratch),
    types.NamedTuple((_I64_2, _U64_2, _I64_2, _U8, _U8, _U8, _U8, _I64_2), Columns),
    _I64,
)


def _compile():
    """Return the kernel, cached on disk by the text of every file that it is made of.

    numba by itself looks only at the file of the outermost function.
    """
    parts = (kernels, wide_kernel, blake2_kernel, json_kernel, line_kernel)
    text = b"".join(Path(str(file)).read_bytes() for file in (*(part.__file__ for part in parts), __file__))
    sources = int(sha256_hex(text)[:15], 16)

    @numba.njit(_SIGNATURE, cache=True, nogil=True)
    def read_lines(data, i, max_lines, shape, of, default, bounds, scratch, columns, used):
        """Read the lines from byte `i` on, each with its newline, until `max_lines` are read in all.

        of: what columns, keys and speakers are for; a column that is not named is for `default`. bounds:
        max_line_bytes, max_depth, max_turns.
        used: the counters. Returns the position of the first line not read.
        """
        used[SOURCES] = sources
        return _read_lines(data, i, max_lines, shape, of, default, bounds, scratch, columns, used)

    return read_lines


read_lines = _compile()
