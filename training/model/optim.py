"""AdamW and its learning rate, a pure function of the step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch.distributed.tensor import DTensor

from tilth.training.hardware import distributed

SLANTED_RATIO = 32  # how much lower the last rate of a slanted triangle is than its peak
Schedule = Literal["cosine", "linear", "constant", "slanted"]


def rate_at(
    step: int, *, total_steps: int, peak: float, warmup: float, schedule: Schedule = "cosine"
) -> float:
    """Return the learning rate of a step: linear up over the first `warmup` of the steps, then by the schedule.

    cosine and linear fall to 0, constant stays, slanted falls linearly to peak / 32 (ULMFiT, arXiv 1801.06146,
    whose warm-up is a tenth). Depends on nothing else: not on the number of devices, batches or on how often the
    run was resumed.
    """
    warm_steps = math.ceil(warmup * total_steps)
    if step < warm_steps:
        return peak * (step + 1) / warm_steps
    progress = (step - warm_steps) / max(1, total_steps - warm_steps)
    if schedule == "constant":
        return peak
    if schedule == "linear":
        return peak * (1 - progress)
    if schedule == "slanted":
        return peak * (1 + (1 - progress) * (SLANTED_RATIO - 1)) / SLANTED_RATIO
    return peak * 0.5 * (1 + math.cos(math.pi * progress))


def size_rule(width: int, factor: float) -> float:
    """Return a rate from the width of a base: 5e-5 · (2000 / width)^0.781, times the factor of the method.

    Fitted to sweeps over Llama models (Thinking Machines, "LoRA Without Regret", 2025, and tinker_cookbook's
    hyperparam_utils.get_lr); other families rise less steeply.
    """
    return rounded(5e-5 * (2000 / width) ** 0.781 * factor)


def rounded(rate: float) -> float:
    """Return a rate to two digits: more would be noise."""
    return float(f"{rate:.1e}")


def optimizer_for(
    model: torch.nn.Module,
    *,
    weight_decay: float,
    layers: Sequence[Sequence[torch.nn.Parameter]] = (),
    decay: float = 1.0,
) -> torch.optim.AdamW:
    """Return AdamW (Loshchilov & Hutter, arXiv 1711.05101) over what is trained; only matrices decay.

    layers: groups of parameters from the top down, each with a rate `decay` times lower than the one above;
    without them all that is trained has one rate.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = []
    for depth, members in enumerate(layers or [trained]):
        scale = decay**-depth
        groups += [
            {"params": [p for p in members if p.ndim >= 2], "weight_decay": weight_decay, "scale": scale},
            {"params": [p for p in members if p.ndim < 2], "weight_decay": 0.0, "scale": scale},
        ]
    # One update takes parameters of one kind: sharded or whole.
    kinds = [
        group | {"params": [p for p in group["params"] if isinstance(p, DTensor) is sharded]}
        for group in groups
        for sharded in (False, True)
    ]
    return torch.optim.AdamW([group for group in kinds if group["params"]], fused=True)


def clip(model: torch.nn.Module, clip_norm: float) -> float:
    """Clip the gradients to `clip_norm` and return their norm before clipping."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if distributed.is_shared(model):
        return distributed.clip(trained, clip_norm)
    return float(torch.nn.utils.clip_grad_norm_(trained, clip_norm))


def take_step(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Take one step at `rate`, scaled for each group of parameters, and clear the gradients."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
