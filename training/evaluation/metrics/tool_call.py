"""The answer calls the tools that the reference calls."""

from __future__ import annotations

import json
from typing import Any

from tilth.training.evaluation.metric import metric

MAX_JSON_CHARS = 100_000


@metric("tool_call")
def tool_call(answer: str, reference: str) -> float:
    """The answer calls the reference's tools, in order, with equal arguments.

    Calls are the JSON objects with a `name` found in the text, in whatever marks the template puts around
    them, or entries {"function": {"name", "arguments"}}.
    """
    wanted = calls_in(reference)
    return float(bool(wanted) and calls_in(answer) == wanted)


def calls_in(text: str) -> list[tuple[str, Any]]:
    """Return (name, arguments) of every tool call written in `text`."""
    calls: list[tuple[str, Any]] = []
    decoder = json.JSONDecoder()
    text = text[:MAX_JSON_CHARS]
    position = text.find("{")
    while position >= 0:
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            position = text.find("{", position + 1)
            continue
        call = value.get("function") if isinstance(value.get("function"), dict) else value
        if isinstance(call.get("name"), str):
            calls.append((call["name"], _arguments(call.get("arguments", call.get("parameters")))))
        position = text.find("{", end)
    return calls


def _arguments(value: Any) -> Any:
    """Arguments come as an object or as its JSON text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value or {}
