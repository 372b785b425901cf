"""A training run, on one screen: from a verified version to a tuned model and what was learned of the data."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import torch

from tilth.shards.lock import Lock
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training import checkpoint, snapshot
from tilth.training.anchor import Divergence, StartingPoint
from tilth.training.device import memory_errors
from tilth.training.evaluate import LoadedTask, load_tasks, name_stops
from tilth.training.few_shot import answer_with_examples, worked_examples
from tilth.training.finish import RunResult, finish
from tilth.training.generated import base_samples
from tilth.training.held_prompts import held_prompts
from tilth.training.interrupt import Interrupt
from tilth.training.job import Job, prepare
from tilth.training.journal import Journal
from tilth.training.judge import Judgement, answer_held, judge
from tilth.training.loop import Loop
from tilth.training.lora import quantisation
from tilth.training.model import attach, choose_attention, load_model, max_context
from tilth.training.optim import optimizer_for
from tilth.training.pace import measured_seconds
from tilth.training.plan import Plan
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
from tilth.training.retained import retain
from tilth.training.sampler import Sampler
from tilth.training.tensorboard import TensorBoard
from tilth.training.text import Example
from tilth.training.unfreeze import Unfreezing, groups_of
from tilth.validators.verify import verify_version

__all__ = ["RunResult", "train"]

Progress = Callable[[str, int, int], None]
_bases_judged: dict[tuple[str, ...], Judgement] = {}  # the arms of a comparison share their base


def train(
    recipe: TrainingRecipe,
    evaluation: EvaluationRecipe,
    version: Version,
    store: Store,
    *,
    base_dir: Path,
    recipe_digest: str,
    seed: int | None = None,
    exclude: pl.Series | None = None,
    max_steps: int | None = None,
    monitors: bool = True,
    fresh: bool = False,
    resume: bool = True,
    on_progress: Progress | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    next_command: str = "curate recipe.yaml",
) -> RunResult:
    """Tune the recipe's base on a version, going on where an earlier call with the same arguments stopped.

    exclude: train rows to leave out. max_steps: a bound besides the recipe's. monitors: without them nothing
    is evaluated on the way, the last weights count and no feedback is written. fresh, or not resume: forget
    earlier checkpoints. on_plan: called before the first step, with the time a measured step promises.
    next_command: what the page says to do next.

    Raises CorruptObject for a damaged version, TrainingError for what cannot be trained, SourceError for an
    unreadable task, Busy if another process is at the same run; KeyboardInterrupt after Ctrl-C or SIGTERM,
    once a checkpoint is written.
    """
    started, say = time.monotonic(), on_progress or (lambda what, done, total: None)
    verify_version(store, version)
    seed = recipe.seed if seed is None else seed
    bounds: dict[str, Any] = {"exclude": exclude, "max_steps": max_steps, "monitors": monitors}
    job = prepare(
        recipe,
        evaluation,
        version,
        store,
        base_dir=base_dir,
        recipe_digest=recipe_digest,
        seed=seed,
        **bounds,
    )
    if fresh or not resume:
        job.forget()
    job.run_dir.mkdir(parents=True, exist_ok=True)
    with Lock(job.run_dir / "lock").held(0), memory_errors():
        say("base", 0, 0)
        model = _load(job)
        tasks, held = _questions(job, model)
        untuned = _judge_base(job, model, tasks, held)
        job = _with_retained(job, model)
        model = attach(model, recipe, job.seed, recompute=job.plan.recompute)
        job = _timed(job, model, next_command)
        (on_plan or (lambda plan: None))(job.plan)
        with Interrupt() as interrupt:
            loop = _loop(job, model, lambda step: say("train", step, job.plan.steps), interrupt)
            loop.run()
        say("judge", 0, 0)
        return finish(job, loop, untuned, tasks, held, started)


def _load(job: Job) -> Any:
    """Return the untuned base on the device of the run, with the attention that packed rows need."""
    where = job.device.device
    quantised = quantisation(job.recipe, where)
    model = load_model(job.base, dtype=job.weights_dtype, device=where, quantised=quantised)
    choose_attention(model)
    name_stops(model, job.renderer)
    return model


def _questions(job: Job, model: Any) -> tuple[list[LoadedTask], LoadedTask | None]:
    """Return the tasks, and for a watched run the held-out prompts."""
    context = max_context(model.config)
    tasks = load_tasks(job.evaluation, job.renderer, base_dir=job.base_dir, max_context=context)
    return tasks, held_prompts(job.version, job.renderer, context) if job.monitors else None


def _with_retained(job: Job, model: torch.nn.Module) -> Job:
    """Return the job with what stands for the knowledge of its base, which may have to write it first."""
    folder = job.store.root / "cache" / "base_samples"

    def written(count: int) -> list[Example]:
        watched = job.monitors or job.recipe.retention.kl > 0
        return base_samples(
            model, job.renderer.tokenizer, count if watched else 0, folder, job.inputs["base"]
        )

    return replace(job, retained=retain(job.recipe.retention, job.roles.base_knowledge, written))


def _timed(job: Job, model: torch.nn.Module, next_command: str) -> Job:
    """Return the job with the time that a few measured steps promise."""
    seconds = measured_seconds(model, job.roles.train, job.recipe, job.plan.tokens)
    return replace(job, plan=replace(job.plan, seconds=seconds), next_command=next_command)


def _judge_base(
    job: Job, model: torch.nn.Module, tasks: list[LoadedTask], held: LoadedTask | None
) -> Judgement:
    """Measure the untouched base, once per process for the same rows and tasks.

    A watched run also asks it the held-out prompts, and the tasks after worked examples.
    """
    rows = ",".join(example.row_id.hex() for example in job.roles.promotion)
    inputs = (job.inputs[key] for key in ("base", "evaluation", "template"))
    key = (*inputs, str(job.base_dir), str(job.renderer.max_tokens), rows)
    if key not in _bases_judged:
        promotion = job.roles.promotion
        found = judge(model, job.renderer.tokenizer, promotion, tasks, job.recipe.pack_tokens)
        _bases_judged.clear()
        _bases_judged[key] = found
    judged = _bases_judged[key]
    if held is None:
        return judged
    judged = replace(judged, held=answer_held(model, job.renderer.tokenizer, held))
    shots = job.evaluation.few_shot if tasks else 0
    if shots:
        pool = worked_examples(job.version, job.renderer, {e.row_id for e in job.roles.train})
        context = max_context(model.config)
        judged = replace(
            judged, few_shot=answer_with_examples(model, job.renderer, tasks, pool, shots, context)
        )
    return judged


def _loop(job: Job, model: torch.nn.Module, on_step: Callable[[int], None], interrupt: Interrupt) -> Loop:
    """Return the loop before its first step, or where the newest whole checkpoint was taken."""
    folder = job.run_dir / "checkpoints"
    saved, damaged = checkpoint.load(folder, job.inputs)
    recipe, retained = job.recipe, job.retained
    gradual = recipe.gradual if recipe.method == "gradual" else None
    layers = groups_of(model, gradual.groups) if gradual else []
    torch.manual_seed(job.seed)
    loop = Loop(
        model=model,
        optimizer=optimizer_for(
            model, weight_decay=recipe.weight_decay, layers=layers, decay=recipe.gradual.decay
        ),
        sampler=_sampler(job, job.roles.train),
        learning=job.learning() if job.monitors else None,
        recipe=recipe,
        total_steps=job.plan.steps,
        total_tokens=job.plan.tokens,
        folder=folder,
        inputs=job.inputs,
        journal=_journal(job, saved.step if saved else -1),
        asked_to_stop=lambda: interrupt.asked,
        on_step=on_step,
        replay=_sampler(job, retained.replayed) if retained.replayed else None,
        divergence=Divergence(model, retained.held, recipe.retention.kl) if retained.held else None,
        start=_start(model, recipe),
        unfreezing=Unfreezing(layers, gradual, job.plan.steps) if gradual else None,
    )
    if saved is not None:
        snapshot.restore(loop, saved)
    for problem in damaged:
        loop.journal.write({"kind": "damage", "step": loop.step, "problem": problem})
    return loop


def _journal(job: Job, up_to_step: int) -> Journal:
    loggers = [TensorBoard(job.run_dir, up_to_step=up_to_step).write] if job.recipe.loggers else []
    return Journal(job.run_dir / "metrics.jsonl", up_to_step=up_to_step, loggers=loggers)


def _sampler(job: Job, examples: list[Example]) -> Sampler:
    return Sampler(examples, seed=job.seed, pack_tokens=job.recipe.pack_tokens)


def _start(model: torch.nn.Module, recipe: TrainingRecipe) -> StartingPoint | None:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return StartingPoint(trained, recipe.retention.l2_sp) if recipe.retention.l2_sp else None
