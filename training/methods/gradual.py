"""Gradual unfreezing: layers open from the top of the model down, lower ones at lower rates.

ULMFiT (Howard & Ruder 2018, arXiv 1801.06146).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tilth.training.methods.full import Full
from tilth.training.methods.method import method

if TYPE_CHECKING:
    import torch


@method("gradual")
class Gradual(Full):
    """Train every weight in the end, one group of layers more at a time (training.gradual)."""

    def optimizer(self, model: Any) -> torch.optim.Optimizer:
        """Return an optimizer in which the rate of each group is that of the group above divided by `decay`."""
        from tilth.training.model.layers import groups_of
        from tilth.training.model.optim import optimizer_for

        settings = self.recipe.gradual
        groups = groups_of(model, settings.groups)
        return optimizer_for(
            model, weight_decay=self.recipe.weight_decay, layers=groups, decay=settings.decay
        )

    def before_step(self, model: Any, total_steps: int) -> Callable[[int], None]:
        """Return what lets gradients flow to the groups that are open at a step, and to no other."""
        from tilth.training.model.layers import groups_of

        groups = groups_of(model, self.recipe.gradual.groups)

        def open_at(step: int) -> None:
            opened = open_groups(
                step, total_steps=total_steps, groups=len(groups), until=self.recipe.gradual.until
            )
            for depth, group in enumerate(groups):
                for parameter in group:
                    parameter.requires_grad_(depth < opened)

        return open_at

    @property
    def unsharded(self) -> str:
        """Layers that open one by one have no place in a sharded model."""
        return ", ".join(filter(None, ["method: gradual", super().unsharded]))


def open_groups(step: int, *, total_steps: int, groups: int, until: float) -> int:
    """Return how many groups are trained at a step: one at first, all from `until` of the steps on."""
    last = max(1, math.ceil(until * total_steps))
    return min(groups, 1 + (groups - 1) * step // last)
