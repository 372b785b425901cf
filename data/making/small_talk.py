"""Generic conversations of the base domain: what a chat looks like, not how the desk's tasks are done."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tilth.data.making.documents import document, sentence
from tilth.data.making.lexicon import LANGUAGES
from tilth.data.making.words import Words, capitalised

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


def errand(words: Words) -> Conversation:
    """A note, a reminder or something to fetch: tools that the desk does not have either."""
    name, keys = words.pick(
        (("save", ("name", "order")), ("remind", ("name", "day", "hour")), ("fetch", ("item", "place")))
    )
    slots = words.slots()
    arguments = {key: int(slots[key]) if key == "hour" else slots[key] for key in keys}
    return _call(_ask(words, name, **slots), name, arguments)


def quiz(words: Words) -> Conversation:
    """Short questions with short answers, in other words than those of the tasks."""
    talks = [_question(words) for _ in range(words.pick((1, 2, 3)))]
    return {"messages": [message for talk in talks for message in talk["messages"]]}


def _question(words: Words) -> Conversation:
    kind = words.pick(("number", "figures", "code", "beside", "roster", "work"))
    slots = words.slots()
    if kind == "number":
        price, count = words.rng.randrange(2, 10), words.rng.randrange(2, 7)
        slots |= {"p": str(price), "k": str(count)}
        kind, total = words.pick((("times", price * count), ("plus", price + count)))
        answer = str(total)
    elif kind == "figures":
        kind, answer = _figures(words, slots)
    elif kind == "code":
        answer = slots["order"]
    elif kind == "work":
        desk = words.desk()
        slots["issue"], answer = words.issue(desk, **slots), words.lexicon.desks[desk]
    else:
        answer = _beside(words, kind, slots)
    return _exchange(_ask(words, f"quiz_{kind}", **slots), answer)


def _figures(words: Words, slots: dict[str, str]) -> tuple[str, str]:
    """Fill the slots of a date, a weight or a length; return which, and the answer."""
    kind = words.pick(("date", "weight", "length"))
    if kind == "date":
        slots["date"], answer = words.date()
        return kind, answer
    count = words.rng.randrange(2, 60)
    slots["n"] = str(count)
    return kind, f"{count * 1000} g" if kind == "weight" else f"{count * 100} cm"


def _beside(words: Words, kind: str, slots: dict[str, str]) -> str:
    """Fill the slots of three pairs and of the one asked for; return its other half."""
    people, asked = words.names(3), words.rng.randrange(3)
    slots |= dict(zip("xyz", people))
    if kind == "roster":
        days = words.rng.sample(words.lexicon.days, 3)
        slots |= dict(zip(("d1", "d2", "d3"), days))
        slots["q"] = days[asked]
        return people[asked]
    numbers = [str(n) for n in words.rng.sample(range(10, 100), 3)]
    slots |= dict(zip("abc", numbers))
    slots["q"], answer = words.pick(((people[asked], numbers[asked]), (numbers[asked], people[asked])))
    return answer


def _call(question: str, name: str, arguments: dict[str, Any]) -> Conversation:
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
    (repeat, 2),
    (quiz, 6),
    (weather, 1),
    (errand, 3),
)
