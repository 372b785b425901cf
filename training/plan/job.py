"""A run as it stands before any weight is loaded: rows dealt out, cost planned, inputs named."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tilth.shards.digest import canonical_json, file_sha256, sha256_hex
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.hardware.device import Device, weights_dtype
from tilth.training.methods.method import Method, method_of
from tilth.training.model.base import base_digest, load_config
from tilth.training.plan.fitting import fitted
from tilth.training.plan.plan import Plan, deal, place, plan_run, renderer_for, require_fit
from tilth.training.plan.request import Request
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
from tilth.training.retention.retained import FROM_USER, Retained
from tilth.training.rows.roles import Roles
from tilth.training.rows.text import Renderer


@dataclass(frozen=True)
class Job:
    """Everything a run starts from. `inputs` are what a resumed run must agree on."""

    recipe: TrainingRecipe
    evaluation: EvaluationRecipe
    version: Version
    store: Store
    base_dir: Path
    recipe_digest: str
    seed: int
    monitors: bool
    device: Device
    base: Path
    renderer: Renderer
    roles: Roles
    plan: Plan
    inputs: dict[str, str]
    run_id: str
    retained: Retained
    files: dict[str, str]  # sha256 of the files it reads, by the path the recipe names
    recipe_name: str  # what commands call the recipe

    @property
    def run_dir(self) -> Path:
        """The folder of the run."""
        return self.store.root / "runs" / self.run_id

    @property
    def weights_dtype(self) -> torch.dtype:
        """The type in which the base is loaded."""
        return weights_dtype(self.device, frozen_base=self.method.frozen_base)

    @property
    def method(self) -> Method:
        """How the base is tuned."""
        return method_of(self.recipe)

    def forget(self) -> None:
        """Remove what earlier calls left of this run."""
        shutil.rmtree(self.run_dir, ignore_errors=True)


def prepare(request: Request, store: Store) -> Job:
    """Render, plan and name a run. Raises TrainingError for what must not start."""
    recipe, evaluation, version = request.recipe, request.evaluation, request.version
    base_dir, exclude, max_steps = request.base_dir, request.exclude, request.max_steps
    device, base = place(recipe, base_dir)
    renderer = renderer_for(recipe, base, base_dir)
    cache = store.cache / "tokens"
    roles = deal(recipe, evaluation, version, renderer, base_dir, exclude=exclude, cache=cache)
    recipe, settings = fitted(recipe, load_config(base), roles.train)
    plan = replace(plan_run(recipe, roles, renderer, base, device, max_steps), settings=settings)
    require_fit(plan, recipe, base, device, roles.train)
    known = recipe.base_knowledge
    inputs = {
        **request.named_by,
        "training": _digest(recipe.model_dump(mode="json")),
        "evaluation": _digest(evaluation.model_dump(mode="json")),
        "base": base_digest(base),
        "template": renderer.template.digest,
        "base_knowledge": file_sha256(base_dir / known) if known else "",
    }
    return Job(
        recipe=recipe,
        evaluation=evaluation,
        version=version,
        store=store,
        base_dir=base_dir,
        recipe_digest=request.digest,
        seed=request.run_seed,
        monitors=request.monitors,
        device=device,
        base=base,
        renderer=renderer,
        roles=roles,
        plan=plan,
        inputs=inputs,
        run_id=request.run_id,
        retained=Retained(roles.base_knowledge, [], [], FROM_USER),
        files=request.files(),
        recipe_name=request.recipe_name,
    )


def _digest(value: Any) -> str:
    return sha256_hex(canonical_json(value))
