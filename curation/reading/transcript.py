"""A conversation in one text, its speakers named in front of what they say, as Glaive and HH-RLHF write it."""

from __future__ import annotations

import re
from typing import Any

from tilth.shards.tables import Role

# The first speaker says which names the text uses.
_FAMILIES = {
    "USER": {"USER": Role.USER, "ASSISTANT": Role.ASSISTANT, "FUNCTION RESPONSE": Role.TOOL},
    "Human": {"Human": Role.USER, "Assistant": Role.ASSISTANT},
    "User": {"User": Role.USER, "Assistant": Role.ASSISTANT},
}
_MARKS = {first: re.compile(rf"(?:\A|\n\n)({'|'.join(names)}):[ \t]?") for first, names in _FAMILIES.items()}
END_OF_TEXT = "<|endoftext|>"
SYSTEM_MARK = "SYSTEM:"


def is_transcript(value: Any) -> bool:
    """Tell whether a value is a text that starts with a user's turn and has an answer."""
    return read_transcript(value) is not None


def read_transcript(value: Any) -> list[dict[str, Any]] | None:
    """Return the messages of a text, or None where it is no transcript. A turn starts behind an empty line."""
    if type(value) is not str:
        return None
    text = value.strip()
    first = next((name for name in _FAMILIES if text.startswith(f"{name}:")), None)
    if first is None:
        return None
    names = _FAMILIES[first]
    found = list(_MARKS[first].finditer(text))
    ends = [mark.start() for mark in found[1:]] + [len(text)]
    messages = [
        {
            "role": names[mark[1]].value,
            "content": text[mark.end() : end].strip().removesuffix(END_OF_TEXT).rstrip(),
        }
        for mark, end in zip(found, ends, strict=True)
    ]
    has_answer = any(message["role"] == Role.ASSISTANT.value for message in messages)
    return messages if has_answer else None


def without_mark(system: Any) -> Any:
    """Return a system prompt without the speaker's name that stands in front of it."""
    return system.strip().removeprefix(SYSTEM_MARK).strip() if type(system) is str else system
