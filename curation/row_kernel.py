"""Lines of plain JSON to flat columns, compiled: texts, roles, attributes and row ids, without objects.

A line is plain if `json_kernel` accepts it and it says a row in the simplest way: a chat of messages with a
speaker and a text, strings for prompt and response, one text; and scalars for what is kept beside them. The
kernel notes where every other line lies; whoever calls it reads those one by one.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numba import types

from tilth.curation import json_kernel as js
from tilth.curation.blake2_kernel import BLOCK_BYTES, blake2b_16
from tilth.curation.chat import REASONING_KEYS, ROLES, TEXT_KEY_OF, TOOL_CALL_SPEAKER
from tilth.curation.json_kernel import REFUSED
from tilth.shards.tables import Role, Shape

# What a column is for. Those from TOOLS on are parts of a row, of which a line holds one each.
SKIPPED, ATTRIBUTE, MESSAGES, TOOLS, GROUP, LICENCE, SYSTEM, CONTEXT, PROMPT, INPUT, RESPONSE, TEXT = range(
    12
)
KINDS = 12
SHAPES = (Shape.CHAT, Shape.INSTRUCTION, Shape.DOCUMENT)
CHAT, INSTRUCTION, DOCUMENT = range(3)
NO_SHAPE = -1  # no line is plain
# The counters of `used`.
LINES, ROWS, TURNS, TEXTS, ATTRIBUTES, GROUPS, LICENCES, REFUSALS = range(8)
MAX_ATTRIBUTES = 64

_ROLES = tuple(role.value for role in Role)
_SYSTEM, _DEVELOPER, _USER, _ASSISTANT, _DOCUMENT = (
    _ROLES.index(role) for role in (Role.SYSTEM, Role.DEVELOPER, Role.USER, Role.ASSISTANT, Role.DOCUMENT)
)
_JOINED = -1  # the role of a text that goes on from the one before it
_SPEAKER, _SPOKEN, _RESERVED = 1, 2, 3


class Names(NamedTuple):
    """Byte strings end to end, a code for each."""

    data: np.ndarray  # uint8
    ends: np.ndarray  # int64
    codes: np.ndarray  # int64


class Scratch(NamedTuple):
    """What one line takes while it is read. A span is (what, start, end, kind of value)."""

    keys: np.ndarray  # int64 (MAX_KEYS + 1, 2)
    parts: np.ndarray  # int64 (KINDS, 4): by column kind
    attributes: np.ndarray  # int64 (MAX_ATTRIBUTES, 5): start and end of the key, then value, start, end
    turns: np.ndarray  # int64 (max_turns + 4, 4): role, start, end, kind
    canonical: np.ndarray  # uint8, a view of `words`: what the row id hashes
    words: np.ndarray  # uint64
    state: np.ndarray  # uint64 (8)


class Columns(NamedTuple):
    """The flat columns of the rows of a batch; an end is where a text stops in its buffer."""

    row_lines: np.ndarray  # int64: which line of the batch the row is
    row_ids: np.ndarray  # uint64 (n, 2)
    rough: np.ndarray  # bool: its attributes hold a float that may not be canonical
    turn_rows: np.ndarray  # int64
    turn_numbers: np.ndarray  # uint16
    roles: np.ndarray  # uint8
    texts: np.ndarray  # uint8
    text_ends: np.ndarray  # int64
    attributes: np.ndarray  # uint8
    attribute_ends: np.ndarray  # int64; an empty one stands for null
    groups: np.ndarray  # uint8
    group_ends: np.ndarray  # int64
    group_given: np.ndarray  # bool
    licences: np.ndarray  # uint8
    licence_ends: np.ndarray  # int64
    licence_given: np.ndarray  # bool
    refused: np.ndarray  # int64 (n, 3): line of the batch, start, end without the newline


def names(codes: dict[str, int]) -> Names:
    """Return names as a kernel compares them."""
    encoded = [name.encode("utf-8", "surrogatepass") for name in codes]
    data = np.frombuffer(b"".join(encoded) + b"\n", np.uint8).copy()
    return Names(data, np.cumsum([0, *map(len, encoded)]), np.array([*codes.values()], np.int64))


# A message is plain if it has one speaker, the text that goes with it, and nothing else that is read.
_MESSAGE_KEYS = names(
    {key: 10 * n + _SPEAKER for n, key in enumerate(TEXT_KEY_OF)}
    | {key: 10 * n + _SPOKEN for n, key in enumerate(TEXT_KEY_OF.values())}
    | dict.fromkeys((*REASONING_KEYS, "tool_calls", "function_call", "tool_call_id", "name"), _RESERVED)
)
_SPEAKERS = names({name: _ROLES.index(role) for name, role in ROLES.items() if name != TOOL_CALL_SPEAKER})
_KEY_DATA, _KEY_ENDS, _KEY_CODES = _MESSAGE_KEYS
_SPEAKER_DATA, _SPEAKER_ENDS, _SPEAKER_ROLES = _SPEAKERS
_ROLE_DATA, _ROLE_ENDS, _ = names(dict.fromkeys(_ROLES, 0))
_HEADS = names({f'{{"shape":"{shape}","turns":[': 0 for shape in SHAPES})
_HEAD_DATA, _HEAD_ENDS, _ = _HEADS
_TURN = np.frombuffer(b'{"role":"', np.uint8).copy()
_SAID = np.frombuffer(b'","text":"', np.uint8).copy()


@numba.njit
def _find(data, start, end, name_data, name_ends, codes, default):
    """Return the code of a name, or `default`."""
    for k in range(codes.size):
        if js.equal(data, start, end, name_data, name_ends[k], name_ends[k + 1]):
            return codes[k]
    return default


@numba.njit
def _scan_message(data, i, max_depth, scratch, n_keys, turn):
    """Scan the message at `i` as line `turn` of scratch.turns. Returns the position after it, or REFUSED."""
    if data[i] != ord("{"):
        return REFUSED
    keys, first = scratch.keys, n_keys
    role, said, spoken = REFUSED, REFUSED, REFUSED
    i = js.skip_space(data, i + 1)
    while True:
        i = js.scan_key(data, i, keys, first, n_keys)
        if i == REFUSED:
            return REFUSED
        code = _find(data, keys[n_keys, 0], keys[n_keys, 1], _KEY_DATA, _KEY_ENDS, _KEY_CODES, 0)
        n_keys += 1
        start = i
        if data[i] == ord("{") or data[i] == ord("["):
            if code:
                return REFUSED
            i = js.skip_nested(data, i, 3, max_depth, keys, n_keys)
            found = js.NESTED
        else:
            i, found = js.scan_scalar(data, i)
        if i == REFUSED or (code % 10 == _RESERVED and found != js.NULL):
            return REFUSED
        if code % 10 == _SPEAKER:
            if found != js.STRING or said != REFUSED:
                return REFUSED
            said = code // 10
            role = _find(data, start + 1, i - 1, _SPEAKER_DATA, _SPEAKER_ENDS, _SPEAKER_ROLES, REFUSED)
        elif code % 10 == _SPOKEN:
            if (found != js.STRING and found != js.ESCAPED) or spoken != REFUSED:
                return REFUSED
            spoken = code // 10
            _note(scratch.turns, turn, 0, start + 1, i - 1, found)
        i = js.skip_space(data, i)
        if data[i] == ord("}"):
            scratch.turns[turn, 0] = role
            return i + 1 if role != REFUSED and said == spoken else REFUSED
        if data[i] != ord(","):
            return REFUSED
        i = js.skip_space(data, i + 1)


@numba.njit(inline="always")
def _note(spans, at, what, start, end, found):
    spans[at, 0], spans[at, 1], spans[at, 2], spans[at, 3] = what, start, end, found


@numba.njit
def _scan_messages(data, i, max_depth, max_turns, scratch, n_keys):
    """Scan the list of messages at `i` into scratch.turns, from line 1 on; return the position after it and
    their number."""
    n = 0
    if data[i] != ord("["):
        return REFUSED, n
    while data[i] != ord("]"):
        i = js.skip_space(data, i + 1)
        if n == max_turns:
            return REFUSED, n
        i = _scan_message(data, i, max_depth, scratch, n_keys, n + 1)
        if i == REFUSED:
            return REFUSED, n
        n += 1
        i = js.skip_space(data, i)
        if data[i] != ord(",") and data[i] != ord("]"):
            return REFUSED, n
    return i + 1, n


@numba.njit
def _scan_line(data, i, name_data, name_ends, codes, default, max_depth, max_turns, scratch):
    """Scan a line into scratch. Returns the position of its newline (or REFUSED), messages and attributes."""
    keys, parts = scratch.keys, scratch.parts
    parts[:, 0] = js.ABSENT
    n_keys = n_messages = n_attributes = 0
    i = js.skip_space(data, i)
    if data[i] != ord("{"):
        return REFUSED, 0, 0
    i = js.skip_space(data, i + 1)
    while True:
        i = js.scan_key(data, i, keys, 0, n_keys)
        if i == REFUSED:
            return REFUSED, 0, 0
        key, key_end = keys[n_keys, 0], keys[n_keys, 1]
        code = _find(data, key, key_end, name_data, name_ends, codes, default)
        n_keys += 1
        start = i
        if code == MESSAGES:
            i, n_messages = _scan_messages(data, i, max_depth, max_turns, scratch, n_keys)
        elif data[i] == ord("{") or data[i] == ord("["):
            # A nested value is no attribute, unless the user asked for it by name.
            if code != SKIPPED and not (code == ATTRIBUTE and default == ATTRIBUTE):
                return REFUSED, 0, 0
            i = js.skip_nested(data, i, 1, max_depth, keys, n_keys)
        else:
            i, found = js.scan_scalar(data, i)
            if code > MESSAGES:
                _note(parts, code, found, start, i, 0)
            elif code == ATTRIBUTE and found != js.NULL:
                if n_attributes == MAX_ATTRIBUTES:
                    return REFUSED, 0, 0
                _note(scratch.attributes, n_attributes, key, key_end, found, start)
                scratch.attributes[n_attributes, 4] = i
                n_attributes += 1
        if i == REFUSED:
            return REFUSED, 0, 0
        i = js.skip_space(data, i)
        if data[i] == ord("}"):
            i = js.skip_space(data, i + 1)
            return (i if data[i] == ord("\n") else REFUSED), n_messages, n_attributes
        if data[i] != ord(","):
            return REFUSED, 0, 0
        i = js.skip_space(data, i + 1)


@numba.njit
def _is_string(parts, kind):
    return parts[kind, 0] == js.STRING or parts[kind, 0] == js.ESCAPED


@numba.njit
def _says_nothing(parts, kind):
    """Return whether a part is absent, null or an empty string."""
    found = parts[kind, 0]
    return (
        found == js.ABSENT
        or found == js.NULL
        or (found == js.STRING and parts[kind, 2] - parts[kind, 1] == 2)
    )


@numba.njit
def _add_part(turns, n, role, parts, kind):
    _note(turns, n, role, parts[kind, 1] + 1, parts[kind, 2] - 1, parts[kind, 0])
    return n + 1


@numba.njit
def _arrange(shape, parts, turns, n_messages):
    """Lay the texts of a scanned line out as turns, between two lines of scratch.turns; (0, 0) if it is not
    plain. Mirrors the readers of `shapes`."""
    system = not _says_nothing(parts, SYSTEM)
    if not _says_nothing(parts, TOOLS) or (system and not _is_string(parts, SYSTEM)):
        return 0, 0
    if shape == CHAT:
        if n_messages == 0:
            return 0, 0
        if not system or turns[1, 0] == _SYSTEM or turns[1, 0] == _DEVELOPER:
            return 1, n_messages + 1
        _add_part(turns, 0, _SYSTEM, parts, SYSTEM)
        return 0, n_messages + 1
    if shape == DOCUMENT:
        return (0, _add_part(turns, 0, _DOCUMENT, parts, TEXT)) if _is_string(parts, TEXT) else (0, 0)
    if not _is_string(parts, PROMPT) or not _is_string(parts, RESPONSE):
        return 0, 0
    n = _add_part(turns, 0, _SYSTEM, parts, SYSTEM) if system else 0
    role = _USER
    for kind in (CONTEXT, PROMPT, INPUT):
        if not _says_nothing(parts, kind):
            if not _is_string(parts, kind):
                return 0, 0
            n = _add_part(turns, n, role, parts, kind)
            role = _JOINED
    if role == _USER:
        n = _add_part(turns, n, role, parts, PROMPT)
    return 0, _add_part(turns, n, _ASSISTANT, parts, RESPONSE)


@numba.njit
def _write_turns(data, shape, first, last, scratch, columns, used):
    """Write the arranged turns to the columns, and their canonical JSON to scratch; return its length."""
    canonical, texts, at = scratch.canonical, columns.texts, used[TEXTS]
    k = js.copy(_HEAD_DATA, _HEAD_ENDS[shape], _HEAD_ENDS[shape + 1], canonical, 0)
    turn = used[TURNS] - 1
    for n in range(first, last):
        role, found = scratch.turns[n, 0], scratch.turns[n, 3]
        start, end = scratch.turns[n, 1], scratch.turns[n, 2]
        if role == _JOINED:
            texts[at], texts[at + 1] = 10, 10
            at += 2
            canonical[k], canonical[k + 1], canonical[k + 2], canonical[k + 3] = 92, 110, 92, 110
            k += 4
        else:
            if n > first:
                k = _close_turn(canonical, k)
                canonical[k] = ord(",")
                k += 1
            turn += 1
            columns.turn_rows[turn], columns.roles[turn] = used[ROWS], role
            columns.turn_numbers[turn] = turn - used[TURNS]
            k = js.copy(_TURN, 0, _TURN.size, canonical, k)
            k = js.copy(_ROLE_DATA, _ROLE_ENDS[role], _ROLE_ENDS[role + 1], canonical, k)
            k = js.copy(_SAID, 0, _SAID.size, canonical, k)
        if found == js.STRING:
            k = js.copy(data, start, end, canonical, k)
            at = js.copy(data, start, end, texts, at)
        else:
            k = js.write_canonical(data, start, end, canonical, k)
            at = js.write_text(data, start, end, texts, at)
        columns.text_ends[turn + 1] = at
    k = _close_turn(canonical, k)
    canonical[k], canonical[k + 1] = ord("]"), ord("}")
    used[TEXTS], used[TURNS] = at, turn + 1
    return k + 2


@numba.njit(inline="always")
def _close_turn(canonical, k):
    canonical[k], canonical[k + 1] = ord('"'), ord("}")
    return k + 2


@numba.njit
def _write_id(scratch, size, columns, row):
    """Hash the first `size` bytes of the canonical JSON."""
    for k in range(size, (size // BLOCK_BYTES + 1) * BLOCK_BYTES):
        scratch.canonical[k] = 0
    blake2b_16(scratch.words, size, scratch.state)
    columns.row_ids[row, 0], columns.row_ids[row, 1] = scratch.state[0], scratch.state[1]


@numba.njit
def _less(data, a, a_end, b, b_end):
    for k in range(min(a_end - a, b_end - b)):
        if data[a + k] != data[b + k]:
            return data[a + k] < data[b + k]
    return a_end - a < b_end - b


@numba.njit
def _sort(data, spans, n):
    """Sort spans by the bytes of their keys (insertion sort: few, and mostly in the order of the line)."""
    for i in range(1, n):
        j = i
        while j > 0 and _less(data, spans[j, 0], spans[j, 1], spans[j - 1, 0], spans[j - 1, 1]):
            for c in range(5):
                spans[j, c], spans[j - 1, c] = spans[j - 1, c], spans[j, c]
            j -= 1


@numba.njit
def _write_attributes(data, spans, n, columns, used):
    """Write the attributes of a row as canonical JSON, null where there are none."""
    out, at, row = columns.attributes, used[ATTRIBUTES], used[ROWS]
    columns.rough[row] = False
    _sort(data, spans, n)
    for k in range(n):
        key, key_end, found, start, end = spans[k, 0], spans[k, 1], spans[k, 2], spans[k, 3], spans[k, 4]
        out[at] = ord("{") if k == 0 else ord(",")
        at = js.copy(data, key - 1, key_end + 1, out, at + 1)
        out[at] = ord(":")
        at += 1
        if found == js.ESCAPED:
            at = js.write_canonical(data, start, end, out, at)
        else:
            at = js.copy(data, start, end, out, at)
            columns.rough[row] |= found == js.ROUGH_FLOAT
    if n:
        out[at] = ord("}")
        at += 1
    used[ATTRIBUTES] = columns.attribute_ends[row + 1] = at


@numba.njit
def _write_label(data, parts, kind, out, at):
    """Write a group or licence; return the position after it, whether it is given, and whether it is plain."""
    found, start, end = parts[kind, 0], parts[kind, 1], parts[kind, 2]
    if found == js.ABSENT or found == js.NULL:
        return at, False, True
    if found == js.STRING:
        return js.copy(data, start + 1, end - 1, out, at), True, True
    if found == js.ESCAPED:
        return js.write_text(data, start + 1, end - 1, out, at), True, True
    if found == js.INTEGER:
        return js.copy(data, start, end, out, at), True, True
    return at, False, False


@numba.njit
def _read_row(data, i, shape, name_data, name_ends, codes, default, bounds, scratch, columns, used):
    """Read the line at `i` as a row. Returns the position of its newline, or REFUSED and leaves no trace."""
    if shape == NO_SHAPE:
        return REFUSED
    max_line_bytes, max_depth, max_turns = bounds[0], bounds[1], bounds[2]
    end, n_messages, n_attributes = _scan_line(
        data, i, name_data, name_ends, codes, default, max_depth, max_turns, scratch
    )
    if end == REFUSED or end - i > max_line_bytes:
        return REFUSED
    first, last = _arrange(shape, scratch.parts, scratch.turns, n_messages)
    if first == last:
        return REFUSED
    row = used[ROWS]
    group_end, group_given, plain = _write_label(data, scratch.parts, GROUP, columns.groups, used[GROUPS])
    if not plain:
        return REFUSED
    licence_end, licence_given, plain = _write_label(
        data, scratch.parts, LICENCE, columns.licences, used[LICENCES]
    )
    if not plain:
        return REFUSED
    used[GROUPS] = columns.group_ends[row + 1] = group_end
    used[LICENCES] = columns.licence_ends[row + 1] = licence_end
    columns.group_given[row], columns.licence_given[row] = group_given, licence_given
    size = _write_turns(data, shape, first, last, scratch, columns, used)
    _write_id(scratch, size, columns, row)
    _write_attributes(data, scratch.attributes, n_attributes, columns, used)
    columns.row_lines[row] = used[LINES]
    used[ROWS] = row + 1
    return end


_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_U8, _U16, _U64, _I64, _BOOL = (
    types.Array(t, 1, "C") for t in (types.uint8, types.uint16, types.uint64, types.int64, types.boolean)
)
_I64_2, _U64_2 = (types.Array(t, 2, "C") for t in (types.int64, types.uint64))
_NAMES = types.NamedTuple((_U8, _I64, _I64), Names)
_SCRATCH = types.NamedTuple((_I64_2, _I64_2, _I64_2, _I64_2, _U8, _U64, _U64), Scratch)
_COLUMNS = types.NamedTuple(
    (_I64, _U64_2, _BOOL, _I64, _U16, _U8, _U8, _I64, _U8, _I64, _U8, _I64, _BOOL, _U8, _I64, _BOOL, _I64_2),
    Columns,
)


@numba.njit(
    types.int64(
        _BYTES, types.int64, types.int64, types.int64, _NAMES, types.int64, _I64, _SCRATCH, _COLUMNS, _I64
    ),
    cache=True,
    nogil=True,
)
def read_lines(data, i, max_lines, shape, columns_of, default, bounds, scratch, columns, used):
    """Read the lines from byte `i` on, each with its newline, until `max_lines` are read in all.

    columns_of: the kind of every column that is not `default`. bounds: max_line_bytes, max_depth, max_turns.
    used: what is taken of every column; refused lines are noted in `columns.refused`. Returns the position
    of the first line not read.
    """
    while i < data.size and used[LINES] < max_lines:
        end = _read_row(
            data,
            i,
            shape,
            columns_of.data,
            columns_of.ends,
            columns_of.codes,
            default,
            bounds,
            scratch,
            columns,
            used,
        )
        if end == REFUSED:
            end = i
            while data[end] != ord("\n"):
                end += 1
            refused = columns.refused[used[REFUSALS]]
            refused[0], refused[1], refused[2] = used[LINES], i, end
            used[REFUSALS] += 1
        used[LINES] += 1
        i = end + 1
    return i
