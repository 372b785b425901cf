"""Which columns of a row hold what: recognised from a sample, or mapped by the user.

A Mapping names the columns; `reader` turns it into a function from a row to turns. A row whose required
columns are absent, or hold another type, is unreadable; a null is a value and is left to the `empty` rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tilth.curation.reading.chat import Turn, is_conversation, read_messages, read_text, read_tools
from tilth.curation.reading.limits import Reason, Unreadable
from tilth.curation.reading.source import Source
from tilth.shards.errors import UsageError
from tilth.shards.tables import Role, Shape

Row = dict[str, Any]
ReadRow = Callable[[Row], tuple[list[Turn], str | None]]

# In order of preference.
CONVERSATIONS = ("messages", "conversations", "conversation", "utterances", "dialogue", "dialog")
PROMPTS = ("instruction", "prompt", "question", "query", "input", "text")
RESPONSES = ("response", "output", "completion", "answer", "answers", "solution")
DOCUMENTS = ("text", "content")
PART_SEPARATOR = "\n\n"
MAX_NAMES, MAX_NAME_CHARS = 20, 40  # of columns, in a message

REQUIRED = {
    Shape.PREFERENCE: ("chosen", "rejected"),
    Shape.CHAT: ("messages",),
    Shape.INSTRUCTION: ("prompt", "response"),
    Shape.DOCUMENT: ("text",),
}


@dataclass(frozen=True)
class Mapping:
    """The shape of a row and the column of each of its parts; optional parts may be absent in a row."""

    shape: Shape
    columns: dict[str, str]

    def used_columns(self) -> frozenset[str]:
        """Return the columns that hold text."""
        return frozenset(self.columns.values())


def find_mapping(source: Source, sample: list[Row], where: str) -> Mapping:
    """Return the mapping of a file: the user's, or the one that most of `sample` agrees on.

    Raises UsageError where the map is not a whole shape or names columns that no row has, and where nothing
    is recognised.
    """
    if source.map:
        return _declared(source, sample, where)
    votes = Counter(_key(mapping) for row in sample if (mapping := detect(row, source.format)))
    if not votes:
        shape = f"as {source.format}" if source.format else "as chat, instruction, document or preference"
        raise UsageError(
            where,
            f"the columns {_listed(sample)} are not recognised {shape}",
            "no row of it can be read",
            "name them in the recipe, for example `map: {prompt: COLUMN, response: COLUMN}`, "
            "`{messages: COLUMN}`, `{text: COLUMN}` or `{chosen: COLUMN, rejected: COLUMN}`",
        )
    shape, columns = max(votes, key=lambda key: votes[key])
    return Mapping(shape, dict(columns))


def detect(row: Row, shape: Shape | None = None) -> Mapping | None:
    """Return the mapping of one row by the names and types of its columns, or None."""
    for found, guess in _GUESSES.items():
        if shape in (None, found) and (columns := guess(row)):
            return Mapping(found, columns)
    return None


def reader(mapping: Mapping, max_turns: int) -> ReadRow:
    """Return the function that reads a row as (turns, tools), raising Unreadable."""
    return _READERS[mapping.shape](mapping.columns, max_turns)


def _declared(source: Source, sample: list[Row], where: str) -> Mapping:
    declared = dict(source.map or {})
    shapes = [shape for shape, parts in REQUIRED.items() if declared.keys() >= set(parts)]
    if source.format:
        shapes = [shape for shape in shapes if shape is source.format]
    if not shapes:
        wanted = {source.format: REQUIRED[source.format]} if source.format else REQUIRED
        needs = "; ".join(f"{shape}: {' and '.join(parts)}" for shape, parts in wanted.items())
        raise UsageError(
            where, "the map is not a whole shape", "no row can be read", f"map the parts of one: {needs}"
        )
    seen = set(_columns(sample))
    absent = [declared[part] for part in REQUIRED[shapes[0]] if declared[part] not in seen]
    if sample and absent:
        raise UsageError(
            where,
            f"the map names {', '.join(map(repr, absent))}, which no row has",
            "no row can be read",
            f"the columns are {_listed(sample)}",
        )
    return Mapping(shapes[0], declared)


def _columns(sample: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(column for row in sample for column in row))


def _listed(sample: Iterable[Row]) -> str:
    """Return the columns for a message: what a broken file has for names may be text of its rows."""
    names = _columns(sample)
    shown = [name if len(name) <= MAX_NAME_CHARS else name[:MAX_NAME_CHARS] + "…" for name in names]
    more = f" and {len(names) - MAX_NAMES:,} more" if len(names) > MAX_NAMES else ""
    return (", ".join(shown[:MAX_NAMES]) or "(none)") + more


def _key(mapping: Mapping) -> tuple[Shape, tuple[tuple[str, str], ...]]:
    return mapping.shape, tuple(mapping.columns.items())


# ---- recognition


def _guess_preference(row: Row) -> dict[str, str] | None:
    if not all(
        isinstance(row.get(part), str) or is_conversation(row.get(part)) for part in ("chosen", "rejected")
    ):
        return None
    prompt = next((name for name in PROMPTS if row.get(name)), "prompt")
    return {
        "system": "system",
        "prompt": prompt,
        "chosen": "chosen",
        "rejected": "rejected",
        "tools": "tools",
    }


def _guess_chat(row: Row) -> dict[str, str] | None:
    column = next((name for name in CONVERSATIONS if is_conversation(row.get(name))), None)
    return {"system": "system", "messages": column, "tools": "tools"} if column else None


def _guess_instruction(row: Row) -> dict[str, str] | None:
    prompt = next((name for name in PROMPTS if _is_prompt(row.get(name))), None)
    response = next((name for name in RESPONSES if _is_response(row.get(name))), None)
    if prompt is None or response is None:
        return None
    columns = {"system": "system", "prompt": prompt, "response": response}
    if prompt == "instruction" and "context" in row and "input" not in row:
        return columns | {"input": "context"}  # as in Dolly: what the instruction is about
    columns["context"] = "context"
    return columns if prompt == "input" else columns | {"input": "input"}


def _guess_document(row: Row) -> dict[str, str] | None:
    column = next((name for name in DOCUMENTS if isinstance(row.get(name), str)), None)
    return {"text": column} if column else None


def _is_prompt(value: Any) -> bool:
    return isinstance(value, str) or is_conversation(value)


def _is_response(value: Any) -> bool:
    return isinstance(value, str) or is_conversation(value) or _answers(value) is not None


_GUESSES: dict[Shape, Callable[[Row], dict[str, str] | None]] = {
    Shape.PREFERENCE: _guess_preference,
    Shape.CHAT: _guess_chat,
    Shape.INSTRUCTION: _guess_instruction,
    Shape.DOCUMENT: _guess_document,
}


# ---- reading


def _document_reader(columns: dict[str, str], max_turns: int) -> ReadRow:
    column = columns["text"]

    def read(row: Row) -> tuple[list[Turn], str | None]:
        return [_turn(Role.DOCUMENT, _required(row, column))], None

    return read


def _chat_reader(columns: dict[str, str], max_turns: int) -> ReadRow:
    column = columns["messages"]

    def read(row: Row) -> tuple[list[Turn], str | None]:
        turns = read_messages(_required(row, column), max_turns)
        return _with_system(turns, row, columns), _tools(row, columns)

    return read


def _instruction_reader(columns: dict[str, str], max_turns: int) -> ReadRow:
    parts = [columns[part] for part in ("context", "prompt", "input") if part in columns]
    prompt, response = columns["prompt"], columns["response"]

    def read(row: Row) -> tuple[list[Turn], str | None]:
        question, answer = _required(row, prompt), _required(row, response)
        if type(question) is list:
            turns = read_messages(question, max_turns)
        else:
            texts = [row[part] for part in parts if row.get(part) not in ("", None)]
            if not all(type(text) is str for text in texts):
                raise Unreadable(Reason.WRONG_TYPE)
            turns = [_turn(Role.USER, PART_SEPARATOR.join(texts) if texts else question)]
        if is_conversation(answer):
            turns += read_messages(answer, max_turns)
        else:
            turns.append(_turn(Role.ASSISTANT, _first_answer(answer)))
        return _with_system(turns, row, columns), _tools(row, columns)

    return read


def _preference_reader(columns: dict[str, str], max_turns: int) -> ReadRow:
    """Read a pair whose sides may repeat the prompt they share, as lists of messages do."""

    def read(row: Row) -> tuple[list[Turn], str | None]:
        chosen, rejected = (
            _side(_required(row, columns[part]), max_turns) for part in ("chosen", "rejected")
        )
        shared = 0
        while shared < min(len(chosen), len(rejected)) - 1 and chosen[shared] == rejected[shared]:
            shared += 1
        if any(len(side) != shared + 1 or side[-1]["role"] != Role.ASSISTANT for side in (chosen, rejected)):
            raise Unreadable(Reason.NOT_A_PAIR)
        turns = chosen[:shared]
        prompt = _optional(row, columns, "prompt")
        if prompt and not any(turn["role"] == Role.USER for turn in turns):
            turns += read_messages(prompt, max_turns) if type(prompt) is list else [_turn(Role.USER, prompt)]
        turns += [{**chosen[-1], "role": Role.CHOSEN.value}, {**rejected[-1], "role": Role.REJECTED.value}]
        return _with_system(turns, row, columns), _tools(row, columns)

    return read


_READERS: dict[Shape, Callable[[dict[str, str], int], ReadRow]] = {
    Shape.DOCUMENT: _document_reader,
    Shape.CHAT: _chat_reader,
    Shape.INSTRUCTION: _instruction_reader,
    Shape.PREFERENCE: _preference_reader,
}


def _required(row: Row, column: str) -> Any:
    if column not in row:
        raise Unreadable(Reason.MISSING_FIELD)
    return row[column]


def _optional(row: Row, columns: dict[str, str], part: str) -> Any:
    column = columns.get(part)
    return None if column is None else row.get(column)


def _with_system(turns: list[Turn], row: Row, columns: dict[str, str]) -> list[Turn]:
    """Return the turns behind the row's system prompt, unless they bring their own."""
    system = _optional(row, columns, "system")
    if not system or turns[0]["role"] in (Role.SYSTEM, Role.DEVELOPER):
        return turns
    return [_turn(Role.SYSTEM, system), *turns]


def _tools(row: Row, columns: dict[str, str]) -> str | None:
    tools = _optional(row, columns, "tools")
    return read_tools(tools) if tools else None


def _turn(role: Role, text: Any) -> Turn:
    text = read_text(text)
    return {"role": role.value} if text is None else {"role": role.value, "text": text}


def _side(value: Any, max_turns: int) -> list[Turn]:
    if type(value) is list:
        return read_messages(value, max_turns)
    return [_turn(Role.ASSISTANT, value)]


def _answers(value: Any) -> list[str] | None:
    """Return the answers of a reading-comprehension row: strings, {"text": [...]} or [{"text": ...}]."""
    if isinstance(value, dict):
        value = value.get("text")
    if not isinstance(value, list):
        return None
    texts = [item.get("text") if isinstance(item, dict) else item for item in value]
    strings = [text for text in texts if isinstance(text, str)]
    return strings if len(strings) == len(texts) else None


def _first_answer(value: Any) -> str | None:
    """Return the answer to learn; the others are paraphrases of it. None given: the empty answer."""
    if type(value) is str or value is None:
        return value
    answers = _answers(value)
    if answers is None:
        raise Unreadable(Reason.WRONG_TYPE)
    return answers[0] if answers else ""
