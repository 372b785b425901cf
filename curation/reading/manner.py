"""How the rows of one file are read, and what reading them leaves unsaid."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from math import isnan
from typing import Any

from tilth.curation.reading.limits import ReadLimits, Reason, Unreadable
from tilth.curation.reading.source import Source
from tilth.shards.digest import canonical_json
from tilth.shards.tables import Role

ROLES = {
    "system": Role.SYSTEM.value,
    "developer": Role.DEVELOPER.value,
    "user": Role.USER.value,
    "human": Role.USER.value,
    "prompter": Role.USER.value,
    "assistant": Role.ASSISTANT.value,
    "gpt": Role.ASSISTANT.value,
    "model": Role.ASSISTANT.value,
    "bot": Role.ASSISTANT.value,
    "chatgpt": Role.ASSISTANT.value,
    "ai": Role.ASSISTANT.value,
    "function_call": Role.ASSISTANT.value,
    "tool_call": Role.ASSISTANT.value,
    "tool": Role.TOOL.value,
    "function": Role.TOOL.value,
    "observation": Role.TOOL.value,
    "function_response": Role.TOOL.value,
    "tool_response": Role.TOOL.value,
}
# Words for nothing in a table, which has no null of its own or lost it on the way through pandas. JSON has one:
# there an answer of such a word is found by rule `empty`, an input by `placeholder`.
TABLE_NULLS = frozenset({"nan", "NaN", "None", "NULL", "null", "<NA>"})
JSON_NULLS: frozenset[str] = frozenset()
NOTHING: tuple[Any, ...] = ("", [], {})
MEDIA = ("image", "images", "audio", "audios", "video", "videos")
# What stands for a picture, a sound or a film in a question; <video> and <audio> are words of HTML too.
MEDIA_MARK = re.compile(r"<(image|audio|video)>")
AT_EDGE = re.compile(r"(?:\A|\n)\s*<(?:image|audio|video)>|<(?:image|audio|video)>\s*(?:\Z|\n)")
ABOUT_MARKUP = re.compile(r"(?i)\b(?:html5?|svg|xml|css|tags?|elements?|markup)\b|`")


@dataclass
class Trail:
    """What is counted beside rows, in rows: `unread` by path (`meta`, `messages[].toxic`), `notes` by what was done.

    What a row leaves counts once it has been read; that of a quarantined line does not.
    """

    unread: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    _unread: set[str] = field(default_factory=set)
    _notes: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Begin a row."""
        self._unread.clear()
        self._notes.clear()

    def leave(self, path: str) -> None:
        """Remember what the row holds under `path` and nobody reads."""
        self._unread.add(path)

    def note(self, what: str) -> None:
        """Remember what was done to read the row."""
        self._notes.add(what)

    def current(self) -> frozenset[str]:
        """Return what the row so far leaves unread."""
        return frozenset(self._unread)

    def end(self) -> None:
        """Count the row."""
        if self._unread or self._notes:
            self.unread.update(self._unread)
            self.notes.update(self._notes)


@dataclass(frozen=True)
class Manner:
    """How rows are read.

    roles: name -> role. nulls: words that stand for no text. media: columns of pictures, sounds and films.
    keeps_calls: calls written as text stay text.
    """

    max_turns: int
    roles: dict[str, str]
    text_only: bool
    merge: bool
    nulls: frozenset[str]
    media: tuple[str, ...]
    trail: Trail
    keeps_calls: bool

    @classmethod
    def of(cls, source: Source, limits: ReadLimits, *, is_table: bool) -> Manner:
        """Return how the recipe asks for a file to be read."""
        nulls = TABLE_NULLS if is_table else JSON_NULLS
        named = {*(source.attributes or ()), *(source.map or {}).values(), source.group, source.licence}
        return cls(
            limits.max_turns,
            ROLES | (source.roles or {}),
            source.text_only,
            source.neighbours == "merge",
            nulls if source.nulls is None else frozenset(source.nulls),
            () if source.text_only else tuple(name for name in MEDIA if name not in named),
            Trail(),
            source.written_calls == "keep",
        )

    def leave(self, value: dict[str, Any], known: frozenset[str], place: str) -> None:
        """Count what an object holds beside the keys that are known."""
        for key in value.keys() - known:
            if holds(value[key]):
                self.trail.leave(f"{place}.{key}")


def holds(value: Any) -> bool:
    """Tell whether a value says anything: not null, nor an empty string, list or object."""
    return value is not None and value not in NOTHING


def is_nothing(value: Any) -> bool:
    """Tell whether a value is null, or NaN, which pandas writes for null."""
    return value is None or (type(value) is float and isnan(value))


def is_shown(text: str) -> bool:
    """Tell whether a question stands beside a picture, sound or film that its text only marks."""
    for found in MEDIA_MARK.finditer(text):
        if f"</{found[1]}" not in text:
            break
    else:
        return False
    return bool(AT_EDGE.search(text)) or ("<image>" in text and not ABOUT_MARKUP.search(text))


def stable_json(value: Any) -> str:
    """Return canonical JSON as text, integers beyond 64 bits included. Raises Unreadable for NaN and Infinity."""
    if _has_non_finite(value):
        raise Unreadable(Reason.NON_FINITE)
    try:
        return canonical_json(value).decode()
    except TypeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def _has_non_finite(value: Any) -> bool:
    if type(value) is float:
        return not abs(value) < float("inf")
    if type(value) is dict:
        return any(map(_has_non_finite, value.values()))
    return type(value) is list and any(map(_has_non_finite, value))
