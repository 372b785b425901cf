"""What pulls a model back to its base while it is tuned: divergence on known texts, distance of the weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tilth.training.model.loss import causal_model, hidden_states, logits_of
from tilth.training.rows.pack import bins, collate
from tilth.training.rows.text import Example

TOKENS_A_STEP = 256


class Divergence:
    """KL(base ‖ model) per token on texts of the base, a few at each step, in turn.

    An adapted model answers as its base with its adapter off; a model tuned in full needs a frozen copy.
    """

    def __init__(self, model: Any, examples: list[Example], weight: float) -> None:
        self.weight = weight
        rows = bins([len(example.input_ids) for example in examples], TOKENS_A_STEP)
        self._batches = [[examples[row] for row in batch] for batch in rows]
        adapted = hasattr(model, "disable_adapter")
        self._base = model if adapted else copy.deepcopy(model).requires_grad_(False).eval()
        self._as_base: Callable[[], Any] = model.disable_adapter if adapted else nullcontext

    def loss(self, model: Any, step: int) -> Tensor:
        """Return the weighted divergence on the texts of a step; a pure function of the step and the weights."""
        chosen = self._batches[step % len(self._batches)]
        batch = collate(chosen).to(model.device)
        with torch.no_grad(), self._as_base():
            wanted = F.log_softmax(
                logits_of(causal_model(self._base), hidden_states(self._base, batch)), dim=-1
            )
        given = F.log_softmax(logits_of(causal_model(model), hidden_states(model, batch)), dim=-1)
        return self.weight * F.kl_div(given, wanted, reduction="batchmean", log_target=True)


class StartingPoint:
    """L2-SP (Li et al., arXiv 1802.01483): half the squared distance of the weights to where they started."""

    def __init__(self, trained: list[torch.nn.Parameter], weight: float) -> None:
        self.weight = weight
        self._trained = trained
        self._start = [parameter.detach().clone() for parameter in trained]

    def add_gradient(self) -> None:
        """Add `weight` times the distance from the start to the gradient of every parameter that has one."""
        for parameter, start in zip(self._trained, self._start, strict=True):
            if parameter.grad is not None:
                parameter.grad.add_(parameter.detach() - start, alpha=self.weight)
