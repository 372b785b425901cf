"""A row of each shape to turns, by a mapping of its columns.

A row whose required columns are absent, or hold what cannot be read, is unreadable; a null is a value and is left
to the `empty` rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tilth.curation.reading.answers import (
    answer_text,
    chosen,
    is_marked_bad,
    plain_text,
    read_choices,
    with_choices,
)
from tilth.curation.reading.calls import is_calls, parse_calls, read_calls, read_tools
from tilth.curation.reading.chat import (
    SEPARATOR,
    Turn,
    is_conversation,
    is_message,
    read_message,
    read_messages,
    without_media,
)
from tilth.curation.reading.content import read_text
from tilth.curation.reading.limits import Reason, Unreadable
from tilth.curation.reading.manner import Manner, holds, is_nothing
from tilth.curation.reading.parse import parse_json
from tilth.curation.reading.ranked import best_and_worst
from tilth.curation.reading.recognise import Mapping, Row
from tilth.curation.reading.transcript import read_transcript, without_mark
from tilth.curation.reading.written_calls import with_calls
from tilth.shards.tables import Role, Shape

Columns = dict[str, str]
Read = tuple[list[Turn], str | None]
MAX_HISTORY_DEPTH = 8
TRANSCRIBED = "conversations written as one text, read as their turns"


def read_row(row: Row, mapping: Mapping, columns: Columns, manner: Manner) -> Read:
    """Return the turns and tools of a row; columns: its parts, as `mapping.of` gives them. Raises Unreadable."""
    if mapping.shape is Shape.DOCUMENT:
        return [_turn(Role.DOCUMENT, plain_text(_required(row, columns["text"]), manner))], None
    if any(holds(row.get(name)) for name in manner.media):
        raise Unreadable(Reason.NOT_TEXT)
    if "label" in columns and is_marked_bad(_required(row, columns["label"])):
        raise Unreadable(Reason.BAD_ANSWER)
    turns, tools = _READERS[mapping.shape](row, columns, manner)
    without_media(turns, manner)
    turns, tools = with_calls(
        turns, tools, manner, is_transcript=type(row.get(columns.get("messages", ""))) is str
    )
    answers = [turn for turn in turns if turn["role"] == Role.ASSISTANT]
    if answers and mapping.shape is not Shape.PREFERENCE and all("learned" in turn for turn in answers):
        raise Unreadable(Reason.NOTHING_LEARNED)
    return turns, tools


def _read_chat(row: Row, columns: Columns, manner: Manner) -> Read:
    column = columns["messages"]
    messages = _required(row, column)
    written = read_transcript(messages)
    if written:
        manner.trail.note(TRANSCRIBED)
    if written and "system" in columns:
        row = {**row, columns["system"]: without_mark(row.get(columns["system"]))}
    turns = read_messages(written or messages, manner, column)
    return _with_system(turns, row, columns, manner), _tools(row, columns)


def _read_instruction(row: Row, columns: Columns, manner: Manner) -> Read:
    prompt, response = columns["prompt"], columns["response"]
    question, answer = _required(row, prompt), _required(row, response)
    turns = _history(row, columns, manner)
    choices = row.get(columns["choices"]) if "choices" in columns else None
    marked = read_choices(choices) if holds(choices) else []
    if type(question) is list:
        turns += read_messages(question, manner, prompt)
    else:
        turns.append(_turn(Role.USER, _question(question, row, columns, manner, marked)))
    tools = _tools(row, columns)
    if type(answer) is list and is_conversation(answer):
        turns += read_messages(answer, manner, response)
    elif tools and is_calls(answer):
        calls = (
            parse_calls(answer, manner, response)
            if type(answer) is str
            else read_calls(answer, manner, response)
        )
        turns.append({"role": Role.ASSISTANT.value, "tool_calls": calls})
    else:
        said = chosen(answer, marked) if marked else answer
        turns.append(_turn(Role.ASSISTANT, answer_text(said, response, manner)))
    return _with_system(turns, row, columns, manner), tools


def _question(
    question: Any, row: Row, columns: Columns, manner: Manner, marked: list[tuple[str, str]]
) -> str | None:
    """Return context, prompt and input as one text, the choices after the prompt. A question is no number."""
    if not (type(question) is str or is_nothing(question)):
        raise Unreadable(Reason.WRONG_TYPE)
    texts = []
    for part in ("context", "prompt", "input"):
        value = question if part == "prompt" else row.get(columns[part]) if part in columns else None
        text = plain_text(value, manner)
        if text and part == "prompt" and marked:
            text = with_choices(text, marked)
        texts += [text] if text else []
    return SEPARATOR.join(texts) if texts else plain_text(question, manner)


def _read_preference(row: Row, columns: Columns, manner: Manner) -> Read:
    """Read a pair whose sides may repeat the prompt they share, as lists of messages do."""
    sides = [_side(value, columns[part], manner) for part, value in _pair(row, columns, manner).items()]
    longer, shorter = sorted(sides, key=len, reverse=True)
    if len(shorter) == 1 < len(longer):  # one side repeats the prompt, the other is its answer alone
        shorter[:0] = longer[:-1]
    good, bad = sides
    shared = 0
    while shared < min(len(good), len(bad)) - 1 and good[shared] == bad[shared]:
        shared += 1
    if any(len(side) != shared + 1 or side[-1]["role"] != Role.ASSISTANT for side in (good, bad)):
        raise Unreadable(Reason.NOT_A_PAIR)
    if any("learned" in turn for turn in (good[-1], bad[-1])):
        raise Unreadable(Reason.UNCLEAR_LOSS)
    turns = _history(row, columns, manner)
    if "messages" in columns:
        turns += read_messages(_required(row, columns["messages"]), manner, columns["messages"])
    prompt = row.get(columns["prompt"]) if "prompt" in columns else None
    inner_tools = None
    if type(prompt) is dict:  # OpenAI's `input`
        inner_tools = read_tools(prompt["tools"]) if holds(prompt.get("tools")) else None
        manner.leave(prompt, frozenset({"messages", "tools"}), columns["prompt"])
        prompt = prompt.get("messages")
    if prompt and not any(turn["role"] == Role.USER for turn in good[:shared]):
        written = read_transcript(prompt)
        if written and not written[-1]["content"]:  # "Human: …\n\nAssistant:", as in HH-RLHF and Nectar
            manner.trail.note(TRANSCRIBED)
            prompt = written[:-1]
        if type(prompt) is list:
            turns += read_messages(prompt, manner, columns["prompt"])
        else:
            turns.append(_turn(Role.USER, _question(prompt, row, columns, manner, [])))
    turns += good[:shared]
    turns += [{**good[-1], "role": Role.CHOSEN.value}, {**bad[-1], "role": Role.REJECTED.value}]
    return _with_system(turns, row, columns, manner), inner_tools or _tools(row, columns)


def _pair(row: Row, columns: Columns, manner: Manner) -> dict[str, Any]:
    """Return both sides: of a column that is both, its best and its worst.

    Where nothing else says what was asked, a side may be a whole conversation as one text.
    """
    pair = {part: _required(row, columns[part]) for part in ("chosen", "rejected")}
    if columns["chosen"] == columns["rejected"]:
        return dict(zip(pair, best_and_worst(pair["chosen"], manner, columns["chosen"]), strict=True))
    if "messages" in columns or holds(row.get(columns.get("prompt", ""))):
        return pair
    written = {part: read_transcript(value) for part, value in pair.items()}
    if not all(written.values()):
        return pair
    manner.trail.note(TRANSCRIBED)
    return written


_READERS: dict[Shape, Callable[[Row, Columns, Manner], Read]] = {
    Shape.CHAT: _read_chat,
    Shape.INSTRUCTION: _read_instruction,
    Shape.PREFERENCE: _read_preference,
}


def _required(row: Row, column: str) -> Any:
    if column not in row:
        raise Unreadable(Reason.MISSING_FIELD)
    return row[column]


def _history(row: Row, columns: Columns, manner: Manner) -> list[Turn]:
    """Return the turns before the prompt: pairs of question and answer, or messages."""
    column = columns.get("history")
    value = row.get(column) if column else None
    if column is None or not holds(value):
        return []
    if type(value) is str:
        value = parse_json(value.encode(), MAX_HISTORY_DEPTH)
    if is_conversation(value):
        return read_messages(value, manner, column)
    if type(value) is not list or not all(type(pair) is list and len(pair) == 2 for pair in value):
        raise Unreadable(Reason.WRONG_TYPE)
    if 2 * len(value) > manner.max_turns:
        raise Unreadable(Reason.TOO_MANY_TURNS)
    turns = []
    for question, answer in value:
        turns += [
            _turn(Role.USER, plain_text(question, manner)),
            _turn(Role.ASSISTANT, plain_text(answer, manner)),
        ]
    return turns


def _with_system(turns: list[Turn], row: Row, columns: Columns, manner: Manner) -> list[Turn]:
    """Return the turns behind the row's system prompt, unless they bring their own."""
    column = columns.get("system")
    system = row.get(column) if column else None
    if column is None or not system:
        return turns
    if turns[0]["role"] in (Role.SYSTEM, Role.DEVELOPER):
        manner.trail.leave(column)
        return turns
    text = plain_text(system, manner) if type(system) is not list else read_text(system, manner, column)
    return [_turn(Role.SYSTEM, text), *turns] if text else turns


def _tools(row: Row, columns: Columns) -> str | None:
    column = columns.get("tools")
    tools = row.get(column) if column else None
    return read_tools(tools, in_functions=column == "functions") if tools else None


def _turn(role: Role, text: str | None) -> Turn:
    return {"role": role.value} if text is None else {"role": role.value, "text": text}


def _side(value: Any, column: str, manner: Manner) -> list[Turn]:
    if type(value) is list or is_conversation(value):
        return read_messages(value, manner, column)
    if type(value) is dict:
        if not is_message(value):
            raise Unreadable(Reason.WRONG_TYPE)
        return read_message(value, manner, column)
    return [_turn(Role.ASSISTANT, plain_text(value, manner))]
