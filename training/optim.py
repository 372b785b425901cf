"""AdamW and its learning rate, a pure function of the step."""

from __future__ import annotations

import math

import torch


def rate_at(step: int, *, total_steps: int, peak: float, warmup: float) -> float:
    """Return the learning rate of a step: linear up over the first `warmup` of the steps, then a cosine to 0.

    Depends on nothing else: not on the number of devices, batches or on how often the run was resumed.
    """
    warm_steps = math.ceil(warmup * total_steps)
    if step < warm_steps:
        return peak * (step + 1) / warm_steps
    progress = (step - warm_steps) / max(1, total_steps - warm_steps)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))


def optimizer_for(model: torch.nn.Module, *, weight_decay: float) -> torch.optim.AdamW:
    """Return AdamW (Loshchilov & Hutter, arXiv 1711.05101) over what is trained; only matrices decay."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], fused=True)


def clip(model: torch.nn.Module, clip_norm: float) -> float:
    """Clip the gradients to `clip_norm` and return their norm before clipping."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return float(torch.nn.utils.clip_grad_norm_(trained, clip_norm))


def take_step(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Take one step at `rate` and clear the gradients."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
