"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tilth.training.hardware import distributed
from tilth.training.hardware.lanes import Lanes
from tilth.training.methods.method import Method, Units, method_of
from tilth.training.model.loss import TokenLoss, causal_model, token_losses
from tilth.training.model.lower import keep_lower
from tilth.training.model.optim import clip, rate_at, take_step
from tilth.training.recipe import TrainingRecipe
from tilth.training.retention.anchor import Divergence, StartingPoint
from tilth.training.rows.pack import Batch
from tilth.training.rows.prefetch import Prefetch
from tilth.training.rows.sampler import Sampler
from tilth.training.run import snapshot
from tilth.training.run.finite import not_finite, rows_not_finite
from tilth.training.run.journal import Journal
from tilth.training.run.learning import Learning

OnStep = Callable[[int, float, int], None]  # steps done, loss of the last, tokens drawn


@dataclass
class Loop:
    """A run between two steps. Without `learning` nothing is watched, and the last weights are the best."""

    model: Any
    optimizer: torch.optim.Optimizer
    sampler: Sampler
    learning: Learning | None
    recipe: TrainingRecipe
    total_steps: int
    total_tokens: int
    folder: Path
    inputs: dict[str, str]
    journal: Journal
    asked_to_stop: Callable[[], bool] = lambda: False
    on_step: OnStep = lambda step, loss, tokens: None
    lanes: Lanes = field(default_factory=Lanes)
    replay: Sampler | None = None  # rows of the base's domain
    planted: Sampler | None = None  # canaries
    divergence: Divergence | None = None
    start: StartingPoint | None = None
    before_step: Callable[[int], None] = lambda step: None  # which layers are open, say
    step: int = 0
    best_step: int = 0
    stopped_early: bool = False
    best: dict[str, Tensor] = field(default_factory=dict)
    replay_share: float = field(init=False)  # of the tokens of the steps to come
    replay_due: float = 0.0  # tokens of the base's domain that are to be drawn by now
    method: Method = field(init=False)

    def __post_init__(self) -> None:
        """Note what the method trains, now or later (layers may be closed for a while), and draw ahead."""
        self.method = method_of(self.recipe)
        self.replay_share = self.recipe.retention.replay
        self._trained = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        self._prefetch = Prefetch(self.sampler, pin=next(self.model.parameters()).is_cuda)

    def run(self) -> None:
        """Train to the end, to an early stop, or until asked to stop; then write a checkpoint.

        Raises TrainingError for a loss that is not finite, naming rows; KeyboardInterrupt when asked to stop.
        """
        saved = time.monotonic()
        self._open(self.step)
        self._evaluate()
        while self.step < self.total_steps and not self.stopped_early:
            loss = self.train_step()
            self._evaluate()
            self.on_step(self.step, loss, self.sampler.tokens)
            if distributed.agreed(self.asked_to_stop()):
                snapshot.save(self)
                raise KeyboardInterrupt
            if distributed.agreed(time.monotonic() - saved > self.recipe.checkpoint_minutes * 60):
                snapshot.save(self)
                saved = time.monotonic()
        if self.learning is None:
            self._keep_best()
        snapshot.save(self)
        if not distributed.is_shared(self.model):
            self.restore(self.best)

    def train_step(self) -> float:
        """Take one step and return its mean loss before it. Raises TrainingError for one that is not finite."""
        started = time.perf_counter()
        self._open(self.step)
        is_last = self.step + 1 >= self.total_steps
        batches = self._prefetch.batches(self._due(self.step), None if is_last else self._due(self.step + 1))
        replayed = self._replayed()
        beside = replayed + self._planted()
        units = self.method.units(batches, beside)
        loss = self._backward_all(batches, units, watched=True)
        self._backward_all(beside, units, watched=False)
        if self.divergence is not None:
            (self.divergence.loss(self.model, self.step) / distributed.size()).backward()
        distributed.add_gradients([parameter for _, parameter in self._trained])
        if self.start is not None:
            self.start.add_gradient()
        norm = clip(self.model, self.recipe.clip_norm)
        if not math.isfinite(norm):
            raise not_finite(self.step + 1, "gradient", [e.row_id for b in batches for e in b.examples])
        rate = self.rate(self.step)
        take_step(self.optimizer, rate)
        self.step += 1
        record = {
            "step": self.step,
            "loss": loss,
            "rate": rate,
            "norm": norm,
        }
        tokens = {"tokens": sum(len(b.input_ids) for b in batches)}
        if replayed:
            tokens["replayed"] = sum(len(b.input_ids) for b in replayed)
        seconds = round(time.perf_counter() - started, 6)
        self.journal.write({"kind": "step", **record, **tokens, "seconds": seconds})
        return loss

    def _open(self, step: int) -> None:
        """Open the layers that learn at a step; what those below make of a row is computed once."""
        self.before_step(step)
        if not distributed.is_shared(self.model):
            keep_lower(causal_model(self.model), self.recipe.keep_states_mib << 20)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        return rate_at(
            step,
            total_steps=self.total_steps,
            peak=self.method.peak_rate,
            warmup=self.recipe.warmup,
            schedule=self.recipe.schedule,
        )

    def _due(self, step: int) -> int:
        """Return the tokens that are to be drawn by the end of a step."""
        return min((step + 1) * self.recipe.batch_tokens, self.total_tokens)

    def _replayed(self) -> list[Batch]:
        """Return the base-domain rows of this step: none until their share of the tokens is due."""
        if self.replay is None:
            return []
        self.replay_due += self.recipe.batch_tokens * self.replay_share
        return self.replay.batches(self.replay_due) if self.replay.tokens < self.replay_due else []

    def _planted(self) -> list[Batch]:
        """Return the canaries of this step: all their copies are spread evenly over the run."""
        if self.planted is None:
            return []
        due = self.planted.tokens_per_epoch * (self.step + 1) / self.total_steps
        return self.planted.batches(due) if self.planted.tokens < due else []

    def _backward_all(self, batches: list[Batch], units: Units, *, watched: bool) -> float:
        """Add the gradients of micro batches, each process those of its share, and return their mean loss."""
        own, joins = distributed.share(batches)
        learning = self.learning if watched else None
        found = self._gradients(own, units, statistics=learning is not None)
        if joins:  # the others still need this process's part of the layers
            idle = token_losses(self.model, batches[0].to(self.model.device), statistics=False)
            (idle.nll.sum() * 0).backward()
        losses = distributed.dealt_back(found)
        if learning is not None:
            for batch, loss in zip(batches, losses, strict=True):
                learning.add_step(batch, loss)
        return sum(float(loss.nll.sum()) for loss in losses) / max(1, sum(len(loss.nll) for loss in losses))

    def _gradients(self, batches: list[Batch], units: Units, *, statistics: bool) -> list[TokenLoss]:
        """Add the gradients of micro batches to those of the step, in their order, and return their losses."""
        found = []
        if self.lanes.count == 1:
            for batch in batches:
                losses, part = self._losses(batch, units, statistics=statistics)
                part.backward()
                found.append(losses)
            return found
        trained = [parameter for _, parameter in self._trained]

        def alone(batch: Batch) -> tuple[TokenLoss, tuple[Tensor, ...]]:
            losses, part = self._losses(batch, units, statistics=statistics)
            return losses, torch.autograd.grad(part, trained)

        for losses, gradients in self.lanes.map(alone, batches):
            found.append(losses)
            for parameter, gradient in zip(trained, gradients, strict=True):
                parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
        return found

    def _losses(self, batch: Batch, units: Units, *, statistics: bool) -> tuple[TokenLoss, Tensor]:
        """Return the losses of a micro batch, and its part of the mean loss of the step.

        Raises TrainingError for a loss that is not finite.
        """
        batch = batch.to(self.model.device)
        losses, part = self.method.losses(self.model, batch, units, statistics=statistics)
        if not math.isfinite(float(part.detach())):
            raise not_finite(self.step + 1, "loss", rows_not_finite(batch, losses))
        return losses.detached(), part

    def _evaluate(self) -> None:
        if self.learning is None or not self.learning.due(self.step):
            return
        started = time.perf_counter()
        found = self.learning.evaluate(self.model, self.step, self.sampler.tokens)
        for record in found.records:
            self.journal.write(record)
        self.journal.write(
            {"kind": "time", "step": self.step, "evaluation_s": round(time.perf_counter() - started, 6)}
        )
        if found.best:
            self._keep_best()
        if found.mixture is not None:
            self.sampler.reweight(found.mixture)
        self.replay_share = found.replay
        self.stopped_early = found.stop

    def trained(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Return what the method trains, by name."""
        return self._trained

    def _keep_best(self) -> None:
        self.best_step = self.step
        self.best = {name: distributed.kept(p) for name, p in self.trained()}

    def hold(self, model: Any) -> None:
        """Go on with a whole model in the place of a sharded one, with the best weights in it."""
        self.model = model
        self.__post_init__()
        self.restore(self.best)

    def restore(self, weights: dict[str, Tensor]) -> None:
        """Set the trained weights."""
        with torch.no_grad():
            for name, parameter in self.trained():
                parameter.copy_(distributed.like(weights[name], parameter))
