"""The parts of a run put together: the base loaded, what stands for its knowledge, and the loop over both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tilth.shards.digest import canonical_json, sha256_hex
from tilth.training.evaluation.evaluate import name_stops
from tilth.training.hardware.lanes import Lanes
from tilth.training.model.base import choose_attention, load_model
from tilth.training.model.mixed import compute_in
from tilth.training.model.pooled import question_states
from tilth.training.monitors import outside
from tilth.training.plan.job import Job
from tilth.training.recipe import TrainingRecipe
from tilth.training.retention.anchor import Divergence, StartingPoint
from tilth.training.retention.generated import base_samples
from tilth.training.retention.retained import retain
from tilth.training.rows.canaries import Canaries, make_canaries
from tilth.training.rows.sampler import Sampler
from tilth.training.rows.text import Example
from tilth.training.run.journal import Journal
from tilth.training.run.learning import Learning, Watched
from tilth.training.run.loop import Loop
from tilth.training.run.past import past_of


def load(job: Job) -> Any:
    """Return the untuned base on the device of the run, with the attention that packed rows need."""
    where = job.device.device
    quantised = job.method.quantisation(where)
    model = load_model(job.base, dtype=job.weights_dtype, device=where, quantised=quantised)
    compute_in(model, job.device.dtype)
    choose_attention(model, job.device.dtype)
    name_stops(model, job.renderer)
    return model


def with_retained(job: Job, model: torch.nn.Module, *, measured: bool = True) -> Job:
    """Return the job with what stands for the knowledge of its base, which may have to write it first.

    measured: whether the knowledge is to be measured.
    """
    folder = job.store.root / "cache" / "base_samples"

    def written(count: int) -> list[Example]:
        watched = measured or job.recipe.retention.kl > 0
        return base_samples(
            model, job.renderer.tokenizer, count if watched else 0, folder, job.inputs["base"]
        )

    return replace(job, retained=retain(job.recipe.retention, job.roles.base_knowledge, written))


def with_reference(job: Job, model: torch.nn.Module) -> Job:
    """Return the job with what the loss of its rows needs to know of the untuned base.

    What is known of train rows is kept in the store's cache, by the content of the version, the base and how rows are
    rendered; of rows that judge nothing is ever written down.
    """
    inputs = [job.version.manifest.content_id, *(job.inputs[name] for name in ("base", "template"))]
    how = [job.renderer.max_tokens, str(job.device.dtype), str(job.weights_dtype)]
    kept = job.store.cache / "references" / f"{sha256_hex(canonical_json([*inputs, *how]))[:32]}.json"
    roles = job.roles

    def referred(examples: list[Example], path: Path | None = None) -> list[Example]:
        return job.method.referred(model, examples, job.recipe.pack_tokens, path)

    known = referred(roles.train + roles.twin, kept)
    train, twin = known[: len(roles.train)], known[len(roles.train) :]
    feedback, promotion = referred(roles.feedback), referred(roles.promotion)
    return replace(job, roles=replace(roles, train=train, twin=twin, feedback=feedback, promotion=promotion))


def asked_states(job: Job, model: torch.nn.Module) -> dict[bytes, np.ndarray]:
    """Return what the untuned base makes of the questions, where answers are few enough to be judged by each other."""
    examples = job.roles.train + job.roles.twin
    few = set(outside.closed(outside.answers_of(examples))) if job.monitors else set()
    return question_states(model, [e for e in examples if e.row_id in few], job.recipe.pack_tokens)


def learning_of(job: Job, states: Mapping[bytes, np.ndarray] | None = None) -> Learning:
    """Return the monitors of the run, before its first step; states: as `asked_states` returns."""
    roles = job.roles
    past = past_of(job.store, job.version.manifest.name, job.inputs["base"], job.run_id)
    rows = Watched(
        roles.train,
        roles.twin,
        roles.feedback,
        job.retained.measured,
        groups=roles.groups,
        canaries=canaries_of(job),
        past=past,
        replays=bool(job.retained.replayed),
        states=states or {},
    )
    return Learning(rows, job.recipe, job.evaluation, seed=job.seed, total_steps=job.plan.steps)


def canaries_of(job: Job) -> Canaries | None:
    """Return the canaries of the run, the same on every call; None where the recipe plants none."""
    wanted = job.recipe.canaries
    return None if wanted is None else make_canaries(wanted, job.renderer, job.seed)


def new_loop(
    job: Job, model: Any, journal: Journal, *, folder: Path, kind: type[Loop] = Loop, **observers: Any
) -> Loop:
    """Return the loop of a job before its first step; `observers` are the fields of Loop that watch it."""
    recipe, retained, canaries = job.recipe, job.retained, canaries_of(job)
    torch.manual_seed(job.seed)
    return kind(
        model=model,
        optimizer=job.method.optimizer(model),
        sampler=_sampler(job, job.roles.train),
        recipe=recipe,
        total_steps=job.plan.steps,
        total_tokens=job.plan.tokens,
        folder=folder,
        inputs=job.inputs,
        journal=journal,
        lanes=Lanes(job.plan.lanes),
        replay=_sampler(job, retained.replayed) if retained.replayed else None,
        planted=_sampler(job, canaries.planted) if canaries else None,
        divergence=Divergence(model, retained.held, recipe.retention.kl) if retained.held else None,
        start=_start(model, recipe),
        before_step=job.method.before_step(model, job.plan.steps),
        **{"learning": None, **observers},
    )


def _sampler(job: Job, examples: list[Example]) -> Sampler:
    return Sampler(examples, seed=job.seed, pack_tokens=job.plan.pack_tokens)


def _start(model: torch.nn.Module, recipe: TrainingRecipe) -> StartingPoint | None:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return StartingPoint(trained, recipe.retention.l2_sp) if recipe.retention.l2_sp else None
