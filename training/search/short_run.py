"""Runs of a few steps from one start, in memory: what a search over rates or bases is made of.

They take the steps of the very loop that trains, with the method and the retention of the recipe, but watch
nothing and write nothing; every run begins with the untuned weights.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from tilth.shards.errors import TrainingError
from tilth.training.evaluation.panels import draw
from tilth.training.methods.method import Method, attach
from tilth.training.plan.job import Job
from tilth.training.rows.text import Example
from tilth.training.run.assemble import load, new_loop, with_reference, with_retained
from tilth.training.run.journal import Journal
from tilth.training.run.loop import Loop

MAX_PANEL_ROWS = 4096  # of one slice; the tokens a search may measure bound it further
MIN_SAMPLE_ROWS = 32  # of a sample: the losses of two bases on so few differ by 3 % or so by chance alone


class ShortRuns:
    """The base of a job, ready to be trained again and again.

    tokens: what was trained on so far, and what was read to measure, at the price of a forward pass.
    """

    def __init__(self, job: Job, *, untrained: bool = False) -> None:
        """untrained: start from random weights of the base's shape instead."""
        model = load(job)
        if untrained:
            torch.manual_seed(job.seed)
            model = type(model)(model.config).to(model.device)
        job = with_retained(replace(with_reference(job, model), monitors=False), model, measured=False)
        self.job, self.tokens = job, 0.0
        self.model = attach(model, job.recipe, job.seed, recompute=job.plan.recompute)
        self._start = [
            (parameter, parameter.detach().to("cpu", copy=True))
            for parameter in self.model.parameters()
            if parameter.requires_grad
        ]

    def train(self, rate: float, tokens: float, examples: list[Example] | None = None) -> None:
        """Train from the start on so many tokens, the recipe's schedule squeezed into them.

        examples: instead of the rows of the job. Raises TrainingError for a loss that is not finite.
        """
        with self.loop(rate, tokens, examples) as loop:
            while loop.step < loop.total_steps:
                loop.train_step()

    @contextmanager
    def loop(
        self,
        rate: float,
        tokens: float,
        examples: list[Example] | None = None,
        kind: type[Loop] = Loop,
        **fields: Any,
    ) -> Iterator[Loop]:
        """Give the loop of one run with the untuned weights in place, and count what it trained on."""
        self.reset()
        job = self.job
        recipe = job.recipe.model_copy(update={"rate": rate})
        roles = job.roles if examples is None else replace(job.roles, train=examples)
        steps = max(1, math.ceil(tokens / recipe.batch_tokens))
        plan = replace(job.plan, steps=steps, tokens=round(tokens))
        job = replace(job, recipe=recipe, roles=roles, plan=plan)
        with TemporaryDirectory() as folder:
            journal = Journal(Path(folder) / "metrics.jsonl", up_to_step=-1)
            loop = new_loop(job, self.model, journal, folder=Path(folder), kind=kind, **fields)
            try:
                yield loop
            finally:
                self.tokens += loop.sampler.tokens
                journal.close()

    def reset(self) -> None:
        """Put the untuned weights back."""
        with torch.no_grad():
            for parameter, weights in self._start:
                parameter.requires_grad_(True)
                parameter.copy_(weights)

    def nll(self, examples: list[Example]) -> tuple[float, int]:
        """Return (sum of the loss in nat, labels) of the model as it is."""
        scores = self.job.method.score(self.model, examples, self.job.recipe.pack_tokens, statistics=False)
        self.tokens += price(examples, self.job.method)
        return float(scores["nll_sum"].sum()), int(scores["n_tokens"].sum())


def price(examples: list[Example], method: Method) -> float:
    """Return what measuring costs in tokens of training: a forward pass is a part of a step."""
    return tokens_of(examples) / method.forwards_per_step


def tokens_of(examples: list[Example]) -> int:
    """Return the tokens of examples."""
    return sum(len(example.input_ids) for example in examples)


def first_rows(rows: list[Example], max_tokens: float) -> list[Example]:
    """Return the first rows that together hold at most `max_tokens` tokens, one at least."""
    count, total = 0, 0
    while count < len(rows) and (count == 0 or total + len(rows[count].input_ids) <= max_tokens):
        total += len(rows[count].input_ids)
        count += 1
    return rows[:count]


def feedback_sample(job: Job, max_tokens: float) -> list[Example]:
    """Return rows of the feedback split as they come, each slice as often as the split has it.

    max_tokens: kept to unless MIN_SAMPLE_ROWS have more. The choice depends on the row ids alone. Raises
    TrainingError where the split is empty.
    """
    _require_feedback(job)
    rows = sorted(job.roles.feedback, key=lambda e: hashlib.blake2b(b"sample\0" + e.row_id).digest())
    return max(first_rows(rows, max_tokens), rows[:MIN_SAMPLE_ROWS], key=len)


def feedback_rows(job: Job, max_tokens: float) -> list[Example]:
    """Return rows of the feedback split to choose by, as many of each slice; never the promotion split.

    max_tokens: of all rows together, kept to unless a single row of each slice has more. Raises TrainingError where
    the split is empty.
    """
    _require_feedback(job)
    slices = sorted({example.slice for example in job.roles.feedback})
    rows = MAX_PANEL_ROWS
    while True:
        panel = draw("search", job.roles.feedback, slices, rows, job.roles.groups)
        read = tokens_of(panel.examples)
        if rows == 1 or read <= max_tokens:
            return panel.examples
        rows = max(1, min(rows - 1, int(rows * max_tokens / read)))


def _require_feedback(job: Job) -> None:
    if not job.roles.feedback:
        raise TrainingError(
            f"version {job.version.short}",
            "has no rows in its feedback split",
            "There is nothing to choose by",
            "Set curation.split.feedback above 0 and curate again",
        )
