"""A running loop to a checkpoint and back, bit by bit: weights, optimizer, sampler, learning, generators."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from tilth.training.hardware import distributed
from tilth.training.run.checkpoint import Checkpoint, join_state, split_state
from tilth.training.run.checkpoint import save as write


class Stateful(Protocol):
    """What has a state of plain values and arrays."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""


class Resumable(Protocol):
    """A run between two steps, as far as a checkpoint holds it."""

    step: int
    best_step: int
    stopped_early: bool
    best: dict[str, Tensor]
    folder: Path
    inputs: dict[str, str]
    optimizer: torch.optim.Optimizer

    @property
    def sampler(self) -> Stateful:
        """Which rows were drawn."""

    replay_share: float
    replay_due: float

    @property
    def replay(self) -> Stateful | None:
        """Which rows of the base's domain were drawn."""

    @property
    def planted(self) -> Stateful | None:
        """Which canaries were drawn."""

    @property
    def learning(self) -> Stateful | None:
        """What the run has learned of its rows."""

    def trained(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Return what the method trains, by name."""

    def restore(self, weights: dict[str, Tensor]) -> None:
        """Set the trained weights."""


def save(loop: Resumable) -> None:
    """Write a checkpoint of the loop."""
    values, arrays = split_state(loop.learning.state_dict() if loop.learning else {})
    state = {
        "sampler": loop.sampler.state_dict(),
        "replay": loop.replay.state_dict() if loop.replay else None,
        "replay_share": loop.replay_share,
        "replay_due": loop.replay_due,
        "planted": loop.planted.state_dict() if loop.planted else None,
        "learning": values,
        "best_step": loop.best_step,
        "stopped_early": loop.stopped_early,
    }
    tensors: dict[str, dict[str, Tensor]] = {
        "weights": {name: distributed.whole(parameter) for name, parameter in loop.trained()},
        "best": loop.best,
        "optimizer": _optimizer_tensors(loop.optimizer),
        "learning": arrays,
        "generators": _generators(),
    }
    if distributed.rank() == 0:
        write(loop.folder, Checkpoint(loop.step, state, tensors), loop.inputs)


def restore(loop: Resumable, saved: Checkpoint) -> None:
    """Set the loop to where `saved` was taken."""
    loop.step, loop.best = saved.step, saved.tensors["best"]
    loop.best_step, loop.stopped_early = saved.state["best_step"], saved.state["stopped_early"]
    loop.sampler.load_state_dict(saved.state["sampler"])
    if loop.replay is not None:
        loop.replay.load_state_dict(saved.state["replay"])
        # Before replay could rise, what was due was its share of the tokens so far.
        loop.replay_share = saved.state.get("replay_share", loop.replay_share)
        loop.replay_due = saved.state.get("replay_due", saved.state["replay"]["tokens"])
    if loop.planted is not None:
        loop.planted.load_state_dict(saved.state["planted"])
    if loop.learning is not None:
        loop.learning.load_state_dict(join_state(saved.state["learning"], saved.tensors["learning"]))
    loop.restore(saved.tensors["weights"])
    _load_optimizer(loop.optimizer, saved.tensors["optimizer"])
    _set_generators(saved.tensors["generators"])


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": distributed.whole(value)
        for index, slots in state.items()
        for name, value in slots.items()
    }


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        own = value if name == "step" else distributed.like(value, parameters[int(index)])
        state.setdefault(int(index), {})[name] = own
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _generators() -> dict[str, Tensor]:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    own = {"cpu": torch.get_rng_state(), **{f"cuda.{i}": state for i, state in enumerate(cuda)}}
    return {
        name + _of(rank): state
        for rank, each in enumerate(distributed.exchanged(own))
        for name, state in each.items()
    }


def _of(rank: int) -> str:
    """Return what marks the generators of a process; the first has none."""
    return f" of process {rank}" if rank else ""


def _set_generators(tensors: dict[str, Tensor]) -> None:
    """Set the generators of this process; one that was not there when they were kept has its seed."""
    mine = _of(distributed.rank())
    own = {key.removesuffix(mine): state for key, state in tensors.items() if key.endswith(mine)}
    if mine and not own:
        return
    torch.set_rng_state(own["cpu"])
    cuda = [own[key] for key in sorted(own) if key.startswith("cuda.") and "of process" not in key]
    if cuda:
        torch.cuda.set_rng_state_all(cuda)
