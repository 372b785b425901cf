"""How many bytes a run needs, from one step over shapes that hold no data."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tilth.training.hardware.device import Device, weights_dtype
from tilth.training.methods.method import attach, method_of
from tilth.training.model.base import load_config
from tilth.training.model.loss import causal_model, label_losses
from tilth.training.model.lower import frozen_depth
from tilth.training.plan.alive import Alive
from tilth.training.recipe import TrainingRecipe
from tilth.training.rows.text import Example

ATTENTION = "planned"
# Of a step's bytes, what glibc's heap keeps freed between live pieces; measured by benchmarks/suite/plan.py.
HEAP_LOSS, HEAP_LOSS_RECOMPUTED = 0.35, 2.0
HEAP_LOSS_16, HEAP_LOSS_16_LANES = 0.45, 0.2
KERNEL_BYTES_16 = 110 << 20  # products in 16 bits are compiled for each shape, and kept
MERGE_HEADROOM = 1.25  # of the base's bytes: one layer at a time is held in 32 bits
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)  # 4 bits, an 8-bit scale per 64 weights, a float per 256 scales


def memory(
    recipe: TrainingRecipe,
    base: Path,
    device: Device,
    examples: list[Example],
    *,
    recompute: bool = False,
    lanes: int = 1,
) -> tuple[int, int, dict[str, int]]:
    """Return (parameters, trained parameters, bytes by purpose at the peak of a step).

    activations: what the layers keep for the way back. logits: what comes on top at the peak, the loss and the
    gradients under way. recompute: layers keep their inputs alone. lanes: packs side by side, each of its share of
    the recipe's tokens. Where 32-bit weights compute in 16, activations are counted in 32: they are at most that.
    """
    dtype = weights_dtype(device, frozen_base=method_of(recipe).frozen_base)
    model = _skeleton(recipe, base, dtype, recompute=recompute)
    own = list(model.parameters())
    trainable = sum(p.numel() for p in own if p.requires_grad)
    lengths = [len(example.input_ids) for example in examples]
    tokens = max(min(recipe.pack_tokens // lanes, sum(lengths)), max(lengths, default=1))
    labels = round(tokens * sum(int(e.is_label.sum()) for e in examples) / max(1, sum(lengths)))
    kept, peak = _step_bytes(model, tokens, max(1, labels))
    short = 0 if dtype == device.dtype else device.dtype.itemsize  # the copies that autocast holds
    return (
        sum(p.numel() for p in own),
        trainable,
        {
            "weights": _weight_bytes(model, recipe) + short * sum(p.numel() for p in own),
            "gradients": 4 * trainable * (1 if lanes == 1 else 1 + lanes),
            "optimizer": 8 * trainable,
            "best weights": 4 * trainable,
            "base to hold to": _anchors(recipe, own, trainable),
            "activations": lanes * kept,
            "logits": lanes * (peak - kept),
            "kept states": _kept_states(model, recipe, sum(lengths)),
        },
    )


def on_cpu(
    sizes: dict[str, int], device: Device, *, recompute: bool = False, lanes: int = 1
) -> dict[str, int]:
    """Return the bytes of a run in main memory: with what the heap loses and compiled kernels take.

    The share of recomputed layers was measured at one size only. Allocations that bypass the heap take no more than
    `sizes`, but up to 40 % more processor time.
    """
    short = device.dtype.itemsize == 2
    loss = HEAP_LOSS if not short else HEAP_LOSS_16 if lanes == 1 else HEAP_LOSS_16_LANES
    if recompute:
        loss = HEAP_LOSS_RECOMPUTED
    step = sizes["activations"] + sizes["logits"]
    found = sizes | {"allocator": round(loss * step)}
    return found | {"kernels": KERNEL_BYTES_16} if short else found


def merge_bytes(base: Path) -> int:
    """Return the main memory that merging an adapter takes, from the size of the base's files."""
    return int(MERGE_HEADROOM * sum(file.stat().st_size for file in base.glob("*.safetensors")))


def _kept_states(model: Any, recipe: TrainingRecipe, tokens: int) -> int:
    """Return the bytes of what the frozen lowest layers made of the rows."""
    depth, _ = frozen_depth(causal_model(model))
    width = causal_model(model).config.get_text_config().hidden_size
    return (
        min(recipe.keep_states_mib << 20, tokens * width * causal_model(model).dtype.itemsize) if depth else 0
    )


def _anchors(recipe: TrainingRecipe, own: list[torch.nn.Parameter], trainable: int) -> int:
    """Return the bytes of what a model is held to: a frozen base (kl), where its weights started (l2_sp)."""
    copied = recipe.retention.kl > 0 and not method_of(recipe).frozen_base
    base = sum(p.numel() * p.element_size() for p in own) if copied else 0
    return base + (4 * trainable if recipe.retention.l2_sp else 0)


def _weight_bytes(model: Any, recipe: TrainingRecipe) -> int:
    """Return the bytes of all weights; in NF4 those of the frozen linear layers but the output's."""
    short: set[int] = set()
    if method_of(recipe).bits == 4:
        head = causal_model(model).get_output_embeddings()
        linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not head]
        short = {id(m.weight) for m in linear if not m.weight.requires_grad}
    sizes = (p.numel() * (NF4_BYTES if id(p) in short else p.element_size()) for p in model.parameters())
    return round(sum(sizes))


def _skeleton(recipe: TrainingRecipe, base: Path, dtype: torch.dtype, *, recompute: bool) -> Any:
    """Return the model to be trained, as shapes only."""
    from transformers import AttentionInterface, AutoModelForCausalLM

    AttentionInterface.register(ATTENTION, _planned_attention)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(load_config(base), dtype=dtype)
    with suppress(ValueError, NotImplementedError):  # else counted with the attention it has
        model.set_attn_implementation(ATTENTION)
    return attach(model, recipe, 0, recompute=recompute)


def _step_bytes(model: Any, tokens: int, labels: int) -> tuple[int, int]:
    """Return the bytes that one batch holds after its way through the layers, and the most it ever holds."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.empty_like(parameter)  # as after the first batch of a step
    held = [p for own in model.parameters() for p in (own, own.grad) if p is not None]
    causal = causal_model(model)
    with torch.device("meta"), Alive([*held, *model.buffers()]) as alive:
        ids = torch.zeros(1, tokens, dtype=torch.int64)
        hidden = causal.base_model(input_ids=ids, use_cache=False).last_hidden_state[0]
        kept = alive.bytes
        place = torch.zeros(labels, dtype=torch.int64)
        nll, _ = label_losses(causal, hidden[place], place, statistics=True)
        nll.sum().backward()
    return kept, alive.peak


class _KeepOnly(torch.autograd.Function):
    """What a fused attention keeps: its inputs, its output and one number per row and head."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        out = query.new_empty((*query.shape[:-1], value.shape[-1]))
        ctx.save_for_backward(query, key, value, out, query.new_empty(query.shape[:-1], dtype=torch.float32))
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        return tuple(torch.empty_like(saved) for saved in ctx.saved_tensors[:3])


def _planned_attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any
) -> tuple[Tensor, None]:
    return _KeepOnly.apply(query, key, value).transpose(1, 2), None
