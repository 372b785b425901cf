"""The texts inside a text: of JSON its strings, keys and whole numbers, of anything else the text itself.

A string or a number in JSON is looked at with its key before it ("phone: 0176 749683"), which says what it is.
What is replaced leaves valid JSON: a number becomes a string. All else keeps its place and its blanks.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?')
_IS_KEY = re.compile(r"\s*:")
_WHOLE = re.compile(r"([0-9]+)(?:\.0+)?")
_STARTS = ("{", "[")
_MAX_KEY_CHARS = 40
# A number after a quoted key in prose: {"order": 4539…} in the middle of an answer.
_KEYED_BEFORE, _KEYED_AFTER = re.compile(r'"\s*:\s*$'), re.compile(r"\s*[,}\]\n]|\s*$")


@dataclass(frozen=True)
class Leaf:
    """A text at [start, end) of the text that holds it. seen: what is searched; its first `offset` characters are
    the key, which is no part of it. form: `text`, `string`, `key` or `number`."""

    start: int
    end: int
    form: str
    seen: str
    offset: int = 0

    def written(self, content: str) -> str:
        """Return `content` as it stands in the text that holds the leaf."""
        return content if self.form == "text" else json.dumps(content, ensure_ascii=False)


def leaves(text: str) -> list[Leaf]:
    """Return the leaves of a text, in order."""
    if not text.lstrip().startswith(_STARTS):
        return [Leaf(0, len(text), "text", text)]
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return [Leaf(0, len(text), "text", text)]
    found, key = [], ""
    for token in _TOKEN.finditer(text):
        raw, place = token[0], token.span()
        if not raw.startswith('"'):
            if whole := _WHOLE.fullmatch(raw):
                found.append(Leaf(*place, "number", key + whole[1], len(key)))
            continue
        content = json.loads(raw)
        if _IS_KEY.match(text, token.end()):
            found.append(Leaf(*place, "key", content))
            key = _words(content) + ": " if len(content) <= _MAX_KEY_CHARS else ""
        else:
            found.append(Leaf(*place, "string", key + content, len(key)))
    return found


def quoted(text: str, start: int, end: int, placeholder: str) -> str:
    """Return a placeholder for text[start:end], in quotes where a number of JSON stood in prose."""
    is_value = (
        text[start:end].isdecimal()
        and _KEYED_BEFORE.search(text[max(0, start - 8) : start])
        and _KEYED_AFTER.match(text[end : end + 8])
    )
    return f'"{placeholder}"' if is_value else placeholder


def _words(key: str) -> str:
    """Return a key as words: phoneNumber, phone_number -> phone Number, phone number."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", key)
