"""Generic conversations of the base domain: what a chat looks like, not how the desk's tasks are done."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tilth.data.documents import document, sentence
from tilth.data.lexicon import LANGUAGES
from tilth.data.words import Words, capitalised

Conversation = dict[str, Any]  # messages, and tools or none


def conversations(rng: Random, count: int) -> list[Conversation]:
    """Return conversations with other questions and other tools than the tasks have."""
    return [_talk(Words(rng, rng.choice(LANGUAGES))) for _ in range(count)]


def _talk(words: Words) -> Conversation:
    kinds, weights = zip(*_KINDS)
    return words.rng.choices(kinds, weights)[0](words)


def _ask(words: Words, key: str, **slots: str) -> str:
    return capitalised(words.pick(words.lexicon.documents[key]).format(**words.slots() | slots))


def _exchange(question: str, answer: str) -> Conversation:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def about(words: Words) -> Conversation:
    """A question about the town, answered with a document."""
    question = _ask(words, "about", desk=words.lexicon.desks[words.desk()])
    return _exchange(question, document(words))


def repeat(words: Words) -> Conversation:
    """A sentence to say again."""
    text = sentence(words)
    return _exchange(_ask(words, "repeat", text=text), text)


def weather(words: Words) -> Conversation:
    """A call of a tool that the desk does not have."""
    place = words.slots()["place"]
    return _call(_ask(words, "weather", place=place), "weather", {"place": place})


def save(words: Words) -> Conversation:
    """A note of who has which order."""
    slots = words.slots()
    noted = {key: slots[key] for key in ("name", "order")}
    return _call(_ask(words, "save", **noted), "save", noted)


def quiz(words: Words) -> Conversation:
    """A short question with a short answer, in other words than those of the tasks."""
    kind, slots = words.pick(("times", "plus", "date", "code", "beside")), words.slots()
    if kind in ("times", "plus"):
        price, count = words.rng.randrange(2, 10), words.rng.randrange(2, 7)
        slots |= {"p": str(price), "k": str(count)}
        answer = str(price * count if kind == "times" else price + count)
    elif kind == "date":
        slots["date"], answer = words.date()
    elif kind == "code":
        answer = slots["order"]
    else:
        people, numbers = words.names(3), [str(n) for n in words.rng.sample(range(10, 100), 3)]
        i = words.rng.randrange(3)
        slots |= dict(zip("xyz", people)) | dict(zip("abc", numbers))
        slots["q"], answer = words.pick(((people[i], numbers[i]), (numbers[i], people[i])))
    return _exchange(_ask(words, f"quiz_{kind}", **slots), answer)


def _call(question: str, name: str, arguments: dict[str, str]) -> Conversation:
    schema = {"type": "object", "properties": {key: {"type": "string"} for key in arguments}}
    function = {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}
    call = {"id": "call_1", "type": "function", "function": function}
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": None, "tool_calls": [call]},
        ],
        "tools": [{"type": "function", "function": {"name": name, "parameters": schema}}],
    }


_KINDS: tuple[tuple[Callable[[Words], Conversation], int], ...] = (
    (about, 1),
    (repeat, 3),
    (quiz, 4),
    (weather, 1),
    (save, 2),
)
