"""The adapter merged into its base, kept only if the files compute what the adapter computed.

A sum of weight and update is rounded to the type of the base's files. In bfloat16 a small update falls below half a
unit of the last place and is lost: a rank-16 update of 1e-3 of the weight's norm loses 79 % of itself. So the files
are loaded again and their distance from the adapter is measured on held-out tokens.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tilth.training.export.export import save_beside
from tilth.training.hardware.device import available_bytes
from tilth.training.model.base import load_model
from tilth.training.model.lora import load_adapter
from tilth.training.model.loss import causal_model, hidden_states, logits_of
from tilth.training.plan.footprint import merge_bytes
from tilth.training.rows.pack import IGNORED, collate
from tilth.training.rows.text import Example

MAX_KL = 1e-3  # nat per token
MEASURED_ROWS, LABELS_PER_ROW = 32, 256


@dataclass(frozen=True)
class Merged:
    """What came of merging; `kl` is None where nothing was measured, `folder` where nothing was kept."""

    folder: Path | None
    kl: float | None
    note: str


def merge(
    model: Any,
    tokenizer: Any,
    adapter: Path,
    base: Path,
    folder: Path,
    rows: list[Example],
    template: str | None,
) -> Merged:
    """Merge a saved adapter into the files of its base, and keep the result if it is the model that was tuned.

    model: the adapted model in memory, for KL(model ‖ files) per label of `rows`. Nothing is kept above MAX_KL, or
    merged where memory does not allow it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    needed = merge_bytes(base)
    free = available_bytes(torch.device("cpu"))
    if needed > free:
        return Merged(None, None, f"not merged: {needed >> 20:,} MiB are needed, {free >> 20:,} MiB are free")
    merged = merged_model(base, adapter)
    merged.generation_config = causal_model(model).generation_config
    merged.save_pretrained(folder, safe_serialization=True)
    save_beside(merged, tokenizer, folder, template)
    own = str(merged.dtype).removeprefix("torch.")
    del merged
    causal = causal_model(model)
    again = load_model(folder, dtype=causal.dtype)
    again.set_attn_implementation(causal.config._attn_implementation)
    if causal.device.type == "cuda" and needed <= available_bytes(causal.device):
        again = again.to(causal.device)
    kl = divergence(model, again, rows[:MEASURED_ROWS])
    if kl <= MAX_KL:
        return Merged(folder, kl, f"in {own}; {kl:.1e} nat/token from the adapter (allowed {MAX_KL:g})")
    shutil.rmtree(folder)
    return Merged(
        None,
        kl,
        f"not kept: rounded to {own} it is {kl:.1e} nat/token from the adapter (allowed {MAX_KL:g}); serve the adapter",
    )


def merged_model(base: Path, adapter: Path) -> Any:
    """Return the base in the type of its own files with an adapter added in 32 bits, layer by layer."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    adapted = load_adapter(load_model(base, dtype="auto"), adapter)
    layers: list[Any] = [module for module in adapted.modules() if isinstance(module, BaseTunerLayer)]
    for layer in layers:
        weights = layer.get_base_layer()
        own = weights.weight.dtype
        layer.float()
        layer.merge(safe_merge=True)
        weights.to(own)
    return adapted.unload()


@torch.no_grad()
def divergence(model: Any, other: Any, examples: list[Example]) -> float:
    """Return KL(model ‖ other) in nat per label, over at most LABELS_PER_ROW labels of each example."""
    total, count = 0.0, 0
    was_training = model.training
    model.eval()
    other.eval()
    for example in examples:
        batch = collate([example])
        place = (batch.targets != IGNORED).nonzero()[:LABELS_PER_ROW, 0]
        p, q = (_log_probabilities(m, batch, place) for m in (model, other))
        total += float((p.exp() * (p - q)).sum(dtype=torch.float64))
        count += len(place)
    model.train(was_training)
    return total / max(1, count)


def _log_probabilities(model: Any, batch: Any, place: torch.Tensor) -> torch.Tensor:
    device = next(model.parameters()).device
    hidden = hidden_states(model, batch.to(device))[place.to(device)]
    return logits_of(causal_model(model), hidden).log_softmax(-1).cpu()
