"""A list of messages, in the keys their publishers use, to turns.

OpenAI (role/content, tool_calls, reasoning_content), Anthropic's blocks, items of the Responses API, ShareGPT
(from/value, with its tool turns) and speaker/text are told apart message by message. A turn is a dict with the
columns of TURNS; absent means null.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from tilth.curation.reading.calls import MAX_ARGUMENT_DEPTH, parse_calls, read_calls
from tilth.curation.reading.content import Content, read_content
from tilth.curation.reading.limits import Reason, Unreadable
from tilth.curation.reading.manner import MEDIA, MEDIA_MARK, Manner, holds, is_nothing, is_shown, stable_json
from tilth.curation.reading.parse import parse_json
from tilth.shards.tables import Role

Turn = dict[str, Any]

TEXT_KEY_OF = {"role": "content", "from": "value", "speaker": "text"}
REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
TOOL_CALL_SPEAKERS = ("function_call", "tool_call")
CALL_KEYS = ("tool_calls", "function_call")
# Whether a message is to be learned: by OpenAI and Mistral, ms-swift, axolotl and their kin.
LOSS_KEYS = ("weight", "loss", "train", "trainable", "training", "train_detail")
NAME_KEYS = ("tool_call_id", "name")
READ_KEYS = frozenset({*REASONING_KEYS, *CALL_KEYS, *LOSS_KEYS, *NAME_KEYS, "type"})
ITEMS = ("function_call", "function_call_output", "reasoning")
SEPARATOR = "\n\n"
ASSISTANT, USER, TOOL = Role.ASSISTANT.value, Role.USER.value, Role.TOOL.value


def is_conversation(value: Any) -> bool:
    """Tell whether a value looks like a list of messages."""
    if type(value) is str:
        value = _parsed(value)
    return isinstance(value, list) and bool(value) and all(map(is_message, value))


def is_message(value: Any) -> bool:
    """Tell whether a value looks like one message."""
    if not isinstance(value, dict):
        return False
    return any(isinstance(value.get(key), str) for key in TEXT_KEY_OF) or value.get("type") in ITEMS


def read_messages(messages: Any, manner: Manner, place: str) -> list[Turn]:
    """Return the turns of a list of messages, or of the JSON of one. Raises Unreadable."""
    if type(messages) is str:
        messages = _parsed(messages)
    if type(messages) is not list:
        raise Unreadable(Reason.WRONG_TYPE)
    if not messages:
        raise Unreadable(Reason.NO_TURNS)
    if len(messages) > manner.max_turns:
        raise Unreadable(Reason.TOO_MANY_TURNS)
    place = f"{place}[]"
    turns: list[Turn] = []
    follows_item = False
    for message in messages:
        read = _read_message(message, manner, place)
        is_item = type(message) is dict and message.get("type") in ITEMS
        turns += _joined(turns[-1], read, is_item=is_item) if follows_item else read
        follows_item = is_item and turns[-1]["role"] == ASSISTANT
    if manner.merge:
        turns = _merged(turns, manner)
    return turns


def read_message(message: Any, manner: Manner, place: str) -> list[Turn]:
    """Return the turns of one message. Raises Unreadable."""
    return read_messages([message], manner, place)


def without_media(turns: list[Turn], manner: Manner) -> list[Turn]:
    """Return turns without the marks of pictures, sounds and films; Raises Unreadable unless only text is wanted."""
    for turn in turns:
        text = turn.get("text")
        if turn["role"] == USER and text and "<" in text and is_shown(text):
            if not manner.text_only:
                raise Unreadable(Reason.NOT_TEXT)
            manner.trail.note("marks of pictures, sounds or films left out")
            turn["text"] = MEDIA_MARK.sub("", text).strip()
    return turns


def _parsed(text: str) -> Any:
    try:
        return parse_json(text.encode(), MAX_ARGUMENT_DEPTH) if text.lstrip()[:1] == "[" else text
    except Unreadable:
        return text


def _joined(before: Turn, read: list[Turn], *, is_item: bool) -> list[Turn]:
    """Let an answer that comes in items (a thought, calls side by side, a text) be one turn; return the others."""
    first = read[0]
    if first["role"] != ASSISTANT or ("tool_calls" in before and not is_item):
        return read
    if "tool_calls" in before and "tool_calls" in first:
        before["tool_calls"] = _concatenated(before["tool_calls"], first["tool_calls"])
    else:
        before.update(first)
    return read[1:]


def _concatenated(calls: str, more: str) -> str:
    return stable_json([*json.loads(calls), *json.loads(more)])


def _read_message(message: Any, manner: Manner, place: str) -> list[Turn]:
    if type(message) is not dict:
        raise Unreadable(Reason.WRONG_TYPE)
    for speaker_key, text_key in TEXT_KEY_OF.items():
        speaker = message.get(speaker_key)
        if speaker is not None:
            return _read_spoken(message, speaker_key, text_key, manner, place)
    if message.get("type") in ITEMS:
        return _turns_of(read_content([message], manner, place), {"role": ASSISTANT}, manner, place)
    raise Unreadable(Reason.MISSING_FIELD)


def _read_spoken(
    message: dict[str, Any], speaker_key: str, text_key: str, manner: Manner, place: str
) -> list[Turn]:
    speaker = message[speaker_key]
    if type(speaker) is not str:
        raise Unreadable(Reason.WRONG_TYPE)
    role = manner.roles.get(speaker) or manner.roles.get(speaker.lower())
    if role is None:
        raise Unreadable(Reason.UNKNOWN_ROLE)
    text = message.get(text_key)
    if type(text) is str and len(message) == 2 and speaker.lower() not in TOOL_CALL_SPEAKERS:
        return [{"role": role, "text": text}]
    manner.leave(message, READ_KEYS | {speaker_key, text_key}, place)
    if any(holds(message.get(key)) for key in MEDIA) and not manner.text_only:
        raise Unreadable(Reason.NOT_TEXT)
    turn: Turn = {"role": role} | _learned(message, role)
    if speaker.lower() in TOOL_CALL_SPEAKERS and type(text) is str:
        return [{**turn, "tool_calls": parse_calls(text, manner, place)}]
    if not _add_keys(turn, message, manner, place) and text_key not in message:
        raise Unreadable(Reason.MISSING_FIELD)
    if type(text) is str:
        return [{**turn, "text": text}]
    if is_nothing(text):
        return [turn]
    return _turns_of(read_content(text, manner, f"{place}.{text_key}"), turn, manner, place)


def _add_keys(turn: Turn, message: dict[str, Any], manner: Manner, place: str) -> bool:
    """Add what a message says beside its text; return whether it calls a tool."""
    calls = next((message[key] for key in CALL_KEYS if message.get(key)), None)
    if calls is not None:
        calls = [calls] if type(calls) is dict else calls
        turn["tool_calls"] = read_calls(calls, manner, f"{place}.tool_calls[]")
    reasoning = next((message[key] for key in REASONING_KEYS if message.get(key) is not None), None)
    for column, value in {
        "reasoning": reasoning,
        "tool_call_id": message.get("tool_call_id"),
        "name": message.get("name"),
    }.items():
        if value is None:
            continue
        if type(value) is not str:
            raise Unreadable(Reason.WRONG_TYPE)
        turn[column] = value
    return calls is not None


def _turns_of(content: Content, turn: Turn, manner: Manner, place: str) -> list[Turn]:
    """Return the turn of a message whose content came in parts, and turns for results of calls among them."""
    results: list[Turn] = [
        {"role": TOOL, "text": text} | ({"tool_call_id": called} if called else {})
        for called, text in content.results
    ]
    text = content.text()
    if text is not None:
        turn["text"] = text
    if content.thoughts:
        thoughts = [turn["reasoning"]] if "reasoning" in turn else []
        turn["reasoning"] = SEPARATOR.join([*thoughts, *content.thoughts])
    if content.calls:
        calls = read_calls(content.calls, manner, f"{place}.tool_calls[]")
        turn["tool_calls"] = _concatenated(turn["tool_calls"], calls) if "tool_calls" in turn else calls
    says = turn.keys() & {"text", "reasoning", "tool_calls"}
    if not says and not results:
        turn["text"] = ""
    own = [turn] if says or not results else []
    return [*own, *results] if turn["role"] == ASSISTANT else [*results, *own]


def _learned(message: dict[str, Any], role: str) -> Turn:
    """Return {"learned": False} for an answer that is only to be read. Raises Unreadable where that is not clear."""
    said: set[bool] = set()
    for key in LOSS_KEYS:
        value = message.get(key)
        if not holds(value):
            continue
        found = _detailed(value) if key == "train_detail" else [value]
        if not found or not all(type(v) in (bool, int, float) and v in (0, 1) for v in found):
            raise Unreadable(Reason.UNCLEAR_LOSS)
        if role != ASSISTANT and key != "weight" and True in map(bool, found):
            raise Unreadable(Reason.UNCLEAR_LOSS)  # a question that is to be learned
        said |= set(map(bool, found))
    if len(said) > 1:
        raise Unreadable(Reason.UNCLEAR_LOSS)
    return {"learned": False} if said == {False} and role == ASSISTANT else {}


def _detailed(value: Any) -> list[Any]:
    """Return what each span of axolotl's `train_detail` says."""
    return (
        [part.get("train") if type(part) is dict else None for part in value] if type(value) is list else []
    )


def _merged(turns: list[Turn], manner: Manner) -> list[Turn]:
    """Return turns with neighbours of one role joined; results of several calls stay apart."""
    merged = turns[:1]
    for before, turn in pairwise(turns):
        last = merged[-1]
        alike = before["role"] == turn["role"] != TOOL and last.get("learned") == turn.get("learned")
        if not alike:
            merged.append(turn)
            continue
        manner.trail.note("neighbours of one role merged")
        for key in ("text", "reasoning"):
            said = [held[key] for held in (last, turn) if held.get(key)]
            if said:
                last[key] = SEPARATOR.join(said)
        if "tool_calls" in turn:
            calls = last.get("tool_calls")
            last["tool_calls"] = _concatenated(calls, turn["tool_calls"]) if calls else turn["tool_calls"]
    return merged
