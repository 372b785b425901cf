"""A training run, on one screen: from a verified version to a tuned model and what was learned of the data."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import polars as pl
import torch

from tilth.shards.lock import Lock
from tilth.shards.progress import Progress, silent
from tilth.shards.store import Store
from tilth.training.evaluation.evaluate import LoadedTask, load_tasks
from tilth.training.evaluation.few_shot import answer_with_examples, worked_examples
from tilth.training.evaluation.held_prompts import held_prompts
from tilth.training.evaluation.judge import Judgement, answer_held, judge
from tilth.training.evaluation.judges import task_texts, train_texts
from tilth.training.hardware import distributed
from tilth.training.hardware.device import memory_errors
from tilth.training.methods.method import attach
from tilth.training.model.base import max_context
from tilth.training.plan.job import Job, prepare
from tilth.training.plan.pace import measured_seconds
from tilth.training.plan.plan import Plan
from tilth.training.plan.request import Request
from tilth.training.run import checkpoint, snapshot, tensorboard
from tilth.training.run.assemble import (
    asked_states,
    learning_of,
    load,
    new_loop,
    with_reference,
    with_retained,
)
from tilth.training.run.finish import RunResult, finish
from tilth.training.run.interrupt import Interrupt
from tilth.training.run.journal import Journal, NoJournal
from tilth.training.run.learning import Learning
from tilth.training.run.loop import Loop
from tilth.training.run.tensorboard import TensorBoard
from tilth.validators.verify import verify_version

__all__ = ["Request", "RunResult", "train"]

_bases_judged: dict[tuple[str, ...], Judgement] = {}  # the arms of a comparison share their base


def train(
    request: Request,
    store: Store,
    *,
    fresh: bool = False,
    on_progress: Progress | None = None,
    on_plan: Callable[[Plan], None] | None = None,
) -> RunResult:
    """Tune a base on a version, going on where an earlier call with the same request stopped.

    fresh: forget earlier checkpoints. on_plan: called before the first step, with the time a measured step promises.

    Raises CorruptObject for a damaged version, TrainingError for what cannot be trained, SourceError for an
    unreadable task, Busy if another process is at the same run; KeyboardInterrupt after Ctrl-C or SIGTERM,
    once a checkpoint is written.
    """
    started, say = time.monotonic(), on_progress or silent
    verify_version(store, request.version)
    if request.recipe.loggers:
        tensorboard.require()
    job = prepare(request, store)
    with distributed.processes(job.device.device), _held(job, anew=fresh), memory_errors():
        distributed.require_sharable(job.method.unsharded)
        say("judge base", 0, 0)
        model = load(job)
        tasks, held = _questions(job, model)
        with distributed.first_then_others():
            job = with_reference(job, model)
        judging = time.monotonic()
        untuned = _judge_base(job, model, tasks, held)
        job = replace(job, plan=replace(job.plan, judging_seconds=time.monotonic() - judging))
        with distributed.first_then_others():
            job = with_retained(job, model)
        states = asked_states(job, model)
        model = attach(model, job.recipe, job.seed, recompute=job.plan.recompute)
        job = _timed(job, model)
        (on_plan or (lambda plan: None))(job.plan)
        distributed.shard(model)
        with Interrupt() as interrupt:
            learning = learning_of(job, states) if job.monitors else None
            loop = _loop(job, model, learning, lambda step: say("train", step, job.plan.steps), interrupt)
            loop.run()
        _go_on_alone(job, loop)
        say("judge tuned", 0, 0)
        return finish(job, loop, untuned, tasks, held, started)


def _held(job: Job, *, anew: bool) -> AbstractContextManager[None]:
    """Let the first process hold the folder of the run, emptied if it is to start anew."""
    if distributed.rank():
        return nullcontext()
    if anew:
        job.forget()
    job.run_dir.mkdir(parents=True, exist_ok=True)
    return Lock(job.run_dir / "lock").held(0)


def _go_on_alone(job: Job, loop: Loop) -> None:
    """After the last step the first process goes on with a whole model; the others are done and exit."""
    if distributed.is_shared(loop.model):
        distributed.leave()
        loop.hold(attach(load(job), job.recipe, job.seed))


def _questions(job: Job, model: Any) -> tuple[list[LoadedTask], LoadedTask | None]:
    """Return the tasks, and for a watched run the held-out prompts."""
    context = max_context(model.config)
    trained_on = train_texts(job.version) if job.evaluation.tasks else []
    tasks = load_tasks(
        job.evaluation, job.renderer, base_dir=job.base_dir, max_context=context, trained_on=trained_on
    )
    return tasks, held_prompts(job.version, job.renderer, context) if job.monitors else None


def _timed(job: Job, model: torch.nn.Module) -> Job:
    """Return the job with the time that a few measured steps promise."""
    seconds = measured_seconds(model, job.roles.train, job.recipe, job.plan.tokens, lanes=job.plan.lanes)
    return replace(job, plan=replace(job.plan, seconds=seconds))


def _judge_base(
    job: Job, model: torch.nn.Module, tasks: list[LoadedTask], held: LoadedTask | None
) -> Judgement:
    """Measure the untouched base, once per process for the same rows and tasks.

    A watched run also asks it the held-out prompts, and the tasks after worked examples.
    """
    if distributed.rank():
        return Judgement(pl.DataFrame(), [])  # the first process alone judges
    rows = ",".join(example.row_id.hex() for example in job.roles.promotion)
    inputs = (job.inputs[key] for key in ("base", "evaluation", "template", "training"))
    key = (*inputs, str(job.base_dir), str(job.renderer.max_tokens), rows)
    if key not in _bases_judged:
        promotion = job.roles.promotion
        tokenizer, most = job.renderer.tokenizer, job.recipe.pack_tokens
        found = judge(model, tokenizer, promotion, tasks, most, score=job.method.score)
        _bases_judged.clear()
        _bases_judged[key] = found
    judged = _bases_judged[key]
    if held is None:
        return judged
    judged = replace(judged, held=answer_held(model, job.renderer.tokenizer, held))
    shots = job.evaluation.few_shot if tasks else 0
    if shots:
        questions = task_texts(job.evaluation, job.base_dir)
        pool = worked_examples(job.version, job.renderer, {e.row_id for e in job.roles.train}, questions)
        context = max_context(model.config)
        judged = replace(
            judged, few_shot=answer_with_examples(model, job.renderer, tasks, pool, shots, context)
        )
    return judged


def _loop(
    job: Job,
    model: torch.nn.Module,
    learning: Learning | None,
    on_step: Callable[[int], None],
    interrupt: Interrupt,
) -> Loop:
    """Return the loop before its first step, or where the newest whole checkpoint was taken."""
    folder = job.run_dir / "checkpoints"
    saved, damaged = checkpoint.load(folder, job.inputs)
    loop = new_loop(
        job,
        model,
        _journal(job, saved.step if saved else -1),
        folder=folder,
        learning=learning,
        asked_to_stop=lambda: interrupt.asked,
        on_step=on_step,
    )
    if distributed.rank():
        torch.manual_seed(job.seed + distributed.rank())  # each drops out what it likes
    if saved is not None:
        snapshot.restore(loop, saved)
    for problem in damaged:
        loop.journal.write({"kind": "damage", "step": loop.step, "problem": problem})
    return loop


def _journal(job: Job, up_to_step: int) -> Journal:
    if distributed.rank():
        return NoJournal(job.run_dir / "metrics.jsonl")
    loggers = [TensorBoard(job.run_dir, up_to_step=up_to_step).write] if job.recipe.loggers else []
    return Journal(job.run_dir / "metrics.jsonl", up_to_step=up_to_step, loggers=loggers)
