"""Several processes, one run: started by torchrun, each holds a part of the layers and computes a part of a step.

The layers are sharded by FSDP2 (`fully_shard`); embeddings, output and whatever stands outside the layers are held
whole by each. Every process draws the same batches from the same seed and takes its own share of them, and what it
measured is exchanged, so that all know the same of the rows and come to the same decisions. Only the loop is shared:
before it and after it each process is on its own, and only the first writes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor

from tilth.shards.errors import TrainingError

Item = TypeVar("Item")
LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.\d+$")
LONGEST_WAIT = timedelta(days=1)  # for the first process, which judges the base alone


@contextmanager
def processes(device: torch.device) -> Iterator[None]:
    """Join the processes that torchrun started, if it did, and leave them at the end."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=LONGEST_WAIT)
    try:
        yield
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def leave() -> None:
    """End the sharing: the first process goes on alone, the others exit, having nothing more to do."""
    if size() > 1:
        others = rank() > 0
        dist.destroy_process_group()
        if others:
            raise SystemExit(0)


def require_sharable(unsharded: str) -> None:
    """Raise TrainingError if the run has several processes and something that they cannot do together."""
    if unsharded and size() > 1:
        raise TrainingError(
            "training", f"{unsharded} cannot be sharded", "Nothing was trained", "start it as one process"
        )


def rank() -> int:
    """Return the number of this process, 0 for one that is alone."""
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    """Return how many processes share the run."""
    return dist.get_world_size() if dist.is_initialized() else 1


@contextmanager
def first_then_others() -> Iterator[None]:
    """Let the first process do something before the others do the same, which then find it done."""
    if rank() and size() > 1:
        dist.barrier()
    yield
    if not rank() and size() > 1:
        dist.barrier()


def shard(model: Any) -> None:
    """Spread the layers over the processes; alone, do nothing. Gradients are sums over the processes, not means."""
    if size() == 1:
        return
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(model.device.type, (size(),))
    for layer in [module for name, module in model.named_modules() if LAYER.search(name)]:
        sharded: Any = fully_shard(layer, mesh=mesh, reshard_after_forward=True)
        sharded.set_gradient_divide_factor(1.0)
        sharded.set_force_sum_reduction_for_comms(True)


def is_shared(model: torch.nn.Module) -> bool:
    """Tell whether the layers of a model are spread over the processes, which must then call it together."""
    return any(isinstance(parameter, DTensor) for parameter in model.parameters())


def share(items: Sequence[Item]) -> tuple[list[Item], bool]:
    """Return the items of this process, and whether it must join the others in one more that is not its own.

    Processes that hold parts of a model run it equally often.
    """
    own = list(items[rank() :: size()])
    return own, len(own) < -(-len(items) // size())


def add_gradients(parameters: Sequence[torch.nn.Parameter]) -> None:
    """Sum the gradients of what every process holds whole; those of sharded layers are summed already."""
    for parameter in parameters if size() > 1 else ():
        if parameter.requires_grad and not isinstance(parameter, DTensor):
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            dist.all_reduce(parameter.grad)


def clip(parameters: Sequence[torch.nn.Parameter], clip_norm: float) -> float:
    """Clip gradients of which some are sharded, and return their norm before, as `clip_grad_norm_` does."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    parts = [g.to_local() for g in gradients if isinstance(g, DTensor)]
    wholes = [g for g in gradients if not isinstance(g, DTensor)]
    squares = sum((g.double().square().sum() for g in parts), torch.zeros((), dtype=torch.float64))
    squares = squares.to(gradients[0].device)
    dist.all_reduce(squares)
    norm = float((squares + sum(g.double().square().sum() for g in wholes)).sqrt())
    for gradient in [*parts, *wholes]:
        gradient.mul_(min(1.0, clip_norm / (norm + 1e-6)))
    return norm


def add(values: np.ndarray) -> np.ndarray:
    """Return the sum over the processes, in double precision."""
    if size() == 1:
        return values
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    summed = torch.from_numpy(values.astype(np.float64)).to(device)
    dist.all_reduce(summed)
    return summed.cpu().numpy()


def agreed(wish: bool) -> bool:
    """Tell whether any of the processes wishes it: clocks and signals differ, decisions must not."""
    return bool(add(np.array([float(wish)]))[0])


def exchanged(own: Any) -> list[Any]:
    """Return what each process gives, in their order."""
    if size() == 1:
        return [own]
    found: list[Any] = [None] * size()
    dist.all_gather_object(found, own)
    return found


def dealt_back(own: list[Item]) -> list[Item]:
    """Return what the processes found for the items they took by `share`, in the order of the items."""
    found = exchanged(own)
    return [found[i % size()][i // size()] for i in range(sum(map(len, found)))]


def kept(tensor: Tensor) -> Tensor:
    """Return a copy of a whole tensor in the memory of the first process; the others get an empty one."""
    tensor = tensor.detach()
    values = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return values.new_empty(0, device="cpu") if rank() else values.to("cpu", copy=True)


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor to be written at once: a sharded one as `kept` does, any other itself, without a copy."""
    return kept(tensor) if isinstance(tensor, DTensor) else tensor.detach()


def like(values: Tensor, model: Tensor) -> Tensor:
    """Return whole values as `model` is held: this process's part of them, if it is sharded."""
    if not isinstance(model, DTensor):
        return values
    values = values.to(model.device)
    return distribute_tensor(values, model.device_mesh, model.placements, src_data_rank=None)
