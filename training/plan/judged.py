"""What a run will be judged by, and what that will take: known before any weight is loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tilth.training.evaluation.evaluate import load_tasks
from tilth.training.evaluation.held_prompts import held_prompts
from tilth.training.evaluation.judges import train_texts
from tilth.training.evaluation.sampled import Judging, all_of, sampled
from tilth.training.methods.method import method_of
from tilth.training.model.base import load_config, max_context
from tilth.training.plan.request import Request
from tilth.training.rows.roles import Roles
from tilth.training.rows.text import Renderer


def judging_of(request: Request, roles: Roles, renderer: Renderer, base: Path, tokens: float) -> Judging:
    """Return what base and tuned are judged by in a run of so many tokens.

    A watched run answers held-out prompts too, asks the base after worked examples, and keeps to `evaluation.share`;
    the arms of a comparison are judged by everything. Raises SourceError for an unreadable task.
    """
    evaluation, watched = request.evaluation, request.monitors
    context = max_context(load_config(base))
    trained_on = train_texts(request.version) if evaluation.tasks else []
    tasks = load_tasks(
        evaluation, renderer, base_dir=request.base_dir, max_context=context, trained_on=trained_on
    )
    whole = Judging(tasks, roles.promotion)
    run_tokens = round(tokens * method_of(request.recipe).forwards_per_step)
    if not watched:
        return all_of(whole, run_tokens)
    prompts = held_prompts(request.version, renderer, context)
    whole = replace(whole, held=prompts, shots=evaluation.few_shot if tasks else 0)
    return sampled(whole, evaluation.share, run_tokens)


def expected_judging_seconds(judging: Judging, step_seconds: float | None) -> float | None:
    """Return what judging both models takes beside steps that take `step_seconds`; None where nobody knows."""
    return None if step_seconds is None else judging.share * step_seconds


def seconds_of_tuned(judging: Judging, of_base: float) -> float:
    """Return what judging the tuned model takes where the base took `of_base`."""
    read_by_base = judging.tokens - judging.tuned_tokens
    return of_base * judging.tuned_tokens / max(1, read_by_base)
