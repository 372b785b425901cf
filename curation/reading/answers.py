"""What a column says as text: by one rule for texts, numbers, lists, objects and choices.

A number, true and false read as JSON writes them. A list reads as its items, one a line; under `answers`, and as
{"text": […]}, its items are ways to say one answer, and the first is taken. An object reads as its JSON. A letter
or number that picks one of the row's choices reads as that choice, with its letter.
"""

from __future__ import annotations

import json
from datetime import date, time
from decimal import Decimal
from math import isnan
from typing import Any

from tilth.curation.reading.limits import Reason, Unreadable
from tilth.curation.reading.manner import Manner, holds

ALTERNATIVES = "answers"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def plain_text(value: Any, manner: Manner) -> str | None:
    """Return a text, number, true or false as text; None for null and for words that stand for nothing.

    Raises Unreadable for anything else.
    """
    if type(value) is str:
        return None if value in manner.nulls else value
    if value is None:
        return None
    if type(value) is bool:
        return "true" if value else "false"
    if isinstance(value, int | Decimal | date | time):
        return str(value)
    if type(value) is not float:
        raise Unreadable(Reason.WRONG_TYPE)
    if isnan(value):
        return None
    if abs(value) == float("inf"):
        raise Unreadable(Reason.NON_FINITE)
    return json.dumps(value)


def answer_text(value: Any, column: str, manner: Manner) -> str | None:
    """Return the answer that a column gives, None for none. Raises Unreadable."""
    is_ways = column == ALTERNATIVES
    if type(value) is dict:
        if type(value.get("text")) is not list:
            return _as_json(value)
        value, is_ways = value["text"], True  # as in SQuAD
    if type(value) is not list:
        return plain_text(value, manner)
    if all(type(item) is dict for item in value) and value:
        if not all("text" in item for item in value):
            return _as_json(value)
        value, is_ways = [item["text"] for item in value], True
    if any(type(item) in (dict, list) for item in value):
        return _as_json(value)
    texts = [text for item in value if (text := plain_text(item, manner)) is not None]
    if not is_ways:
        return "\n".join(texts)
    if len(set(texts)) > 1:
        manner.trail.note(f"first of several {column} taken")
    return texts[0] if texts else ""


def read_choices(value: Any) -> list[tuple[str, str]]:
    """Return the mark and the text of each choice of a question. Raises Unreadable.

    Choices come as a list, as {"text": […], "label": […]} or as a list of {"text", "label"}.
    """
    labels = None
    if type(value) is dict and type(value.get("text")) is list:
        value, labels = value["text"], value.get("label")
    elif type(value) is dict:
        value, labels = list(value.values()), list(value)
    elif type(value) is list and value and all(type(item) is dict and "text" in item for item in value):
        value, labels = [item["text"] for item in value], [item.get("label") for item in value]
    if type(value) is not list or not 0 < len(value) <= len(LETTERS):
        raise Unreadable(Reason.WRONG_TYPE)
    if (
        type(labels) is not list
        or len(labels) != len(value)
        or not all(type(label) is str for label in labels)
    ):
        labels = list(LETTERS[: len(value)])
    if not all(type(text) in (str, int, float) for text in value):
        raise Unreadable(Reason.WRONG_TYPE)
    return list(zip(labels, map(str, value), strict=True))


def with_choices(question: str, choices: list[tuple[str, str]]) -> str:
    """Return a question with its choices, one a line."""
    return "\n".join([question, *(f"{mark}. {text}" for mark, text in choices)])


def chosen(value: Any, choices: list[tuple[str, str]]) -> Any:
    """Return the choice that an answer picks by its mark, its text or its place from 0, or the answer itself."""
    if type(value) is str:
        picked = next((c for c in choices if value.strip() in (c[0], c[1])), None)
        if picked is None and value.strip().isdigit():
            value = int(value)
    else:
        picked = None
    if picked is None and type(value) is int and 0 <= value < len(choices):
        picked = choices[value]
    return f"{picked[0]}. {picked[1]}" if picked else value


def is_marked_bad(value: Any) -> bool:
    """Tell whether a label says that an answer is a bad one. Raises Unreadable if it says neither."""
    said = value.strip().lower() if type(value) is str else value
    if said in (True, 1, "true", "1", "desirable", "good"):
        return False
    if said in (False, 0, "false", "0", "undesirable", "bad"):
        return True
    raise Unreadable(Reason.WRONG_TYPE)


def _as_json(value: Any) -> str | None:
    """Return an object or nested list as its JSON, in the order it was written."""
    if not holds(value):
        return ""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise Unreadable(Reason.NON_FINITE) from None
    except TypeError:
        raise Unreadable(Reason.WRONG_TYPE) from None
