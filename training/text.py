"""Samples to token ids: which tokens the model reads, and which of them it must learn to write.

The loss mask comes from rendering, never from marks in a template: for every assistant turn the conversation
is rendered up to the turn with the generation prompt, and through the turn; what lies between is the answer.
Where a template rewrites earlier turns, each turn becomes an example of its own, as serving renders it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.errors import TrainingError
from tilth.shards.tables import WEIGHT_UNIT

MAX_SKIPPED = 0.005  # share of rows without a label above which a run refuses to start
# Templates that print today's date would change between two runs: their clock is stopped.
STOPPED_CLOCK = (
    "{%- macro strftime_now(format) -%}"
    "{{ format.replace('%Y', '2024').replace('%m', '07').replace('%d', '26').replace('%b', 'Jul')"
    ".replace('%B', 'July').replace('%A', 'Friday').replace('%H', '12').replace('%M', '00') }}"
    "{%- endmacro -%}"
)
ENCODE_ROWS = 1024

Piece = tuple[str, bool]  # text, and whether it is learned
Layout = list[Piece]


@dataclass(frozen=True, eq=False)
class Example:
    """One sequence: `is_label` marks the tokens that are predicted with loss (never the first)."""

    row_id: bytes
    slice: str
    weight: float
    input_ids: np.ndarray  # int32 (tokens,)
    is_label: np.ndarray  # bool (tokens,)


@dataclass
class Rendered:
    """Examples in row order, the rows that gave none, and what was cut off."""

    examples: list[Example] = field(default_factory=list)
    skipped: dict[bytes, str] = field(default_factory=dict)
    truncated: dict[bytes, int] = field(default_factory=dict)  # tokens cut off, by row

    @property
    def truncated_rows(self) -> int:
        """Rows of which something was cut off."""
        return len(self.truncated)

    @property
    def truncated_tokens(self) -> int:
        """Tokens that were cut off, of all rows."""
        return sum(self.truncated.values())

    def of(self, row_ids: set[bytes]) -> Rendered:
        """Return what became of some of the rows, in the same order."""
        return Rendered(
            [example for example in self.examples if example.row_id in row_ids],
            {row: why for row, why in self.skipped.items() if row in row_ids},
            {row: cut for row, cut in self.truncated.items() if row in row_ids},
        )


@dataclass(frozen=True)
class Answer:
    """An assistant turn: all that precedes it, and what the model must write, stop token included."""

    prompt: str
    text: str


class Renderer:
    """Renders samples through the base's chat template, or the one given."""

    def __init__(self, tokenizer: Any, *, max_tokens: int, template: str | None = None) -> None:
        self.tokenizer, self.max_tokens = tokenizer, max_tokens
        self.template = template or tokenizer.chat_template
        self._knows_developer = "developer" in json.dumps(self.template)
        special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
        special |= set(tokenizer.all_special_tokens)
        longest_first = sorted(special, key=lambda token: (-len(token), token))
        self._stop = re.compile(rf"({'|'.join(map(re.escape, longest_first)) or '(?!)'})\s*\Z")

    @property
    def template_digest(self) -> str:
        """The sha256 of the chat template; part of what a resumed run must agree on."""
        return sha256_hex(canonical_json(self.template))

    def prompt_ids(self, messages: list[dict[str, Any]], tools: list[dict] | None = None) -> list[int]:
        """Return the ids that serving feeds before the answer: a prefix of what training shows."""
        return self._encode([self.text(messages, tools, prompt=True)])[0]

    def opening_ids(self) -> list[int]:
        """Return the ids after which an answer to nothing begins: the start of a text, the opened turn.

        Empty where the template opens no turn and the tokenizer marks no start.
        """
        nothing: list[dict[str, Any]] = [{"role": "user", "content": "?"}]
        closed, opened = (self.text(nothing, None, prompt=prompt) for prompt in (False, True))
        turn = opened[len(closed) :] if opened.startswith(closed) else ""
        bos = self.tokenizer.bos_token
        return self._encode([(bos if bos and opened.startswith(bos) else "") + turn])[0]

    def render(self, sample: dict[str, Any]) -> list[Example]:
        """Return the examples of one sample, none if it holds nothing to learn."""
        return self.render_all([sample]).examples

    def render_all(self, samples: pl.DataFrame | list[dict[str, Any]]) -> Rendered:
        """Render samples (columns as Version.samples) in order; documents are cut into windows."""
        rendered = Rendered()
        rows = samples.iter_rows(named=True) if isinstance(samples, pl.DataFrame) else iter(samples)
        for chunk in _chunks(rows, ENCODE_ROWS):
            layouts: list[list[Layout]] = []
            for sample in chunk:
                found = self._layouts(sample)
                if isinstance(found, str):
                    rendered.skipped[sample["row_id"]] = found
                layouts.append([] if isinstance(found, str) else found)
            for sample, sequences in zip(chunk, self._sequences(layouts)):
                self._add(rendered, sample, sequences)
        return rendered

    def _add(
        self, rendered: Rendered, sample: dict[str, Any], sequences: list[tuple[np.ndarray, np.ndarray]]
    ) -> None:
        """Cut sequences to the context and keep those with a label left."""
        windows = []
        for ids, labels in sequences:
            if sample["shape"] == "document":
                windows += [
                    (ids[i : i + self.max_tokens], labels[i : i + self.max_tokens])
                    for i in range(0, len(ids), self.max_tokens)
                ]
                continue
            if len(ids) > self.max_tokens:
                cut = rendered.truncated.get(sample["row_id"], 0) + len(ids) - self.max_tokens
                rendered.truncated[sample["row_id"]] = cut
            windows.append((ids[: self.max_tokens], labels[: self.max_tokens]))
        kept = [(ids, _without_first(labels)) for ids, labels in windows]
        kept = [(ids, labels) for ids, labels in kept if labels.any()]
        if not kept:
            rendered.skipped.setdefault(sample["row_id"], "no label within max_tokens")
        weight = weight_of(sample["weight"])
        for ids, labels in kept:
            rendered.examples.append(Example(sample["row_id"], sample["slice"] or "", weight, ids, labels))

    def _layouts(self, sample: dict[str, Any]) -> list[Layout] | str:
        """Return the pieces of every example of a sample, or why there are none."""
        if sample["shape"] == "document":
            text = "\n\n".join(turn["text"] or "" for turn in sample["turns"])
            return [[(text, True)]] if text else "empty document"
        turns = [turn for turn in sample["turns"] if turn["role"] != "rejected"]
        tools = json.loads(sample["tools"]) if sample.get("tools") else None
        try:
            answers = self._answers(self.messages(turns), tools)
        except Unrenderable as reason:
            return str(reason)
        if not answers:
            return "no assistant turn"
        if all(b.prompt.startswith(a.prompt + a.text) for a, b in pairwise(answers)):
            return [_joined(answers)]
        return [_joined([answer]) for answer in answers]

    def messages(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return turns (TURNS columns) as the messages that chat templates expect."""
        return [self._message(turn) for turn in turns]

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
            self._answer(messages, turn, tools)
            for turn, message in enumerate(messages)
            if message["role"] == "assistant"
        ]

    def _answer(self, messages: list[dict[str, Any]], turn: int, tools: list[dict] | None) -> Answer:
        """Render one assistant turn. Raises Unrenderable if the template hides or changes the answer."""
        prompt = self.text(messages[:turn], tools, prompt=True)
        through = self.text(messages[: turn + 1], tools, prompt=False)
        text = self._written(prompt, through, messages[turn])
        if messages[turn]["content"].strip() not in text:
            raise Unrenderable("the template does not show the answer")
        stop = self._stop.search(text)
        if stop:
            return Answer(prompt, text[: stop.end(1)])
        if not self.tokenizer.eos_token:
            raise TrainingError(
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
        content = message["content"].strip()
        shared = _shared_length(prompt, through)
        answer = through[through.find(content, shared) if content else shared :]
        if prompt.rstrip().endswith("<think>"):
            return f"{message.get('reasoning_content', '').strip()}\n</think>\n\n{answer}"
        if prompt.rstrip().endswith("</think>") and content:
            return answer
        raise Unrenderable("the generation prompt is no prefix of the finished turn")

    def text(self, messages: list[dict[str, Any]], tools: list[dict] | None, *, prompt: bool) -> str:
        """Return messages as the template writes them, with `prompt` up to where the answer begins.

        Raises TrainingError where there is no template, Unrenderable where it refuses the messages.
        """
        from jinja2 import TemplateError

        if not self.template:
            raise TrainingError(
                "training.base",
                "the tokenizer has no chat template",
                "Conversations cannot be rendered the way the model will be served",
                "Set training.template to a Jinja template file, or choose a chat model as the base",
            )
        try:
            return self.tokenizer.apply_chat_template(
                messages,
                tools=tools,
                chat_template=self._template_for(tools),
                tokenize=False,
                add_generation_prompt=prompt,
            )
        except (TemplateError, TypeError, KeyError, ValueError, IndexError) as error:
            raise Unrenderable("the template refuses the conversation") from error

    def _template_for(self, tools: list[dict] | None) -> str:
        template = self.template
        if not isinstance(template, str):
            template = self.tokenizer.get_chat_template(None, tools=tools)
        return STOPPED_CLOCK + template if "strftime_now" in template else template

    def _sequences(self, layouts: list[list[Layout]]) -> list[list[tuple[np.ndarray, np.ndarray]]]:
        """Return (ids, labels) for every layout, splitting a conversation whose tokens merge over turns."""
        flat = [layout for row in layouts for layout in row]
        whole = iter(self._encode(["".join(text for text, _ in layout) for layout in flat]))
        pieces = iter(self._encode([text for layout in flat for text, _ in layout]))
        found = []
        for row in layouts:
            sequences = []
            for layout in row:
                ids = [next(pieces) for _ in layout]
                sequences += self._labelled(layout, ids, next(whole))
            found.append(sequences)
        return found

    def _labelled(
        self, layout: Layout, pieces: list[list[int]], whole: list[int]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        if len(layout) == 1:
            bos, eos = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
            ids = [i for i in (bos, *whole, eos) if i is not None]
            return [_arrays([ids], [True])]
        if [i for piece in pieces for i in piece] == whole:
            return [_arrays(pieces, [learned for _, learned in layout])]
        if len(layout) > 2:
            split = [_until(layout, turn) for turn in range(1, len(layout), 2)]
            return [sequence for row in self._sequences([[one] for one in split]) for sequence in row]
        prompt, answer = pieces
        if whole[: len(prompt)] == prompt:
            return [_arrays([prompt, whole[len(prompt) :]], [False, True])]
        if self.tokenizer.decode(prompt + answer) == self.tokenizer.decode(whole):
            return [_arrays([prompt, answer], [False, True])]
        return []

    def _encode(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        return self.tokenizer(
            texts,
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]


def weight_of(millionths: int | None) -> float:
    """Return how often a row is drawn in a pass; 1 where a version says nothing."""
    return (WEIGHT_UNIT if millionths is None else millionths) / WEIGHT_UNIT


def require_labels(rendered: Rendered, rows: int, what: str) -> None:
    """Refuse to train when more than MAX_SKIPPED of the rows hold nothing to learn.

    Raises TrainingError with the counts by reason.
    """
    if len(rendered.skipped) <= MAX_SKIPPED * rows and rendered.examples:
        return
    if not rows:
        raise TrainingError(
            what,
            "it holds no row to train on",
            "Nothing was trained",
            "Add data, or take less of it for curation.split and training.twin_folds",
        )
    counts: dict[str, int] = {}
    for reason in rendered.skipped.values():
        counts[reason] = counts.get(reason, 0) + 1
    listed = ", ".join(f"{counts[reason]} {reason}" for reason in sorted(counts)) or "no rows"
    raise TrainingError(
        what,
        f"{len(rendered.skipped)} of {rows} rows have nothing to learn from ({listed})",
        f"More than {MAX_SKIPPED:.1%} of the data would be left out without a word",
        "Raise training.max_tokens if the base reads more, set training.template, or drop these rows",
    )


class Unrenderable(Exception):
    """Why a conversation cannot be trained on; never its text."""


def _joined(answers: list[Answer]) -> Layout:
    """Return prompt, answer, gap, answer, … as pieces."""
    layout, text = [], ""
    for answer in answers:
        layout += [(answer.prompt[len(text) :], False), (answer.text, True)]
        text = answer.prompt + answer.text
    return layout


def _until(layout: Layout, turn: int) -> Layout:
    """Return the example of one answer alone: all before it as its prompt."""
    return [("".join(text for text, _ in layout[:turn]), False), layout[turn]]


def _arrays(pieces: list[list[int]], learned: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    ids = np.array([i for piece in pieces for i in piece], dtype=np.int32)
    return ids, np.repeat(learned, [len(piece) for piece in pieces])


def _without_first(labels: np.ndarray) -> np.ndarray:
    """The first token of a sequence has nothing before it to predict it from."""
    labels = labels.copy()
    labels[:1] = False
    return labels


def _shared_length(a: str, b: str) -> int:
    """Return how many leading characters two texts share."""
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def _tool_call(call: dict[str, Any]) -> dict[str, Any]:
    arguments = call.get("arguments")
    if isinstance(arguments, str):
        with suppress(ValueError):
            arguments = json.loads(arguments)
    function = {"name": call.get("name"), "arguments": arguments}
    return {"type": "function", "function": function, **({"id": call["id"]} if call.get("id") else {})}


def _chunks(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
