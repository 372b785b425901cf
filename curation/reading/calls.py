"""Tool calls and tool definitions, in the keys their publishers use, to the one form that is kept."""

from __future__ import annotations

from typing import Any

from tilth.curation.reading.limits import Reason, Unreadable
from tilth.curation.reading.manner import Manner, holds, stable_json
from tilth.curation.reading.parse import parse_json

MAX_ARGUMENT_DEPTH = 64
ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
ID_KEYS = ("id", "call_id", "tool_call_id")
CALL_KEYS = frozenset({"type", "function", "name", "index", *ID_KEYS, *ARGUMENT_KEYS})


def parse_calls(text: str, manner: Manner, place: str) -> str:
    """Return the calls that a text holds, one or a list of them, as canonical JSON. Raises Unreadable."""
    try:
        calls = parse_json(text.encode(), MAX_ARGUMENT_DEPTH)
    except Unreadable:
        raise Unreadable(Reason.INVALID_TOOL_CALL) from None
    return read_calls(calls if type(calls) is list else [calls], manner, place)


def read_calls(calls: Any, manner: Manner, place: str) -> str:
    """Return calls as canonical JSON, [{"id", "name", "arguments"}]. Raises Unreadable."""
    if type(calls) is str:
        return parse_calls(calls, manner, place)
    if type(calls) is not list or not calls:
        raise Unreadable(Reason.INVALID_TOOL_CALL)
    return stable_json([_read_call(call, manner, place) for call in calls])


def is_calls(value: Any) -> bool:
    """Tell whether an answer is a list of calls, as in xLAM: each with a name and arguments."""
    if type(value) is str:
        if not value.lstrip().startswith("["):
            return False
        try:
            value = parse_json(value.encode(), MAX_ARGUMENT_DEPTH)
        except Unreadable:
            return False
    return type(value) is list and bool(value) and all(map(_is_call, value))


def read_tools(value: Any, *, in_functions: bool = False) -> str | None:
    """Return tool definitions, a list or a string of JSON, as canonical JSON. Raises Unreadable.

    in_functions: they come from OpenAI's `functions`, whose every entry is the inside of a tool. So are those
    of the Responses API and, with other names for their keys, Anthropic's.
    """
    if type(value) is str and value.strip():
        value = parse_json(value.encode(), MAX_ARGUMENT_DEPTH)
    if not value:
        return None
    if type(value) is not list:
        raise Unreadable(Reason.WRONG_TYPE)
    return stable_json([_read_tool(tool, in_functions) for tool in value])


def _is_call(call: Any) -> bool:
    return (
        type(call) is dict
        and type(call.get("name")) is str
        and any(type(call.get(k)) is dict for k in ARGUMENT_KEYS)
    )


def _read_call(call: Any, manner: Manner, place: str) -> dict[str, Any]:
    if type(call) is not dict:
        raise Unreadable(Reason.INVALID_TOOL_CALL)
    function = call.get("function") or call
    if type(function) is not dict or type(function.get("name")) is not str:
        raise Unreadable(Reason.INVALID_TOOL_CALL)
    for held in (call, function):
        manner.leave(held, CALL_KEYS, place)
    given = next((function[key] for key in ARGUMENT_KEYS if function.get(key) is not None), None)
    return {
        "id": next((call[key] for key in ID_KEYS if call.get(key) is not None), None),
        "name": function["name"],
        "arguments": {} if given is None or given == "" else _arguments(given),
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


def _read_tool(tool: Any, in_functions: bool) -> Any:
    if type(tool) is str:
        tool = parse_json(tool.encode(), MAX_ARGUMENT_DEPTH)
    if type(tool) is not dict or holds(tool.get("function")) or type(tool.get("name")) is not str:
        return tool
    if "input_schema" in tool:
        tool = {"parameters" if key == "input_schema" else key: value for key, value in tool.items()}
    elif not in_functions and tool.get("type") != "function":
        return tool
    return {"type": "function", "function": {k: v for k, v in tool.items() if k != "type"}}
