"""The loss through an output matrix that is not trained: its gradient is found on the way there.

A frozen output needs no gradient of its own, and that of a label's loss with respect to its hidden state is
(softmax - one-hot) @ weight times whatever comes from above. So it is formed while the logits of a few tokens are
at hand: none of them is kept, and none is computed twice.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK_BYTES = 1 << 23  # of logits at once: they stay in the processor's cache


def applies(causal: Any) -> bool:
    """Tell whether a model's logits are a plain frozen product, neither scaled nor capped."""
    head, config = causal.get_output_embeddings(), causal.config.get_text_config()
    changed = ("logits_scaling", "logit_scale", "final_logit_softcapping")
    return (
        type(head) is torch.nn.Linear
        and type(head.weight) is torch.nn.Parameter  # whole: no shard, not in 4 bits
        and not any(p.requires_grad for p in head.parameters())
        and not any(getattr(config, name, None) for name in changed)
    )


def frozen_head_losses(
    head: torch.nn.Linear, hidden: Tensor, labels: Tensor, *, statistics: bool
) -> tuple[Tensor, Tensor]:
    """Return (nll, margin), each (labels,), of hidden states, (labels, width); margin is empty without `statistics`.

    The margin carries no gradient.
    """
    found: tuple[Tensor, Tensor] = _FrozenHead.apply(hidden, head.weight, head.bias, labels, statistics)
    return found


def chunk_tokens(hidden: Tensor, weight: Tensor) -> int:
    """Return for how many tokens logits exist at once."""
    held = 8 if weight.element_size() == 2 else 4  # bytes a logit: in 16 bits there is a copy in 32 beside it
    return 1024 if hidden.is_cuda else max(16, CHUNK_BYTES // (held * weight.shape[0]))


class _FrozenHead(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor, statistics: bool
    ) -> tuple[Tensor, Tensor]:
        chunk = chunk_tokens(hidden, weight)
        slope = torch.empty_like(hidden)
        nll, margin = [], []
        for h, y, s in zip(hidden.split(chunk), labels.split(chunk), slope.split(chunk)):
            logits = F.linear(h, weight, bias)
            logits = logits if logits.dtype == torch.float64 else logits.float()
            at = y[:, None]
            own = logits.gather(1, at)
            if statistics:
                logits.scatter_(1, at, float("-inf"))
                other = logits.amax(1, keepdim=True)
                logits.scatter_(1, at, own)
                margin.append((own - other)[:, 0])
                top = torch.maximum(own, other)
            else:
                top = logits.amax(1, keepdim=True)
            total = logits.sub_(top).exp_().sum(1, keepdim=True)
            nll.append((total.log() - (own - top))[:, 0])
            logits.div_(total).scatter_add_(1, at, -torch.ones_like(own))
            torch.mm(logits.to(h.dtype), weight, out=s)
        ctx.save_for_backward(slope)
        margins = torch.cat(margin) if statistics else hidden.new_empty(0)
        ctx.mark_non_differentiable(margins)
        return torch.cat(nll), margins

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (slope,) = ctx.saved_tensors
        return slope * grads[0][:, None].to(slope.dtype), None, None, None, None
