"""Attention over packed examples: each sees only itself, and no square mask is ever built.

transformers builds no mask for an attention it does not know and hands the lengths through. With its own
route an all-ones mask or a cache silently lets packed rows see each other (0.1 to 0.6 in the logits).
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from tilth.training.rows.pack import Batch

NAME = "packed"


class Scores(NamedTuple):
    """How queries meet keys: scale, the cap of Gemma 2, the sink of each head of GPT-OSS (heads,)."""

    scale: float
    cap: float | None = None
    sinks: Tensor | None = None

    @property
    def written_out(self) -> bool:
        """Whether no fused kernel computes them."""
        return self.cap is not None or self.sinks is not None


def register() -> None:
    """Make `attn_implementation="packed"` known to transformers; repeated calls change nothing."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, packed_attention)
    AttentionMaskInterface.register(NAME, _mask)


def lengths_for(batch: Batch) -> dict[str, Any]:
    """Return the keyword arguments that carry the lengths of a batch to `packed_attention`."""
    ends = torch.tensor([0, *batch.lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32)
    longest = max(batch.lengths)
    device = batch.input_ids.device
    cumulative = ends if device.type == "cpu" else ends.to(device)
    return {
        "cu_seq_lens_q": cumulative,
        "cu_seq_lens_k": cumulative,
        "max_length_q": longest,
        "max_length_k": longest,
    }


def packed_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Causal attention within each packed example; query, key, value are (1, heads, tokens, head size).

    kwargs: as transformers hands them to every attention. Of them scaling, dropout, sliding_window, softcap, s_aux
    and the lengths (`lengths_for`) count here.

    Without lengths (generation) it is transformers' own scaled dot product attention. Capped scores (Gemma 2)
    and sinks (GPT-OSS), which no fused kernel computes, are written out, an example at a time.
    """
    scaling, window, dropout = (kwargs.get(name) for name in ("scaling", "sliding_window", "dropout"))
    scores = Scores(
        query.shape[-1] ** -0.5 if scaling is None else scaling, kwargs.get("softcap"), kwargs.get("s_aux")
    )
    cu_seq_lens_q, longest = kwargs.pop("cu_seq_lens_q", None), kwargs.pop("max_length_q", None)
    if scores.written_out:
        lengths = [query.shape[2]] if cu_seq_lens_q is None else cu_seq_lens_q.diff().tolist()
        shown = attention_mask if cu_seq_lens_q is None else None
        found = [
            _written_out(q, k, v, shown, window, scores) for q, k, v in _examples(query, key, value, lengths)
        ]
        return torch.cat(found, 2).transpose(1, 2).contiguous(), None
    if cu_seq_lens_q is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        if attention_mask is None and query.shape[2] == key.shape[2]:
            attention_mask = _window_mask(query.shape[2], window)
        kwargs.pop("sliding_window", None)
        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    if query.is_cuda:
        return _on_cuda(query, key, value, cu_seq_lens_q, longest or 0, scaling, window), None
    return _on_cpu(query, key, value, cu_seq_lens_q.diff().tolist(), scaling, window, dropout or 0.0), None


def _examples(query: Tensor, key: Tensor, value: Tensor, lengths: list[int]) -> Any:
    """Return the query, key and value of each example; of all at once where there is only one."""
    if len(lengths) == 1:
        return [(query, key, value)]
    return zip(query.split(lengths, 2), key.split(lengths, 2), value.split(lengths, 2))


def _written_out(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    window: int | None,
    how: Scores,
) -> Tensor:
    """Return attention with its scores in memory: cap * tanh(score / cap), and a sink that takes up weight.

    mask: True where a query sees a key; None: causal, the last query sees every key.
    """
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = query @ key.transpose(2, 3) * how.scale
    if how.cap is not None:
        scores = how.cap * torch.tanh(scores / how.cap)
    if mask is None:
        past = torch.arange(key.shape[2], device=key.device)
        apart = past[-query.shape[2] :, None] - past[None]
        mask = (apart >= 0) & (apart < (window or key.shape[2]))
    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    if how.sinks is not None:
        sinks = how.sinks.to(scores.dtype).view(1, -1, 1, 1).expand(*scores.shape[:3], 1)
        scores = torch.cat([scores, sinks], 3)
    shares = scores.softmax(3, dtype=torch.promote_types(scores.dtype, torch.float32)).to(value.dtype)
    return shares[..., : key.shape[2]] @ value


def _on_cpu(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    lengths: list[int],
    scaling: float | None,
    window: int | None,
    dropout: float,
) -> Tensor:
    """Return the attention of each example by torch's kernel, in 32 bits at least: in 16 its way back is slower.

    What it keeps for the way back is kept in the type of the values, which queries and keys had before.
    """
    own, wide = value.dtype, torch.promote_types(value.dtype, torch.float32)
    outs = []

    def narrow(kept: Tensor) -> Tensor:
        return (
            kept.to(own) if kept.ndim == 4 and kept.is_floating_point() else kept
        )  # not the sums of weights

    def widen(kept: Tensor) -> Tensor:
        return kept.to(wide) if kept.ndim == 4 and kept.is_floating_point() else kept

    hooks = nullcontext() if own == wide else torch.autograd.graph.saved_tensors_hooks(narrow, widen)
    with torch.autocast("cpu", enabled=False), hooks:
        for q, k, v in _examples(query.to(wide), key.to(wide), value.to(wide), lengths):
            mask = _window_mask(q.shape[2], window)
            out = F.scaled_dot_product_attention(
                *(q, k, v, mask, dropout, mask is None),
                scale=scaling,
                enable_gqa=q.shape[1] != k.shape[1],
            )
            outs.append(out.transpose(1, 2))
    return torch.cat(outs, 1).to(value.dtype).contiguous()


def _on_cuda(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cumulative: Tensor,
    longest: int,
    scaling: float | None,
    window: int | None,
) -> Tensor:
    """Return the attention of all examples in one call of the variable-length kernel."""
    from torch.nn.attention.varlen import varlen_attn

    # Under autocast the rotated queries and keys are wider than the values.
    q, k, v = (t[0].transpose(0, 1).to(value.dtype).contiguous() for t in (query, key, value))
    out: Any = varlen_attn(
        *(q, k, v, cumulative, cumulative, longest, longest),
        scale=scaling,
        window_size=(window - 1 if window else -1, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return out[None]


def _window_mask(tokens: int, window: int | None) -> Tensor | None:
    """Return the causal mask of a sliding window, or None where the window holds the whole example."""
    if not window or tokens <= window:
        return None
    place = torch.arange(tokens)
    apart = place[:, None] - place[None]
    return (apart >= 0) & (apart < window)


def _mask(*, attention_mask: Tensor | None = None, **kwargs: Any) -> Tensor | None:
    """Build a mask for generation, where padding comes as a mask; packed batches bring none."""
    from transformers.masking_utils import sdpa_mask

    return None if attention_mask is None else sdpa_mask(attention_mask=attention_mask, **kwargs)
