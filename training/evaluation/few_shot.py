"""Worked examples before a question: what prompting alone makes of the untouched base.

Examples are train rows that ask one thing and answer it, never a row of the task file nor a held-out one. They stand
before the question as earlier turns, rendered as serving renders them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from tilth.shards.tables import Shape, Split
from tilth.shards.version import Version
from tilth.training.evaluation.evaluate import TaskScores
from tilth.training.evaluation.generation import generate
from tilth.training.evaluation.kept_answers import Ask
from tilth.training.evaluation.metric_plugins import find
from tilth.training.evaluation.sampled import Judging, cost_of
from tilth.training.evaluation.tasks import Item
from tilth.training.rows.overlap import holding, text_of
from tilth.training.rows.template import Unrenderable
from tilth.training.rows.text import Renderer

POOL_ROWS_PER_SLICE = 200
ASKED = (Shape.CHAT.value, Shape.INSTRUCTION.value)


@dataclass(frozen=True)
class Worked:
    """A question and its answer as two messages, and the names of the tools that the answer calls."""

    slice: str
    messages: list[dict[str, Any]]
    has_tools: bool
    calls: frozenset[str]

    @property
    def length(self) -> int:
        """Characters of both messages."""
        return len(json.dumps(self.messages, ensure_ascii=False))


def worked_examples(
    version: Version, renderer: Renderer, train: Collection[bytes], questions: Sequence[str] = ()
) -> list[Worked]:
    """Return the shorter half, slice by slice, of the rows in `train` (row ids) that are one question and its answer.

    In the order of their row ids, which is that of a hash; none that holds one of `questions` (see `judges.py`).
    """
    samples = version.samples(Split.TRAIN).filter(
        pl.col("row_id").is_in(pl.Series(sorted(train), dtype=pl.Binary).implode()),
        pl.col("shape").cast(pl.String).is_in(ASKED),
        pl.col("turns").list.len() <= 3,
    )
    told = holding([text_of(turns) for turns in samples["turns"].to_list()], questions)
    samples = samples.filter(~pl.Series(told, dtype=pl.Boolean))
    few = samples.group_by("slice", maintain_order=True).head(POOL_ROWS_PER_SLICE)
    examples = [example for row in few.iter_rows(named=True) if (example := _worked(row, renderer))]
    half = {
        name: float(np.median([w.length for w in examples if w.slice == name]))
        for name in {w.slice for w in examples}
    }
    return [example for example in examples if example.length <= half[example.slice]]


def examples_for(item: Item, pool: list[Worked], count: int) -> list[Worked]:
    """Return the first `count` examples of the item's slice, else of any, that use tools if and as the item may."""
    offered = {
        str((tool.get("function") or tool).get("name")) for tool in item.tools or [] if isinstance(tool, dict)
    }
    usable = [w for w in pool if w.has_tools == bool(item.tools) and w.calls <= offered]
    alike = [w for w in usable if w.slice == item.slice]
    return (alike if len(alike) >= count else usable)[:count]


def answer_with_examples(
    model: Any,
    renderer: Renderer,
    judging: Judging,
    pool: list[Worked],
    max_context: int,
    on_tokens: Callable[[int], None] | None = None,
    ask: Ask = generate,
) -> list[TaskScores]:
    """Answer every question after `judging.shots` worked examples and score it.

    Where there are not as many, or the prompt would not fit, nothing is asked and the score is NaN. ask: as
    `answer_tasks` takes it.
    """
    results, count = [], judging.shots
    for task in judging.tasks:
        room = max_context - task.max_new_tokens
        prompts = [
            _prompt_ids(q.item, examples_for(q.item, pool, count), renderer, count) for q in task.questions
        ]
        asked = [i for i, ids in enumerate(prompts) if ids and len(ids) <= room]
        written = ask(model, renderer.tokenizer, [prompts[i] for i in asked], task.max_new_tokens, None)
        if on_tokens is not None:
            on_tokens(sum(cost_of(question, task) for question in task.questions))
        score, scores = find(task.metric).score, np.full(len(prompts), np.nan)
        answers = [""] * len(prompts)
        for i, answer in zip(asked, written):
            answers[i], scores[i] = answer, score(answer, task.questions[i].item.reference)
        results.append(TaskScores(task.name, task.metric, scores, answers, task.clusters))
    return results


def _prompt_ids(item: Item, examples: list[Worked], renderer: Renderer, count: int) -> list[int]:
    """Return the prompt, empty where there are too few examples or the template refuses them."""
    if len(examples) < count:
        return []
    told = 1 if item.messages[0]["role"] in ("system", "developer") else 0
    before = [message for example in examples for message in example.messages]
    try:
        return renderer.prompt_ids([*item.messages[:told], *before, *item.messages[told:]], item.tools)
    except Unrenderable:
        return []


def _worked(row: dict[str, Any], renderer: Renderer) -> Worked | None:
    turns = [turn for turn in row["turns"] if turn["role"] not in ("system", "developer")]
    if [turn["role"] for turn in turns] != ["user", "assistant"]:
        return None
    messages = renderer.template.messages(turns)
    calls = frozenset(call["function"]["name"] for call in messages[1].get("tool_calls", []))
    return Worked(row["slice"] or "", messages, bool(row.get("tools")), calls)
