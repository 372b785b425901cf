"""A training run, on one screen: from a verified version to a tuned model and what was learned of the data."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import torch

from tilth.shards.lock import Lock
from tilth.shards.progress import Progress, silent
from tilth.shards.store import Store
from tilth.training.evaluation.sampled import Judging
from tilth.training.hardware import distributed
from tilth.training.hardware.device import memory_errors
from tilth.training.methods.method import attach
from tilth.training.plan.job import Job, prepare
from tilth.training.plan.judged import judging_of, seconds_of_tuned
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
from tilth.training.run.judging import judge_base
from tilth.training.run.learning import Learning
from tilth.training.run.loop import Loop, OnStep
from tilth.training.run.tensorboard import TensorBoard
from tilth.validators.verify import verify_version

__all__ = ["Request", "RunResult", "train"]


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
        say("load base", 0, 0)
        model = load(job)
        with distributed.first_then_others():
            job = with_reference(job, model)
        judging = judging_of(request, job.roles, job.renderer, job.base, job.plan.tokens)
        since = time.monotonic()
        untuned = judge_base(job, model, judging, say)
        job = _judged(job, judging, time.monotonic() - since)
        say("measure", 0, 0)
        with distributed.first_then_others():
            job = with_retained(job, model)
        states = asked_states(job, model)
        model = attach(model, job.recipe, job.seed, recompute=job.plan.recompute)
        job = _timed(job, model)
        (on_plan or (lambda plan: None))(job.plan)
        distributed.shard(model)
        with Interrupt() as interrupt:
            learning = learning_of(job, states) if job.monitors else None
            loop = _loop(job, model, learning, _spoken(say, job.plan.steps), interrupt)
            loop.run()
        _go_on_alone(job, loop)
        return finish(job, loop, untuned, judging, started, say)


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


def _judged(job: Job, judging: Judging, of_base: float) -> Job:
    """Return the job whose plan says what judging takes, from what the base took."""
    seconds = of_base + seconds_of_tuned(judging, of_base)
    plan = replace(
        job.plan, judging_seconds=seconds, judging_seconds_of_base=of_base, judged_by=judging.lines()
    )
    return replace(job, plan=plan)


def _spoken(say: Progress, steps: int) -> OnStep:
    """Return what says after each step how far the run is, its loss and its pace."""
    first: list[tuple[float, int]] = []  # when the first step here was done, and the tokens then

    def speak(step: int, loss: float, tokens: int) -> None:
        first.append((time.monotonic(), tokens))
        (since, before), (now, after) = first[0], first.pop() if len(first) > 1 else first[0]
        pace = f", {(after - before) / (now - since):,.0f} tokens/s" if now > since else ""
        say(f"train, loss {loss:.3f}{pace}", step, steps)

    return speak


def _timed(job: Job, model: torch.nn.Module) -> Job:
    """Return the job with the time that a few measured steps promise."""
    seconds = measured_seconds(model, job.roles.train, job.recipe, job.plan.tokens, lanes=job.plan.lanes)
    return replace(job, plan=replace(job.plan, seconds=seconds))


def _loop(
    job: Job,
    model: torch.nn.Module,
    learning: Learning | None,
    on_step: OnStep,
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
