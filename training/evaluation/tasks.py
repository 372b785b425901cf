"""Reads evaluation tasks: JSON lines, each a conversation or a prompt with the answer that is wanted."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilth.shards.errors import SourceError
from tilth.training.evaluation.metric_plugins import find
from tilth.training.recipe import Task

MAX_LINE_BYTES = 1 << 20
MAX_BYTES = 1 << 30
MIN_QUESTION_CHARS = 40  # a shorter question is told by its answer as well
PROMPT_KEYS = ("prompt", "question", "instruction")
ANSWER_KEYS = ("response", "answer", "completion", "output")
SHAPES = (
    f"messages ending with an assistant turn, or {'/'.join(PROMPT_KEYS)} (instruction: and input) "
    f"with {'/'.join(ANSWER_KEYS)}"
)


@dataclass(frozen=True)
class Item:
    """One question: messages as chat templates take them, tools, the reference answer, and its slice if it has one."""

    line: int
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None
    reference: str
    slice: str = ""


def read(task: Task, base_dir: Path) -> list[Item]:
    """Return the first `task.max_rows` items of a task file.

    Raises SourceError naming file and line, TrainingError for a metric that is not to be had; blank lines are passed
    over.
    """
    path = base_dir / task.path
    items: list[Item] = []
    problem = find(task.metric).problem
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _broken(str(path), f"larger than {MAX_BYTES >> 20} MiB")
        with path.open("rb") as file:
            number = 0
            while len(items) < task.max_rows and (line := file.readline(MAX_LINE_BYTES + 1)):
                number += 1
                where = f"{task.path}:{number}"
                if len(line) > MAX_LINE_BYTES:
                    raise _broken(where, f"the line is longer than {MAX_LINE_BYTES >> 10} KiB")
                if line.strip():
                    items.append(_item(line, number, where, problem))
    except OSError as error:
        raise _broken(str(path), f"cannot be read ({error.strerror})") from error
    if not items:
        raise _broken(str(path), "holds no items")
    return items


def question_texts(item: Item) -> list[str]:
    """Return what a text must not hold that is trained on: the question with its reference, a longer one alone too."""
    question = str(item.messages[-1]["content"])
    alone = [question] if len(question) >= MIN_QUESTION_CHARS else []
    return [f"{question}\n{item.reference}", *alone]


def _item(line: bytes, number: int, where: str, problem: Callable[[str], str]) -> Item:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _broken(where, "not valid JSON") from error
    if not isinstance(value, dict):
        raise _broken(where, "not a JSON object")
    if isinstance(value.get("messages"), list):
        messages, reference = _conversation(value["messages"], where)
    else:
        messages, reference = _pair(value, where)
    tools = _parsed(value.get("tools"))
    if tools is not None and not isinstance(tools, list):
        raise _broken(where, "`tools` is not a list")
    if what := problem(reference):
        raise _broken(where, what)
    named = value.get("slice")
    return Item(number, messages, tools or None, reference, named if isinstance(named, str) else "")


def _conversation(messages: list[Any], where: str) -> tuple[list[dict[str, Any]], str]:
    if not all(isinstance(m, dict) and isinstance(m.get("role"), str) for m in messages):
        raise _broken(where, "a message has no role")
    if len(messages) < 2 or messages[-1]["role"] != "assistant":
        raise _broken(where, "the last message is not an assistant turn after a question")
    *asked, answer = [_message(m, where) for m in messages]
    calls = answer.get("tool_calls")
    reference = json.dumps([c["function"] for c in calls]) if calls else answer["content"]
    return asked, reference


def _message(message: dict[str, Any], where: str) -> dict[str, Any]:
    """Keep what templates read, with tool arguments as objects."""
    content = message.get("content")
    kept: dict[str, Any] = {"role": message["role"], "content": content if isinstance(content, str) else ""}
    kept.update({k: message[k] for k in ("reasoning_content", "tool_call_id", "name") if message.get(k)})
    if isinstance(message.get("tool_calls"), list) and message["tool_calls"]:
        kept["tool_calls"] = [_call(c, where) for c in message["tool_calls"]]
    return kept


def _call(call: Any, where: str) -> dict[str, Any]:
    """Return a call as templates take it, from either way of writing one."""
    function = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise _broken(where, "a tool call has no name")
    kept = {"name": function["name"], "arguments": _parsed(function.get("arguments"))}
    return {"type": "function", "function": kept, **({"id": call["id"]} if call.get("id") else {})}


def _parsed(value: Any) -> Any:
    """Return what JSON text holds; anything else as it is."""
    if isinstance(value, str):
        with suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def _pair(value: dict[str, Any], where: str) -> tuple[list[dict[str, Any]], str]:
    prompt = next((value[k] for k in PROMPT_KEYS if isinstance(value.get(k), str)), None)
    answer = next((value[k] for k in ANSWER_KEYS if isinstance(value.get(k), str)), None)
    if prompt is None or answer is None:
        raise _broken(where, f"neither shape: found keys {', '.join(sorted(map(str, value)))[:200]}")
    if isinstance(value.get("input"), str) and value["input"]:
        prompt = f"{prompt}\n\n{value['input']}"
    system = [{"role": "system", "content": value["system"]}] if value.get("system") else []
    return [*system, {"role": "user", "content": prompt}], answer


def _broken(where: str, what: str) -> SourceError:
    return SourceError(where, what, "The model cannot be judged on this task", f"Each line needs {SHAPES}")
