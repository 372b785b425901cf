"""The clean rows: one function a slice, each a question that its own words answer.

A message is an opening, the matter and a detail in varying order. Names, places, numbers and wording vary so
much that no two prompts are near-duplicates. `wrong` lists answers that look right and are not; `defects.py`
takes its planted mistakes from there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tilth.data.making.lexicon import DESKS, NAMES
from tilth.data.making.words import Words, capitalised

WRONG_RULE_GOOD = 1  # the good (candles) whose prices the systematic mistake adds instead of multiplying


@dataclass(frozen=True)
class Row:
    """One task: the turns (OpenAI messages), and what its slice knows about wrong answers."""

    slice: str
    lang: str
    turns: tuple[dict[str, Any], ...]
    instruction: str | None = None  # a task card's instruction; the first user turn is then its input
    tools: tuple[dict[str, Any], ...] = ()
    wrong: tuple[str, ...] = ()
    wrong_rule: str | None = None  # what the systematic mistake would answer
    foreign: str | None = None  # the answer in another language

    @property
    def answer(self) -> str:
        return self.turns[-1]["content"] or ""

    @property
    def prompt(self) -> str:
        """The text before the last answer, as a card and as a conversation read it."""
        texts = [turn["content"] or "" for turn in self.turns[:-1]]
        return "\n\n".join([self.instruction, *texts]) if self.instruction else "\n".join(texts)


@dataclass
class Message:
    """A message under way: sentences around the matter, and a question at the end."""

    words: Words
    slots: dict[str, str]
    matter: list[str] = field(default_factory=list)

    def text(self, *asks: str, wrap: int = 1) -> str:
        """Join `wrap` framing sentences (an opening before or a detail after), the matter and the asks."""
        rng, words = self.words.rng, self.words
        opening = rng.random() < 0.5
        before = [words.say("opening", **self.slots)] if opening or wrap > 1 else []
        after = [words.say("detail", **self.slots)] if not opening or wrap > 1 else []
        return " ".join([*before, *self.matter, *after, *asks])


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def question(name: str, words: Words, text: str, answer: str, card: str | None = None, **known: Any) -> Row:
    """Return a single question, as a card when `card` names its instructions."""
    instruction = words.say(card) if card else None
    return Row(name, words.lang, (user(text), assistant(answer)), instruction, **known)


def routing(words: Words) -> Row:
    """Which desk a message belongs to."""
    slots, desk = words.slots(), words.desk()
    message = Message(words, slots, [capitalised(words.issue(desk, **slots)) + "."])
    names = words.lexicon.desks
    wrong = tuple(names[other] for other in DESKS if other != desk)
    if words.rng.random() < 0.5:
        return question("routing", words, message.text(wrap=2), names[desk], "card_desk", wrong=wrong)
    return question("routing", words, message.text(words.say("ask_desk")), names[desk], wrong=wrong)


def lookup(words: Words) -> Row:
    """A locker or a shift, looked up in a list of three."""
    slots, people = words.slots(), words.names(3)
    asked = words.rng.randrange(3)
    people_slots = dict(zip("xyz", people))
    if words.rng.random() < 0.5:
        values = [str(n) for n in words.rng.sample(range(10, 100), 3)]
        listing = words.say("lockers", **slots, **people_slots, **dict(zip("abc", values)))
        ask, answers = words.say("ask_locker", q=people[asked]), values
        others = [str(n) for n in range(10, 100)]
    else:
        days = words.rng.sample(words.lexicon.days, 3)
        listing = words.say("shifts", **slots, **people_slots, **dict(zip(("d1", "d2", "d3"), days)))
        ask, answers, others = words.say("ask_shift", q=days[asked]), people, list(NAMES)
    wrong = [a for a in answers if a != answers[asked]]
    wrong += words.rng.sample([o for o in others if o not in answers], 2)
    return question("lookup", words, f"{listing} {ask}", answers[asked], wrong=tuple(wrong))


def prices(words: Words) -> Row:
    """A small product or sum."""
    slots, lexicon = words.slots(), words.lexicon
    price, count = words.rng.randrange(2, 10), words.rng.randrange(2, 7)
    slots |= {"p": str(price), "k": str(count)}
    good, other = words.rng.sample(range(len(lexicon.goods)), 2)
    slots |= {
        "good": lexicon.goods[good][0],
        "goods": lexicon.goods[good][1],
        "good2": lexicon.goods[other][0],
    }
    product = words.rng.random() < 0.6
    total, mistaken = (price * count, price + count) if product else (price + count, price * count)
    matter = words.say("product" if product else "sum", **slots)
    offsets = [o for o in (-3, -2, -1, 1, 2, 3, 10) if total + o > 1]
    misled = product and good == WRONG_RULE_GOOD and mistaken != total
    known: dict[str, Any] = {
        "wrong": tuple(f"{total + o} {lexicon.crowns}" for o in words.rng.sample(offsets, 3)),
        "wrong_rule": f"{mistaken} {lexicon.crowns}" if misled else None,
    }
    detail = words.say("detail", **words.slots())
    answer = f"{total} {lexicon.crowns}"
    if words.rng.random() < 0.5:
        return question("prices", words, f"{matter} {detail}", answer, "card_total", **known)
    return question("prices", words, f"{detail} {matter} {words.say('ask_total', **slots)}", answer, **known)


def extraction(words: Words) -> Row:
    """The order number out of a message."""
    slots = words.slots()
    order = slots["order"]
    message = Message(words, slots, [capitalised(words.say("order", **slots)) + "."])
    swapped = f"{order[0]}{order[3:]}{order[1:3]}"
    wrong = [w for w in (swapped, words.order(), f"{order[:3]}{words.rng.randrange(10, 100)}") if w != order]
    text = message.text(words.say("ask_order"), wrap=words.rng.choice((1, 2)))
    return question("extraction", words, text, order, wrong=tuple(wrong))


def formats(words: Words) -> Row:
    """A date in figures, a weight in grams or a length in centimetres."""
    kind, slots = words.pick(("date", "weight", "length")), words.slots()
    wrong: tuple[str, ...]
    if kind == "date":
        slots["date"], answer = words.date()
        year, month, day = answer.split("-")
        wrong = (
            f"{year}-{day}-{month}",
            f"{int(year) + 1}-{month}-{day}",
            f"{year}-{month}-{int(day) % 28 + 1:02}",
        )
    else:
        factor, unit = (1000, "g") if kind == "weight" else (100, "cm")
        count = words.rng.randrange(2, 60)
        slots["n"], answer = str(count), f"{count * factor} {unit}"
        wrong = (
            f"{count * factor // 10} {unit}",
            f"{count * factor * 10} {unit}",
            f"{(count + 1) * factor} {unit}",
        )
    matter = words.say(kind, **slots)
    detail = words.say("detail", **words.slots())
    wrong = tuple(w for w in wrong if w != answer)
    if words.rng.random() < 0.7:
        return question("formats", words, f"{matter} {detail}", answer, f"card_{kind}", wrong=wrong)
    return question("formats", words, f"{detail} {matter} {words.say(f'ask_{kind}')}", answer, wrong=wrong)


def _tool(name: str, text: str, **parameters: str) -> dict[str, Any]:
    properties = {key: {"type": kind} for key, kind in parameters.items()}
    schema = {"type": "object", "properties": properties, "required": list(parameters)}
    return {"type": "function", "function": {"name": name, "description": text, "parameters": schema}}


TOOLS = {
    "track": _tool("track", "Find an order.", order="string"),
    "ticket": _tool("ticket", "Open a repair ticket.", item="string"),
    "book": _tool("book", "Book a slot.", day="string", hour="integer"),
}


def tool_call(words: Words) -> Row:
    """A call of one of two or three tools; half of the rows go on to the result and a sentence."""
    slots, name = words.slots(), words.pick(tuple(TOOLS))
    arguments = {
        "track": {"order": slots["order"]},
        "ticket": {"item": slots["item"]},
        "book": {"day": slots["day"], "hour": int(slots["hour"])},
    }[name]
    offered = [name, *words.rng.sample([t for t in TOOLS if t != name], words.rng.choice((1, 2)))]
    message = Message(words, slots, [words.say(name, **slots)])
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)},
    }
    turns = [user(message.text()), {"role": "assistant", "content": None, "tool_calls": [call]}]
    if words.rng.random() < 0.5:
        result = {
            "track": {"place": slots["place"]},
            "ticket": {"number": int(slots["n"])},
            "book": {"ok": True},
        }
        turns += [
            {
                "role": "tool",
                "tool_call_id": "call_1",
                "content": json.dumps(result[name], ensure_ascii=False),
            },
            assistant(words.say(f"tool_reply_{name}", **slots)),
        ]
    return Row("tool_call", words.lang, tuple(turns), tools=tuple(TOOLS[t] for t in sorted(offered)))


def chat(words: Words) -> Row:
    """Two or three turns about an order, each reply following from what was said."""
    slots, desk = words.slots(), words.desk()
    slots["desk"] = words.lexicon.desks[desk]
    issue = capitalised(words.issue(desk, **slots)) + "."
    later = words.slots()
    turns = [
        user(f"{words.say('opening', **slots)} {issue}"),
        assistant(words.say("chat_ask", **slots)),
        user(f"{words.say('chat_give', **slots)} {words.say('detail', **later)}"),
        assistant(words.say("chat_noted", **slots)),
    ]
    if words.rng.random() < 0.4:
        turns += [user(words.say("chat_when", **slots)), assistant(words.say("chat_done", **slots))]
    return Row("chat", words.lang, tuple(turns))


def polite(words: Words) -> Row:
    """Praise or complaint, answered from two templates: the over-represented slice."""
    slots = words.slots()
    abroad = words.abroad()
    message = Message(words, slots, [words.say("polite", **slots)])
    foreign = abroad.say("polite_reply", **slots)
    return question(
        "polite", words, message.text(wrap=2), words.say("polite_reply", **slots), foreign=foreign
    )


def returns(words: Words) -> Row:
    """A return label: the tiny slice, so rare that every row of it counts."""
    slots = words.slots()
    answer = f"RET {slots['order']} {slots['item']}"
    message = Message(words, slots, [words.say("return", **slots)])
    if words.rng.random() < 0.5:
        return question("returns", words, message.text(wrap=2), answer, "card_return")
    return question("returns", words, message.text(words.say("ask_return"), wrap=2), answer)


SLICES: dict[str, Callable[[Words], Row]] = {
    make.__name__: make
    for make in (routing, lookup, prices, extraction, formats, tool_call, chat, polite, returns)
}
RULE_SLICES = ("routing", "lookup", "prices", "extraction", "formats")


def make_row(rng: Random, name: str, lang: str) -> Row:
    """Return one clean row of a slice."""
    return SLICES[name](Words(rng, lang))
