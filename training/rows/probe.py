"""What a chat template shows of a conversation: found out with marked texts, before any row is trusted to it.

A template may pass over whatever it was not written for: a system prompt, tools, the second of two calls. For every
kind of conversation that the rows hold (`Traits`) one is rendered whose every text is a mark, and each mark must come
out where it should: what was said before an answer in its prompt, the answer in what is learned, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any

from tilth.training.rows.template import ChatTemplate, Unrenderable

MOST = 2  # tools, calls side by side and exchanges: a template that shows two shows more


class Part(StrEnum):
    """What a conversation is made of, as messages name it."""

    SYSTEM = "the system prompt"
    USER = "what the user says"
    TOOLS = "tool definitions"
    CALLS = "tool calls"
    ARGUMENTS = "arguments of tool calls"
    RESULTS = "tool results"
    ANSWERS = "earlier answers"
    ANSWER = "the answer"
    LEAK = "the answer apart from what was asked"
    REASONING = "reasoning"
    EARLIER_REASONING = "the reasoning of earlier answers"
    DETAILS = "descriptions or parameters of tools"


ASKED = (Part.SYSTEM, Part.USER, Part.RESULTS)  # never learned
# What a row can do without: it is counted. A row that loses anything else is left out.
DISPENSABLE = frozenset({Part.REASONING, Part.EARLIER_REASONING, Part.DETAILS})


@dataclass(frozen=True)
class Traits:
    """What a conversation holds, as far as templates treat it apart; counts stop at MOST."""

    system: str  # system, developer, or neither
    tools: int
    bare_tools: bool  # {"name": …} instead of {"type": "function", "function": {"name": …}}
    exchanges: int
    calls: int
    speaks_beside_calls: bool
    results: bool
    reasoning: bool
    ends_in_call: bool


def traits_of(messages: list[dict[str, Any]], tools: list[dict] | None) -> Traits:
    """Return the traits of a conversation, in messages as templates take them."""
    roles = [message["role"] for message in messages]
    calling = [message for message in messages if message.get("tool_calls")]
    told = [role for role in roles if role in ("system", "developer")]
    last: dict[str, Any] = next((m for m in reversed(messages) if m["role"] == "assistant"), {})
    return Traits(
        system=told[0] if told else "",
        tools=min(len(tools or []), MOST),
        bare_tools=any(isinstance(tool, dict) and "function" not in tool for tool in (tools or [])[:1]),
        exchanges=min(max(1, roles.count("user")), MOST),
        calls=min(max((len(message["tool_calls"]) for message in calling), default=0), MOST),
        speaks_beside_calls=any(message["content"].strip() for message in calling),
        results="tool" in roles,
        reasoning=any(message.get("reasoning_content") for message in messages),
        ends_in_call=bool(last.get("tool_calls")),
    )


class Probe:
    """Knows for one template what it hides of conversations of each kind that it was asked about."""

    def __init__(self, template: ChatTemplate) -> None:
        self.template = template
        self._hidden: dict[Traits, frozenset[Part]] = {}

    def hidden(self, messages: list[dict[str, Any]], tools: list[dict] | None) -> frozenset[Part]:
        """Return what the template does not show of a conversation of this kind.

        Nothing where it refuses the marked one: what it says of the row itself then counts.
        """
        traits = traits_of(messages, tools)
        if traits not in self._hidden:
            try:
                self._hidden[traits] = Marked(traits).hidden_by(self.template)
            except Unrenderable:
                self._hidden[traits] = frozenset()
        return self._hidden[traits]


class Marked:
    """A conversation with given traits whose every text is a mark of its own."""

    def __init__(self, traits: Traits) -> None:
        self._numbers = count(100)
        self.messages: list[dict[str, Any]] = []
        self.tools: list[dict[str, Any]] | None = None
        self._of_message: list[list[tuple[Part, str]]] = []  # by message, the part each mark stands for
        self._of_tools: list[tuple[Part, str]] = []
        self._write(traits)

    def hidden_by(self, template: ChatTemplate) -> frozenset[Part]:
        """Return the parts of which a mark is not where it should be. Raises Unrenderable."""
        hidden: set[Part] = set()
        for turn, message in enumerate(self.messages):
            if message["role"] != "assistant":
                continue
            answer = template.answer(self.messages, turn, self.tools)
            before = [*self._of_tools, *(m for marks in self._of_message[:turn] for m in marks)]
            hidden |= {_EARLIER.get(part, part) for part, mark in before if mark not in answer.prompt}
            hidden |= {part for part, mark in self._of_message[turn] if mark not in answer.text}
            if any(mark in answer.text for part, mark in before if part in ASKED):
                hidden.add(Part.LEAK)
        return frozenset(hidden)

    def _write(self, traits: Traits) -> None:
        if traits.tools:
            self.tools = [self._tool(traits.bare_tools) for _ in range(traits.tools)]
        if traits.system:
            self._say(traits.system, Part.SYSTEM)
        for _ in range(traits.exchanges - 1):
            self._say("user", Part.USER)
            self._say("assistant", Part.ANSWER, reasons=traits.reasoning)
        self._say("user", Part.USER)
        if traits.calls:
            self._call(traits)
        elif traits.results:
            self._say("tool", Part.RESULTS)
        if not traits.ends_in_call:
            if traits.calls and not traits.results:
                self._say("user", Part.USER)
            self._say("assistant", Part.ANSWER, reasons=traits.reasoning)

    def _say(self, role: str, part: Part | None, *, reasons: bool = False, **more: Any) -> None:
        marks = [(part, self._mark())] if part else []
        message = {"role": role, "content": marks[0][1] if marks else "", **more}
        if reasons:
            marks.append((Part.REASONING, self._mark()))
            message["reasoning_content"] = marks[-1][1]
        self.messages.append(message)
        self._of_message.append(marks)

    def _call(self, traits: Traits) -> None:
        calls, marks, answered = [], [], []
        for _ in range(traits.calls):
            name, key, value, other, inner = (self._mark() for _ in range(5))
            arguments = {key: value, other: {"of": [inner]}}
            function = {"name": name, "arguments": arguments}
            calls.append({"type": "function", "id": self._mark(), "function": function})
            answered.append((calls[-1]["id"], name))
            marks += [(Part.CALLS, name), *((Part.ARGUMENTS, mark) for mark in (key, value, other, inner))]
        part = Part.ANSWER if traits.speaks_beside_calls else None
        self._say("assistant", part, reasons=traits.reasoning, tool_calls=calls)
        self._of_message[-1] += marks
        for identity, name in answered if traits.results else ():
            self._say("tool", Part.RESULTS, tool_call_id=identity, name=name)

    def _tool(self, bare: bool) -> dict[str, Any]:
        name, says, key, of_key = (self._mark() for _ in range(4))
        properties = {key: {"type": "string", "description": of_key}}
        parameters = {"type": "object", "properties": properties, "required": [key]}
        function = {"name": name, "description": says, "parameters": parameters}
        self._of_tools += [(Part.TOOLS, name), *((Part.DETAILS, mark) for mark in (says, key, of_key))]
        return function if bare else {"type": "function", "function": function}

    def _mark(self) -> str:
        """Return a word of nine letters and digits, which is what the strictest template wants of an id."""
        return f"marked{next(self._numbers)}"


_EARLIER = {Part.ANSWER: Part.ANSWERS, Part.REASONING: Part.EARLIER_REASONING}
