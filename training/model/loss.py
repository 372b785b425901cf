"""Loss per token, computed where there is something to learn and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from tilth.training.hardware import distributed, lanes
from tilth.training.model import attention, frozen_head
from tilth.training.model.lower import lower_of, run
from tilth.training.rows import recital
from tilth.training.rows.pack import IGNORED, Batch, bins, collate, filled
from tilth.training.rows.text import Example

CHUNK_LOGITS = 1 << 24  # logits held at once: 64 MiB in fp32
MIN_CHUNK_TOKENS = 256
SHAPE_TOKENS = (
    64  # 16-bit products on a CPU are compiled anew for every shape: packs are filled up to multiples
)


@dataclass(frozen=True, eq=False)
class TokenLoss:
    """One value per label of a batch, in order; `margin` and `gap` are empty if not asked for."""

    nll: Tensor  # -log p(label), nat
    margin: Tensor  # log p(label) - max other log p, no gradient
    gap: Tensor  # max log p - log p(label), no gradient
    example_of: Tensor  # int64: index into the batch's examples

    def detached(self) -> TokenLoss:
        """Return the values alone, which keep no graph alive."""
        return TokenLoss(self.nll.detach(), self.margin.detach(), self.gap.detach(), self.example_of)


def token_losses(model: Any, batch: Batch, *, statistics: bool) -> TokenLoss:
    """Return the loss of every label of a batch.

    Logits exist only for labels and, beyond CHUNK_LOGITS of them, only a chunk at a time: chunks are
    recomputed in the backward pass.
    """
    causal = causal_model(model)
    place = (batch.targets != IGNORED).nonzero()[:, 0]
    nll, margin = label_losses(
        causal, hidden_states(model, batch)[place], batch.targets[place], statistics=statistics
    )
    return TokenLoss(nll, margin, (-margin).clamp(min=0), batch.example_of[place])


def label_losses(causal: Any, hidden: Tensor, labels: Tensor, *, statistics: bool) -> tuple[Tensor, Tensor]:
    """Return (nll, margin) of labels, each (labels,), from the hidden states before them, (labels, width)."""
    head = causal.get_output_embeddings()
    if torch.is_grad_enabled() and len(labels) and frozen_head.applies(causal):
        return frozen_head.frozen_head_losses(head, hidden, labels, statistics=statistics)
    chunk = max(MIN_CHUNK_TOKENS, CHUNK_LOGITS // head.weight.shape[0])
    if not torch.is_grad_enabled():  # evaluation never holds more than training, whose chunks may be small
        chunk = min(chunk, max(1, frozen_head.chunk_tokens(hidden, head.weight) // 2))
    many = len(labels) > chunk and torch.is_grad_enabled()
    parts = [
        checkpoint(_losses, causal, h, y, statistics, use_reentrant=False)
        if many
        else _losses(causal, h, y, statistics)
        for h, y in zip(hidden.split(chunk), labels.split(chunk))
    ]
    nll, margin = (torch.cat(column) for column in zip(*parts))
    return nll, margin


def score(model: Any, examples: list[Example], pack_tokens: int, *, statistics: bool = True) -> pl.DataFrame:
    """Return, for each example in order: row_id, slice, nll_sum (nat), n_tokens, contradiction (mean gap), recited.

    As `measured` measures. recited: see rows/recital.py. Without `statistics` contradiction is 0 and not computed, and
    recited is not there.
    """

    def measure(batch: Batch) -> np.ndarray:
        losses = token_losses(model, batch, statistics=statistics)
        gaps = losses.gap if statistics else torch.zeros_like(losses.nll)
        of = losses.example_of.cpu().numpy()
        nll, gap = (values.double().cpu().numpy() for values in (losses.nll, gaps))
        weights = (nll, None, gap)
        sums = [np.bincount(of, weight, len(batch.examples)) for weight in weights]
        if statistics:
            sums.append(recital.hits(batch.examples, of, (losses.margin > 0).cpu().numpy()))
        return np.stack(sums, axis=1)

    sums = measured(model, examples, pack_tokens, measure, 3 + statistics)
    told = (
        {"recited": pl.Series(recital.recited(examples, sums[:, 3]), dtype=pl.Boolean)} if statistics else {}
    )
    return pl.DataFrame(
        {
            "row_id": pl.Series([example.row_id for example in examples], dtype=pl.Binary),
            "slice": pl.Series([example.slice for example in examples], dtype=pl.String),
            "nll_sum": sums[:, 0],
            "n_tokens": sums[:, 1].astype(np.int64),
            "contradiction": sums[:, 2] / np.maximum(sums[:, 1], 1),
            **told,
        }
    )


def measured(
    model: Any,
    examples: Sequence[Example],
    pack_tokens: int,
    measure: Callable[[Batch], np.ndarray],
    columns: int,
) -> np.ndarray:
    """Return what `measure` gives for each example in order, (examples, columns), computed pack by pack.

    measure: a batch on the model's device -> (its examples, columns). In eval mode, without gradients; the processes
    of a sharded model share the work, else the cores of this one. Sums that are taken in double precision example by
    example are moved neither by packing nor by batch size nor by their number.
    """
    was_training = model.training
    model.eval()
    values = np.zeros((len(examples), columns))
    device = next(model.parameters()).device
    side_by_side = lanes.to_read(causal_model(model), pack_tokens)
    lengths = [len(example.input_ids) for example in examples]
    packs = bins(lengths, pack_tokens // side_by_side.count)
    shared = distributed.is_shared(model)
    own, joins = distributed.share(packs) if shared else (packs, False)

    def read(rows: list[int]) -> np.ndarray:
        with torch.no_grad():
            return measure(collate([examples[row] for row in rows]).to(device))

    for rows, found in zip(own, side_by_side.map(read, own)):
        values[rows] = found
    if joins:
        read([0])
    values = distributed.add(values) if shared else values
    model.train(was_training)
    return values


def causal_model(model: Any) -> Any:
    """Return the transformers model under an adapter, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def hidden_states(model: Any, batch: Batch) -> Tensor:
    """Return the last hidden states of a batch, (tokens, width).

    A model that cannot be packed reads one sequence at a time.
    """
    causal = causal_model(model)
    if causal.config._attn_implementation != attention.NAME and len(batch.lengths) > 1:
        device = batch.input_ids.device
        parts = [part for example in batch.examples for part in example.parts]
        return torch.cat([hidden_states(model, collate([part]).to(device)) for part in parts])
    tokens = len(batch.input_ids)
    packed = causal.config._attn_implementation == attention.NAME
    if packed and batch.input_ids.device.type == "cpu" and causal.dtype == torch.bfloat16:
        batch = filled(batch, SHAPE_TOKENS)
    lower = lower_of(causal)
    if lower is not None:
        return lower.last_hidden(batch)[:tokens]
    return run(causal.base_model, batch, input_ids=batch.input_ids[None])[:tokens]


