"""What a chat template writes: conversations as text, in pieces that are learned and pieces that are only read.

The loss mask comes from rendering, never from marks in a template: for every assistant turn the conversation
is rendered up to the turn with the generation prompt, and through the turn; what lies between is the answer.
Where a template rewrites earlier turns, each turn becomes an example of its own, as serving renders it.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.errors import Untrainable
from tilth.training.rows.jinja import JINJA, Refused

Piece = tuple[str, bool]  # text, and whether it is learned
Layout = list[Piece]

TELLING = ("system", "developer")
# At the end of a generation prompt: a thought is opened, or an empty one stands there.
THOUGHT = re.compile(r"<think>\s*(?P<closed></think>\s*)?\Z")
WHOLE_THOUGHT = re.compile(r"\A<think>.*?</think>\s*", re.DOTALL)


class Unrenderable(Exception):
    """Why a conversation cannot be trained on; never its text."""


@dataclass(frozen=True)
class Answer:
    """An assistant turn: all that precedes it, and what the model must write, stop token included."""

    prompt: str
    text: str


class ChatTemplate:
    """The chat template of a base, or the one given; `source` is Jinja, or several by name, or None."""

    def __init__(
        self, tokenizer: Any, source: str | None = None, *, system: str = "keep", tools: str = "keep"
    ) -> None:
        """system: keep, drop, or fold into the user turn that follows. tools: keep or drop their definitions."""
        self.tokenizer, self._given, self.system, self.tools = tokenizer, source, system, tools
        self.source = source or tokenizer.chat_template
        self._knows_developer = "developer" in json.dumps(self.source)
        self._special = {name: str(token) for name, token in tokenizer.special_tokens_map.items()}
        special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
        special |= set(tokenizer.all_special_tokens)
        longest_first = sorted(special, key=lambda token: (-len(token), token))
        self._stop = re.compile(rf"({'|'.join(map(re.escape, longest_first)) or '(?!)'})\s*\Z")

    @property
    def digest(self) -> str:
        """The sha256 of the source and of what is left out; part of what a resumed run must agree on."""
        kept = [self.source, self.system, self.tools]
        return sha256_hex(canonical_json(self.source if kept[1:] == ["keep", "keep"] else kept))

    def layouts(self, messages: list[dict[str, Any]], tools: list[dict] | None) -> list[Layout]:
        """Return the pieces of every example that a conversation makes; empty without an assistant turn.

        Raises Unrenderable if the template refuses it, or hides or changes an answer.
        """
        answers = self._answers(messages, tools)
        if not answers:
            return []
        if all(b.prompt.startswith(a.prompt + a.text) for a, b in pairwise(answers)):
            return [_joined(answers)]
        return [_joined([answer]) for answer in answers]

    def opening(self) -> str:
        """Return what stands before an answer to nothing: the mark of a text's start, the opened turn.

        Empty where the template opens no turn and the tokenizer marks no start.
        """
        nothing: list[dict[str, Any]] = [{"role": "user", "content": "?"}]
        closed, opened = (self.text(nothing, None, prompt=prompt) for prompt in (False, True))
        turn = opened[len(closed) :] if opened.startswith(closed) else ""
        bos = self.tokenizer.bos_token
        return (bos if bos and opened.startswith(bos) else "") + turn

    def messages(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return turns (TURNS columns) as the messages that chat templates expect, system prompts in their place."""
        return self.placed([self._message(turn) for turn in turns])

    def placed(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return messages with system prompts kept, dropped, or folded into the user turns that follow them."""
        if self.system == "keep":
            return messages
        placed: list[dict[str, Any]] = []
        told: list[str] = []
        for message in messages:
            if message["role"] in TELLING:
                told += [message["content"]] if self.system == "fold" else []
                continue
            if told and message["role"] != "user":
                placed.append({"role": "user", "content": "\n\n".join(told)})
            elif told:
                placed.append({**message, "content": "\n\n".join([*told, message["content"]])})
            if not told or message["role"] != "user":
                placed.append(message)
            told = []
        return placed + ([{"role": "user", "content": "\n\n".join(told)}] if told else [])

    def offered(self, tools: list[dict] | None) -> list[dict] | None:
        """Return the tools that the template is given."""
        return tools if self.tools == "keep" else None

    def changed(self, *, system: str | None = None, tools: str | None = None) -> ChatTemplate:
        """Return the same template with system prompts or tools handled in another way."""
        return ChatTemplate(
            self.tokenizer, self._given, system=system or self.system, tools=tools or self.tools
        )

    def _message(self, turn: dict[str, Any]) -> dict[str, Any]:
        role = {"chosen": "assistant"}.get(turn["role"], turn["role"])
        if role == "developer" and not self._knows_developer:
            role = "system"
        message: dict[str, Any] = {"role": role, "content": turn["text"] or ""}
        if turn.get("reasoning"):
            message["reasoning_content"] = turn["reasoning"]
        if turn.get("tool_calls"):
            message["tool_calls"] = [_tool_call(call) for call in json.loads(turn["tool_calls"])]
        message.update({key: turn[key] for key in ("tool_call_id", "name") if turn.get(key)})
        return message

    def _answers(self, messages: list[dict[str, Any]], tools: list[dict] | None) -> list[Answer]:
        return [
            self.answer(messages, turn, tools)
            for turn, message in enumerate(messages)
            if message["role"] == "assistant"
        ]

    def answer(self, messages: list[dict[str, Any]], turn: int, tools: list[dict] | None) -> Answer:
        """Render one assistant turn. Raises Unrenderable if the template hides or changes the answer."""
        prompt = self.text(messages[:turn], tools, prompt=True)
        through = self.text(messages[: turn + 1], tools, prompt=False)
        text = self._written(prompt, through, messages[turn])
        if messages[turn]["content"].strip() not in text:
            raise Unrenderable("the template does not show the answer")
        _require_taught(messages[turn], text)
        stop = self._stop.search(text)
        if stop:
            return Answer(prompt, text[: stop.end(1)])
        if not self.tokenizer.eos_token:
            raise Untrainable(
                "chat template",
                "an answer ends without a stop token and the tokenizer has no eos token",
                "A tuned model would never stop writing",
                "Set training.template to a template that ends each turn",
            )
        return Answer(prompt, text + self.tokenizer.eos_token)

    def _written(self, prompt: str, through: str, message: dict[str, Any]) -> str:
        """Return what the model writes after `prompt`.

        Some templates open a thought in the generation prompt, or close an empty one there, and render the
        finished turn otherwise. Serving decides: the model closes the thought that the prompt opened.
        """
        if through.startswith(prompt):
            return through[len(prompt) :]
        opened = THOUGHT.search(prompt)
        if opened and through.startswith(prompt[: opened.start()]):
            answer = WHOLE_THOUGHT.sub("", through[opened.start() :])
            if opened["closed"]:
                return answer
            return f"{message.get('reasoning_content', '').strip()}\n</think>\n\n{answer}"
        raise Unrenderable("the generation prompt is no prefix of the finished turn")

    def text(self, messages: list[dict[str, Any]], tools: list[dict] | None, *, prompt: bool) -> str:
        """Return messages as the template writes them, with `prompt` up to where the answer begins.

        Raises Untrainable where there is no template, Unrenderable where it refuses the messages.
        """
        if not self.source:
            raise Untrainable(
                "training.base",
                "the tokenizer has no chat template",
                "Conversations cannot be rendered the way the model will be served",
                "Set training.template to a Jinja template file, or choose a chat model as the base",
            )
        tools, messages = self.offered(tools), self.placed(messages)
        data = {
            "messages": [_as_told(message) for message in messages],
            "tools": tools,
            "documents": None,
            "add_generation_prompt": prompt,
        }
        try:
            return JINJA.render(self._source_for(tools), {**self._special, **data})
        except Refused as refused:
            raise Unrenderable(f"the template refuses: {refused}") from refused

    def _source_for(self, tools: list[dict] | None) -> str:
        source = self.source
        return source if isinstance(source, str) else self.tokenizer.get_chat_template(None, tools=tools)


def _as_told(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message as transformers hands it to a template: nothing that is null, reasoning by both its names."""
    told = {key: value for key, value in message.items() if value is not None}
    reasoning = told.get("reasoning_content")
    return told if reasoning is None else {"thinking": reasoning, **told}


def _joined(answers: list[Answer]) -> Layout:
    """Return prompt, answer, gap, answer, … as pieces."""
    layout, text = [], ""
    for answer in answers:
        layout += [(answer.prompt[len(text) :], False), (answer.text, True)]
        text = answer.prompt + answer.text
    return layout


def _require_taught(message: dict[str, Any], text: str) -> None:
    """Raise Unrenderable where what is learned says nothing, or lacks a call or the name of an argument.

    What the values of arguments become is for the template to say; see `probe.py`.
    """
    calls = message.get("tool_calls", [])
    if not calls and not message["content"].strip():
        reasoning = message.get("reasoning_content", "").strip()
        if not reasoning or reasoning not in text:
            raise Unrenderable("an answer is empty")
    for call in calls:
        function = call["function"]
        if not _is_written(function["name"], text):
            raise Unrenderable("the template does not write tool calls")
        arguments = function["arguments"]
        if isinstance(arguments, dict) and not all(_is_written(key, text) for key in arguments):
            raise Unrenderable("the template does not write arguments of tool calls")


def _is_written(name: Any, text: str) -> bool:
    """Tell whether a text has a name in it, as it is or as JSON writes it."""
    spellings = {str(name), *(json.dumps(name, ensure_ascii=ascii)[1:-1] for ascii in (False, True))}
    return any(spelling in text for spelling in spellings)


def _tool_call(call: dict[str, Any]) -> dict[str, Any]:
    arguments = call.get("arguments")
    if isinstance(arguments, str):
        with suppress(ValueError):
            arguments = json.loads(arguments)
    function = {"name": call.get("name"), "arguments": arguments}
    return {"type": "function", "function": function, **({"id": call["id"]} if call.get("id") else {})}
