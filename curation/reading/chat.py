"""A list of messages, in the keys their publishers use, to turns.

OpenAI (role/content, tool_calls, reasoning_content), ShareGPT (from/value, with its tool turns) and
speaker/text are told apart message by message. A turn is a dict with the columns of TURNS; absent means null.
"""

from __future__ import annotations

import json
from typing import Any

from tilth.curation.reading.limits import Reason, Unreadable
from tilth.curation.reading.parse import parse_json
from tilth.shards.digest import canonical_json
from tilth.shards.tables import Role

Turn = dict[str, str]

TEXT_KEY_OF = {"role": "content", "from": "value", "speaker": "text"}
REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
TOOL_CALL_SPEAKER = "function_call"
ROLES = {
    "system": Role.SYSTEM.value,
    "developer": Role.DEVELOPER.value,
    "user": Role.USER.value,
    "human": Role.USER.value,
    "assistant": Role.ASSISTANT.value,
    "gpt": Role.ASSISTANT.value,
    "model": Role.ASSISTANT.value,
    "bot": Role.ASSISTANT.value,
    "chatgpt": Role.ASSISTANT.value,
    TOOL_CALL_SPEAKER: Role.ASSISTANT.value,
    "tool": Role.TOOL.value,
    "function": Role.TOOL.value,
    "observation": Role.TOOL.value,
    "function_response": Role.TOOL.value,
}
MAX_ARGUMENT_DEPTH = 64


def is_conversation(value: Any) -> bool:
    """Tell whether a value looks like a list of messages."""
    return isinstance(value, list) and bool(value) and all(map(_is_message, value))


def read_messages(messages: Any, max_turns: int) -> list[Turn]:
    """Return the turns of a list of messages. Raises Unreadable."""
    if type(messages) is not list:
        raise Unreadable(Reason.WRONG_TYPE)
    if not messages:
        raise Unreadable(Reason.NO_TURNS)
    if len(messages) > max_turns:
        raise Unreadable(Reason.TOO_MANY_TURNS)
    return [_read_message(message) for message in messages]


def read_text(value: Any) -> str | None:
    """Return a content value as text: a string, null, or a list of text parts. Raises Unreadable."""
    if type(value) is str or value is None:
        return value
    if type(value) is not list:
        raise Unreadable(Reason.WRONG_TYPE)
    return "".join(map(_read_part, value))


def read_tools(value: Any) -> str | None:
    """Return tool definitions, a list or a string of JSON, as canonical JSON. Raises Unreadable."""
    if type(value) is str and value.strip():
        value = parse_json(value.encode(), MAX_ARGUMENT_DEPTH)
    if not value:
        return None
    if type(value) is not list:
        raise Unreadable(Reason.WRONG_TYPE)
    return stable_json(value)


def stable_json(value: Any) -> str:
    """Return canonical JSON as text, integers beyond 64 bits included."""
    try:
        return canonical_json(value).decode()
    except TypeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and any(isinstance(value.get(key), str) for key in TEXT_KEY_OF)


def _read_message(message: Any) -> Turn:
    if type(message) is not dict:
        raise Unreadable(Reason.WRONG_TYPE)
    for speaker_key, text_key in TEXT_KEY_OF.items():
        speaker = message.get(speaker_key)
        if speaker is not None:
            return _read_spoken(message, speaker, text_key)
    raise Unreadable(Reason.MISSING_FIELD)


def _read_spoken(message: dict[str, Any], speaker: Any, text_key: str) -> Turn:
    if type(speaker) is not str:
        raise Unreadable(Reason.WRONG_TYPE)
    role = ROLES.get(speaker) or ROLES.get(speaker.lower())
    if role is None:
        raise Unreadable(Reason.UNKNOWN_ROLE)
    text = message.get(text_key)
    if type(text) is str and len(message) == 2:
        return {"role": role, "text": text} if speaker != TOOL_CALL_SPEAKER else _called(text)
    return _read_rich_message(message, role, speaker, text_key)


def _read_rich_message(message: dict[str, Any], role: str, speaker: str, text_key: str) -> Turn:
    """Read a message that has more than a speaker and a text, or no text."""
    text = read_text(message.get(text_key))
    if speaker == TOOL_CALL_SPEAKER and text is not None:
        return _called(text)
    turn = {"role": role}
    if text is not None:
        turn["text"] = text
    reasoning = next((message[key] for key in REASONING_KEYS if message.get(key) is not None), None)
    calls = message.get("tool_calls") or (
        [message["function_call"]] if message.get("function_call") else None
    )
    if calls is not None:
        turn["tool_calls"] = _read_calls(calls)
    elif text_key not in message:
        raise Unreadable(Reason.MISSING_FIELD)
    named = {"reasoning": reasoning, "tool_call_id": message.get("tool_call_id"), "name": message.get("name")}
    for column, value in named.items():
        if value is None:
            continue
        if type(value) is not str:
            raise Unreadable(Reason.WRONG_TYPE)
        turn[column] = value
    return turn


def _read_part(part: Any) -> str:
    if type(part) is str:
        return part
    if type(part) is dict and part.get("type", "text") == "text" and type(part.get("text")) is str:
        return part["text"]
    raise Unreadable(Reason.NOT_TEXT if type(part) is dict else Reason.WRONG_TYPE)


def _called(text: str) -> Turn:
    """Return the turn of ShareGPT's `function_call`, whose text is one call or a list of them."""
    try:
        calls = parse_json(text.encode(), MAX_ARGUMENT_DEPTH)
    except Unreadable:
        raise Unreadable(Reason.INVALID_TOOL_CALL) from None
    return {
        "role": Role.ASSISTANT.value,
        "tool_calls": _read_calls(calls if type(calls) is list else [calls]),
    }


def _read_calls(calls: Any) -> str:
    if type(calls) is not list or not calls:
        raise Unreadable(Reason.INVALID_TOOL_CALL)
    return stable_json([_read_call(call) for call in calls])


def _read_call(call: Any) -> dict[str, Any]:
    if type(call) is not dict:
        raise Unreadable(Reason.INVALID_TOOL_CALL)
    function = call.get("function") or call
    if type(function) is not dict or type(function.get("name")) is not str:
        raise Unreadable(Reason.INVALID_TOOL_CALL)
    return {
        "id": call.get("id"),
        "name": function["name"],
        "arguments": _arguments(function.get("arguments")),
    }


def _arguments(value: Any) -> Any:
    """Return the object that a string of JSON holds; anything else as it is."""
    if type(value) is not str:
        return value
    try:
        parsed = parse_json(value.encode(), MAX_ARGUMENT_DEPTH)
    except Unreadable:
        return value
    return parsed if type(parsed) is dict else value
