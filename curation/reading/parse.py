"""One line of JSON to an object, or the reason it is none.

orjson reads the line; what it would pass over in silence (repeated keys, integers beyond 64 bits) is noticed
cheaply and, like every line it refuses, read again by a strict parser that can say what is wrong.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import Any

import numpy as np
import orjson

from tilth.curation.reading.limits import Reason, Unreadable

WHITESPACE = b" \t\r\n"
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
HEAD_BYTES = 1 << 16
# Beyond this a float may be an integer that orjson rounded.
EXACT_BOUND = float(1 << 63)


def parse_object(raw: bytes, max_depth: int) -> dict[str, Any] | Reason:
    """Return the object on a line exactly as written, or why there is none.

    NaN and Infinity come through as floats: in a column that nobody learns from they cost nothing, and whoever
    reads one as text refuses it.
    """
    try:
        value = parse_json(raw, max_depth, finite=False)
    except Unreadable as unreadable:
        return unreadable.reason
    return value if type(value) is dict else Reason.NOT_AN_OBJECT


def parse_json(raw: bytes, max_depth: int, *, finite: bool = True) -> Any:
    """Return the value of a JSON text exactly as written.

    Raises Unreadable for invalid UTF-8 or JSON, a repeated key at any depth, nesting beyond `max_depth`, NaN
    and Infinity (unless `finite` is False), and lone surrogates. U+0000 and integers of any size come through
    unchanged.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _strict(raw, max_depth, finite)
    keys = _count_keys((value,), max_depth)
    # Every key ends in `":` once whitespace is gone; text may hold more, so a surplus is only a suspicion.
    if keys is None or raw.translate(None, WHITESPACE).count(b'":') != keys:
        return _strict(raw, max_depth, finite)
    return value


def _count_keys(value: Any, max_depth: int) -> int | None:
    """Return the number of keys at any depth, or None if a number may have been rounded."""
    keys, depth = 0, 0
    level = [value]
    while level:
        inner = []
        for container in level:
            children = container
            if type(container) is dict:
                keys += len(container)
                children = container.values()
            for child in children:
                kind = type(child)
                if kind is str:
                    continue
                if kind is dict or kind is list:
                    inner.append(child)
                elif kind is float and abs(child) >= EXACT_BOUND:
                    return None
        level = inner
        depth += 1
        if level and depth > max_depth:
            raise Unreadable(Reason.TOO_DEEP)
    return keys


def _strict(raw: bytes, max_depth: int, finite: bool) -> Any:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable(Reason.INVALID_UTF8) from None
    if raw.startswith(codecs.BOM_UTF8):
        raise Unreadable(Reason.BOM)
    if not raw.strip():
        raise Unreadable(Reason.BLANK)
    if _is_deeper(raw, max_depth):
        raise Unreadable(Reason.TOO_DEEP)
    try:
        number = _finite if finite else float
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=number, parse_float=number, parse_int=int
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Unreadable(Reason.LONE_SURROGATE) from None
    except ValueError:
        raise Unreadable(Reason.INVALID_JSON) from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Unreadable(Reason.DUPLICATE_KEY)
    return value


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise Unreadable(Reason.NON_FINITE)
    return number


def _is_deeper(raw: bytes, max_depth: int) -> bool:
    """Tell whether brackets outside strings nest deeper than `max_depth`.

    Most lines that do say so at once; only the others are read to their end.
    """
    head = raw[:HEAD_BYTES]
    return _depth(STRING.sub(b"", head).split(b'"', 1)[0]) > max_depth or (
        len(raw) > len(head) and _depth(STRING.sub(b"", raw)) > max_depth
    )


def _depth(brackets: bytes) -> int:
    """Return the deepest nesting of brackets; strings must have been taken out."""
    outside = np.frombuffer(brackets, dtype=np.uint8)
    step = np.zeros(len(outside), dtype=np.int8)
    step[(outside == ord("[")) | (outside == ord("{"))] = 1
    step[(outside == ord("]")) | (outside == ord("}"))] = -1
    return int(np.cumsum(step, dtype=np.int64).max(initial=0))
