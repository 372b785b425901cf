"""The content of one message: a text, or parts of it as OpenAI, Anthropic and their kin write them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tilth.curation.reading.limits import Reason, Unreadable
from tilth.curation.reading.manner import Manner, holds, is_nothing

TEXTS = {"text", "input_text", "output_text", "summary_text", "reasoning_text"}
THOUGHTS = {"thinking", "reasoning"}
MEDIA = {
    *("image", "image_url", "input_image", "audio", "audio_url", "input_audio", "video", "video_url"),
    *("file", "input_file", "document"),
}
CALLS = {"tool_use", "function_call", "tool_call"}
RESULTS = {"tool_result", "function_call_output"}
_TEXT_KEYS = frozenset({"type", "text", "content"})
_RESULT_KEYS = frozenset({"type", "tool_use_id", "call_id", "content", "output"})


@dataclass
class Content:
    """What the parts of a message say: texts, thoughts, calls, and results of calls as (id, text)."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    results: list[tuple[str | None, str]] = field(default_factory=list)

    def text(self) -> str | None:
        """Return the text, None where there is none."""
        return "".join(self.texts) if self.texts else None


def read_text(value: Any, manner: Manner, place: str) -> str | None:
    """Return a content value as text: a string, null, or a list of text parts. Raises Unreadable."""
    if type(value) is str:
        return value
    if is_nothing(value):
        return None
    content = read_content(value, manner, place)
    if content.calls or content.results:
        raise Unreadable(Reason.WRONG_TYPE)
    return "".join(content.texts)


def read_content(value: Any, manner: Manner, place: str) -> Content:
    """Return what the parts of a content say, in order. Raises Unreadable."""
    if type(value) is dict and "type" in value:
        value = [value]
    if type(value) is not list:
        raise Unreadable(Reason.WRONG_TYPE)
    content = Content()
    for part in value:
        if type(part) is str:
            content.texts.append(part)
        elif type(part) is dict:
            _read_part(part, content, manner, f"{place}[]")
        else:
            raise Unreadable(Reason.WRONG_TYPE)
    return content


def _read_part(part: dict[str, Any], content: Content, manner: Manner, place: str) -> None:
    kind = part.get("type") or "text"
    if kind in TEXTS:
        content.texts.append(_text_of(part))
        manner.leave(part, _TEXT_KEYS, place)
    elif kind == "refusal" and type(part.get("refusal")) is str:
        content.texts.append(part["refusal"])
    elif kind in THOUGHTS:
        content.thoughts.append(_thought_of(part, manner, place))
    elif kind in CALLS:
        content.calls.append({key: value for key, value in part.items() if key != "type"})
    elif kind in RESULTS:
        manner.leave(part, _RESULT_KEYS, place)
        content.results.append(_result_of(part, manner, place))
    elif kind in MEDIA:
        if not manner.text_only:
            raise Unreadable(Reason.NOT_TEXT)
        manner.trail.leave(f"{place}.{kind}")
    elif kind == "redacted_thinking":
        manner.trail.leave(f"{place}.{kind}")
    else:
        raise Unreadable(Reason.UNKNOWN_PART)


def _text_of(part: dict[str, Any]) -> str:
    text = part.get("text") if part.get("text") is not None else part.get("content")
    text = text.get("value") if type(text) is dict else text
    if type(text) is not str:
        raise Unreadable(Reason.NOT_TEXT)
    return text


def _thought_of(part: dict[str, Any], manner: Manner, place: str) -> str:
    for key in ("thinking", "reasoning", "text"):
        if type(part.get(key)) is str:
            manner.leave(part, frozenset({"type", key}), place)
            return str(part[key])
    held = part.get("summary") if holds(part.get("summary")) else part.get("content")
    manner.leave(part, frozenset({"type", "id", "summary", "content"}), place)
    return "\n\n".join(read_content(held or [], manner, place).texts)


def _result_of(part: dict[str, Any], manner: Manner, place: str) -> tuple[str | None, str]:
    called = part.get("tool_use_id") or part.get("call_id")
    said = part.get("content") if "content" in part else part.get("output")
    if called is not None and type(called) is not str:
        raise Unreadable(Reason.WRONG_TYPE)
    return called, read_text(said, manner, place) or ""
