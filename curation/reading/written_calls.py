"""Calls, results and tools that stand as text in a conversation, as Hermes, Glaive and their kin write them.

<tool_call>{…}</tool_call>, <functioncall> {…}, <function=NAME>{…}</function> with JSON or <parameter=NAME> inside,
[TOOL_CALLS] […] and Llama's <|python_tag|> with JSON or NAME.call(…) in answers, <tool_response>…</tool_response>, and
definitions in the system prompt. A row is read so whole or not at all: what does not parse stays text, and the row is
counted. So is ReAct (Action: … Action Input: …), whose calls and thoughts no template writes apart.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from tilth.curation.reading.calls import MAX_ARGUMENT_DEPTH, read_calls, read_tools
from tilth.curation.reading.chat import Turn
from tilth.curation.reading.limits import Reason, Unreadable
from tilth.curation.reading.manner import Manner, stable_json
from tilth.curation.reading.parse import parse_json
from tilth.shards.tables import Role

PYTHON_TAG, REACT = "<|python_tag|>", "Action Input:"
# What a text has that may hold any of them.
MARKS = ("<tool", "<func", "[TOOL_CALLS]", PYTHON_TAG)
READ = "calls, results or tools written as text, read as such (`written_calls: keep` of the source keeps the text)"
KEPT = (
    "calls written as text that do not parse, learned as text: write them as `tool_calls`, "
    "or say `written_calls: keep` of the source if they are meant so"
)
REACT_KEPT = (
    "answers that call by `Action:` and `Action Input:` (ReAct), learned as text: write them as `tool_calls`, "
    "or say `written_calls: keep` of the source if they are meant so"
)
# The same in JSON lines; apart, each with a beginning that is searched for at the speed of memory.
_ENCODED = tuple(
    re.compile(mark)
    for mark in (
        rb"<(?:tool|func)",
        rb"\[TOOL_CALLS\]",
        rb"\\u003c(?:tool|func|\|python_tag)",
        rb"<\|python_tag\|>",
    )
)
_ANSWERS = {Role.ASSISTANT.value, Role.CHOSEN.value, Role.REJECTED.value}
_SYSTEM = {Role.SYSTEM.value, Role.DEVELOPER.value}
_OPENS = re.compile(r"<tool_call>|<functioncall>|<function=|\[TOOL_CALLS\]|<\|python_tag\|>")
_CALL = re.compile(
    r"<tool_call>(?P<hermes>.*?)</tool_call>"
    r"|<functioncall>(?P<glaive>.*?)(?:</functioncall>|<\|endoftext\|>|(?=<functioncall>)|\Z)"
    r"|<function=(?P<name>[^>\s]{1,256})>(?P<arguments>.*?)</function>"
    r"|\[TOOL_CALLS\](?P<mistral>.*)\Z"
    r"|<\|python_tag\|>(?P<llama>.*)\Z",
    re.DOTALL,
)
_RESULT, _RESULT_END = "<tool_response>", "</tool_response>"
_ENDS = re.compile(r"(?:<\|endoftext\|>|<\|im_end\|>|<\|eom_id\|>|<\|eot_id\|>|</s>)\s*\Z")
# Glaive quotes the arguments, themselves JSON, with single quotes.
_QUOTED = re.compile(r"""\{\s*"name":\s*("(?:[^"\\]|\\.)*"),\s*"arguments":\s*'(.*)'\s*\}""", re.DOTALL)
_TOOLS = re.compile(r"<tools>\s*(?=[\[{])")
_TOOLS_END, _CALL_END = "</tools>", "</tool_call>"
_ANNOUNCED = re.compile(r",?\s*with access to the following (?:functions|tools)\b[^\[{]{0,80}(?=[\[{])")
_FUNCTION = re.compile(r"<function=(?P<name>[^>\s]{1,256})>(?P<arguments>.*)</function>", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=(?P<key>[^>\s]{1,256})>(?P<value>.*?)</parameter>\s*", re.DOTALL)
_PARTED = re.compile(r"[\s;]*")
_SPACE, _BETWEEN = re.compile(r"\s*"), re.compile(r"[\s,]*")
_SENTENCE = re.compile(r"(?<=[.!?:])\s+")
MAX_CALLS = 256  # of one answer


def may_hold_calls(block: bytes, start: int) -> bool:
    """Tell whether a block of JSON lines may hold any of the marks from a byte on."""
    return any(mark.search(block, start) for mark in _ENCODED)


def may_hold_react(block: bytes, start: int) -> bool:
    """Tell whether a block of JSON lines holds a call as ReAct writes them from a byte on."""
    return block.find(REACT.encode(), start) >= 0


class _NotWhole(Exception):
    """What is written does not parse as a whole."""


def with_calls(
    turns: list[Turn], tools: str | None, manner: Manner, *, is_transcript: bool = False
) -> tuple[list[Turn], str | None]:
    """Return turns and tools with what is written as text as what it stands for; a note counts the row.

    is_transcript: the row is a text itself, whose system prompt may list tools though it calls none.
    Raises Unreadable where the row has too many turns then.
    """
    is_marked = any(mark in (turn.get("text") or "") for turn in turns for mark in MARKS)
    if not manner.keeps_calls and any(REACT in (t.get("text") or "") for t in turns if t["role"] in _ANSWERS):
        manner.trail.note(REACT_KEPT)
    if manner.keeps_calls or not (is_marked or is_transcript):
        return turns, tools
    found: list[Turn] = []
    try:
        for turn in turns:
            if turn["role"] in _SYSTEM:
                read, written = _read_system(turn)
                tools = tools or written
            else:
                read = _read_answer(turn, manner, tools) if turn["role"] in _ANSWERS else _read_results(turn)
            found += read
    except (_NotWhole, Unreadable):
        manner.trail.note(KEPT)
        return turns, tools
    if found == turns:
        return turns, tools
    if len(found) > manner.max_turns:
        raise Unreadable(Reason.TOO_MANY_TURNS)
    manner.trail.note(READ)
    return found, tools


def _read_answer(turn: Turn, manner: Manner, tools: str | None) -> list[Turn]:
    text = turn.get("text") or ""
    opened = _OPENS.search(text)
    if opened is None:
        return [turn]
    if "tool_calls" in turn:
        raise _NotWhole
    text = _ENDS.sub("", text)
    calls: list[Any] = []
    at = opened.start()
    while at < len(text):
        found = _CALL.match(text, at)
        if found is None or len(calls) >= MAX_CALLS:
            raise _NotWhole  # words behind a call, or a call without its end
        calls += _parsed(found, tools)
        at = _behind(_SPACE, text, found.end())
    before = text[: opened.start()].strip()
    rest = {key: value for key, value in turn.items() if key != "text"}
    written = read_calls(calls, manner, "tool_call")
    if not all(type(call["arguments"]) is dict for call in json.loads(written)):
        raise _NotWhole
    return [{**rest, **({"text": before} if before else {}), "tool_calls": written}]


def _behind(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Return the position after a match of a pattern that matches anywhere."""
    found = pattern.match(text, at)
    return found.end() if found else at


def _parsed(found: re.Match[str], tools: str | None) -> list[Any]:
    """Return the calls of one mark."""
    if found["name"] is not None:
        return [_function(found["name"], found["arguments"], tools)]
    if found["llama"] is not None:
        return _llama(found["llama"].strip())
    written = next(text for text in (found["hermes"], found["glaive"], found["mistral"]) if text is not None)
    inside = _FUNCTION.fullmatch(written.strip())
    if inside:
        return [_function(inside["name"], inside["arguments"], tools)]
    value = _value(written.strip())
    return value if type(value) is list else [value]


def _function(name: str, written: str, tools: str | None) -> dict[str, Any]:
    """Return a call whose arguments are JSON, or a <parameter=NAME> each, as Qwen3-Coder writes them.

    Such an argument is text where the tool says so, else what JSON makes of it, else text.
    """
    written = written.strip()
    if not written.startswith("<parameter="):
        return {"name": name, "arguments": _value(written or "{}")}
    if _PARAMETER.sub("", written).strip():
        raise _NotWhole
    texts = _text_parameters(name, tools)
    arguments: dict[str, Any] = {}
    for parameter in _PARAMETER.finditer(written):
        key, said = parameter["key"], parameter["value"].removeprefix("\n").removesuffix("\n")
        if key in arguments:
            raise _NotWhole
        arguments[key] = said if key in texts else _json_or_text(said)
    return {"name": name, "arguments": arguments}


def _text_parameters(name: str, tools: str | None) -> set[str]:
    """Return the parameters of a tool that its definition says are strings."""
    for tool in json.loads(tools) if tools else []:
        function = tool.get("function", tool)
        if type(function) is dict and function.get("name") == name:
            schema = function.get("parameters")
            properties = schema.get("properties") if type(schema) is dict else None
            known = properties if type(properties) is dict else {}
            return {key for key, of in known.items() if type(of) is dict and of.get("type") == "string"}
    return set()


def _json_or_text(text: str) -> Any:
    try:
        return parse_json(text.encode(), MAX_ARGUMENT_DEPTH)
    except Unreadable:
        return text


def _llama(written: str) -> list[Any]:
    """Return the calls behind Llama's python tag: JSON objects parted by `;`, or one built-in tool's NAME.call(…)."""
    if written.startswith("{"):
        decoder, calls, at = json.JSONDecoder(), [], 0
        try:
            while at < len(written):
                _, end = decoder.raw_decode(written, at)
                calls.append(_value(written[at:end]))
                at = _behind(_PARTED, written, end)
        except (ValueError, RecursionError):
            raise _NotWhole from None
        return calls
    try:
        call = ast.parse(written, mode="eval").body
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise _NotWhole from None  # a program, say
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "call"):
        raise _NotWhole
    if (
        call.args
        or not isinstance(call.func.value, ast.Name)
        or any(word.arg is None for word in call.keywords)
    ):
        raise _NotWhole
    arguments = {str(word.arg): _literal(ast.unparse(word.value)) for word in call.keywords}
    return [{"name": call.func.value.id, "arguments": arguments}]


def _literal(text: str) -> Any:
    """Return what the literal of a Python value says, as JSON can hold it."""
    try:
        value = ast.literal_eval(text)
        return parse_json(json.dumps(value, allow_nan=False).encode(), MAX_ARGUMENT_DEPTH)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, Unreadable):
        raise _NotWhole from None


def _value(text: str) -> Any:
    """Return what JSON, JSON with quoted arguments, or the literal of a Python dict says."""
    try:
        return parse_json(text.encode(), MAX_ARGUMENT_DEPTH)
    except Unreadable:
        pass
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        arguments = quoted[2].replace("\\'", "'")
        return {
            "name": json.loads(quoted[1]),
            "arguments": parse_json(arguments.encode(), MAX_ARGUMENT_DEPTH),
        }
    if not text.startswith(("{'", "[{'")):
        raise _NotWhole
    return _literal(text)


def _read_results(turn: Turn) -> list[Turn]:
    """Return a turn for each result of a turn that holds nothing else."""
    text = (turn.get("text") or "").strip()
    if not text.startswith(_RESULT):
        return [turn]
    parts = text.split(_RESULT)[1:]
    if not all(part.rstrip().endswith(_RESULT_END) for part in parts):
        raise _NotWhole
    rest = {key: value for key, value in turn.items() if key != "text"}
    said = (part.rstrip().removesuffix(_RESULT_END).strip() for part in parts)
    return [{**rest, "role": Role.TOOL.value, "text": text} for text in said]


def _read_system(turn: Turn) -> tuple[list[Turn], str | None]:
    """Return the turn without its tools and without the words on how to call them, and the tools."""
    text = turn.get("text") or ""
    opened, announced = _TOOLS.search(text), _ANNOUNCED.search(text)
    if opened:
        end = text.find(_TOOLS_END, opened.end())
        if end < 0:
            raise _NotWhole
        tools = _definitions(text[opened.end() : end])
        behind = text[end + len(_TOOLS_END) :]
        # How to call is shown by the template of the base, in its own words.
        behind = behind[behind.rfind(_CALL_END) + len(_CALL_END) :] if _CALL_END in behind else behind
        sentences = _SENTENCE.split(text[: opened.start()].strip())
        kept = [said for said in sentences if "tools>" not in said and not said.endswith(":")]
        left = "\n\n".join(part for part in (" ".join(kept), behind.strip()) if part)
    elif announced:
        tools = _definitions(text[announced.end() :])
        left = text[: announced.start()].rstrip()
        left += "." if left and left[-1].isalnum() else ""
    else:
        return [turn], None
    return ([{**turn, "text": left}] if left else []), tools


def _definitions(text: str) -> str:
    """Return the definitions that a text lists, as JSON or as objects one after the other, as canonical JSON."""
    decoder, found, at = json.JSONDecoder(), [], 0
    text = text.strip()
    try:
        while at < len(text):
            value, end = decoder.raw_decode(text, at)
            found += value if type(value) is list else [value]
            at = _behind(_BETWEEN, text, end)
    except (ValueError, RecursionError):
        raise _NotWhole from None
    named = [
        tool.get("function") if type(tool) is dict and type(tool.get("function")) is dict else tool
        for tool in found
    ]
    if not named or not all(type(tool) is dict and type(tool.get("name")) is str for tool in named):
        raise _NotWhole
    # Without their `type` they are the insides of tools, as in OpenAI's `functions`.
    tools = read_tools(stable_json(found), in_functions=True)
    if tools is None:
        raise _NotWhole
    return tools
