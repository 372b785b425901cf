"""One line of plain JSON to the spans of its turns, labels and attributes, compiled.

A line is plain if `json_kernel` accepts it and it says a row in the simplest way: a chat of messages with a
speaker and a text, strings for prompt and response, one text; and scalars for what is kept beside them.

All that is found goes into one table of spans, a line each: what it is for, what value it is, where it
starts and ends. The keys come first; the other regions begin at the constants below.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tilth.curation.reading.chat import READ_KEYS, TEXT_KEY_OF, TOOL_CALL_SPEAKERS
from tilth.curation.reading.compiled import json_kernel as js
from tilth.curation.reading.compiled.json_kernel import REFUSED
from tilth.curation.reading.compiled.kernels import inner
from tilth.curation.reading.compiled.wide_kernel import WIDTH
from tilth.shards.tables import Role, Shape

# What a column is for. Those after MESSAGES are parts of a row, of which a line holds one each.
SKIPPED, ATTRIBUTE, MESSAGES, TOOLS, GROUP, LICENCE, SYSTEM, CONTEXT, PROMPT, INPUT, RESPONSE, TEXT = range(
    12
)
# What would change how a line is read: that is not plain if there is any value, or one that says something.
LATE, HOLDING = 12, 13
UNREAD = 14  # and above: a column that is only counted, by the number of its bit
MAX_UNREAD = 60
SHAPES = (Shape.CHAT, Shape.INSTRUCTION, Shape.DOCUMENT)
CHAT, INSTRUCTION, DOCUMENT = range(3)

MAX_ATTRIBUTES = 64
PARTS = js.MAX_KEYS + 1  # by the number of the column's kind
ATTRIBUTES = PARTS + TEXT + 1  # `what` is the line of the key
TURNS = ATTRIBUTES + MAX_ATTRIBUTES  # `what` is the role; the first line is kept for a system prompt
SPANS = TURNS + 8  # and one more for every message

ROLE_NAMES = tuple(role.value for role in Role)
JOINED = -1  # the role of a text that goes on from the one before it
_SYSTEM, _DEVELOPER, _USER, _ASSISTANT, _DOCUMENT = (
    ROLE_NAMES.index(role) for role in (Role.SYSTEM, Role.DEVELOPER, Role.USER, Role.ASSISTANT, Role.DOCUMENT)
)
# The role of the turn that a part becomes.
_ROLE_OF = np.zeros(TEXT + 1, np.int64)
_ROLE_OF[[SYSTEM, CONTEXT, PROMPT, INPUT, RESPONSE, TEXT]] = (
    _SYSTEM,
    _USER,
    _USER,
    _USER,
    _ASSISTANT,
    _DOCUMENT,
)
_QUESTION = np.array([CONTEXT, PROMPT, INPUT])
_ANSWERED = np.array([CONTEXT, PROMPT, INPUT, RESPONSE, TEXT, SYSTEM])
_NEEDED, _NEEDED_FROM = np.array([PROMPT, RESPONSE, TEXT]), np.array([0, 0, 2, 3])  # by shape
# What a key of a message is for, in the units of its code; the tens are the way of saying it, or the bit.
SPEAKER_KEY, SPOKEN_KEY, READ_KEY, UNREAD_KEY = 1, 2, 3, 4
_NAN, _NA = (np.frombuffer(word, np.uint8).copy() for word in (b'"nan"', b'"<NA>"'))


class Names(NamedTuple):
    """Byte strings end to end, and a code for each."""

    data: np.ndarray  # uint8
    ends: np.ndarray  # int64, one more than there are names
    codes: np.ndarray  # int64


class Meanings(NamedTuple):
    """What the columns of a line, the keys of its messages and their speakers are for."""

    columns: Names
    keys: Names
    speakers: Names


def names(codes: dict[str, int]) -> Names:
    """Return names as a kernel compares and copies them: with WIDTH bytes after the last."""
    encoded = [name.encode("utf-8", "surrogatepass") for name in codes]
    data = np.frombuffer(b"".join(encoded) + bytes(WIDTH), np.uint8).copy()
    return Names(data, np.cumsum([0, *map(len, encoded)]), np.array([*codes.values()], np.int64))


def message_keys(unread: list[str], first_bit: int) -> Names:
    """Return what the keys of a message are for: who speaks, what is said, what is read, what is only counted.

    A message is plain if it has one speaker, the text that goes with it, nothing else that is read, and beside
    them only keys that say nothing or are counted.
    """
    codes = {key: 10 * n + SPEAKER_KEY for n, key in enumerate(TEXT_KEY_OF)}
    codes |= {key: 10 * n + SPOKEN_KEY for n, key in enumerate(TEXT_KEY_OF.values())}
    codes |= dict.fromkeys(sorted(READ_KEYS), READ_KEY)
    return names(codes | {key: 10 * (first_bit + n) + UNREAD_KEY for n, key in enumerate(unread)})


def speakers(roles: dict[str, str]) -> Names:
    """Return the role of every speaker whose text is what they said."""
    return names(
        {name: ROLE_NAMES.index(role) for name, role in roles.items() if name not in TOOL_CALL_SPEAKERS}
    )


@inner
def _find(data, start, end, name_data, name_ends, codes, default):
    """Return the code of a name, or `default`."""
    for k in range(codes.size):
        if js.equal(data, start, end, name_data, name_ends[k], name_ends[k + 1]):
            return codes[k]
    return default


@inner
def _is_string(found):
    return found in (js.STRING, js.ESCAPED)


@inner
def _holds(data, found, start, end):
    """Return whether a value says anything: not null, nor an empty string, list or object."""
    if found == js.NESTED:
        i = js.skip_space(data, start + 1)
        return data[i] != js.CLOSE_ARRAY and data[i] != js.CLOSE_OBJECT
    return found != js.NULL and (found != js.STRING or end - start != 2)


@inner
def _scan_message(data, i, levels, of, spans, n, turn):
    """Scan the message at `i` as the turn of that line. Returns the position after it, or REFUSED."""
    first, role, said, spoken = n, REFUSED, REFUSED, REFUSED
    closed = data[i] != js.OPEN_OBJECT
    i = js.skip_space(data, i + 1) if not closed else REFUSED
    while not closed:
        i = js.scan_key(data, i, spans, first, n)
        if i == REFUSED:
            return REFUSED
        code = _find(data, spans[n, 2], spans[n, 3], of.keys.data, of.keys.ends, of.keys.codes, 0)
        kind, start = code % 10, i
        n += 1
        i, found = js.scan_value(data, i, levels, spans, n)
        if i == REFUSED or (kind == READ_KEY and found != js.NULL):
            return REFUSED
        if kind == SPEAKER_KEY:
            if said != REFUSED or found != js.STRING:
                return REFUSED
            said, names_ = code // 10, of.speakers
            role = _find(data, start + 1, i - 1, names_.data, names_.ends, names_.codes, REFUSED)
        elif kind == SPOKEN_KEY:
            if spoken != REFUSED or not _is_string(found):
                return REFUSED
            spoken = code // 10
            spans[turn, 1], spans[turn, 2], spans[turn, 3] = found, start, i
        elif kind != READ_KEY and _holds(data, found, start, i):
            if kind != UNREAD_KEY:
                return REFUSED
            spans[PARTS, 0] |= 1 << (code // 10)
        i, closed = js.scan_separator(data, i, js.CLOSE_OBJECT)
    spans[turn, 0] = role
    return i if role != REFUSED and said == spoken else REFUSED


@inner
def _scan_messages(data, i, levels, max_turns, of, spans, n):
    """Scan the list of messages at `i`; return the position after it (or REFUSED) and their number."""
    messages = 0
    closed = data[i] != js.OPEN_ARRAY
    i = js.skip_space(data, i + 1) if not closed else REFUSED
    while not closed:
        if messages == max_turns:
            return REFUSED, messages
        messages += 1
        i = _scan_message(data, i, levels, of, spans, n, TURNS + messages)
        if i == REFUSED:
            return REFUSED, messages
        i, closed = js.scan_separator(data, i, js.CLOSE_ARRAY)
    return (i if messages else REFUSED), messages


@inner
def scan_line(data, i, of, default, bounds, spans):
    """Scan the line at `i`; `of` and `default` say what each column, key and speaker is for.

    bounds: max_line_bytes, max_depth, max_turns. Returns the position of its newline, or REFUSED if it is not
    plain, and how many messages and attributes it has. spans[PARTS, 0] holds a bit for each thing it leaves
    unread.
    """
    begin, n, messages, attributes = i, 0, 0, 0
    columns = of.columns
    spans[PARTS, 0] = 0
    for part in range(PARTS, ATTRIBUTES):
        spans[part, 1] = js.ABSENT
    i = js.skip_space(data, i)
    closed = data[i] != js.OPEN_OBJECT
    i = js.skip_space(data, i + 1) if not closed else REFUSED
    while not closed:
        i = js.scan_key(data, i, spans, np.int64(0), n)
        if i == REFUSED:
            return REFUSED, 0, 0
        code = _find(data, spans[n, 2], spans[n, 3], columns.data, columns.ends, columns.codes, default)
        key, start = n, i
        n += 1
        if code == MESSAGES:
            i, messages = _scan_messages(data, i, bounds[1] - 3, bounds[2], of, spans, n)
        else:
            i, found = js.scan_value(data, i, bounds[1] - 1, spans, n)
            if i == REFUSED or not _keep(data, code, default, key, found, start, i, spans, attributes):
                return REFUSED, 0, 0
            attributes += code == ATTRIBUTE and found not in (js.NULL, js.NESTED)
        if i == REFUSED:
            return REFUSED, 0, 0
        i, closed = js.scan_separator(data, i, js.CLOSE_OBJECT)
    if i != REFUSED:
        i = js.skip_space(data, i)
        if data[i] != js.NEWLINE or i - begin > bounds[0]:
            i = REFUSED
    return i, messages, attributes


@inner
def _keep(data, code, default, key, found, start, end, spans, attributes):  # noqa: C901 (a branch a kind of column)
    """Note a value of a line by what its column is for; return whether that is plain."""
    if code == ATTRIBUTE:
        if found == js.NESTED:
            # No attribute, unless the user asked for it by name; whoever reads it otherwise counts it.
            return default == ATTRIBUTE and not _holds(data, found, start, end)
        if attributes == MAX_ATTRIBUTES:
            return False
        n = ATTRIBUTES + attributes
        spans[n, 0], spans[n, 1], spans[n, 2], spans[n, 3] = key, found, start, end
    elif code >= UNREAD:
        if _holds(data, found, start, end):
            if found != js.NESTED and default == ATTRIBUTE:
                return False  # a scalar among lists or objects: an attribute of its row
            spans[PARTS, 0] |= 1 << (code - UNREAD)
        elif default == ATTRIBUTE and found == js.STRING:
            return False
    elif code == HOLDING:
        is_attribute = default == ATTRIBUTE and found not in (js.NULL, js.NESTED)
        return not is_attribute and not _holds(data, found, start, end)
    elif code == LATE:
        return found == js.NULL
    elif code > MESSAGES:
        part = PARTS + code
        spans[part, 1], spans[part, 2], spans[part, 3] = found, start, end
        return found != js.NESTED
    return True


@inner
def _says_nothing(spans, kind):
    """Return whether a part is absent, null or an empty string."""
    part = PARTS + kind
    empty = spans[part, 1] == js.STRING and spans[part, 3] - spans[part, 2] == 2
    return empty or spans[part, 1] in (js.ABSENT, js.NULL)


@inner
def _make_turn(spans, n, kind):
    """Make a part the turn of line `n`."""
    part = PARTS + kind
    spans[n, 0], spans[n, 1] = _ROLE_OF[kind], spans[part, 1]
    spans[n, 2], spans[n, 3] = spans[part, 2], spans[part, 3]


@inner
def _arrange_question(spans, n):
    """Make context, prompt and input one turn, from line `n` on; return the line after it, or REFUSED."""
    end = n
    for kind in _QUESTION:
        if not _says_nothing(spans, kind):
            if not _is_string(spans[PARTS + kind, 1]):
                return REFUSED
            _make_turn(spans, end, kind)
            spans[end, 0] = spans[end, 0] if end == n else JOINED
            end += 1
    if end == n:
        _make_turn(spans, end, PROMPT)
        end += 1
    return end


@inner
def _is_word_for_nothing(data, spans):
    """Return whether the answer, context or input is a word that stands for none."""
    for kind in _ANSWERED:
        start, end = spans[PARTS + kind, 2], spans[PARTS + kind, 3]
        if spans[PARTS + kind, 1] == js.STRING and (
            js.equal(data, start, end, _NAN, 0, 5) or js.equal(data, start, end, _NA, 0, 6)
        ):
            return True
    return False


@inner
def arrange(data, shape, spans, messages):
    """Lay the texts of a scanned line out as turns, as the readers of `shapes` do.

    Returns the first of their lines and the one after the last; (0, REFUSED) if the row is not plain.
    """
    first, last = TURNS, TURNS + 1
    for kind in _NEEDED[_NEEDED_FROM[shape] : _NEEDED_FROM[shape + 1]]:
        if not _is_string(spans[PARTS + kind, 1]):
            return 0, REFUSED
    if _is_word_for_nothing(data, spans):
        return 0, REFUSED
    if shape == DOCUMENT:
        _make_turn(spans, first, TEXT)
        return first, last
    if _says_nothing(spans, SYSTEM):
        first = last
    elif not _is_string(spans[PARTS + SYSTEM, 1]):
        return 0, REFUSED
    _make_turn(spans, TURNS, SYSTEM)
    if shape == CHAT:
        # A conversation that brings its own system prompt keeps it.
        first = last if spans[last, 0] in (_SYSTEM, _DEVELOPER) else first
        last = last + messages if messages else REFUSED
    else:
        last = _arrange_question(spans, last)
        if last != REFUSED:
            _make_turn(spans, last, RESPONSE)
            last += 1
    return first, last if _says_nothing(spans, TOOLS) else REFUSED
