"""Which columns of a file hold what: mapped by the user, or recognised from a sample by names and types."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from tilth.curation.reading.chat import is_conversation, is_message
from tilth.curation.reading.manner import holds
from tilth.curation.reading.ranked import COLUMNS as RANKED
from tilth.curation.reading.ranked import is_ranked
from tilth.curation.reading.source import Source
from tilth.curation.reading.transcript import is_transcript
from tilth.shards.errors import UsageError
from tilth.shards.tables import Shape
from tilth.validators.wording import shorten

Row = dict[str, Any]

# In order of preference.
CONVERSATIONS = ("messages", "conversations", "conversation", "utterances", "dialogue", "dialog")
TRANSCRIPTS = ("chat", *CONVERSATIONS)
PROMPTS = (
    *("instruction", "prompt", "question", "query", "problem", "input", "text", "sentence"),
    *("goal", "ctx", "question_stem"),
)
RESPONSES = (
    *("response", "output", "completion", "answer", "answers", "solution", "canonical_solution", "target"),
    *("answerKey", "best_answer", "correct_answer"),
)
DOCUMENTS = ("text", "content")
CLASSES = ("label", "label_text", "category")  # the answer, where the prompt is a text to be sorted
CLASSIFIED = ("text", "sentence")
# Parts that a row may have, by the names they go under; a row's part is the first that holds something.
ALIASES = {
    "system": ("system", "system_prompt", "system_message", "system_instruction", "sys_prompt"),
    "tools": ("tools", "functions", "tool_defs", "tool_definitions", "available_tools"),
    "history": ("history",),
    "choices": ("choices", "options", "endings"),
}
OPTIONAL = {
    Shape.CHAT: ("system", "tools"),
    Shape.INSTRUCTION: ("system", "tools", "history", "choices"),
    Shape.PREFERENCE: ("system", "tools", "history"),
    Shape.DOCUMENT: (),
}
MAX_NAMES, MAX_NAME_CHARS = 20, 40  # of columns, in a message
BAD_SAID = ", what it calls bad is not learned"
LOOKED_AT = 40  # rows of the sample that are enough to see what else they could be
MIN_SHARE = 0.5  # of the sampled rows that another reading must fit to be worth a word

REQUIRED = {
    Shape.PREFERENCE: ("chosen", "rejected"),
    Shape.CHAT: ("messages",),
    Shape.INSTRUCTION: ("prompt", "response"),
    Shape.DOCUMENT: ("text",),
}


@dataclass(frozen=True)
class Mapping:
    """The shape of a row and the column of each of its parts; optional parts may be absent in a row.

    aliases: part -> other columns it may stand in, where nobody said which; none if the user mapped the parts.
    """

    shape: Shape
    columns: dict[str, str]
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, row: Row) -> dict[str, str]:
        """Return the columns of one row: of a part with several names, the one that holds something."""
        columns = self.columns
        for part, names in self.aliases.items():
            if not holds(row.get(columns[part])):
                other = next((name for name in names if holds(row.get(name))), None)
                if other is not None:
                    columns = {**columns, part: other}
        return columns

    def says(self, columns: Iterable[str] | None = None) -> str:
        """Return the mapping in words; of parts whose column is among `columns`, if these are given."""
        seen = set(self.columns.values()) if columns is None else set(columns)
        parts = ", ".join(
            f"{part}: {column}{BAD_SAID if part == 'label' else ''}"
            for part, column in self.columns.items()
            if column in seen
        )
        return f"{self.shape.value} ({parts})"


def find_mapping(source: Source, sample: list[Row], where: str) -> Mapping:
    """Return the mapping of a file: the user's, or the one that most of `sample` agrees on.

    Raises UsageError where the map is not a whole shape or names columns that no row has, where nothing is
    recognised, and where the rows are messages of trees.
    """
    if source.map:
        return _declared(source, sample, where)
    if source.format is None:
        _refuse_trees(sample, where)
    votes = _votes(sample, source.format)
    if not votes:
        raise _unrecognised(source, sample, where)
    shape, columns = max(votes, key=lambda key: votes[key])
    return _with_options(shape, dict(columns), sample)


def other_readings(taken: Mapping, source: Source, sample: list[Row]) -> list[Mapping]:
    """Return the readings that fit most of the sample as well, and learn from columns that `taken` does not."""
    sample = sample[:LOOKED_AT]
    if source.map or not sample:
        return []
    found: list[Mapping] = []
    learned = {taken.columns[part] for part in REQUIRED[taken.shape]}
    used = learned | {column for part, column in taken.columns.items() if part in ("input", "context")}
    if taken.columns.get("label") == "label" and taken.columns.get("response") not in (None, "completion"):
        rest = {part: name for part, name in taken.columns.items() if part != "label"}
        found.append(replace(taken, columns=rest))
    for shape in Shape:
        votes = _votes(sample, shape) if source.format in (None, shape) and shape is not taken.shape else {}
        for key, count in votes.items():
            columns = dict(key[1])
            if count >= MIN_SHARE * len(sample) and not {columns[p] for p in REQUIRED[shape]} <= used:
                found.append(_with_options(shape, columns, sample))
    for part, names in (("prompt", PROMPTS), ("response", RESPONSES), ("messages", CONVERSATIONS)):
        for name in names if part in taken.columns and taken.shape is not Shape.PREFERENCE else ():
            fits = sum(_is_text(row.get(name)) or is_conversation(row.get(name)) for row in sample)
            if name not in (*taken.columns.values(), "text") and fits >= MIN_SHARE * len(sample):
                found.append(replace(taken, columns=taken.columns | {part: name}))
    return found


def detect(row: Row, shape: Shape | None = None) -> tuple[Shape, dict[str, str]] | None:
    """Return the shape of one row and the columns it needs, by the names and types of its columns, or None."""
    for found, guess in _GUESSES.items():
        if shape in (None, found) and (columns := guess(row)):
            return found, columns
    return None


def _votes(sample: list[Row], shape: Shape | None) -> Counter[tuple[Shape, tuple[tuple[str, str], ...]]]:
    guesses = (found for row in sample if (found := detect(row, shape)))
    return Counter((kind, tuple(columns.items())) for kind, columns in guesses)


def _with_options(shape: Shape, columns: dict[str, str], sample: list[Row]) -> Mapping:
    """Return a mapping with the parts that rows of its shape may have besides."""
    taken = set(columns.values())
    aliases = {}
    for part in OPTIONAL[shape]:
        names = [name for name in ALIASES[part] if name not in taken]
        seen = [name for name in names if any(holds(row.get(name)) for row in sample)]
        if not names or (part in ("history", "choices") and not seen):
            continue
        first = (seen or names)[0]
        columns[part] = first
        others = tuple(name for name in names if name != first)
        if others:
            aliases[part] = others
    return Mapping(shape, columns, aliases)


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
            f"the columns are {listed(sample)}",
        )
    return Mapping(shapes[0], declared)


# ---- what is said where nothing fits


def _refuse_trees(sample: list[Row], where: str) -> None:
    """Raise UsageError where the rows are single messages of conversation trees, or whole trees, as in OASST."""
    flat = sum({"parent_id", "text", "role"} <= row.keys() for row in sample)
    trees = sum(type(row.get("prompt")) is dict and "replies" in row["prompt"] for row in sample)
    if sample and max(flat, trees) >= MIN_SHARE * len(sample):
        raise UsageError(
            where,
            "its rows are messages of conversation trees (parent_id, role)"
            if flat >= trees
            else "its rows are trees",
            "read as they are, every message would be a document, good and bad answers alike",
            "write each path from a first question to an answer as one row first, "
            '{"messages": [{"role": "user", "content": …}, …]}; to learn every message as a text all the same, '
            "say `map: {text: text}` of the source",
        )


def _unrecognised(source: Source, sample: list[Row], where: str) -> UsageError:
    shape = f"as {source.format}" if source.format else "as chat, instruction, document or preference"
    return UsageError(
        where,
        f"the columns {listed(sample, types=True)} are not recognised {shape}",
        "no row of it can be read",
        _proposed(sample),
    )


def _proposed(sample: list[Row]) -> str:
    """Return the line of a recipe that would read these columns, as far as their types say."""
    names = _columns(sample)
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        mark = next(mark for mark in ";\t|" if mark in names[0])
        return f"if this is one line of several columns, say `delimiter: {mark!r}` of the source"
    if names and all(
        name.lstrip("-").replace(".", "", 1).isdigit() or len(name) > MAX_NAME_CHARS for name in names
    ):
        return "the first line looks like a row: put a line of column names above it"
    chats = [n for n in names if any(is_conversation(row.get(n)) for row in sample)]
    if chats:
        return f"name it in the recipe: `map: {{messages: {_in_flow(chats[0])}}}`"
    texts = [n for n in names if sum(_is_text(row.get(n)) for row in sample) >= MIN_SHARE * len(sample)]
    texts = [n for n in texts if len(n) <= MAX_NAME_CHARS]
    # What was written at length is what was asked and answered; a number, a date or a state is short.
    longest = sorted(texts, key=lambda n: -sum(len(row[n]) for row in sample if _is_text(row.get(n))))[:2]
    texts = [n for n in texts if n in longest]
    if len(texts) == 2:
        prompt, response = map(_in_flow, texts)
        return (
            f"name them in the recipe, for example `map: {{prompt: {prompt}, response: {response}}}`, "
            "`{messages: COLUMN}`, `{text: COLUMN}` or `{chosen: COLUMN, rejected: COLUMN}`"
        )
    if texts:
        return f"name it in the recipe: `map: {{text: {_in_flow(texts[0])}}}`"
    return (
        "name them in the recipe, for example `map: {prompt: COLUMN, response: COLUMN}`, "
        "`{messages: COLUMN}`, `{text: COLUMN}` or `{chosen: COLUMN, rejected: COLUMN}`"
    )


def _in_flow(name: str) -> str:
    """Return a name as it can stand in a YAML flow mapping."""
    return name if re.fullmatch(r"[A-Za-z_][\w .-]*(?<! )", name) else json.dumps(name, ensure_ascii=False)


def _columns(sample: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(column for row in sample for column in row))


def listed(sample: list[Row], *, types: bool = False) -> str:
    """Return the columns for a message: what a broken file has for names may be text of its rows."""
    names = _columns(sample)
    shown = [
        shorten(" ".join(name.split()), MAX_NAME_CHARS) + (f" ({_type_of(sample, name)})" if types else "")
        for name in names[:MAX_NAMES]
    ]
    more = f" and {len(names) - MAX_NAMES:,} more" if len(names) > MAX_NAMES else ""
    return (", ".join(shown) or "(none)") + more


def _type_of(sample: list[Row], name: str) -> str:
    """Return what most values of a column are, in the words of JSON."""
    kinds = {str: "text", bool: "true or false", int: "number", float: "number", list: "list", dict: "object"}
    seen = Counter(kinds.get(type(row[name]), "other") for row in sample if row.get(name) is not None)
    return seen.most_common(1)[0][0] if seen else "null"


# ---- recognition


def _guess_preference(row: Row) -> dict[str, str] | None:
    ranked = _first(row, RANKED, is_ranked)
    asked = _first(row, PROMPTS, _is_prompt)
    if ranked and asked and "chosen" not in row:
        return {"prompt": asked, "chosen": ranked, "rejected": ranked}
    if _is_side(row.get("preferred_output")) and _is_side(row.get("non_preferred_output")):  # OpenAI
        return {"prompt": "input", "chosen": "preferred_output", "rejected": "non_preferred_output"}
    conversation = _first(row, CONVERSATIONS, is_conversation)
    prompt = next((name for name in PROMPTS if row.get(name)), None)
    if _is_text(row.get("rejected_response")):  # ms-swift: the other answer stands in its usual place
        if conversation:
            return {"chosen": conversation, "rejected": "rejected_response"}
        chosen = _first(row, RESPONSES, _is_text)
        if prompt and chosen:
            return {"prompt": prompt, "chosen": chosen, "rejected": "rejected_response"}
    if not (_is_side(row.get("chosen")) and _is_side(row.get("rejected"))):
        return None
    sides = {"chosen": "chosen", "rejected": "rejected"}
    if conversation and type(row["chosen"]) is not list:  # the conversation up to the two answers
        return {"messages": conversation, **sides}
    columns = {"prompt": prompt or "prompt", **sides}
    if prompt == "instruction" and "input" in row:
        columns["input"] = "input"
    return columns


def _guess_chat(row: Row) -> dict[str, str] | None:
    column = _first(row, CONVERSATIONS, is_conversation) or _first(row, TRANSCRIPTS, is_transcript)
    if column is None:
        return None
    marked = next((n for n in ("kto_tag", "label") if type(row.get(n)) is bool), None)
    return {"messages": column} | ({"label": marked} if marked else {})


def _guess_instruction(row: Row) -> dict[str, str] | None:
    prompt = _first(row, PROMPTS, _is_prompt)
    names = ("solution", *RESPONSES) if prompt == "problem" else RESPONSES
    fits = _is_said if prompt in CLASSIFIED else _is_response  # a number beside a text is a class or a score
    response = next((n for n in names if n != prompt and fits(row.get(n))), None)
    options = next((n for n in ALIASES["choices"] if isinstance(row.get(n), list | dict)), None)
    if response is None and options:
        response = next(
            (n for n in ("label", "answer_index", "answer_idx", "gold") if _is_key(row.get(n))), None
        )
    if response is None and prompt in CLASSIFIED:
        response = _first(row, CLASSES, lambda value: isinstance(value, str))
    if prompt is None or response is None:
        return None
    columns = {"prompt": prompt, "response": response}
    # As TRL and LLaMA-Factory have them. Beside other names it may say something else: see other_readings.
    marked = next((n for n in ("kto_tag", "label") if _is_mark(row.get(n)) and n != response), None)
    if marked:
        columns["label"] = marked
    if prompt == "instruction" and "context" in row and "input" not in row:
        return columns | {"input": "context"}  # as in Dolly: what the instruction is about
    passage = next((n for n in ("context", "passage", "article") if n in row), "context")
    if passage != prompt:
        columns["context"] = passage
    return columns if prompt == "input" else columns | {"input": "input"}


def _guess_document(row: Row) -> dict[str, str] | None:
    column = _first(row, DOCUMENTS, _is_text)
    return {"text": column} if column else None


def _first(row: Row, names: tuple[str, ...], fits: Callable[[Any], bool]) -> str | None:
    return next((name for name in names if fits(row.get(name))), None)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_prompt(value: Any) -> bool:
    return isinstance(value, str) or is_conversation(value)


def _is_side(value: Any) -> bool:
    return isinstance(value, str) or is_message(value) or is_conversation(value)


def _is_key(value: Any) -> bool:
    return isinstance(value, str | int) and value != ""


def _is_response(value: Any) -> bool:
    """Tell whether a value may be an answer: a text, a number, a list, an object, messages."""
    return isinstance(value, str | int | float | list | dict)


def _is_mark(value: Any) -> bool:
    """Tell whether a value says that an answer is good or bad: true or false, in a table as a word."""
    return type(value) is bool or (type(value) is str and value.strip().lower() in ("true", "false"))


def _is_said(value: Any) -> bool:
    return isinstance(value, str | list | dict)


_GUESSES: dict[Shape, Callable[[Row], dict[str, str] | None]] = {
    Shape.PREFERENCE: _guess_preference,
    Shape.CHAT: _guess_chat,
    Shape.INSTRUCTION: _guess_instruction,
    Shape.DOCUMENT: _guess_document,
}