def logits_of(causal: Any, hidden: Tensor) -> Tensor:
    """Return the logits of hidden states with the scaling or capping of the model's family."""
    logits = causal.get_output_embeddings()(hidden).float()
    config = causal.config.get_text_config()
    if getattr(config, "logits_scaling", None):  # Granite
        logits = logits / config.logits_scaling
    if getattr(config, "logit_scale", None):  # Cohere
        logits = logits * config.logit_scale
    cap = getattr(config, "final_logit_softcapping", None)  # Gemma
    return logits if not cap else cap * torch.tanh(logits / cap)


def _losses(causal: Any, hidden: Tensor, labels: Tensor, statistics: bool) -> tuple[Tensor, Tensor]:
    """Return (nll, margin) of a chunk of labels; margin is empty without `statistics`."""
    logits = logits_of(causal, hidden)
    margin = _margin(logits.detach(), labels) if statistics else logits.new_empty(0)
    return F.cross_entropy(logits, labels, reduction="none"), margin


def _margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Return logit(label) - max other logit, hiding the label for one pass instead of sorting."""
    with torch.no_grad():
        own = logits.gather(1, labels[:, None])
        logits.scatter_(1, labels[:, None], float("-inf"))
        other = logits.amax(1)
        logits.scatter_(1, labels[:, None], own)
        return own[:, 0] - other
