"""Base and tuned judged by the same questions and rows, and how far that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl

from tilth.shards.progress import Progress
from tilth.training.evaluation.few_shot import answer_with_examples, worked_examples
from tilth.training.evaluation.judge import Judgement, judge
from tilth.training.evaluation.judges import task_texts
from tilth.training.evaluation.kept_answers import keeping
from tilth.training.evaluation.sampled import Judging
from tilth.training.hardware import distributed
from tilth.training.model.base import max_context
from tilth.training.plan.job import Job

_bases_judged: dict[tuple[str, ...], Judgement] = {}  # the arms of a comparison share their base


def judge_base(job: Job, model: Any, judging: Judging, say: Progress) -> Judgement:
    """Measure the untouched base, once per process for the same rows and tasks.

    A watched run also asks it the tasks after worked examples. What it answers is kept for later runs.
    """
    if distributed.rank():
        return Judgement(pl.DataFrame(), [])  # the first process alone judges
    rows = ",".join(example.row_id.hex() for example in judging.promotion)
    inputs = (job.inputs[key] for key in ("base", "evaluation", "template", "training"))
    counts = (str(judging.questions), str(len(judging.held.questions) if judging.held else 0))
    key = (*inputs, str(job.base_dir), str(job.renderer.max_tokens), *counts, rows)
    on_tokens = _counted("judge base", judging.tokens - judging.tuned_tokens, say)
    ask = keeping(job.store.cache / "answers", _base(job))
    if key not in _bases_judged:
        tokenizer, most = job.renderer.tokenizer, job.recipe.pack_tokens
        found = judge(model, tokenizer, judging, most, job.method.score, on_tokens, ask)
        _bases_judged.clear()
        _bases_judged[key] = found
    judged = _bases_judged[key]
    if not judging.shots:
        return judged
    questions = task_texts(job.evaluation, job.base_dir)
    pool = worked_examples(job.version, job.renderer, {e.row_id for e in job.roles.train}, questions)
    context = max_context(model.config)
    few_shot = answer_with_examples(model, job.renderer, judging, pool, context, on_tokens, ask)
    return replace(judged, few_shot=few_shot)


def _base(job: Job) -> list[str]:
    """Return what decides how the untouched base computes: its files, its arithmetic, its device."""
    quantised = str(job.method.bits)
    return [
        job.inputs["base"],
        str(job.weights_dtype),
        str(job.device.dtype),
        job.device.device.type,
        quantised,
    ]


def judge_tuned(job: Job, model: Any, judging: Judging, say: Progress) -> Judgement:
    """Measure the tuned model as its base was measured."""
    on_tokens = _counted("judge tuned", judging.tuned_tokens, say)
    return judge(model, job.renderer.tokenizer, judging, job.recipe.pack_tokens, job.method.score, on_tokens)


def _counted(phase: str, total: int, say: Progress) -> Callable[[int], None]:
    """Return what adds up tokens and says how many are done."""
    done = 0

    def add(tokens: int) -> None:
        nonlocal done
        done += tokens
        say(f"{phase}, tokens", min(done, total), total)

    say(f"{phase}, tokens", 0, total)
    return add
