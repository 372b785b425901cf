"""Samples to token ids: which tokens the model reads, and which of them it must learn to write.

`template.py` says which pieces of a conversation are answers. Here pieces become ids, whatever tokens merge over
their edges, and what is longer than the model reads is cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from tilth.shards.errors import Untrainable
from tilth.shards.tables import WEIGHT_UNIT
from tilth.training.rows.conversations import Conversations
from tilth.training.rows.template import ChatTemplate, Layout, Unrenderable

TOO_LONG = "no label within max_tokens"
ENCODE_ROWS = 1024
SHOWN_TOKENS = 5


@dataclass(frozen=True, eq=False)
class Example:
    """One sequence: `is_label` marks the tokens that are predicted with loss (never the first)."""

    row_id: bytes
    slice: str
    weight: float
    input_ids: np.ndarray  # int32 (tokens,)
    is_label: np.ndarray  # bool (tokens,)

    @property
    def parts(self) -> tuple[Example, ...]:
        """The sequences that see only themselves: one, but for preference pairs."""
        return (self,)


@dataclass
class Rendered:
    """Examples in row order, the rows that gave none, what was cut off, and what the template passes over."""

    examples: list[Example] = field(default_factory=list)
    skipped: dict[bytes, str] = field(default_factory=dict)
    truncated: dict[bytes, int] = field(default_factory=dict)  # tokens cut off, by row
    unshown: dict[str, set[bytes]] = field(
        default_factory=dict
    )  # rows by the part that is in no example of theirs

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
            {part: rows & row_ids for part, rows in self.unshown.items() if rows & row_ids},
        )


class Renderer:
    """Renders samples through the base's chat template, or the one given."""

    def __init__(
        self,
        tokenizer: Any,
        *,
        max_tokens: int,
        template: str | None = None,
        system: str = "keep",
        tools: str = "keep",
        vocabulary: int | None = None,
    ) -> None:
        """system, tools: see ChatTemplate. vocabulary: how many tokens the model has embeddings of."""
        self.tokenizer, self.max_tokens, self.vocabulary = tokenizer, max_tokens, vocabulary
        self.template = ChatTemplate(tokenizer, template, system=system, tools=tools)
        self.conversations = Conversations(self.template)

    def prompt_ids(self, messages: list[dict[str, Any]], tools: list[dict] | None = None) -> list[int]:
        """Return the ids that serving feeds before the answer: a prefix of what training shows."""
        return self._encode([self.template.text(messages, tools, prompt=True)])[0]

    def opening_ids(self) -> list[int]:
        """Return the ids after which an answer to nothing begins, none where nothing marks it."""
        return self._encode([self.template.opening()])[0]

    def render(self, sample: dict[str, Any]) -> list[Example]:
        """Return the examples of one sample, none if it holds nothing to learn."""
        return self.render_all([sample]).examples

    def render_all(
        self, samples: pl.DataFrame | list[dict[str, Any]], *, last_only: bool = False
    ) -> Rendered:
        """Render samples (columns as Version.samples) in order; documents are cut into windows.

        last_only: of every conversation only the last answer is learned, all before it is its prompt.
        """
        rendered = Rendered()
        rows = samples.iter_rows(named=True) if isinstance(samples, pl.DataFrame) else iter(samples)
        for chunk in _chunks(rows, ENCODE_ROWS):
            layouts: list[list[Layout]] = []
            for sample in chunk:
                found = self._layouts(sample, rendered)
                if last_only and not isinstance(found, str):
                    found = [_until(layout, len(layout) - 1) for layout in found[-1:]]
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
            rendered.skipped.setdefault(sample["row_id"], TOO_LONG)
        weight = weight_of(sample["weight"])
        for ids, labels in kept:
            rendered.examples.append(Example(sample["row_id"], sample["slice"] or "", weight, ids, labels))

    def _layouts(self, sample: dict[str, Any], rendered: Rendered) -> list[Layout] | str:
        """Return the pieces of every example of a sample, or why there are none."""
        if sample["shape"] == "document":
            text = "\n\n".join(turn["text"] or "" for turn in sample["turns"])
            return [[(text, True)]] if text else "empty document"
        turns = [turn for turn in sample["turns"] if turn["role"] != "rejected"]
        tools = json.loads(sample["tools"]) if sample.get("tools") else None
        try:
            layouts, unshown = self.conversations.layouts(turns, tools)
        except Unrenderable as reason:
            return str(reason)
        for part in unshown:
            rendered.unshown.setdefault(part.value, set()).add(sample["row_id"])
        return _learned_of(layouts, turns) or "none of its answers is to be learned"

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
            split = [_until(layout, turn) for turn in range(1, len(layout), 2) if layout[turn][1]]
            return [sequence for row in self._sequences([[one] for one in split]) for sequence in row]
        prompt, answer = pieces
        if whole[: len(prompt)] == prompt:
            return [_arrays([prompt, whole[len(prompt) :]], [False, True])]
        if self.tokenizer.decode(prompt + answer) == self.tokenizer.decode(whole):
            return [_arrays([prompt, answer], [False, True])]
        return []

    def _encode(self, texts: list[str]) -> list[list[int]]:
        """Return the ids of texts. Raises Untrainable for an id that the model has no embedding of."""
        if not texts:
            return []
        found: list[list[int]] = self.tokenizer(
            texts,
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]
        if self.vocabulary is not None:
            require_embedded(self.tokenizer, found, self.vocabulary)
        return found


def require_embedded(tokenizer: Any, rows: list[list[int]], vocabulary: int) -> None:
    """Raise Untrainable if a row holds a token that a model with `vocabulary` embeddings does not know."""
    most = max((max(ids) for ids in rows if ids), default=-1)
    if most < vocabulary:
        return
    beyond = sorted({i for ids in rows for i in ids if i >= vocabulary})
    named = ", ".join(tokenizer.convert_ids_to_tokens(beyond[:SHOWN_TOKENS]))
    raise Untrainable(
        "training.base",
        f"its tokenizer makes {len(tokenizer):,} tokens, its embedding has {vocabulary:,} rows, and the data holds "
        f"tokens beyond them: {named}",
        "The model has nothing to read for them",
        "Resize the embedding to the tokenizer (model.resize_token_embeddings) and save the base again, or train on "
        "text without these tokens",
    )


def weight_of(millionths: int | None) -> float:
    """Return how often a row is drawn in a pass; 1 where a version says nothing."""
    return (WEIGHT_UNIT if millionths is None else millionths) / WEIGHT_UNIT


def _learned_of(layouts: list[Layout], turns: list[dict[str, Any]]) -> list[Layout]:
    """Return layouts in which answers that are only to be read are not learned, those of none learned left out."""
    to_learn = [turn.get("learned") is not False for turn in turns if turn["role"] in ("assistant", "chosen")]
    if all(to_learn):
        return layouts
    is_learned = iter(to_learn)
    marked = [[(text, answer and next(is_learned)) for text, answer in layout] for layout in layouts]
    return [layout for layout in marked if any(learned for _, learned in layout)]


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


def _chunks(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
