"""One run of an arm: adapters on the highest layers of the base, by the loop that `train` uses, at equal tokens."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from benchmarks.proof import registered as plan
from benchmarks.proof.worlds import Rows, example_of
from tilth.training.hardware.lanes import Lanes
from tilth.training.methods.method import attach, method_of
from tilth.training.model.base import choose_attention, find_base, load_base
from tilth.training.model.pooled import question_states
from tilth.training.monitors.dynamics import Dynamics
from tilth.training.recipe import TrainingRecipe
from tilth.training.rows.pack import Batch
from tilth.training.rows.sampler import Sampler
from tilth.training.rows.text import Example
from tilth.training.run.journal import Journal
from tilth.training.run.loop import Loop

ADAPTER = "default"


@dataclass(frozen=True)
class Tuned:
    """What a run measured: of held-out rows their loss (nat/token) and whether the greedy answer is the reference.

    margins and losses: of the rows trained on, in their order: mean margin over the exposures, loss at the end.
    """

    held_losses: np.ndarray
    held_right: np.ndarray
    margins: np.ndarray
    losses: np.ndarray
    seconds: float
    tokens: int


class Bench:
    """The base with adapters, ready to be tuned again and again; what is frozen is computed once a row."""

    def __init__(self) -> None:
        self.recipe = TrainingRecipe.model_validate(
            {
                "base": plan.BASE,
                "freeze_layers": plan.FREEZE_LAYERS,
                "keep_states_mib": 4096,
                "lora": {"rank": plan.RANK, "alpha": 2 * plan.RANK},
                "rate": plan.RATE,
                "batch_tokens": plan.BATCH_TOKENS,
                "pack_tokens": plan.BATCH_TOKENS,
            }
        )
        model, self.tokenizer = load_base(find_base(plan.BASE, Path()))
        choose_attention(model, torch.float32)
        self.base = model
        self._states: dict[bytes, np.ndarray] = {}
        self.model = attach(model, self.recipe, 0)

    def states(self, examples: list[Example]) -> dict[bytes, np.ndarray]:
        """Return what the untuned base makes of the questions; its lowest layers are those of the tuned model."""
        missing = [e for e in examples if e.row_id not in self._states]
        self._states |= question_states(self.model, missing, 2048)
        return {e.row_id: self._states[e.row_id] for e in examples}

    def examples(self, texts: list[str], answers: np.ndarray, rows: Rows) -> list[Example]:
        """Return the rows as the model reads them."""
        return [
            example_of(self.tokenizer, text, rows.names[a]) for text, a in zip(texts, answers, strict=True)
        ]

    def tune(self, examples: list[Example], held: list[Example], tokens: float, seed: int) -> Tuned:
        """Train fresh adapters on examples for so many tokens, and judge them on the held-out rows."""
        started = time.perf_counter()
        torch.manual_seed(seed)
        for module in self.model.modules():
            if hasattr(module, "reset_lora_parameters"):
                module.reset_lora_parameters(ADAPTER, True)
        self.model.train()
        watch = _Watch(examples)
        with TemporaryDirectory() as folder:
            loop = self._loop(examples, tokens, seed, watch, Path(folder))
            while loop.step < loop.total_steps:
                loop.train_step()
        method = method_of(self.recipe)
        of_held, of_rows = (method.score(self.model, rows, 2048) for rows in (held, examples))
        order = [watch.dynamics.index[e.row_id] for e in examples]
        return Tuned(
            held_losses=(of_held["nll_sum"] / of_held["n_tokens"]).to_numpy(),
            held_right=(of_held["contradiction"] == 0).to_numpy(),
            margins=watch.dynamics.margin_mean[order],
            losses=(of_rows["nll_sum"] / of_rows["n_tokens"]).to_numpy(),
            seconds=time.perf_counter() - started,
            tokens=loop.sampler.tokens,
        )

    def _loop(self, examples: list[Example], tokens: float, seed: int, watch: Any, folder: Path) -> Loop:
        return Loop(
            model=self.model,
            optimizer=method_of(self.recipe).optimizer(self.model),
            sampler=Sampler(examples, seed=seed, pack_tokens=self.recipe.pack_tokens),
            learning=watch,
            recipe=self.recipe,
            total_steps=max(1, math.ceil(tokens / self.recipe.batch_tokens)),
            total_tokens=round(tokens),
            folder=folder,
            inputs={},
            journal=Journal(folder / "metrics.jsonl", up_to_step=-1),
            lanes=Lanes(1),
        )


class _Watch:
    """Notes the margins of the rows as they are trained on, and evaluates nothing."""

    def __init__(self, examples: list[Example]) -> None:
        self.dynamics = Dynamics(examples, ["task"])

    def add_step(self, batch: Batch, losses: Any) -> None:
        self.dynamics.add(batch, losses)

    def due(self, step: int) -> bool:
        return False
