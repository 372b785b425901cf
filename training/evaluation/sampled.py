"""How much judges a run: as many questions and held-out rows as a share of the run allows, the same for all models.

What is cheap is judged whole. Else a sample is drawn by a hash of what is asked, so that runs of one length ask the
same whatever their seed, and a longer run asks what a shorter one asked and more. Cost is counted in tokens, not by
the clock, so that a rerun repeats it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from tilth.shards.digest import canonical_json
from tilth.training.evaluation.evaluate import LoadedTask, Question
from tilth.training.evaluation.generation import WRITTEN_COST
from tilth.training.evaluation.intervals import MIN_TO_DECIDE
from tilth.training.rows.text import Example

_Asked = TypeVar("_Asked")

MIN_PROMPTS = 4  # of held-out rows, answered to be read
MODELS = 2  # base and tuned
PROMPTS_SHARE = 0.25  # of the allowance, at most, for answers that are only read


@dataclass(frozen=True)
class Judging:
    """What base and tuned are judged by. tokens: what it costs both, in tokens read. said: what was left out."""

    tasks: list[LoadedTask] = field(default_factory=list)
    promotion: list[Example] = field(default_factory=list)
    held: LoadedTask | None = None
    shots: int = 0  # worked examples before a question, where the base is asked so as well
    tokens: int = 0
    share: float = 0.0  # of the cost of the steps, as planned
    said: list[str] = field(default_factory=list)

    @property
    def questions(self) -> int:
        """Questions of all tasks."""
        return sum(len(task.questions) for task in self.tasks)

    @property
    def rows(self) -> int:
        """Held-out rows whose loss is measured."""
        return len({example.row_id for example in self.promotion})

    def lines(self) -> list[str]:
        """Return by what is judged, and what of it was left out."""
        prompts = len(self.held.questions) if self.held else 0
        counts = {"task questions": self.questions, "held-out rows": self.rows, "prompts to read": prompts}
        by = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "nothing"
        return [by, *self.said]

    @property
    def tuned_tokens(self) -> int:
        """What it costs the tuned model; the base is also asked after worked examples."""
        return (self.tokens - _of_shots(self)) // MODELS


def sampled(whole: Judging, share: float, run_tokens: int) -> Judging:
    """Return what of `whole` can be judged within `share` of a run that costs as much as reading `run_tokens`.

    At least MIN_TO_DECIDE questions of each task and rows of each slice stay, and MIN_PROMPTS prompts: fewer decide
    nothing, so a very short run spends more than its share, and `share` says how much.
    """
    cost = max(1, run_tokens)
    allowed = share * cost
    held = whole.held and _fewer(whole.held, _part(PROMPTS_SHARE * allowed, _asking(whole.held)), MIN_PROMPTS)
    rest = max(0.0, allowed - (_asking(held) if held else 0))
    asking, reading = _tasks_cost(whole), _reading(whole.promotion)
    for_tasks = max(rest / 2, rest - reading)
    tasks = [_fewer(task, _part(for_tasks, asking), MIN_TO_DECIDE) for task in whole.tasks]
    left = max(rest / 2, rest - _tasks_cost(replace(whole, tasks=tasks)))
    promotion = _fewer_rows(whole.promotion, _part(left, reading))
    judged = replace(whole, tasks=tasks, promotion=promotion, held=held)
    judged = replace(judged, tokens=_cost(judged))
    said = _said(whole, judged, share, _cost(whole) / cost)
    return replace(judged, share=judged.tokens / cost, said=said)


def all_of(whole: Judging, run_tokens: int) -> Judging:
    """Return `whole` with what it costs."""
    tokens = _cost(whole)
    return replace(whole, tokens=tokens, share=tokens / max(1, run_tokens))


def cost_of(question: Question, task: LoadedTask) -> int:
    """Return what a question and its answer cost, in tokens that are read."""
    return len(question.prompt_ids) + WRITTEN_COST * task.max_new_tokens


def _fewer(task: LoadedTask, part: float, fewest: int) -> LoadedTask:
    if part >= 1:
        return task
    count = max(min(fewest, len(task.questions)), int(part * len(task.questions)))
    if count >= len(task.questions):
        return task
    chosen = _first(task.questions, _question_key, count)
    return replace(task, questions=chosen, left_out=len(task.questions) - count)


def _fewer_rows(examples: list[Example], part: float) -> list[Example]:
    """Return the examples of some rows, of each slice the same part, but no fewer than decide."""
    if part >= 1:
        return examples
    slices: dict[str, list[bytes]] = {}
    for row_id, name in dict.fromkeys((example.row_id, example.slice) for example in examples):
        slices.setdefault(name, []).append(row_id)
    kept: set[bytes] = set()
    for rows in slices.values():
        count = max(min(MIN_TO_DECIDE, len(rows)), int(part * len(rows)))
        kept |= set(_first(rows, lambda row_id: row_id, count))
    return [example for example in examples if example.row_id in kept]


def _first(items: Sequence[_Asked], key: Callable[[_Asked], bytes], count: int) -> list[_Asked]:
    """Return `count` items whose hash is lowest, in their order."""
    hashed = [hashlib.blake2b(b"judging\0" + key(item)).digest() for item in items]
    chosen = sorted(range(len(items)), key=lambda i: (hashed[i], i))[:count]
    return [items[i] for i in sorted(chosen)]


def _question_key(question: Question) -> bytes:
    return canonical_json([question.item.messages, question.item.tools])


def _part(allowed: float, cost: int) -> float:
    return allowed / cost if cost else math.inf


def _asking(task: LoadedTask) -> int:
    """Return what prompts and answers cost, of both models."""
    return MODELS * sum(cost_of(question, task) for question in task.questions)


def _reading(examples: Sequence[Example]) -> int:
    return MODELS * sum(len(example.input_ids) for example in examples)


def _of_shots(judging: Judging) -> int:
    """Return what asking after worked examples takes; the examples are read once for many questions."""
    return sum(_asking(task) // MODELS for task in judging.tasks) if judging.shots else 0


def _tasks_cost(judging: Judging) -> int:
    return sum(_asking(task) for task in judging.tasks) + _of_shots(judging)


def _cost(judging: Judging) -> int:
    prompts = _asking(judging.held) if judging.held else 0
    return _tasks_cost(judging) + _reading(judging.promotion) + prompts


def _said(whole: Judging, judged: Judging, share: float, needed: float) -> list[str]:
    """Return a line on what is only sampled, and what would judge all of it."""
    counts = [
        (len(after.questions), len(before.questions), f"questions of {before.name}")
        for before, after in zip(whole.tasks, judged.tasks)
    ]
    counts.append((judged.rows, whole.rows, "held-out rows"))
    left_out = [f"{some:,} of {every:,} {what}" for some, every, what in counts if some < every]
    if not left_out:
        return []
    all_at = math.ceil(100 * needed) / 100
    more = f"evaluation.share: {all_at:.2f} asks all" if all_at <= 1 else "a longer run asks more"
    line = f"judged by a sample, {', '.join(left_out)}: evaluation.share is {share:.2g} of the run; {more}"
    return [line]
